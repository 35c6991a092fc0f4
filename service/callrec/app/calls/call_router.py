"""Finds the call of each event of Asterisk and of each press, and keeps the workers of all calls of this node.

Events of the manager come in by `asterisk`, requests of the dialplan by `press`, `called` and `served`. Events of the spool go to
the calls directly (`app.calls.capture_files.spool_router`). After every connection recovery compares the calls with Asterisk's
list of channels by `resync`; events that arrive meanwhile are held (`app.calls.event_stream`).
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from callrec.app.calls.ami_events import (
    PARKED,
    QUEUE,
    TWO_PARTIES,
    UP,
    Dial,
    dial_of,
    is_leg,
    leg_id_of,
    leg_of,
    place_of,
    translate,
)
from callrec.app.calls.conversations import Conversations
from callrec.app.calls.event_limits import Bounds
from callrec.app.calls.event_stream import EventStream
from callrec.app.calls.legs.leg_arrivals import Arrivals, DialplanNews
from callrec.app.calls.legs.leg_places import LegPlaces
from callrec.app.calls.watches.quality_watch import QualityWatch
from callrec.app.calls.watches.rtp_watch import RtpWatch
from callrec.app.calls.watches.undecodable_watch import UndecodableWatch
from callrec.app.calls.worker import CallPorts, Worker
from callrec.app.ports.calls import Endpoints, Ids
from callrec.domain.calls.announcements.whispers import way_to
from callrec.domain.calls.commands import AnswerControl, Reply
from callrec.domain.calls.events import (
    CallMerged,
    Controlled,
    DialplanCompared,
    DialplanRecords,
    DialStarted,
    Event,
    FeatureCodeDialled,
    HoldChanged,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegBroken,
    LegGone,
    LegMoved,
    LegParked,
    LegsJoined,
    LegUnbridged,
    OptOutPressed,
    PausePressed,
    Pressed,
    ResyncEnded,
)
from callrec.domain.calls.ids import BridgeId, CallId, LegId, NodeId
from callrec.domain.calls.model import Control, Direction, Recording
from callrec.domain.calls.policy import Terms
from callrec.domain.calls.session import ACTIVE, Session, State
from callrec.domain.directory.model import User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import ControlAnswer, DropReason, Outcome
from callrec.protocols.ami import Message
from callrec.protocols.rtp_counters import last_counts_of

ENDED_CALLS = 1000
CONTROL_S = 5.0
"""How long an operator's request waits for its call, which may have other work."""
OUTCOME_S = 30.0
"""How long a press waits for its outcome: longer than every deadline of a session, so that only a defect reaches it."""


class CallRouter:
    """All live calls of this node."""

    def __init__(self, ports: CallPorts, *, node: NodeId, terms: Terms, ids: Ids, endpoints: Endpoints) -> None:
        self._ports = ports
        self._node, self._terms, self._ids, self._endpoints = node, terms, ids, endpoints
        self._calls: dict[CallId, Worker] = {}
        self._by_linkedid: dict[str, Worker] = {}
        self._linkedids: dict[CallId, set[str]] = {}
        """By call, the keys that lead to it in `_by_linkedid`."""
        self._by_leg: dict[LegId, Worker] = {}
        self._former_calls: dict[LegId, list[Worker]] = {}
        """The former calls of legs that go on in another one: a recorder of theirs may be on them until they hang up."""
        self._places = LegPlaces(endpoints)
        self._conversations = Conversations(self._places)
        self._arrivals = Arrivals()
        self._unknown_since: dict[tuple[LegId, BridgeId], float] = {}
        """Since when, in monotonic seconds, legs may talk that were compared before the tables told whose they are."""
        self._replies: dict[str, asyncio.Future[Outcome]] = {}
        self._controls: dict[str, asyncio.Future[ControlAnswer]] = {}
        self._presses = itertools.count(1)
        self._ended: deque[CallId] = deque(maxlen=ENDED_CALLS)
        """Calls that were live a while ago: a request for one is answered by that."""
        self._bounds = Bounds(ports.observer)
        self._quality = QualityWatch(ports.leg_status, ports.clock, ports.files.silences)
        self._stream = EventStream(ports.clock, ports.observer, self._deliver)
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Keep the calls' tasks, watch the growth of files, and ask how well RTP arrives. Ends by cancellation; recorders in
        Asterisk go on."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._ports.background.run_in(tasks)
            tasks.create_task(self._quality.watch(self._recorded), name="quality")
            undecodable = UndecodableWatch(self._ports.leg_status, self._ports.clock)
            tasks.create_task(undecodable.watch(self._recorded), name="undecodable")
            flow = RtpWatch(self._ports.leg_status, self._ports.clock, self._ports.files.overdue)
            tasks.create_task(flow.watch(self._recorded), name="rtp")
            await self._ports.files.watch_growth()

    def _recorded(self) -> Sequence[tuple[Session, Callable[[Event], None]]]:
        return [(worker.session, worker.post) for worker in self._calls.values() if _is_recorded(worker)]

    def live(self) -> Sequence[Session]:
        """The calls of this moment."""
        return [worker.session for worker in self._calls.values()]

    def blinking(self) -> frozenset[UserId]:
        """The users whose `*3` lamp blinks, since their call is paused."""
        return frozenset(user for worker in self._calls.values() for user in worker.session.blinking)

    def lit(self) -> frozenset[UserId]:
        """The users whose `*3` lamp a call has lit."""
        return frozenset(user for worker in self._calls.values() for user in worker.session.lit)

    # -- what comes in -----------------------------------------------------------------------------------------------

    def asterisk(self, message: Message) -> None:
        """A manager event, in the order of the stream."""
        self._stream.receive(message)

    def _deliver(self, message: Message, at_mono_s: float) -> None:
        if last := last_counts_of(message):
            self._quality.ended(last, at_mono_s)
            return
        if dial := dial_of(message):
            self._dialled(dial, at_mono_s, begins=message.event == "DialBegin")
        event = translate(message, self._endpoints)
        if event is None:
            return
        leg = leg_id_of(message)
        worker = self._by_leg.get(leg) or self._by_linkedid.get(message.get("Linkedid") or message.get("DestLinkedid"))
        if isinstance(event, LegBridged) and message.get("BridgeType") == TWO_PARTIES:
            self._conversations.note_parked_call_retrieved(event.leg, event.bridge)
        if isinstance(event, LegAppeared | LegBridged):
            if not self._may_follow(message, leg):
                return
            event = replace(event, leg=self._conversations.known(event.leg))
            worker = self._living(worker) or self._new_call(
                Session(self._new_id(), message.get("Linkedid"), self._node, self._terms)
            )
            self._by_leg[leg] = worker
            self._arrived(leg, worker)
            if message.event == "Newchannel" and event.leg.rules:
                note = self._ports.leg_notes.note_place(leg, place_of(message))
                self._ports.background.start(note, DropReason.RESYNC)
        if worker is None:
            return
        self._post(worker, leg, event, at_mono_s)
        if isinstance(event, LegGone):
            self._by_leg.pop(leg, None)
            self._tell_left(event, worker, at_mono_s)

    def _dialled(self, dial: Dial, at_mono_s: float, *, begins: bool) -> None:
        if begins and (caller := self._by_leg.get(dial.by)):
            caller.ask_place(dial.by)
        if (leg := self._conversations.dialled(dial)) and (worker := self._by_leg.get(leg.id)):
            worker.post(LegAppeared(leg), at_mono_s)
            if leg.direction is Direction.OUT:
                self._ports.background.start(self._ports.leg_notes.note_made(leg.id), DropReason.RESYNC)

    def _post(self, worker: Worker, leg: LegId, event: Event, at_mono_s: float | None = None) -> None:
        """To the leg's call; who enters the bridge of another call makes the two one first."""
        self._conversations.note(leg, event)
        if isinstance(event, LegBridged):
            for other in self._conversations.members(event.bridge):
                there = self._by_leg.get(other, worker)
                if there is not worker:
                    worker = self._merge_calls(there, worker, event, at_mono_s)
        worker.post(event, at_mono_s)

    def _tell_left(self, gone: LegGone, worker: Worker, at_mono_s: float | None = None) -> None:
        """The hangup of a leg ends recorders of its former calls, too."""
        for former in self._former_calls.pop(gone.leg, ()):
            if former is not worker:
                former.post(gone, at_mono_s)

    def _merge_calls(self, existing: Worker, arriving: Worker, event: LegBridged, at_mono_s: float | None) -> Worker:
        """The call that the arriving leg is in from here on. If the others of its former call talk on without it, only it moves.

        Else two calls become one: a paused one goes on, since its participants must not be recorded; else the recorded one, and
        of two alike the existing one. All legs of the other move over; what it has recorded is complete with that, and stored as
        such.
        """
        arriving_legs = [leg for leg, worker in self._by_leg.items() if worker is arriving]
        coming = self._conversations.connected(event.leg.id, arriving_legs)
        if self._conversations.is_between_phones(leg for leg in arriving_legs if leg not in coming):
            moving = [leg for leg in arriving_legs if leg in coming]
            for leg in moving:
                arriving.post(LegMoved(leg), at_mono_s)
            self._move(moving, existing, event.leg.id, at_mono_s)
            return existing
        goes_on, ends = (arriving, existing) if _rank(arriving) > _rank(existing) else (existing, arriving)
        ends.post(CallMerged(), at_mono_s)
        self._move([leg for leg, worker in self._by_leg.items() if worker is ends], goes_on, event.leg.id, at_mono_s)
        for linkedid in self._linkedids.pop(ends.session.call, ()):
            self._leads_to(linkedid, goes_on)
        return goes_on

    def _move(self, legs: Collection[LegId], to: Worker, coming: LegId, at_mono_s: float | None) -> None:
        """The other call learns of these legs; of the one that is coming its own news tells."""
        paused = frozenset(leg for leg in legs if leg in self._by_leg[leg].session.pause_noted)
        for leg in legs:
            self._former_calls.setdefault(leg, []).append(self._by_leg[leg])
        self._by_leg.update(dict.fromkeys(legs, to))
        known = [one for leg in legs if leg != coming and (one := self._conversations.leg(leg))]
        places = [(one, self._conversations.bridge_of(one.id)) for one in known]
        in_bridges = tuple(LegBridged(bridge, leg) for leg, bridge in places if bridge)
        to.post(LegsJoined(in_bridges, tuple(leg for leg, bridge in places if not bridge), paused), at_mono_s)

    def _living(self, worker: Worker | None) -> Worker | None:
        """A call that is over takes no new leg: a later leg of the same Linkedid begins another one."""
        return None if worker is None or worker.session.state is State.CLOSED else worker

    async def wait_for_leg(self, leg: LegId, within_s: float) -> bool:
        """Whether this leg is in a live call. A request of the dialplan may overtake the manager's Newchannel: it is waited for
        here, and nowhere else."""
        return leg in self._by_leg or await self._arrivals.wait(leg, within_s)

    async def press(self, leg: LegId, user: User | None, rate_hz: int | None, undecodable: str = "") -> Outcome:
        """`*3` on this leg: what came of it. Raises Unavailable when the call is not known: the dialplan has its own way then."""
        return await self._outcome(leg, lambda reply: Pressed(leg, user, reply, rate_hz, undecodable))

    async def press_pause(self, leg: LegId, user: User | None) -> Outcome:
        """`*4` on this leg: what came of it. Raises Unavailable as `press` does."""
        return await self._outcome(leg, lambda reply: PausePressed(leg, user, reply))

    async def _outcome(self, leg: LegId, pressed: Callable[[str], Event]) -> Outcome:
        worker = self._by_leg.get(leg)
        if worker is None:
            raise Unavailable(
                "call-not-known", "the call of this leg is not known", hint="see the check ami of /readyz"
            )
        reply = f"press-{next(self._presses)}"
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._replies[reply] = future
        worker.post(pressed(reply))
        try:
            async with asyncio.timeout(OUTCOME_S):
                return await future
        except TimeoutError:
            raise Unavailable("no-outcome", "the call did not answer the press in time") from None
        finally:
            del self._replies[reply]

    async def control(
        self, call: CallId, control: Control, reason: str, most_s: float | None, asker: str = ""
    ) -> ControlAnswer:
        """An operator's request about a live call: whether the call does it. `asker`: who, as in `Actor`. Raises Refused for an
        unknown call, Unavailable while Asterisk cannot be asked, or when the call does not answer."""
        if not self.link_is_up():
            raise Unavailable("ami-down", "there is no connection to Asterisk's manager", hint="/readyz says why")
        reply = f"control-{next(self._presses)}"
        future: asyncio.Future[ControlAnswer] = asyncio.get_running_loop().create_future()
        self._controls[reply] = future
        try:
            self._worker(call).post(Controlled(control, reply, reason, most_s, asker))
            async with asyncio.timeout(CONTROL_S):
                return await future
        except TimeoutError:
            raise Unavailable("no-outcome", "the call did not answer the request in time") from None
        finally:
            del self._controls[reply]

    async def until(self, call: CallId, condition: Callable[[Session], bool], within_s: float) -> Session:
        """The session of this call when this is true of it, or after so long. Raises Refused for an unknown call."""
        worker = self._worker(call)
        await worker.until(condition, within_s)
        return worker.session

    def _worker(self, call: CallId) -> Worker:
        if (worker := self._calls.get(call)) is not None:
            return worker
        if call in self._ended:
            raise Refused("call-ended", f"call {call} is over", hint="callrec recordings list has what was recorded")
        raise no_such_call(call)

    def _reply(self, command: Reply | AnswerControl) -> None:
        if isinstance(command, AnswerControl):
            answered = self._controls.get(command.reply)
            if answered is not None and not answered.done():
                answered.set_result(command.answer)
            return
        future = self._replies.get(command.reply)
        if future is not None and not future.done():
            future.set_result(command.outcome)

    def tell_presser(self, leg: LegId, outcome: Outcome, language: str) -> bool:
        """Begin to play an outcome to its presser alone; False while nothing can be played: the dialplan has to do it then."""
        announcer = self._ports.announcer
        if announcer.is_up:
            self._ports.background.start(self._tell_outcome(leg, outcome, language), DropReason.ANNOUNCE)
        return announcer.is_up

    async def _tell_outcome(self, leg: LegId, outcome: Outcome, language: str) -> None:
        """A press that changed nothing is always answered here, whatever CALLREC_CONFIRM says; the call announces a change."""
        worker = self._by_leg.get(leg)
        way = way_to(worker.session, leg) if worker else None
        await self._ports.announcer.play(leg, outcome, language, way)

    def link_is_up(self) -> bool:
        """Whether Asterisk can be asked now, and the calls are what it says they are."""
        return self._ports.link_is_up()

    def dial_started(self, leg: LegId, user: User | None, number: str, shown: tuple[str, str] = ("", "")) -> None:
        """The hook before Dial; `shown`: number and name that the leg shows to the phone that rings next."""
        self._tell(leg, DialStarted(leg, user, number, *shown))

    def feature_code_dialled(self, leg: LegId) -> None:
        """A feature code of ours was dialled on this leg."""
        self._tell(leg, FeatureCodeDialled(leg))

    def recorded_by_dialplan(self, leg: LegId) -> None:
        """The dialplan has its own recorder on this leg, which no call has adopted. The leg may be gone: its events are held."""
        self._tell(leg, DialplanRecords(leg))

    def compare_with_dialplan(self, recorded: Collection[LegId]) -> None:
        """The dialplan has its own recorder on these legs, which no call has adopted, and on no other."""
        self._arrivals.forget(DialplanRecords)
        for worker in self._calls.values():
            worker.post(DialplanCompared())
        for leg in recorded:
            self.recorded_by_dialplan(leg)

    def opt_out(self, leg: LegId) -> None:
        """The digit for it was pressed on this leg: its call says whether it counts."""
        if worker := self._by_leg.get(leg):
            worker.post(OptOutPressed(leg))

    def _tell(self, leg: LegId, event: DialplanNews) -> None:
        """A request of the dialplan may overtake the manager's news of its leg: what it said is kept for that."""
        if worker := self._by_leg.get(leg):
            worker.post(event)
        else:
            self._arrivals.keep(leg, event)

    def _arrived(self, leg: LegId, worker: Worker) -> None:
        for event in self._arrivals.came(leg):
            worker.post(event)

    # -- after a reconnect, after a restart --------------------------------------------------------------------------

    def miss_events(self) -> None:
        """The link is lost: events are missed until `resync`."""
        self._stream.times.lost()

    def seen_until_s(self) -> float:
        """Until when all calls are known, in Unix time; 0 before the first `resync`."""
        return self._stream.times.seen_until_s()

    def hold_events(self) -> None:
        """Hold events from here until `resync` or `release_events`."""
        self._stream.hold()

    def release_events(self) -> None:
        """Take the held events, and from here every event at once."""
        self._stream.release()

    def resync(
        self,
        channels: Sequence[Message],
        adopted: Sequence[Recording],
        *,
        asterisk_restarted: bool,
        bridges_s: Mapping[BridgeId, float] = MappingProxyType({}),
        holding: Mapping[LegId, bool] = MappingProxyType({}),
        opted_out: Collection[LegId] = (),
        is_complete: bool = True,
    ) -> None:
        """Make the calls what Asterisk says they are: `channels` are all its CoreShowChannel events of one listing.

        `adopted` are recordings that somebody else began (a former daemon, the dialplan), whose leg is among the channels and
        carries no capture of ours. When Asterisk itself was restarted, earlier captures are broken whatever their files say.
        `bridges_s`: when the bridges were made, in Unix time, as far as that is known; `holding`: which legs hold the others;
        `opted_out`: those of participants who have asked not to be recorded; `is_complete`: the tables tell whose legs they are,
        else they are compared again.
        """
        self._conversations.opt_out(opted_out)
        present = {LegId(channel.get("Uniqueid")): channel.get("Linkedid") for channel in channels}
        for recording in adopted:
            self._adopt(recording, present[recording.captures[-1].leg])
        for leg, worker in list(self._by_leg.items()):
            if leg not in present:
                if asterisk_restarted:
                    worker.post(LegBroken(leg, "asterisk-died"))
                gone = LegGone(leg, is_unseen=True)
                self._post(worker, leg, gone)
                del self._by_leg[leg]
                self._tell_left(gone, worker)
        for channel in filter(is_leg, channels):
            self._seen(channel, bridges_s)
        if is_complete:
            self._unknown_since.clear()
        for leg, holds_others in holding.items():
            if its := self._by_leg.get(leg):
                its.post(HoldChanged(leg, holds_others))
        self._stream.times.resynced()
        self.release_events()
        for worker in self._calls.values():
            worker.post(ResyncEnded())

    def is_recorded(self, leg: LegId, linkedid: str = "") -> bool:
        """Whether the call of this leg has a recording under way."""
        worker = self._by_leg.get(leg) or self._by_linkedid.get(linkedid)
        return worker is not None and _is_recorded(worker)

    def _adopt(self, recording: Recording, linkedid: str) -> None:
        """The call goes on with this recording. The list of channels tells its legs again.

        Should it have begun another one at this very moment (a press is not held back), that one is ended: a recorder on legs
        that its call has lost would never be stopped.
        """
        capture = recording.captures[-1]
        former = self._by_leg.get(capture.leg) or self._by_linkedid.get(linkedid)
        if former is not None:
            for one in filter(None, map(former.session.find, former.session.open_captures)):
                if one.mixmonitor:  # what has none yet is stopped by its call as soon as it is seen
                    self._ports.background.start(self._ports.recorder.stop(one), DropReason.RESYNC)
        for leg in [leg for leg, worker in self._by_leg.items() if former is not None and worker is former]:
            self._by_leg.pop(leg).post(LegGone(leg))
        worker = self._new_call(Session.resume(recording, self._terms))
        self._by_leg[capture.leg] = worker
        self._leads_to(linkedid, worker)
        for one in recording.all_captures:
            if one.id in worker.session.open_captures:
                self._ports.files.adopt(one, worker.post)

    def knows_bridge(self, leg: LegId, bridge: BridgeId) -> bool:
        """Whether an event told that the leg is in it."""
        return self._conversations.bridge_of(leg) == bridge

    def _may_follow(self, message: Message, leg: LegId) -> bool:
        return self._bounds.allow(message, known=leg in self._by_leg, calls=len(self._calls), legs=len(self._by_leg))

    def _seen(self, channel: Message, bridges_s: Mapping[BridgeId, float]) -> None:
        if not self._may_follow(channel, LegId(channel.get("Uniqueid"))):
            return
        bridge = BridgeId(channel.get("BridgeId"))
        if queue := channel.get(QUEUE):
            self._places.found_note(LegId(channel.get("Uniqueid")), queue)
        self._places.told(
            LegId(channel.get("Uniqueid")),
            channel.get("Application"),
            channel.get("ApplicationData"),
            in_bridge=bool(bridge),
        )
        leg = self._conversations.known(leg_of(channel, self._endpoints))
        worker = self._by_leg.get(leg.id) or self._by_linkedid.get(channel.get("Linkedid"))
        worker = worker or self._new_call(Session(self._new_id(), channel.get("Linkedid"), self._node, self._terms))
        self._by_leg[leg.id] = worker
        self._arrived(leg.id, worker)
        worker.post(LegAppeared(leg))
        if channel.get("ChannelState") == UP:
            worker.post(LegAnswered(leg.id))
        at_mono_s = None
        if bridge and not self.knows_bridge(leg.id, bridge):
            at_mono_s = self._stream.times.answered(bridges_s.get(bridge), channel.get("Duration"))
            self._unknown_since[leg.id, bridge] = at_mono_s
        elif bridge and (leg.id, bridge) in self._unknown_since:
            members = ((member, bridge) for member in self._conversations.members(bridge))
            at_mono_s = max(self._unknown_since[one] for one in members if one in self._unknown_since)
        self._post(worker, leg.id, LegBridged(bridge, leg) if bridge else LegUnbridged(None, leg.id), at_mono_s)
        if channel.get(PARKED):
            worker.post(LegParked(leg.id))

    # -- calls -------------------------------------------------------------------------------------------------------

    def _new_id(self) -> CallId:
        return CallId(self._ids.new_call())

    def _new_call(self, session: Session) -> Worker:
        worker = Worker(
            session, self._ports, reply=self._reply, lit=self.lit, blinking=self.blinking, places=self._conversations
        )
        self._calls[session.call] = worker
        self._leads_to(session.linkedid, worker)
        assert self._tasks is not None, "CallRouter.run comes first"  # noqa: S101 - an order of ours, not of the outside
        self._tasks.create_task(self._live(worker), name=f"call {session.call}")
        return worker

    async def _live(self, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            self._calls.pop(worker.session.call, None)
            self._ended.append(worker.session.call)
            for linkedid in self._linkedids.pop(worker.session.call, ()):
                if self._by_linkedid.get(linkedid) is worker:
                    del self._by_linkedid[linkedid]

    def _leads_to(self, linkedid: str, worker: Worker) -> None:
        """Later legs with this Linkedid are in this call."""
        self._by_linkedid[linkedid] = worker
        self._linkedids.setdefault(worker.session.call, set()).add(linkedid)


def no_such_call(call: str) -> Refused:
    """The error for a call that is not live, or that the one who asks may not know of."""
    return Refused("no-such-call", f"there is no live call {call[:80]!r}", hint="callrec calls list")


def _rank(worker: Worker) -> int:
    """Which of two calls goes on when they become one: that of the higher rank."""
    recording = worker.session.recording
    if recording is not None and recording.is_paused and worker.session.state in {*ACTIVE, State.ABSENT}:
        return 2
    return int(_is_recorded(worker))


def _is_recorded(worker: Worker) -> bool:
    return worker.session.state in ACTIVE
