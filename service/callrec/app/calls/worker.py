"""One call's queue of events and the task that empties it: events in, `handle`, commands out, one after the other.

Because one task does all of a call's work, starts and stops of its recorders never overlap, and the order in the journal
is the order of what was done.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from callrec.app.background import Background
from callrec.app.calls.ami_events import may_speak
from callrec.app.calls.capture_files.file_watch import FileWatch
from callrec.app.calls.watches.undecodable_watch import audio_now
from callrec.app.ports.asterisk import DeviceStates
from callrec.app.ports.calls import Announcer, Clock, Journal, LegNotes, LegStatus, Places, Recorder, Spool
from callrec.app.ports.observer import Observer
from callrec.domain.calls.announcements.whispers import way_to
from callrec.domain.calls.commands import (
    Alarm,
    Announce,
    AnswerControl,
    Arm,
    AskApplication,
    AwaitVoice,
    CloseCapture,
    Command,
    Examine,
    HandOver,
    Light,
    ListenForOptOut,
    MuteCapture,
    NoteOptOut,
    NotePause,
    OpenCapture,
    Reply,
    Tell,
    Write,
)
from callrec.domain.calls.events import (
    Announced,
    ApplicationTold,
    CaptureClosed,
    CaptureMuted,
    CaptureRefused,
    CaptureStalled,
    CaptureStopped,
    DeadlinePassed,
    Event,
    LegAudioTold,
    LegBridged,
    LegsJoined,
    MuteRefused,
    PlaceTold,
    Played,
    SupervisorCame,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import Capture, Recording, Signal, Told
from callrec.domain.calls.policy import may_be_recorded
from callrec.domain.calls.session import Session
from callrec.domain.errors import CallrecError, OutcomeUnknown, Unavailable
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import AlarmCause, DropReason, Outcome

JOURNAL_S = 0.25
"""How long a call waits for the journal before it goes on without it: a recording without an entry is found by its files."""

LATE_LOOK_S, LATE_LOOKS = 0.5, 60
"""How often, and for how long, we look for a capture that Asterisk may begin after we have given it up."""

EXAMINED_S = 5.0
"""How long a capture that does not grow is looked at: two of Asterisk's steps of 32 KiB, 2.05 s at 8 kHz, and some patience."""
WRITTEN_S = 2.5
"""After a sound, until some of it is in the file: one step of 32 KiB."""
QUIET_PACKETS_PER_S = 10.0
"""Comfort noise comes about five times a second and is no sound to record; voice in packets of 60 ms 17 times."""

PLACE_TRIES, PLACE_AGAIN_S = 20, 0.5
"""How often, and how soon, Asterisk is asked again at which queue or conference a leg is."""
LEGS_AT_ONCE = 10
"""To so many participants of a call something is played at the same time: each is a channel and a thread of Asterisk."""

QUEUE_EVENTS = 1000
"""One call causes about thirty events in its life; a thousand waiting ones are a storm, and the oldest news are dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPorts:
    """The ports, and what else the calls of this node share."""

    clock: Clock
    journal: Journal
    recorder: Recorder
    leg_notes: LegNotes
    leg_status: LegStatus
    spool: Spool
    announcer: Announcer
    device_states: DeviceStates
    observer: Observer
    files: FileWatch
    background: Background
    link_is_up: Callable[[], bool]
    """Whether Asterisk can be asked now, and the calls are what it says they are."""
    hand_over: Callable[[Recording], None]
    """Gives an ended recording to the finalizer."""
    listen_for_digits: Callable[[Sequence[LegId]], None] = lambda _legs: None
    """Has Asterisk tell the digits that are pressed on these legs."""


class Worker:
    """One call: its session, and the queue of its events.

    `reply` answers a waiting FastAGI dialogue, or an operator's request; `lit` tells whose `*3` lamps any call has lit;
    `places` knows at which queue or conference a leg is.
    """

    def __init__(
        self,
        session: Session,
        ports: CallPorts,
        *,
        reply: Callable[[Reply | AnswerControl], None],
        lit: Callable[[], Collection[UserId]],
        blinking: Callable[[], Collection[UserId]] = frozenset,
        places: Places,
    ) -> None:
        self.session = session
        self._ports, self._reply, self._lit, self._places = ports, reply, lit, places
        self._blinking = blinking
        self._queue: asyncio.Queue[tuple[Event, float]] = asyncio.Queue(QUEUE_EVENTS)
        self._examined: set[CaptureId] = set()
        self._changed = asyncio.Event()

    def post(self, event: Event, at_mono_s: float | None = None) -> None:
        """Put an event into the queue. When it is full the oldest one is dropped, and that is counted.

        `at_mono_s`: when it happened, where that is known better than by its coming here.
        """
        if self._queue.full():
            self._queue.get_nowait()
            self._ports.observer.dropped(DropReason.EVENT_QUEUE)
        self._queue.put_nowait((event, self._ports.clock.now().mono_s if at_mono_s is None else at_mono_s))

    async def run(self) -> None:
        """Work off the events until the call is over and nothing of it is left to do."""
        while not (self.session.over and self._queue.empty()):
            event, at_mono_s = await self._queue.get()
            if self._is_premature(event):
                continue
            for command in self._handle(await self._with_answers(event), at_mono_s):
                await self._do(command)
            self._changed.set()  # wakes all who wait at this moment
            self._changed.clear()

    async def until(self, condition: Callable[[Session], bool], within_s: float) -> bool:
        """Wait until this is true of the session, for so long at most; whether it does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition(self.session):
                    await self._changed.wait()
        return condition(self.session)

    def _handle(self, event: Event, at_mono_s: float) -> Sequence[Command]:
        try:
            self.session, commands = handle(self.session, event, self._ports.clock.now(), at_mono_s)
        except Exception as error:  # noqa: BLE001 - the boundary of a call: what it cannot understand must not end the others
            self._ports.observer.broke(f"call {self.session.call}: {type(event).__name__}", error)
            return ()
        return commands

    def _is_premature(self, event: Event) -> bool:
        """Files that closed while Asterisk cannot be asked: wait with the conclusion until it can tell who is still there."""
        if isinstance(event, DeadlinePassed) and event.wait is Wait.LOST and not self._ports.link_is_up():
            asyncio.get_running_loop().call_later(self.session.terms.limits.lost_s, self.post, event)
            return True
        return False

    async def _with_answers(self, event: Event) -> Event:
        """The event with what only Asterisk can add to it; as it is when Asterisk does not answer."""
        try:
            match event:
                case LegBridged():
                    return await self._with_rate(await self._with_place(event))
                case LegsJoined(in_bridges):
                    placed = [await self._with_place(one) for one in in_bridges]
                    return replace(event, in_bridges=tuple([await self._with_rate(one) for one in placed]))
                case SupervisorCame(_, supervisor):
                    _, application = await self._ports.leg_status.application_on(supervisor.id)
                    return replace(event, may_speak=may_speak(application))
                case DeadlinePassed(Wait.LOST, str(capture)) if await self._was_stopped_by_dialplan(capture):
                    return CaptureStopped(capture)
        except CallrecError:
            pass
        return event

    async def _with_rate(self, event: LegBridged) -> LegBridged:
        """Policy may record this leg at once: the file has the leg's own rate."""
        leg = event.leg
        is_due = leg.user is not None and may_be_recorded(leg.user)
        is_due = is_due or any(one.place_rules for one in (leg, *self.session.legs.values()))
        if is_due and leg.id not in self.session.rates_hz:
            audio = await self._ports.leg_status.audio(leg.id)
            return replace(event, rate_hz=audio.rate_hz, undecodable=audio.undecodable)
        return event

    async def _with_place(self, event: LegBridged) -> LegBridged:
        """With the rule of its queue or conference. Where Asterisk does not say it now, the rule comes late: a
        rule *never* then stops a recording that has begun."""
        leg = event.leg.id
        if not self._places.needs_places:
            return event
        try:
            await self._find_place(leg, except_leg=leg)
        except CallrecError:
            self._ports.background.start(self._find_place_later(leg), DropReason.APPLICATION)
        return replace(event, leg=replace(event.leg, at=self._places.rule_at(leg)))

    def ask_place(self, leg: LegId) -> None:
        """The leg rings another one: a queue's rule is needed for the entry of an unanswered call."""
        if self._places.needs_places:
            self._ports.background.start(self._find_place(leg), DropReason.APPLICATION)

    async def _find_place_later(self, leg: LegId) -> None:
        for _ in range(PLACE_TRIES):
            await asyncio.sleep(PLACE_AGAIN_S)
            with suppress(CallrecError):
                return await self._find_place(leg)
        return None

    async def _find_place(self, leg: LegId, *, except_leg: LegId | None = None) -> None:
        """Ask Asterisk what the leg runs, and tell the call of all legs, without `except_leg`, to which other rules apply now."""
        self._place_told(leg, *await self._ports.leg_status.application_on(leg), except_leg=except_leg)
        for one, queue in self._places.unnoted_queues(leg).items():
            await self._ports.leg_notes.note_queue(one, queue)
            self._places.queue_noted(one, queue)

    def _place_told(self, leg: LegId, application: str, arguments: str, *, except_leg: LegId | None = None) -> None:
        for changed in self._places.runs(leg, application, arguments):
            if changed.id != except_leg:
                self.post(PlaceTold(changed))

    async def _was_stopped_by_dialplan(self, capture_id: CaptureId) -> bool:
        """A recorder that ends otherwise leaves its id on the leg; a press that the dialplan alone understood removes it."""
        capture = self.session.find(capture_id)
        if capture is None or capture.leg not in self.session.legs:
            return False
        return not await self._ports.leg_notes.recorder_on(capture.leg)

    async def _do(self, command: Command) -> None:
        try:
            await self._perform(command)
        except CallrecError as error:
            self._ports.observer.alarmed(Alarm(f"{_about(command)}: {error.code}", None), self.session.call)
        except Exception as error:  # noqa: BLE001 - the boundary of a call's work: one defect must not end its recording
            self._ports.observer.broke(f"call {self.session.call}: {type(command).__name__}", error)

    async def _perform(self, command: Command) -> None:  # noqa: C901, PLR0912 - one line for each kind of command
        ports = self._ports
        match command:
            case Write(entry):
                await self._write(entry)
            case OpenCapture():
                await self._open(command)
            case CloseCapture(capture):
                await self._close(capture)
            case MuteCapture():
                await self._mute(command)
            case NotePause(legs, since_s):  # awaited: who is told of a pause is not recorded, even if the daemon dies
                await ports.leg_notes.note_pause(legs, since_s)
            case ListenForOptOut(legs):
                ports.listen_for_digits(legs)
            case NoteOptOut(leg):
                self._places.opt_out((leg,))
                await ports.leg_notes.note_opt_out(leg)
            case Examine(capture):
                ports.background.start(self._examine(capture), DropReason.EXAMINE)
            case AskApplication(leg):
                ports.background.start(self._ask_application(leg), DropReason.APPLICATION)
            case AwaitVoice():
                ports.files.voices.await_voice(command, self.post)
            case Arm(wait, capture_id, after_s):
                asyncio.get_running_loop().call_later(after_s, self.post, DeadlinePassed(wait, capture_id))
            case Reply() | AnswerControl():
                self._reply(command)
            case Announce():
                ports.background.start(self._announce(command), DropReason.ANNOUNCE)
            case Light(users):
                ports.background.start(self._light(users), DropReason.DEVICE_STATE)
            case Alarm():
                ports.observer.alarmed(command, self.session.call)
            case Tell():
                ports.observer.told(command)
            case HandOver(recording):  # pragma: no branch - the last kind
                self._hand_over(recording)

    async def _write(self, entry: Entry) -> None:
        """A disk that does not answer must not cost the beginning of a call: the entry may still arrive, we go on."""
        try:
            async with asyncio.timeout(JOURNAL_S):
                await self._ports.journal.append(entry)
        except TimeoutError:
            self._ports.observer.alarmed(Alarm(AlarmCause.JOURNAL_SLOW, None), self.session.call)

    async def _open(self, command: OpenCapture) -> None:
        if undecodable := self.session.undecodable.get(command.capture.leg):
            self.post(CaptureRefused(command.capture.id, undecodable))
            return
        self._ports.files.watch(command.capture.id, self.post)
        try:
            mixmonitor = await self._ports.recorder.start(command.capture, command.rule)
        except CallrecError as error:
            is_unknown = isinstance(error, OutcomeUnknown)
            is_blocked = is_unknown and self._block(command.capture)
            self._refused(command.capture, error, may_be_at_work=is_unknown and not is_blocked)
            if is_unknown:
                late = self._follow_late_start(command.capture, is_blocked=is_blocked)
                self._ports.background.start(late, DropReason.LATE_CAPTURE)
        else:
            self._ports.files.requested(command.capture.id, mixmonitor)

    def _refused(self, capture: Capture, error: CallrecError, *, may_be_at_work: bool) -> None:
        is_away = isinstance(error, Unavailable)
        self.post(CaptureRefused(capture.id, error.code, unavailable=is_away, may_be_at_work=may_be_at_work))

    def _block(self, capture: Capture) -> bool:
        """Whether it is certain that no recorder writes this capture's files, now or later: then a recorder that Asterisk begins
        late has nothing to write to. False where one has begun, and where the disk does not say."""
        with suppress(CallrecError):
            return self._ports.spool.block(capture)
        return False

    async def _follow_late_start(self, capture: Capture, *, is_blocked: bool) -> None:
        """What became of a start that Asterisk has not answered. One that has begun goes to its call, which uses it or stops it;
        one whose files are blocked is stopped, so that it costs Asterisk nothing."""
        ports, looks = self._ports, 0
        while self.session.lives(capture.leg) and not (is_blocked and looks >= LATE_LOOKS):
            await asyncio.sleep(LATE_LOOK_S)
            looks += 1
            if not is_blocked and self._block(capture):  # the disk had refused
                is_blocked = True
                self.post(CaptureClosed(capture.id))
            with suppress(CallrecError):
                if mixmonitor := await ports.recorder.mixmonitor_of(capture):
                    if is_blocked or self.session.find(capture.id) is None:
                        await ports.recorder.stop(replace(capture, mixmonitor=mixmonitor))
                    else:
                        ports.files.requested(capture.id, mixmonitor)
                    return

    async def _close(self, capture: Capture) -> None:
        try:
            await self._ports.recorder.stop(capture)
        except CallrecError as error:
            self._refused(capture, error, may_be_at_work=not capture.mixmonitor and not self._block(capture))
        else:
            if self._ports.spool.capture_files(capture.id) is None and self._block(capture):
                self.post(CaptureClosed(capture.id))

    async def _mute(self, command: MuteCapture) -> None:
        """What could not be muted must not be called paused: the session hears of it."""
        capture, muted = command.capture, command.muted
        try:
            await self._ports.recorder.mute(capture, muted=muted, since_s=command.since_s)
        except CallrecError as error:
            self.post(MuteRefused(capture.id, muted, error.code))
        else:
            self.post(CaptureMuted(capture.id, muted))

    async def _ask_application(self, leg: LegId) -> None:
        """Post ApplicationTold. Where Asterisk does not answer, the session explains why nothing is recorded."""
        name, arguments = await self._ports.leg_status.application_on(leg)
        if self._places.needs_places:
            self._place_told(leg, name, arguments)
        audio = await self._ports.leg_status.audio(leg)
        self.post(ApplicationTold(leg, name, arguments, audio.rate_hz, audio.undecodable))

    async def _announce(self, command: Announce) -> None:
        """Play it to all legs at the same time. That one cannot be reached must not silence it for the others: it is an alarm."""
        if command.what is Signal.BEEP and not self._ports.announcer.is_up:
            return  # readiness says so; an alarm for each beep would tell nothing more
        at_mono_s = self._ports.clock.now().mono_s
        at_once = asyncio.Semaphore(LEGS_AT_ONCE)
        played = await asyncio.gather(*(self._play(leg, command.what, at_once) for leg in command.legs))
        if command.tells:  # the manifest says who was told that they are recorded
            self.post(Announced(command.capture.id, tuple(one for one, _ in played)), at_mono_s)
        for _, error in played:
            if error is not None:
                raise error

    async def _play(
        self, leg: LegId, what: Outcome | Told | Signal, at_once: asyncio.Semaphore
    ) -> tuple[Played, CallrecError | None]:
        began_s = self._ports.clock.now().mono_s
        try:
            async with at_once:
                spoken = self.session.legs.get(leg) if what is Told.PROMPT else None
                language, way = spoken.language if spoken else "", way_to(self.session, leg)
                return await self._ports.announcer.play(leg, what, language, way), None
        except CallrecError as error:
            return Played(leg, self._ports.clock.now().mono_s - began_s, error.code), error

    async def _examine(self, capture: Capture) -> None:
        """Files that do not grow: is nothing sent, or is their recorder dead? The leg's
        packet counters are read at two moments.

        Where Asterisk cannot say (a technology that does not count) the recorder is to blame: better a further capture than none.
        """
        if capture.id in self._examined:
            return
        self._examined.add(capture.id)
        try:
            if await self._is_undecodable(capture):
                return
            before = await self._flow(capture)
            await asyncio.sleep(EXAMINED_S)
            after = await self._flow(capture)
            if not self._is_explained(before, after) and not await self._grows_yet(capture, before):
                self.post(CaptureStalled(capture.id))
        finally:
            self._examined.discard(capture.id)

    async def _is_undecodable(self, capture: Capture) -> bool:
        """Whether the leg has gone on with what no recorder can hear: then the session learns of it."""
        with suppress(CallrecError):
            audio = await audio_now(self._ports.leg_status, capture.leg)
            if audio.undecodable:
                self.post(LegAudioTold(capture.leg, audio))
                return True
        return False

    def _is_explained(self, before: tuple[int, int] | None, after: tuple[int, int] | None) -> bool:
        if self.session.is_waiting:
            return True
        if before is None or after is None:
            return False
        return after[0] > before[0] or after[1] - before[1] <= QUIET_PACKETS_PER_S * EXAMINED_S

    async def _grows_yet(self, capture: Capture, before: tuple[int, int] | None) -> bool:
        """Of those who began to speak a moment ago nothing is written yet."""
        await asyncio.sleep(WRITTEN_S)
        return self.session.is_waiting or (before is not None and self._written_bytes(capture) > before[0])

    async def _flow(self, capture: Capture) -> tuple[int, int] | None:
        """(bytes in its files, packets that its leg has received and sent); None when either is not known."""
        try:
            packets = await self._ports.leg_status.packets(capture.leg)
            found = self._ports.spool.capture_files(capture.id)
        except CallrecError:
            return None
        if packets is None or found is None:
            return None
        return self._written_bytes(capture), packets

    def _written_bytes(self, capture: Capture) -> int:
        with suppress(CallrecError):
            if found := self._ports.spool.capture_files(capture.id):
                return found.bytes
        return 0

    def _hand_over(self, recording: Recording) -> None:
        for capture in recording.all_captures:
            self._ports.files.forget(capture.id)
        self._ports.hand_over(recording)

    async def _light(self, users: tuple[UserId, ...]) -> None:
        """As it is at this moment: commands may overtake each other, and a user can be in two calls."""
        for user in users:
            await self._ports.device_states.online(user, lit=user in self._lit(), blinks=user in self._blinking())


def _about(command: Command) -> AlarmCause:
    """What an alarm calls a command that could not be done."""
    match command:
        case Write():
            return AlarmCause.WRITE
        case OpenCapture():
            return AlarmCause.OPEN_CAPTURE
        case CloseCapture():
            return AlarmCause.CLOSE_CAPTURE
        case MuteCapture():
            return AlarmCause.MUTE_CAPTURE
        case _:
            return AlarmCause.HAND_OVER
