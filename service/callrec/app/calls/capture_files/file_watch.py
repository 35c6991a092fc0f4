"""The files of all open captures, and what they tell of their captures.

A capture is *opened* when both files exist and Asterisk has told its MixMonitorID; it *grew* when they got longer; it is *quiet*
when they did not for longer than Asterisk's buffer explains; it is *closed* when both were closed. When it grows in another time
than steady writing takes, that is told as *growth marks*, from which its time line is made (`domain.library.timeline`).
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from callrec.app.asterisk.spool_health import NOT_WRITTEN, UNREADABLE
from callrec.app.calls.capture_files.silence_watch import SilenceWatch
from callrec.app.calls.capture_files.voice_watch import BUFFER_BYTES, VoiceWatch
from callrec.app.ports.calls import Clock, Spool
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureGrew,
    CaptureMarked,
    CaptureOpened,
    CaptureQuiet,
    Event,
)
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture, GrowthMark
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import SAMPLE_BYTES, CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.shortfalls import is_news

GROWTH_CHECK_S = 0.5
SLICES = 10
"""The captures are not all looked at in one turn of the loop: a tenth of them each 50 ms, so that many calls make no burst."""
GROWING_CHECK_S = 1.5
"""A capture that is known to grow is looked at so late at the earliest, when its next step is due: Asterisk writes no more often,
and looking at many costs more than all else about them."""
OVERDUE_S = 0.1
"""So late a step may be without a doubt: a packet of 60 ms, and a busy machine."""
QUIET_S = 5.0
"""Asterisk writes 32 KiB at once: every 2.05 s at 8 kHz. Two missing ones are no jitter any more. Told again and again."""

SLACK_S = 0.1
"""So much a file's time may lie before a look at which it was shorter: the kernel's clock for files ticks in steps."""
UNSEEN_S = 2.0
"""Asterisk opens both files within milliseconds; as long as a call waits for them (`policy.Limits.open_s`)."""


@dataclass(slots=True)
class _Watched:
    post: Callable[[Event], None]
    mixmonitor: str = ""
    seen: bool = False
    closed: set[Side] = field(default_factory=set)
    bytes: int = 0
    is_growing: bool = False
    until_look_s: float = 0.0
    quiet_s: float = 0.0
    tell_s: float = QUIET_S
    is_told: bool = False
    due_mono_s: float = float("inf")
    """When a step of its files is overdue, should frames flow."""
    looked_mono_s: float = float("-inf")
    """When its size was looked at last."""
    kept: GrowthMark | None = None
    """The growth mark that was told last, by the monotonic clock."""
    last: GrowthMark | None = None
    """The one that was seen last."""

    def is_due(self, now_s: float) -> bool:
        """Whether a step should have come, and was not looked for yet."""
        return self.is_growing and self.looked_mono_s < self.due_mono_s <= now_s


class FileWatch:
    """Posts to each call the events of its captures."""

    def __init__(
        self, spool: Spool, clock: Clock, on_fault: Callable[[ErrorCode, str], None] = lambda _code, _says: None
    ) -> None:
        """`on_fault` gets a code and a sentence, once for a capture whose files are not there in time, or not ours to read."""
        self._spool, self._clock = spool, clock
        self._on_fault = on_fault
        self._watched: dict[CaptureId, _Watched] = {}
        self.voices = VoiceWatch(spool)
        self.silences = SilenceWatch(spool)

    def watch(self, capture: CaptureId, post: Callable[[Event], None]) -> None:
        """From now on the news of this capture go there."""
        self._watched[capture] = _Watched(post)

    def requested(self, capture: CaptureId, mixmonitor: str) -> None:
        """Asterisk has accepted the capture."""
        if watched := self._watched.get(capture):
            watched.mixmonitor = mixmonitor
            self._look(capture, watched)

    def adopt(self, capture: Capture, post: Callable[[Event], None]) -> None:
        """A capture of a former daemon, still being written. What it holds already proves nothing: it has to grow."""
        self._watched[capture.id] = watched = _Watched(post, capture.mixmonitor, seen=bool(capture.mixmonitor))
        watched.bytes = _bytes(self._capture_files(capture.id))
        self._look(capture.id, watched)

    def forget(self, capture: CaptureId) -> None:
        """The capture is handed over: nothing more is told of it."""
        self._watched.pop(capture, None)
        self.voices.forget(capture)
        self.silences.forget(capture)

    def created(self, file: CaptureFile) -> None:
        """The spool has a new file."""
        if watched := self._watched.get(file.capture):
            self._look(file.capture, watched)

    def closed(self, file: CaptureFile) -> bool:
        """Asterisk has closed a file. False when no call waits for this."""
        watched = self._watched.get(file.capture)
        if watched is None:
            return False
        watched.closed.add(file.side)
        if watched.closed == {Side.READ, Side.WRITE}:
            del self._watched[file.capture]
            self.voices.forget(file.capture)
            self.silences.forget(file.capture)
            self._tell_mark(file.capture, watched, watched.last)
            watched.post(CaptureClosed(file.capture, self._closed_ago_s(file.capture, watched)))
        return True

    def _closed_ago_s(self, capture: CaptureId, watched: _Watched) -> float:
        """A time from before the last growth that was seen is told by a clock that was set since."""
        ago_s = self._spool.written_ago_s(capture)
        return ago_s if watched.last is None else min(ago_s, self._clock.now().mono_s - watched.last.at_s)

    def rescanned(self) -> None:
        """The kernel dropped news: look at everything again. A closing that was missed shows as a stall, or with the hangup."""
        for capture, watched in list(self._watched.items()):
            self._look(capture, watched)

    def overdue(self) -> Mapping[CaptureId, float]:
        """The captures whose files should have grown by now, and since when, by the monotonic clock: perhaps no frames flow."""
        now_s = self._clock.now().mono_s
        watched = self._watched.items()
        return {capture: one.due_mono_s for capture, one in watched if one.is_growing and one.due_mono_s < now_s}

    def open_captures(self) -> frozenset[CaptureId]:
        """The captures that may still be written."""
        return frozenset(self._watched)

    async def watch_growth(self) -> None:
        """Look at the sizes for ever."""
        while True:
            captures = list(self._watched.items())
            for nth in range(SLICES):
                await asyncio.sleep(GROWTH_CHECK_S / SLICES)
                now_s = self._clock.now().mono_s
                due = [one for one in captures if one[1].is_due(now_s)]
                for capture, watched in due:
                    if self._watched.get(capture) is watched:
                        self._examine(capture, watched)
                for capture, watched in captures[nth::SLICES]:
                    if self._watched.get(capture) is watched:
                        self._measure(capture, watched)

    def _look(self, capture: CaptureId, watched: _Watched) -> None:
        if watched.seen or not watched.mixmonitor:
            return
        capture_files = self._capture_files(capture)
        if capture_files is None or capture_files.read_bytes is None or capture_files.write_bytes is None:
            if watched.quiet_s >= UNSEEN_S:
                says = f"Asterisk has accepted capture {capture}, and not both of its files are in the spool"
                self._fault(watched, NOT_WRITTEN, says)
        elif self._is_readable(capture, watched):
            watched.seen = True
            watched.kept = watched.last = GrowthMark(0, self._clock.now().mono_s)
            watched.post(CaptureOpened(capture, watched.mixmonitor))

    def _measure(self, capture: CaptureId, watched: _Watched) -> None:
        """Once in each GROWTH_CHECK_S. Told are the first growth, its absence again and again, and growth after that."""
        watched.quiet_s += GROWTH_CHECK_S
        watched.until_look_s -= GROWTH_CHECK_S
        if watched.until_look_s <= 0:
            self._examine(capture, watched)

    def _examine(self, capture: CaptureId, watched: _Watched) -> None:
        """Look at its files."""
        self._look(capture, watched)  # should the news of its creation have been lost
        capture_files = self._capture_files(capture)
        size = _bytes(capture_files)
        if capture_files is not None and size > watched.bytes:
            self._mark(watched, capture_files)
            self.voices.grew(capture_files)
            written_s = watched.last.at_s if watched.last else self._clock.now().mono_s
            self.silences.grew(capture_files, watched.bytes, written_s)
            watched.bytes, watched.quiet_s, watched.tell_s = size, 0.0, QUIET_S
            if not watched.is_growing and self._is_readable(capture, watched):
                watched.is_growing = True
                watched.post(CaptureGrew(capture))
        elif watched.quiet_s >= watched.tell_s:
            watched.tell_s = watched.quiet_s + QUIET_S
            watched.is_growing = False
            watched.post(CaptureQuiet(capture))
        watched.looked_mono_s = now_s = self._clock.now().mono_s
        is_known = watched.is_growing and not self.voices.awaits(capture)
        watched.until_look_s = min(watched.due_mono_s - now_s, QUIET_S) if is_known else 0.0

    def _mark(self, watched: _Watched, capture_files: CaptureFiles) -> None:
        """Its files have grown: when, and is that news? A time before the last look was told by a clock that was set."""
        if capture_files.read_bytes != capture_files.write_bytes:
            return
        ago_s, now_s = self._spool.written_ago_s(capture_files.capture), self._clock.now().mono_s
        if now_s - ago_s < watched.looked_mono_s - SLACK_S:
            return
        mark = GrowthMark(capture_files.shorter_bytes // SAMPLE_BYTES, now_s - ago_s)
        if watched.kept is None or is_news(watched.kept, mark, capture_files.rate_hz):
            for news in (watched.last, mark):
                self._tell_mark(capture_files.capture, watched, news)
        watched.last = mark
        step_s = BUFFER_BYTES / SAMPLE_BYTES / capture_files.rate_hz
        steps = max(1, math.ceil((now_s + GROWING_CHECK_S - OVERDUE_S - mark.at_s) / step_s))
        watched.due_mono_s = mark.at_s + steps * step_s + OVERDUE_S

    def _tell_mark(self, capture: CaptureId, watched: _Watched, mark: GrowthMark | None) -> None:
        if mark is not None and mark != watched.kept:
            watched.kept = mark
            watched.post(CaptureMarked(capture, mark.samples, self._clock.now().mono_s - mark.at_s))

    def _is_readable(self, capture: CaptureId, watched: _Watched) -> bool:
        """Files that only Asterisk may read prove nothing: none of it can be stored."""
        says = self._spool.unreadable(capture)
        if says:
            self._fault(watched, UNREADABLE, says)
        return not says

    def _fault(self, watched: _Watched, code: ErrorCode, says: str) -> None:
        if not watched.is_told:
            watched.is_told = True
            self._on_fault(code, says)

    def _capture_files(self, capture: CaptureId) -> CaptureFiles | None:
        """What is there. A spool that is gone or cannot be read shows nothing, and nothing does not grow."""
        try:
            return self._spool.capture_files(capture)
        except CallrecError:
            return None


def _bytes(capture_files: CaptureFiles | None) -> int:
    """The length of the shorter side."""
    return capture_files.shorter_bytes if capture_files else 0
