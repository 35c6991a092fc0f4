"""A call that no recorder can hear: what begins, what ends, what is said, and when it goes on."""

import pytest

from callrec.domain.calls.commands import Alarm, Arm, CloseCapture, Command, HandOver, OpenCapture, Reply
from callrec.domain.calls.events import (
    ApplicationTold,
    CaptureClosed,
    CaptureGrew,
    CaptureOpened,
    CaptureRefused,
    DeadlinePassed,
    Event,
    LegAnswered,
    LegAppeared,
    LegAudioTold,
    LegBridged,
    LegGone,
    LegUnbridged,
    Pressed,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.legs.undecodable_legs import awaited_leg, is_undecodable
from callrec.domain.calls.model import Direction, Instant, Leg, LegAudio, Recording
from callrec.domain.calls.policy import RecordApplications, Terms
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.model import User
from callrec.domain.rules import UserId
from callrec.domain.vocabulary import Outcome

ANN, BOB = User(UserId("1"), "Ann", call_record=True), User(UserId("2"), "Bob", online_record=True)
CARL = User(UserId("3"), "Carl")
A, B, C = (LegId(name) for name in "abc")
T1, T2, T3 = (CaptureId(f"c-1-{nth}") for nth in (1, 2, 3))
G729, FAX, HEARD = LegAudio(8000, "no-decoder: g729"), LegAudio(8000, "t38"), LegAudio(8000)
NOW_S = 1000.0


def leg(name: LegId, user: User | None = CARL, direction: Direction = Direction.IN) -> Leg:
    return Leg(name, f"PJSIP/{name}-00000001", direction, user)


class Call:
    """`a` talks with `c`."""

    def __init__(self, user: User, undecodable: str = "") -> None:
        self.session = Session(CallId("c"), "c.1", NodeId("n"), Terms(applications=RecordApplications.ALL))
        self.commands: list[Command] = []
        self.at_s = NOW_S
        first = LegBridged(BridgeId("one"), leg(A, user, Direction.OUT), 8000, undecodable)
        self.hears(first, LegBridged(BridgeId("one"), leg(C)))

    def hears(self, *events: Event) -> list[Command]:
        """These happen, a second apart; what is to be done about them. A leg that is known to be undecodable is refused."""
        self.commands = []
        for event in events:
            self.at_s += 1
            self.session, commands = handle(self.session, event, Instant(self.at_s, self.at_s))
            self.commands += commands
        return self.commands

    def began(self) -> "Call":
        """Proven to be recorded."""
        self.hears(CaptureOpened(T1, "0x1"), CaptureGrew(T1))
        assert self.session.state is State.RECORDING
        return self

    @property
    def recording(self) -> Recording:
        """The current one."""
        assert self.session.recording is not None
        return self.session.recording

    def has(self, kind: type[Command]) -> bool:  # type: ignore[valid-type] # a union's members
        """Whether such a command was given."""
        return any(isinstance(one, kind) for one in self.commands)


@pytest.mark.parametrize(
    ("cause", "undecodable"),
    [("no-decoder: g729", True), ("t38", True), ("stalled", False), ("", False), ("no-decoders", False)],
)
def test_the_causes_of_undecodable_legs(cause: str, undecodable: bool) -> None:
    assert is_undecodable(cause) is undecodable


def test_what_policy_wants_waits_for_the_codec_and_has_one_entry() -> None:
    call = Call(ANN, G729.undecodable)
    assert call.session.undecodable == {A: G729.undecodable}
    call.hears(CaptureRefused(T1, G729.undecodable))
    assert call.session.state is State.SUSPECT
    assert [one.cause for one in call.commands if isinstance(one, Alarm)] == [G729.undecodable]
    assert awaited_leg(call.session) == A
    call.hears(DeadlinePassed(Wait.OPEN, T1), LegUnbridged(BridgeId("one"), C), LegBridged(BridgeId("one"), leg(C)))
    assert not call.has(OpenCapture)
    assert [one.cause for one in call.recording.captures] == [G729.undecodable]
    call.hears(LegGone(C), LegGone(A))
    (handed,) = (one.recording for one in call.commands if isinstance(one, HandOver))
    assert [one.cause for one in handed.captures] == [G729.undecodable]


def test_a_press_is_answered_that_it_failed_and_nothing_begins_later() -> None:
    call = Call(BOB)
    call.hears(Pressed(A, BOB, "press-1", 8000, G729.undecodable))
    assert call.has(OpenCapture)
    call.hears(CaptureRefused(T1, G729.undecodable))
    assert Reply("press-1", Outcome.FAILED) in call.commands
    assert call.session.state is State.FAILED
    assert [one.recording.rule for one in call.commands if isinstance(one, HandOver)] == ["on_demand"]
    call.hears(LegAudioTold(A, HEARD))
    assert not call.has(OpenCapture)
    assert awaited_leg(call.session) is None


def test_a_press_in_a_call_that_waits_is_answered_that_it_failed() -> None:
    ann = User(UserId("1"), "Ann", call_record=True, online_record=True)
    call = Call(ann, G729.undecodable)
    call.hears(CaptureRefused(T1, G729.undecodable))
    assert Reply("press-1", Outcome.FAILED) in call.hears(Pressed(A, ann, "press-1", 8000, G729.undecodable))


@pytest.mark.parametrize("change", [G729, FAX])
def test_a_recorder_that_hears_nothing_any_more_is_stopped_and_goes_on_when_it_can(change: LegAudio) -> None:
    """Also for one on demand: it had begun. The next capture waits for the end of the former."""
    call = Call(BOB)
    call.hears(Pressed(A, BOB, "press-1", 8000))
    call.began()
    call.hears(LegAudioTold(A, change))
    assert call.has(CloseCapture)
    assert (call.session.state, call.recording.captures[0].cause) == (State.SUSPECT, change.undecodable)
    call.hears(LegAudioTold(A, HEARD))
    assert not call.has(OpenCapture)
    call.hears(CaptureClosed(T1))
    assert Wait.LOST not in {one.wait for one in call.commands if isinstance(one, Arm)}
    call.hears(LegAudioTold(A, change), LegAudioTold(A, HEARD))
    assert (call.session.state, call.session.undecodable) == (State.STARTING, {})
    assert [one.capture.id for one in call.commands if isinstance(one, OpenCapture)] == [T2]
    call.hears(CaptureOpened(T2, "0x2"), CaptureGrew(T2))
    assert [one.cause for one in call.recording.captures] == [change.undecodable, ""]


@pytest.mark.parametrize("user", [BOB, ANN])
def test_what_was_said_behind_a_recorder_that_hears_nothing_belongs_to_the_recording(user: User) -> None:
    """Its end was that of the last capture, when a press, a rule or its user's hangup ended it half a minute later: nothing told
    of that half minute."""
    call = Call(user)
    if user is BOB:
        call.hears(Pressed(A, BOB, "press-1", 8000))
    call.began()
    call.hears(LegAudioTold(A, G729), CaptureClosed(T1))
    call.at_s += 30
    if user is BOB:
        call.hears(Pressed(A, BOB, "press-2", 8000))
        (ended,) = [one.recording for one in call.commands if isinstance(one, HandOver)]
    else:
        call.hears(LegAppeared(leg(B)), LegBridged(BridgeId("one"), leg(B)), LegGone(A))
        assert call.session.state is State.ABSENT
        ended = call.recording
    assert ended.to_s == call.at_s


def test_a_codec_that_changes_again_before_the_next_recorder_begins_does_not_end_the_recording() -> None:
    call = Call(BOB)
    call.hears(Pressed(A, BOB, "press-1", 8000))
    call.began()
    call.hears(LegAudioTold(A, G729), CaptureClosed(T1), LegAudioTold(A, HEARD), CaptureRefused(T2, G729.undecodable))
    assert call.session.state is State.SUSPECT


def test_news_of_another_leg_or_of_none_change_nothing() -> None:
    call = Call(ANN).began()
    before = call.session
    assert call.hears(LegAudioTold(C, G729)) == []
    assert call.session == before
    idle = Call(CARL)
    assert idle.hears(LegAudioTold(A, G729)) == []
    assert call.hears(LegAudioTold(A, HEARD)) == []


def test_a_late_refusal_of_a_former_capture_changes_nothing() -> None:
    call = Call(ANN).began()
    call.hears(LegAudioTold(A, G729), CaptureClosed(T1), LegAudioTold(A, HEARD))
    call.hears(CaptureRefused(T1, G729.undecodable))
    assert call.session.state is State.STARTING


def test_in_a_pause_the_leg_is_not_looked_at() -> None:
    call = Call(ANN).began()
    call.session.state = State.PAUSED
    call.hears(LegAudioTold(A, G729))
    assert not call.has(CloseCapture)
    assert call.session.state is State.PAUSED


def test_a_new_partner_of_an_undecodable_leg_is_not_captured() -> None:
    call = Call(ANN).began()
    call.hears(LegAudioTold(A, G729))
    call.hears(LegUnbridged(BridgeId("one"), C), LegAppeared(leg(B)))
    call.hears(LegBridged(BridgeId("two"), leg(A, ANN, Direction.OUT), 8000, G729.undecodable))
    call.hears(LegBridged(BridgeId("two"), leg(B)))
    assert not call.has(OpenCapture)


def test_a_talk_with_an_application_waits_likewise() -> None:
    session = Session(CallId("c"), "c.1", NodeId("n"), Terms(applications=RecordApplications.ALL))
    events = (
        LegAppeared(Leg(A, "PJSIP/a-00000001", Direction.OUT, ANN, dialled="*43")),
        LegAnswered(A),
        ApplicationTold(A, "Echo", "", 8000, G729.undecodable),
    )
    for nth, event in enumerate(events):
        session, _ = handle(session, event, Instant(NOW_S + nth, NOW_S + nth))
    assert (session.state, session.undecodable) == (State.STARTING, {A: G729.undecodable})
