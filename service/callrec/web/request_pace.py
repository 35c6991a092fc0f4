"""The rate at which requests without a token are answered, so that many clients together leave the event loop to the calls."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """A rate limit: `per_s` turns per second, and `burst` of them at once after a pause."""

    per_s: float
    burst: int
    _next_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Reserve the next turn; the time until it, in seconds."""
        self._next_s = max(self._next_s, now_s - self.burst / self.per_s) + 1 / self.per_s
        return max(0.0, self._next_s - now_s)
