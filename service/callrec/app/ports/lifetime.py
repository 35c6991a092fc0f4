"""How long recordings stay: retention (the table of classes, what is known of the time, who is told), and erasing (what is under
way and what stays, and the places that still know something of a recording).

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError
from callrec.domain.library.erasure import Erasing, Tombstone
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


class Erasures(Protocol):
    """The tombstones, and the erasures under way. Blocking; what is written is on disk on return. Raises Unavailable, Corrupt
    (`tombstones-damaged`)."""

    def begin(self, erasings: Sequence[Erasing]) -> None:
        """Keep that these are to be erased. One that is there already stays as it is."""
        ...

    def drop(self, recordings: Collection[RecordingId]) -> None:
        """These are not erased after all: nothing was logged of them."""
        ...

    def bury(self, tombstones: Sequence[Tombstone]) -> None:
        """The audit log has these: from here on each has a tombstone, and its erasure is carried out."""
        ...

    def end(self, recordings: Collection[RecordingId]) -> None:
        """All is done: destroy what is kept of these beside the tombstones."""
        ...

    def under_way(self) -> Sequence[Erasing]:
        """All erasures that have not ended."""
        ...

    def owe_words(self, words: Collection[str]) -> None:
        """Keep that these numbers and names are to be erased wherever they stand, though no recording has them."""
        ...

    def owed_words(self) -> frozenset[str]:
        """Those that are kept so."""
        ...

    def pay_words(self, words: Collection[str]) -> None:
        """These are erased: destroy what is kept of them."""
        ...

    def erased(self, recordings: Collection[RecordingId]) -> frozenset[RecordingId]:
        """Those of these that have a tombstone."""
        ...

    def tombstones(self) -> int:
        """How many there are."""
        ...


class Trace(Protocol):
    """A place beside library and catalogue in which something of recordings is left."""

    @property
    def name(self) -> str:
        """For operators: `audit`, `events`, `webhooks`."""
        ...

    async def forget(self, erasings: Sequence[Erasing], words: Collection[str]) -> None:
        """Destroy what is there of these recordings, and all that has one of these words (numbers, names). May be repeated.
        Raises CallrecError: then it is tried again later."""
        ...


TextsAbout = Callable[[Collection[str], Collection[str]], Awaitable[object]]
"""Destroys the texts about these recordings, and each with one of these words. Raises CallrecError."""


class ErasureNotices(Protocol):
    """The observer of erasures: metrics, alarms, logs. Must not raise."""

    def erased(self, recordings: int, bytes_: int, cause: str) -> None:
        """So many are gone from library and catalogue."""
        ...

    def erasure_unfinished(self, place: str, error: CallrecError) -> None:
        """What is left in this place is destroyed later."""
        ...

    def erased_again(self, recording: RecordingId) -> None:
        """An erased recording was in the library again, from a backup perhaps, and is erased again."""
        ...
