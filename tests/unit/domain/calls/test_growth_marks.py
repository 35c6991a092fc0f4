"""What is known of when a capture's files had which length."""

import pytest
from test_session import BOB, FLAGGED, NEXT, T1, Call, leg

from callrec.domain.calls.events import (
    CaptureClosed,
    CaptureMarked,
    LegBridged,
    LegMeasured,
    LegUnbridged,
    RtpStoodStill,
)
from callrec.domain.calls.ids import BridgeId, CaptureId, LegId
from callrec.domain.calls.model import Quality, RtpGap
from callrec.domain.calls.policy import Terms
from callrec.domain.calls.recordings import MARKS
from callrec.domain.calls.session import Session


def marks(call: Call) -> list[tuple[int, float]]:
    """As tuples."""
    return [(mark.samples, mark.at_s) for mark in call.recording.captures[0].marks]


def test_a_take_is_empty_when_its_files_are_seen() -> None:
    """From there on its time line is counted."""
    call = Call()
    call.talk(FLAGGED, BOB)
    call.later(0.25).seen()
    assert marks(call) == [(0, 1000.25)]


def test_marks_come_late_and_are_not_written_for_themselves() -> None:
    """By the call's own clock, so long ago as they say."""
    call = Call().recorded(FLAGGED, BOB).later(10)
    assert call.on(CaptureMarked(T1, 16384, 7.5), CaptureMarked(T1, 32768, 1.5)) == []
    assert marks(call) == [(0, 1000.0), (16384, 1004.5), (32768, 1010.5)]


def test_a_mark_that_does_not_go_on_from_the_last_is_none() -> None:
    """Two looks at the same step, or a file that was replaced."""
    call = Call().recorded(FLAGGED, BOB).later(10)
    call.on(CaptureMarked(T1, 32768, 1.5), CaptureMarked(T1, 32768, 1.0), CaptureMarked(T1, 16384, 0.5))
    call.on(CaptureMarked(CaptureId("other-1-1"), 99999, 0.0))
    assert marks(call) == [(0, 1000.0), (32768, 1010.5)]


def test_when_no_rtp_came_is_noted_by_the_calls_own_clock() -> None:
    """Monotonic times. What is told again while it lasts stands in place of what was told; of another capture nothing."""
    call = Call().recorded(FLAGGED, BOB).later(10)
    ahead_s = call.now.utc_s - call.now.mono_s
    for gap in (RtpGap(3.0, 4.0), RtpGap(3.0, 5.0, None, 5.1), RtpGap(7.0, 7.5, 6.9, 7.6)):
        assert call.on(RtpStoodStill(T1, gap)) == []
    call.on(RtpStoodStill(CaptureId("other-1-1"), RtpGap(8.0, 9.0)))
    told = [RtpGap(3.0, 5.0, None, 5.1), RtpGap(7.0, 7.5, 6.9, 7.6)]
    assert call.recording.captures[0].rtp_gaps == tuple(
        RtpGap(*(None if at_s is None else at_s + ahead_s for at_s in (gap.from_s, gap.to_s, gap.since_s, gap.until_s)))
        for gap in told
    )


def test_of_too_many_times_without_rtp_the_shortest_gives_way() -> None:
    call = Call().recorded(FLAGGED, BOB).later(2 * MARKS)
    for nth in range(MARKS):
        call.on(RtpStoodStill(T1, RtpGap(nth, nth + (0.5 if nth == 7 else 0.9))))
    call.on(RtpStoodStill(T1, RtpGap(MARKS, MARKS + 0.9)))
    gaps = call.recording.captures[0].rtp_gaps
    assert len(gaps) == MARKS
    assert min(gap.to_s - gap.from_s for gap in gaps) > 0.8


def test_how_well_a_phone_is_received_is_told_with_its_participant() -> None:
    """Of one who left and came back the last presence; of somebody else nothing."""
    call = Call().recorded(FLAGGED, BOB)
    call.on(LegUnbridged(BridgeId("b"), LegId("b")))
    call.later(5).on(LegBridged(BridgeId("b"), leg("b", BOB), 8000))
    call.on(LegMeasured(LegId("b"), Quality(0, 0, 0.0)))
    call.later(10).on(LegMeasured(LegId("b"), Quality(497, 3, 1.5)), LegMeasured(LegId("x"), Quality(1, 1, 1.0)))
    call.gone("a", "b")
    call.closed()
    (recording,) = call.handed
    assert [(party.leg, party.quality) for party in recording.parties] == [
        (LegId("a"), None),
        (LegId("b"), None),
        (LegId("b"), Quality(497, 3, 1.5)),
    ]


@pytest.mark.parametrize(
    ("counted", "told"),
    [
        (Quality(31_900, 900, 3.0), Quality(2_900, 0, 3.0, 20.0)),
        (Quality(31_894, 906, 3.0), Quality(2_894, 6, 3.0, 20.0)),
        (Quality(29_963, 904, 3.0), Quality(963, 4, 3.0, 60.0)),
        (Quality(29_010, 900, 3.0), Quality(10, 0, 3.0, 60.0)),
        (Quality(2_897, 3, 3.0), Quality(2_897, 3, 3.0, 20.0)),
    ],
    ids=["nothing lost", "lost", "packets of 60 ms", "it hardly sends", "counted anew"],
)
def test_what_was_lost_before_a_recording_is_none_of_its_losses(counted: Quality, told: Quality) -> None:
    """After ten minutes of a call somebody presses. How much a packet holds is known from how many came in a time."""
    call = Call().recorded(FLAGGED, BOB)
    call.on(LegMeasured(LegId("b"), Quality(29_000, 900, 3.0)))
    call.later(58).on(LegMeasured(LegId("b"), counted))
    call.gone("a", "b")
    call.closed()
    (recording,) = call.handed
    assert [told] == [party.quality for party in recording.parties if party.leg == LegId("b")]


def test_what_one_recording_has_lost_is_told_of_no_other() -> None:
    """A press ends a bad one, the next press begins a good one before its files are closed; and the other way round."""
    for lost, lost_then in ((2_000, 0), (0, 400)):
        call = Call().recorded()
        call.on(LegMeasured(LegId("b"), Quality(0, 0, 3.0)))
        call.later(100).on(LegMeasured(LegId("b"), Quality(5_000 - lost, lost, 3.0)))
        call.press()
        call.later(1.5).press()
        call.seen(NEXT)
        call.on(LegMeasured(LegId("b"), Quality(5_000 - lost, lost, 3.0)))
        call.later(100).on(LegMeasured(LegId("b"), Quality(10_000 - lost - lost_then, lost + lost_then, 3.0)))
        call.closed()
        former = call.handed
        call.gone("a", "b")
        call.closed(NEXT)
        found = [[one.quality.lost for one in each.parties if one.quality] for each in (*former, *call.handed)]
        assert found == [[lost], [lost_then]]


def test_what_is_counted_behind_the_end_of_a_call_is_told_too() -> None:
    """Its files are not closed yet."""
    call = Call().recorded()
    call.on(LegMeasured(LegId("b"), Quality(0, 0, 3.0)))
    call.later(100).gone("a", "b")
    call.on(LegMeasured(LegId("b"), Quality(4_000, 1_000, 3.0)))
    call.closed()
    assert [one.quality.lost for one in call.handed[0].parties if one.quality] == [1_000]


def test_a_recording_that_was_not_counted_yet_has_not_the_counts_of_the_former() -> None:
    call = Call().recorded()
    call.on(LegMeasured(LegId("b"), Quality(0, 0, 3.0)))
    call.later(100).on(LegMeasured(LegId("b"), Quality(4_000, 1_000, 3.0)))
    call.press()
    call.closed()
    call.later(5).press()
    call.gone("a", "b")
    call.closed(NEXT)
    assert {one.quality for one in call.handed[0].parties} == {None}


def test_after_a_restart_all_that_was_counted_is_told() -> None:
    """What had been counted before the recording is not known any more."""
    call = Call().recorded(FLAGGED, BOB).later(100)
    call.session = Session.resume(call.recording, Terms())
    call.on(LegMeasured(LegId("b"), Quality(4_900, 100, 3.0)))
    assert [Quality(4_900, 100, 3.0, 20.4)] == [
        party.quality for party in call.session.parties if party.leg == LegId("b")
    ]


def test_the_last_mark_comes_after_the_end_of_the_call() -> None:
    """With the closing of the files: it is in what is handed over."""
    call = Call().recorded(FLAGGED, BOB).later(10)
    call.gone("a", "b")
    call.on(CaptureMarked(T1, 65536, 1.0), CaptureClosed(T1))
    (recording,) = call.handed
    assert [mark.samples for mark in recording.captures[0].marks] == [0, 65536]


def test_marks_are_bounded() -> None:
    """Of too many those give way that tell least: both ends are known, and the two between which a minute was not written."""
    call = Call().recorded(FLAGGED, BOB)
    for nth in range(1, MARKS + 10):
        call.later(60.0 if nth == MARKS else 2.0 + 0.1 * (nth % 2)).on(CaptureMarked(T1, nth * 16384, 0.0))
    assert len(marks(call)) == MARKS
    assert {0, *((nth * 16384) for nth in (MARKS - 1, MARKS, MARKS + 9))} <= {samples for samples, _ in marks(call)}
