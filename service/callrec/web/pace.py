"""How often tokenless requests are answered: evenly, so that many askers together never take the loop from the calls."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """`per_s` turns in a second, after a pause `burst` of them at once."""

    per_s: float
    burst: int
    _next_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """Take the next turn; how long it is until then."""
        self._next_s = max(self._next_s, now_s - self.burst / self.per_s) + 1 / self.per_s
        return max(0.0, self._next_s - now_s)
