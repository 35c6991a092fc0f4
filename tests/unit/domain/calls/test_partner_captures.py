"""Which partners are captured beside the recorded leg: new ones, until its recorder is known to hear them."""

import pytest

from callrec.app.recovery.plan import with_others_ended
from callrec.domain.calls.captures import partner_captures
from callrec.domain.calls.commands import Alarm, AwaitVoice, CloseCapture, Command, HandOver, OpenCapture, Write
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureGrew,
    CaptureMuted,
    CaptureOpened,
    CaptureRefused,
    CaptureStalled,
    DeadlinePassed,
    Event,
    HoldChanged,
    LegAppeared,
    LegBridged,
    LegGone,
    LegMoved,
    LegUnbridged,
    PartnerHeard,
    Pressed,
    ResyncEnded,
    Wait,
)
from callrec.domain.calls.handle import handle
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Direction, Instant, Leg, Recording
from callrec.domain.calls.policy import OverridesAlways, Terms
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.model import User
from callrec.domain.rules import RecordRules, Rule, UserId

FLAGGED, OTHER = User(UserId("1"), "Ann", call_record=True, online_record=True), User(UserId("2"), "Bob")
A, B, C, D = (LegId(name) for name in "abcd")
T1, T2 = CaptureId("c-1-1"), CaptureId("c-1-2")
CONVERSATION_S, MEET_S, HEARD_S = 1000.0, 1010.0, 1012.5


def leg(name: LegId, user: User | None = OTHER, direction: Direction = Direction.IN) -> Leg:
    return Leg(name, f"PJSIP/{name}-00000001", direction, user)


RECORDED = leg(A, FLAGGED, Direction.OUT)


class Call:
    """`a` is always recorded and talks with `b`; the recorder began when they met."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.session = Session(CallId("c"), "c.1", NodeId("n"), terms or Terms())
        self.commands: tuple[Command, ...] = ()
        self.at(CONVERSATION_S, *bridged("one", RECORDED, leg(B)))
        assert self.partners() == []
        self.at(CONVERSATION_S + 0.1, CaptureOpened(T1, "0x1"), CaptureGrew(T1))

    def at(self, utc_s: float, *events: Event) -> "Call":
        """These happen."""
        commands: list[Command] = []
        for event in events:
            self.session, more = handle(self.session, event, Instant(utc_s, utc_s))
            commands += more
        self.commands = tuple(commands)
        return self

    def partners(self) -> list[str]:
        """The partner captures that begin (+) and end (-), each with its leg and id."""
        signs = {OpenCapture: "+", CloseCapture: "-"}
        return [
            f"{signs[type(one)]}{one.capture.leg} {one.capture.id}"
            for one in self.commands
            if isinstance(one, OpenCapture | CloseCapture) and one.capture.is_partner
        ]

    def awaited(self) -> list[AwaitVoice]:
        """Which voices are looked for from here on."""
        return [one for one in self.commands if isinstance(one, AwaitVoice)]

    def alarms(self) -> list[str]:
        """What an operator is told."""
        return [one.cause for one in self.commands if isinstance(one, Alarm)]

    @property
    def recording(self) -> Recording:
        """The current one."""
        assert self.session.recording is not None
        return self.session.recording


def bridged(bridge: str, *legs: Leg) -> tuple[Event, ...]:
    return tuple(LegBridged(BridgeId(bridge), one, 8000) for one in legs)


def blind(call: Call) -> Call:
    """`b` sends `a` on to `c`: both leave, and `a` enters another bridge."""
    call.at(CONVERSATION_S + 5, LegUnbridged(BridgeId("one"), B), LegUnbridged(BridgeId("one"), A), LegGone(B))
    return call.at(MEET_S, LegAppeared(leg(C)), *bridged("two", RECORDED, leg(C)))


def attended(call: Call) -> Call:
    """`c`, who talked with `b` elsewhere, takes its place in the bridge of `a`."""
    call.at(CONVERSATION_S + 2, LegAppeared(leg(D)), *bridged("consultation", leg(D), leg(C)))
    call.at(CONVERSATION_S + 5, LegGone(B), LegGone(D), LegUnbridged(BridgeId("consultation"), C))
    return call.at(MEET_S, *bridged("one", leg(C)))


def test_the_first_partner_is_not_captured() -> None:
    """Most calls have no other: they cost nothing."""
    assert Call().recording.partner_captures == ()


@pytest.mark.parametrize("transfer", [blind, attended])
def test_a_new_partner_is_captured_until_the_recorder_hears_them(transfer: object) -> None:
    """In the journal before the recorder, at the rate of the recorded leg's capture."""
    assert callable(transfer)
    call = transfer(Call())
    assert call.partners() == ["+c c-1-2"]
    (capture,) = call.recording.partner_captures
    assert (capture.rate_hz, capture.from_s, capture.is_partner) == (8000, MEET_S, True)
    written, opened = (
        [nth for nth, one in enumerate(call.commands) if isinstance(one, kind)] for kind in (Write, OpenCapture)
    )
    assert written[-1] < opened[-1]
    assert call.awaited() == [AwaitVoice(call.recording.captures[0], C, MEET_S)]

    call.at(MEET_S + 0.1, CaptureOpened(T2, "0x2"))
    assert [one.entry.step for one in call.commands if isinstance(one, Write)] == [Step.CHANGED], "its id is journaled"
    assert call.recording.partner_captures[0].mixmonitor == "0x2"
    call.at(HEARD_S, PartnerHeard(T1, C, MEET_S))
    assert call.partners() == ["-c c-1-2"]
    call.at(HEARD_S + 0.1, CaptureClosed(T2), PartnerHeard(T1, C, MEET_S))
    assert call.recording.partner_captures[0].to_s == pytest.approx(HEARD_S + 0.1)
    assert (call.partners(), call.awaited(), call.alarms()) == ([], [], [])


def test_each_further_partner_is_captured() -> None:
    """The partner is replaced, and the new one too; who comes back is a new partner again."""
    call = blind(Call()).at(HEARD_S, PartnerHeard(T1, C, MEET_S), CaptureClosed(T2))
    call.at(HEARD_S + 3, LegUnbridged(BridgeId("two"), C))
    call.at(HEARD_S + 4, LegAppeared(leg(D)), *bridged("two", leg(D)))
    assert call.partners() == ["+d c-1-3"]
    call.at(HEARD_S + 5, LegUnbridged(BridgeId("two"), D), *bridged("two", leg(C)))
    assert call.partners() == ["-d c-1-3", "+c c-1-4"]


def test_of_another_capture_or_meeting_it_is_not_known_whether_it_hears() -> None:
    """Late news of an earlier one proves nothing."""
    call = blind(Call()).at(HEARD_S, PartnerHeard(T2, C, MEET_S), PartnerHeard(T1, C, MEET_S - 5))
    assert call.partners() == []


def test_in_a_bridge_of_three_each_new_one_is_captured() -> None:
    """The one who was there when the recorder began is not."""
    call = Call().at(MEET_S, LegAppeared(leg(C)), *bridged("one", leg(C)))
    assert call.partners() == ["+c c-1-2"]
    call.at(HEARD_S, LegAppeared(leg(D)), *bridged("one", leg(D)))
    assert call.partners() == ["+d c-1-3"]


def test_a_local_channel_is_not_captured_but_the_phone_behind_it() -> None:
    """A recorder on half of a Local channel would keep it from being optimised away."""
    call = Call().at(CONVERSATION_S + 5, LegUnbridged(BridgeId("one"), B), LegGone(B), LegUnbridged(BridgeId("one"), A))
    halves = [Leg(LegId(f"l{half}"), f"Local/c@default-00000001;{half}", Direction.IN) for half in (1, 2)]
    call.at(MEET_S, *bridged("two", RECORDED, halves[0]), *bridged("three", halves[1], leg(C)))
    assert call.partners() == ["+c c-1-2"]


def test_in_a_pause_no_partner_is_captured() -> None:
    """Their voice would be on the disk. After it what the recorder wrote meanwhile proves nothing."""
    call = blind(Call(Terms(overrides_always=OverridesAlways.PAUSE)))
    call.at(MEET_S + 2, Pressed(A, FLAGGED, "r", 8000))
    assert call.partners() == ["-c c-1-2"]
    assert call.at(MEET_S + 3, CaptureClosed(T2)).partners() == []
    call.at(MEET_S + 60, Pressed(A, FLAGGED, "r", 8000))
    assert call.partners() == ["+c c-1-3"]
    assert [one.since_s for one in call.awaited()] == [MEET_S + 60]


def test_a_partner_who_leaves_is_captured_no_more() -> None:
    """Alive in another call, or in none: nobody of ours hears them there."""
    assert blind(Call()).at(MEET_S + 1, LegMoved(C)).partners() == ["-c c-1-2"]
    assert blind(Call()).at(MEET_S + 1, LegUnbridged(BridgeId("two"), C)).partners() == ["-c c-1-2"]


def test_with_the_recording_the_partner_captures_end() -> None:
    """The recording is handed over when all their files are closed."""
    call = blind(Call()).at(MEET_S + 0.1, CaptureOpened(T2, "0x2"))
    call.at(MEET_S + 5, LegGone(A))
    assert call.partners() == ["-c c-1-2"]
    call.at(MEET_S + 5.1, CaptureClosed(T1), LegGone(C))
    assert not [one for one in call.commands if isinstance(one, HandOver)]
    call.at(MEET_S + 5.2, CaptureClosed(T2))
    (handed,) = [one.recording for one in call.commands if isinstance(one, HandOver)]
    (partner,) = handed.partner_captures
    assert (partner.id, partner.from_s, partner.to_s) == (T2, MEET_S, pytest.approx(MEET_S + 5.1))


def test_a_partner_capture_that_opens_too_late_is_stopped() -> None:
    """It was not wanted any more when Asterisk began it."""
    call = blind(Call()).at(MEET_S + 0.1, LegUnbridged(BridgeId("two"), C))
    assert call.at(MEET_S + 0.2, CaptureOpened(T2, "0x2")).partners() == ["-c c-1-2"]


PAUSING = Terms(overrides_always=OverridesAlways.PAUSE)
PRESS = Pressed(A, FLAGGED, "r", 8000)


def test_in_a_hold_a_partner_is_captured_on() -> None:
    """A deaf recorder stays deaf, and the first words behind the hold are lost. Music in the file of the recorded leg proves
    nothing; it is looked for again."""
    call = blind(Call()).at(MEET_S + 1, CaptureOpened(T2, "0x2"), HoldChanged(A, holds_others=True))
    assert call.partners() == []
    call.at(MEET_S + 2, PartnerHeard(T1, C, MEET_S))
    assert (call.partners(), [one.since_s for one in call.awaited()]) == ([], [MEET_S])
    call.at(MEET_S + 5, HoldChanged(A, holds_others=False))
    assert (call.partners(), [one.since_s for one in call.awaited()]) == ([], [MEET_S + 5])
    assert call.at(MEET_S + 7, PartnerHeard(T1, C, MEET_S + 5)).partners() == ["-c c-1-2"]


def paused_and_refused() -> Call:
    """The recorder on `c` is to end with a pause, and Asterisk does not do it."""
    call = blind(Call(PAUSING)).at(MEET_S + 0.1, CaptureOpened(T2, "0x2"), CaptureGrew(T2))
    assert call.at(MEET_S + 1, PRESS).partners() == ["-c c-1-2"]
    return call.at(MEET_S + 1.1, CaptureRefused(T2, "ami-timeout", unavailable=True))


def test_a_partner_capture_whose_start_was_not_answered_keeps_a_pause_from_being_proven() -> None:
    """Its recorder may be at work: it is muted, and asked to stop, until its files are closed."""
    call = blind(Call(PAUSING)).at(MEET_S + 0.1, CaptureRefused(T2, "ami-outcome-unknown", True, may_be_at_work=True))
    assert call.alarms() == ["ami-outcome-unknown"]
    call.at(MEET_S + 1, PRESS)
    assert call.partners() == ["-c c-1-2"]
    call.at(MEET_S + 1.1, CaptureMuted(T1, muted=True))
    call.at(MEET_S + 2.2, CaptureRefused(T2, "ami-down", True, may_be_at_work=True))
    assert not call.recording.pauses[-1].is_proven
    assert call.at(MEET_S + 3, DeadlinePassed(Wait.STOP, T2)).partners() == ["-c c-1-2"]
    assert call.at(MEET_S + 4, CaptureClosed(T2)).recording.pauses[-1].is_proven


def test_a_partner_capture_whose_start_was_not_answered_is_used_where_it_has_begun() -> None:
    """No second recorder begins beside it."""
    call = blind(Call(PAUSING)).at(MEET_S + 0.1, CaptureRefused(T2, "ami-outcome-unknown", True, may_be_at_work=True))
    assert call.at(MEET_S + 5, CaptureOpened(T2, "0x2"), CaptureGrew(T2)).partners() == []
    assert call.at(MEET_S + 7, PartnerHeard(T1, C, MEET_S)).partners() == ["-c c-1-2"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_partner_capture_that_does_not_stop_is_asked_until_it_is_closed(elsewhere: bool) -> None:
    """In the pause, and in another call; after times that double, and at once when the link is back."""
    call = paused_and_refused()
    if elsewhere:
        assert call.at(MEET_S + 2, LegMoved(C)).partners() == ["-c c-1-2"]
    times = (
        ((3, False), (6, True), (10, False), (14, True))
        if elsewhere
        else ((3, True), (5, False), (7, True), (15, True))
    )
    for passed_s, is_asked in times:
        call.at(MEET_S + passed_s, DeadlinePassed(Wait.STOP, T2))
        expected = (["-c c-1-2"], ["stop-overdue"]) if is_asked else ([], [])
        assert (call.partners(), call.alarms()) == expected
    assert call.at(MEET_S + 16, ResyncEnded()).partners() == ["-c c-1-2"]
    call.at(MEET_S + 17, CaptureClosed(T2))
    assert call.at(MEET_S + 60, DeadlinePassed(Wait.STOP, T2), ResyncEnded()).partners() == []
    assert not call.session.ending


def test_a_partner_capture_that_did_not_stop_is_taken_back_where_it_is_wanted_again() -> None:
    """No second recorder begins beside it: each word would be in two files."""
    call = paused_and_refused()
    assert call.at(MEET_S + 5, PRESS).partners() == []
    assert [one.since_s for one in call.awaited()] == [MEET_S + 5]
    assert call.at(MEET_S + 6, DeadlinePassed(Wait.STOP, T2), ResyncEnded()).partners() == []
    assert call.at(MEET_S + 7, PartnerHeard(T1, C, MEET_S + 5)).partners() == ["-c c-1-2"]


def test_a_stalled_recorder_that_does_not_stop_is_asked_again() -> None:
    """Its successor is on the same leg: both files would hold each word from when it goes on."""
    call = Call().at(MEET_S, CaptureStalled(T1))
    call.at(MEET_S + 0.1, CaptureOpened(T2, "0x2"), CaptureGrew(T2), CaptureRefused(T1, "ami-error"))
    call.at(MEET_S + 2, DeadlinePassed(Wait.STOP, T1))
    assert [one.capture.id for one in call.commands if isinstance(one, CloseCapture)] == [T1]


def test_a_stop_that_fails_begins_nothing_on_the_leg_of_a_user_of_never() -> None:
    """The recorder that does not stop is asked again; none comes to it."""
    never = User(UserId("9"), "Nora", rules=RecordRules(*[Rule.NEVER] * 4))
    call = Call().at(CONVERSATION_S + 5, LegUnbridged(BridgeId("one"), B), LegUnbridged(BridgeId("one"), A), LegGone(B))
    call.at(MEET_S, LegAppeared(leg(C, never)), *bridged("two", RECORDED, leg(C, never)))
    call.at(MEET_S + 0.1, CaptureRefused(T1, "no"), CaptureRefused(T1, "no"))
    assert call.session.state is State.STOPPING
    assert call.recording.partner_captures == ()


def test_an_absence_ends_where_the_former_leg_is_in_a_conversation_of_its_rule_again() -> None:
    """Olaf's calls to outside are recorded. With a colleague they are not; with the next customer they are."""
    always = RecordRules(in_external=Rule.ALWAYS, out_external=Rule.ALWAYS)
    olaf = leg(B, User(UserId("5"), "Olaf", rules=always))
    customer, next_customer = leg(C, None), leg(LegId("e"), None)
    call = Call().at(CONVERSATION_S + 1, LegAppeared(olaf), *bridged("one", olaf))
    call.at(CONVERSATION_S + 5, LegGone(A), CaptureClosed(T1), *bridged("one", customer))
    own = call.session.capture
    assert own is not None
    assert (own.leg, own.of_others) == (B, True)
    call.at(CONVERSATION_S + 6, CaptureOpened(own.id, "0x2"), CaptureGrew(own.id))
    call.at(CONVERSATION_S + 9, LegGone(C), *bridged("one", leg(D)))
    assert call.session.state is State.ABSENT
    call.at(CONVERSATION_S + 9.1, CaptureClosed(own.id))
    call.at(CONVERSATION_S + 15, LegGone(D), *bridged("one", next_customer))
    assert call.session.state is State.STARTING
    assert call.session.capture is not None
    assert call.session.capture.leg == B


def test_short_holds_are_no_failed_tries() -> None:
    """The one partner capture goes on."""
    call, at_s = blind(Call()).at(MEET_S + 0.1, CaptureOpened(T2, "0x2")), MEET_S
    for _ in range(5):
        at_s += 0.3
        assert call.at(at_s, HoldChanged(A, holds_others=True)).partners() == []
        assert call.at(at_s + 0.1, HoldChanged(A, holds_others=False)).partners() == []


def test_of_one_recording_so_many_partner_captures_begin_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that holds again and again. The last one is told."""
    monkeypatch.setattr(partner_captures, "MOST_CAPTURES", 50)
    call, told = blind(Call()), []
    for nth in range(2, 60):
        at_s, capture = MEET_S + 5 * nth, CaptureId(f"c-1-{nth}")
        call.at(at_s, CaptureOpened(capture, "0x"), LegUnbridged(BridgeId("two"), C), CaptureClosed(capture))
        told += call.at(at_s + 1, *bridged("two", leg(C))).alarms()
    assert (len(call.recording.partner_captures), told) == (50, ["too-many-takes"])


def test_a_partner_capture_that_fails_is_tried_again_a_few_times() -> None:
    """It is told each time; the recording itself goes on."""
    call = blind(Call())
    for nth in (2, 3):
        call.at(MEET_S + nth, CaptureRefused(CaptureId(f"c-1-{nth}"), "ami-error"))
        assert (call.partners(), call.alarms()) == ([f"+c c-1-{nth + 1}"], ["ami-error"])
    call.at(MEET_S + 4, CaptureOpened(CaptureId("c-1-4"), "0x4"), CaptureClosed(CaptureId("c-1-4")))
    assert (call.partners(), call.alarms()) == ([], ["stopped-by-another"])
    causes = [one.cause for one in call.recording.partner_captures]
    assert causes == ["ami-error", "ami-error", "stopped-by-another"]


def test_a_daemon_that_is_new_captures_every_partner() -> None:
    """It does not know which bridge this is. Recovery has ended what the former one captured."""
    before = blind(Call())
    call = Call()
    call.session = Session.resume(with_others_ended(before.recording, Instant(HEARD_S, HEARD_S)), Terms())
    call.at(HEARD_S, *bridged("two", RECORDED, leg(C)))
    assert call.partners() == ["+c c-1-3"]
