"""What is done when Asterisk can be asked again: our calls are compared with its channels, remains are taken care of."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

from callrec.app import reconcile
from callrec.app.adopting import Adopting
from callrec.app.call_actor import Observer
from callrec.app.capture_notes import CaptureNotes
from callrec.app.engine import Engine
from callrec.app.ports import Capture, Clock, FileClosed, FileCreated, Journal, Rescanned, Spool, SpoolEvent
from callrec.app.reconcile import Running
from callrec.app.taking_in import LATER_S, TakingIn
from callrec.app.translation import MADE, Endpoints
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.model import BridgeId, CallId, LegId, NodeId, Recording
from callrec.domain.naming import DegradedFile
from callrec.domain.vocabulary import AlarmCause, DropReason
from callrec.protocols.ami import Message

RETRY_S = 1.0
TABLES_S = 5.0
"""How long a resync waits for the tables: at a start they come at the same time as Asterisk."""
CLOSING_S = 2.0
"""After a recorder was stopped, until its files are surely closed (app_mixmonitor.c: mixmonitor_thread does that by itself)."""
SETTLE_S = 3.0
"""By how much two looks at Asterisk's uptime may differ: it comes in whole seconds."""


class Asking(Protocol):
    """What Asterisk is asked after a reconnect."""

    async def channels(self) -> Sequence[Message]:
        """All its channels, as one listing of CoreShowChannel events."""
        ...

    async def bridges_s(self) -> Mapping[BridgeId, float]:
        """When each bridge was made, in Unix time; nothing when that cannot be asked. A plain call's is made at its answer."""
        ...


class Homecoming:
    """`unfinished` is what the journal held at the start of this daemon."""

    def __init__(
        self,
        *,
        engine: Engine,
        asking: Asking,
        spool: Spool,
        journal: Journal,
        clock: Clock,
        observer: Observer,
        endpoints: Endpoints,
        node: NodeId,
        unfinished: Sequence[Entry],
        hand_over: Callable[[Recording], None],
        always_after: Callable[[], None],
        tables_known: Callable[[float], Awaitable[bool]],
        notes: CaptureNotes,
    ) -> None:
        self._engine, self._asking = engine, asking
        self._spool, self._journal, self._clock, self._observer = spool, journal, clock, observer
        self._node = node
        self._unfinished = list(unfinished)
        self._ending: list[Recording] = []
        self._looked_for_orphans = False
        self._one_look = asyncio.Lock()
        self._hand_over, self._always_after = hand_over, always_after
        self._tables_known = tables_known
        self.is_home = False
        """Whether our calls were compared with Asterisk's channels since the link came up."""
        self._since_s = 0.0
        self._restarted = False
        self._endpoints = endpoints
        self._taking_in = TakingIn(
            spool=spool,
            journal=journal,
            observer=observer,
            endpoints=endpoints,
            node=node,
            end=self._end,
            tables_known=tables_known,
            notes=notes,
        )
        self._adopting = Adopting(
            engine=engine,
            spool=spool,
            journal=journal,
            clock=clock,
            observer=observer,
            taking_in=self._taking_in,
        )

    def begin(self) -> None:
        """What had ended before this daemon began needs no Asterisk: to intake, also when Asterisk never comes back."""
        for entry in [entry for entry in self._unfinished if entry.step is Step.ENDED]:
            self._unfinished.remove(entry)
            self._hand_over(entry.recording)

    async def run(self) -> None:
        """Take in what the dialplan captured, for ever."""
        await self._taking_in.run()

    def booted(self, message: Message) -> None:
        """FullyBooted: since when this Asterisk runs tells whether it is the one that we knew."""
        uptime = message.get("Uptime")
        since_s = self._clock.now().utc_s - (float(uptime) if uptime.isdecimal() else 0.0)
        self._restarted = self._restarted or (self._since_s > 0 and since_s > self._since_s + SETTLE_S)
        self._since_s = since_s

    def down(self) -> None:
        """The link is lost: from here on news are missed."""
        self.is_home = False

    async def on_up(self) -> None:
        """The link is up: hold back the news, look at what is there, make ours the same, let the news in.

        Legs are attributed by the tables. Where those do not come in time, we go on without, and compare again with them.
        """
        while not await self._come_home():
            while not await self._tables_known(TABLES_S):
                pass
            self.is_home = False

    async def _come_home(self) -> bool:
        """Compare until it succeeds, then take care of the remains; whether the tables were known then."""
        has_tables = False
        while not self.is_home:
            self._engine.hold_back()
            try:
                has_tables = await self._tables_known(TABLES_S)
                going_on = await self._compare(has_tables=has_tables)
                self.is_home = True
            except CallrecError as error:
                self._alarm(AlarmCause.RESYNC, error)
            finally:
                self._engine.let_in()
            if not self.is_home:
                await asyncio.sleep(RETRY_S)
        self._always_after()
        if self._adopting.is_closing:
            await asyncio.sleep(CLOSING_S)
            self._ending += self._adopting.closed()
        while self._ending:  # what a lost link interrupts here goes on at the next one
            await self._end(self._ending[0])
            del self._ending[0]
        await self._take_in_orphans()
        if has_tables:  # they say whose phone it was
            self._taking_in.take_in([file for file in await self._degraded() if file.call not in going_on])
        return has_tables

    def spool_event(self, event: SpoolEvent) -> None:
        """The spool's news: of takes to the engine, of files that the dialplan made to us."""
        match event:
            case FileCreated(file) if not isinstance(file, DegradedFile):
                self._engine.takes.file_created(file)
            case FileClosed(file) if not isinstance(file, DegradedFile):
                if not self._engine.takes.file_closed(file):
                    self._stray()
            case FileClosed(DegradedFile() as file):
                self._taking_in.closed(file)
            case Rescanned():
                self._engine.takes.rescanned()
            case _:
                pass

    async def _compare(self, *, has_tables: bool) -> Collection[CallId]:
        """Make our calls what Asterisk says they are; returns the ids of what the dialplan may still be capturing.

        Without the tables, which say whose phone it is, the dialplan's captures are left to the dialplan.
        """
        listed = {LegId(channel.get("Uniqueid")): channel for channel in await self._asking.channels()}
        channels = {leg: await self._with_side(channel, listed) for leg, channel in listed.items()}
        await self._rename_known()
        files = await self._degraded()
        strange = await self._strange()
        asked = set(channels) if strange else {LegId(file.uniqueid) for file in files}
        asked |= {entry.recording.takes[-1].leg for entry in self._unfinished if entry.recording.takes}
        recorders = {leg: await self._recorder_on(leg) if leg in asked else "" for leg in channels}
        running = reconcile.running(files, recorders) if has_tables else ()
        now_mono_s = self._clock.now().mono_s
        plan = await asyncio.to_thread(
            reconcile.plan, self._unfinished, recorders, self._spool, self._since_s, now_mono_s
        )
        going_on = [Running(recording) for recording in plan.adopt]
        going_on += await self._adopting.unjournaled(strange, self._nobodys(recorders, going_on), channels, self._node)
        nobodys = self._nobodys(recorders, going_on)
        going_on += [
            reconcile.began(file, found, self._endpoints, self._node)
            for file in running
            if (found := nobodys.get(LegId(file.uniqueid)))
        ]
        adopted = await self._adopting.adopt(going_on, channels)
        restarted, self._restarted = self._restarted, False
        self._unfinished = [Entry(Step.OPENED, recording) for recording in self._adopting.left]
        self._ending += plan.finish
        self._engine.resync(
            tuple(channels.values()),
            adopted,
            asterisk_restarted=restarted,
            bridges_s=await self._asking.bridges_s() if self._missed_an_answer(channels) else {},
            holding=await self._holding(channels, adopted),
        )
        unknown = {file.call for file in files if recorders.get(LegId(file.uniqueid), "") is None}
        return {file.call for file in running} | unknown

    async def _with_side(self, channel: Message, listed: Mapping[LegId, Message]) -> Message:
        """Of a call that Asterisk began on a Local channel (click-to-call), which may be gone, a leg of it has made the call."""
        origin = listed.get(LegId(channel.get("Linkedid")))
        if origin is None or origin.get("Channel").startswith("Local/"):
            with contextlib.suppress(CallrecError):
                if await self._engine.recorder.has_made(LegId(channel.get("Uniqueid"))):
                    return Message((*channel.headers, (MADE, "1")))
        return channel

    async def _holding(self, channels: Mapping[LegId, Message], adopted: Sequence[Recording]) -> Mapping[LegId, bool]:
        """Of the legs of recorded calls: which hold the others. What was told of it meanwhile is lost."""
        linkedids = {channels[recording.takes[-1].leg].get("Linkedid") for recording in adopted}
        holding = {}
        for leg, channel in channels.items():
            linkedid = channel.get("Linkedid")
            if linkedid in linkedids or self._engine.is_recorded(leg, linkedid):
                with contextlib.suppress(CallrecError):
                    holding[leg] = await self._engine.recorder.is_holding(leg)
        return holding

    def _missed_an_answer(self, channels: Mapping[LegId, Message]) -> bool:
        """Whether a leg is in a bridge of which the daemon got no event."""
        bridges = ((leg, BridgeId(channel.get("BridgeId"))) for leg, channel in channels.items())
        return any(bridge and not self._engine.knows_bridge(leg, bridge) for leg, bridge in bridges)

    async def _strange(self) -> Sequence[Capture]:
        """Captures that no journal and no call knows."""
        try:
            captures = await asyncio.to_thread(self._spool.captures)
        except CallrecError as error:
            self._alarm(AlarmCause.ORPHANS, error)
            return ()
        return reconcile.unknown(captures, self._known())

    def _nobodys(self, recorders: reconcile.Recorders, ours: Sequence[Running] = ()) -> dict[LegId, str]:
        """The recorders that are none of our open takes."""
        recordings = (*self._known(), *(one.recording for one in ours))
        takes = [take for recording in recordings for take in recording.takes if take.to_s is None]
        known = {(take.leg, take.mixmonitor) for take in takes}
        return {leg: found for leg, found in recorders.items() if found and (leg, found) not in known}

    async def _recorder_on(self, leg: LegId) -> str | None:
        try:
            return await self._engine.recorder.recorder_on(leg)
        except CallrecError as error:
            self._alarm(AlarmCause.RECORDER, error)
            return None

    async def _end(self, recording: Recording) -> None:
        """Journal that it ended, and give it to intake. Without a journal it is given all the same: it is found again."""
        try:
            await self._journal.append(Entry(Step.ENDED, recording))
        except CallrecError as error:
            self._alarm(AlarmCause.JOURNAL, error, recording.call)
        self._hand_over(recording)

    def _stray(self) -> None:
        """A file was closed that no call waited for. Intake has most of them in hand; the others are taken in a little later."""
        if self._looked_for_orphans:
            self._looked_for_orphans = False
            self._engine.background(self._take_in_orphans(), DropReason.STRAY)

    async def _take_in_orphans(self) -> None:
        """At the first sight of Asterisk, and when a file closes that nobody knows."""
        if self._looked_for_orphans:
            return
        self._looked_for_orphans = True  # a file that closes from here on is looked for anew
        try:
            async with self._one_look:
                for recording in await self._orphans():
                    await self._end(recording)
        except CallrecError as error:
            self._looked_for_orphans = False
            self._alarm(AlarmCause.ORPHANS, error)
        except asyncio.CancelledError:
            self._looked_for_orphans = False
            raise

    async def _orphans(self) -> Sequence[Recording]:
        """Only what does not grow: a recorder that nobody could tell us of may be at work, and its closing will be told."""
        before = reconcile.unknown(await asyncio.to_thread(self._spool.captures), self._known())
        if not before:
            return ()
        await asyncio.sleep(LATER_S)
        known = self._known()
        captures = [one for one in await asyncio.to_thread(self._spool.captures) if one in before]
        return reconcile.orphans(captures, [*known, *self._known()], self._node, self._clock.now().utc_s)

    def _known(self) -> list[Recording]:
        """What the journal works on, what is to be taken up again, and what the calls record, journaled or not."""
        known = [entry.recording for entry in (*self._journal.live(), *self._unfinished)]
        for session in self._engine.live():
            known += [*session.set_aside, *([session.recording] if session.recording else [])]
        return known

    # -- what the dialplan captured without us -----------------------------------------------------------------------

    async def _degraded(self) -> Sequence[DegradedFile]:
        try:
            return await asyncio.to_thread(self._spool.degraded)
        except CallrecError as error:
            self._alarm(AlarmCause.DEGRADED, error)
            return ()

    async def _rename_known(self) -> None:
        """A former daemon died while it gave these files their names: their journaled takes must not end without them."""
        known = {take.id for entry in self._unfinished for take in entry.recording.takes}
        for file in {file.call: file for file in await self._degraded()}.values():
            if reconcile.degraded_take(file) in known:
                try:
                    await asyncio.to_thread(self._spool.adopt, file, reconcile.degraded_take(file))
                except CallrecError as error:
                    self._alarm(AlarmCause.DEGRADED, error)

    def _alarm(self, what: AlarmCause, error: CallrecError, call: str = "") -> None:
        self._observer.alarmed(m.Alarm(f"{what}: {error.code}", None), call)
