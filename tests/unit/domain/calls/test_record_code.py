"""What an operator may ask of a call's recording, and what is answered at once."""

import pytest
from test_session import ANN, BOB, CEM, FLAGGED, SILENT, Call, leg, say

from callrec.domain.calls.commands import AnswerControl
from callrec.domain.calls.events import Controlled, DialplanRecords
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import ActorKind, Control, Direction
from callrec.domain.calls.session import State
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import ControlAnswer


def ask(call: Call, control: Control, reason: str = "", most_s: float | None = None) -> ControlAnswer:
    """An operator asks."""
    call.on(Controlled(control, "op", reason, most_s, "account:12"))
    (answer,) = [one.answer for one in call.commands if isinstance(one, AnswerControl)]
    return answer


def test_an_operator_starts_and_stops_and_the_manifest_says_who_and_why() -> None:
    """Nobody of them has a right to press: the operator has."""
    call = Call()
    call.talk(CEM, None)
    assert ask(call, Control.START, "complaint") is ControlAnswer.ACCEPTED
    assert (call.recording.rule, call.recording.actor.kind) == (Rule.ON_DEMAND, ActorKind.OPERATOR)
    assert call.recording.actor.asker == "account:12"
    assert call.recording.captures[0].leg == "a"
    call.seen()
    call.grew()
    assert ask(call, Control.START) is ControlAnswer.UNCHANGED
    assert ask(call, Control.STOP, "enough") is ControlAnswer.ACCEPTED
    assert ask(call, Control.STOP) is ControlAnswer.UNCHANGED
    call.closed()
    (ended,) = call.handed
    assert [(one.control, one.reason, one.actor.kind) for one in ended.controls] == [
        ("start", "complaint", "operator"),
        ("stop", "enough", "operator"),
    ]
    assert call.state is State.IDLE


def test_an_operator_pauses_and_resumes() -> None:
    """Repeated, it changes nothing."""
    call = Call().recorded(FLAGGED, BOB)
    assert ask(call, Control.RESUME) is ControlAnswer.UNCHANGED
    assert ask(call, Control.PAUSE, "card", 30.0) is ControlAnswer.ACCEPTED
    assert [30.0] == [one.after_s for one in call.commands if say(one).startswith("wait pause")]
    call.muted()
    assert ask(call, Control.PAUSE, "again") is ControlAnswer.UNCHANGED
    assert ask(call, Control.START) is ControlAnswer.PAUSED
    assert ask(call, Control.RESUME, "done") is ControlAnswer.ACCEPTED
    call.muted(muted=False)
    assert [(one.control, one.reason) for one in call.recording.controls] == [("pause", "card"), ("resume", "done")]
    assert call.state is State.RECORDING


def test_a_press_in_an_operators_pause_is_told_what_is_true() -> None:
    """It neither resumes nor stops: the presser may not know why it is paused."""
    for call in (Call().recorded(FLAGGED, BOB), Call().recorded(ANN, BOB)):
        ask(call, Control.PAUSE)
        call.muted()
        assert ["reply r is-paused", "tell press-is-paused"] == call.later(5).press("b", BOB)
        assert call.state is State.PAUSED


@pytest.mark.parametrize(
    ("control", "answer"),
    [
        (Control.START, ControlAnswer.NO_CONVERSATION),
        (Control.STOP, ControlAnswer.UNCHANGED),
        (Control.PAUSE, ControlAnswer.NOT_RECORDED),
        (Control.RESUME, ControlAnswer.NOT_RECORDED),
    ],
)
def test_in_a_call_that_rings_there_is_nothing_to_change(control: Control, answer: ControlAnswer) -> None:
    call = Call()
    call.bridge(leg("a", ANN, Direction.OUT))
    assert ask(call, control) is answer


@pytest.mark.parametrize("control", [Control.STOP, Control.PAUSE, Control.RESUME])
def test_a_call_that_the_dialplan_records_is_not_called_unrecorded(control: Control) -> None:
    """It began while the daemon was away; its recorder is the dialplan's until the end."""
    call = Call()
    call.on(DialplanRecords(LegId("a")))
    call.talk(FLAGGED, BOB)
    assert (call.state, ask(call, control)) == (State.IDLE, ControlAnswer.BY_DIALPLAN)


def test_what_a_rule_says_no_operator_overrides() -> None:
    """Always stays recorded, never is not recorded."""
    always, never = Call().recorded(FLAGGED, BOB), Call()
    assert ask(always, Control.STOP) is ControlAnswer.ALWAYS
    assert always.state is State.RECORDING
    never.talk(SILENT, BOB)
    assert ask(never, Control.START) is ControlAnswer.NEVER


def test_a_recording_that_failed_is_begun_again_as_the_rule_wants_it() -> None:
    """Not on demand: no press may stop it."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.refused()
    call.refused(call.recording.captures[-1].id)
    assert call.state is State.FAILED
    assert ask(call, Control.START) is ControlAnswer.ACCEPTED
    assert call.recording.rule is Rule.ALWAYS


def test_an_absent_recording_can_be_stopped() -> None:
    """Its users have left; it does not go on when one comes back."""
    call = Call().recorded(ANN, BOB)
    call.gone("a")
    call.closed()
    call.bridge(leg("b", None), leg("c", None), bridge="b2")
    call.gone("b")
    call.bridge(leg("c", None), leg("d", None), bridge="b3")
    if call.state is State.ABSENT:
        assert ask(call, Control.PAUSE) is ControlAnswer.NOT_RECORDED
        assert ask(call, Control.STOP) is ControlAnswer.ACCEPTED
        assert call.state is State.IDLE


def test_of_a_call_that_is_over_that_is_said() -> None:
    call = Call().recorded()
    call.gone("a", "b")
    for control in Control:
        assert ask(call, control) is ControlAnswer.ENDED
