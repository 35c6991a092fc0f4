"""Ports with a stopwatch: the same promises, counted."""

import time

from callrec.app.ports import Journal, Recorder
from callrec.domain.errors import CallrecError
from callrec.domain.lifecycle import Entry
from callrec.domain.model import LegId, Take, TakeId
from callrec.domain.provisioning.model import Rule
from callrec.observe.metrics import Metrics


class MeasuredJournal:
    """Keeps the promises of `app.ports.Journal`."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self.live = journal.live
        self._journal = journal
        self._metrics = metrics

    async def append(self, entry: Entry) -> None:
        """See ports.Journal."""
        since_s = time.perf_counter()
        await self._journal.append(entry)
        self._metrics.journal(time.perf_counter() - since_s)


class MeasuredRecorder:
    """Keeps the promises of `app.ports.Recorder`."""

    def __init__(self, recorder: Recorder, metrics: Metrics) -> None:
        self._recorder = recorder
        self._metrics = metrics

    async def start(self, take: Take, rule: Rule) -> str:
        """See ports.Recorder."""
        try:
            mixmonitor = await self._recorder.start(take, rule)
        except CallrecError:
            self._metrics.take(started=False)
            raise
        self._metrics.take(started=True)
        return mixmonitor

    async def stop(self, take: Take) -> None:
        """See ports.Recorder."""
        await self._recorder.stop(take)

    async def mute(self, take: Take, *, muted: bool) -> None:
        """See ports.Recorder."""
        await self._recorder.mute(take, muted=muted)

    async def listen(self, leg: LegId, *, on: bool) -> None:
        """See ports.Recorder."""
        await self._recorder.listen(leg, on=on)

    async def recorder_on(self, leg: LegId) -> str:
        """See ports.Recorder."""
        return await self._recorder.recorder_on(leg)

    async def take_on(self, leg: LegId) -> tuple[TakeId, Rule] | None:
        """See ports.Recorder."""
        return await self._recorder.take_on(leg)

    async def note_made(self, leg: LegId) -> None:
        """See ports.Recorder."""
        await self._recorder.note_made(leg)

    async def has_made(self, leg: LegId) -> bool:
        """See ports.Recorder."""
        return await self._recorder.has_made(leg)

    async def is_holding(self, leg: LegId) -> bool:
        """See ports.Recorder."""
        return await self._recorder.is_holding(leg)

    async def packets(self, leg: LegId) -> int | None:
        """See ports.Recorder."""
        return await self._recorder.packets(leg)

    async def rate_hz(self, leg: LegId) -> int:
        """See ports.Recorder."""
        return await self._recorder.rate_hz(leg)
