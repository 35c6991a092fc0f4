"""What a recording says of the time in which its participants wait."""

import pytest
from test_session import ANN, BOB, CEM, FLAGGED, T1, Call, leg

from callrec.domain.calls.commands import Write
from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureQuiet,
    HoldChanged,
    LegAppeared,
    LegBridged,
    LegGone,
    LegParked,
    LegUnbridged,
    MusicChanged,
    Wait,
)
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Direction, Instant, Waiting, WaitingKind
from callrec.domain.calls.session import Session, State

A, B = LegId("a"), LegId("b")


def always() -> Call:
    """FLAGGED has called BOB; recorded since 1000, and it is 1002."""
    return Call().recorded(FLAGGED, BOB)


def waits(call: Call) -> list[tuple[float, float | None, str]]:
    """As tuples."""
    return [(one.from_s, one.to_s, one.kind.value) for one in call.recording.waiting]


def part(call: Call, *legs: str) -> None:
    """They leave the bridge, and live on."""
    call.on(*(LegUnbridged(BridgeId("b"), LegId(one)) for one in legs))


def test_a_hold_is_a_wait_and_neither_alarm_nor_new_take() -> None:
    """15 s without music were *partial*, with two alarms and three takes."""
    call = always()
    assert ["changed c-1-1"] == call.on(HoldChanged(B, holds_others=True))
    assert [] == call.later(10).on(CaptureQuiet(T1))
    assert ["changed c-1-1"] == call.later(5).on(HoldChanged(B, holds_others=False))
    assert State.RECORDING is call.state
    assert [(1_002.0, 1_017.0, "hold")] == waits(call)


def test_a_take_that_is_quiet_without_a_hold_is_examined() -> None:
    """Only by what is sent it is known whether its recorder is dead."""
    call = always()
    call.commands = []
    assert "examine c-1-1" in call.on(CaptureQuiet(T1))
    assert [] == call.on(CaptureQuiet(CEM.id))  # type: ignore[arg-type]  # another capture's


def test_a_hold_right_after_the_answer_keeps_the_growth_waiting() -> None:
    call = Call()
    call.talk(FLAGGED, BOB)
    call.seen()
    call.on(HoldChanged(B, holds_others=True))
    assert ["wait growth c-1-1"] == call.later(6).passed(Wait.GROWTH)
    assert State.OPENED is call.state


def test_who_holds_ends_it_by_leaving() -> None:
    """And what waits at the end of a recording waits to its end."""
    call = always()
    call.on(HoldChanged(B, holds_others=True))
    call.later(3).on(LegGone(B))
    assert [(1_002.0, None, "hold")] == waits(call), "nothing tells of another reason"
    call.later(4).gone("a")
    call.closed()
    assert (Waiting(1_002.0, 1_009.0, WaitingKind.HOLD),) == call.handed[0].waiting


def test_a_target_that_rings() -> None:
    """A blind transfer: from the end of the first conversation to the answer."""
    call = always()
    part(call, "b", "a")
    call.gone("b")
    call.later(0.5).on(LegAppeared(leg("c", CEM)))
    assert [(1_002.0, None, "ringing")] == waits(call)
    call.later(4).on(LegBridged(BridgeId("b2"), leg("a", FLAGGED, Direction.OUT)))
    call.on(LegBridged(BridgeId("b2"), leg("c", CEM), 8000))
    assert [(1_002.0, 1_006.5, "ringing")] == waits(call)


def test_a_parked_caller_and_what_comes_then() -> None:
    call = always()
    part(call, "b", "a")
    call.on(LegParked(A))
    call.on(MusicChanged(A, plays=True))
    call.later(20).on(LegUnbridged(BridgeId("parking"), A))
    call.on(MusicChanged(A, plays=False))
    call.bridge(leg("a", FLAGGED, Direction.OUT), leg("c", CEM), bridge="b2")
    assert [(1_002.0, 1_022.0, "parked")] == waits(call)


def test_a_queues_second_round() -> None:
    """Music, and then the next agent's phone rings."""
    call = always()
    part(call, "b", "a")
    call.gone("b")
    call.on(MusicChanged(A, plays=True))
    call.later(6).on(MusicChanged(A, plays=False), LegAppeared(leg("c", CEM)))
    call.later(3).bridge(leg("a", FLAGGED, Direction.OUT), leg("c", CEM), bridge="b2")
    assert [(1_002.0, 1_008.0, "music"), (1_008.0, 1_011.0, "ringing")] == waits(call)


def test_a_wait_of_which_nothing_was_told_is_a_ringing_and_the_way_between_bridges_is_none() -> None:
    call = always()
    part(call, "b", "a")
    call.later(0.1).talk(FLAGGED, BOB)
    assert [] == waits(call)
    part(call, "b", "a")
    call.later(2).talk(FLAGGED, BOB)
    assert [(1_002.1, 1_004.1, "ringing")] == [(round(a, 3), round(b or 0, 3), kind) for a, b, kind in waits(call)]


def test_a_leg_that_is_alone_at_the_end_waits_for_nothing() -> None:
    """The dialplan goes on with it: that is no ringing."""
    call = always()
    part(call, "b", "a")
    call.gone("b")
    call.later(30).gone("a")
    call.closed()
    assert () == call.handed[0].waiting


def test_without_a_recording_nothing_is_noted() -> None:
    call = Call()
    call.talk(ANN, BOB)
    assert [] == call.on(HoldChanged(B, holds_others=True), MusicChanged(A, plays=True))
    assert call.session.alone_s is None
    call.press()
    assert [(1_000.0, None, "music")] == waits(call), "it begins in a hold"


def test_who_holds_one_and_talks_with_another_talks() -> None:
    """`*2` by the recorded user: the whole consultation was a hold, in which nothing could be missing and no leg be deaf."""
    call = always()
    call.on(HoldChanged(A, holds_others=True))
    part(call.later(5), "a")
    call.later(1).bridge(leg("a", FLAGGED, Direction.OUT), leg("c", CEM), bridge="b2")
    assert not call.recording.is_waiting
    assert call.recording.waiting[0].from_s == 1_002.0
    assert call.recording.waiting[-1].to_s == 1_008.0


def test_of_three_one_who_holds_lets_two_talk_on() -> None:
    """It was a hold, and excused whatever the file lacks of what the two others say meanwhile."""
    call = always()
    call.bridge(leg("c", CEM))
    assert [] == call.on(HoldChanged(B, holds_others=True))
    call.later(5).on(HoldChanged(LegId("c"), holds_others=True))
    assert [(1_007.0, None, "hold")] == waits(call)


def test_a_hold_in_which_the_recorded_leg_hears_music_is_one_that_its_recorder_writes() -> None:
    """Told in either order; the music of another leg is none that it hears."""
    call = always()
    call.on(HoldChanged(B, holds_others=True), MusicChanged(A, plays=True))
    call.later(5).on(MusicChanged(A, plays=False), HoldChanged(B, holds_others=False))
    call.later(5).on(HoldChanged(A, holds_others=True), MusicChanged(B, plays=True))
    assert [(1_002.0, 1_007.0, "music"), (1_012.0, None, "hold")] == waits(call)


def test_a_hold_is_in_the_journal_when_it_begins() -> None:
    """A daemon that dies in it goes on with it."""
    call = always()
    call.on(HoldChanged(B, holds_others=True))
    (write,) = [one for one in call.commands if isinstance(one, Write)]
    assert write.entry.step is Step.CHANGED
    assert write.entry.recording.is_waiting


@pytest.mark.parametrize("step_s", [-300.0, -3_600.0, 7_200.0])
def test_a_clock_that_is_set_changes_no_length(step_s: float) -> None:
    """Back by 300 s it was *sound* with an end before its start; by 3,600 s *failed*; forward by two hours *partial*."""
    call = always()
    call.now = Instant(call.now.utc_s + step_s, call.now.mono_s)
    call.on(HoldChanged(B, holds_others=True))
    call.later(5).on(HoldChanged(B, holds_others=False))
    call.later(5).gone("a", "b")
    call.closed()
    (recording,) = call.handed
    assert (1_000.0, 1_012.0) == (recording.from_s, recording.to_s)
    assert (Waiting(1_002.0, 1_007.0, WaitingKind.HOLD),) == recording.waiting
    assert [(1_000.0, 1_012.0)] == [(capture.from_s, capture.to_s) for capture in recording.captures]
    assert {1_012.0} == {party.to_s for party in recording.parties}


def test_a_daemon_that_is_restarted_counts_on_from_the_same_moment() -> None:
    """Though the clock was set while it was away. What older versions wrote has no such moment: it counts from now."""
    before = always()
    call = Call(session=Session.resume(before.recording, before.session.terms))
    call.now = Instant(before.now.utc_s - 3_600, before.now.mono_s + 8)
    call.talk(FLAGGED, BOB)
    call.later(1).gone("a", "b")
    call.closed()
    assert 1_011.0 == call.handed[0].to_s


def test_an_answer_that_is_heard_of_late_began_when_it_was() -> None:
    """The daemon was stopped for 5 s: the recording begins with the answer, its capture when it could."""
    call = Call()
    call.on(LegAppeared(leg("a", FLAGGED, Direction.OUT)), LegAppeared(leg("b", BOB)))
    call.later(5)
    call.on(LegBridged(BridgeId("b"), leg("a", FLAGGED, Direction.OUT), 8000), at_mono_s=call.now.mono_s - 5)
    call.on(LegBridged(BridgeId("b"), leg("b", BOB)), at_mono_s=call.now.mono_s - 5)
    assert 1_000.0 == call.recording.from_s
    assert [1_005.0] == [capture.from_s for capture in call.recording.captures]
    assert {1_000.0} == {party.from_s for party in call.recording.parties}


def test_files_that_are_seen_closed_late_were_closed_when_they_were() -> None:
    """A daemon that was stopped at the end adds nothing to the capture's time."""
    call = always()
    call.later(10).gone("a", "b")
    other = always()
    other.later(10).on(CaptureClosed(T1, ago_s=4.0))
    assert 1_008.0 == other.recording.captures[0].to_s
    call.later(2).closed()
    assert [1_012.0] == [capture.to_s for capture in call.handed[0].captures], (
        "with its leg, whenever Asterisk closed it"
    )


def test_a_hangup_that_nobody_told_was_when_the_files_were_closed() -> None:
    """The link was down meanwhile: nothing was said from then on, so nothing of it is missing."""
    call = always()
    call.later(5).closed()
    call.later(8).on(LegGone(A, is_unseen=True), LegGone(B, is_unseen=True))
    (recording,) = call.handed
    assert (1_007.0, 1_007.0) == (recording.to_s, recording.captures[0].to_s)
    assert {1_007.0} == {party.to_s for party in recording.parties}
    other = always()
    other.later(5).on(LegGone(B, is_unseen=True))
    assert {1_007.0, None} == {party.to_s for party in other.session.parties}, "as far as is known, now"
