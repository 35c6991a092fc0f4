"""Ports whose calls are counted and timed."""

import time
from collections.abc import Sequence

from callrec.app.ports.calls import Journal, Recorder
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import Capture, LegAudio
from callrec.domain.calls.rtp_counts import RtpCount
from callrec.domain.errors import CallrecError
from callrec.domain.rules import Rule
from callrec.observe.metrics import Metrics


class MeasuredJournal:
    """Implements `app.ports.calls.Journal` and times each entry."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self.live = journal.live
        self._journal = journal
        self._metrics = metrics

    async def append(self, entry: Entry) -> None:
        """Append the entry, and observe how long it took until it was on disk."""
        since_s = time.perf_counter()
        await self._journal.append(entry)
        self._metrics.journal(time.perf_counter() - since_s)


class MeasuredRecorder:
    """Implements `app.ports.calls.Recorder`: counts starts, and passes all other calls on."""

    def __init__(self, recorder: Recorder, metrics: Metrics) -> None:
        self._recorder = recorder
        self._metrics = metrics

    async def start(self, capture: Capture, rule: Rule) -> str:
        """Start the capture, and count the success or failure."""
        try:
            mixmonitor = await self._recorder.start(capture, rule)
        except CallrecError:
            self._metrics.capture(started=False)
            raise
        self._metrics.capture(started=True)
        return mixmonitor

    async def stop(self, capture: Capture) -> None:
        """Passed on."""
        await self._recorder.stop(capture)

    async def mute(self, capture: Capture, *, muted: bool, since_s: float | None = None) -> None:
        """Passed on."""
        await self._recorder.mute(capture, muted=muted, since_s=since_s)

    async def note_pause(self, legs: Sequence[LegId], since_s: float | None) -> None:
        """Passed on."""
        await self._recorder.note_pause(legs, since_s)

    async def paused_since_s(self, leg: LegId) -> float | None:
        """Passed on."""
        return await self._recorder.paused_since_s(leg)

    async def note_opt_out(self, leg: LegId) -> None:
        """Passed on."""
        await self._recorder.note_opt_out(leg)

    async def has_opted_out(self, leg: LegId) -> bool:
        """Passed on."""
        return await self._recorder.has_opted_out(leg)

    async def recorder_on(self, leg: LegId) -> str:
        """Passed on."""
        return await self._recorder.recorder_on(leg)

    async def mixmonitor_of(self, capture: Capture) -> str:
        """Passed on."""
        return await self._recorder.mixmonitor_of(capture)

    async def capture_on(self, leg: LegId) -> tuple[CaptureId, Rule] | None:
        """Passed on."""
        return await self._recorder.capture_on(leg)

    async def note_made(self, leg: LegId) -> None:
        """Passed on."""
        await self._recorder.note_made(leg)

    async def has_made(self, leg: LegId) -> bool:
        """Passed on."""
        return await self._recorder.has_made(leg)

    async def note_place(self, leg: LegId, place: str) -> None:
        """Passed on."""
        await self._recorder.note_place(leg, place)

    async def place_on(self, leg: LegId) -> str:
        """Passed on."""
        return await self._recorder.place_on(leg)

    async def note_queue(self, leg: LegId, queue: str) -> None:
        """Passed on."""
        await self._recorder.note_queue(leg, queue)

    async def queue_on(self, leg: LegId) -> str:
        """Passed on."""
        return await self._recorder.queue_on(leg)

    async def came_in_at(self, leg: LegId, channel: str) -> str | None:
        """See `ports.Recorder`."""
        return await self._recorder.came_in_at(leg, channel)

    async def is_holding(self, leg: LegId) -> bool:
        """Passed on."""
        return await self._recorder.is_holding(leg)

    async def application_on(self, leg: LegId) -> tuple[str, str]:
        """See ports.Recorder."""
        return await self._recorder.application_on(leg)

    async def rtp_count(self, leg: LegId) -> RtpCount | None:
        """Passed on."""
        return await self._recorder.rtp_count(leg)

    async def tell_last_counts(self, leg: LegId) -> None:
        """Passed on."""
        await self._recorder.tell_last_counts(leg)

    async def largest_delay_s(self, leg: LegId) -> float | None:
        """Passed on."""
        return await self._recorder.largest_delay_s(leg)

    async def packets(self, leg: LegId) -> int | None:
        """Passed on."""
        return await self._recorder.packets(leg)

    async def sends_fax(self, leg: LegId) -> bool:
        """See app.ports."""
        return await self._recorder.sends_fax(leg)

    async def audio(self, leg: LegId) -> LegAudio:
        """Passed on."""
        return await self._recorder.audio(leg)
