"""What is missing of a recording's time: due, less what was captured, less waits and pauses."""

from dataclasses import replace

import pytest

from callrec.domain.accounting import missing_time
from callrec.domain.model import (
    POLICY,
    CallId,
    Interval,
    LegId,
    Missing,
    NodeId,
    Party,
    Recording,
    RecordingId,
    Take,
    TakeId,
    Waiting,
    WaitingKind,
)
from callrec.domain.provisioning.model import Rule


def take(from_s: float, to_s: float | None, cause: str = "") -> Take:
    return Take(TakeId("c-1-1"), LegId("1.1"), "PJSIP/a-1", 8000, from_s, to_s, cause=cause)


def recording(from_s: float = 0.0, to_s: float | None = 10.0) -> Recording:
    return Recording(RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, from_s, to_s)


def wait(from_s: float, to_s: float | None, kind: WaitingKind = WaitingKind.HOLD) -> Waiting:
    return Waiting(from_s, to_s, kind)


def told(of: Recording, *audible: tuple[Take, float]) -> list[tuple[float, float, str]]:
    """As tuples, to the millisecond."""
    return [(round(one.from_s, 3), round(one.to_s, 3), one.cause) for one in missing_time(of, audible)]


def test_two_seconds_in_which_neither_phone_sends() -> None:
    """A call of 10.0 s with 8.0 s of file was *sound*, its second half two seconds early."""
    assert told(recording(), (take(0, 10), 8.0)) == [(8.0, 10.0, "timeline")]


@pytest.mark.parametrize(("length_s", "found"), [(9.8, []), (9.79, [(9.79, 10.0, "timeline")]), (10.5, [])])
def test_more_than_200_ms_are_told(length_s: float, found: list[tuple[float, float, str]]) -> None:
    assert told(recording(), (take(0, 10), length_s)) == found


def test_crystals_that_run_apart_are_no_loss() -> None:
    """100 ppm of an hour beside the 200 ms, and no more."""
    assert told(recording(to_s=3600.0), (take(0, 3600), 3599.45)) == []
    assert told(recording(to_s=3600.0), (take(0, 3600), 3599.4)) == [(3599.4, 3600.0, "timeline")]


def test_from_the_answer_to_the_start() -> None:
    """5.0 s between the answer and a daemon that could not hear of it were told by nobody."""
    assert told(recording(), (take(5, 10), 5.0)) == [(0.0, 5.0, "late-start")]


def test_a_hold_without_music_is_no_loss() -> None:
    """15 s of hold in a call of 30 s: the file holds the other 15."""
    held = replace(recording(to_s=30.0), waiting=(wait(10, 25),))
    assert told(held, (take(0, 30), 15.0)) == []
    assert told(held, (take(0, 30), 14.0)) == [(29.0, 30.0, "timeline")]
    assert told(held, (take(0, 30), 30.0)) == [], "the held one went on to speak"


def test_a_hold_with_music_hides_no_loss() -> None:
    """2 s were lost somewhere else in the file, 15 s of music are in it: it was *sound*."""
    held = replace(recording(to_s=30.0), waiting=(wait(10, 25, WaitingKind.MUSIC),))
    assert told(held, (take(0, 30), 30.0)) == []
    assert told(held, (take(0, 30), 28.0)) == [(28.0, 30.0, "timeline")]


def test_a_pause_hides_no_loss() -> None:
    """The recorder writes silence: a pause of 10 s with 10 s of silence says nothing of the 2 s that are lost. It was *sound*."""
    paused = replace(recording(to_s=30.0), pauses=(Interval(10, 20),))
    assert told(paused, (take(0, 30), 30.0)) == []
    assert told(paused, (take(0, 30), 28.0)) == [(28.0, 30.0, "timeline")]
    assert told(paused, (take(0, 10), 10.0), (take(20, 30), 10.0)) == [], (
        "a recorder that could not be muted was stopped"
    )


def test_a_target_that_rings_between_two_takes_is_no_loss() -> None:
    rung = replace(recording(to_s=20.0), waiting=(wait(5, 9, WaitingKind.RINGING),))
    assert told(rung, (take(0, 5), 5.0), (take(9.1, 20), 10.9)) == []
    assert told(rung, (take(0, 5), 5.0), (take(10, 20), 10.0)) == [(9.0, 10.0, "gap")]
    assert told(rung, (take(0, 4.5), 4.5), (take(9, 20), 11.0)) == [(4.5, 5.0, "gap")]


def test_a_gap_around_a_wait_is_two_pieces() -> None:
    rung = replace(recording(to_s=20.0), waiting=(wait(6, 8, WaitingKind.MUSIC),))
    assert told(rung, (take(0, 5), 5.0), (take(10, 20), 10.0)) == [(5.0, 6.0, "gap"), (8.0, 10.0, "gap")]


def test_waits_that_overlap_are_counted_once() -> None:
    paused = replace(recording(), pauses=(Interval(2, 4),), waiting=(wait(4, 8), wait(5, 7)))
    assert told(paused, (take(0, 10), 6.0)) == []
    assert told(paused, (take(0, 10), 5.5)) == [(9.5, 10.0, "timeline")]
    assert told(paused, (take(0, 2), 2.0), (take(8, 10), 2.0)) == []


def test_what_still_waits_at_the_end_waits_to_the_end() -> None:
    assert told(replace(recording(), waiting=(wait(4, None),)), (take(0, 10), 4.0)) == []


def test_a_takes_own_cause_explains_what_it_lacks_and_what_follows() -> None:
    died = take(0, 6, "asterisk-died")
    assert told(recording(), (died, 4.0)) == [(4.0, 6.0, "asterisk-died"), (6.0, 10.0, "asterisk-died")]


def test_a_leg_that_is_alone_at_the_end_has_nobody_to_hear() -> None:
    """The dialplan goes on after the other has hung up."""
    left = tuple(Party(LegId(name), None, "", "", 0.0, to_s) for name, to_s in (("a", 6.0), ("b", 6.1)))
    assert told(replace(recording(), parties=left), (take(0, 10), 6.0)) == []
    assert told(replace(recording(), parties=left), (take(0, 10), 5.0)) == [(5.0, 6.1, "timeline")]
    assert told(replace(recording(), parties=(left[0], replace(left[1], to_s=None))), (take(0, 10), 6.0)) != []


def test_ends_that_are_not_known_are_those_of_what_is() -> None:
    assert told(recording(to_s=None), (take(0, 10), 10.0)) == []
    assert told(recording(to_s=10.0), (take(0, None), 9.0)) == [(9.0, 10.0, "timeline")]
    assert told(replace(recording(to_s=None), takes=(take(0, 12),)), (take(0, 12), 10.0)) == [(10.0, 12.0, "timeline")]


def test_both_sides_lack_it() -> None:
    assert missing_time(recording(), [(take(0, 10), 8.0)]) == (Missing(8.0, 10.0, "timeline"),)
