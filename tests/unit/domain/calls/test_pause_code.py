"""`*4`: who may press it, what it pauses and ends, and what its presser is told."""

import pytest
from test_record_code import ask
from test_session import ANN, BOB, CEM, FLAGGED, PAUSING, SILENT, T1, Call, leg

from callrec.domain.calls.commands import Announce
from callrec.domain.calls.events import CaptureRefused, DialplanRecords, LegAppeared, LegsJoined, PausePressed
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import ActorKind, Control, Direction
from callrec.domain.calls.policy import Announcement, Confirm, Terms
from callrec.domain.calls.session import State
from callrec.domain.directory.model import User
from callrec.domain.vocabulary import Outcome


def press(call: Call, on: str = "b", user: User | None = BOB, reply: str = "p") -> list[str]:
    """`*4`, and what is done about it."""
    return call.on(PausePressed(LegId(on), user, reply))


def told(outcome: Outcome, reply: str = "p") -> list[str]:
    """An answer at once."""
    return [f"reply {reply} {outcome}", f"tell press-{outcome}"]


@pytest.mark.parametrize(("caller", "rule"), [(FLAGGED, "a rule"), (ANN, "a press")])
def test_it_pauses_and_resumes_whatever_the_recording_is_due_to(caller: User, rule: str) -> None:
    """Either of two users who may press; the answer comes with the proof, and the manifest says who."""
    call = Call().recorded(caller, BOB)
    assert "mute c-1-1" in press(call), rule
    assert call.state is State.PAUSED
    assert {"reply p paused", "tone paused c-1-1"} <= set(call.muted())
    assert "unmute c-1-1" in press(call.later(5), "a", caller)
    assert "reply p resumed" in call.muted(muted=False)
    assert call.state is State.RECORDING
    assert [(one.control, one.actor.kind, one.actor.leg, one.reason) for one in call.recording.controls] == [
        (Control.PAUSE, ActorKind.USER, "b", "pause-code"),
        (Control.RESUME, ActorKind.USER, "a", "pause-code"),
    ]


def test_it_is_refused_to_whoever_may_not_press() -> None:
    """No user, a user without the right, a leg that is gone, a call that is over."""
    call = Call().recorded(FLAGGED, BOB)
    assert press(call, user=None) == told(Outcome.REFUSED)
    assert press(call, user=CEM) == told(Outcome.REFUSED)
    assert press(call, "z") == told(Outcome.REFUSED)
    call.gone("a", "b")
    call.closed()
    assert press(call) == told(Outcome.REFUSED)


def test_in_a_call_that_is_not_recorded_it_says_so() -> None:
    call = Call()
    call.talk(CEM, BOB)
    assert press(call) == told(Outcome.NOT_RECORDED)
    never = Call()
    never.talk(SILENT, BOB)
    assert press(never) == told(Outcome.NOT_RECORDED)


def test_while_a_recorder_may_be_at_work_it_does_not_say_that_nothing_is_recorded() -> None:
    """It was stopped, Asterisk refused, and its leg is in the call."""
    call = Call().recorded(ANN, BOB)
    call.later(5).press()
    assert press(call) == told(Outcome.NOT_PAUSED)
    unanswered = Call()
    unanswered.talk(ANN, BOB)
    unanswered.press()
    unanswered.on(CaptureRefused(T1, "ami-outcome-unknown", True, may_be_at_work=True))
    assert unanswered.state is State.FAILED
    assert press(unanswered) == told(Outcome.NOT_PAUSED)


def test_of_a_call_that_the_dialplan_records_it_does_not_say_that_nothing_is_recorded() -> None:
    """It began before the daemon was there."""
    call = Call()
    call.talk(CEM, BOB)
    call.on(DialplanRecords(LegId("a")))
    assert press(call) == told(Outcome.NOT_PAUSED)


def test_in_another_conversation_of_the_call_nothing_is_promised() -> None:
    """The recording is elsewhere, and may come back."""
    call = Call().recorded(FLAGGED, CEM)
    call.bridge(leg("c", BOB), leg("d", CEM), bridge="b2")
    assert press(call, "c") == told(Outcome.NOT_PAUSED)


def test_two_who_press_at_once_do_not_end_what_both_want() -> None:
    call = Call().recorded(FLAGGED, BOB)
    press(call)
    assert press(call.later(0.5), "a", FLAGGED, "q") == told(Outcome.ABSORBED, "q")
    assert "reply p paused" in call.muted()


def test_a_pause_is_not_refused_for_a_change_a_moment_ago() -> None:
    """What is said next must not be recorded."""
    call = Call()
    call.talk(ANN, BOB)
    call.press()
    call.seen()
    assert "mute c-1-1" in press(call.later(0.1))


def test_it_does_not_end_a_pause_of_a_program() -> None:
    """Not even where the program gives the reason of a code. That it is paused is said when it is proven."""
    call = Call().recorded(FLAGGED, BOB)
    ask(call, Control.PAUSE, "pause-code")
    assert press(call.later(5)) == told(Outcome.NOT_PAUSED)
    assert call.press("b", BOB) == ["reply r not-paused", "tell press-not-paused"]
    call.muted()
    assert press(call.later(5)) == told(Outcome.IS_PAUSED)
    assert call.state is State.PAUSED


def test_a_program_ends_a_pause_of_a_press() -> None:
    call = Call().recorded(FLAGGED, BOB)
    press(call)
    call.muted()
    ask(call, Control.RESUME)
    assert call.state is State.OPENED


def test_of_both_codes_each_pauses_and_star_three_ends_only_its_own() -> None:
    call = Call(PAUSING).recorded(FLAGGED, BOB)
    call.press("b", BOB)
    call.muted()
    assert "unmute c-1-1" in press(call.later(5))
    call.muted(muted=False)
    press(call.later(5))
    call.muted()
    assert call.later(5).press("b", BOB) == ["reply r is-paused", "tell press-is-paused"]


def test_what_asterisk_does_not_mute_is_not_called_paused() -> None:
    call = Call().recorded(FLAGGED, BOB)
    press(call)
    assert call.unmutable()[:2] == told(Outcome.NOT_PAUSED)
    assert "tone paused c-1-2" in call.closed()


def test_its_presser_hears_of_it_where_nothing_else_is_confirmed() -> None:
    """And nobody else. A pause by a program is told to nobody then."""
    call = Call(Terms(confirm=Confirm.NONE)).recorded(FLAGGED, BOB)
    press(call)
    call.muted()
    assert [one.legs for one in call.commands if isinstance(one, Announce)] == [(LegId("b"),)]
    other = Call(Terms(confirm=Confirm.NONE)).recorded(FLAGGED, BOB)
    ask(other, Control.PAUSE)
    other.muted()
    assert [one for one in other.commands if isinstance(one, Announce)] == []


def comes_from_a_pause(call: Call) -> list[str]:
    """Leg `c` talked in another call, which is paused, and is in this one's bridge now."""
    call.on(LegsJoined((), (), frozenset({LegId("c")})))
    return call.bridge(leg("c", CEM))


def announced(call: Call) -> list[tuple[str, ...]]:
    """Who hears the tone of a resume."""
    return [one.legs for one in call.commands if isinstance(one, Announce) and one.what is Outcome.RESUMED]


def test_who_leaves_a_paused_call_for_a_recorded_one_hears_that() -> None:
    """Once, and nobody else: in this call nothing was paused."""
    call = Call().recorded(FLAGGED, BOB)
    comes_from_a_pause(call)
    assert announced(call) == [(LegId("c"),)]
    assert call.state is State.RECORDING
    call.on(LegAppeared(leg("d", CEM)))
    assert announced(call) == []


def test_who_leaves_a_paused_call_for_one_that_is_not_recorded_yet_hears_it_when_it_is() -> None:
    call = Call()
    call.talk(FLAGGED, BOB)
    comes_from_a_pause(call)
    assert announced(call) == []
    call.seen()
    assert announced(call) == [(LegId("c"),)]


def test_who_comes_from_one_pause_into_another_hears_its_end_with_all() -> None:
    call = Call().recorded(FLAGGED, BOB)
    press(call)
    call.muted()
    comes_from_a_pause(call)
    assert announced(call) == []
    press(call.later(5))
    call.muted(muted=False)
    assert announced(call) == [tuple(map(LegId, "abc"))]


@pytest.mark.parametrize("terms", [Terms(confirm=Confirm.PRESSER), Terms(announce=Announcement.TONE)])
def test_who_was_not_told_of_the_pause_or_is_told_otherwise_hears_no_tone(terms: Terms) -> None:
    call = Call(terms).recorded(FLAGGED, BOB)
    comes_from_a_pause(call)
    assert announced(call) == []
    assert not call.session.from_pause


def test_who_leaves_again_before_it_is_recorded_hears_nothing() -> None:
    call = Call()
    call.talk(FLAGGED, BOB)
    comes_from_a_pause(call)
    call.gone("c")
    call.seen()
    assert announced(call) == []


def test_in_a_transfer_the_new_participant_may_end_it() -> None:
    """Its user may press, and is in the paused conversation."""
    call = Call().recorded(FLAGGED, CEM)
    press(call, "a", FLAGGED)
    call.muted()
    call.bridge(leg("a", FLAGGED, Direction.OUT), leg("c", BOB), bridge="b2")
    press(call.later(5), "c")
    assert call.state is not State.PAUSED
