"""What the samples around a shortfall tell of its place. In samples of 8 kHz."""

import pytest

from callrec.domain.calls.model import RtpGap
from callrec.domain.library.gap_places import around, shown
from callrec.domain.library.timeline import Doubt

RATE_HZ, STEP = 8000, 16384
FRAME = 160
DOUBT = Doubt(2 * STEP, 3 * STEP, 1004.0, 0.5)
INSIDE = 2 * STEP + 8000


@pytest.mark.parametrize(
    ("says", "hears", "at_s"),
    [
        pytest.param([(INSIDE - FRAME, INSIDE)], [], 1005.0, id="one side stopped a frame before the other"),
        pytest.param([], [(INSIDE - FRAME, INSIDE)], 1005.0, id="the other one did"),
        pytest.param(
            [(INSIDE - FRAME, INSIDE)], [(INSIDE, INSIDE + 2 * FRAME)], 1005.0, id="the first to stop began first"
        ),
        pytest.param([(INSIDE - FRAME, INSIDE), (0, STEP)], [], 1005.0, id="a long silence is the phone's own"),
        pytest.param([(INSIDE - FRAME, INSIDE), (INSIDE + 8000, INSIDE + 8160)], [], None, id="two spots"),
        pytest.param([(STEP, STEP + FRAME)], [], None, id="in the step before"),
        pytest.param([(INSIDE - 2000, INSIDE)], [], None, id="a quarter of a second: somewhere in it"),
        pytest.param([], [], None, id="none: both stopped at once"),
    ],
)
def test_one_spot_tells_when_nothing_was_written(
    says: list[tuple[int, int]], hears: list[tuple[int, int]], at_s: float | None
) -> None:
    found = shown(DOUBT, [says, hears], RATE_HZ)
    assert found == (None if at_s is None else RtpGap(at_s, at_s + 0.5, at_s, at_s + 0.5))


@pytest.mark.parametrize(
    ("further", "is_shown"),
    [
        pytest.param([], True, id="its one spot"),
        pytest.param([(4 * STEP + 2000, 4 * STEP + 2160)], False, id="one of two"),
        pytest.param([(STEP + 9000, STEP + 9160)], False, id="another in the step before"),
    ],
)
def test_the_one_spot_of_another_shortfall_near_by_is_not_the_way_of_the_phone(
    further: list[tuple[int, int]], is_shown: bool
) -> None:
    other = Doubt(4 * STEP, 5 * STEP, 1009.0, 0.4)
    spots = [(INSIDE - FRAME, INSIDE), (4 * STEP + 500, 4 * STEP + 660), *further]
    assert (shown(DOUBT, [spots, []], RATE_HZ, (DOUBT, other)) is not None) is is_shown


def test_silences_are_looked_for_in_the_steps_around_but_not_in_a_recorders_first_packets() -> None:
    assert around(DOUBT, RATE_HZ) == (2 * STEP - 2 * RATE_HZ, 3 * STEP + 2 * RATE_HZ)
    assert around(Doubt(0, STEP, 1000.0, 0.8), RATE_HZ) == (800, STEP + 2 * RATE_HZ)
