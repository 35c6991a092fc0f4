"""Which of many similar events are logged, so that a storm of events does not flood the log."""

MOST_KINDS = 1000


class Throttle:
    """Counts the events of each kind; with more than `MOST_KINDS` kinds all counts begin again."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def count(self, kind: str) -> int:
        """Count one event. Returns its number when it is to be logged (the 1st, 2nd, 4th, 8th ...), otherwise 0."""
        if kind not in self._times and len(self._times) >= MOST_KINDS:
            self._times.clear()
        self._times[kind] = times = self._times.get(kind, 0) + 1
        return times if times & (times - 1) == 0 else 0


class LastTold:
    """Remembers which trouble was reported last: one that persists is reported when it begins, and when its code changes."""

    def __init__(self) -> None:
        self._code = ""

    def is_news(self, code: str) -> bool:
        """Whether a trouble with this code, met now, is to be reported."""
        former, self._code = self._code, code
        return code != former

    def over(self) -> None:
        """The trouble is over: the next one is reported, whatever its code."""
        self._code = ""
