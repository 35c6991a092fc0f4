"""The switchboard between Asterisk's news and the calls: finds the call of each event, and gives calls what they need.

Three streams come in: manager events (`asterisk`), spool events (`file_created`, `file_closed`) and presses from FastAGI
(`press`). After every reconnect `resync` compares what Asterisk says with what we believe; events that arrive meanwhile
wait behind it, so that old news cannot undo newer ones.
"""

import asyncio
import itertools
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from callrec.app.arrivals import Arrivals
from callrec.app.bounds import Bounds
from callrec.app.call_actor import CallActor, Observer
from callrec.app.event_times import EventTimes
from callrec.app.held_back import HeldBack
from callrec.app.ports import Announcer, Clock, Ids, Journal, Lamps, Recorder, Spool
from callrec.app.takes import OpenTakes
from callrec.app.talks import Talks
from callrec.app.translation import PARKED, TWO_PARTIES, UP, Dial, Endpoints, dial_of, is_leg, leg_of, translate
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Unavailable
from callrec.domain.model import BridgeId, CallId, Direction, LegId, NodeId, Recording, TakeId
from callrec.domain.policy import Terms
from callrec.domain.provisioning.model import User, UserId
from callrec.domain.session import Session
from callrec.domain.toggle import ACTIVE, State
from callrec.domain.vocabulary import DropReason
from callrec.protocols.ami import Message

MAX_BACKGROUND = 200
"""Tones and lamps under way at once; more are dropped and counted, since a tone minutes late says something false."""
OUTCOME_S = 30.0
"""How long a press waits for its outcome: longer than every deadline of a session, so that only a defect reaches it."""


class Engine:
    """All live calls of this node."""

    def __init__(
        self,
        *,
        node: NodeId,
        terms: Terms,
        clock: Clock,
        ids: Ids,
        journal: Journal,
        recorder: Recorder,
        spool: Spool,
        announcer: Announcer,
        lamps: Lamps,
        observer: Observer,
        endpoints: Endpoints,
        hand_over: Callable[[Recording], None],
        link_is_up: Callable[[], bool],
        spool_fault: Callable[[str, str], None] = lambda _code, _says: None,
    ) -> None:
        self.node, self.terms = node, terms
        self.clock, self.ids, self.journal = clock, ids, journal
        self.recorder, self.spool = recorder, spool
        self.announcer, self.lamps, self.observer = announcer, lamps, observer
        self.endpoints, self.link_is_up = endpoints, link_is_up
        self._intake = hand_over
        self.takes = OpenTakes(spool, spool_fault)
        self._calls: dict[CallId, CallActor] = {}
        self._by_linkedid: dict[str, CallActor] = {}
        self._by_leg: dict[LegId, CallActor] = {}
        self._talks = Talks()
        self._arrivals = Arrivals()
        self._replies: dict[str, asyncio.Future[m.Outcome]] = {}
        self._presses = itertools.count(1)
        self._held_back: HeldBack | None = None
        self._bounds = Bounds(observer)
        self._times = EventTimes(clock)
        self._tasks: asyncio.TaskGroup | None = None
        self._background = 0

    async def run(self) -> None:
        """Keep the calls' tasks and watch the growth of files. Ends by cancellation; recorders in Asterisk go on."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            await self.takes.watch_growth()

    def live(self) -> Sequence[Session]:
        """The calls of this moment."""
        return [actor.session for actor in self._calls.values()]

    def lit(self) -> frozenset[UserId]:
        """The users whose `*3` lamp a call has lit."""
        return frozenset(user for actor in self._calls.values() for user in actor.session.lit)

    # -- what comes in -----------------------------------------------------------------------------------------------

    def asterisk(self, message: Message) -> None:
        """A manager event, in the order of the stream."""
        at_mono_s = self._times.happened(message)
        if self._held_back is None:
            self._take(message, at_mono_s)
            return
        for _ in range(self._held_back.add(message, at_mono_s)):
            self.observer.dropped(DropReason.HELD_BACK)

    def _take(self, message: Message, at_mono_s: float) -> None:
        if dial := dial_of(message):
            self._dialled(dial, at_mono_s)
        event = translate(message, self.endpoints)
        if event is None:
            return
        leg = LegId(message.get("Uniqueid") or message.get("DestUniqueid"))
        actor = self._by_leg.get(leg) or self._by_linkedid.get(message.get("Linkedid") or message.get("DestLinkedid"))
        if isinstance(event, m.Bridged) and message.get("BridgeType") == TWO_PARTIES:
            self._talks.fetches(event.leg, event.bridge)
        if isinstance(event, m.LegAppeared | m.Bridged):
            if not self._may_follow(message, leg):
                return
            event = replace(event, leg=self._talks.known(event.leg))
            actor = self._living(actor) or self._new_call(
                Session(self._new_id(), message.get("Linkedid"), self.node, self.terms)
            )
            self._by_leg[leg] = actor
            self._arrived(leg, actor)
        if actor is None:
            return
        self._post(actor, leg, event, at_mono_s)
        if isinstance(event, m.LegGone):
            self._by_leg.pop(leg, None)

    def _dialled(self, dial: Dial, at_mono_s: float) -> None:
        if (leg := self._talks.dialled(dial)) and (actor := self._by_leg.get(leg.id)):
            actor.post(m.LegAppeared(leg), at_mono_s)
            if leg.direction is Direction.OUT:
                self.background(self.recorder.note_made(leg.id), DropReason.RESYNC)

    def _post(self, actor: CallActor, leg: LegId, event: m.Event, at_mono_s: float | None = None) -> None:
        """To the leg's call; who enters the bridge of another call makes the two one first."""
        self._talks.note(leg, event)
        if isinstance(event, m.Bridged):
            for other in self._talks.company(event.bridge):
                there = self._by_leg.get(other, actor)
                if there is not actor:
                    actor = self._met(there, actor, event, at_mono_s)
        actor.post(event, at_mono_s)

    def _met(self, there: CallActor, comes: CallActor, event: m.Bridged, at_mono_s: float | None) -> CallActor:
        """The call that the coming leg is in from here on. If those whom it leaves talk on, it comes alone. Else two calls become
        one: the one goes on that is recorded, and of two or none such the one that was there. All legs of the other move over,
        and what it has recorded is complete with that, and stored as such."""
        theirs = [leg for leg, actor in self._by_leg.items() if actor is comes]
        coming = self._talks.circle(event.leg.id, theirs)
        if self._talks.is_talk(leg for leg in theirs if leg not in coming):
            alone = [leg for leg in theirs if leg in coming]
            for leg in alone:
                comes.post(m.LegMoved(leg), at_mono_s)
            self._move(alone, there, event.leg.id, at_mono_s)
            return there
        goes_on, ends = (comes, there) if _is_recorded(comes) and not _is_recorded(there) else (there, comes)
        ends.post(m.TakenOver(), at_mono_s)
        self._move([leg for leg, actor in self._by_leg.items() if actor is ends], goes_on, event.leg.id, at_mono_s)
        for linkedid in [linkedid for linkedid, actor in self._by_linkedid.items() if actor is ends]:
            self._by_linkedid[linkedid] = goes_on
        return goes_on

    def _move(self, legs: Collection[LegId], to: CallActor, coming: LegId, at_mono_s: float | None) -> None:
        """The other call learns of these legs; of the one that is coming its own news tells."""
        self._by_leg.update(dict.fromkeys(legs, to))
        known = [one for leg in legs if leg != coming and (one := self._talks.leg(leg))]
        places = [(one, self._talks.bridge_of(one.id)) for one in known]
        talking = tuple(m.Bridged(bridge, leg) for leg, bridge in places if bridge)
        to.post(m.LegsJoined(talking, tuple(leg for leg, bridge in places if not bridge)), at_mono_s)

    def _living(self, actor: CallActor | None) -> CallActor | None:
        """A call that is over takes no new leg: a later leg of the same Linkedid begins another one."""
        return None if actor is None or actor.session.state is State.CLOSED else actor

    async def met(self, leg: LegId, within_s: float) -> bool:
        """Whether this leg is in a live call. A request of the dialplan may overtake the manager's Newchannel: it is waited for
        here, and nowhere else."""
        return leg in self._by_leg or await self._arrivals.wait(leg, within_s)

    async def press(self, leg: LegId, user: User | None, rate_hz: int | None) -> m.Outcome:
        """`*3` on this leg: what came of it. Raises Unavailable when the call is not known: the dialplan has its own way then."""
        actor = self._by_leg.get(leg)
        if actor is None:
            raise Unavailable("call-not-known", "the call of this leg is not known", hint="is the AMI link up?")
        reply = f"press-{next(self._presses)}"
        future: asyncio.Future[m.Outcome] = asyncio.get_running_loop().create_future()
        self._replies[reply] = future
        actor.post(m.Pressed(leg, user, reply, rate_hz))
        try:
            async with asyncio.timeout(OUTCOME_S):
                return await future
        except TimeoutError:
            raise Unavailable("no-outcome", "the call has not said what came of the press") from None
        finally:
            del self._replies[reply]

    def called(self, leg: LegId, user: User | None, number: str) -> None:
        """The hook before Dial."""
        self._tell(leg, m.Called(leg, user, number))

    def served(self, leg: LegId) -> None:
        """A feature code of ours was dialled on this leg."""
        self._tell(leg, m.Served(leg))

    def _tell(self, leg: LegId, event: m.Called | m.Served) -> None:
        """A request of the dialplan may overtake the manager's news of its leg: what it said is kept for that."""
        if actor := self._by_leg.get(leg):
            actor.post(event)
        else:
            self._arrivals.keep(leg, event)

    def _arrived(self, leg: LegId, actor: CallActor) -> None:
        if event := self._arrivals.came(leg):
            actor.post(event)

    # -- after a reconnect, after a restart --------------------------------------------------------------------------

    def hold_back(self) -> None:
        """From here until `resync`, events wait."""
        self._held_back = HeldBack()

    def let_in(self) -> None:
        """Asterisk could not be asked: take the news as they come."""
        held_back, self._held_back = self._held_back or (), None
        for message, at_mono_s in held_back:
            self._take(message, at_mono_s)

    def resync(
        self,
        channels: Sequence[Message],
        adopted: Sequence[Recording],
        *,
        asterisk_restarted: bool,
        bridges_s: Mapping[BridgeId, float] = MappingProxyType({}),
        holding: Mapping[LegId, bool] = MappingProxyType({}),
    ) -> None:
        """Make the calls what Asterisk says they are: `channels` are all its CoreShowChannel events of one listing.

        `adopted` are recordings that somebody else began (a former daemon, the dialplan), whose leg is among the channels and
        carries no take of ours. When Asterisk itself was restarted, takes of before are broken, whatever their files look like.
        `bridges_s`: when the bridges were made, in Unix time, as far as that is known; `holding`: which legs hold the others.
        """
        present = {LegId(channel.get("Uniqueid")): channel.get("Linkedid") for channel in channels}
        for recording in adopted:
            self._adopt(recording, present[recording.takes[-1].leg])
        for leg, actor in list(self._by_leg.items()):
            if leg not in present:
                if asterisk_restarted:
                    actor.post(m.LegBroken(leg, "asterisk-died"))
                self._post(actor, leg, m.LegGone(leg, is_missed=True))
                del self._by_leg[leg]
        for channel in filter(is_leg, channels):
            self._seen(channel, bridges_s)
        for leg, is_held in holding.items():
            if its := self._by_leg.get(leg):
                its.post(m.HoldChanged(leg, is_held))
        self.let_in()
        for actor in self._calls.values():
            actor.post(m.Reconsidered())

    def is_recorded(self, leg: LegId, linkedid: str = "") -> bool:
        """Whether the call of this leg has a recording under way."""
        actor = self._by_leg.get(leg) or self._by_linkedid.get(linkedid)
        return actor is not None and _is_recorded(actor)

    def _adopt(self, recording: Recording, linkedid: str) -> None:
        """The call goes on with this recording. What we knew of it without one is told anew by the listing.

        Should it have begun another one at this very moment (a press is not held back), that one is ended: a recorder on legs
        that its call has lost would be stopped by nobody.
        """
        take = recording.takes[-1]
        former = self._by_leg.get(take.leg) or self._by_linkedid.get(linkedid)
        if former is not None:
            for one in filter(None, map(former.session.find, former.session.open_takes)):
                if one.mixmonitor:  # what has none yet is stopped by its call as soon as it is seen
                    self.background(self.recorder.stop(one), DropReason.RESYNC)
        for leg in [leg for leg, actor in self._by_leg.items() if former is not None and actor is former]:
            self._by_leg.pop(leg).post(m.LegGone(leg))
        actor = self._new_call(Session.resume(recording, self.terms))
        self._by_leg[take.leg] = self._by_linkedid[linkedid] = actor
        self.takes.adopt(take, actor.post)

    def knows_bridge(self, leg: LegId, bridge: BridgeId) -> bool:
        """Whether an event told that the leg is in it."""
        return self._talks.bridge_of(leg) == bridge

    def _may_follow(self, message: Message, leg: LegId) -> bool:
        return self._bounds.allow(message, known=leg in self._by_leg, calls=len(self._calls), legs=len(self._by_leg))

    def _seen(self, channel: Message, bridges_s: Mapping[BridgeId, float]) -> None:
        if not self._may_follow(channel, LegId(channel.get("Uniqueid"))):
            return
        leg = self._talks.known(leg_of(channel, self.endpoints))
        actor = self._by_leg.get(leg.id) or self._by_linkedid.get(channel.get("Linkedid"))
        actor = actor or self._new_call(Session(self._new_id(), channel.get("Linkedid"), self.node, self.terms))
        self._by_leg[leg.id] = actor
        self._arrived(leg.id, actor)
        bridge = BridgeId(channel.get("BridgeId"))
        actor.post(m.LegAppeared(leg))
        if channel.get("ChannelState") == UP:
            actor.post(m.LegAnswered(leg.id))
        at_mono_s = None
        if bridge and not self.knows_bridge(leg.id, bridge):
            at_mono_s = self._times.answered(bridges_s.get(bridge), channel.get("Duration"))
        self._post(actor, leg.id, m.Bridged(bridge, leg) if bridge else m.Unbridged(None, leg.id), at_mono_s)
        if channel.get(PARKED):
            actor.post(m.Parked(leg.id))

    # -- Surroundings of the calls -----------------------------------------------------------------------------------

    def watch(self, take: TakeId, actor: CallActor) -> None:
        """See Surroundings."""
        self.takes.watch(take, actor.post)

    def requested(self, take: TakeId, mixmonitor: str) -> None:
        """See Surroundings."""
        self.takes.requested(take, mixmonitor)

    def hand_over(self, recording: Recording) -> None:
        """See Surroundings."""
        for take in recording.takes:
            self.takes.forget(take.id)
        self._intake(recording)

    def reply(self, command: m.Reply) -> None:
        """See Surroundings."""
        future = self._replies.get(command.reply)
        if future is not None and not future.done():
            future.set_result(command.outcome)

    def background(self, work: Coroutine[None, None, None], what: DropReason) -> None:
        """See Surroundings."""
        if self._tasks is None or self._background >= MAX_BACKGROUND:
            work.close()
            self.observer.dropped(what)
            return
        self._background += 1
        self._tasks.create_task(self._beside(work, what))

    async def _beside(self, work: Coroutine[None, None, None], what: DropReason) -> None:
        try:
            await work
        except CallrecError as error:
            self.observer.alarmed(m.Alarm(f"{what}: {error.code}", None), "")
        except Exception as error:  # noqa: BLE001 - a task boundary: a tone that fails must not end the daemon
            self.observer.broke(what, error)
        finally:
            self._background -= 1

    # -- calls -------------------------------------------------------------------------------------------------------

    def _new_id(self) -> CallId:
        return CallId(self.ids.new_call())

    def _new_call(self, session: Session) -> CallActor:
        actor = CallActor(session, self)
        self._calls[session.call] = self._by_linkedid[session.linkedid] = actor
        assert self._tasks is not None, "Engine.run comes first"  # noqa: S101 - an order of ours, not of the outside
        self._tasks.create_task(self._live(actor), name=f"call {session.call}")
        return actor

    async def _live(self, actor: CallActor) -> None:
        try:
            await actor.run()
        finally:
            self._calls.pop(actor.session.call, None)
            for linkedid in [linkedid for linkedid, one in self._by_linkedid.items() if one is actor]:
                del self._by_linkedid[linkedid]


def _is_recorded(actor: CallActor) -> bool:
    return actor.session.state in ACTIVE
