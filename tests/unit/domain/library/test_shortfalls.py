"""How much of its time a capture lacks, by when its file had which length."""

import pytest

from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture, GrowthMark
from callrec.domain.library.shortfalls import drift_s, is_news, known_marks, offsets_s, surpluses_s

RATE_HZ, STEP = 8000, 16384
BEGAN_S = 1000.0
BEGIN = GrowthMark(0, BEGAN_S)


def capture(to_s: float | None, *marks: GrowthMark) -> Capture:
    return Capture(CaptureId("c-1-1"), LegId("1.1"), "PJSIP/a-1", RATE_HZ, BEGAN_S, to_s, marks=marks)


def mark(at_s: float, samples: int) -> GrowthMark:
    """So many seconds after the beginning the file had so many samples."""
    return GrowthMark(samples, BEGAN_S + at_s)


def test_packets_of_60_ms_are_no_news() -> None:
    """A step is written when the packet that fills it has come, and a packet may be 15 ms late."""
    packet, kept, told = 480, GrowthMark(0, BEGAN_S), 0
    for nth in range(1, 1757):
        packets = -(-nth * STEP // packet)
        mark = GrowthMark(nth * STEP, BEGAN_S + packets * packet / RATE_HZ + 0.015 * (nth % 2))
        told += is_news(kept, mark, RATE_HZ)
    assert told == 0


def test_a_pause_in_writing_is_news() -> None:
    assert is_news(BEGIN, mark(2.5, STEP), RATE_HZ)


@pytest.mark.parametrize(
    ("to_s", "told", "known"),
    [
        (10.0, [], [BEGIN, mark(10.0, 80_000)]),
        (None, [], [BEGIN]),
        (10.0, [mark(0.2, 0), mark(2.0, STEP)], [mark(0.2, 0), mark(2.0, STEP), mark(10.0, 80_000)]),
        (10.0, [mark(-1.0, 0)], [BEGIN, mark(10.0, 80_000)]),
        (10.0, [mark(2.0, STEP), mark(1.9, 2 * STEP), mark(3.0, STEP)], [BEGIN, mark(2.0, STEP), mark(10.0, 80_000)]),
        (10.0, [mark(2.0, 80_000)], [BEGIN, mark(10.0, 80_000)]),
        (10.0, [mark(2.0, STEP), mark(10.2, 2 * STEP)], [BEGIN, mark(2.0, STEP), mark(10.0, 80_000)]),
        (3.0, [mark(2.0, STEP), mark(8.0, 2 * STEP)], [BEGIN, mark(2.0, STEP), mark(8.0, 2 * STEP)]),
    ],
    ids=["none", "no end", "all", "opened before", "out of order", "beyond the file", "late at the end", "clock set"],
)
def test_the_marks_that_are_known_ascend_from_the_beginning_to_the_end(
    to_s: float | None, told: list[GrowthMark], known: list[GrowthMark]
) -> None:
    assert known_marks(capture(None if to_s is None else BEGAN_S + to_s, *told), 80_000) == known


def test_what_a_later_mark_says_bounds_an_earlier_one() -> None:
    """The first step was seen half a second late: nothing was missing."""
    marks = [BEGIN, mark(2.548, STEP), mark(4.096, 2 * STEP)]
    offsets = offsets_s(marks, [0.0] * 3, BEGAN_S, RATE_HZ, [])
    assert offsets == pytest.approx([0.0, 0.0, 0.0], abs=0.002)


def test_a_wait_before_a_mark_is_time_that_was_not_written() -> None:
    marks = [BEGIN, mark(2.048, STEP), mark(9.096, 2 * STEP)]
    offsets = offsets_s(marks, [0.0] * 3, BEGAN_S, RATE_HZ, [(BEGAN_S + 3, BEGAN_S + 8)])
    assert offsets == pytest.approx([0.0, 0.0, 5.0], abs=0.002)


def test_a_bad_clock_is_believed_for_a_short_time_and_a_good_one_for_long() -> None:
    assert drift_s(BEGIN, mark(100, 800_000), RATE_HZ) == pytest.approx(0.05)
    assert drift_s(BEGIN, mark(500, 4_000_000), RATE_HZ) == pytest.approx(0.1)
    assert drift_s(BEGIN, mark(3600, 28_800_000), RATE_HZ) == pytest.approx(0.36)


def test_where_the_beginning_of_the_files_was_not_seen_the_first_mark_is_no_burst() -> None:
    """The dialplan began them, earlier than was known."""
    marks = [BEGIN, mark(1.0, STEP), mark(3.048, 2 * STEP)]
    assert surpluses_s(capture(None, *marks), marks, RATE_HZ)[-1] > 1.0
    assert surpluses_s(capture(None, *marks[1:]), marks, RATE_HZ) == [0.0, 0.0, 0.0]
    assert surpluses_s(capture(None), [BEGIN], RATE_HZ) == [0.0]
