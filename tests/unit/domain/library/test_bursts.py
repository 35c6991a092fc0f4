"""Captures that hold more than their time: how much, where, and what is said of it."""

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, GrowthMark, Recording
from callrec.domain.library.bursts import LEAST_S, surpluses_s
from callrec.domain.library.captures import Stretch
from callrec.domain.library.missing_time import missing_time
from callrec.domain.library.silences import capture_timeline
from callrec.domain.library.timeline import CaptureTimeline
from callrec.domain.rules import Rule

RATE_HZ, STEP = 8000, 16384
STEP_S = STEP / RATE_HZ


def marks(*late_s: float) -> tuple[GrowthMark, ...]:
    """One for each step of the file; each comes so much later (negative: earlier) than steady writing would have it."""
    return tuple(GrowthMark(nth * STEP, nth * STEP_S + late) for nth, late in enumerate((0.0, *late_s)))


def surpluses(*late_s: float, drift_s: float = 0.0) -> list[float]:
    """Of these marks, and an end that is as late as the last one, to the millisecond."""
    found = surpluses_s(marks(*late_s, late_s[-1]), 0.0, RATE_HZ, lambda _last, _mark: drift_s)
    return [round(one, 3) for one in found[1:-1]]


@pytest.mark.parametrize(
    ("late_s", "found"),
    [
        ((0.0, 0.02, 0.0), [0, 0, 0]),
        ((-0.06, 0.0, -0.06), [0, 0, 0]),
        ((-0.2, -0.4, -0.4), [0.2, 0.4, 0.4]),
        ((-0.2, -0.1, -0.2), [0.2, 0.2, 0.2]),
        ((3.0, 2.8, 3.0), [0, 0, 0]),
        ((-0.2, 3.0, 2.8), [0.2, 0.2, 0.2]),
    ],
    ids=["steady", "packets of 60 ms", "bursts", "a late mark", "a silence, and a late mark", "a burst, and a silence"],
)
def test_what_is_certain_is_counted_and_no_more(late_s: tuple[float, ...], found: list[float]) -> None:
    assert surpluses(*late_s) == found


def test_a_fast_clock_is_no_burst() -> None:
    """0.5 s in a thousand marks: little by little it is explained."""
    fast = [-0.0005 * nth for nth in range(1000)]
    assert set(surpluses(*fast, drift_s=0.001)) == {0.0}
    assert surpluses(*fast)[-1] == pytest.approx(0.5, abs=LEAST_S)


def timeline(end_s: float, *late_s: float, samples: int) -> CaptureTimeline:
    capture = Capture(CaptureId("c-1-1"), LegId("1.1"), "PJSIP/a-1", RATE_HZ, 0.0, end_s, marks=marks(*late_s))
    return capture_timeline(capture, samples, RATE_HZ, ())


def test_a_file_with_bursts_is_as_long_as_its_time() -> None:
    """Each step gives up its own surplus, and the end the rest; what was written before stays as it is. Where in a step there was
    too much nothing tells: by so much a moment in it may stand beside its time."""
    found = timeline(10.0, 0.0, -0.3, -0.6, -0.6, samples=round(10.8 * RATE_HZ))
    assert found.samples == pytest.approx(10.0 * RATE_HZ, abs=RATE_HZ * 0.01)
    assert found.stretches[0] == Stretch(0, STEP, 0, STEP)
    assert [one.surplus_s for one in found.bursts] == pytest.approx([0.3, 0.3], abs=0.01)
    assert (found.gaps, found.exact_s) == ((), pytest.approx(0.3, abs=0.01))


def test_an_end_alone_proves_no_burst() -> None:
    """It may be a clock that was set."""
    assert timeline(5.0, 0.0, samples=6 * RATE_HZ).bursts == ()


RECORDING = Recording(RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, 10.0)


@pytest.mark.parametrize(
    ("late_s", "told"),
    [
        ((0.0, -0.3, -0.6, -0.6), [(STEP_S, 3 * STEP_S - 0.6, "late-packets")]),
        ((0.0, -0.2, -0.2, -0.2), []),
        ((0.0, 0.0, 0.0, 0.0), []),
    ],
    ids=["bursts", "one late packet", "steady"],
)
def test_bursts_are_told_with_from_and_to(late_s: tuple[float, ...], told: list[tuple[float, float, str]]) -> None:
    line = timeline(10.0, *late_s, samples=round((10.0 - late_s[-1]) * RATE_HZ))
    capture = Capture(CaptureId("c-1-1"), LegId("1.1"), "PJSIP/a-1", RATE_HZ, 0.0, 10.0)
    found = missing_time(RECORDING, [(capture, line)])
    assert [
        (pytest.approx(one.from_s, abs=0.01), pytest.approx(one.to_s, abs=0.01), one.cause) for one in found
    ] == told
