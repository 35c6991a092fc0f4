"""Retention: the table of classes, what is known of the time, and who is told.

Every method that can fail raises one of the four kinds of `domain.errors`.
"""

from typing import Protocol

from callrec.domain.library.known_time import Clocks, KnownTime
from callrec.domain.library.retention import Retention


class RetentionStore(Protocol):
    """On disk. Blocking; what is written is on disk on return. Raises Unavailable, Corrupt (`retention-unreadable`)."""

    def read(self) -> Retention:
        """The table; an empty one at first."""
        ...

    def write(self, table: Retention) -> None:
        """Replace it."""
        ...

    def known_time(self) -> KnownTime | None:
        """What was known of the time when it was written last; None: never."""
        ...

    def know(self, known: KnownTime) -> None:
        """Keep it."""
        ...


class RetentionClock(Protocol):
    """The clocks of this machine."""

    def clocks(self) -> Clocks:
        """What they show now."""
        ...


class RetentionNotices(Protocol):
    """The observer of retention: alarms, logs. Must not raise."""

    def retained(self, erased: int, bytes_: int, why: str) -> None:
        """A run has erased so many, for this reason: `age`, `space`."""
        ...

    def retention_stopped(self, cause: str, reason: str) -> None:
        """A run could not do what is due: `space` (nothing may go), `clock`, or the code of an error."""
        ...
