"""Ports whose calls are counted and timed."""

import time

from callrec.app.ports.calls import Journal, Recorder
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import Capture
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

    async def mixmonitor_of(self, capture: Capture) -> str:
        """Passed on."""
        return await self._recorder.mixmonitor_of(capture)
