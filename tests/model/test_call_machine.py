"""A call in a world where anything may happen in any order, and what must be true of it all the same.

The world is simple: phones and Local channels that come, meet, part and hang up; takes that open, grow, stall, close, refuse
or lie; deadlines that come when they come; a daemon that dies. The session sees it through events alone, as in life.
"""

from collections.abc import Iterable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callrec.domain import messages as m
from callrec.domain.handling import handle
from callrec.domain.lifecycle import Step
from callrec.domain.model import (
    BridgeId,
    CallId,
    Direction,
    Instant,
    Leg,
    LegId,
    NodeId,
    Recording,
    RecordingId,
    TakeId,
)
from callrec.domain.naming import recording_of
from callrec.domain.policy import OverridesAlways, Terms, decide
from callrec.domain.provisioning.model import RecordRules, Rule, User, UserId
from callrec.domain.session import Session
from callrec.domain.toggle import ACTIVE, State

NEVER = RecordRules(*[Rule.NEVER] * 4)
USERS = (
    None,
    User(UserId("1"), "plain"),
    User(UserId("2"), "online", online_record=True),
    User(UserId("3"), "online too", online_record=True),
    User(UserId("4"), "flagged", call_record=True, online_record=True),
    User(UserId("5"), "never", online_record=True, rules=NEVER),
)
BRIDGES = (BridgeId("b1"), BridgeId("b2"))
ALIEN = TakeId("z-1-1")
MAX_ROUNDS = 20
MIN_LEGS = 2
PATIENCE = 7
"""Most runs keep a conversation going: what is over soon shows little."""


def assert_in_order(recording: Recording) -> None:
    """Whatever came when: each time of a recording that intake gets begins before it ends, and is a part of the recording."""
    from_s, to_s = recording.from_s, recording.to_s
    assert to_s is not None
    assert from_s <= to_s, "it ends before it begins"
    for take in recording.takes:
        assert take.to_s is not None
        assert from_s <= take.from_s <= take.to_s, take
    for span in (*recording.waiting, *recording.pauses, *recording.missing):
        assert span.to_s is not None
        assert from_s <= span.from_s <= span.to_s <= to_s, span
    for party in recording.parties:  # present since before the press, maybe
        assert party.to_s is not None
        assert party.from_s <= party.to_s <= to_s, party
        assert party.to_s >= from_s, party


class CallMachine(RuleBasedStateMachine):
    """One call, from nothing to over."""

    def __init__(self) -> None:
        super().__init__()
        self.terms = Terms()
        self.session = Session(CallId("c"), "c.1", NodeId("n"), self.terms)
        self.now_s = 100.0
        self.legs: dict[LegId, Leg] = {}
        self.bridges: dict[LegId, BridgeId] = {}
        self.count = 0
        self.deadlines: list[tuple[float, m.Wait, TakeId | None]] = []
        self.takes: list[TakeId] = []
        self.grown: set[TakeId] = set()
        self.muted: dict[TakeId, bool] = {}
        self.stopped: set[TakeId] = set()
        self.recordings: set[RecordingId] = set()
        self.handed: list[Recording] = []
        self.journal: dict[RecordingId, Recording] = {}
        self.lit: set[UserId] = set()
        self.waiting: set[str] = set()
        self.was_due = False
        self.is_behind = False
        self.late_s = 0.0

    @rule(late_s=st.sampled_from((0.0, 0.0, 0.3, 5.0, 700.0)))
    def the_news_come_late(self, late_s: float) -> None:
        """The daemon was stopped, or its link was down: old news come behind newer ones."""
        self.is_behind, self.late_s = late_s > 0, late_s

    @initialize(
        overrides=st.sampled_from(OverridesAlways),
        caller=st.sampled_from((USERS[2], USERS[4])),
        callee=st.sampled_from((USERS[0], USERS[3], USERS[4])),
    )
    def a_call_is_answered(self, overrides: OverridesAlways, caller: User | None, callee: User | None) -> None:
        """Somebody who may record talks to somebody."""
        self.terms = Terms(overrides_always=overrides)
        self.session = Session(CallId("c"), "c.1", NodeId("n"), self.terms)
        self.a_phone_comes(caller, Direction.OUT, BRIDGES[0])
        self.a_phone_comes(callee, Direction.IN, BRIDGES[0])

    # -- the session and what it asks for ----------------------------------------------------------------------------

    def tell(self, event: m.Event) -> None:
        """One event; every command is checked against the world and then done in it."""
        if isinstance(event, m.TakeGrew):
            self.grown.add(event.take)
        # What Asterisk tells has happened before it is read; what a daemon finds out by itself (a listing) is of this moment.
        is_late = self.is_behind and not isinstance(event, m.DeadlinePassed | m.Pressed | m.LegAppeared)
        at_mono_s = self.now_s - self.late_s if is_late else None
        self.session, commands = handle(self.session, event, Instant(1e9 + self.now_s, self.now_s), at_mono_s)
        intents: set[TakeId] = set()
        for command in commands:
            self.perform(command, intents)
        self.was_due = self.was_due or Rule.ALWAYS in self.wanted()
        self.check()

    def perform(self, command: m.Command, intents: set[TakeId]) -> None:  # noqa: C901 - one line for each kind
        """Do what the session asks, and object to what it must not ask."""
        match command:
            case m.Write(entry):
                self.journal[entry.recording.id] = entry.recording
                if entry.step is Step.INTENT:
                    intents.add(entry.recording.takes[-1].id)
            case m.OpenTake(take):
                self.opened(take.id, intents)
                assert take.leg in self.legs, "a take on a leg that is gone"
            case m.CloseTake(take):
                self.assert_ours(take.id)
                self.stopped.add(take.id)
            case m.Announce(take):
                self.assert_ours(take.id)
            case m.MuteTake(take, muted):
                self.assert_ours(take.id)
                self.muted[take.id] = muted
            case m.Arm(wait, take_id, after_s):
                self.deadlines.append((self.now_s + after_s, wait, take_id))
            case m.Reply(reply):
                assert reply in self.waiting, "a second answer to one press"
                self.waiting.remove(reply)
            case m.Light(users, lit):
                self.lit = self.lit | set(users) if lit else self.lit - set(users)
                if lit:
                    assert self.session.state is State.RECORDING
                    assert self.session.take is not None
                    assert self.session.take.id in self.grown
            case m.HandOver(recording):
                assert recording.id not in {one.id for one in self.handed}, "handed over twice"
                assert recording.to_s is not None
                assert None not in {take.to_s for take in recording.takes}
                assert None not in {party.to_s for party in recording.parties}
                assert None not in {pause.to_s for pause in recording.pauses}
                assert_in_order(recording)
                self.handed.append(recording)
            case _:
                pass

    def opened(self, take: TakeId, intents: set[TakeId]) -> None:
        """A take is asked for."""
        assert take in intents, "no journal entry before the recorder"
        assert take not in self.takes, "a take's id is used twice"
        self.assert_ours(take, asked=False)
        if take.endswith("-1"):
            assert recording_of(take) not in self.recordings, "a recording's id is used twice"
        self.recordings.add(recording_of(take))
        self.takes.append(take)

    def assert_ours(self, take: TakeId, *, asked: bool = True) -> None:
        """No command touches a take of somebody else, nor one that intake owns."""
        assert not asked or take in self.takes, "a foreign take"
        assert recording_of(take) not in {one.id for one in self.handed}, "a command after the hand-over"

    def conversations(self) -> list[list[Leg]]:
        """The world's own view: who is in one bridge with whom (Local halves are looked through by the session alone)."""
        members: dict[BridgeId, list[Leg]] = {}
        for leg, bridge in self.bridges.items():
            members.setdefault(bridge, []).append(self.legs[leg])
        return [legs for legs in members.values() if len(legs) > 1 and not all(leg.is_local for leg in legs)]

    def wanted(self) -> set[Rule | None]:
        """What policy wants of the conversations of this moment."""
        return {decide(legs).rule for legs in self.session.conversations()}

    # -- what is true after every event ------------------------------------------------------------------------------

    def check(self) -> None:
        """What holds between any two events."""
        s, take = self.session, self.session.take
        if s.state is State.RECORDING:
            assert take is not None
            assert take.id in self.grown, "recording without growth"
        # A stop that Asterisk refuses is no choice of ours.
        if take is not None and s.state in ACTIVE and take.id not in self.stopped:
            for legs in self.conversations():
                protected = decide(legs).rule is Rule.NEVER and take.leg in {leg.id for leg in legs}
                assert not protected, "never is recorded"
        if s.state in ACTIVE and s.recorded_user_left and take is not None and take.id not in self.stopped:
            assert not s.conversations(), "recorded on after its user has left"
        if take is not None and s.state is State.PAUSED and take.id in s.open_takes and take.mixmonitor:
            assert self.muted.get(take.id), "voice in a pause"
        if take is not None and s.state is State.RECORDING:
            assert not self.muted.get(take.id), "silence in a recording"
        if s.state is not State.CLOSED and Rule.ALWAYS in self.wanted():
            assert s.state in (*ACTIVE, State.FAILED), "policy's call is left alone"
            if len(s.conversations()) == 1 and s.state in ACTIVE:
                assert take is not None
                assert take.leg in {leg.id for leg in s.conversations()[0]}, "the take is elsewhere"

    @invariant()
    def lamps_are_true(self) -> None:
        """Those are lit who are in the recorded conversation, nobody else, and none when nothing is recorded."""
        assert set(self.session.lit) == self.lit
        present = {leg.user.id for leg in self.legs.values() if leg.user}
        assert self.lit <= present
        assert not self.lit or self.session.state is State.RECORDING

    # -- legs and bridges --------------------------------------------------------------------------------------------

    @precondition(lambda self: self.session.state is not State.CLOSED and len(self.legs) < 5)
    @rule(user=st.sampled_from(USERS), direction=st.sampled_from(Direction), bridge=st.sampled_from((None, *BRIDGES)))
    def a_phone_comes(self, user: User | None, direction: Direction, bridge: BridgeId | None) -> None:
        """It rings, and may be answered at once."""
        self.count += 1
        leg = LegId(f"leg{self.count}")
        self.comes(Leg(leg, f"PJSIP/{leg}-1", direction, user), bridge)

    @precondition(lambda self: self.session.state is not State.CLOSED and len(self.legs) < 5)
    @rule(bridges=st.permutations((None, *BRIDGES)))
    def a_local_channel_comes(self, bridges: list[BridgeId | None]) -> None:
        """Both its halves, in different bridges or in none."""
        self.count += 1
        for half, bridge in enumerate(bridges[:2], start=1):
            self.comes(Leg(LegId(f"local{self.count}.{half}"), f"Local/9@q-{self.count};{half}", Direction.IN), bridge)

    def comes(self, leg: Leg, bridge: BridgeId | None) -> None:
        """A channel is new."""
        self.legs[leg.id] = leg
        self.tell(m.LegAppeared(leg))
        if bridge:
            self.enters(leg.id, bridge)

    def enters(self, leg: LegId, bridge: BridgeId) -> None:
        """A leg is answered, or changes its bridge."""
        self.bridges[leg] = bridge
        self.tell(m.Bridged(bridge, self.legs[leg], 8000))

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), bridge=st.sampled_from(BRIDGES))
    def a_leg_enters_a_bridge(self, data: st.DataObject, bridge: BridgeId) -> None:
        """Whether or not its leaving of the former one was told."""
        self.enters(data.draw(st.sampled_from(sorted(self.legs))), bridge)

    @precondition(lambda self: self.bridges)
    @rule(data=st.data(), told=st.sampled_from((*BRIDGES, None)))
    def a_leg_leaves_a_bridge(self, data: st.DataObject, told: BridgeId | None) -> None:
        """Or late news of a bridge that it is not in any more."""
        leg = data.draw(st.sampled_from(sorted(self.bridges)))
        if told in (None, self.bridges[leg]):
            del self.bridges[leg]
        self.tell(m.Unbridged(told, leg))

    @precondition(lambda self: len(self.legs) > (MIN_LEGS if self.count < PATIENCE else 0))
    @rule(data=st.data(), broken=st.booleans())
    def a_leg_hangs_up(self, data: st.DataObject, *, broken: bool) -> None:
        """Or dies with Asterisk."""
        self.goes(data.draw(st.sampled_from(sorted(self.legs))), broken=broken)

    def goes(self, leg: LegId, *, broken: bool = False) -> None:
        """A channel is no more."""
        del self.legs[leg]
        self.bridges.pop(leg, None)
        if broken:
            self.tell(m.LegBroken(leg, "asterisk-died"))
        self.tell(m.LegGone(leg))

    @precondition(lambda self: self.session.state is not State.CLOSED and len(self.legs) < 4)
    @rule(
        users=st.lists(st.sampled_from(USERS), min_size=2, max_size=2),
        bridge=st.sampled_from(BRIDGES),
        waits=st.booleans(),
    )
    def another_call_comes_to_this_one(self, users: list[User | None], bridge: BridgeId, *, waits: bool) -> None:
        """With all its legs at once; one of them may be in no bridge."""
        legs = []
        for user in users:
            self.count += 1
            leg = LegId(f"leg{self.count}")
            legs.append(Leg(leg, f"PJSIP/{leg}-1", Direction.IN, user))
        self.legs.update({leg.id: leg for leg in legs})
        talking = legs[1:] if waits else legs
        self.bridges.update({leg.id: bridge for leg in talking})
        self.tell(
            m.LegsJoined(tuple(m.Bridged(bridge, leg, 8000) for leg in talking), tuple(legs[:1] if waits else ()))
        )

    @precondition(lambda self: any(len(legs) > 2 for legs in self.conversations()))
    @rule(data=st.data())
    def a_leg_goes_to_another_call(self, data: st.DataObject) -> None:
        """Alive, from those who talk on; its recorder must not go on there."""
        legs = next(legs for legs in self.conversations() if len(legs) > 2)
        leg = data.draw(st.sampled_from(sorted(one.id for one in legs)))
        del self.legs[leg], self.bridges[leg]
        on_it = [one.id for one in self.session.recording.takes if one.leg == leg] if self.session.recording else []
        due = [take for take in on_it if take in self.session.open_takes]
        self.tell(m.LegMoved(leg))
        assert set(due) <= self.stopped, "a recorder went along"

    @precondition(lambda self: self.session.state is not State.CLOSED and self.count >= PATIENCE)
    @rule()
    def another_call_takes_this_one_over(self) -> None:
        """All legs live on, elsewhere, and no recorder of ours."""
        due = [take for take in self.session.open_takes if self.session.find(take) == self.session.take]
        self.legs.clear()
        self.bridges.clear()
        self.tell(m.TakenOver())
        assert set(due) <= self.stopped, "a recorder went along"
        assert self.session.state is State.CLOSED

    @rule(user=st.sampled_from(USERS))
    def somebody_is_called(self, user: User | None) -> None:
        """The hook before Dial."""
        self.tell(m.Called(LegId("leg1"), user, "1000"))

    @rule(status=st.sampled_from(("BUSY", "ANSWER")))
    def a_dial_ends(self, status: str) -> None:
        """With Asterisk's word for it."""
        self.tell(m.DialEnded(status))

    @rule()
    def the_links_are_back(self) -> None:
        """After a reconnect."""
        self.tell(m.Reconsidered())

    # -- people ------------------------------------------------------------------------------------------------------

    @rule(data=st.data(), stranger=st.sampled_from(USERS), hasty=st.booleans())
    def somebody_presses(self, data: st.DataObject, stranger: User | None, *, hasty: bool) -> None:
        """On any leg, alive or not, as the one whose leg it is; and sometimes too soon."""
        if not hasty:
            self.time_passes(1.0)
        leg = data.draw(st.sampled_from([*sorted(self.legs), LegId("gone")]))
        self.count += 1
        self.waiting.add(f"reply{self.count}")
        own = self.legs[leg].user if leg in self.legs else None
        self.tell(m.Pressed(leg, own or stranger, f"reply{self.count}", 8000))
        # A leg whose user was unknown may belong to its presser from here on.
        if leg in self.legs and leg in self.session.legs:
            assert self.session.legs[leg].user in (own, stranger)
            self.legs[leg] = self.session.legs[leg]

    # -- files and deadlines -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.session.take)
    @rule(news=st.sampled_from(("seen", "grew", "seen and grew", "seen and grew", "stalled", "deaf", "closed")))
    def the_current_take_speaks(self, news: str) -> None:
        """As takes do."""
        assert self.session.take is not None
        take = self.session.take.id
        if "seen" in news:
            self.tell(m.TakeSeen(take, f"0x{take}"))
        if "grew" in news:
            self.tell(m.TakeGrew(take))
        if news == "stalled":
            self.tell(m.TakeStalled(take))
        if news == "deaf":
            self.tell(m.TakeDeaf(take, LegId("other")))
        if news == "closed":
            self.tell(m.TakeClosed(take))

    @precondition(lambda self: self.session.take)
    @rule(unavailable=st.booleans())
    def the_current_command_is_refused(self, *, unavailable: bool) -> None:
        """Whatever it was."""
        assert self.session.take is not None
        self.tell(m.TakeRefused(self.session.take.id, "refused", unavailable))

    @precondition(lambda self: self.session.open_takes)
    @rule(data=st.data())
    def a_take_closes(self, data: st.DataObject) -> None:
        """Because it was asked for, or not."""
        self.tell(m.TakeClosed(data.draw(st.sampled_from(sorted(self.session.open_takes)))))

    @rule(data=st.data(), unavailable=st.booleans())
    def anything_is_said_of_any_take(self, data: st.DataObject, *, unavailable: bool) -> None:
        """Late, early, twice, untrue."""
        take = data.draw(st.sampled_from([ALIEN, *self.takes[-4:]]))
        refusal = m.TakeRefused(take, "refused", unavailable)
        news = (
            m.TakeSeen(take, "0x1"),
            m.TakeGrew(take),
            m.TakeQuiet(take),
            m.TakeStalled(take),
            m.TakeDeaf(take, LegId("other")),
            m.TakeClosed(take),
            m.TakeStopped(take),
            refusal,
            m.Announced(take),
        )
        self.tell(data.draw(st.sampled_from(news)))

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), begins=st.booleans())
    def a_leg_waits_or_lets_wait(self, data: st.DataObject, *, begins: bool) -> None:
        """Hold, music, a parking lot."""
        leg = data.draw(st.sampled_from(sorted(self.legs)))
        news = (m.HoldChanged(leg, begins), m.MusicChanged(leg, begins), m.Parked(leg))
        self.tell(data.draw(st.sampled_from(news)))

    @rule(data=st.data(), wait=st.sampled_from(m.Wait))
    def any_deadline_comes(self, data: st.DataObject, wait: m.Wait) -> None:
        """One that nobody armed, or long ago."""
        self.tell(m.DeadlinePassed(wait, data.draw(st.sampled_from([None, ALIEN, *self.takes[-4:]]))))

    @rule(seconds=st.sampled_from((0.1, 1.0, 2.0, 7.0, 601.0)))
    def time_passes(self, seconds: float) -> None:
        """And what was armed comes when it is due."""
        until_s = self.now_s + seconds
        for due in sorted((one for one in self.deadlines if one[0] <= until_s), key=lambda one: one[0]):
            self.deadlines.remove(due)
            self.now_s = max(self.now_s, due[0])
            self.tell(m.DeadlinePassed(due[1], due[2]))
        self.now_s = until_s

    # -- the daemon --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.session.take and self.session.take.leg in self.legs and not self.session.set_aside)
    @rule(order=st.randoms(use_true_random=False))
    def the_daemon_is_killed(self, order: st.randoms) -> None:  # type: ignore[valid-type]
        """The next one reads the journal, asks who is there, and hears it in any order. Dialogues and deadlines are lost."""
        assert self.session.recording is not None
        last = self.journal[self.session.recording.id]
        self.session = Session.resume(last, self.terms)
        self.deadlines, self.grown, self.lit = [], set(), set()
        self.waiting.clear()
        legs = list(self.legs.values())
        order.shuffle(legs)  # type: ignore[attr-defined]
        self.relearn(legs)
        self.tell(m.Reconsidered())

    def relearn(self, legs: Iterable[Leg]) -> None:
        """One listing of the channels. In its midst the view is partial: only commands are checked."""
        check, self.check = self.check, lambda: None  # type: ignore[method-assign]
        for leg in legs:
            self.tell(m.LegAppeared(leg))
            bridge = self.bridges.get(leg.id)
            self.tell(m.Bridged(bridge, leg) if bridge else m.Unbridged(None, leg.id))
        self.check = check  # type: ignore[method-assign]

    # -- the end -----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Everybody hangs up, every deadline comes: the call is over, and nothing of it is missing."""
        if not self.legs:
            self.comes(Leg(LegId("last"), "PJSIP/last-1", Direction.OUT), None)
        for leg in list(self.legs):
            self.goes(leg)
        for _ in range(MAX_ROUNDS):
            if not self.deadlines:
                break
            self.time_passes(601.0)
        assert not self.deadlines, "deadlines without end"
        assert self.session.over
        assert not self.lit
        assert not self.waiting, "a press without an answer"
        assert self.recordings <= {one.id for one in self.handed}, "a recording got lost"
        if self.was_due:
            assert self.handed, "policy wanted this call, and nothing tells of it"
        handed = [take.id for one in self.handed for take in one.takes]
        assert sorted(handed) == sorted(self.takes), "a take got lost, or is in two recordings"


# The same examples on every machine: a new seed is for the one who looks (`derandomize=False`), not for whom it meets in CI.
CallMachine.TestCase.settings = settings(derandomize=True, max_examples=150, stateful_step_count=40, deadline=None)
TestCallMachine = CallMachine.TestCase
