"""Opting out: a participant from outside is not recorded from their digit on."""

from dataclasses import replace

import pytest
from test_session import ANN, BOB, FLAGGED, T1, Call, leg

from callrec.domain.calls.commands import Announce, CloseCapture, Command, ListenForOptOut, NoteOptOut
from callrec.domain.calls.events import Controlled, LegAppeared, LegBridged, LegGone, LegUnbridged, OptOutPressed, Wait
from callrec.domain.calls.ids import BridgeId, CaptureId, LegId
from callrec.domain.calls.model import OPTED_OUT, Actor, ActorKind, Control, ControlStep
from callrec.domain.calls.policy import Announcement, Confirm, Terms
from callrec.domain.calls.session import State
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import Outcome

A, B, C = LegId("a"), LegId("b"), LegId("c")
TERMS = Terms(opt_out=True, confirm=Confirm.NONE)


def recorded(terms: Terms = TERMS) -> Call:
    """FLAGGED, who is always recorded, talks with `b` from outside."""
    call = Call(terms)
    call.bridge(leg("a", FLAGGED), leg("b"))
    call.seen()
    call.later(2).grew()
    return call


def of(call: Call, kind: type[Command]) -> list[Command]:
    """The last commands of this kind."""
    return [one for one in call.commands if isinstance(one, kind)]


def test_the_recording_ends_and_the_entry_says_who_opted_out() -> None:
    """What came before is kept. All hear that it has stopped, whatever the settings say of tones."""
    call = recorded()
    call.later(5).on(OptOutPressed(B))
    assert call.state is State.STOPPING
    assert of(call, NoteOptOut) == [NoteOptOut(B)]
    call.closed()
    tones = [(one.what, one.legs) for one in call.commands if isinstance(one, Announce)]
    assert tones == [(Outcome.STOPPED, (A, B))]
    (recording,) = call.handed
    assert (recording.end_reason, recording.to_s) == (OPTED_OUT, 1_007.0)
    step = ControlStep(Control.STOP, 1_007.0, Actor(ActorKind.PARTICIPANT, leg=B), OPTED_OUT)
    assert recording.controls == (step,)


def test_while_they_are_there_nothing_begins_again() -> None:
    """No rule, no press, no operator; also when late news of their leg come that do not know it."""
    call = recorded()
    call.on(OptOutPressed(B))
    call.closed()
    call.later(2).on(LegAppeared(leg("b")), LegBridged(BridgeId("b"), leg("b"), 8000))
    assert call.state is State.IDLE
    assert "reply r refused" in call.press(user=FLAGGED)
    assert call.on(Controlled(Control.START, "o")) == ["answer o rule-never"]


def test_with_those_who_stay_policy_begins_again() -> None:
    call = recorded()
    call.on(OptOutPressed(B))
    call.closed()
    call.bridge(leg("c"))
    assert call.state is State.IDLE
    call.on(LegGone(B))
    assert call.state is State.STARTING


@pytest.mark.parametrize("who", [A, LegId("Local/9@q-00000001;1"), LegId("AudioSocket/1"), LegId("nobody")])
def test_nobody_else_may_opt_out(who: LegId) -> None:
    """A user is recorded by rules; the halves of Local channels and programs are no participants."""
    call = recorded()
    program = replace(leg("AudioSocket/1"), channel="AudioSocket/1")
    call.bridge(leg("Local/9@q-00000001;1"), program)
    call.on(OptOutPressed(who))
    assert call.state is State.RECORDING


def test_who_is_in_another_conversation_of_the_call_does_not_end_this_one() -> None:
    call = recorded()
    call.bridge(leg("c"), leg("d"), bridge="other")
    call.on(OptOutPressed(C))
    assert call.state is State.RECORDING


def test_the_digit_counts_before_the_first_sample_too() -> None:
    """Nothing was recorded."""
    call = Call(Terms(opt_out=True, announce=Announcement.PROMPT_FIRST))
    call.bridge(leg("a", FLAGGED), leg("b"))
    call.later(1).on(OptOutPressed(B))
    (recording,) = call.handed
    assert (recording.end_reason, recording.is_before_capture) == (OPTED_OUT, True)
    assert call.state is State.IDLE


def test_without_the_setting_the_digit_is_the_partners_alone() -> None:
    call = recorded(Terms())
    assert (of(call, ListenForOptOut), call.on(OptOutPressed(B)), call.state) == ([], [], State.RECORDING)


def test_where_nothing_is_recorded_the_digit_means_nothing() -> None:
    call = Call(TERMS)
    call.bridge(leg("a", ANN), leg("b"))
    assert call.on(OptOutPressed(B)) == []
    assert "intent c-1-1" in call.press()


def test_a_second_press_of_it_changes_nothing() -> None:
    call = recorded()
    call.on(OptOutPressed(B))
    assert call.on(OptOutPressed(B)) == []


def test_asterisk_is_asked_for_the_digits_of_those_who_may_opt_out() -> None:
    """Once for each, as soon as a recording begins."""
    call = Call(TERMS)
    call.bridge(leg("a", FLAGGED), leg("b"), leg("d", BOB))
    assert of(call, ListenForOptOut) == [ListenForOptOut((B,))]
    call.seen(T1)
    assert of(call, ListenForOptOut) == []
    call.bridge(leg("c"))
    assert of(call, ListenForOptOut) == [ListenForOptOut((C,))]


def test_a_stop_that_fails_is_asked_for_until_it_is_done() -> None:
    """Other stops are withdrawn. The recording has ended at the digit, whatever its recorder writes after it."""
    call = recorded()
    call.on(OptOutPressed(B))
    for after_s in (2, 4, 8):
        call.later(after_s).passed(Wait.STOP)
        assert (call.state, of(call, CloseCapture)) == (State.STOPPING, [CloseCapture(call.recording.captures[-1])])
    call.closed()
    (recording,) = call.handed
    assert recording.to_s == 1_002.0


def consulted() -> Call:
    """`*2`: the recorded user asks a colleague, while `b` waits in the first bridge."""
    call = recorded()
    call.on(LegUnbridged(BridgeId("b"), A))
    call.bridge(leg("a", FLAGGED), leg("d", BOB), bridge="consultation")
    assert call.state is State.RECORDING
    return call


def test_a_digit_on_hold_counts_when_they_are_back() -> None:
    """It was lost, and they were recorded again; the guide says at any time."""
    call = consulted()
    call.later(5).on(OptOutPressed(B))
    assert (call.state, of(call, NoteOptOut)) == (State.RECORDING, [NoteOptOut(B)])
    call.later(5).on(LegUnbridged(BridgeId("consultation"), A))
    call.bridge(leg("a", FLAGGED))
    assert call.state is State.STOPPING
    call.closed()
    tones = [(one.what, one.legs) for one in call.commands if isinstance(one, Announce)]
    assert tones == [(Outcome.STOPPED, (B, A))]
    (recording,) = call.handed
    step = ControlStep(Control.STOP, 1_007.0, Actor(ActorKind.PARTICIPANT, leg=B), OPTED_OUT)
    assert (recording.end_reason, recording.to_s, recording.controls) == (OPTED_OUT, 1_012.0, (step,))


def test_a_digit_on_hold_counts_after_a_transfer_too() -> None:
    """The colleague who takes the call may record it, and must not record them."""
    call = consulted()
    call.on(OptOutPressed(B))
    call.on(LegGone(A))
    call.closed()
    call.bridge(leg("b"), leg("d", BOB), bridge="b")
    assert "reply r refused" in call.later(2).press("d", BOB)


def test_a_digit_counts_while_a_recording_stops_or_has_failed() -> None:
    """The next one must not begin with them."""
    stopping = recorded()
    stopping.session.recording = replace(stopping.recording, rule=Rule.ON_DEMAND)
    stopping.on(Controlled(Control.STOP, "o"))
    stopping.on(OptOutPressed(B))
    failed = Call(TERMS)
    failed.bridge(leg("a", FLAGGED), leg("b"))
    failed.refused()
    failed.refused(CaptureId("c-1-2"))
    assert (stopping.state, failed.state) == (State.STOPPING, State.FAILED)
    failed.on(OptOutPressed(B))
    assert failed.later(5).passed(Wait.RETRY, None) == []
    stopping.closed()
    assert stopping.state is State.IDLE
