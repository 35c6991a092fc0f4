"""How long to wait before the next attempt: growing, bounded, and never the same for two daemons."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that double from `first_s` to `limit_s`, each shortened by up to half at random.

    The jitter keeps many daemons from knocking at a restarted Asterisk in the same instant; at least half of the delay
    always remains, so that a fast failure can never become a hot loop.
    """

    first_s: float = 0.5
    limit_s: float = 15.0
    draw: Callable[[], float] = random.random  # jitter between daemons needs no cryptography

    def delay_s(self, failures: int) -> float:
        """Return the delay after this many failures in a row (1 is the first)."""
        doublings = min(failures - 1, 30)
        full_s = min(self.limit_s, self.first_s * 2.0**doublings)
        return full_s * (0.5 + 0.5 * self.draw())
