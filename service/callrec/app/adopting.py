"""Of the recorders that are at work in Asterisk and belong to no call of ours, one goes on for each call; the others are stopped.

One call, one recording under way: `*3` stops it, and what the parties hear of it is true. So of several (both parties pressed
while we were away, or one pressed beside our own take) the best goes on. What the others captured is stored, too: as recordings
of their own, when Asterisk has had the time to close their files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from callrec.app import reconcile
from callrec.app.call_actor import Observer
from callrec.app.engine import Engine
from callrec.app.ports import Capture, Clock, Journal, Spool
from callrec.app.reconcile import Running
from callrec.app.taking_in import TakingIn
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import LegId, NodeId, Recording, TakeId
from callrec.domain.provisioning.model import Rule
from callrec.domain.vocabulary import AlarmCause
from callrec.protocols.ami import Message

Channels = Mapping[LegId, Message]
"""All of Asterisk's channels: their CoreShowChannel events."""


class Adopting:
    """`adopt` is asked after each reconnect; `closed` a little later."""

    def __init__(
        self,
        *,
        engine: Engine,
        spool: Spool,
        journal: Journal,
        clock: Clock,
        observer: Observer,
        taking_in: TakingIn,
    ) -> None:
        self._engine, self._spool, self._journal = engine, spool, journal
        self._clock, self._observer, self._taking_in = clock, observer, taking_in
        self._stopped: list[Running] = []
        self.left: list[Recording] = []
        """Ours that could not be stopped: they go on, and the next homecoming tries again."""

    @property
    def is_closing(self) -> bool:
        """Whether files of stopped recorders are still to be closed."""
        return bool(self._stopped)

    async def unjournaled(
        self, captures: Sequence[Capture], recorders: reconcile.Recorders, channels: Channels, node: NodeId
    ) -> list[Running]:
        """Which of these captures, of which nothing is known, are takes of ours at work: the living legs say so.

        `recorders` are those that belong to nobody yet. Their intent is made good; a journal that still refuses costs nothing.
        """
        found = []
        by_take = {capture.take: capture for capture in captures}
        for leg, mixmonitor in recorders.items() if by_take else ():
            take, rule = (await self._noted(leg) if mixmonitor else None) or (None, Rule.ON_DEMAND)
            if take in by_take:
                now_s = self._clock.now().utc_s
                one = reconcile.unjournaled(
                    by_take[take], rule, mixmonitor or "", channels[leg], node=node, now_s=now_s
                )
                await self._journaled(one.recording)
                found.append(one)
        return found

    async def _noted(self, leg: LegId) -> tuple[TakeId, Rule] | None:
        try:
            return await self._engine.recorder.take_on(leg)
        except CallrecError as error:
            self._alarm(error)
            return None

    async def _journaled(self, recording: Recording) -> None:
        try:
            await self._journal.append(Entry(Step.INTENT, recording))
        except CallrecError as error:
            self._alarm(error)

    async def adopt(self, running: Sequence[Running], channels: Channels) -> list[Recording]:
        """The recordings that go on, with what Asterisk says of their calls. The others are stopped."""
        linkedids = {leg: channel.get("Linkedid") for leg, channel in channels.items()}
        recorded = {one for one in linkedids.items() if self._engine.is_recorded(*one)}
        first, surplus = reconcile.one_for_each_call(running, linkedids, {linkedid for _, linkedid in recorded})
        self.left = []
        for one in surplus:
            await self._stop(one)
        adopted = [await self._begin(one, channels[one.take.leg]) for one in first]
        return [recording for recording in adopted if recording]

    def closed(self) -> list[Recording]:
        """What the stopped recorders captured, ended. The dialplan's is taken in instead, in its own way."""
        stopped, self._stopped = self._stopped, []
        self._taking_in.take_in([one.file for one in stopped if one.file])
        return [self._ended(one.recording) for one in stopped if not one.file]

    def _ended(self, recording: Recording) -> Recording:
        try:
            return reconcile.ended(recording, self._spool, "", self._clock.now().mono_s)
        except (
            CallrecError
        ) as error:  # the end of its last take is known: intake finds the rest as soon as the spool is back
            self._alarm(error)
            return recording

    async def _stop(self, one: Running) -> None:
        try:
            await self._engine.recorder.stop(one.take)
        except CallrecError as error:
            self._alarm(error)
            self.left += [] if one.file else [one.recording]
        else:
            self._stopped.append(one.stopped(self._clock.now().utc_s))

    async def _begin(self, one: Running, channel: Message) -> Recording | None:
        """A capture of the dialplan gets its place first; where that fails it goes on without us, until it closes."""
        if one.file is None:
            return one.recording
        try:
            placed = await self._taking_in.place(one.file)
        except CallrecError as error:
            self._alarm(error)
            return None
        if placed is None:
            return None
        placed = replace(placed, linkedid=channel.get("Linkedid"))
        recording = reconcile.going_on(placed, self._spool, one.take.mixmonitor, self._clock.now().utc_s)
        rings_yet = recording.rule is Rule.ALWAYS and not channel.get("BridgeId")
        return None if rings_yet and await self._is_dismissed(recording) else recording

    async def _is_dismissed(self, recording: Recording) -> bool:
        """The dialplan's recorder waits for the answer of a call that is ours to record from here on: end it."""
        take = recording.takes[-1]
        try:
            await self._engine.recorder.stop(take)
            if reconcile.length_s(self._spool.capture(take.id)):
                self._stopped.append(Running(recording).stopped(self._clock.now().utc_s))
            else:
                self._spool.drop(take.id)
                await self._journal.append(Entry(Step.FINISHED, recording))
        except CallrecError as error:
            self._alarm(error)
            return False
        return True

    def _alarm(self, error: CallrecError) -> None:
        self._observer.alarmed(m.Alarm(f"{AlarmCause.DEGRADED}: {error.code}", None), "")
