"""How often refusals are logged one by one: somebody with a login or a token could fill the log's disk by asking for what they
may not have.

Of each asker the first FIRST refusals of a window have an entry each. Further ones are counted, and when the window is over one
entry has their number, and what the last one was about. A window begins with its first refusal."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from callrec.domain.access.audit import Actor, AuditEntry

FIRST, WINDOW_S = 20, 600.0
MOST_ASKERS = 10_000
"""Whose refusals are counted at the same time. When there are more, the oldest window ends early."""


@dataclass(slots=True)
class _Window:
    """The refusals of one asker: since when, how many have an entry, and those that were only counted."""

    began_s: float
    logged: int = 0
    counted: int = 0
    last: AuditEntry | None = None


class RefusalPace:
    """What is counted now. Times are of a clock that is never set back, in seconds."""

    def __init__(self) -> None:
        self._windows: OrderedDict[Actor, _Window] = OrderedDict()

    def entries_for(self, refusal: AuditEntry, now_s: float) -> Sequence[AuditEntry]:
        """What is to be logged now for this refusal: itself, or nothing when it is only counted; before it the number of the
        asker's former window."""
        due: list[AuditEntry] = []
        window = self._windows.get(refusal.actor)
        if window is not None and now_s - window.began_s >= WINDOW_S:
            due += _summary(self._windows.pop(refusal.actor))
            window = None
        if window is None:
            window = self._windows[refusal.actor] = _Window(now_s)
            if len(self._windows) > MOST_ASKERS:
                due += _summary(self._windows.popitem(last=False)[1])
        if window.logged < FIRST:
            window.logged += 1
            return [*due, refusal]
        window.counted, window.last = window.counted + 1, refusal
        return due

    def over(self, now_s: float) -> Sequence[AuditEntry]:
        """The numbers of the windows that are over; these are forgotten."""
        due: list[AuditEntry] = []
        while self._windows and now_s - next(iter(self._windows.values())).began_s >= WINDOW_S:
            due += _summary(self._windows.popitem(last=False)[1])
        return due

    def rest(self) -> Sequence[AuditEntry]:
        """The numbers of all windows, which are forgotten: nothing is counted any more."""
        due = [one for window in self._windows.values() for one in _summary(window)]
        self._windows.clear()
        return due

    def next_s(self) -> float | None:
        """When the oldest window is over; None when there is none."""
        return next(iter(self._windows.values())).began_s + WINDOW_S if self._windows else None


def _summary(window: _Window) -> Sequence[AuditEntry]:
    if window.last is None:
        return ()
    says = f"{window.counted} more requests were refused within {WINDOW_S:g} s; the last: {window.last.details}"
    return (replace(window.last, recording="", subject=f"more:{window.counted}", details=says),)
