"""A call in a world where anything may happen in any order, and what must be true of it all the same.

The world is simple: phones and Local channels that come, meet, part and hang up; takes that open, grow, stall, close, refuse
or lie; deadlines that come when they come; a daemon that dies. The session sees it through events alone, as in life.
"""

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callrec.app.recovery import plan as recovery_plan
from callrec.domain.calls.bridges import CONVERSATION
from callrec.domain.calls.captures.coverage import FAR_HALF_S
from callrec.domain.calls.commands import (
    Announce,
    Arm,
    CloseCapture,
    Command,
    HandOver,
    Light,
    MuteCapture,
    OpenCapture,
    Reply,
    Write,
)
from callrec.domain.calls.events import (
    Announced,
    ApplicationTold,
    CallMerged,
    CaptureClosed,
    CaptureGrew,
    CaptureMarked,
    CaptureMuted,
    CaptureOpened,
    CaptureQuiet,
    CaptureRefused,
    CaptureStalled,
    CaptureStopped,
    Controlled,
    DeadlinePassed,
    DialEnded,
    DialStarted,
    Event,
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
    MusicChanged,
    MuteRefused,
    PacketsHeldBack,
    PartnerHeard,
    PausePressed,
    Played,
    Pressed,
    ResyncEnded,
    RtpRenumbered,
    VoiceUnheard,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId, RecordingId, recording_of
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Capture, Control, Direction, Instant, Leg, Recording, Renumbering
from callrec.domain.calls.policy import (
    Announcement,
    Follow,
    OverridesAlways,
    RecordApplications,
    Terms,
    Tracks,
    decide,
    may_press,
)
from callrec.domain.calls.session import ACTIVE, CAPTURING, Session, State
from callrec.domain.directory.model import User
from callrec.domain.rules import RecordRules, Rule, UserId

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
ALIEN = CaptureId("z-1-1")
MAX_ROUNDS = 20
MIN_LEGS = 2
PATIENCE = 7
"""Most runs keep a conversation going: what is over soon shows little."""


def assert_ended(recording: Recording) -> None:
    """All of it has its end."""
    assert recording.to_s is not None
    assert None not in {capture.to_s for capture in recording.all_captures}
    assert None not in {party.to_s for party in recording.parties}
    assert None not in {pause.to_s for pause in recording.pauses}
    assert None not in {presence.to_s for presence in recording.presences or ()}


def assert_in_order(recording: Recording) -> None:
    """Whatever came when: each time of a recording that intake gets begins before it ends, and is a part of the recording."""
    from_s, to_s = recording.from_s, recording.to_s
    assert to_s is not None
    assert from_s <= to_s, "it ends before it begins"
    for capture in recording.all_captures:
        assert capture.to_s is not None
        assert from_s <= capture.from_s <= capture.to_s, capture
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
        self.elsewhere: set[LegId] = set()
        self.count = 0
        self.deadlines: list[tuple[float, Wait, CaptureId | None]] = []
        self.captures: list[CaptureId] = []
        self.grown: set[CaptureId] = set()
        self.muted: dict[CaptureId, bool] = {}
        self.stopped: set[CaptureId] = set()
        self.at_work: set[CaptureId] = set()
        """Recorders whose start was not answered, and whose files are there."""
        self.recordings: set[RecordingId] = set()
        self.handed: list[Recording] = []
        self.journal: dict[RecordingId, Recording] = {}
        self.lit: set[UserId] = set()
        self.waiting: set[str] = set()
        self.proven: set[LegId] = set()
        self.was_due = False
        self.is_behind = False
        self.late_s = 0.0

    @rule(late_s=st.sampled_from((0.0, 0.0, 0.3, 5.0, 700.0)))
    def the_news_come_late(self, late_s: float) -> None:
        """The daemon was stopped, or its link was down: old news come behind newer ones."""
        self.is_behind, self.late_s = late_s > 0, late_s

    @initialize(
        follow=st.sampled_from(Follow),
        applications=st.sampled_from(RecordApplications),
        overrides=st.sampled_from(OverridesAlways),
        tracks=st.sampled_from(Tracks),
        announce=st.sampled_from(Announcement),
        caller=st.sampled_from((USERS[2], USERS[4])),
        callee=st.sampled_from((USERS[0], USERS[3], USERS[4])),
        greeting=st.sampled_from(("", "Queue")),
    )
    def a_call_is_answered(
        self,
        *,
        follow: Follow,
        applications: RecordApplications,
        overrides: OverridesAlways,
        tracks: Tracks,
        announce: Announcement,
        caller: User | None,
        callee: User | None,
        greeting: str,
    ) -> None:
        """Somebody who may record talks to somebody, and maybe to an application before."""
        self.terms = Terms(
            overrides_always=overrides, follow=follow, applications=applications, tracks=tracks, announce=announce
        )
        self.session = Session(CallId("c"), "c.1", NodeId("n"), self.terms)
        if greeting:
            self.a_phone_comes(caller, Direction.OUT, None)
            (leg,) = self.legs
            self.tell(LegAnswered(leg))
            self.tell(ApplicationTold(leg, greeting, "", 8000))
            self.enters(leg, BRIDGES[0])
        else:
            self.a_phone_comes(caller, Direction.OUT, BRIDGES[0])
        self.a_phone_comes(callee, Direction.IN, BRIDGES[0])

    # -- the session and what it asks for ----------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """One event; every command is checked against the world and then done in it."""
        if isinstance(event, CaptureGrew):
            self.grown.add(event.capture)
        if isinstance(event, CaptureRefused) and event.may_be_at_work:
            self.at_work.add(event.capture)
        elif isinstance(event, CaptureRefused | CaptureClosed):
            self.at_work.discard(event.capture)
        # What Asterisk tells has happened before it is read; what a daemon finds out by itself (a listing) is of this moment.
        is_late = self.is_behind and not isinstance(event, DeadlinePassed | Pressed | LegAppeared)
        at_mono_s = self.now_s - self.late_s if is_late else None
        before, held = replace(self.session), self.session
        self.session, commands = handle(held, event, Instant(1e9 + self.now_s, self.now_s), at_mono_s)
        assert before == held, "a session that others hold has changed"
        intents: set[CaptureId] = set()
        for command in commands:
            self.perform(command, intents)
        self.was_due = self.was_due or Rule.ALWAYS in self.wanted()
        self.check()

    def perform(self, command: Command, intents: set[CaptureId]) -> None:  # noqa: C901 - one line for each kind
        """Do what the session asks, and object to what it must not ask."""
        match command:
            case Write(entry):
                self.journal[entry.recording.id] = entry.recording
                own = entry.recording.captures[-1:] if entry.step is Step.INTENT else ()
                intents.update(one.id for one in (*own, *entry.recording.partner_captures))
            case OpenCapture(capture):
                self.opened(capture.id, intents)
                assert capture.leg in self.legs, "a take on a leg that is gone"
                self.assert_on_its_side(capture)
            case CloseCapture(capture):
                self.assert_ours(capture.id)
                self.stopped.add(capture.id)
            case Announce(capture, _, legs):
                self.assert_ours(capture.id, asked=not capture.is_place)
                assert set() < set(legs) <= set(self.legs)
            case MuteCapture(capture, muted):
                self.assert_ours(capture.id)
                self.muted[capture.id] = muted
            case Arm(wait, capture_id, after_s):
                self.deadlines.append((self.now_s + after_s, wait, capture_id))
            case Reply(reply):
                assert reply in self.waiting, "a second answer to one press"
                self.waiting.remove(reply)
            case Light(users, lit):
                self.lit = self.lit | set(users) if lit else self.lit - set(users)
                if lit:
                    assert self.session.state is State.RECORDING
                    assert self.session.capture is not None
                    assert self.session.capture.id in self.grown
            case HandOver(recording):
                assert recording.id not in {one.id for one in self.handed}, "handed over twice"
                assert_ended(recording)
                assert (recording.presences is None) == (self.terms.tracks is Tracks.STEREO)
                assert_in_order(recording)
                self.assert_told(recording)
                self.handed.append(recording)
            case _:
                pass

    def assert_told(self, recording: Recording) -> None:
        """Nobody is said to have heard anything without a proof, and each leg is there once."""
        assert {one.leg for one in recording.hearings if one.is_heard} <= self.proven, "told without a proof"
        assert len({one.leg for one in recording.hearings}) == len(recording.hearings)

    def assert_on_its_side(self, capture: Capture) -> None:
        """Others are captured where a rule records them or they may press, and then on the right. A partner capture fills the
        side that its leg has in the capture beside it."""
        s = self.session
        if capture.is_partner:
            return
        others = s.recorded_user is not None and not any(map(s.is_recorded_user, s.members(capture.leg)))
        assert capture.of_others == others, "others are on the left, or the recorded user on the right"
        if others and self.terms.follow is Follow.USER and s.recording:
            legs = s.conversation_of(capture.leg)
            rule = decide(legs).rule
            may = s.recording.rule is Rule.ON_DEMAND and any(leg.user and may_press(leg.user, rule) for leg in legs)
            assert rule is Rule.ALWAYS or may, "a take of others"

    def opened(self, capture: CaptureId, intents: set[CaptureId]) -> None:
        """A capture is asked for."""
        assert self.session.state is not State.PAUSED, "a recorder begins in a pause"
        assert self.session.state is not State.ANNOUNCING, "a recorder begins before they are told"
        assert capture in intents, "no journal entry before the recorder"
        assert capture not in self.captures, "a take's id is used twice"
        self.assert_ours(capture, asked=False)
        if capture.endswith("-1"):
            assert recording_of(capture) not in self.recordings, "a recording's id is used twice"
        self.recordings.add(recording_of(capture))
        self.captures.append(capture)

    def assert_ours(self, capture: CaptureId, *, asked: bool = True) -> None:
        """No command touches a capture of somebody else, nor one that intake owns."""
        assert not asked or capture in self.captures, "a foreign take"
        assert recording_of(capture) not in {one.id for one in self.handed}, "a command after the hand-over"

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
        s, capture = self.session, self.session.capture
        if s.state is State.RECORDING:
            assert capture is not None
            assert capture.id in self.grown, "recording without growth"
        if capture is not None and s.state in ACTIVE:
            for legs in self.conversations():
                protected = decide(legs).rule is Rule.NEVER and capture.leg in {leg.id for leg in legs}
                assert not protected, "never is recorded"
        if s.state in ACTIVE and s.recorded_user_left and capture is not None and capture.id not in self.stopped:
            reasons = self.wanted() & {Rule.ALWAYS, Rule.ON_DEMAND}
            talk = s.conversations() and self.terms.follow is Follow.USER
            assert not talk or reasons or self.waits_alone(capture), "recorded on after its users have left"
        self.check_partners()
        if capture is not None and s.state is State.PAUSED and capture.id in s.open_captures and capture.mixmonitor:
            assert self.muted.get(capture.id), "voice in a pause"
        if s.state is State.PAUSED and s.recording is not None and s.recording.pauses[-1].is_proven:
            open_ones = [one.id for one in s.captures() if one.id in s.open_captures]
            assert all(self.muted.get(one) for one in open_ones), "a pause is told that is none"
            at_work = [one for one in s.captures() if one.id in self.at_work and s.lives(one.leg) and not one.to_s]
            assert all(self.muted.get(one.id) for one in at_work), "a pause is told beside a recorder that began unseen"
        if capture is not None and s.state is State.RECORDING:
            assert not self.muted.get(capture.id), "silence in a recording"
        if s.state is not State.CLOSED and Rule.ALWAYS in self.wanted() and not self.awaits_far_half():
            assert s.state in (*ACTIVE, State.FAILED), "policy's call is left alone"
            if len(s.conversations()) == 1 and s.state in ACTIVE:
                assert capture is not None
                assert capture.leg in {leg.id for leg in s.conversations()[0]}, "the take is elsewhere"

    def waits_alone(self, capture: Capture) -> bool:
        """Whether the captured leg is on hold or parked, alone, and another's of whom a rule says so, or who may press: the
        recording is theirs, too, and has nothing of what the others say."""
        s, leg = self.session, self.session.legs.get(capture.leg)
        if s.recording is None or leg is None or leg.user is None or s.conversation_of(leg.id):
            return False
        rule = decide([leg]).rule
        return rule is Rule.ALWAYS or (s.recording.rule is Rule.ON_DEMAND and may_press(leg.user, rule))

    def awaits_far_half(self) -> bool:
        """Whether a leg is on its way through a Local channel (decision 62): at most so long may a capture be elsewhere."""
        return any(
            wait is Wait.FAR_HALF and self.now_s < at_s <= self.now_s + FAR_HALF_S for at_s, wait, _ in self.deadlines
        )

    def check_partners(self) -> None:
        """A partner is captured by one recorder at most, only in conversation with the recorded user, never in a pause."""
        s = self.session
        partners = [one for one in s.captures() if one.is_partner and one.id in s.open_captures]
        running = [one for one in partners if one.id not in self.stopped]
        assert len({one.leg for one in running}) == len(running), "two recorders on one partner's leg"
        conversation = {leg.id for leg in s.conversation_of(s.capture.leg)} if s.capture else set()
        for one in running:
            assert s.state in ACTIVE, "a partner is captured without a recording"
            assert s.state is not State.PAUSED, "a partner's voice in a pause"
            assert s.state is not State.ANNOUNCING, "a partner's voice before they are told"
            assert one.leg in conversation - {s.capture.leg if s.capture else ""}, "a partner who is not there"
        self.check_presences(conversation)

    def check_presences(self, conversation: set[LegId]) -> None:
        """With tracks, who is in the recorded conversation is noted, and of three or more each partner is captured."""
        s = self.session
        if s.recording is None or s.recording.presences is None or s.state not in ACTIVE or s.capture is None:
            return
        phones = {leg for leg in conversation if not s.legs[leg].is_local}
        there = {one.leg for one in s.recording.presences if one.to_s is None}
        assert phones <= there <= phones | {s.capture.leg} | {one.leg for one in s.parties}, "who is there is not noted"
        captured = {one.leg for one in s.recording.partner_captures if one.id in s.open_captures or one.cause}
        if len(phones) > CONVERSATION and not s.is_protected(s.capture.leg) and s.state in CAPTURING:
            assert phones - {s.capture.leg} <= captured, "a voice that no track has"

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
        self.tell(LegAppeared(leg))
        if bridge:
            self.enters(leg.id, bridge)

    def enters(self, leg: LegId, bridge: BridgeId) -> None:
        """A leg is answered, or changes its bridge."""
        self.bridges[leg] = bridge
        self.tell(LegBridged(bridge, self.legs[leg], 8000))

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
        self.tell(LegUnbridged(told, leg))

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
            self.tell(LegBroken(leg, "asterisk-died"))
        self.tell(LegGone(leg))

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
        in_bridges = legs[1:] if waits else legs
        self.bridges.update({leg.id: bridge for leg in in_bridges})
        self.tell(
            LegsJoined(tuple(LegBridged(bridge, leg, 8000) for leg in in_bridges), tuple(legs[:1] if waits else ()))
        )

    @precondition(lambda self: any(len(legs) > 2 for legs in self.conversations()))
    @rule(data=st.data())
    def a_leg_goes_to_another_call(self, data: st.DataObject) -> None:
        """Alive, from those who talk on; its recorder must not go on there."""
        legs = next(legs for legs in self.conversations() if len(legs) > 2)
        leg = data.draw(st.sampled_from(sorted(one.id for one in legs)))
        del self.legs[leg], self.bridges[leg]
        on_it = (
            [one.id for one in self.session.recording.all_captures if one.leg == leg] if self.session.recording else []
        )
        due = [capture for capture in on_it if capture in self.session.open_captures]
        self.elsewhere.add(leg)
        self.tell(LegMoved(leg))
        assert set(due) <= self.stopped, "a recorder went along"

    @precondition(lambda self: self.session.state is not State.CLOSED and self.count >= PATIENCE)
    @rule()
    def another_call_takes_this_one_over(self) -> None:
        """All legs live on, elsewhere, and no recorder of ours."""
        due = [capture for capture in self.session.open_captures if self.session.find(capture) == self.session.capture]
        self.elsewhere.update(self.legs)
        self.legs.clear()
        self.bridges.clear()
        self.tell(CallMerged())
        assert set(due) <= self.stopped, "a recorder went along"
        assert self.session.state is State.CLOSED

    @precondition(lambda self: self.legs)
    @rule(data=st.data())
    def a_leg_is_answered(self, data: st.DataObject) -> None:
        """By its phone, or by an application."""
        self.tell(LegAnswered(data.draw(st.sampled_from(sorted(self.legs)))))

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), name=st.sampled_from(("Answer", "Dial", "Echo", "VoiceMailMain")))
    def asterisk_tells_what_a_leg_runs(self, data: st.DataObject, name: str) -> None:
        """Asked or not, and maybe too late."""
        self.tell(ApplicationTold(data.draw(st.sampled_from(sorted(self.legs))), name, "", 8000))

    @rule(user=st.sampled_from(USERS))
    def somebody_is_called(self, user: User | None) -> None:
        """The hook before Dial."""
        self.tell(DialStarted(LegId("leg1"), user, "1000"))

    @rule(status=st.sampled_from(("BUSY", "ANSWER")))
    def a_dial_ends(self, status: str) -> None:
        """With Asterisk's word for it."""
        self.tell(DialEnded(status))

    @rule()
    def the_links_are_back(self) -> None:
        """After a reconnect."""
        self.tell(ResyncEnded())

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
        self.tell(Pressed(leg, own or stranger, f"reply{self.count}", 8000))
        # A leg whose user was unknown may belong to its presser from here on.
        if leg in self.legs and leg in self.session.legs:
            assert self.session.legs[leg].user in (own, stranger)
            self.legs[leg] = self.session.legs[leg]

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), hasty=st.booleans())
    def somebody_presses_for_a_pause(self, data: st.DataObject, *, hasty: bool) -> None:
        """The pause code, on any leg, as the one whose leg it is."""
        if not hasty:
            self.time_passes(1.0)
        leg = data.draw(st.sampled_from([*sorted(self.legs), LegId("gone")]))
        self.count += 1
        self.waiting.add(f"reply{self.count}")
        self.tell(PausePressed(leg, self.legs[leg].user if leg in self.legs else None, f"reply{self.count}"))

    @rule(control=st.sampled_from(Control), most_s=st.sampled_from((None, 5.0)))
    def an_operator_asks(self, control: Control, most_s: float | None) -> None:
        """For any change, at any time."""
        self.tell(Controlled(control, "request", "a reason", most_s))

    @precondition(lambda self: self.muted)
    @rule(data=st.data(), is_refused=st.booleans())
    def asterisk_answers_a_mute(self, data: st.DataObject, *, is_refused: bool) -> None:
        """As it was asked for last, or it refuses."""
        capture = data.draw(st.sampled_from(sorted(self.muted)))
        muted = self.muted[capture]
        self.tell(MuteRefused(capture, muted, "refused") if is_refused else CaptureMuted(capture, muted))

    # -- files and deadlines -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.session.capture and self.session.capture.id in self.captures)
    @rule(news=st.sampled_from(("seen", "grew", "seen and grew", "seen and grew", "stalled", "closed")))
    def the_current_take_speaks(self, news: str) -> None:
        """As takes do."""
        assert self.session.capture is not None
        capture = self.session.capture.id
        if "seen" in news:
            self.tell(CaptureOpened(capture, f"0x{capture}"))
        if "grew" in news:
            self.tell(CaptureGrew(capture))
        if news == "stalled":
            self.tell(CaptureStalled(capture))
        if news == "closed":
            self.tell(CaptureClosed(capture))

    @precondition(lambda self: self.session.capture and self.session.capture.id in self.captures)
    @rule(unavailable=st.booleans(), may_be_at_work=st.booleans())
    def the_current_command_is_refused(self, *, unavailable: bool, may_be_at_work: bool) -> None:
        """Whatever it was."""
        assert self.session.capture is not None
        self.tell(CaptureRefused(self.session.capture.id, "refused", unavailable, may_be_at_work))

    @precondition(lambda self: self.session.unheard)
    @rule(data=st.data())
    def a_new_partner_is_heard(self, data: st.DataObject) -> None:
        """The file of the recorded leg holds sound."""
        leg = data.draw(st.sampled_from(sorted(self.session.unheard)))
        assert self.session.capture is not None
        self.tell(PartnerHeard(self.session.capture.id, leg, self.session.unheard[leg]))

    @precondition(lambda self: self.session.capture and self.legs)
    @rule(data=st.data(), is_unheard=st.booleans())
    def a_phone_numbers_its_packets_anew(self, data: st.DataObject, *, is_unheard: bool) -> None:
        """And the recorder may be deaf to it."""
        leg = data.draw(st.sampled_from(sorted(self.legs)))
        assert self.session.capture is not None
        self.tell(RtpRenumbered(Renumbering(leg, self.now_s - 5, self.now_s)))
        if is_unheard:
            self.tell(VoiceUnheard(self.session.capture.id, leg, self.now_s - 2))

    @precondition(lambda self: self.session.open_captures)
    @rule(data=st.data())
    def a_capture_closes(self, data: st.DataObject) -> None:
        """Because it was asked for, or not."""
        self.tell(CaptureClosed(data.draw(st.sampled_from(sorted(self.session.open_captures)))))

    @rule(data=st.data(), unavailable=st.booleans())
    def anything_is_said_of_any_capture(self, data: st.DataObject, *, unavailable: bool) -> None:
        """Late, early, twice, untrue."""
        capture = data.draw(st.sampled_from([ALIEN, *self.captures[-4:]]))
        refusal = CaptureRefused(capture, "refused", unavailable)
        news = (
            CaptureOpened(capture, "0x1"),
            CaptureGrew(capture),
            CaptureMarked(capture, data.draw(st.integers(0, 100_000)), 1.0),
            CaptureQuiet(capture),
            CaptureStalled(capture),
            PartnerHeard(capture, LegId("other"), 0.0),
            VoiceUnheard(capture, LegId("other"), 0.0),
            PacketsHeldBack(capture, LegId("other"), 0.0, 0.5),
            CaptureClosed(capture),
            CaptureStopped(capture),
            refusal,
        )
        self.tell(data.draw(st.sampled_from(news)))

    @precondition(lambda self: self.captures and self.legs)
    @rule(data=st.data(), cause=st.sampled_from(["", "no-rtp-in", "ari-not-played"]))
    def something_was_played(self, data: st.DataObject, cause: str) -> None:
        """To any leg, about any capture, early or late."""
        capture = data.draw(st.sampled_from(sorted(self.captures)))
        leg = data.draw(st.sampled_from(sorted(self.legs)))
        self.proven |= set() if cause else {leg}
        self.tell(Announced(capture, (Played(leg, 0.3, cause),)))

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), begins=st.booleans())
    def a_leg_waits_or_lets_wait(self, data: st.DataObject, *, begins: bool) -> None:
        """Hold, music, a parking lot."""
        leg = data.draw(st.sampled_from(sorted(self.legs)))
        news = (HoldChanged(leg, begins), MusicChanged(leg, begins), LegParked(leg))
        self.tell(data.draw(st.sampled_from(news)))

    @rule(data=st.data(), wait=st.sampled_from(Wait))
    def any_deadline_comes(self, data: st.DataObject, wait: Wait) -> None:
        """One that nobody armed, or long ago."""
        self.tell(DeadlinePassed(wait, data.draw(st.sampled_from([None, ALIEN, *self.captures[-4:]]))))

    @rule(seconds=st.sampled_from((0.1, 1.0, 2.0, 7.0, 601.0)))
    def time_passes(self, seconds: float) -> None:
        """And what was armed comes when it is due."""
        until_s = self.now_s + seconds
        for due in sorted((one for one in self.deadlines if one[0] <= until_s), key=lambda one: one[0]):
            self.deadlines.remove(due)
            self.now_s = max(self.now_s, due[0])
            self.tell(DeadlinePassed(due[1], due[2]))
        self.now_s = until_s

    # -- the daemon --------------------------------------------------------------------------------------------------

    @precondition(
        lambda self: self.session.capture and self.session.capture.leg in self.legs and not self.session.set_aside
    )
    @rule(order=st.randoms(use_true_random=False))
    def the_daemon_is_killed(self, order: st.randoms) -> None:  # type: ignore[valid-type]
        """The next one reads the journal, asks who is there, and hears it in any order. Dialogues and deadlines are lost."""
        assert self.session.recording is not None
        self.session = Session.resume(self.with_others_ended(self.journal[self.session.recording.id]), self.terms)
        self.deadlines, self.grown, self.lit = [], set(), set()
        self.waiting.clear()
        legs = list(self.legs.values())
        order.shuffle(legs)  # type: ignore[attr-defined]
        self.relearn(legs)
        self.tell(ResyncEnded())

    def with_others_ended(self, last: Recording) -> Recording:
        """Recovery stops what is at work beside the last capture, as far as Asterisk tells its MixMonitorID."""
        others = recovery_plan.beside_the_last(last)
        keep = {one.id for one in others if not one.mixmonitor and one.id in self.at_work}
        if last.presences is not None and last.to_s is None:
            keep |= {one.id for one in others if one.is_partner and one.mixmonitor and one.leg in self.legs}
        ended = {one.id for one in others} - keep
        self.stopped |= ended
        self.at_work -= ended
        return recovery_plan.with_others_ended(last, Instant(1e9 + self.now_s, self.now_s), keep=keep)

    def relearn(self, legs: Iterable[Leg]) -> None:
        """One listing of the channels. In its midst the view is partial: only commands are checked."""
        check, self.check = self.check, lambda: None  # type: ignore[method-assign]
        for leg in legs:
            self.tell(LegAppeared(leg))
            bridge = self.bridges.get(leg.id)
            self.tell(LegBridged(bridge, leg) if bridge else LegUnbridged(None, leg.id))
        self.check = check  # type: ignore[method-assign]

    # -- the end -----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Everybody hangs up, every deadline comes: the call is over, and nothing of it is missing."""
        if not self.legs:
            self.comes(Leg(LegId("last"), "PJSIP/last-1", Direction.OUT), None)
        for leg in list(self.legs):
            self.goes(leg)
        for leg in sorted(self.elsewhere):  # the other call ends, too
            self.tell(LegGone(leg))
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
        every = [capture.id for one in self.handed for capture in one.all_captures]
        assert len(set(every)) == len(every)
        handed = [one for one in every if one in self.captures]  # the others kept a place in a pause
        assert sorted(handed) == sorted(self.captures), "a take got lost, or is in two recordings"


# The same examples on every machine: a new seed is for the one who looks (`derandomize=False`), not for whom it meets in CI.
CallMachine.TestCase.settings = settings(derandomize=True, max_examples=150, stateful_step_count=40, deadline=None)
TestCallMachine = CallMachine.TestCase
