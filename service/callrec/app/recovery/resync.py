"""What is done when Asterisk can be asked again, step by step: see the picture in the package's docstring."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence

from callrec.app.background import Background
from callrec.app.calls.ami_events import MADE, PLACE, PLACE_UNKNOWN, QUEUE, endpoint_of
from callrec.app.calls.call_router import CallRouter
from callrec.app.recovery import fallback_recordings
from callrec.app.recovery import plan as recovery_plan
from callrec.app.recovery.fallback_captures import FallbackCaptures
from callrec.app.recovery.missed_conversations import MissedConversations
from callrec.app.recovery.orphans import Orphans
from callrec.app.recovery.plan import Plan, Recorders, Running
from callrec.app.recovery.running_captures import Channels, RunningCaptures
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.domain.calls.ids import BridgeId, CallId, LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import FallbackFile
from callrec.domain.rules import PlaceKind, Rule
from callrec.domain.vocabulary import AlarmCause
from callrec.protocols.ami import Message

RETRY_S = 1.0
TABLES_S = 5.0
"""How long a resync waits for the tables: at a start they come at the same time as Asterisk."""
CLOSING_S = 2.0
"""After a recorder was stopped, until its files are surely closed (app_mixmonitor.c: mixmonitor_thread does that by itself)."""
BEGUN_S = 5.0
"""A file of the dialplan's own that is told as new has begun within this time; else a look at the whole spool has told it."""
SETTLE_S = 3.0
"""By how much two looks at Asterisk's uptime may differ: it comes in whole seconds."""


class Resync:
    """The steps. `orphans` and `fallback` are told of files by the spool router. `after` is called after each resync."""

    def __init__(
        self,
        ports: RecoveryPorts,
        state: RecoveryState,
        calls: CallRouter,
        background: Background,
        *,
        after: Callable[[], None],
    ) -> None:
        self._ports, self._state, self._calls, self._after = ports, state, calls, after
        self.orphans = Orphans(ports, state, calls, background)
        self.fallback = FallbackCaptures(ports, state)
        self._running = RunningCaptures(ports, state, calls, self.fallback)
        self._missed = MissedConversations(ports, state, calls)

    @property
    def is_resynced(self) -> bool:
        """Whether the calls were compared with Asterisk's channels since the link came up."""
        return self._state.is_resynced

    def begin(self) -> None:
        """What had ended before this daemon began needs no Asterisk: to the finalizer, also when Asterisk never comes back."""
        for entry in [entry for entry in self._state.unfinished if entry.step is Step.ENDED]:
            self._state.unfinished.remove(entry)
            self._ports.hand_over(entry.recording)

    async def run(self) -> None:
        """Make recordings of fallback captures that have ended, until cancelled."""
        await self.fallback.run()

    def booted(self, message: Message) -> None:
        """FullyBooted: its uptime tells whether this is the Asterisk of before."""
        uptime = message.get("Uptime")
        since_s = self._ports.clock.now().utc_s - (float(uptime) if uptime.isdecimal() else 0.0)
        if 0 < self._state.asterisk_since_s < since_s - SETTLE_S:
            self._state.has_asterisk_restarted = True
        self._state.asterisk_since_s = since_s

    def link_down(self) -> None:
        """The AMI link is lost: from here on events are missed."""
        self._state.is_resynced = False
        self._calls.miss_events()
        self._missed.link_down()

    def fallback_created(self, file: FallbackFile) -> None:
        """The dialplan has begun a recorder: it was answered *unavailable* a moment ago. The call shall begin no second one, also
        where it is compared already."""
        if file.rule is not Rule.ALWAYS or abs(self._ports.clock.now().utc_s - file.epoch_s) > BEGUN_S:
            return
        if self._state.is_resynced:
            self._calls.recorded_by_dialplan(LegId(file.uniqueid))
        else:
            self._state.fallback_created[file.call] = file

    async def link_up(self) -> None:
        """The AMI link is up: resync, and once more when the tables come later than Asterisk."""
        while not await self._resync():
            while not await self._ports.tables_known(TABLES_S):
                pass
            self._state.is_resynced = False

    async def _resync(self) -> bool:
        """Compare until that succeeds, then see to what was left behind; whether the tables were known."""
        has_tables, going_on = False, frozenset[CallId]()
        while not self._state.is_resynced:
            self._calls.hold_events()
            self._state.fallback_taken.clear()
            self._state.fallback_created.clear()
            self._state.fallback_left.clear()
            try:
                has_tables = await self._ports.tables_known(TABLES_S)
                going_on = await self._compare(has_tables=has_tables)
                self._state.is_resynced = True
            except CallrecError as error:
                self._ports.alarm(AlarmCause.RESYNC, error)
                await self._leave_to_dialplan({}, ())
            finally:
                self._calls.release_events()
            if not self._state.is_resynced:
                await asyncio.sleep(RETRY_S)
        self._after()
        await self._see_to_the_rest(going_on, has_tables=has_tables)
        return has_tables

    async def _see_to_the_rest(self, going_on: Collection[CallId], *, has_tables: bool) -> None:
        """Calls are followed again; what a lost link interrupts here goes on after the next one. What was missed comes first: the
        mark is valid again, and the next daemon would take these notes for older than the death of this one."""
        if has_tables:  # they say whose phone it was
            await self._missed.take()
        if self._state.stopped:
            await asyncio.sleep(CLOSING_S)
            await self._running.end_stopped()
        while self._state.to_end:
            await self._ports.end(self._state.to_end[0])
            del self._state.to_end[0]
        await self.orphans.take()
        if has_tables:
            self.fallback.ended([file for file in await self.fallback.found() if file.call not in going_on])

    async def _compare(self, *, has_tables: bool) -> frozenset[CallId]:
        """Make the calls what Asterisk says they are; returns the calls of fallback captures that may go on.

        Without the tables, which say whose phone it is, fallback captures are left to the dialplan.
        """
        looked_s = self._ports.clock.now().utc_s
        channels = await self._channels()
        await self.fallback.rename_known()
        files, unknown = await self.fallback.found(), await self.orphans.unknown()
        recorders = await self._running.recorders(list(channels), self._with_recorder(channels, files, unknown))
        await self._running.end_others(recorders)
        at_work = fallback_recordings.running(files, recorders)
        running = at_work if has_tables else ()
        if not has_tables:
            self._state.fallback_left |= {LegId(file.uniqueid) for file in at_work if file.rule is Rule.ALWAYS}
        plan = await self._plan(recorders)
        adopted = await self._adopt(plan, running, unknown, recorders, channels)
        bridges_s = await self._ports.channels.bridges_s() if self._missed_an_answer(channels) else {}
        holding, opted_out = await self._holding(channels, adopted), await self._opted_out(channels)
        state = self._state
        known = {one.id: one for one in (*state.finished, *self.orphans.known(), *state.to_end, *adopted)}
        missed = await self._missed.look(list(known.values()), list(channels), looked_s)
        # Last: until calls are told, nothing is waited for any more
        newer = await self._leave_to_dialplan(channels, files, missed)
        restarted, self._state.has_asterisk_restarted = self._state.has_asterisk_restarted, False
        self._calls.resync(
            tuple(channels.values()),
            adopted,
            asterisk_restarted=restarted,
            bridges_s=bridges_s,
            holding=holding,
            opted_out=opted_out,
            is_complete=has_tables,
        )
        not_told = {file.call for file in files if recorders.get(LegId(file.uniqueid), "") is None}
        return frozenset({file.call for file in running} | not_told | newer)

    async def _leave_to_dialplan(
        self, channels: Channels, known: Sequence[FallbackFile], missed: Collection[LegId] = ()
    ) -> set[CallId]:
        """What the dialplan records by itself while events are held gets an entry of its own, as has what it noted of `missed`
        conversations: these events, which are told next, begin no second one. The calls have adopted what goes on of `known` on
        `channels`, but for what is left to the dialplan. Returns the captures that are newer: they end when their files are
        closed.
        """
        old = {file.call for file in known}
        files = [file for file in await self.fallback.found() if file.rule is Rule.ALWAYS]
        files += self._state.fallback_created.values()
        newer = [file for file in files if file.call not in old]
        legs = {LegId(file.uniqueid) for file in files} | self._state.fallback_taken | set(missed)
        left = self._state.fallback_left | {LegId(file.uniqueid) for file in newer}
        self._calls.compare_with_dialplan((legs - channels.keys()) | left)
        return {file.call for file in newer}

    async def _channels(self) -> Channels:
        listed = {LegId(channel.get("Uniqueid")): channel for channel in await self._ports.channels.channels()}
        return {
            leg: await self._with_queue(await self._with_place(await self._with_side(channel, listed)))
            for leg, channel in listed.items()
        }

    async def _with_queue(self, channel: Message) -> Message:
        """With the queue in which its caller has talked: after a transfer what they run does not tell it."""
        if not self._ports.endpoints.has_rule_of(PlaceKind.QUEUE):
            return channel
        queue = await self._ports.leg_notes.queue_on(LegId(channel.get("Uniqueid")))
        return Message((*channel.headers, (QUEUE, queue))) if queue else channel

    async def _with_place(self, channel: Message) -> Message:
        """With the place where its call came in: the rule *never* of a number outlasts a daemon, and holds for a call that came
        in without one. While Asterisk cannot be asked, nothing is compared, and nothing begun."""
        leg = LegId(channel.get("Uniqueid"))
        place = await self._ports.leg_notes.place_on(leg)
        if place or channel.get("Linkedid") != leg or not self._ports.endpoints.has_rules_at():
            return Message((*channel.headers, (PLACE, place))) if place else channel
        found = await self._ports.leg_status.came_in_at(leg, channel.get("Channel"))
        return Message((*channel.headers, (PLACE_UNKNOWN, "1") if found is None else (PLACE, found)))

    async def _with_side(self, channel: Message, listed: Channels) -> Message:
        """Of a call that Asterisk began on a Local channel (click-to-call), which may be gone, a leg has made the call."""
        origin = listed.get(LegId(channel.get("Linkedid")))
        if origin is None or origin.get("Channel").startswith("Local/"):
            with contextlib.suppress(CallrecError):
                if await self._ports.leg_notes.has_made(LegId(channel.get("Uniqueid"))):
                    return Message((*channel.headers, (MADE, "1")))
        return channel

    def _with_recorder(
        self, channels: Channels, files: Sequence[FallbackFile], unknown: Sequence[CaptureFiles]
    ) -> set[LegId]:
        """The legs that may carry a recorder of no call: any of them when there are capture files that nothing explains."""
        last = (entry.recording.captures[-1:] for entry in self._state.unfinished)
        legs = set(channels) if unknown else {LegId(file.uniqueid) for file in files}
        return legs | {capture.leg for captures in last for capture in captures}

    async def _plan(self, recorders: Recorders) -> Plan:
        unfinished = self._state.unfinished
        now_mono_s = self._ports.clock.now().mono_s
        spooled = await asyncio.to_thread(self._ports.spooled, recovery_plan.to_look_at(unfinished, recorders))
        return recovery_plan.plan(unfinished, recorders, spooled, self._state.asterisk_since_s, now_mono_s)

    async def _adopt(
        self,
        plan: Plan,
        fallback: Sequence[FallbackFile],
        unknown: Sequence[CaptureFiles],
        recorders: Recorders,
        channels: Channels,
    ) -> Sequence[Recording]:
        """The recordings that calls go on with; what has ended waits in the state from here on."""
        running = [Running(recording) for recording in plan.adopt]
        running += await self._running.unjournaled(unknown, self._without_capture(recorders, running), channels)
        free = self._without_capture(recorders, running)
        running += [
            fallback_recordings.began(file, found, self._ports.endpoints, self._ports.node)
            for file in fallback
            if (found := free.get(LegId(file.uniqueid)))
        ]
        adopted = await self._running.adopt(await self._running.with_pauses(running, channels), channels)
        self._state.to_end += plan.finish
        return adopted

    def _without_capture(self, recorders: Recorders, ours: Sequence[Running]) -> dict[LegId, str]:
        """The recorders that belong to no open capture of the daemon's."""
        recordings = (*self.orphans.known(), *(one.recording for one in ours))
        captures = [one for recording in recordings for one in recording.captures if one.to_s is None]
        known = {(capture.leg, capture.mixmonitor) for capture in captures}
        return {leg: found for leg, found in recorders.items() if found and (leg, found) not in known}

    async def _holding(self, channels: Channels, adopted: Sequence[Recording]) -> Mapping[LegId, bool]:
        """Which legs of recorded calls hold the others: events of that were missed."""
        linkedids = {channels[recording.captures[-1].leg].get("Linkedid") for recording in adopted}
        holding = {}
        for leg, channel in channels.items():
            linkedid = channel.get("Linkedid")
            if linkedid in linkedids or self._calls.is_recorded(leg, linkedid):
                with contextlib.suppress(CallrecError):
                    holding[leg] = await self._ports.leg_status.is_holding(leg)
        return holding

    async def _opted_out(self, channels: Channels) -> Sequence[LegId]:
        """The legs of participants from outside who have opted out, as these legs' notes say. Raises CallrecError when Asterisk
        does not answer: then it is not known, and nothing is recorded again yet."""
        if not self._ports.may_opt_out:
            return ()
        names = {leg: channel.get("Channel") for leg, channel in channels.items()}
        outside = [leg for leg, name in names.items() if self._ports.endpoints.by_endpoint(endpoint_of(name)) is None]
        return [leg for leg in outside if await self._ports.leg_notes.has_opted_out(leg)]

    def _missed_an_answer(self, channels: Channels) -> bool:
        """Whether a leg is in a bridge of which the daemon got no event."""
        bridges = ((leg, BridgeId(channel.get("BridgeId"))) for leg, channel in channels.items())
        return any(bridge and not self._calls.knows_bridge(leg, bridge) for leg, bridge in bridges)
