"""What is missing of a recording's time: due, less what was captured, less waits and pauses."""

from dataclasses import replace

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    POLICY,
    Capture,
    GrowthMark,
    Missing,
    Party,
    Pause,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.library.missing_time import conversation_end_s, missing_time, unwritten
from callrec.domain.library.silences import capture_timeline
from callrec.domain.library.timeline import CaptureTimeline
from callrec.domain.rules import Rule


def capture(from_s: float, to_s: float | None, cause: str = "") -> Capture:
    return Capture(CaptureId("c-1-1"), LegId("1.1"), "PJSIP/a-1", 8000, from_s, to_s, cause=cause)


def recording(from_s: float = 0.0, to_s: float | None = 10.0) -> Recording:
    return Recording(RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, from_s, to_s)


def wait(from_s: float, to_s: float | None, kind: WaitingKind = WaitingKind.HOLD) -> Waiting:
    return Waiting(from_s, to_s, kind)


def told(of: Recording, *audible: tuple[Capture, float]) -> list[tuple[float, float, str]]:
    """As tuples, to the millisecond."""
    return [(round(one.from_s, 3), round(one.to_s, 3), one.cause) for one in missing_time(of, laid(of, *audible))]


def laid(of: Recording, *audible: tuple[Capture, float]) -> list[tuple[Capture, CaptureTimeline]]:
    """Each capture with the time line of so many seconds."""
    waits, end_s = unwritten(of), conversation_end_s(of)
    ended = (replace(one, to_s=end_s if one.to_s is None else one.to_s) for one, _ in audible)
    return [
        (one, capture_timeline(until, round(length_s * 8000), 8000, waits))
        for (one, length_s), until in zip(audible, ended, strict=True)
    ]


def test_two_seconds_in_which_neither_phone_sends() -> None:
    """A call of 10.0 s with 8.0 s of file was *sound*, its second half two seconds early."""
    assert told(recording(), (capture(0, 10), 8.0)) == [(4.0, 6.0, "timeline")]


@pytest.mark.parametrize(("lost_s", "found"), [(0.09, []), (0.125, [(3.072, 3.197, "timeline")])])
def test_more_than_100_ms_are_told(lost_s: float, found: list[tuple[float, float, str]]) -> None:
    marks = (GrowthMark(0, 0.0), GrowthMark(16384, 2.048), GrowthMark(32768, 4.096 + lost_s))
    assert told(recording(), (replace(capture(0, 10), marks=marks), 10 - lost_s)) == found


@pytest.mark.parametrize(("length_s", "found"), [(9.8, []), (9.75, [(4.875, 5.125, "timeline")]), (10.5, [])])
def test_a_phone_that_sends_nothing_while_it_hangs_up_lacks_nothing(
    length_s: float, found: list[tuple[float, float, str]]
) -> None:
    """Up to 200 ms; a file may be longer than its time."""
    assert told(recording(), (capture(0, 10), length_s)) == found


def test_a_recorder_that_begins_late_counts_to_the_start() -> None:
    """Asked for at the answer, seen 0.3 s later."""
    late = replace(capture(0.1, 10), marks=(GrowthMark(0, 0.3),))
    assert told(recording(), (late, 9.7)) == [(0.0, 0.3, "late-start")]


def test_what_is_lost_here_and_there_is_counted_together() -> None:
    """60 ms before the first capture, and 60 ms before the second."""
    two = [(capture(0.06, 5), 4.94), (capture(5.06, 10), 4.94)]
    assert told(recording(), *two) == [(0.0, 0.06, "late-start"), (5.0, 5.06, "gap")]
    assert told(recording(), *two[:1], (capture(5.03, 10), 4.97)) == []


def test_crystals_that_run_apart_are_no_loss() -> None:
    """100 ppm of an hour beside the 100 ms, and no more."""
    assert told(recording(to_s=3600.0), (capture(0, 3600), 3599.55)) == []
    assert told(recording(to_s=3600.0), (capture(0, 3600), 3599.5)) == [(1799.75, 1800.25, "timeline")]


def test_from_the_answer_to_the_start() -> None:
    """5.0 s between the answer and a daemon that could not hear of it were told by nobody."""
    assert told(recording(), (capture(5, 10), 5.0)) == [(0.0, 5.0, "late-start")]


def test_a_hold_without_music_is_no_loss() -> None:
    """15 s of hold in a call of 30 s: the file holds the other 15."""
    held = replace(recording(to_s=30.0), waiting=(wait(10, 25),))
    assert told(held, (capture(0, 30), 15.0)) == []
    assert told(held, (capture(0, 30), 14.0)) == [(25.0, 26.0, "timeline")]
    assert told(held, (capture(0, 30), 30.0)) == [], "the held one went on to speak"


def test_a_hold_with_music_hides_no_loss() -> None:
    """2 s were lost somewhere else in the file, 15 s of music are in it: it was *sound*."""
    held = replace(recording(to_s=30.0), waiting=(wait(10, 25, WaitingKind.MUSIC),))
    assert told(held, (capture(0, 30), 30.0)) == []
    assert told(held, (capture(0, 30), 28.0)) == [(14.0, 16.0, "timeline")]


def test_a_pause_hides_no_loss() -> None:
    """The recorder writes silence: a pause of 10 s with 10 s of silence says nothing of the 2 s that are lost. It was *sound*."""
    paused = replace(recording(to_s=30.0), pauses=(Pause(10, 20),))
    assert told(paused, (capture(0, 30), 30.0)) == []
    assert told(paused, (capture(0, 30), 28.0)) == [(14.0, 16.0, "timeline")]
    assert told(paused, (capture(0, 10), 10.0), (capture(20, 30), 10.0)) == [], (
        "a recorder that could not be muted was stopped"
    )


def test_a_target_that_rings_between_two_takes_is_no_loss() -> None:
    rung = replace(recording(to_s=20.0), waiting=(wait(5, 9, WaitingKind.RINGING),))
    assert told(rung, (capture(0, 5), 5.0), (capture(9.1, 20), 10.9)) == []
    assert told(rung, (capture(0, 5), 5.0), (capture(10, 20), 10.0)) == [(9.0, 10.0, "gap")]
    assert told(rung, (capture(0, 4.5), 4.5), (capture(9, 20), 11.0)) == [(4.5, 5.0, "gap")]


def test_a_gap_around_a_wait_is_two_pieces() -> None:
    rung = replace(recording(to_s=20.0), waiting=(wait(6, 8, WaitingKind.MUSIC),))
    assert told(rung, (capture(0, 5), 5.0), (capture(10, 20), 10.0)) == [(5.0, 6.0, "gap"), (8.0, 10.0, "gap")]


def test_waits_that_overlap_are_counted_once() -> None:
    paused = replace(recording(), pauses=(Pause(2, 4),), waiting=(wait(4, 8), wait(5, 7)))
    assert told(paused, (capture(0, 10), 6.0)) == []
    assert told(paused, (capture(0, 10), 5.5)) == [(8.0, 8.5, "timeline")]
    assert told(paused, (capture(0, 2), 2.0), (capture(8, 10), 2.0)) == []


def test_what_still_waits_at_the_end_waits_to_the_end() -> None:
    assert told(replace(recording(), waiting=(wait(4, None),)), (capture(0, 10), 4.0)) == []


def test_a_takes_own_cause_explains_what_it_lacks_and_what_follows() -> None:
    died = capture(0, 6, "asterisk-died")
    assert told(recording(), (died, 4.0)) == [(4.0, 6.0, "asterisk-died"), (6.0, 10.0, "asterisk-died")]


def test_a_leg_that_is_alone_at_the_end_has_nobody_to_hear() -> None:
    """The dialplan goes on after the other has hung up."""
    left = tuple(Party(LegId(name), None, "", "", 0.0, to_s) for name, to_s in (("a", 6.0), ("b", 6.1)))
    assert told(replace(recording(), parties=left), (capture(0, 10), 6.0)) == []
    assert told(replace(recording(), parties=left), (capture(0, 10), 5.0)) == [(2.5, 3.6, "timeline")]
    assert told(replace(recording(), parties=(left[0], replace(left[1], to_s=None))), (capture(0, 10), 6.0)) != []


def test_ends_that_are_not_known_are_those_of_what_is() -> None:
    assert told(recording(to_s=None), (capture(0, 10), 10.0)) == []
    assert told(recording(to_s=10.0), (capture(0, None), 9.0)) == [(4.5, 5.5, "timeline")]
    assert told(replace(recording(to_s=None), captures=(capture(0, 12),)), (capture(0, 12), 10.0)) == [
        (5.0, 7.0, "timeline")
    ]


def test_both_sides_lack_it() -> None:
    assert missing_time(recording(), laid(recording(), (capture(0, 10), 8.0))) == (Missing(4.0, 6.0, "timeline"),)


@pytest.mark.parametrize("cause", ["no-decoder: g729", "t38"])
def test_what_no_recorder_could_hear_is_one_piece_with_its_cause(cause: str) -> None:
    """The first capture was stopped some seconds after its last sample, the next one began later."""
    before, after = capture(0, 6.0, cause), capture(8.0, 10.0)
    assert told(recording(), (before, 4.0), (after, 2.0)) == [(4.0, 8.0, cause)]


@pytest.mark.parametrize(
    ("cause", "told_cause"),
    [("no-decoder: g729", "no-decoder: g729"), ("file-not-opened", "late-start"), ("", "late-start")],
)
def test_a_call_that_could_not_be_heard_at_first_did_not_start_late(cause: str, told_cause: str) -> None:
    first, heard = capture(0, 0.01, cause), capture(3.0, 10.0)
    of = replace(recording(), captures=(first, heard))
    assert told(of, (heard, 7.0)) == [(0.0, 3.0, told_cause)]


def test_a_gap_between_two_captures_is_told_however_long_the_call_is() -> None:
    """In two hours 0.7 s of it counted as the drift of a phone's clock: only what files lack may be that."""
    of = recording(to_s=7200.0)
    assert told(of, (capture(0, 3600), 3600.0), (capture(3600.7, 7200), 3599.3)) == [(3600.0, 3600.7, "gap")]
    assert told(of, (capture(0, 3600), 3600.0), (capture(3600.0, 7200), 3599.3)) == []
    assert told(of, (capture(0.3, 7200), 7199.7)) == [(0.0, 0.3, "late-start")]
