"""What a recording says of a supervisor who listens in, and who may speak where no recorder hears it."""

from test_session import BOB, FLAGGED, Call, leg

from callrec.domain.calls.events import LegAppeared, ResyncEnded, SupervisorCame, SupervisorLeft
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Heard, Missing
from callrec.domain.calls.policy import Terms
from callrec.domain.calls.session import Session, State

A, B = LegId("a"), LegId("b")
BOSS = leg("boss")


def always() -> Call:
    """FLAGGED has called BOB; recorded since 1000, and it is 1002."""
    return Call().recorded(FLAGGED, BOB)


def came(call: Call, on: LegId = A, *, may_speak: bool = True) -> list[str]:
    """The supervisor listens in on this leg."""
    return call.on(SupervisorCame(on, BOSS, may_speak))


def left(call: Call, on: LegId = A) -> list[str]:
    """And listens no more."""
    return call.on(SupervisorLeft(on, BOSS.id))


def lacks(call: Call) -> list[tuple[float, float, str, Heard]]:
    """What is missing, as tuples."""
    return [(one.from_s, one.to_s, one.cause, one.side) for one in call.recording.missing]


def test_what_a_supervisor_may_say_is_missing_and_they_are_named() -> None:
    """4 s of a whisper were in nothing, and the recording was *sound*."""
    call = always()
    assert "changed c-1-1" in came(call)
    call.later(4)
    assert "changed c-1-1" in left(call)
    assert [(1_002.0, 1_006.0, "supervisor", Heard.HEARS)] == lacks(call)
    party = next(one for one in call.recording.parties if one.leg == BOSS.id)
    assert (BOSS.number, 1_002.0, 1_006.0) == (party.number, party.from_s, party.to_s)


def test_one_who_only_listens_is_named_and_nothing_is_missing() -> None:
    call = always()
    came(call, may_speak=False)
    left(call.later(4))
    assert [] == lacks(call)
    assert BOSS.id in {one.leg for one in call.recording.parties}


def test_one_on_the_partners_leg_may_barge_in_as_well() -> None:
    """Nothing tells a whisper to the partner, which the recorded user does not hear, from a barge, which they do."""
    call = always()
    came(call, B)
    left(call.later(1), B)
    assert [(1_002.0, 1_003.0, "supervisor", Heard.HEARS)] == lacks(call)


def test_one_who_stays_to_the_end_is_missing_to_the_end() -> None:
    call = always()
    came(call)
    call.later(3).gone("a", "b")
    call.closed()
    assert (Missing(1_002.0, 1_005.0, "supervisor", Heard.HEARS),) == call.handed[0].missing


def test_one_who_was_there_before_the_recording() -> None:
    """It is missing from the recording's beginning on."""
    call = Call()
    call.talk()
    came(call)
    call.later(5).press()
    assert [(1_005.0, 1_005.0, "supervisor", Heard.HEARS)] == lacks(call)


def test_in_a_pause_nothing_is_missing() -> None:
    call = always()
    came(call)
    call.session.state = State.PAUSED
    call.later(2).on(LegAppeared(leg("c")))
    assert [(1_002.0, 1_004.0, "supervisor", Heard.HEARS)] == lacks(call)


def test_on_a_leg_of_no_call_of_ours_they_change_nothing() -> None:
    call = always()
    assert [] == came(call, LegId("elsewhere"))
    assert [] == left(call)
    assert [] == lacks(call)


def test_a_resync_leaves_them_there() -> None:
    """Their leg is in another call."""
    call = always()
    came(call)
    call.later(1).on(ResyncEnded())
    assert next(one for one in call.recording.parties if one.leg == BOSS.id).to_s is None


def test_after_a_restart_it_is_missing_until_somebody_leaves_or_the_recording_ends() -> None:
    """Who it was is lost; that a supervisor was there is in the journal."""
    call = always()
    came(call)
    resumed = Call(session=Session.resume(call.recording, Terms()))
    resumed.later(10).bridge(leg("a", FLAGGED), leg("b", BOB))
    assert [(1_002.0, 1_002.0, "supervisor", Heard.HEARS)] == lacks(resumed)
    left(resumed.later(2))
    assert [(1_002.0, 1_012.0, "supervisor", Heard.HEARS)] == lacks(resumed)
