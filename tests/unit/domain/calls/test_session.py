"""One call from its first leg to its end: events in, commands out, written down as a reader would say them."""

from dataclasses import replace

import pytest

from callrec.domain.calls.captures.coverage import FAR_HALF_S
from callrec.domain.calls.commands import (
    Alarm,
    Announce,
    AnswerControl,
    Arm,
    AwaitVoice,
    CloseCapture,
    Command,
    Examine,
    HandOver,
    Light,
    MuteCapture,
    NotePause,
    OpenCapture,
    Reply,
    Tell,
    Write,
)
from callrec.domain.calls.events import (
    Announced,
    CallMerged,
    CaptureClosed,
    CaptureGrew,
    CaptureMuted,
    CaptureOpened,
    CaptureQuiet,
    CaptureRefused,
    CaptureStalled,
    CaptureStopped,
    Controlled,
    DeadlinePassed,
    DialEnded,
    DialplanRecords,
    DialStarted,
    Event,
    LegAppeared,
    LegBridged,
    LegBroken,
    LegGone,
    LegMoved,
    LegsJoined,
    LegUnbridged,
    MuteRefused,
    Played,
    Pressed,
    ResyncEnded,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import (
    Actor,
    ActorKind,
    Control,
    Direction,
    Instant,
    Leg,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.calls.policy import Follow, OverridesAlways, Terms
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.model import User
from callrec.domain.rules import PlaceRule, RecordRules, Rule, UserId

ANN = User(UserId("1"), "Ann", online_record=True)
BOB = User(UserId("2"), "Bob", online_record=True)
CEM = User(UserId("3"), "Cem")
FLAGGED = User(UserId("4"), "Dora", call_record=True, online_record=True)
SILENT = User(UserId("5"), "Eve", online_record=True, rules=RecordRules(*[Rule.NEVER] * 4))
PAUSING = Terms(overrides_always=OverridesAlways.PAUSE)

T1, T2, T3 = CaptureId("c-1-1"), CaptureId("c-1-2"), CaptureId("c-1-3")
NEXT = CaptureId("c-2-1")
START_1 = ["intent c-1-1", "open c-1-1", "wait open c-1-1"]
END_1 = ["ended c-1", "hand over c-1", "tell recording-ended"]


def leg(name: str, user: User | None = None, direction: Direction = Direction.IN) -> Leg:
    channel = name if name.startswith("Local/") else f"PJSIP/{name}-00000001"
    return Leg(LegId(name), channel, direction, user, f"10{name}", user.name if user else "")


def say(command: Command) -> str:  # noqa: C901, PLR0912 - one line for each kind of command
    """A command in words."""
    match command:
        case Write(entry):
            last = entry.recording.captures[-1].id if entry.recording.captures else entry.recording.id
            return f"{entry.step} {entry.recording.id if entry.step is Step.ENDED else last}"
        case OpenCapture(capture):
            return f"open {capture.id}"
        case CloseCapture(capture):
            return f"close {capture.id}"
        case NotePause(legs, since_s):
            return f"{'note' if since_s else 'forget'} pause {' '.join(legs)}"
        case AnswerControl(reply, answer):
            return f"answer {reply} {answer}"
        case MuteCapture(capture, muted):
            return f"{'mute' if muted else 'unmute'} {capture.id}"
        case Arm(wait, capture_id):
            return f"wait {wait} {capture_id}"
        case Examine(capture):
            return f"examine {capture.id}"
        case Reply(reply, outcome):
            return f"reply {reply} {outcome}"
        case Announce(capture, what):
            return f"tone {what} {capture.id}"
        case Light(users, lit):
            return f"{'light' if lit else 'darken'} {' '.join(users)}"
        case Alarm(cause, capture_id):
            return f"alarm {cause} {capture_id}"
        case Tell(fact):
            return f"tell {fact}"
        case HandOver(recording):
            return f"hand over {recording.id}"


def without_partners(commands: list[Command]) -> list[Command]:
    """Without partner captures, and without the journal entry before each."""
    kept: list[Command] = []
    partners: set[CaptureId] = set()
    for command in commands:
        if isinstance(command, OpenCapture) and command.capture.is_partner:
            assert isinstance(kept.pop(), Write)
        elif isinstance(command, CloseCapture) and command.capture.is_partner:
            partners.add(command.capture.id)
        elif not isinstance(command, AwaitVoice) and not (isinstance(command, Arm) and command.capture in partners):
            kept.append(command)
    return kept


class Call:
    """A call whose clock stands still but for `later`."""

    def __init__(self, terms: Terms | None = None, session: Session | None = None) -> None:
        self.session = session or Session(CallId("c"), "c.1", NodeId("n"), terms or Terms())
        self.now = Instant(1_000.0, 50.0)
        self.commands: list[Command] = []

    def later(self, seconds: float) -> "Call":
        """The clock goes on."""
        self.now = Instant(self.now.utc_s + seconds, self.now.mono_s + seconds)
        return self

    def on(self, *events: Event, at_mono_s: float | None = None) -> list[str]:
        """What is done about these events, but for partner captures: these are test_partner_captures.py's."""
        self.commands = []
        for event in events:
            self.session, commands = handle(self.session, event, self.now, at_mono_s)
            self.commands += commands
        return [say(command) for command in without_partners(self.commands)]

    def bridge(self, *legs: Leg, bridge: str = "b") -> list[str]:
        """These legs meet."""
        return self.on(*(LegAppeared(one) for one in legs), *(LegBridged(BridgeId(bridge), one, 8000) for one in legs))

    def talk(self, caller: User | None = ANN, callee: User | None = BOB) -> list[str]:
        """`a` has called `b`, and they talk."""
        return self.bridge(leg("a", caller, Direction.OUT), leg("b", callee))

    def press(self, on: str = "a", user: User | None = ANN, reply: str = "r") -> list[str]:
        """`*3`."""
        return self.on(Pressed(LegId(on), user, reply, 8000))

    def seen(self, capture: CaptureId = T1) -> list[str]:
        """Both files exist."""
        return self.on(CaptureOpened(capture, f"0x{capture}"))

    def grew(self, capture: CaptureId = T1) -> list[str]:
        """They got longer."""
        return self.on(CaptureGrew(capture))

    def closed(self, capture: CaptureId = T1) -> list[str]:
        """Asterisk has closed them, and those of partner captures that it was told to stop."""
        partners = [one.id for one in self.session.captures() if one.is_partner]
        return self.on(*(CaptureClosed(one) for one in (*partners, capture)))

    def refused(self, capture: CaptureId = T1, *, unavailable: bool = False) -> list[str]:
        """A command about the capture was not done."""
        return self.on(CaptureRefused(capture, "no-such-channel", unavailable))

    def muted(self, capture: CaptureId = T1, *, muted: bool = True) -> list[str]:
        """Asterisk confirms that the capture is muted, or no more, and for partner captures the same."""
        partners = [one.id for one in self.session.captures() if one.is_partner]
        return self.on(*(CaptureMuted(one, muted) for one in (*partners, capture)))

    def unmutable(self, capture: CaptureId = T1, *, muted: bool = True) -> list[str]:
        """Asterisk does not say that it has muted the capture, or unmuted it."""
        return self.on(MuteRefused(capture, muted, "ami-down"))

    def passed(self, wait: Wait, capture: CaptureId | None = T1) -> list[str]:
        """A deadline came."""
        return self.on(DeadlinePassed(wait, capture))

    def delays(self, wait: Wait) -> list[float]:
        """How long the last commands wait for this."""
        return [one.after_s for one in self.commands if isinstance(one, Arm) and one.wait is wait]

    def gone(self, *legs: str) -> list[str]:
        """Hangups."""
        return self.on(*(LegGone(LegId(one)) for one in legs))

    def recorded(self, caller: User | None = ANN, callee: User | None = BOB) -> "Call":
        """They talk, and the first capture is proven; the next press counts."""
        self.talk(caller, callee)
        if self.state is State.IDLE:
            self.press()
        self.seen()
        self.later(2).grew()
        return self

    @property
    def state(self) -> State:
        """What the recording is doing."""
        return self.session.state

    @property
    def recording(self) -> Recording:
        """The current recording."""
        assert self.session.recording is not None
        return self.session.recording

    @property
    def handed(self) -> list[Recording]:
        """What the last events handed over."""
        return [command.recording for command in self.commands if isinstance(command, HandOver)]


# -- `*3` ------------------------------------------------------------------------------------------------------------


def test_a_press_starts_and_the_next_one_stops() -> None:
    """Journal, then recorder; a tone when the files exist; a lamp when they grow; handed over when they are closed."""
    call = Call()
    assert [] == call.talk()

    assert START_1 == call.press(reply="first")
    assert [
        "reply first started",
        "tell press-started",
        "tone started c-1-1",
        "wait growth c-1-1",
        "opened c-1-1",
    ] == call.seen()
    assert State.OPENED is call.state
    assert ["tell recording", "light 1 2"] == call.later(2).grew()
    assert [] == call.later(2).grew()
    assert State.RECORDING is call.state
    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1", "darken 1 2"] == call.later(60).press("b", BOB, "second")
    assert ["reply second stopped", "tell press-stopped", "tone stopped c-1-1", *END_1] == call.closed()
    assert State.IDLE is call.state

    (recording,) = call.handed
    assert (Rule.ON_DEMAND, Actor(ActorKind.USER, ANN.id, LegId("a"))) == (recording.rule, recording.actor)
    assert [(LegId("a"), 8000, "0xc-1-1", "")] == [
        (t.leg, t.rate_hz, t.mixmonitor, t.cause) for t in recording.captures
    ]
    assert (1_000.0, 1_064.0) == (recording.from_s, recording.to_s)


def test_a_third_press_begins_another_recording() -> None:
    """Its id is new, and the first one's end does not wait for it."""
    call = Call().recorded()
    call.later(9).press()
    call.closed()

    assert ["intent c-2-1", "open c-2-1", "wait open c-2-1"] == call.later(9).press()


def test_a_third_press_while_the_second_is_still_closing() -> None:
    """The stopped recording is set aside until its files are closed; the new one does not wait."""
    call = Call().recorded()
    call.later(9).press(reply="stop")

    assert ["wait settle c-1-1", "intent c-2-1", "open c-2-1", "wait open c-2-1"] == call.later(1.5).press(
        reply="again"
    )
    assert END_1 == call.closed(T1)
    assert [] == call.passed(Wait.SETTLE, T1)
    assert "reply again started" in call.seen(NEXT)


def test_a_leg_whose_rate_nobody_knows_is_recorded_at_the_wider_one() -> None:
    """A file that is too wide loses nothing."""
    call = Call()
    call.bridge(leg("b", BOB))
    call.on(LegBridged(BridgeId("b"), leg("a", ANN, Direction.OUT)), Pressed(LegId("a"), ANN, "r"))

    assert 16_000 == call.recording.captures[0].rate_hz


@pytest.mark.parametrize(("on", "user"), [("a", ANN), ("b", BOB)])
def test_a_second_press_within_a_second_is_absorbed(on: str, user: User) -> None:
    """A double press, and both legs at once, are one toggle: the second one cannot have heard the first."""
    call = Call()
    call.talk()
    call.press()

    assert ["reply late absorbed", "tell press-absorbed"] == call.later(0.9).press(on, user, "late")
    assert State.STARTING is call.state


def test_a_press_before_the_start_is_proven_ends_it() -> None:
    """Both pressers hear that nothing is recorded; a recorder that begins late is stopped again."""
    call = Call()
    call.talk()
    call.press(reply="start")

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1"] == call.later(1.1).press(reply="stop")
    assert ["close c-1-1", "wait stop c-1-1"] == call.seen()
    assert [
        "reply start stopped",
        "tell press-stopped",
        "reply stop stopped",
        "tell press-stopped",
        "tone stopped c-1-1",
        *END_1,
    ] == call.closed()


@pytest.mark.parametrize(
    ("on", "user"),
    [
        ("a", CEM),     # no permission
        ("a", None),    # a stranger
        ("gone", ANN),  # after the hangup
        ("c", ANN),     # before the answer: this leg is in no bridge
    ],
)  # fmt: skip
def test_presses_that_are_refused(on: str, user: User | None) -> None:
    """Whoever may not press, or is in no conversation, is told so, and nothing changes."""
    call = Call()
    call.talk()
    call.on(LegAppeared(leg("c", ANN)))

    assert ["reply r refused", "tell press-refused"] == call.press(on, user)
    assert State.IDLE is call.state


def test_a_press_in_a_bridge_of_one_is_refused() -> None:
    """There is no conversation before the other one is there."""
    call = Call()
    call.bridge(leg("a", ANN, Direction.OUT))

    assert ["reply r refused", "tell press-refused"] == call.press()


def test_a_press_against_a_never_is_refused() -> None:
    """One party's never protects the call against the other's `*3`."""
    call = Call()
    call.talk(ANN, SILENT)

    assert ["reply r refused", "tell press-refused"] == call.press()


def test_a_never_behind_a_local_channel_protects_too() -> None:
    """Two bridges with one Local channel between them are one conversation (a queue's member, a forward)."""
    call = Call()
    call.bridge(leg("a", ANN, Direction.OUT), leg("Local/9@q-00000001;1"))
    call.bridge(leg("Local/9@q-00000001;2"), leg("b", SILENT), bridge="b2")

    assert ["reply r refused", "tell press-refused"] == call.press()


def test_a_press_after_the_end_is_refused() -> None:
    """The call's id may return on a leg, its recording may not."""
    call = Call()
    call.talk()
    call.gone("a", "b")
    call.talk()

    assert ["reply r refused", "tell press-refused"] == call.press()


def test_a_tone_that_was_heard_is_noted() -> None:
    """Only the current capture's: the manifest says when the parties were told."""
    call = Call().recorded()
    heard = tuple(Played(LegId(name), 0.3, packets=16) for name in ("a", "b"))
    call.on(Announced(T1, heard), Announced(NEXT, heard))

    assert (1_002.0,) == call.recording.announcements


# -- always ----------------------------------------------------------------------------------------------------------


def test_a_flagged_user_is_recorded_from_the_answer_on() -> None:
    """No press, no tone; the capture is on the flagged user's own leg, at that leg's rate."""
    call = Call()

    assert START_1 == call.talk(CEM, FLAGGED)
    assert (LegId("b"), 8000) == (call.recording.captures[0].leg, call.recording.captures[0].rate_hz)
    assert ["wait growth c-1-1", "opened c-1-1"] == call.seen()
    assert ["tell recording", "light 3 4"] == call.grew()
    assert ["darken 3"] == call.gone("a")
    assert ["wait settle c-1-1", "wait settle c-1-1", "darken 4"] == call.gone("b")
    assert END_1 == call.closed()
    assert call.session.over
    assert [LegId("a"), LegId("b")] == [party.leg for party in call.handed[0].parties]


def test_what_the_dialplan_records_by_itself_is_not_recorded_twice() -> None:
    """It could not ask us. Its recorder ends with its leg: who goes on talking without that leg is recorded by us."""
    call = Call()
    call.on(DialplanRecords(LegId("a")))
    assert call.talk(CEM, FLAGGED) == []
    call.bridge(leg("c", CEM))
    assert call.gone("a") == START_1


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_call_that_the_dialplan_recorded_needs_no_explanation_of_ours(*, is_answered: bool) -> None:
    call = Call()
    call.on(DialplanRecords(LegId("a")))
    if is_answered:
        call.talk(FLAGGED, BOB)
    else:
        call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)), LegAppeared(leg("b", BOB)), DialEnded("BUSY"))
    call.gone("a", "b")
    assert call.handed == []


def test_two_flagged_users_are_one_recording() -> None:
    """On the caller's leg."""
    call = Call()

    assert START_1 == call.talk(FLAGGED, replace(FLAGGED, id=UserId("6")))
    assert LegId("a") == call.recording.captures[0].leg


def test_a_local_channel_alone_is_no_conversation() -> None:
    """Two halves of Local channels have no phone to record; with a phone behind them there is one recording."""
    call = Call()
    assert [] == call.bridge(leg("Local/8@q-1;2"), leg("Local/9@q-2;1"))

    assert START_1 == call.bridge(leg("Local/9@q-2;2"), leg("b", FLAGGED), bridge="b2")
    assert [] == call.bridge(leg("a", FLAGGED, Direction.OUT), leg("Local/8@q-1;1"), bridge="b3")


def test_star_three_does_not_stop_what_policy_wants() -> None:
    """The presser hears that the call is recorded anyway."""
    call = Call().recorded(FLAGGED, BOB)

    assert ["reply r already", "tell press-already"] == call.press("b", BOB)
    assert State.RECORDING is call.state


def test_a_press_cannot_make_a_compulsory_recording_stoppable() -> None:
    """After a failed start of an always-recorded call a press tries again, and that recording obeys policy."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.refused()
    call.refused(T2)
    assert State.FAILED is call.state

    call.later(5).press("b", BOB)

    assert Rule.ALWAYS is call.recording.rule


def test_a_press_elsewhere_in_the_call_cannot_make_a_compulsory_recording_stoppable() -> None:
    """While policy wants one conversation of this call, what is begun in the other one is not ended by a press either."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.refused()
    call.refused(T2)
    call.bridge(leg("c", ANN), leg("d", CEM), bridge="elsewhere")
    call.refused(CaptureId("c-2-1"))
    call.refused(CaptureId("c-2-2"))
    assert State.FAILED is call.state

    call.later(5).press("c", ANN)
    call.seen(CaptureId("c-3-1"))

    assert Rule.ALWAYS is call.recording.rule
    assert "reply r already" in call.later(5).press("c", ANN)


def test_who_talks_elsewhere_in_the_call_does_not_hear_that_it_is_recorded() -> None:
    """One state per call: the other conversation is not in the file, and its presser is told the truth."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.seen()
    call.bridge(leg("c", ANN), leg("d", CEM), bridge="elsewhere")

    assert "reply r failed" in call.later(5).press("c", ANN)
    assert "reply r already" in call.later(5).press("b", BOB)


def test_a_beginning_elsewhere_in_the_call_says_nothing_of_the_pressers_own_conversation() -> None:
    """Neither that it has started nor that it goes on: it is not in the file."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.bridge(leg("c", ANN), leg("d", CEM), bridge="elsewhere")

    assert ["reply r failed", "tell press-failed"] == call.later(5).press("c", ANN)
    assert State.STARTING is call.state
    call.seen()
    call.grew()
    other = paused()
    other.bridge(leg("c", ANN), leg("d", CEM), bridge="elsewhere")
    assert ["reply r failed", "tell press-failed"] == other.later(5).press("c", ANN)
    assert State.PAUSED is other.state


DID = PlaceRule(Rule.ALWAYS, "incall:2050@from-extern")


def from_outside(*rules: PlaceRule) -> Leg:
    """A caller through a trunk, whose call came in where these are said."""
    return replace(leg("trunk", None, Direction.OUT), rules=rules)


def test_a_call_to_a_number_that_is_recorded_is_recorded_whoever_takes_it() -> None:
    """On the leg of the user who took it; the entry names the number. It goes on when a colleague takes it over."""
    call = Call()
    assert START_1 == call.bridge(from_outside(DID), leg("b", CEM))
    assert (LegId("b"), DID.origin) == (call.recording.captures[0].leg, call.recording.rule_origin)
    call.seen()
    call.gone("b")
    call.bridge(from_outside(DID), leg("c", CEM), bridge="b2")
    assert ("c", False) == (call.recording.captures[-1].leg, call.recording.captures[-1].of_others)


def test_the_user_behind_a_local_channel_is_waited_for_and_is_on_the_left() -> None:
    """The caller and one half are in a bridge first: their capture would put the caller on the left."""
    call = Call()
    assert ["wait far half None"] == call.bridge(from_outside(DID), leg("Local/9@q-1;1"))
    assert call.delays(Wait.FAR_HALF) == [pytest.approx(FAR_HALF_S)]
    call.later(0.02)
    assert ["wait far half None"] == call.bridge(leg("Local/9@q-1;2"), bridge="b2")
    assert START_1 == call.bridge(leg("b", CEM), bridge="b2")
    assert [(one.leg, one.of_others) for one in call.recording.captures] == [("b", False)]
    assert [] == call.later(FAR_HALF_S).passed(Wait.FAR_HALF, None)


def behind_a_local_channel() -> Call:
    """`b` took a call that a place's rule records, behind a Local channel, and is about to leave its bridge for the caller's."""
    call = Call()
    call.bridge(leg("b", CEM), leg("Local/9@q-1;2"), bridge="b2")
    call.bridge(from_outside(DID), leg("Local/9@q-1;1"))
    call.later(0.1).seen()
    assert [("b", None)] == [(one.leg, one.to_s) for one in call.recording.captures]
    return call


def test_while_asterisk_takes_a_local_channel_out_the_capture_stays_on_its_leg() -> None:
    """No capture of the caller for the moment in which the user is in no bridge."""
    call = behind_a_local_channel()
    assert ["wait far half c-1-1"] == call.on(LegUnbridged(BridgeId("b2"), LegId("b")))
    assert [] == call.later(0.01).bridge(leg("b", CEM))
    call.gone("Local/9@q-1;1", "Local/9@q-1;2")
    assert len(call.recording.captures) == 1


def test_a_user_who_does_not_come_back_in_a_moment_gives_way_to_the_caller() -> None:
    call = behind_a_local_channel()
    call.on(LegUnbridged(BridgeId("b2"), LegId("b")))
    assert ["close c-1-1", "intent c-1-2", "open c-1-2"] == [
        said for said in call.later(FAR_HALF_S).passed(Wait.FAR_HALF) if not said.startswith("wait")
    ]
    assert call.recording.captures[-1].leg == "trunk"


def test_what_an_application_behind_a_local_channel_takes_is_recorded_a_moment_later() -> None:
    """No phone comes there; its other half may be in no bridge at all."""
    call = Call()
    assert ["wait far half None"] == call.bridge(from_outside(DID), leg("Local/9@q-1;1"))
    assert START_1 == call.later(FAR_HALF_S).passed(Wait.FAR_HALF, None)
    assert call.recording.captures[0].leg == "trunk"


def test_a_user_with_a_rule_waits_for_no_half_of_a_local_channel() -> None:
    """The recording is theirs, whoever comes."""
    call = Call()
    assert START_1 == call.bridge(leg("a", FLAGGED, Direction.OUT), leg("Local/9@q-1;1"))


def test_a_call_to_a_number_that_is_never_recorded_is_not_and_takes_no_press() -> None:
    """Whatever the user's own rule is."""
    never = replace(DID, rule=Rule.NEVER)
    call = Call()
    assert [] == call.bridge(from_outside(never), leg("b", FLAGGED))
    assert ["reply r refused", "tell press-refused"] == call.press("b", FLAGGED)


def test_an_unanswered_call_to_a_number_that_is_recorded_is_explained() -> None:
    call = Call()
    call.on(LegAppeared(from_outside(DID)), LegAppeared(leg("b", CEM)), DialEnded("BUSY"))
    call.gone("b", "trunk")
    assert [("unanswered: BUSY", DID.origin)] == [(one.cause, one.rule_origin) for one in call.handed]


def test_a_recording_that_a_place_makes_compulsory_names_it() -> None:
    """Whose call comes to this one by a transfer."""
    call = Call().recorded()
    call.bridge(from_outside(DID))
    assert (Rule.ALWAYS, DID.origin) == (call.recording.rule, call.recording.rule_origin)


def test_a_failed_start_is_tried_again_when_the_bridge_changes() -> None:
    """Policy does not give up on a call."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.refused()
    call.refused(T2)

    assert [*END_1, "intent c-2-1", "open c-2-1", "wait open c-2-1"] == call.on(ResyncEnded())[:6]


def test_a_flagged_user_who_joins_makes_an_on_demand_recording_compulsory() -> None:
    """The capture goes on; from here on no press stops it."""
    call = Call().recorded()

    assert ["changed c-1-1", "light 4"] == call.bridge(leg("d", FLAGGED))
    assert ["reply r already", "tell press-already"] == call.press()


def test_a_never_who_joins_ends_the_recording() -> None:
    """And when they leave, what policy wants starts again."""
    call = Call().recorded(FLAGGED, BOB)

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1", "darken 4 2"] == call.bridge(leg("e", SILENT))
    assert END_1 == call.closed()
    assert ["intent c-2-1", "open c-2-1", "wait open c-2-1"] == call.on(LegUnbridged(BridgeId("b"), LegId("e")))


def test_a_never_elsewhere_in_the_call_stops_nothing_here() -> None:
    """Each conversation of a call is judged for itself."""
    call = Call().recorded(FLAGGED, BOB)

    assert [] == call.bridge(leg("e", SILENT), leg("f"), bridge="other")
    assert State.RECORDING is call.state


# -- pauses ----------------------------------------------------------------------------------------------------------


def paused() -> Call:
    """Nobody is told before Asterisk confirms it; each leg carries a note."""
    call = Call(PAUSING).recorded(FLAGGED, BOB)
    assert ["mute c-1-1", "changed c-1-1", "wait pause c-1-1", "note pause a b", "darken 4 2"] == call.press("b", BOB)
    told = ["reply r paused", "tell press-paused", "tone paused c-1-1", "changed c-1-1", "tell recording-paused"]
    assert [*told, "darken 4 2"] == call.muted()
    assert call.session.blinking == ("4", "2")
    return call


def test_star_three_pauses_and_resumes() -> None:
    """The timeline goes on in silence; the manifest says from when to when."""
    call = paused()

    assert ["unmute c-1-1", "changed c-1-1", "forget pause a b", "darken 4 2"] == call.later(30).press("b", BOB)
    assert State.OPENED is call.state
    assert call.muted(muted=False) == [
        "reply r resumed",
        "tell press-resumed",
        "tone resumed c-1-1",
        "tell recording-resumed",
        "wait growth c-1-1",
        "tell recording",
        "light 4 2",
    ]
    assert [("pause", "on-demand-code"), ("resume", "on-demand-code")] == [
        (one.control, one.reason) for one in call.recording.controls
    ]
    assert [True] == [pause.is_proven for pause in call.recording.pauses]
    assert [(1_002.0, 1_032.0)] == [(pause.from_s, pause.to_s) for pause in call.recording.pauses]


def test_a_forgotten_pause_ends_by_itself() -> None:
    """It must not silence the rest of a call, also when the capture is another by then."""
    call = paused()
    call.on(LegGone(LegId("a")))
    call.bridge(leg("d", FLAGGED))

    assert [] == call.later(599).passed(Wait.PAUSE)
    began = ["alarm pause-too-long c-1-2", "intent c-1-3", "open c-1-3", "wait open c-1-3", "changed c-1-3"]
    assert [*began, "forget pause b d", "darken 2 4"] == call.later(1).passed(Wait.PAUSE)
    assert (State.STARTING, "longest-pause") == (call.state, call.recording.controls[-1].reason)
    assert [] == call.passed(Wait.PAUSE)
    assert ["tone resumed c-1-3", "tell recording-resumed"] == call.seen(T3)[:2]


def test_the_deadline_of_a_former_pause_does_not_end_this_one() -> None:
    """Who said pause ten seconds ago is not recorded because of a pause ten minutes ago."""
    call = paused()
    call.later(20).press("b", BOB)
    call.later(570).press("b", BOB)

    assert [] == call.later(10).passed(Wait.PAUSE)
    assert State.PAUSED is call.state


def test_a_pause_that_is_over_needs_no_deadline() -> None:
    """It comes all the same, and nothing happens."""
    call = paused()
    call.later(20).press("b", BOB)

    assert [] == call.later(900).passed(Wait.PAUSE)


def test_a_pause_that_ends_when_the_recorded_leg_is_gone_waits_for_another() -> None:
    """Nothing can be opened on a leg that is no more; the next conversation gets the capture."""
    call = paused()
    call.closed()
    call.gone("a")

    assert "changed c-1-1" in call.later(600).passed(Wait.PAUSE)
    assert "open c-1-2" in call.bridge(leg("b", BOB), leg("a2", FLAGGED), bridge="b2")


def test_a_pause_before_the_proof_needs_the_proof_afterwards() -> None:
    """Resuming proves nothing: the lamp waits for growth."""
    call = Call(PAUSING)
    call.talk(FLAGGED, BOB)
    call.seen()
    call.later(2).press("b", BOB)
    assert "reply r paused" in call.muted()

    assert "light" not in " ".join(call.later(2).press("b", BOB))
    assert State.OPENED is call.state
    assert "reply r resumed" in call.muted(muted=False)
    assert ["tell recording", "light 4 2"] == call.grew()


def test_growth_during_a_pause_counts_when_it_ends() -> None:
    """Muted files grow too; files that stalled meanwhile have to grow again."""
    call = paused()
    call.on(CaptureStalled(T1))
    call.later(30).press("b", BOB)
    call.muted(muted=False)
    assert State.OPENED is call.state
    call.later(30).press("b", BOB)
    call.muted()
    call.grew()
    call.later(30).press("b", BOB)

    assert "light 4 2" in call.muted(muted=False)


def test_growth_before_the_mute_has_ended_is_silence_and_proves_nothing() -> None:
    """It counts as soon as Asterisk has confirmed that the voice is recorded again."""
    call = paused()
    call.on(CaptureStalled(T1))
    call.later(30).press("b", BOB)

    assert [] == call.grew()
    assert "light 4 2" in call.muted(muted=False)


def test_while_a_compulsory_recording_begins_a_press_is_answered_by_how_it_begins() -> None:
    """There is nothing to pause yet, and nothing that could be called recorded."""
    call = Call(PAUSING)
    call.talk(FLAGGED, BOB)

    assert [] == call.later(2).press("b", BOB)
    assert State.STARTING is call.state
    assert "reply r started" in call.seen()


@pytest.mark.parametrize("terms", [PAUSING, Terms()])
def test_of_a_recording_that_has_failed_nobody_hears_that_it_is_recorded(terms: Terms) -> None:
    """There is nothing to pause, and *recorded* would be a lie."""
    call = Call(terms)
    call.talk(FLAGGED, BOB)
    call.seen()
    call.grew()
    call.on(CaptureStalled(T1))

    assert ["reply r failed", "tell press-failed"] == call.later(2).press("b", BOB)
    assert State.SUSPECT is call.state


def test_what_policy_wants_is_tried_again_and_later_each_time() -> None:
    """One answer that came too late must not cost the rest of the call, and a broken disk gets no flood of entries."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.refused()
    assert "wait retry None" in call.refused(T2)
    assert [5.0] == call.delays(Wait.RETRY)
    assert [*END_1, "intent c-2-1", "open c-2-1", "wait open c-2-1"] == call.later(5).passed(Wait.RETRY, None)[:6]
    call.refused(CaptureId("c-2-1"))
    call.refused(CaptureId("c-2-2"))
    assert [10.0] == call.delays(Wait.RETRY)


def test_what_is_said_until_it_is_tried_again_is_told_by_the_recording_that_failed() -> None:
    """It ended with its second refusal, and the next one began five seconds later, *sound*: those were in no entry."""
    again, left, over = Call(), Call(), Call()
    for call in (again, left, over):
        call.talk(FLAGGED, BOB)
        call.refused()
        assert "ended c-1" not in call.refused(T2)
    again.later(5).passed(Wait.RETRY, None)
    over.later(3).gone("a", "b")
    left.later(2).on(LegUnbridged(BridgeId("b"), LegId("b")))
    ends = [[(one.from_s, one.to_s) for one in call.handed] for call in (again, over, left)]
    assert ends == [[(1_000.0, 1_005.0)], [(1_000.0, 1_003.0)], [(1_000.0, 1_002.0)]]
    assert "open c-2-1" in left.later(60).bridge(leg("c", CEM))
    assert (left.recording.from_s, left.handed) == (1_062.0, [])


def test_a_recording_that_failed_and_whose_files_are_not_closed_is_handed_over_all_the_same() -> None:
    """Asterisk took both commands, and opened no file. Its deadline came while it was waited for."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.later(2).passed(Wait.OPEN)
    call.later(2).passed(Wait.OPEN, T2)
    assert [] == call.later(3).passed(Wait.SETTLE, T2)
    assert "wait settle c-1-2" in call.later(2).passed(Wait.RETRY, None)
    assert END_1 == call.later(3).passed(Wait.SETTLE, T2)
    assert (1_000.0, 1_009.0) == (call.handed[0].from_s, call.handed[0].to_s)


def test_a_call_of_days_is_tried_again_every_five_minutes() -> None:
    """However often it has failed: from 1,024 on, a doubling for each is more than a float holds."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.session.failures = 5000
    call.refused()
    call.refused(T2)
    assert [300.0] == call.delays(Wait.RETRY)


def without_recorder(caller: User | None = FLAGGED) -> Call:
    """Somebody stopped the recorder, and Asterisk refused another one twice."""
    call = Call().recorded(caller, BOB)
    call.closed()
    call.later(1).passed(Wait.LOST)
    call.refused(T2)
    call.refused(T3)
    assert (State.SUSPECT, [5.0]) == (call.state, call.delays(Wait.RETRY))
    return call


@pytest.mark.parametrize("caller", [FLAGGED, ANN])
def test_a_recording_without_a_recorder_gets_one_later(caller: User) -> None:
    """A fault of a second cost the rest of the call: nothing was tried again before somebody came or went."""
    call, t4, t5 = without_recorder(caller), CaptureId("c-1-4"), CaptureId("c-1-5")
    assert "open c-1-4" in call.later(5).passed(Wait.RETRY, T3)
    call.refused(t4)
    assert [10.0] == call.delays(Wait.RETRY)
    assert "open c-1-5" in call.later(10).passed(Wait.RETRY, t4)
    assert [] == call.passed(Wait.RETRY, t4)
    call.seen(t5)
    assert "tell recording" in call.grew(t5)


def test_files_that_are_not_opened_for_a_recording_that_goes_on_are_asked_for_again() -> None:
    """The spool was away."""
    call = Call().recorded(FLAGGED, BOB)
    call.on(CaptureStalled(T1))
    call.later(2).passed(Wait.OPEN, T2)
    call.later(2).passed(Wait.OPEN, T3)
    assert ["close c-1-3", "intent c-1-4", "open c-1-4"] == [
        line for line in call.later(5).passed(Wait.RETRY, T3) if line.split()[0] in {"close", "intent", "open"}
    ]


def test_no_recorder_is_asked_for_again_where_one_is_at_work_or_nobody_is_left() -> None:
    kept = Call().recorded(FLAGGED, BOB)
    kept.on(CaptureStalled(T1))
    kept.seen(T2)
    kept.on(CaptureStalled(T2))
    kept.seen(T3)
    kept.on(CaptureStalled(T3))
    assert (State.SUSPECT, []) == (kept.state, kept.delays(Wait.RETRY))
    left = without_recorder()
    left.gone("a")
    assert [] == [line for line in left.later(5).passed(Wait.RETRY, T3) if "open" in line]


def test_a_recorder_that_was_kept_and_then_closes_gets_a_successor() -> None:
    """It had a fault, which hid that it had ended."""
    call = Call().recorded(FLAGGED, BOB)
    call.on(CaptureStalled(T1))
    call.seen(T2)
    call.on(CaptureStalled(T2))
    call.seen(T3)
    call.on(CaptureStalled(T3))
    assert "wait lost c-1-3" in call.closed(T3)
    assert "open c-1-4" in call.later(1).passed(Wait.LOST, T3)


def test_what_is_no_longer_wanted_or_has_begun_is_not_tried_again() -> None:
    """The deadline is late news then; a failed press is not repeated for its presser."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.refused()
    call.refused(T2)
    call.later(1).press("b", BOB)
    assert [] == call.later(5).passed(Wait.RETRY, None)
    other = Call()
    other.talk()
    other.press()
    other.refused()
    assert not [line for line in other.refused(T2) if line.startswith("wait retry")]


def test_a_pause_outlives_its_take() -> None:
    """Files that somebody closed are opened again when it ends. Until then the place of the next ones is kept."""
    call = paused()
    call.closed()

    assert ["alarm stopped-by-another c-1-1", "changed c-1-2"] == call.passed(Wait.LOST)
    assert (State.PAUSED, True) == (call.state, call.recording.captures[-1].is_place)
    assert call.later(30).press("b", BOB)[:3] == ["intent c-1-3", "open c-1-3", "wait open c-1-3"]
    assert "reply r resumed" in call.seen(T3)


def test_a_take_that_cannot_be_muted_is_closed() -> None:
    """Who presses is told that it failed, and that it is paused as soon as nothing is written any more. None is opened before the
    pause ends."""
    call = Call(PAUSING).recorded(FLAGGED, BOB)
    call.press("b", BOB)

    assert call.unmutable() == [
        "reply r not-paused",
        "tell press-not-paused",
        "alarm MuteTake: ami-down c-1-1",
        "close c-1-1",
        "wait stop c-1-1",
        "changed c-1-2",
    ]
    assert not call.recording.pauses[-1].is_proven
    assert ["tone paused c-1-2", "changed c-1-2", "tell recording-paused", "darken 4 2"] == call.closed()
    assert [] == call.passed(Wait.LOST)
    assert call.later(9).press("b", BOB)[:3] == ["intent c-1-3", "open c-1-3", "wait open c-1-3"]
    assert State.STARTING is call.state


def test_after_a_pause_a_take_that_cannot_be_unmuted_gives_way_to_another() -> None:
    """Nobody is told that it goes on before it does."""
    call = paused()
    call.later(9).press("b", BOB)

    assert call.unmutable(muted=False) == [
        "alarm MuteTake: ami-down c-1-1",
        "reply r failed",
        "tell press-failed",
        "close c-1-1",
        "wait stop c-1-1",
        "intent c-1-2",
        "open c-1-2",
        "wait open c-1-2",
    ]
    assert ["tone resumed c-1-2", "tell recording-resumed"] == call.seen(T2)[:2]


def lacks(call: Call) -> list[tuple[float, float, str]]:
    return [(one.from_s, round(one.to_s, 3), one.cause) for one in call.recording.missing]


@pytest.mark.parametrize(("late_s", "missing"), [(0.09, []), (0.9, [(1_011.0, 1_011.9, "gap")])])
def test_what_is_said_between_a_resume_and_the_end_of_the_mute_is_told(
    late_s: float, missing: list[tuple[float, float, str]]
) -> None:
    """The pause has ended, and Asterisk takes its time: the file is silent, and was *sound*."""
    call = paused()
    call.later(9).press("b", BOB)
    said = call.later(late_s).muted(muted=False)
    assert (lacks(call), "changed c-1-1" in said) == (missing, bool(missing))


def test_a_recorder_that_is_never_unmuted_lacks_what_is_said_until_it_gives_way() -> None:
    """A further one begins; a transfer ends it, a pause, the call."""
    told = [(1_011.0, 1_011.9, "gap")]
    refused, moved, again, over = paused(), paused(), paused(), paused()
    for call in (refused, moved, again, over):
        call.later(9).press("b", BOB)
        call.later(0.9)
    refused.unmutable(muted=False)
    moved.on(LegUnbridged(BridgeId("b"), LegId("b")), LegGone(LegId("a")))
    moved.bridge(leg("a2", FLAGGED), leg("c", CEM), bridge="b2")
    again.on(Controlled(Control.PAUSE, "op"))
    assert [lacks(call) for call in (refused, moved, again)] == [told] * 3
    over.gone("a", "b")
    over.closed()
    assert [(round(one.to_s, 3), one.cause) for one in over.handed[0].missing] == [(1_011.9, "gap")]


def test_a_muted_recorder_that_does_not_stop_at_once_holds_nothing_until_the_next_one_has_begun() -> None:
    """Its capture lasts longer, in silence."""
    call = paused()
    call.later(9).press("b", BOB)
    call.unmutable(muted=False)
    assert lacks(call) == []
    call.later(0.2).seen(T2)
    call.later(0.5).closed(T1)
    assert lacks(call) == [(1_011.0, 1_011.2, "gap")]


def test_of_a_recorder_that_ended_in_the_pause_no_mute_is_told() -> None:
    """Behind it no file holds anything, which tells itself: it was told twice."""
    call = paused()
    call.later(5).gone("a")
    call.closed()
    call.on(Controlled(Control.RESUME, "op"))
    call.later(9).bridge(leg("a2", FLAGGED), leg("c", CEM), bridge="b2")
    assert (call.recording.captures[-1].leg, lacks(call)) == ("a2", [])


def test_each_recorder_that_cannot_be_unmuted_gives_way_to_another() -> None:
    """Also the second one: it was muted, and might never be heard again."""
    call = Call(PAUSING)
    call.talk(FLAGGED, BOB)
    call.later(2).passed(Wait.OPEN)
    call.seen(T2)
    call.on(Controlled(Control.PAUSE, "op"))
    call.muted(T2)
    call.later(9).on(Controlled(Control.RESUME, "op"))
    assert "open c-1-3" in call.unmutable(T2, muted=False)


def test_late_news_of_a_mute_change_nothing() -> None:
    """The pause is over, or the take is no longer the current one."""
    call = paused()
    call.later(9).press("b", BOB)
    call.muted(muted=False)
    assert [] == [line for line in call.unmutable() if not line.startswith("alarm")]
    assert [] == [line for line in call.unmutable(muted=False) if not line.startswith("alarm")]
    assert [] == call.unmutable(T3)
    assert State.RECORDING is call.state


def test_a_take_that_begins_when_the_call_is_paused_is_muted_too() -> None:
    """It was asked for before: what is said in the pause is not in it."""
    call = Call(PAUSING)
    call.talk(FLAGGED, BOB)
    call.on(Controlled(Control.PAUSE, "op"))
    assert "mute c-1-1" in [say(one) for one in call.commands]
    assert "mute c-1-1" in call.seen()
    call.muted()
    assert (State.PAUSED, True) == (call.state, call.recording.pauses[-1].is_proven)


def test_in_a_pause_no_take_begins_after_a_transfer() -> None:
    """The new leg keeps the place; all who talk then hear that it goes on."""
    call = paused()
    call.later(5).gone("a")
    call.closed()
    assert [] == [line for line in call.bridge(leg("a2", FLAGGED), leg("c", CEM), bridge="b2") if "open" in line]
    assert (State.PAUSED, "a2") == (call.state, call.recording.captures[-1].leg)

    assert "open c-1-3" in call.later(5).press("a2", FLAGGED)
    assert "tone resumed c-1-3" in call.seen(T3)


def test_a_pause_goes_on_when_the_stop_in_it_fails() -> None:
    """Asterisk refuses it twice: the capture is still muted, so nobody may be told that it records."""
    call = Call().recorded()
    call.on(Controlled(Control.PAUSE, "pause"))
    call.muted()
    assert "close c-1-1" in call.on(Controlled(Control.STOP, "stop"))
    assert ["alarm no-such-channel c-1-1", "close c-1-1", "wait stop c-1-1"] == call.refused()

    said = ["alarm no-such-channel c-1-1", "tone failed c-1-1", "changed c-1-1", "wait pause c-1-1", "mute c-1-1"]
    assert [*said, "note pause a b", "darken 1 2"] == call.refused()
    assert State.PAUSED is call.state
    assert call.recording.is_paused


def test_the_stop_for_a_never_in_a_pause_is_not_withdrawn() -> None:
    call = paused()
    assert "close c-1-1" in call.later(5).bridge(leg("e", SILENT))
    call.refused()
    call.refused()
    assert (State.STOPPING, call.now.utc_s) == (call.state, call.recording.to_s)


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_files_that_are_not_opened_are_tried_once_more() -> None:
    """The first fault alarms and opens another capture, the second one gives the recording up and says so."""
    call = Call()
    call.talk()
    call.press()

    assert call.later(2).passed(Wait.OPEN) == [
        "alarm file-not-opened c-1-1",
        "reply r failed",
        "tell press-failed",
        "tone failed c-1-1",
        "close c-1-1",
        "wait stop c-1-1",
        "intent c-1-2",
        "open c-1-2",
        "wait open c-1-2",
    ]
    assert call.later(2).passed(Wait.OPEN, T2) == [
        "alarm file-not-opened c-1-2",
        "tone failed c-1-2",
        "close c-1-2",
        "wait stop c-1-2",
        "wait settle c-1-2",
    ]
    assert State.FAILED is call.state
    assert END_1 == call.later(3).passed(Wait.SETTLE, T2)
    assert ["file-not-opened"] * 2 == [capture.cause for capture in call.handed[0].captures]


def test_a_refused_take_is_tried_once_more() -> None:
    """A recorder that Asterisk refuses needs no closing and keeps nobody waiting."""
    call = Call()
    call.talk()
    call.press()

    assert call.refused() == [
        "alarm no-such-channel c-1-1",
        "reply r failed",
        "tell press-failed",
        "tone failed c-1-1",
        "intent c-1-2",
        "open c-1-2",
        "wait open c-1-2",
    ]
    assert ["alarm no-such-channel c-1-2", "tone failed c-1-2", *END_1] == call.refused(T2)
    assert State.FAILED is call.state
    assert "open c-2-1" in call.later(9).press()


def test_an_asterisk_that_cannot_be_asked_is_not_asked_twice() -> None:
    """The presser hears `unavailable`; a second try would meet the same closed door."""
    call = Call()
    call.talk()
    call.press()

    assert call.refused(unavailable=True)[0] == "reply r unavailable", "tell press-unavailable"
    assert State.FAILED is call.state


def test_files_that_do_not_grow_are_replaced_once_and_then_kept() -> None:
    """The second silent take is kept, since a silent call may yet speak; when it does, it has no fault."""
    call = Call()
    call.talk()
    call.press()
    call.seen()

    assert ["examine c-1-1"] == call.later(6).passed(Wait.GROWTH)
    assert "alarm file-not-growing c-1-1" in call.on(CaptureStalled(T1))
    assert State.STARTING is call.state
    assert "tone started c-1-2" in call.seen(T2)
    assert ["examine c-1-2"] == call.later(6).passed(Wait.GROWTH, T2)
    assert ["alarm file-not-growing c-1-2", "tone failed c-1-2"] == call.on(CaptureStalled(T2))
    assert State.SUSPECT is call.state
    assert ["tell recording", "tone started c-1-2", "light 1 2"] == call.later(60).grew(T2)
    assert ["file-not-growing", ""] == [capture.cause for capture in call.recording.captures]


def test_files_that_do_not_grow_because_nothing_is_said_are_let_be() -> None:
    """Both phones silent from the answer on: it was `file-not-growing`, two captures and an alarm."""
    call = Call()
    call.talk()
    call.press()
    call.seen()

    assert ["examine c-1-1"] == call.later(6).passed(Wait.GROWTH)
    assert ["examine c-1-1"] == call.later(4).on(CaptureQuiet(T1)), "asked again, until they speak"
    assert "tell recording" in call.later(5).grew()
    assert ["c-1-1"] == [capture.id for capture in call.recording.captures]


def test_deadlines_that_came_true_are_late_news() -> None:
    """A proven take is not faulted by what once waited for its proof."""
    call = Call().recorded()

    assert [] == call.passed(Wait.OPEN) + call.passed(Wait.GROWTH) + call.passed(Wait.LOST)
    assert [] == call.passed(Wait.STOP) + call.passed(Wait.OPEN, None) + call.passed(Wait.SETTLE)
    assert State.RECORDING is call.state


def test_a_proven_take_under_suspicion_does_not_prove_itself_to_a_deadline() -> None:
    """It grew before: the next growth clears it, and what waited for the first one is late news."""
    call = Call().recorded()
    assert ["alarm no-such-channel c-1-1", "darken 1 2"] == call.refused(unavailable=True)

    assert [] == call.passed(Wait.GROWTH)
    assert ["tell recording", "light 1 2"] == call.grew()


def test_growth_of_files_that_are_closed_proves_nothing() -> None:
    """It is late news."""
    call = Call()
    call.talk()
    call.press()
    call.seen()
    call.closed()

    assert [] == call.grew()
    assert State.OPENED is call.state


def test_stalled_files_are_replaced() -> None:
    """The lamp is dark from the stall until the new capture grows."""
    call = Call().recorded()

    assert call.on(CaptureStalled(T1)) == [
        "alarm stalled c-1-1",
        "close c-1-1",
        "wait stop c-1-1",
        "intent c-1-2",
        "open c-1-2",
        "wait open c-1-2",
        "darken 1 2",
    ]
    assert State.SUSPECT is call.state
    assert [] == call.closed(T1)
    assert ["wait growth c-1-2", "opened c-1-2"] == call.seen(T2)
    assert ["tell recording", "light 1 2"] == call.grew(T2)
    assert [] == call.on(CaptureStalled(T1))


def test_a_replacement_that_does_not_grow_is_replaced_once() -> None:
    """The chain ends: the last one is kept."""
    call = Call().recorded()
    call.on(CaptureStalled(T1))
    call.seen(T2)

    assert ["examine c-1-2"] == call.later(6).passed(Wait.GROWTH, T2)
    assert "open c-1-3" in call.on(CaptureStalled(T2))
    call.seen(T3)
    call.later(6).passed(Wait.GROWTH, T3)
    assert ["alarm file-not-growing c-1-3"] == call.on(CaptureStalled(T3))
    assert State.SUSPECT is call.state


def test_growth_that_is_told_before_the_files_are_seen_is_not_forgotten() -> None:
    """News of one capture may overtake each other."""
    call = Call()
    call.talk()
    call.press()
    assert [] == call.grew()

    assert "light 1 2" in call.seen()


def test_files_closed_by_another_are_opened_again() -> None:
    """Somebody's StopMixMonitor does not end our recording; nobody is silent about it either."""
    call = Call().recorded()

    assert ["wait lost c-1-1"] == call.closed()
    assert [] == call.grew()
    assert call.later(1).passed(Wait.LOST) == [
        "alarm stopped-by-another c-1-1",
        "intent c-1-2",
        "open c-1-2",
        "wait open c-1-2",
        "darken 1 2",
    ]


def test_a_stop_when_nothing_is_open_is_done_at_once() -> None:
    """There is nothing to wait for."""
    call = Call().recorded()
    call.closed()

    assert ["reply r stopped", "tell press-stopped", "tone stopped c-1-1", *END_1, "darken 1 2"] == call.press()


def test_a_stop_by_the_dialplan_alone_is_a_stop() -> None:
    """The press was heard while we could not be asked; before its files are closed it proves nothing."""
    call = Call().recorded()
    assert [] == call.on(CaptureStopped(T1))

    call.closed()
    assert ["tone stopped c-1-1", *END_1, "darken 1 2"] == call.on(CaptureStopped(T1))


def test_a_stop_by_the_dialplan_alone_does_not_end_what_policy_wants() -> None:
    """The dialplan could not know. The recording goes on with a further capture, and the entry tells what is missing."""
    call = Call().recorded(FLAGGED, BOB)
    call.closed()

    assert ["alarm stopped-by-another c-1-1", "intent c-1-2", "open c-1-2"] == call.on(CaptureStopped(T1))[:3]
    assert (call.state, call.recording.captures[0].cause) == (State.SUSPECT, "stopped-by-another")


def test_files_closed_by_a_hangup_are_no_fault() -> None:
    """The hangup follows within the grace, also when the other one stays on the line alone; but no lamp stays lit."""
    call = Call().recorded()
    assert ["wait lost c-1-1"] == call.closed()

    assert ["darken 1 2"] == call.gone("a")
    assert [] == call.later(1).passed(Wait.LOST)
    assert END_1 == call.gone("b")
    assert "" == call.handed[0].captures[0].cause


def test_a_hangup_before_the_files_exist_is_no_fault() -> None:
    """The presser is gone: the dialogue is answered, nothing alarms."""
    call = Call()
    call.talk()
    call.press()

    assert ["reply r failed", "tell press-failed"] == call.gone("a")
    assert [] == call.passed(Wait.OPEN) + call.refused()
    assert END_1 == call.gone("b")


def test_a_refused_stop_is_tried_again_and_then_told() -> None:
    """The call is still recorded, and lamp, tone and answer say so; what was captured has no fault."""
    call = Call().recorded()
    call.press()

    assert ["alarm no-such-channel c-1-1", "close c-1-1", "wait stop c-1-1"] == call.refused()
    assert call.refused() == [
        "alarm no-such-channel c-1-1",
        "reply r failed",
        "tell press-failed",
        "tone failed c-1-1",
        "changed c-1-1",
        "tell recording",
        "light 1 2",
    ]
    assert (State.RECORDING, None, "") == (call.state, call.recording.to_s, call.recording.captures[0].cause)
    assert "close c-1-1" in call.later(2).press()


def test_a_stop_that_was_refused_once_takes_nothing_from_the_take() -> None:
    """What was captured is whole: its manifest knows no fault."""
    call = Call().recorded()
    call.press()
    call.refused()
    call.closed()

    assert "" == call.handed[0].captures[0].cause


def test_a_stop_that_does_not_happen_is_asked_for_again() -> None:
    """Twice, then it is known that it goes on; without proof of growth no lamp is lit for it."""
    call = Call().recorded()
    call.later(2).press()
    call.on(CaptureStalled(T1))

    assert ["alarm stop-overdue c-1-1", "close c-1-1", "wait stop c-1-1"] == call.later(2).passed(Wait.STOP)
    assert call.later(2).passed(Wait.STOP) == [
        "alarm stop-overdue c-1-1",
        "reply r failed",
        "tell press-failed",
        "tone failed c-1-1",
        "changed c-1-1",
    ]
    assert State.SUSPECT is call.state
    assert ["tell recording", "light 1 2"] == call.grew()


@pytest.mark.parametrize("caller", [ANN, FLAGGED])
def test_the_stop_for_a_never_is_not_withdrawn(caller: User) -> None:
    """One answer of Asterisk that came too late, and they were recorded to the end of the call. Until it stops it is asked again,
    and what it writes is no part of the recording."""
    call = Call().recorded(caller, CEM)
    call.later(10).bridge(leg("e", SILENT))
    assert "close c-1-1" in call.refused(unavailable=True)
    for after_s in (2, 4, 8):
        assert "close c-1-1" in call.later(after_s).passed(Wait.STOP)
    assert (State.STOPPING, 1_012.0, ()) == (call.state, call.recording.to_s, call.session.lit)
    call.closed()
    assert [1_012.0] == [one.to_s for one in call.handed]


def test_the_stop_for_a_never_is_not_withdrawn_when_they_have_left() -> None:
    """Else all that they have said would be in the recording after all."""
    call = Call().recorded()
    call.later(10).bridge(leg("e", SILENT))
    call.later(5).gone("e")
    call.refused()
    call.refused()
    assert (State.STOPPING, 1_012.0) == (call.state, call.recording.to_s)


def test_a_never_who_comes_while_a_press_stops_the_recording_is_not_recorded() -> None:
    """The press failed, and says so; the stop is asked for again."""
    call = Call().recorded()
    call.later(10).press(reply="stop")
    call.bridge(leg("e", SILENT))
    call.gone("e")
    call.refused()
    assert "reply stop failed" in call.refused()
    assert (State.STOPPING, 1_012.0) == (call.state, call.recording.to_s)


def test_what_is_said_behind_a_recorder_that_somebody_stopped_belongs_to_the_recording() -> None:
    """A never came within the second in which a hangup is waited for: the recording had ended with its recorder."""
    call = Call().recorded(FLAGGED, BOB)
    call.later(10).closed()
    call.later(0.9).bridge(leg("e", SILENT))
    assert [pytest.approx(1_012.9)] == [one.to_s for one in call.handed]


def test_with_those_who_stay_a_recording_begins_though_the_former_does_not_stop() -> None:
    call = Call().recorded(FLAGGED, BOB)
    call.later(10).bridge(leg("e", SILENT))
    call.refused(unavailable=True)
    assert "open c-2-1" in call.later(5).gone("e")
    call.seen(NEXT)
    call.gone("a", "b")
    call.closed(T1)
    assert [1_012.0] == [one.to_s for one in call.handed]


def test_an_end_that_was_asked_for_before_a_restart_is_not_withdrawn() -> None:
    """Whether somebody must not be recorded there a new daemon does not know."""
    call = Call().recorded()
    call.bridge(leg("e", SILENT))
    call = Call(session=Session.resume(call.recording, Terms()))
    call.bridge(leg("a", ANN), leg("b", BOB))
    call.on(ResyncEnded())
    call.refused()
    call.refused()
    assert State.STOPPING is call.state


def test_a_stop_of_what_never_began_is_a_stop() -> None:
    """Refused or overdue: there is nothing to close."""
    for news in (CaptureRefused(T1, "no"), DeadlinePassed(Wait.STOP, T1)):
        call = Call()
        call.talk()
        call.press()
        call.later(1.1).press()

        assert "reply r stopped" in call.on(news)
        assert State.IDLE is call.state


def test_a_stop_whose_leg_is_gone_is_a_stop() -> None:
    """The recorder went with its leg."""
    call = Call().recorded()
    call.bridge(leg("d", CEM))
    call.press()
    call.gone("a")

    assert "reply r stopped" in call.refused()


def test_a_recorder_that_will_not_stop_is_stopped_again_and_waited_for() -> None:
    """While its leg lives the files are not given away; when the leg is gone they are, seen closed or not."""
    call = Call().recorded()
    call.press()
    call.later(2).press()

    assert ["alarm take-not-closing c-1-1"] == call.later(3).passed(Wait.SETTLE)
    assert [] == call.refused()
    assert ["alarm stop-overdue c-1-1", "close c-1-1", "wait stop c-1-1"] == call.passed(Wait.STOP)
    assert [] == call.later(2).passed(Wait.STOP), "the time between doubles"
    assert ["alarm stop-overdue c-1-1", "close c-1-1", "wait stop c-1-1"] == call.later(2).passed(Wait.STOP)
    assert "wait settle c-1-1" in call.gone("a")
    assert END_1 == call.later(3).passed(Wait.SETTLE)


def test_news_of_what_was_handed_over_are_nobodys() -> None:
    """A capture of another call, and one that intake owns, cause nothing."""
    call = Call().recorded()
    call.press()
    call.closed()

    late = call.seen() + call.grew() + call.closed() + call.refused() + call.refused(CaptureId("x-1-1"))
    assert [] == late + call.on(CaptureStalled(T1)) + call.passed(Wait.STOP)


def test_an_earlier_take_that_closes_late_holds_up_nothing() -> None:
    """A stop is proven by the current capture; the recording waits for the other one's files."""
    call = Call().recorded()
    call.on(CaptureStalled(T1))
    call.seen(T2)
    call.later(2).press()

    assert ["reply r stopped", "tell press-stopped", "tone stopped c-1-2", "wait settle c-1-2"] == call.closed(T2)
    assert END_1 == call.closed(T1)


# -- transfers and other changes of legs -----------------------------------------------------------------------------


def test_when_the_recorded_user_goes_on_at_another_phone_the_recording_does_too() -> None:
    """Same recording, new capture; its proof is waited for anew, and the lamp with it."""
    call = Call().recorded()
    call.bridge(leg("c", ANN))

    assert call.gone("a") == [
        "close c-1-1",
        "wait stop c-1-1",
        "intent c-1-3",
        "open c-1-3",
        "wait open c-1-3",
        "darken 1 2",
    ]
    assert (State.STARTING, LegId("c")) == (call.state, call.recording.captures[-1].leg)
    call.seen(T3)
    assert ["tell recording", "light 2 1"] == call.grew(T3)


def test_a_recording_on_demand_ends_when_its_presser_has_left_by_a_transfer() -> None:
    """Without a tone: there is no leg to play it on. Whole, and the entry says why it ended."""
    call = Call().recorded(ANN, CEM)
    assert ["darken 1 3"] == call.gone("a")
    call.closed()

    assert ["changed c-1-1"] == call.later(3).bridge(leg("b", CEM), leg("trunk"), bridge="b2")
    assert State.ABSENT is call.state
    assert ["ended c-1", "hand over c-1", "tell recording-ended"] == call.later(60).gone("b", "trunk")
    (recording,) = call.handed
    assert ("recorded-user-left", "", 1_002.0) == (recording.end_reason, recording.cause, recording.to_s)
    assert () == recording.waiting


def test_who_begins_a_recording_after_another_has_ended_has_one_of_their_own() -> None:
    """Another rule and another user on the left: the absent one is handed over."""
    call = Call().recorded(FLAGGED, BOB)
    call.gone("a")
    call.closed()
    call.later(3).bridge(leg("b", BOB), leg("trunk"), bridge="b2")

    assert ["ended c-1", "hand over c-1"] == call.later(5).press("b", BOB)[:2]
    assert "reply r started" in call.seen(NEXT)
    assert (Rule.ON_DEMAND, UserId("2")) == (call.recording.rule, call.session.recorded_user)


def test_a_recording_on_demand_goes_on_with_another_who_may_press() -> None:
    """It ends with the last of them. The left channel is the first one's, and both sides of the new capture are others'."""
    call = Call().recorded(ANN, BOB)
    call.gone("a")
    call.closed()

    assert "open c-1-2" in call.later(3).bridge(leg("b", BOB), leg("trunk"), bridge="b2")
    assert [("a", False), ("b", True)] == [(one.leg, one.of_others) for one in call.recording.captures]
    call.seen(T2)
    call.gone("b")
    call.closed(T2)
    call.later(1).bridge(leg("trunk"), leg("c", CEM), bridge="b2")
    assert (State.ABSENT, "recorded-user-left") == (call.state, call.recording.end_reason)


def test_an_always_recording_ends_with_its_user_also_in_a_conversation_of_three() -> None:
    """What the others say is theirs."""
    call = Call().recorded(FLAGGED, BOB)
    call.bridge(leg("c", CEM))

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1"] == call.gone("a")[:3]
    assert State.ABSENT is call.state


def test_while_the_recorded_user_is_absent_nothing_is_captured_and_then_the_same_recording_goes_on() -> None:
    """The absence is a wait in it, and no gap; who was there in that time alone is none of its participants."""
    call = Call().recorded(FLAGGED, BOB)
    call.later(1).gone("a")
    call.closed()
    assert not any(line.startswith("open") for line in call.later(3).bridge(leg("b", BOB), leg("c", CEM), bridge="b2"))
    call.later(5).gone("c")

    assert "open c-1-2" in call.later(2).bridge(leg("b", BOB), leg("a2", FLAGGED), bridge="b3")
    assert State.STARTING is call.state
    call.seen(T2)
    assert "tell recording" in call.grew(T2)
    call.later(4).gone("a2", "b")
    call.closed(T2)

    (recording,) = call.handed
    assert ("", 1_017.0) == (recording.end_reason, recording.to_s)
    assert [Waiting(1_003.0, 1_013.0, WaitingKind.ABSENT)] == list(recording.waiting)
    assert [("a", False), ("a2", False)] == [(one.leg, one.of_others) for one in recording.captures]
    assert ["a", "b", "a2"] == [party.leg for party in recording.parties]


def test_a_pause_goes_on_after_an_absence() -> None:
    """Nobody has resumed."""
    call = Call(PAUSING).recorded(FLAGGED, BOB)
    call.press("a", FLAGGED)
    call.gone("a")
    call.closed()
    call.later(1).bridge(leg("b", BOB), leg("c", CEM), bridge="b2")
    assert State.ABSENT is call.state

    call.later(1).bridge(leg("a2", FLAGGED), bridge="b2")
    assert (State.PAUSED, [PAUSING.limits.pause_s - 2]) == (call.state, call.delays(Wait.PAUSE))
    assert call.recording.captures[-1].is_place


def test_when_the_recorded_user_leaves_to_another_who_is_always_recorded_the_recording_goes_on() -> None:
    """One recording of the call. Left is one user from start to end, so the other one is on the right."""
    call = Call().recorded(FLAGGED, BOB)
    call.gone("a")
    call.closed()
    other = replace(FLAGGED, id=UserId("6"))

    said = call.later(3).bridge(leg("b", BOB), leg("f", other), bridge="b2")

    assert "open c-1-2" in said
    assert [("a", False), ("f", True)] == [(one.leg, one.of_others) for one in call.recording.captures]
    assert UserId("4") == call.session.recorded_user

    said = call.later(3).bridge(leg("a2", FLAGGED), bridge="b2")
    assert "open c-1-4" in said, "the first one is back, and belongs on the left"
    assert ("a2", False) == (call.recording.captures[-1].leg, call.recording.captures[-1].of_others)


def test_another_who_is_always_recorded_waits_and_is_still_there() -> None:
    """The last recorded user is parked: the recording has not ended, and goes on with them."""
    call = Call().recorded(FLAGGED, BOB)
    other = replace(FLAGGED, id=UserId("6"))
    call.bridge(leg("f", other))
    call.gone("a")
    call.seen(T3)
    call.on(LegUnbridged(BridgeId("b"), LegId("f")))
    call.bridge(leg("c", CEM))
    assert State.OPENED is call.state

    call.gone("f")
    assert State.ABSENT is call.state


def test_another_who_may_press_waits_and_is_still_there() -> None:
    """On demand likewise. Nothing of the others, who talk meanwhile, is captured; once both have left, it is absent."""
    call = Call().recorded(ANN, BOB)
    call.gone("a")
    call.closed()
    call.later(3).bridge(leg("b", BOB), leg("c", CEM), bridge="b2")
    assert ("b", True) == (call.recording.captures[-1].leg, call.recording.captures[-1].of_others)
    call.seen(T2)
    call.on(LegUnbridged(BridgeId("b2"), LegId("b")))
    assert not any(line.startswith("open") for line in call.bridge(leg("c", CEM), leg("d"), bridge="b2"))
    assert (State.OPENED, "b") == (call.state, call.recording.captures[-1].leg)

    call.gone("b")
    assert State.ABSENT is call.state


def test_a_setting_lets_the_recording_go_on_to_the_end_of_the_call() -> None:
    """With those who talk, on the right; only *never* ends it."""
    call = Call(Terms(follow=Follow.CALL)).recorded(FLAGGED, BOB)
    call.gone("a")
    call.closed()
    assert "open c-1-2" in call.later(3).bridge(leg("b", CEM), leg("trunk"), bridge="b2")
    assert call.recording.captures[-1].of_others
    call.seen(T2)

    call.bridge(leg("e", SILENT), bridge="b2")
    assert State.STOPPING is call.state


def test_a_recorder_that_was_not_stopped_in_an_absence_is_stopped_again() -> None:
    """What others say is not captured, however often Asterisk refuses; a link that is back is asked at once."""
    call = Call().recorded(FLAGGED, BOB)
    other = replace(FLAGGED, id=UserId("6"))
    call.bridge(leg("f", other))
    call.gone("a")
    call.seen(T3)
    call.bridge(leg("c", CEM), leg("f", CEM))
    assert State.ABSENT is call.state

    for wait_s in (2, 4, 8):
        assert ["alarm stop-overdue c-1-3", "close c-1-3", "wait stop c-1-3"] == call.later(wait_s).passed(
            Wait.STOP, T3
        )
    assert ["close c-1-3", "wait stop c-1-3"] == call.on(ResyncEnded())
    assert State.ABSENT is call.state


def handed_over(callee: User | None, partner: User | None) -> Call:
    """Dora, recorded on `a`, has connected `b` with the partner of her other leg `c`, who is in `b`'s bridge now: REFER with
    Replaces. Her legs are still to end."""
    call = Call().recorded(FLAGGED, callee)
    call.on(LegsJoined((LegBridged(BridgeId("b2"), leg("c", FLAGGED), 8000),), ()))
    call.bridge(leg("d", partner))
    call.on(LegUnbridged(BridgeId("b"), LegId("a")))
    return call


@pytest.mark.parametrize("first", ["a", "c"])
def test_whichever_leg_of_a_user_who_hands_over_ends_first_others_are_not_captured(first: str) -> None:
    """Between the two ends a recorder was put on a partner's leg: what strangers said for 4 to 280 ms, and *partial*."""
    call = handed_over(BOB, CEM)
    said = call.later(1).gone(first)
    said += call.later(0.001).gone("c" if first == "a" else "a")
    said += call.closed()
    said += call.later(9).gone("b", "d")

    assert not any(line.startswith("open") for line in said)
    (recording,) = call.handed
    assert [LegId("a")] == [capture.leg for capture in recording.captures]
    assert recording.end_reason == "recorded-user-left"
    assert recording.to_s == pytest.approx(1_003.0, abs=0.002)


@pytest.mark.parametrize("first", ["a", "c"])
def test_of_those_who_were_connected_one_is_always_recorded_on_the_right(first: str) -> None:
    """The recording goes on at once, with them among the others."""
    call = handed_over(replace(FLAGGED, id=UserId("6")), CEM)
    call.later(1).gone(first)
    call.later(0.001).gone("c" if first == "a" else "a")

    assert [("a", False), ("b", True)] == [(one.leg, one.of_others) for one in call.recording.captures]


def test_while_a_user_waits_others_who_are_always_recorded_are_recorded_on_the_right() -> None:
    """In the consultation of a flagged partner the left channel was the partner, in a recording of the one on hold."""
    partner = replace(FLAGGED, id=UserId("6"))
    call = Call().recorded(FLAGGED, partner)
    call.on(LegUnbridged(BridgeId("b"), LegId("b")))

    call.later(1).bridge(leg("b", partner), leg("c", CEM), bridge="b2")
    assert [("a", False), ("b", True)] == [(one.leg, one.of_others) for one in call.recording.captures]

    call.seen(T2)
    call.later(2).grew(T2)
    call.gone("b")
    said = call.later(1).bridge(leg("a", FLAGGED, Direction.OUT), leg("c", CEM), bridge="b2")
    assert "open c-1-4" in said
    assert not call.recording.captures[-1].of_others


def test_a_recording_on_demand_becomes_compulsory_when_a_rule_records_others_of_its_call() -> None:
    """One call has one recording, and no press may stop it from here on."""
    call = Call().recorded(ANN, replace(FLAGGED, id=UserId("6"), call_record=False))
    call.on(LegUnbridged(BridgeId("b"), LegId("b")))
    call.bridge(leg("b", FLAGGED), leg("c", CEM), bridge="b2")

    assert (RecordingId("c-1"), Rule.ALWAYS) == (call.recording.id, call.recording.rule)
    assert ("b", True) == (call.recording.captures[-1].leg, call.recording.captures[-1].of_others)


def test_a_call_that_ends_is_not_said_to_be_left() -> None:
    """Somebody always hangs up first."""
    call = Call().recorded(FLAGGED, BOB)
    call.gone("a", "b")
    call.closed()

    assert [("", "")] == [(one.end_reason, one.cause) for one in call.handed]


def test_a_recorder_that_can_neither_be_muted_nor_stopped_is_not_asked_at_once_for_ever() -> None:
    """Each refusal would cause the next. It is asked again later, until it stops: another one follows it after the pause."""
    call = Call(Terms(overrides_always=OverridesAlways.PAUSE)).recorded(FLAGGED, BOB)
    call.later(2).press("a", FLAGGED)
    assert "close c-1-1" in call.unmutable()
    assert [] == call.refused()
    said = call.later(2).passed(Wait.STOP)
    assert ["alarm stop-overdue c-1-1", "close c-1-1", "wait stop c-1-1"] == said
    assert State.PAUSED is call.state
    assert not call.recording.pauses[-1].is_proven
    call.later(2).press("a", FLAGGED)
    assert "close c-1-1" in call.later(10).passed(Wait.STOP)


def test_the_recorded_user_may_wait_while_the_others_talk() -> None:
    """Parked or on hold they have not left: the capture stays where it is."""
    call = Call().recorded(FLAGGED, BOB)
    call.on(LegUnbridged(BridgeId("b"), LegId("a")))

    assert [] == call.bridge(leg("b", BOB), leg("c", CEM), bridge="b2")
    assert State.RECORDING is call.state


def test_what_a_restart_does_not_know_does_not_end_the_recording() -> None:
    """Neither a user whom late tables do not know, nor one whose leg is told last, nor a recording of nobody known."""
    call = Call(session=Session.resume(Call().recorded(FLAGGED, BOB).recording, Terms()))
    call.bridge(leg("b", BOB), leg("c", CEM))
    call.bridge(leg("a", None, Direction.OUT))
    assert State.OPENED is call.state

    captured = replace(Call().recorded(FLAGGED, BOB).recording, parties=())
    other = Call(session=Session.resume(captured, Terms()))
    assert other.session.recorded_user is None
    other.bridge(leg("b", BOB), leg("c", CEM))
    other.gone("a")
    assert (State.STARTING, "b") == (other.state, other.recording.captures[-1].leg)


def test_what_the_dialplan_captured_on_the_callers_leg_ends_with_the_called_user() -> None:
    """Its recorder is on the stranger's leg; the file is the flagged user's."""
    mine = Actor(ActorKind.POLICY, FLAGGED.id, LegId("a"))
    captured = replace(Call().recorded(None, FLAGGED).recording, parties=(), actor=mine)
    first = replace(captured.captures[0], leg=LegId("a"))
    call = Call(session=Session.resume(replace(captured, captures=(first,)), Terms()))
    call.bridge(leg("a", None, Direction.OUT), leg("b", FLAGGED))
    assert State.OPENED is call.state
    call.gone("b")

    call.bridge(leg("a", None, Direction.OUT), leg("c", CEM), bridge="b2")

    assert (State.ABSENT, "recorded-user-left") == (call.state, call.recording.end_reason)


def test_a_stop_that_asterisk_refuses_in_an_absence_is_told() -> None:
    """The recorder may go on; what it writes is not said to be of this recording."""
    call = Call().recorded(FLAGGED, BOB)
    call.bridge(leg("c", CEM))
    call.gone("a")
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)))
    assert [] == call.refused(), "at once it would be refused again"

    assert ["alarm stop-overdue c-1-1", "close c-1-1", "wait stop c-1-1"] == call.later(2).passed(Wait.STOP)
    assert (State.ABSENT, "recorded-user-left", 1_002.0) == (
        call.state,
        call.recording.end_reason,
        call.recording.to_s,
    )


def test_a_transfer_to_a_never_is_not_followed() -> None:
    """Though the other one may press."""
    call = Call().recorded()
    call.gone("a")

    said = call.bridge(leg("b", BOB), leg("e", SILENT), bridge="b2")

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1"] == said
    assert State.ABSENT is call.state


def test_a_leg_on_hold_keeps_its_take() -> None:
    """What the recorded user asked for is not carried into somebody else's consultation."""
    call = Call().recorded()
    assert ["darken 2"] == call.on(LegUnbridged(BridgeId("b"), LegId("b")))

    assert [] == call.bridge(leg("b", BOB), leg("c", CEM), bridge="b2")
    assert State.RECORDING is call.state


def test_policy_follows_a_flagged_user_into_a_consultation() -> None:
    """The capture on the leg that waits alone gives way to one where the flagged user talks."""
    call = Call().recorded(FLAGGED, replace(FLAGGED, id=UserId("6")))
    call.on(LegUnbridged(BridgeId("b"), LegId("b")))

    assert "open c-1-2" in call.bridge(leg("b", FLAGGED), leg("c", CEM), bridge="b2")
    assert LegId("b") == call.recording.captures[-1].leg


def test_a_take_that_failed_in_a_transfer_is_tried_again_when_asterisk_is_back() -> None:
    """No gap lasts longer than the link's."""
    call = Call().recorded()
    call.on(CaptureStalled(T1))
    call.refused(T2, unavailable=True)
    assert State.SUSPECT is call.state

    assert "open c-1-3" in call.on(ResyncEnded())
    assert State.STARTING is call.state


def test_who_left_has_no_lamp_and_who_joined_has() -> None:
    """A lamp belongs to those in the recorded conversation."""
    call = Call().recorded()
    assert ["light 3"] == call.bridge(leg("c", CEM))

    assert ["darken 3"] == call.on(LegUnbridged(BridgeId("b"), LegId("c")))


def test_a_leg_on_hold_has_its_lamp_and_its_partner_elsewhere_has_none() -> None:
    """The lamp says: what you say now is recorded."""
    call = Call().recorded()

    assert ["darken 2"] == call.on(LegUnbridged(BridgeId("b"), LegId("b")))
    assert ["light 2"] == call.bridge(leg("b", BOB))


def test_late_news_of_an_old_bridge_take_nobody_out_of_the_new_one() -> None:
    """A leg is in one bridge at a time."""
    call = Call().recorded()
    assert ["darken 2", "light 2"] == call.bridge(leg("a", ANN, Direction.OUT), leg("b", BOB), bridge="b2")

    assert [] == call.on(LegUnbridged(BridgeId("b"), LegId("b")), LegUnbridged(BridgeId("b"), LegId("x")))
    assert [None, None] == [party.to_s for party in call.session.parties]
    assert ["darken 2"] == call.on(LegUnbridged(None, LegId("b")))


def test_the_manifest_names_those_who_were_there() -> None:
    """The presser first, once; nobody who came after the end; nobody for longer than the recording."""
    call = Call().recorded()
    call.on(LegUnbridged(BridgeId("b"), LegId("a")))
    call.later(5).bridge(leg("a", ANN, Direction.OUT))
    call.later(5).press("b", BOB)
    call.later(1.5).press("b", BOB)
    call.later(1).bridge(leg("c", CEM))
    call.later(1).gone("b")
    call.closed(T1)

    (first,) = call.handed
    assert [("a", 1_000.0, 1_002.0), ("b", 1_000.0, 1_012.0), ("a", 1_007.0, 1_012.0)] == [
        (party.leg, party.from_s, party.to_s) for party in first.parties
    ]
    assert ["b", "a", "c"] == [party.leg for party in call.recording.parties]


@pytest.mark.parametrize(("others", "number"), [((), "7012"), ((BOB,), "")])
def test_a_program_that_is_the_only_partner_has_the_number_that_was_dialled(
    others: tuple[User, ...], number: str
) -> None:
    """Beside another phone it is not who was called."""
    call = Call()
    caller = replace(leg("a", FLAGGED, Direction.OUT), dialled="7012")
    program = Leg(LegId("p"), "UnicastRTP/127.0.0.1:4000-0x7f", Direction.IN)
    call.bridge(program, caller, *(leg("b", user) for user in others))
    call.gone("a", "p", "b")
    call.closed()

    (recorded,) = call.handed
    assert {"a": "10a", "p": number} == {one.leg: one.number for one in recorded.parties if one.leg != "b"}


# -- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("upto", [State.STARTING, State.OPENED, State.STOPPING])
def test_a_call_may_end_at_any_time(upto: State) -> None:
    """Dialogues are answered, takes are handed over when they are closed or their time is up."""
    call = Call()
    call.talk()
    call.press()
    if upto is not State.STARTING:
        call.seen()
    if upto is State.STOPPING:
        call.later(2).press()
    assert upto is call.state

    assert "wait settle c-1-1" in call.gone("a", "b")
    assert State.CLOSED is call.state
    assert not call.session.over
    assert END_1 == call.later(3).passed(Wait.SETTLE)
    assert call.session.over
    assert [1_000.0 if upto is not State.STOPPING else 1_002.0] == [capture.to_s for capture in call.handed[0].captures]


def test_the_end_hands_over_what_was_set_aside_too() -> None:
    """Two recordings whose files were open, two hand-overs, each once."""
    call = Call().recorded()
    call.press()
    call.later(2).press()
    call.seen(NEXT)
    call.gone("a", "b")

    assert ["hand over c-1"] == [said for said in call.passed(Wait.SETTLE, T1) if "hand" in said]
    assert ["hand over c-2"] == [said for said in call.closed(NEXT) if "hand" in said]
    assert call.session.over


def test_a_call_ends_with_its_last_leg_also_a_local_one() -> None:
    """A dialplan behind a Local channel may yet ring another phone."""
    call = Call()
    call.on(LegAppeared(leg("Local/9@q-1;2")), LegAppeared(leg("b", FLAGGED)), LegGone(LegId("b")))

    assert State.IDLE is call.state
    assert START_1 == call.bridge(leg("c", FLAGGED), leg("Local/9@q-1;2"))


def test_what_asterisk_took_with_it_is_said() -> None:
    """When Asterisk died its captures ended without it, and each says so; those that had ended before do not."""
    call = Call().recorded()
    call.press()
    call.closed()
    call.later(2).press()
    call.seen(NEXT)
    call.on(LegBroken(LegId("b"), "asterisk-died"))
    call.on(LegBroken(LegId("a"), "asterisk-died"), LegGone(LegId("a")), LegGone(LegId("b")))
    call.passed(Wait.SETTLE, NEXT)

    assert ["asterisk-died"] == [capture.cause for capture in call.handed[0].captures]


def test_what_asterisk_took_with_it_is_said_of_stopped_ones_too() -> None:
    """A capture whose end nobody saw is not known to be whole; one that was seen to close is."""
    call = Call().recorded()
    call.on(CaptureStalled(T1), CaptureClosed(T1))
    call.gone("a", "b")
    call.on(LegBroken(LegId("a"), "asterisk-died"))
    call.passed(Wait.SETTLE, T2)

    assert ["stalled", "asterisk-died"] == [capture.cause for capture in call.handed[0].captures]


# -- nobody answers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["BUSY", "NOANSWER"])
def test_an_unanswered_call_is_explained(status: str) -> None:
    """Policy wanted it, there is no file, and an entry says why and who."""
    call = Call()
    call.on(LegAppeared(leg("a", CEM, Direction.OUT)), DialStarted(LegId("a"), FLAGGED, "1004"))
    call.later(1).on(LegAppeared(leg("b", FLAGGED)), LegGone(LegId("b")), DialEnded(status))

    assert END_1 == call.later(1).gone("a")
    (entry,) = call.handed
    assert (f"unanswered: {status}", (), 1_000.0, 1_002.0) == (entry.cause, entry.captures, entry.from_s, entry.to_s)
    assert ["a", "b"] == [party.leg for party in entry.parties]
    assert call.session.over


@pytest.mark.parametrize(("called", "name"), [(FLAGGED, "Dora"), (None, "")])
def test_a_phone_that_never_rang_is_explained_by_the_hook(called: User | None, name: str) -> None:
    """No leg came of it: the hook before Dial is the only one who knows."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)), DialStarted(LegId("a"), called, "1004"))
    call.gone("a")

    (entry,) = call.handed
    assert "unanswered: CANCEL" == entry.cause
    assert [("10a", "Dora"), ("1004", name)] == [(party.number, party.name) for party in entry.parties]


def test_a_stranger_who_rang_is_named_once() -> None:
    """The leg of the trunk is what the hook had announced."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)), DialStarted(LegId("a"), None, "0049"))
    call.on(LegAppeared(leg("trunk")), LegGone(LegId("trunk")), LegGone(LegId("a")))

    assert ["a", "trunk"] == [party.leg for party in call.handed[0].parties]


@pytest.mark.parametrize("callee", [CEM, SILENT])
def test_an_unanswered_call_that_nobody_wanted_is_not_explained(callee: User) -> None:
    """No policy, no entry; and a never wants none."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED if callee is SILENT else ANN)), LegAppeared(leg("b", callee)))

    assert [] == call.gone("b", "a")


def test_a_feature_code_is_no_unanswered_call() -> None:
    """A flagged user who dials `*26` calls nobody."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)))

    assert [] == call.gone("a")
    assert call.session.over


def test_an_unanswered_call_is_explained_once() -> None:
    """Late hangups of a call that is over cause nothing."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)), DialEnded("BUSY"), LegGone(LegId("a")))

    assert [] == call.gone("a")


# -- after a restart -------------------------------------------------------------------------------------------------


def resumed(before: Call) -> Call:
    """A new daemon has read the journal's last entry and asks Asterisk who is there."""
    return Call(session=Session.resume(before.recording, PAUSING))


def test_a_restart_goes_on_with_a_live_take() -> None:
    """`*3` still stops it, by the id that Asterisk had told."""
    call = resumed(Call().recorded())
    assert State.OPENED is call.state
    assert [] == call.talk()
    assert ["wait growth c-1-1"] == call.on(ResyncEnded())
    assert ["tell recording", "light 1 2"] == call.grew()

    assert "close c-1-1" in call.press()
    assert END_1 == call.closed()[-3:]
    assert "open c-2-1" in call.later(5).press()


def test_a_restart_between_intent_and_proof_waits_for_the_proof() -> None:
    """The recorder may have been asked for or not: its files will tell."""
    before = Call()
    before.talk()
    before.press()
    call = resumed(before)
    call.talk()

    assert (State.STARTING, ["wait open c-1-1"]) == (call.state, call.on(ResyncEnded()))
    assert "open c-1-2" in call.passed(Wait.OPEN)


def test_a_restart_does_not_end_a_pause_nor_forget_its_limit() -> None:
    """Who was told `paused` stays unrecorded, but not for ever."""
    call = resumed(paused())
    call.talk(FLAGGED, BOB)
    assert (State.PAUSED, ["mute c-1-1", "wait pause c-1-1"]) == (call.state, call.on(ResyncEnded()))
    assert [600.0] == call.delays(Wait.PAUSE)

    call.later(602).passed(Wait.PAUSE)

    assert (State.OPENED, 1_602.0) == (call.state, call.recording.pauses[0].to_s)


def test_a_restart_resumes_a_pause_by_a_press_even_if_pauses_are_forbidden_now() -> None:
    """A change of the setting must not lock a call in silence."""
    before = paused()
    call = Call(session=Session.resume(before.recording, Terms()))
    call.talk(FLAGGED, BOB)

    call.press("b", BOB)
    assert "reply r resumed" in call.muted(muted=False)


def test_a_restart_between_a_stop_and_its_proof_does_not_record_again() -> None:
    """The journal knows that the end was asked for: files that closed meanwhile are no loss."""
    before = Call().recorded()
    before.press()
    call = resumed(before)
    call.talk()
    assert (State.STOPPING, ["wait stop c-1-1"]) == (call.state, call.on(ResyncEnded()))

    assert ["tone stopped c-1-1", *END_1] == call.closed()


def test_a_restart_knows_which_take_had_ended() -> None:
    """What is closed is not muted or waited for: the end of the pause opens another."""
    before = Call(PAUSING).recorded(FLAGGED, BOB)
    before.closed()
    before.press("b", BOB)
    call = resumed(before)
    call.talk(FLAGGED, BOB)

    assert "open c-1-2" in call.press("b", BOB)


def test_after_a_restart_legs_may_be_told_in_any_order() -> None:
    """The recorded leg does not look gone because others are listed before it."""
    before = Call().recorded()
    before.bridge(leg("c", CEM))
    before.on(Announced(T1, ()))
    call = resumed(before)

    assert [] == call.bridge(leg("c", CEM), leg("b", BOB))
    assert [] == call.bridge(leg("a", ANN, Direction.OUT))
    assert State.OPENED is call.state


def test_who_left_while_nobody_looked_is_not_said_to_have_stayed() -> None:
    """Parties without a leg end when the links are back."""
    before = Call().recorded()
    before.bridge(leg("c", CEM))
    before.on(LegUnbridged(BridgeId("b"), LegId("c")))
    before.on(LegBridged(BridgeId("b"), leg("c", CEM)), CaptureOpened(T1, "0x1"))
    call = resumed(before)
    call.later(9).talk()
    call.on(ResyncEnded())

    assert {LegId("c")} == {party.leg for party in call.session.parties if party.to_s == call.now.utc_s}


def test_reconsidering_an_idle_call_does_nothing() -> None:
    """There is nothing to wait for."""
    call = Call()
    call.talk()

    assert [] == call.on(ResyncEnded())


# -- calls that meet ---------------------------------------------------------------------------------------------------


def test_when_the_recorded_leg_goes_to_another_call_its_recording_ends() -> None:
    """Its recorder would go on with what is said there; and those who stay are not their user."""
    call = Call().recorded(ANN, CEM)
    call.bridge(leg("c", CEM))

    said = call.on(LegMoved(LegId("a")))

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1"] == said[:3]
    assert (State.ABSENT, "recorded-user-left") == (call.state, call.recording.end_reason)


def test_when_another_leg_goes_to_another_call_the_take_goes_on() -> None:
    call = Call().recorded()
    call.bridge(leg("c", CEM))

    assert ["darken 3"] == call.on(LegMoved(LegId("c")))
    assert ({"a", "b"}, State.RECORDING) == (set(call.session.legs), call.state)


def test_who_stays_when_the_recorded_leg_goes_may_be_one_who_must_not_be_recorded() -> None:
    """With the stranger, on whose leg the recorder is since a restart, it was allowed; among colleagues it is not."""
    private = User(UserId("7"), "Priv", rules=RecordRules(in_internal=Rule.NEVER, out_internal=Rule.NEVER))
    call = Call(session=Session.resume(Call().recorded().recording, Terms()))
    call.bridge(leg("a", None, Direction.OUT), leg("b", private), leg("c", BOB))
    assert call.state is State.OPENED

    said = call.on(LegMoved(LegId("a")))

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1"] == said[:3]
    assert State.ABSENT is call.state


def test_a_call_that_another_takes_over_ends_its_recording_and_says_nothing() -> None:
    """*Stopped* would be heard where something may be recorded. What is captured is complete."""
    call = Call().recorded()

    assert ["close c-1-1", "wait stop c-1-1", "changed c-1-1", "wait settle c-1-1"] == call.on(CallMerged())[:4]
    assert State.CLOSED is call.state
    assert END_1 == call.later(0.1).closed()
    assert (True, "") == (call.session.over, call.commands[1].recording.cause)  # type: ignore[union-attr]


def test_a_take_that_is_closed_already_is_not_stopped_when_its_call_is_taken_over() -> None:
    call = Call().recorded()
    call.closed()

    said = call.on(CallMerged())

    assert not [line for line in said if line.startswith(("close", "tone"))]
    assert ["changed c-1-1", *END_1, "darken 1 2"] == said


@pytest.mark.parametrize("event", [LegMoved(LegId("a")), CallMerged()])
def test_a_recorder_that_does_not_stop_on_a_leg_of_another_call_is_asked_until_that_leg_is_gone(event: Event) -> None:
    """Its leg lives there, so its files are not given away; and the recording does not go on there."""
    call = Call().recorded()
    assert "close c-1-1" in call.on(event)
    ended_s = call.now.utc_s
    call.refused(unavailable=True)
    assert State.STOPPING is not call.state
    assert not call.handed
    for wait_s in (2, 4, 8):
        assert ["alarm stop-overdue c-1-1", "close c-1-1", "wait stop c-1-1"] == call.later(wait_s).passed(Wait.STOP)
        call.refused()
    assert "alarm take-not-closing c-1-1" in call.passed(Wait.SETTLE)
    assert "wait settle c-1-1" in call.gone("a")
    call.later(3).passed(Wait.SETTLE)
    assert [ended_s] == [one.to_s for one in call.handed]


def test_a_call_that_another_takes_over_was_answered_there() -> None:
    """No entry says that nobody answered the flagged user's call; and a stop that was under way comes to its end."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)), LegAppeared(leg("b", BOB)))
    assert [] == call.on(CallMerged())
    assert call.session.over
    other = Call().recorded()
    other.press()
    assert "reply r failed" in other.on(CallMerged())
    assert END_1 == other.closed()


def test_legs_of_another_call_are_judged_all_together() -> None:
    """Nothing begins for the first of them that the last one forbids."""
    in_bridges = tuple(
        LegBridged(BridgeId("b"), one, 8000)
        for one in (leg("a", FLAGGED, Direction.OUT), leg("b", BOB), leg("e", SILENT))
    )
    call = Call()
    assert [] == call.on(LegsJoined(in_bridges, (leg("c", CEM),)))
    assert {"a", "b", "e", "c"} == set(call.session.legs)
    other = Call()
    assert START_1 == other.on(LegsJoined(in_bridges[:2], ()))


def test_an_event_without_a_rule_is_a_defect() -> None:
    """Whoever adds a kind of event has to say what it means."""
    with pytest.raises(AssertionError, match="unreachable"):
        handle(Call().session, "hello", Instant(0.0, 0.0))  # type: ignore[arg-type]


def test_a_participant_of_whom_late_news_told_is_within_the_recording() -> None:
    """All that began and ended the recording is told late, and lies before the participants came as far as was known."""
    call = Call()
    for one in (leg("c", SILENT), leg("a", FLAGGED, Direction.OUT), leg("b", BOB)):
        call.on(LegAppeared(one), LegBridged(BridgeId("b"), one, 8000))
    call.on(LegGone(LegId("c")), at_mono_s=10.0)
    assert call.recording.from_s == 960.0
    call.on(LegGone(LegId("b")), LegGone(LegId("a")), at_mono_s=12.0)
    call.passed(Wait.SETTLE)
    (done,) = call.handed
    assert (960.0, 962.0) == (done.from_s, done.to_s)
    assert [(962.0, 962.0)] * 2 == [(party.from_s, party.to_s) for party in done.parties]


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_capture_that_was_refused_is_no_end_of_its_recording(is_stopped: bool) -> None:
    """It has no length: the recording ends with the stop, or when its legs were found to be gone."""
    call = Call().recorded()
    call.later(10).on(CaptureStalled(T1), CaptureClosed(T1))
    call.refused(T2)
    call.refused(T3)
    assert [one.to_s for one in call.recording.captures[1:]] == [one.from_s for one in call.recording.captures[1:]]
    call.later(7)
    if is_stopped:
        call.press()
    else:
        call.on(LegGone(LegId("a"), is_unseen=True), LegGone(LegId("b"), is_unseen=True))
    (recording,) = [one.recording for one in call.commands if isinstance(one, HandOver)]
    assert recording.to_s == call.now.utc_s


def test_after_a_restart_no_pause_is_proven_beside_a_recorder_whose_id_nobody_knows() -> None:
    """An earlier capture's start was not answered, and its files are there."""
    before = Call().recorded(FLAGGED, BOB)
    before.on(CaptureStalled(T1))
    before.on(CaptureRefused(T2, "ami-timeout", may_be_at_work=True))
    before.seen(T3)
    captures = (replace(before.recording.captures[0], to_s=before.now.utc_s), *before.recording.captures[1:])
    call = Call(session=Session.resume(replace(before.recording, captures=captures), PAUSING))
    call.bridge(leg("a", FLAGGED, Direction.OUT), leg("b", BOB))
    call.on(ResyncEnded())

    call.press("a", FLAGGED)
    call.on(CaptureMuted(T3, muted=True))
    assert (State.PAUSED, False) == (call.state, call.recording.pauses[-1].is_proven)
    call.on(CaptureClosed(T2))
    assert call.recording.pauses[-1].is_proven
