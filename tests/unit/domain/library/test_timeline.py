"""A time line that is laid: which sample stands where, and what is left of it when something is cut out."""

import pytest

from callrec.domain.library.captures import Stretch
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline, Gap, steady

LINE = CaptureTimeline((Stretch(0, 100, 0, 100), Stretch(100, 300, 150, 100)), (), EXACT_S)
"""50 places of silence in the middle; behind it each second sample is left out."""


@pytest.mark.parametrize(
    ("place", "sample"),
    [(-5, 0), (0, 0), (99, 99), (100, 100), (149, 100), (150, 100), (200, 200), (250, 300), (900, 300)],
)
def test_each_place_has_its_sample(place: int, sample: int) -> None:
    """In silence it is the next one."""
    assert LINE.sample_at(place) == sample


@pytest.mark.parametrize(("sample", "place"), [(0, 0), (99, 99), (100, 150), (200, 200), (299, 249), (300, 250)])
def test_each_sample_has_its_place(sample: int, place: int) -> None:
    """Behind the last it is the end."""
    assert LINE.place_of(sample) == place


@pytest.mark.parametrize(
    ("end", "spans", "stretches"),
    [
        pytest.param(900, [], LINE.stretches, id="nothing"),
        pytest.param(200, [], (Stretch(0, 100, 0, 100), Stretch(100, 200, 150, 50)), id="the end"),
        pytest.param(120, [], (Stretch(0, 100, 0, 100), Stretch(0, 0, 120, 0)), id="an end in silence"),
        pytest.param(-7, [], (Stretch(0, 0, 0, 0),), id="all"),
        pytest.param(
            250,
            [(-20, 10), (240, 300)],
            (Stretch(10, 100, 10, 90), Stretch(100, 280, 150, 90), Stretch(0, 0, 250, 0)),
            id="both edges",
        ),
        pytest.param(250, [(40, 160)], (Stretch(0, 40, 0, 40), Stretch(120, 300, 160, 90)), id="the middle"),
    ],
)
def test_what_is_cut_moves_nothing(end: int, spans: list[tuple[int, int]], stretches: tuple[Stretch, ...]) -> None:
    """The rest stands where it stood, and the file is as long as its time."""
    line = LINE.cut(end, spans)
    assert line.stretches == stretches
    assert line.samples == max(0, min(end, LINE.samples))


def test_only_samples_one_after_another_are_steady() -> None:
    assert steady(100).is_steady
    assert CaptureTimeline((), (), EXACT_S).is_steady
    assert not LINE.is_steady
    assert not CaptureTimeline((Stretch(0, 100, 50, 100),), (), EXACT_S).is_steady


def test_a_gap_is_as_long_as_its_time() -> None:
    assert Gap(10.0, 12.5, is_wait=False).length_s == 2.5
