"""How long to wait before the next attempt: growing and bounded."""

from collections.abc import Callable
from dataclasses import dataclass

_MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that double from `first_s` to `limit_s`.

    `draw` gives a number from 0 to 1 for each delay: at 0 it is half as long, at 1 it is whole. At least half of the delay always
    remains, so that a fast failure can never become a hot loop.
    """

    first_s: float
    limit_s: float
    draw: Callable[[], float] = lambda: 1.0

    def delay_s(self, failures: int) -> float:
        """The delay after this many failures in a row (1 is the first)."""
        doublings = min(failures - 1, _MOST_DOUBLINGS)
        full_s = min(self.limit_s, self.first_s * 2.0**doublings)
        return full_s * (0.5 + 0.5 * self.draw())
