"""The participants are told first: no recorder begins before they have heard that they are recorded."""

from dataclasses import replace

import pytest
from test_session import ANN, BOB, CEM, FLAGGED, T1, T2, T3, Call, leg

from callrec.domain.calls.commands import Announce, OpenCapture, Reply
from callrec.domain.calls.events import (
    Announced,
    Controlled,
    HoldChanged,
    LegBridged,
    LegGone,
    LegUnbridged,
    Played,
    Pressed,
    ResyncEnded,
    Wait,
)
from callrec.domain.calls.ids import BridgeId, CaptureId, LegId
from callrec.domain.calls.model import Control, NotHeard, Told, WaitingKind
from callrec.domain.calls.policy import Announcement, Confirm, Limits, Terms
from callrec.domain.calls.session import Session, State
from callrec.domain.vocabulary import Outcome

A, B, C = LegId("a"), LegId("b"), LegId("c")
FIRST = Terms(announce=Announcement.PROMPT_FIRST)
MOST_S = Limits().announce_s


def heard(*legs: LegId, cause: str = "", capture: CaptureId = T1) -> Announced:
    """The prompt was played to these, and has ended."""
    return Announced(capture, tuple(Played(one, 2.0, cause, 100) for one in legs))


def always(terms: Terms = FIRST) -> Call:
    """FLAGGED, who is always recorded, talks with BOB."""
    call = Call(terms)
    call.bridge(leg("a", FLAGGED), leg("b", BOB))
    return call


def opened(call: Call) -> list[CaptureId]:
    """The recorders that the last events asked for."""
    return [one.capture.id for one in call.commands if isinstance(one, OpenCapture)]


def announced(call: Call) -> list[tuple[LegId, ...]]:
    """To whom the last events let the prompt be played."""
    return [one.legs for one in call.commands if isinstance(one, Announce) and one.what is Told.PROMPT]


def announcing(call: Call) -> list[tuple[float, float | None]]:
    """When its participants were told, in the manifest."""
    return [(one.from_s, one.to_s) for one in call.recording.waiting if one.kind is WaitingKind.ANNOUNCING]


def test_the_recorder_begins_when_both_have_heard_it() -> None:
    """They talk meanwhile; the entry says so, and says that the recording is theirs from the first word on."""
    call = always()
    assert (call.state, opened(call), announced(call)) == (State.ANNOUNCING, [], [(A, B)])
    call.later(2).on(heard(A, B))
    assert (call.state, opened(call)) == (State.STARTING, [T2])
    assert announcing(call) == [(1_000.0, 1_002.0)]
    assert (call.recording.from_s, call.recording.captures[-1].from_s) == (1_000.0, 1_002.0)
    call.seen(T2)
    assert (call.state, announced(call)) == (State.OPENED, [])


def test_one_who_has_not_heard_it_yet_is_waited_for() -> None:
    call = always()
    call.later(2).on(heard(A))
    assert (call.state, opened(call)) == (State.ANNOUNCING, [])
    call.on(heard(B))
    assert opened(call) == [T2]


@pytest.mark.parametrize("cause", [NotHeard.NO_RTP_IN, NotHeard.NO_RTP_OUT, NotHeard.ON_HOLD])
def test_a_phone_that_cannot_hear_it_is_not_waited_for(cause: NotHeard) -> None:
    """The entry says who has not heard it, and why; they are told again."""
    call = always()
    call.later(2).on(heard(A), heard(B, cause=cause))
    assert opened(call) == [T2]
    assert {one.leg: one.cause for one in call.recording.hearings} == {A: "", B: cause}
    assert call.recording.announcements == ()


def test_what_could_not_be_played_is_played_again_before_the_recording() -> None:
    """ARI may be away for a moment. After three times it begins all the same."""
    call = always()
    for _ in range(2):
        call.on(heard(A), heard(B, cause="ari-down"))
        assert call.state is State.ANNOUNCING
        call.later(1).passed(Wait.TELL_AGAIN)
        assert announced(call) == [(B,)]
    call.on(heard(B, cause="ari-down"))
    assert opened(call) == [T2]


def test_an_unfinished_playback_holds_the_recording_for_a_bounded_time() -> None:
    call = always()
    assert call.delays(Wait.ANNOUNCING) == [MOST_S]
    call.later(MOST_S - 1).passed(Wait.ANNOUNCING)
    assert call.state is State.ANNOUNCING
    call.later(1).passed(Wait.ANNOUNCING)
    assert opened(call) == [T2]
    assert {one.leg: one.cause for one in call.recording.hearings} == dict.fromkeys((A, B), NotHeard.UNFINISHED)
    call.on(heard(A, B))
    assert {one.leg: one.cause for one in call.recording.hearings} == {A: "", B: ""}


def test_who_holds_the_call_is_not_waited_for_and_told_when_they_are_back() -> None:
    call = always()
    call.on(HoldChanged(B, holds_others=True), heard(A))
    assert opened(call) == [T2]
    call.seen(T2)
    call.on(heard(B, cause=NotHeard.ON_HOLD), HoldChanged(B, holds_others=False))
    call.later(5).passed(Wait.TELL_AGAIN)
    assert announced(call) == [(B,)]


def test_who_joins_meanwhile_is_told_and_waited_for() -> None:
    call = always()
    call.bridge(leg("c"))
    assert announced(call) == [(C,)]
    call.on(heard(A, B))
    assert call.state is State.ANNOUNCING
    call.on(heard(C))
    assert opened(call) == [T2]


def test_who_joins_later_is_told_while_the_recording_goes_on() -> None:
    call = always()
    call.on(heard(A, B))
    call.seen(T2)
    call.later(2).grew(T2)
    call.bridge(leg("c"))
    assert (call.state, announced(call)) == (State.RECORDING, [(C,)])


def test_a_press_is_answered_at_once() -> None:
    """As long as it waits, the presser's phone is mute and hears nothing. The next press ends it, and nothing was recorded."""
    call = Call(FIRST)
    call.talk()
    assert "reply r announcing" in call.press()
    assert announced(call) == [(A, B)]
    assert "reply again stopped" in call.later(2).press(reply="again")
    (recording,) = call.handed
    assert (recording.to_s, [one.is_place for one in recording.captures]) == (1_002.0, [True])
    assert [(one.from_s, one.to_s) for one in recording.waiting] == [(1_000.0, 1_002.0)]


def test_a_press_in_a_compulsory_announcement_changes_nothing() -> None:
    call = always()
    assert "reply r announcing" in call.later(2).press(user=FLAGGED)
    assert call.state is State.ANNOUNCING


def test_the_next_recording_of_a_call_is_announced_too() -> None:
    """Also when the files of the one before are not closed yet."""
    call = Call(FIRST)
    call.talk()
    call.press()
    call.on(heard(A, B))
    call.seen(T2)
    call.later(2).grew(T2)
    call.later(2).press()
    assert call.state is State.STOPPING
    call.later(2).press()
    assert (call.state, announced(call)) == (State.ANNOUNCING, [(A, B)])


def test_a_call_that_ends_meanwhile_has_an_entry_without_a_recorder() -> None:
    call = always()
    call.later(1).on(LegGone(B), LegGone(A))
    (recording,) = call.handed
    assert (recording.is_before_capture, recording.to_s) == (True, 1_001.0)
    assert [(one.from_s, one.to_s) for one in recording.waiting] == [(1_000.0, 1_001.0)]


def test_a_hangup_that_no_event_told_ends_it_now() -> None:
    """Not at the place that the recording keeps on the leg."""
    call = always()
    call.later(3).on(LegGone(B, is_unseen=True), LegGone(A, is_unseen=True))
    (recording,) = call.handed
    assert recording.to_s == 1_003.0


def test_the_announcement_goes_on_with_another_leg() -> None:
    """The recorded user's phone has gone, and another of theirs talks. While it is not known where it goes on, nothing begins."""
    call = always()
    call.bridge(leg("c", FLAGGED))
    call.on(LegGone(A), heard(A, B, C))
    assert opened(call) == [T3]
    assert call.recording.captures[-1].leg == C


def test_nothing_begins_on_a_leg_that_is_gone() -> None:
    call = Call(Terms(announce=Announcement.PROMPT_FIRST, confirm=Confirm.NONE))
    call.bridge(leg("a", FLAGGED), leg("b"))
    call.on(LegGone(A), heard(A, B))
    call.later(MOST_S).passed(Wait.ANNOUNCING)
    assert (call.state, opened(call)) == (State.ANNOUNCING, [])


def test_a_pause_meanwhile_ends_it_and_the_resume_begins_it_again() -> None:
    """Who has heard it in the pause is not waited for again; no recorder has begun in between."""
    call = always()
    call.later(1).on(Controlled(Control.PAUSE, "p"))
    assert call.state is State.PAUSED
    call.later(1).on(heard(A), Controlled(Control.RESUME, "q"))
    assert (call.state, opened(call)) == (State.ANNOUNCING, [])
    call.later(1).on(heard(B))
    assert opened(call) == [T2]
    assert announcing(call) == [(1_000.0, 1_001.0), (1_002.0, 1_003.0)]


def test_it_goes_on_when_its_user_is_back() -> None:
    """They left while the others talked on: nothing was captured, and the others were told."""
    call = always()
    call.bridge(leg("c", CEM))
    call.later(1).on(LegUnbridged(BridgeId("b"), A), LegGone(A))
    assert call.state is State.ABSENT
    call.later(1).bridge(leg("d", FLAGGED))
    assert (call.state, opened(call), announced(call)) == (State.ANNOUNCING, [], [(LegId("d"),)])
    call.on(heard(B, C, LegId("d")))
    assert len(opened(call)) == 1


def test_a_daemon_that_is_started_meanwhile_tells_them_again_and_then_begins() -> None:
    """Not before Asterisk has told who is there."""
    call = always()
    call.later(1).on(heard(A))
    after = Call(session=Session.resume(call.recording, FIRST))
    after.now = call.now
    after.on(Pressed(A, ANN, "r"), heard(A, B))
    assert (after.state, opened(after)) == (State.ANNOUNCING, [])
    after = Call(session=Session.resume(call.recording, FIRST))
    after.now = call.now
    after.on(*(LegBridged(BridgeId("b"), one, 8000) for one in (leg("a", FLAGGED), leg("b", BOB))), ResyncEnded())
    assert after.delays(Wait.ANNOUNCING) == [MOST_S]
    after.on(heard(B))
    assert opened(after) == [T2]


def test_with_no_phone_to_be_told_it_begins_at_once() -> None:
    """Both are halves of Local channels but one, which is a program."""
    call = Call(replace(FIRST, confirm=Confirm.NONE))
    call.bridge(leg("Local/9@q-00000001;1", FLAGGED), leg("a", BOB))
    call.on(heard(A))
    assert len(opened(call)) == 1


def test_the_tone_of_a_press_is_not_played_beside_the_prompt() -> None:
    call = Call(FIRST)
    call.talk()
    call.press()
    call.on(heard(A, B))
    call.seen(T2)
    tones = [one.what for one in call.commands if isinstance(one, Announce)]
    assert (tones, [one for one in call.commands if isinstance(one, Reply)]) == ([], [])
    assert Outcome.STARTED not in tones
