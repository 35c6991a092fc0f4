"""One call's mailbox and the task that empties it: events in, `handle`, commands out, one after the other.

Because one task does all of a call's work, starts and stops of its recorders never overlap, and the order in the journal
is the order of what was done.
"""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from callrec.app.deaf_legs import deaf_in, is_far_enough
from callrec.app.ports import Announcer, Clock, Journal, Lamps, Recorder, Spool
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, OutcomeUnknown, Unavailable
from callrec.domain.handling import handle
from callrec.domain.lifecycle import Entry
from callrec.domain.model import LegId, Recording, Speech, Take, TakeId
from callrec.domain.provisioning.model import UserId
from callrec.domain.session import Session
from callrec.domain.vocabulary import AlarmCause, DropReason

JOURNAL_S = 0.25
"""How long a call waits for the journal before it goes on without it: a recording without an entry is found by its files."""

LATE_LOOK_S, LATE_LOOKS = 0.5, 60
"""How often, and for how long, we look for a take that Asterisk may begin after we have given it up."""

EXAMINED_S = 5.0
"""How long a take that does not grow is looked at: two of Asterisk's steps of 32 KiB, 2.05 s at 8 kHz, and some patience."""
WRITTEN_S = 2.5
"""After a sound, until some of it is in the file: one step of 32 KiB."""
QUIET_PACKETS_PER_S = 10.0
"""Comfort noise comes about five times a second and is no sound to record; voice in packets of 60 ms 17 times."""

ALONE_S = 0.1
"""So long a leg is without our recorder between two takes: Asterisk makes a new translation for the next recorder when a packet
of the leg finds none (channel.c: ast_write_stream, audiohook.c: ast_audiohook_write_list_empty)."""
COMPARE_S, COMPARE_LOOKS = 1.0, 8
"""How often, and for how long, the files of a living take are looked at until they hold the instant of a speech: Asterisk writes
32 KiB at once, so that takes two or three seconds."""

MAILBOX_EVENTS = 1000
"""One call causes about thirty events in its life; a thousand waiting ones are a storm, and the oldest news are dropped."""


class Observer(Protocol):
    """Who is told what happens: logs, metrics, the event stream. Never blocks, never raises."""

    def told(self, fact: m.Tell) -> None:
        """A fact about a call."""
        ...

    def alarmed(self, alarm: m.Alarm, call: str) -> None:
        """Something that an operator must see."""
        ...

    def dropped(self, what: DropReason) -> None:
        """Something was thrown away because a bound was reached."""
        ...

    def broke(self, where: str, error: BaseException) -> None:
        """A defect of ours: an exception that nobody expected."""
        ...


class Surroundings(Protocol):
    """What a call needs of the engine that it lives in."""

    clock: Clock
    journal: Journal
    recorder: Recorder
    spool: Spool
    announcer: Announcer
    lamps: Lamps
    observer: Observer

    def watch(self, take: TakeId, actor: "CallActor") -> None:
        """From now on the news of this take's files go to this call."""
        ...

    def requested(self, take: TakeId, mixmonitor: str) -> None:
        """Asterisk has accepted the take and told its id."""
        ...

    def reply(self, command: m.Reply) -> None:
        """Answer a waiting dialogue."""
        ...

    def background(self, work: Coroutine[None, None, None], what: DropReason) -> None:
        """Do this beside the call's own work; errors are reported."""
        ...

    def link_is_up(self) -> bool:
        """Whether Asterisk can be asked now."""
        ...

    def lit(self) -> Collection[UserId]:
        """The users whose `*3` lamp a call has lit."""
        ...

    def hand_over(self, recording: Recording) -> None:
        """Intake's door."""
        ...


class CallActor:
    """A session and its surroundings."""

    def __init__(self, session: Session, around: Surroundings) -> None:
        self.session = session
        self._around = around
        self._mailbox: asyncio.Queue[tuple[m.Event, float]] = asyncio.Queue(MAILBOX_EVENTS)
        self._examined: set[TakeId] = set()
        self._closed_mono_s: dict[LegId, float] = {}

    def post(self, event: m.Event, at_mono_s: float | None = None) -> None:
        """Put an event into the mailbox. When it is full the oldest one is dropped, and that is counted.

        `at_mono_s`: when it happened, where that is known better than by its coming here.
        """
        if self._mailbox.full():
            self._mailbox.get_nowait()
            self._around.observer.dropped(DropReason.CALL_MAILBOX)
        self._mailbox.put_nowait((event, self._around.clock.now().mono_s if at_mono_s is None else at_mono_s))

    async def run(self) -> None:
        """Live until the call is over and nothing of it is left to do."""
        while not (self.session.over and self._mailbox.empty()):
            event, at_mono_s = await self._mailbox.get()
            if self._is_premature(event):
                continue
            for command in self._handle(await self._with_answers(event), at_mono_s):
                await self._do(command)

    def _handle(self, event: m.Event, at_mono_s: float) -> Sequence[m.Command]:
        try:
            self.session, commands = handle(self.session, event, self._around.clock.now(), at_mono_s)
        except Exception as error:  # noqa: BLE001 - the boundary of a call: what it cannot understand must not end the others
            self._around.observer.broke(f"call {self.session.call}: {type(event).__name__}", error)
            return ()
        return commands

    def _is_premature(self, event: m.Event) -> bool:
        """Files that closed while Asterisk cannot be asked: wait with the conclusion until it can tell who is still there."""
        if isinstance(event, m.DeadlinePassed) and event.wait is m.Wait.LOST and not self._around.link_is_up():
            asyncio.get_running_loop().call_later(self.session.terms.limits.lost_s, self.post, event)
            return True
        return False

    async def _with_answers(self, event: m.Event) -> m.Event:
        """The event with what only Asterisk can add to it; as it is when Asterisk does not answer."""
        try:
            match event:
                case m.Bridged():
                    return await self._with_rate(event)
                case m.LegsJoined(talking):
                    return replace(event, talking=tuple([await self._with_rate(one) for one in talking]))
                case m.DeadlinePassed(m.Wait.LOST, str(take)) if await self._was_stopped_by_dialplan(take):
                    return m.TakeStopped(take)
        except CallrecError:
            pass
        return event

    async def _with_rate(self, event: m.Bridged) -> m.Bridged:
        """Policy may record this leg at once: the file has the leg's own rate."""
        leg = event.leg
        if leg.user and leg.user.may_be_recorded and leg.id not in self.session.rates_hz:
            return replace(event, rate_hz=await self._around.recorder.rate_hz(leg.id))
        return event

    async def _was_stopped_by_dialplan(self, take_id: TakeId) -> bool:
        """A recorder that ends otherwise leaves its id on the leg; a press that the dialplan alone understood removes it."""
        take = self.session.find(take_id)
        if take is None or take.leg not in self.session.legs:
            return False
        return not await self._around.recorder.recorder_on(take.leg)

    async def _do(self, command: m.Command) -> None:
        try:
            await self._perform(command)
        except CallrecError as error:
            self._around.observer.alarmed(m.Alarm(f"{_about(command)}: {error.code}", None), self.session.call)
        except Exception as error:  # noqa: BLE001 - the boundary of a call's work: one defect must not end its recording
            self._around.observer.broke(f"call {self.session.call}: {type(command).__name__}", error)

    async def _perform(self, command: m.Command) -> None:  # noqa: C901, PLR0912 - one line for each kind of command
        around = self._around
        match command:
            case m.Write(entry):
                await self._write(entry)
            case m.OpenTake():
                await self._open(command)
            case m.CloseTake(take):
                await self._close(take)
            case m.MuteTake(take, muted):
                await self._mute(take, muted=muted)
            case m.Examine(take):
                around.background(self._examine(take), DropReason.EXAMINE)
            case m.Listen(leg, on):
                await self._listen(leg, on=on)
            case m.Compare(take, speech):
                around.background(self._compare(take, speech), DropReason.COMPARE)
            case m.Arm(wait, take_id, after_s):
                asyncio.get_running_loop().call_later(after_s, self.post, m.DeadlinePassed(wait, take_id))
            case m.Reply():
                around.reply(command)
            case m.Announce(take, outcome):
                around.background(self._announce(take, outcome), DropReason.ANNOUNCE)
            case m.Light(users):
                around.background(self._light(users), DropReason.LAMP)
            case m.Alarm():
                around.observer.alarmed(command, self.session.call)
            case m.Tell():
                around.observer.told(command)
            case m.HandOver(recording):  # pragma: no branch - the last kind
                around.hand_over(recording)

    async def _write(self, entry: Entry) -> None:
        """A disk that does not answer must not cost the beginning of a call: the entry may still arrive, we go on."""
        try:
            async with asyncio.timeout(JOURNAL_S):
                await self._around.journal.append(entry)
        except TimeoutError:
            self._around.observer.alarmed(m.Alarm(AlarmCause.JOURNAL_SLOW, None), self.session.call)

    async def _open(self, command: m.OpenTake) -> None:
        self._around.watch(command.take.id, self)
        closed_mono_s = self._closed_mono_s.pop(command.take.leg, float("-inf"))
        await asyncio.sleep(max(0.0, closed_mono_s + ALONE_S - self._around.clock.now().mono_s))
        try:
            mixmonitor = await self._around.recorder.start(command.take, command.rule)
        except CallrecError as error:
            self.post(m.TakeRefused(command.take.id, error.code, unavailable=isinstance(error, Unavailable)))
            if isinstance(error, OutcomeUnknown):
                self._around.background(self._end_if_begun(command.take), DropReason.LATE_TAKE)
        else:
            self._around.requested(command.take.id, mixmonitor)

    async def _end_if_begun(self, take: Take) -> None:
        """Nobody may be recorded whom we told that it failed: what Asterisk begins late is ended again."""
        for _ in range(LATE_LOOKS):
            await asyncio.sleep(LATE_LOOK_S)
            with suppress(CallrecError):
                if self._around.spool.capture(take.id) is not None:
                    await self._around.recorder.stop(take)  # by the leg's own note of it
                    return

    async def _close(self, take: Take) -> None:
        try:
            await self._around.recorder.stop(take)
        except CallrecError as error:
            self.post(m.TakeRefused(take.id, error.code, unavailable=isinstance(error, Unavailable)))
        else:
            self._closed_mono_s[take.leg] = self._around.clock.now().mono_s
            if self._around.spool.capture(take.id) is None:
                self.post(m.TakeClosed(take.id))

    async def _mute(self, take: Take, *, muted: bool) -> None:
        """What could not be muted must not be called paused: the session hears of it."""
        try:
            await self._around.recorder.mute(take, muted=muted)
        except CallrecError as error:
            self.post(m.TakeRefused(take.id, error.code))

    async def _listen(self, leg: LegId, *, on: bool) -> None:
        """Without an answer nothing is known: the session and an operator are told. To go on listening costs little."""
        try:
            await self._around.recorder.listen(leg, on=on)
        except CallrecError:
            if on:
                self.post(m.NotListened(leg))
                raise

    async def _compare(self, take: Take, speech: Speech) -> None:
        """While the call lasts, as far as it can be known then; intake looks at the whole."""
        for _ in range(COMPARE_LOOKS):
            await asyncio.sleep(COMPARE_S)
            capture = self._around.spool.capture(take.id)
            if capture is None or not self.session.is_current(take.id):
                return
            if is_far_enough(capture, take, speech):
                if deaf_in(self._around.spool, capture, take, speech) is not None:
                    self.post(m.TakeDeaf(take.id, speech.leg))
                return

    async def _announce(self, take: Take, outcome: m.Outcome) -> None:
        at_mono_s = self._around.clock.now().mono_s
        await self._around.announcer.announce(take, outcome)
        if outcome is m.Outcome.STARTED:  # the manifest lists what told the parties that they are recorded
            self.post(m.Announced(take.id), at_mono_s)

    async def _examine(self, take: Take) -> None:
        """Files that do not grow: is nothing sent, or is their recorder dead? What flows both ways on the leg is counted twice.

        Where Asterisk cannot say (a technology that does not count) the recorder is to blame: better a further take than none.
        """
        if take.id in self._examined:
            return
        self._examined.add(take.id)
        try:
            before = await self._flow(take)
            await asyncio.sleep(EXAMINED_S)
            after = await self._flow(take)
            if not self._is_explained(before, after) and not await self._grows_yet(take, before):
                self.post(m.TakeStalled(take.id))
        finally:
            self._examined.discard(take.id)

    def _is_explained(self, before: tuple[int, int] | None, after: tuple[int, int] | None) -> bool:
        if self.session.is_waiting:
            return True
        if before is None or after is None:
            return False
        return after[0] > before[0] or after[1] - before[1] <= QUIET_PACKETS_PER_S * EXAMINED_S

    async def _grows_yet(self, take: Take, before: tuple[int, int] | None) -> bool:
        """Of those who began to speak a moment ago nothing is written yet."""
        await asyncio.sleep(WRITTEN_S)
        return self.session.is_waiting or (before is not None and self._written_bytes(take) > before[0])

    async def _flow(self, take: Take) -> tuple[int, int] | None:
        """(bytes in its files, packets that its leg has received and sent); None when either is not known."""
        try:
            packets = await self._around.recorder.packets(take.leg)
            found = self._around.spool.capture(take.id)
        except CallrecError:
            return None
        if packets is None or found is None:
            return None
        return self._written_bytes(take), packets

    def _written_bytes(self, take: Take) -> int:
        with suppress(CallrecError):
            if found := self._around.spool.capture(take.id):
                return (found.read_bytes or 0) + (found.write_bytes or 0)
        return 0

    async def _light(self, users: tuple[UserId, ...]) -> None:
        """As it is at this moment: commands may overtake each other, and a user can be in two calls."""
        for user in users:
            await self._around.lamps.online(user, lit=user in self._around.lit())


def _about(command: m.Command) -> AlarmCause:
    """What an alarm calls a command that could not be done."""
    match command:
        case m.Write():
            return AlarmCause.WRITE
        case m.OpenTake():
            return AlarmCause.OPEN_TAKE
        case m.CloseTake():
            return AlarmCause.CLOSE_TAKE
        case m.MuteTake():
            return AlarmCause.MUTE_TAKE
        case m.Listen():
            return AlarmCause.LISTEN
        case _:
            return AlarmCause.HAND_OVER
