"""A user talks with an application: what is asked of Asterisk, and what is recorded of it."""

from dataclasses import replace

import pytest

from callrec.domain.calls.commands import (
    Arm,
    AskApplication,
    CloseCapture,
    Command,
    HandOver,
    OpenCapture,
    Reply,
    Tell,
    Write,
)
from callrec.domain.calls.events import (
    ApplicationTold,
    CaptureClosed,
    CaptureGrew,
    CaptureOpened,
    CaptureRefused,
    DeadlinePassed,
    DialEnded,
    Event,
    FeatureCodeDialled,
    LegAnswered,
    LegAppeared,
    LegBridged,
    LegGone,
    LegParked,
    LegsJoined,
    LegUnbridged,
    Pressed,
    ResyncEnded,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Capture, Direction, Instant, Leg, Recording
from callrec.domain.calls.policy import Follow, RecordApplications, Terms
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.model import User
from callrec.domain.rules import PlaceRule, RecordRules, Rule, UserId

FLAGGED = User(UserId("4"), "Dora", call_record=True)
PRESSER = User(UserId("6"), "Pia", online_record=True)
OUTSIDE_ONLY = User(UserId("5"), "Olaf", rules=RecordRules(out_external=Rule.ALWAYS))
BOB = User(UserId("2"), "Bob")
CALLER = Leg(LegId("a"), "PJSIP/a-1", Direction.OUT, FLAGGED, "1004", "Dora", dialled="*43")
AGENT = Leg(LegId("b"), "PJSIP/b-1", Direction.IN, BOB, "1002", "Bob")
PROGRAM = Leg(LegId("m"), "UnicastRTP/127.0.0.1-1", Direction.IN)
T1 = CaptureId("c-1-1")
ASKED = AskApplication(CALLER.id)


class Call:
    """A call whose time passes when it is told to."""

    def __init__(
        self, applications: RecordApplications = RecordApplications.USERS, follow: Follow = Follow.USER
    ) -> None:
        terms = Terms(applications=applications, follow=follow)
        self.session = Session(CallId("c"), "c.1", NodeId("n"), terms)
        self.now_s = 0.0
        self.handed: list[Recording] = []
        self.journaled: Recording | None = None

    def on(self, *events: Event) -> list[Command]:
        """What is asked for when these happen."""
        said: list[Command] = []
        for event in events:
            self.session, commands = handle(self.session, event, Instant(1_000 + self.now_s, self.now_s))
            said += commands
            self.journaled = next(
                (one.entry.recording for one in commands[::-1] if isinstance(one, Write)), self.journaled
            )
        self.handed += [command.recording for command in said if isinstance(command, HandOver)]
        return said

    def later(self, seconds: float) -> "Call":
        """Time passes."""
        self.now_s += seconds
        return self

    def answered(self, leg: Leg = CALLER) -> list[Command]:
        """By an application."""
        return self.on(LegAppeared(leg), LegAnswered(leg.id))

    def told(self, name: str, arguments: str = "") -> list[Command]:
        """Asterisk says what the caller's leg runs."""
        return self.on(ApplicationTold(CALLER.id, name, arguments, 8000))

    def recorded(self, leg: Leg = CALLER) -> "Call":
        """The talk with an echo test, proven."""
        self.answered(leg)
        self.told("Echo")
        self.on(CaptureOpened(T1, "0x1"), CaptureGrew(T1))
        return self

    def restarts(self, *legs: Leg) -> None:
        """Another daemon goes on with the recording as it was last journaled, on these legs."""
        assert self.journaled is not None
        self.session = Session.resume(self.journaled, self.session.terms)
        self.on(*(event for leg in legs for event in (LegAppeared(leg), LegAnswered(leg.id))), CaptureGrew(T1))

    def ends(self, *legs: Leg) -> list[tuple[str, list[str]]]:
        """(cause, numbers) of each entry."""
        self.on(*(LegGone(leg.id, 16) for leg in legs))
        self.on(*map(CaptureClosed, sorted(self.session.open_captures)))
        return [(one.cause, [party.number for party in one.parties]) for one in self.handed]


def bridged(*legs: Leg) -> list[LegBridged]:
    """These talk."""
    return [LegBridged(BridgeId("b"), leg, 8000) for leg in legs]


def opened(said: list[Command]) -> list[Capture]:
    """The captures that are asked for."""
    return [command.capture for command in said if isinstance(command, OpenCapture)]


def again_s(said: list[Command]) -> list[float]:
    """After how long Asterisk is asked again."""
    return [command.after_s for command in said if isinstance(command, Arm) and command.wait is Wait.APPLICATION]


def test_a_user_is_recorded_with_an_application_as_soon_as_it_is_known() -> None:
    """On their leg, at its rate; what they dialled is the other party, and there is no third."""
    call = Call()
    assert ASKED in call.answered()
    assert [0.05] == again_s(call.told("Answer"))
    assert ASKED in call.later(0.05).on(DeadlinePassed(Wait.APPLICATION, None))
    (capture,) = opened(call.told("Echo"))
    assert (CALLER.id, 8000, 1_000.05) == (capture.leg, capture.rate_hz, capture.from_s)
    call.on(CaptureOpened(T1, "0x1"))
    said = call.on(CaptureGrew(T1))
    assert any(isinstance(command, Tell) for command in said)
    assert (State.RECORDING, (UserId("4"),)) == (call.session.state, call.session.lit)

    assert [("", ["1004", "*43"])] == call.later(9).ends(CALLER)
    (recording,) = call.handed
    assert (1_000.05, Rule.ALWAYS, ()) == (recording.from_s, recording.rule, recording.waiting)
    assert recording.to_s == pytest.approx(1_009.05)
    assert [1_000.05] * 2 == [party.from_s for party in recording.parties]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Gosub", "menu,s,1"),
        ("AGI", "agi://127.0.0.1:4573/call,alice"),
        ("", ""),
    ],
)
def test_while_the_dialplan_is_on_its_way_it_is_asked_again(name: str, arguments: str) -> None:
    call = Call()
    call.answered()
    assert [0.05] == again_s(call.told(name, arguments))
    assert State.IDLE is call.session.state


def test_who_waits_for_long_is_with_an_application_whatever_it_is_called() -> None:
    """But not in callrec's own dialogue."""
    call = Call()
    call.answered()
    call.later(1.5)
    assert [] == opened(call.told("AGI", "agi://127.0.0.1:4573/call,alice"))
    assert 1 == len(opened(call.told("Answer", "60000")))


def test_another_program_of_the_dialplan_is_an_application_at_once() -> None:
    call = Call()
    call.answered()
    assert 1 == len(opened(call.told("AGI", "agi://127.0.0.1:9000/menu,1")))


@pytest.mark.parametrize(
    ("name", "arguments"), [("VoiceMailMain", "1004@default"), ("Playback", "callrec/call-is-recorded")]
)
def test_the_own_mailbox_and_the_prompts_of_callrec_are_left_out_unless_all_is_to_be_recorded(
    name: str, arguments: str
) -> None:
    """And need no entry."""
    call = Call()
    call.answered()
    call.told(name, arguments)
    assert [] == opened(call.later(60).told(name, arguments))
    assert [] == call.ends(CALLER)
    every = Call(RecordApplications.ALL)
    every.answered()
    assert 1 == len(opened(every.told(name, arguments)))


def test_what_follows_a_prompt_of_callrec_is_recorded_from_its_beginning_on() -> None:
    """The prompt is no part of it: a notice before a queue. Where Asterisk does not say what follows, an entry says so."""
    call = Call()
    call.answered()
    for _ in range(4):
        assert [0.05] == again_s(call.told("Playback", "callrec/call-is-recorded"))
        assert ASKED in call.later(0.05).on(DeadlinePassed(Wait.APPLICATION, None))
    call.later(3).told("Playback", "callrec/call-is-recorded")
    (capture,) = opened(call.later(0.05).told("Queue", "sales"))
    assert call.session.recording is not None
    assert [pytest.approx(1_003.25)] * 2 == [call.session.recording.from_s, capture.from_s]

    silent = Call()
    silent.answered()
    silent.told("Playback", "callrec/call-is-recorded")
    assert [("not-covered", ["1004", "*43"])] == silent.later(60).ends(CALLER)


def test_a_question_without_an_answer_is_asked_again() -> None:
    """Every second, and once each time: an earlier deadline asks nothing, and neither does one of a question that is answered."""
    call = Call()
    assert [1.0] == again_s(call.answered())
    assert [ASKED] == [one for one in call.later(1).on(DeadlinePassed(Wait.APPLICATION, None)) if one == ASKED]
    call.later(0.5).told("AGI", "agi://127.0.0.1:4573/call,alice")
    assert ASKED in call.later(0.05).on(DeadlinePassed(Wait.APPLICATION, None))
    assert [] == call.later(0.45).on(DeadlinePassed(Wait.APPLICATION, None))
    assert 1 == len(opened(call.told("Echo")))

    rings = Call()
    rings.answered()
    rings.on(LegAppeared(AGENT))
    rings.told("Dial", "PJSIP/b")
    assert [] == rings.later(1).on(DeadlinePassed(Wait.APPLICATION, None))


def test_a_feature_code_is_recorded_only_where_all_is() -> None:
    for applications, asked in ((RecordApplications.USERS, 0), (RecordApplications.ALL, 1)):
        call = Call(applications)
        said = call.on(LegAppeared(CALLER), FeatureCodeDialled(CALLER.id), LegAnswered(CALLER.id))
        assert asked == said.count(ASKED)


def test_where_applications_are_not_recorded_an_entry_says_so() -> None:
    call = Call(RecordApplications.NONE)
    assert ASKED not in call.answered()
    assert [("not-covered", ["1004", "*43"])] == call.later(2).ends(CALLER)


def test_where_asterisk_does_not_say_what_it_is_an_entry_says_that_nothing_was_recorded() -> None:
    call = Call()
    call.answered()
    assert [("not-covered", ["1004", "*43"])] == call.later(2).ends(CALLER)


@pytest.mark.parametrize("applications", [RecordApplications.USERS, RecordApplications.ALL])
def test_a_supervisor_who_listens_to_others_is_with_no_application(applications: RecordApplications) -> None:
    """The conversation may be one that must not be recorded."""
    call = Call(applications)
    call.answered()
    assert [] == opened(call.later(60).told("ChanSpy", "PJSIP/alice,q"))


def test_who_has_no_rule_is_not_asked_for() -> None:
    for user in (None, BOB, replace(FLAGGED, rules=RecordRules(out_external=Rule.NEVER))):
        assert [] == Call().answered(replace(CALLER, user=user))


def test_a_dial_behind_an_answer_is_no_application_until_nothing_rings() -> None:
    """Then a mailbox takes the call, of which no event tells."""
    call = Call()
    call.answered()
    call.on(LegAppeared(AGENT))
    assert [] == call.told("Dial", "PJSIP/b")
    assert ASKED in call.later(20).on(LegGone(AGENT.id), DialEnded("NOANSWER"))
    assert [0.05] == again_s(call.told("Dial", "PJSIP/b"))
    (capture,) = opened(call.later(0.1).told("VoiceMail", "1002@default"))
    assert capture.from_s == pytest.approx(1_020.1)
    assert [1.0] == again_s(_long_on_its_way())


def _long_on_its_way() -> list[Command]:
    call = Call()
    call.answered()
    return call.later(5).told("Busy")


def test_a_queue_is_recorded_before_its_agent_answers_and_goes_on_with_them() -> None:
    """On the same leg, in the same capture (the agent is a new partner); the number that was dialled stands for the queue."""
    call = Call()
    call.answered()
    call.on(LegAppeared(AGENT))
    assert [T1] == [capture.id for capture in opened(call.told("Queue", "support"))]
    call.on(CaptureOpened(T1, "0x1"), CaptureGrew(T1))
    bridged = [LegBridged(BridgeId("b"), leg, 8000) for leg in (CALLER, AGENT)]
    said = call.later(8).on(LegAnswered(AGENT.id), *bridged)
    assert [True] == [capture.is_partner for capture in opened(said)]
    assert not [command for command in said if isinstance(command, CloseCapture)]
    assert [("", ["1004", "*43", "1002"])] == call.later(5).ends(AGENT, CALLER)
    (recording,) = call.handed
    assert [T1] == [capture.id for capture in recording.captures]
    assert 1_008.0 == recording.parties[1].to_s


def test_a_conversation_behind_a_menu_that_no_rule_covers_is_not_recorded() -> None:
    """A rule for calls to outside covers the menu, and not the colleague behind it; to the end of the call by a setting."""
    for follow, state in ((Follow.USER, State.STOPPING), (Follow.CALL, State.RECORDING)):
        leg = replace(CALLER, user=OUTSIDE_ONLY)
        call = Call(follow=follow).recorded(leg)
        call.later(5).on(LegAppeared(AGENT), *bridged(leg, AGENT))
        assert state is call.session.state


def test_who_talks_with_an_application_is_there_after_a_lost_link() -> None:
    """In no bridge, as before."""
    call = Call().recorded()
    call.later(30).on(LegUnbridged(None, CALLER.id), ResyncEnded())
    call.later(30).ends(CALLER)
    (recording,) = call.handed
    assert [1_060.0] * 2 == [party.to_s for party in recording.parties]


def test_the_end_of_a_menu_is_known_after_a_restart_in_it() -> None:
    """The conversation behind it is not recorded then, either."""
    leg = replace(CALLER, user=OUTSIDE_ONLY)
    call = Call().recorded(leg)
    call.restarts(leg)
    assert State.RECORDING is call.session.state
    call.later(5).on(LegAppeared(AGENT), *bridged(leg, AGENT))
    assert State.STOPPING is call.session.state


def test_after_a_menu_a_restart_does_not_end_the_recording_of_a_later_conversation() -> None:
    """The caller is recorded with an agent by a rule, is transferred to one whom no rule names, and the recording goes on with
    them: the menu is long over, and the journal says so."""
    leg, other = replace(CALLER, user=OUTSIDE_ONLY), Leg(LegId("o"), "PJSIP/trunk-1", Direction.IN, None, "0611")
    call = Call().recorded(leg)
    said = call.later(5).on(LegAppeared(other), *bridged(leg, other))
    assert [Step.CHANGED] == [command.entry.step for command in said if isinstance(command, Write)][:1]
    call.later(5).on(LegGone(other.id, 16), LegAppeared(AGENT), *bridged(leg, AGENT))
    assert State.RECORDING is call.session.state
    call.restarts(leg, AGENT)
    call.on(*bridged(leg, AGENT), ResyncEnded())
    assert State.RECORDING is call.session.state


def test_a_recording_by_the_rule_of_a_number_ends_with_its_caller() -> None:
    """The caller is no user, so nobody else is. Two colleagues who talk on are recorded only where a rule says so, or to the end
    of the call by a setting: both on the right side then."""
    place = PlaceRule(Rule.ALWAYS, "incall:2050@from-extern")
    caller = replace(CALLER, user=None, number="0611", dialled="2050", rules=(place,))
    third = Leg(LegId("t"), "PJSIP/t-1", Direction.IN, replace(BOB, id=UserId("3")), "1003", "Tom")
    for follow, state in ((Follow.USER, State.ABSENT), (Follow.CALL, State.STARTING)):
        call = Call(follow=follow).recorded(caller)
        call.later(5).on(LegAppeared(AGENT), LegAppeared(third), *bridged(caller, AGENT, third))
        said = call.later(5).on(LegUnbridged(BridgeId("b"), caller.id), LegGone(caller.id, 16), CaptureClosed(T1))
        assert state is call.session.state
        own = [capture for capture in opened(said) if not capture.is_partner]
        assert [True] * (follow is Follow.CALL) == [capture.of_others for capture in own]


def test_the_end_of_an_application_stops_no_recording_of_another_conversation() -> None:
    """One event connects the menu's caller, whom no rule covers there, and makes the conversation of a flagged user."""
    leg = replace(CALLER, user=OUTSIDE_ONLY)
    dora, outside = (
        Leg(LegId(name), f"PJSIP/{name}-1", Direction.IN, user) for name, user in (("d", FLAGGED), ("t", None))
    )
    call = Call().recorded(leg)
    inside = (LegBridged(BridgeId("x"), one, 8000) for one in (leg, AGENT))
    theirs = (LegBridged(BridgeId("y"), one, 8000) for one in (dora, outside))
    call.later(20).on(LegsJoined((*theirs, *inside), ()), CaptureClosed(T1))
    assert call.session.state is State.STARTING
    assert call.session.capture is not None
    assert (call.session.capture.id, call.session.capture.leg) == ("c-2-1", "d")


def test_a_program_that_takes_the_call_in_a_bridge_is_the_partner() -> None:
    """External media of ARI: an application at first, then a channel. The number that was dialled is listed once."""
    call = Call()
    call.answered()
    call.told("Stasis", "bots")
    call.on(CaptureOpened(T1, "0x1"))
    call.on(LegAppeared(PROGRAM), *(LegBridged(BridgeId("b"), leg, 8000) for leg in (CALLER, PROGRAM)))
    assert [("", ["1004", "*43"])] == call.later(5).ends(PROGRAM, CALLER)


def test_a_user_whom_asterisk_has_called_for_an_application_dialled_nothing() -> None:
    assert [("", ["1004"])] == Call().recorded(replace(CALLER, dialled="", direction=Direction.IN)).ends(
        replace(CALLER, dialled="")
    )


def test_who_is_parked_or_no_longer_alone_when_asterisk_answers_is_with_no_application() -> None:
    call = Call()
    call.answered()
    call.on(LegParked(CALLER.id))
    assert [] == opened(call.told("Park"))
    other = Call()
    other.answered()
    other.answered(AGENT)
    assert [] == opened(other.told("Dial"))


def test_a_menu_of_which_a_daemon_learns_late_lacks_its_beginning() -> None:
    """The link was down at the answer: the recording begins there, its capture now."""
    call = Call()
    call.answered()
    assert ASKED in call.later(30).on(ResyncEnded())
    (capture,) = opened(call.told("Playback", "menu"))
    assert 1_030.0 == capture.from_s
    assert call.session.recording is not None
    assert 1_000.0 == call.session.recording.from_s


def test_a_capture_that_fails_is_tried_again() -> None:
    """As for conversations: after 5 s, and later each time."""
    call = Call()
    call.answered()
    call.told("Echo")
    call.on(CaptureRefused(T1, "no"))
    said = call.on(CaptureRefused(CaptureId("c-1-2"), "no"))
    assert State.FAILED is call.session.state
    assert ASKED not in said
    assert [] == opened(call.later(1).on(DeadlinePassed(Wait.APPLICATION, None)))
    assert [5.0] == [command.after_s for command in said if isinstance(command, Arm) and command.wait is Wait.RETRY]
    assert ASKED in call.later(4).on(DeadlinePassed(Wait.RETRY, None))
    assert 1 == len(opened(call.told("Echo")))
    assert ["1004", "*43"] == [party.number for party in call.session.parties]


def test_a_press_in_a_conference_with_nobody_else_yet_is_obeyed() -> None:
    """Its menu lets the digits through. The conversation that follows goes on in the same recording."""
    leg = replace(CALLER, user=PRESSER)
    call = Call()
    call.answered(leg)
    (capture,) = opened(call.on(Pressed(leg.id, PRESSER, "r", 8000)))
    said = call.on(CaptureOpened(capture.id, "0x1"))
    assert [command for command in said if isinstance(command, Reply)]
    call.on(CaptureGrew(capture.id))
    call.on(LegAppeared(AGENT), *(LegBridged(BridgeId("b"), one, 8000) for one in (leg, AGENT)))
    assert (State.RECORDING, Rule.ON_DEMAND) == (
        call.session.state,
        call.session.recording and call.session.recording.rule,
    )


def test_a_caller_from_outside_is_recorded_in_the_menu_of_a_number_that_is_recorded() -> None:
    """No user is in that call; its rule hangs at the number, and the entry names it."""
    place = PlaceRule(Rule.ALWAYS, "incall:2050@from-extern")
    leg = replace(CALLER, user=None, number="0611", dialled="2050", rules=(place,))
    call = Call().recorded(leg)
    assert [("", ["0611", "2050"])] == call.later(5).ends(leg)
    assert [place.origin] == [one.rule_origin for one in call.handed]
