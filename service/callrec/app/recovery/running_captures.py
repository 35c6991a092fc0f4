"""Recorders at work in Asterisk that belong to no call yet: one goes on for each call, the others are stopped.

One call has one recording under way: then `*3` stops it, and what the participants hear of it is true. Several are at work when
both participants pressed in the fallback mode, or one pressed beside a capture of the daemon's own: the best goes on. What the
others captured becomes recordings, too, as soon as Asterisk has had the time to close their files.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from callrec.app.calls.call_router import CallRouter
from callrec.app.recovery import fallback_recordings
from callrec.app.recovery import plan as recovery_plan
from callrec.app.recovery.fallback_captures import FallbackCaptures
from callrec.app.recovery.plan import Recorders, Running
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Capture, Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause
from callrec.protocols.ami import Message

Channels = Mapping[LegId, Message]
"""All of Asterisk's channels: their CoreShowChannel events."""


class RunningCaptures:
    """The steps of a resync that concern recorders at work."""

    def __init__(
        self, ports: RecoveryPorts, state: RecoveryState, calls: CallRouter, fallback: FallbackCaptures
    ) -> None:
        self._ports, self._state = ports, state
        self._calls, self._fallback = calls, fallback

    async def recorders(self, legs: Sequence[LegId], wanted: set[LegId]) -> Recorders:
        """The recorder on each leg; legs that are not `wanted` count as without one."""
        return {leg: await self._recorder_on(leg) if leg in wanted else "" for leg in legs}

    async def _recorder_on(self, leg: LegId) -> str | None:
        try:
            return await self._ports.leg_notes.recorder_on(leg)
        except CallrecError as error:
            self._ports.alarm(AlarmCause.RECORDER, error)
            return None

    async def end_others(self, recorders: Recorders) -> None:
        """Stop the captures of a former daemon beside the last one of each recording: the calls that go on begin new ones where
        they need them. Those of partners go on with a recording that has tracks. Raises CallrecError when Asterisk does not
        answer: on these legs nothing else would end them. One that is at work, and whose MixMonitorID nothing tells, stays open:
        its call reckons with it."""
        for nth, entry in enumerate(self._state.unfinished):
            others = recovery_plan.beside_the_last(entry.recording)
            keep = {one.id for one in recovery_plan.kept_partners(entry.recording, recorders)}
            ending = [one for one in others if one.id not in keep]
            at_work = {(one.leg, one.mixmonitor) for one in entry.recording.captures[-1:]}
            for capture in ending:
                # Asterisk may have given the last one the id of one that has ended
                if capture.leg in recorders and (capture.leg, capture.mixmonitor) not in at_work:
                    keep |= set() if await self._stop_other(capture) else {capture.id}
            gone = [one.id for one in ending if not one.is_partner or _has_left(entry.recording, one, recorders)]
            spooled = await asyncio.to_thread(self._ports.spooled, gone) if gone else recovery_plan.NOTHING_FOUND
            now = self._ports.clock.now()
            recording = recovery_plan.with_others_ended(entry.recording, now, spooled, keep)
            self._state.unfinished[nth] = replace(entry, recording=recording)

    async def _stop_other(self, capture: Capture) -> bool:
        """Whether nothing writes its files any more. Raises CallrecError."""
        mixmonitor = capture.mixmonitor or await self._ports.recorder.mixmonitor_of(capture)
        if mixmonitor:
            await self._ports.recorder.stop(replace(capture, mixmonitor=mixmonitor))
            return True
        return self._ports.spool.block(capture)

    async def unjournaled(
        self, captured_files: Sequence[CaptureFiles], recorders: Recorders, channels: Channels
    ) -> list[Running]:
        """Which of these unknown captures are the daemon's own and at work: the notes on living legs say so.

        `recorders` belong to no known capture. The intent is journaled now; a journal that still refuses costs nothing.
        """
        running = []
        by_capture = {files.capture: files for files in captured_files}
        for leg, mixmonitor in recorders.items() if by_capture else ():
            capture, rule = (await self._noted(leg) if mixmonitor else None) or (None, Rule.ON_DEMAND)
            if capture in by_capture:
                now_s = self._ports.clock.now().utc_s
                one = recovery_plan.unjournaled(
                    by_capture[capture], rule, mixmonitor or "", channels[leg], node=self._ports.node, now_s=now_s
                )
                await self._journal_intent(one.recording)
                running.append(one)
        return running

    async def _noted(self, leg: LegId) -> tuple[CaptureId, Rule] | None:
        try:
            return await self._ports.leg_notes.capture_on(leg)
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)
            return None

    async def _journal_intent(self, recording: Recording) -> None:
        try:
            await self._ports.journal.append(Entry(Step.INTENT, recording))
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)

    async def with_pauses(self, running: Sequence[Running], channels: Channels) -> list[Running]:
        """These, paused where a note on a living leg of theirs says so. Raises CallrecError when Asterisk does not answer: then
        it is not known, and nothing goes on yet."""
        return [recovery_plan.with_pause(one, await self._paused_since_s(one.recording, channels)) for one in running]

    async def _paused_since_s(self, recording: Recording, channels: Channels) -> float | None:
        """The note on the captured leg, or on that of somebody who talks with it."""
        present = (party.leg for party in recording.parties if party.to_s is None)
        for leg in dict.fromkeys((recording.captures[-1].leg, *present)):
            if leg in channels and (since_s := await self._ports.leg_notes.paused_since_s(leg)) is not None:
                return since_s
        return None

    async def adopt(self, running: Sequence[Running], channels: Channels) -> list[Recording]:
        """The recordings that go on, one for each call. The other recorders are stopped; the daemon's own recordings that could
        not be stopped are unfinished until the next resync."""
        linkedids = {leg: channel.get("Linkedid") for leg, channel in channels.items()}
        recorded = {linkedid for leg, linkedid in linkedids.items() if self._calls.is_recorded(leg, linkedid)}
        first, surplus = recovery_plan.one_for_each_call(running, linkedids, recorded)
        left = [one.recording for one in surplus if not await self._stop(one) and not one.file]
        adopted = [await self._begin(one, channels[one.capture.leg]) for one in first]
        self._state.unfinished = [Entry(Step.OPENED, recording) for recording in left]
        return [recording for recording in adopted if recording]

    async def end_stopped(self) -> None:
        """The stopped recorders have closed their files: what they captured has ended. May be cancelled and called again."""
        while self._state.stopped:
            one = self._state.stopped[0]
            ended = None if one.file else await self._ended(one.recording)
            self._state.stopped.remove(one)
            if ended:
                self._state.to_end.append(ended)
            if one.file:
                self._fallback.ended([one.file])

    async def _ended(self, recording: Recording) -> Recording:
        try:
            spooled = await asyncio.to_thread(self._ports.spooled, [one.id for one in recording.all_captures])
        except CallrecError as error:  # the end of its last capture is known: the finalizer finds the rest in the spool
            self._ports.alarm(AlarmCause.FALLBACK, error)
            return recording
        return recovery_plan.ended(recording, spooled, "", self._ports.clock.now().mono_s)

    async def _stop(self, one: Running) -> bool:
        try:
            partners = (partner for partner in one.recording.partner_captures if partner.to_s is None)
            for capture in (one.capture, *partners):
                await self._ports.recorder.stop(capture)
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)
            return False
        self._state.stopped.append(one.stopped(self._ports.clock.now().utc_s))
        return True

    async def _begin(self, one: Running, channel: Message) -> Recording | None:
        """A fallback capture gets its place first; where that fails it goes on without the daemon, until it closes."""
        if one.file is None:
            return one.recording
        try:
            found = await self._fallback.adopt(one.file)
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)
            if one.file.rule is Rule.ALWAYS:
                self._state.fallback_left.add(one.capture.leg)
            return None
        if found is None:
            return None
        placed, note = found
        placed, length_s = replace(placed, linkedid=channel.get("Linkedid")), self._length_s(placed)
        began_s = note.began_s if note else None
        now_s = self._ports.clock.now().utc_s
        recording = fallback_recordings.going_on(placed, length_s, one.capture.mixmonitor, now_s, began_s)
        rings_yet = recording.rule is Rule.ALWAYS and not channel.get("BridgeId")
        return None if rings_yet and await self._is_dismissed(recording) else recording

    def _length_s(self, recording: Recording) -> float:
        files = self._ports.spool.capture_files(recording.captures[-1].id)
        return files.length_s if files else 0.0

    async def _is_dismissed(self, recording: Recording) -> bool:
        """The dialplan's recorder waits for the answer of a call that is the daemon's to record from here on: end it."""
        capture = recording.captures[-1]
        try:
            await self._ports.recorder.stop(capture)
            if self._length_s(recording):
                self._state.stopped.append(Running(recording).stopped(self._ports.clock.now().utc_s))
            else:
                self._ports.spool.drop(capture.id)
                await self._ports.journal.append(Entry(Step.FINISHED, recording))
        except CallrecError as error:
            self._ports.alarm(AlarmCause.FALLBACK, error)
            return False
        return True


def _has_left(recording: Recording, partner: Capture, recorders: Recorders) -> bool:
    """Whether the time of a participant's track ends with the files of this capture of them."""
    return bool(recording.presences) and partner.leg not in recorders
