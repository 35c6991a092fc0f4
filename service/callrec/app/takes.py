"""The open takes of all calls, and what the spool says of their files.

A take is *seen* when both its files exist and Asterisk has told its MixMonitorID; it *grew* when they got longer; it
*quiet* when they did not for longer than Asterisk's buffer explains; it is *closed* when both were closed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from callrec.app.ports import Capture, Spool
from callrec.app.spool_health import NOT_WRITTEN, UNREADABLE
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.model import Take, TakeId
from callrec.domain.naming import LegFile, Side

GROWTH_CHECK_S = 0.5
SLICES = 10
"""The takes are not all looked at in one turn of the loop: a tenth of them each 50 ms, so that many calls make no burst."""
GROWING_CHECK_S = 2.0
"""Of a take that is known to grow: Asterisk writes no more often, and looking at many costs more than all else about them."""
QUIET_S = 5.0
"""Asterisk writes 32 KiB at once: every 2.05 s at 8 kHz. Two missing ones are no jitter any more. Told again and again."""

UNSEEN_S = 2.0
"""Asterisk opens both files within milliseconds; as long as a call waits for them (`policy.Limits.open_s`)."""


@dataclass(slots=True)
class _Watched:
    post: Callable[[m.Event], None]
    mixmonitor: str = ""
    seen: bool = False
    closed: set[Side] = field(default_factory=set)
    bytes: int = 0
    is_growing: bool = False
    until_look_s: float = 0.0
    quiet_s: float = 0.0
    tell_s: float = QUIET_S
    is_told: bool = False


class OpenTakes:
    """Tells each call the news of its takes."""

    def __init__(self, spool: Spool, on_fault: Callable[[str, str], None] = lambda _code, _says: None) -> None:
        """`on_fault` gets a code and a sentence, once for a take whose files are not there in time, or not ours to read."""
        self._spool = spool
        self._on_fault = on_fault
        self._watched: dict[TakeId, _Watched] = {}

    def watch(self, take: TakeId, post: Callable[[m.Event], None]) -> None:
        """From now on the news of this take go there."""
        self._watched[take] = _Watched(post)

    def requested(self, take: TakeId, mixmonitor: str) -> None:
        """Asterisk has accepted the take."""
        if watched := self._watched.get(take):
            watched.mixmonitor = mixmonitor
            self._look(take, watched)

    def adopt(self, take: Take, post: Callable[[m.Event], None]) -> None:
        """A take of a former daemon, still being written. What it holds already proves nothing: it has to grow."""
        self._watched[take.id] = watched = _Watched(post, take.mixmonitor, seen=bool(take.mixmonitor))
        watched.bytes = _bytes(self._capture(take.id))
        self._look(take.id, watched)

    def forget(self, take: TakeId) -> None:
        """The take is handed over: no news of it concern anybody."""
        self._watched.pop(take, None)

    def file_created(self, file: LegFile) -> None:
        """The spool has a new file."""
        if watched := self._watched.get(file.take):
            self._look(file.take, watched)

    def file_closed(self, file: LegFile) -> bool:
        """Asterisk has closed a file. False when no call waits for this."""
        watched = self._watched.get(file.take)
        if watched is None:
            return False
        watched.closed.add(file.side)
        if watched.closed == {Side.READ, Side.WRITE}:
            del self._watched[file.take]
            watched.post(m.TakeClosed(file.take, self._spool.written_ago_s(file.take)))
        return True

    def rescanned(self) -> None:
        """The kernel dropped news: look at everything again. A closing that was missed shows as a stall, or with the hangup."""
        for take, watched in list(self._watched.items()):
            self._look(take, watched)

    def open_takes(self) -> frozenset[TakeId]:
        """The takes that may still be written."""
        return frozenset(self._watched)

    async def watch_growth(self) -> None:
        """Look at the sizes for ever."""
        while True:
            takes = list(self._watched.items())
            for nth in range(SLICES):
                await asyncio.sleep(GROWTH_CHECK_S / SLICES)
                for take, watched in takes[nth::SLICES]:
                    if self._watched.get(take) is watched:
                        self._measure(take, watched)

    def _look(self, take: TakeId, watched: _Watched) -> None:
        if watched.seen or not watched.mixmonitor:
            return
        capture = self._capture(take)
        if capture is None or capture.read_bytes is None or capture.write_bytes is None:
            if watched.quiet_s >= UNSEEN_S:
                says = f"Asterisk has accepted take {take}, and not both of its files are in the spool"
                self._fault(watched, NOT_WRITTEN, says)
        elif self._is_readable(take, watched):
            watched.seen = True
            watched.post(m.TakeSeen(take, watched.mixmonitor))

    def _measure(self, take: TakeId, watched: _Watched) -> None:
        """Once in each GROWTH_CHECK_S. Told are the first growth, its absence again and again, and growth after that."""
        watched.quiet_s += GROWTH_CHECK_S
        watched.until_look_s -= GROWTH_CHECK_S
        if watched.until_look_s > 0:
            return
        self._look(take, watched)  # should the news of its creation have been lost
        size = _bytes(self._capture(take))
        if size > watched.bytes:
            watched.bytes, watched.quiet_s, watched.tell_s = size, 0.0, QUIET_S
            if not watched.is_growing and self._is_readable(take, watched):
                watched.is_growing = True
                watched.post(m.TakeGrew(take))
        elif watched.quiet_s >= watched.tell_s:
            watched.tell_s = watched.quiet_s + QUIET_S
            watched.is_growing = False
            watched.post(m.TakeQuiet(take))
        watched.until_look_s = GROWING_CHECK_S if watched.is_growing else 0.0

    def _is_readable(self, take: TakeId, watched: _Watched) -> bool:
        """Files that only Asterisk may read prove nothing: none of it can be stored."""
        says = self._spool.unreadable(take)
        if says:
            self._fault(watched, UNREADABLE, says)
        return not says

    def _fault(self, watched: _Watched, code: str, says: str) -> None:
        if not watched.is_told:
            watched.is_told = True
            self._on_fault(code, says)

    def _capture(self, take: TakeId) -> Capture | None:
        """What is there. A spool that is gone or cannot be read shows nothing, and nothing does not grow."""
        try:
            return self._spool.capture(take)
        except CallrecError:
            return None


def _bytes(capture: Capture | None) -> int:
    """The length of the shorter side."""
    return min(capture.read_bytes or 0, capture.write_bytes or 0) if capture else 0
