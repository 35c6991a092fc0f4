"""What is drawn of a recording, and when there is a voice."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.library.waveform import FRAME_S, Waveform, spoken


def waveform(*points: tuple[int, int, int, int], samples: int | None = None) -> Waveform:
    peaks = struct.pack(f"{4 * len(points)}b", *(peak for point in points for peak in point))
    return Waveform("d" * 64, 8000, len(points) * 400 if samples is None else samples, 2, peaks)


def test_a_side_has_its_own_peaks() -> None:
    drawn = waveform((-1, 2, -3, 4), (-5, 6, -7, 8))
    assert (drawn.points, drawn.samples_per_point, drawn.length_s) == (2, 400, 0.1)
    assert drawn.side(0, 100) == [-1, 2, -5, 6]
    assert drawn.side(1, 100) == [-3, 4, -7, 8]


def test_fewer_points_keep_the_lowest_and_the_highest() -> None:
    drawn = waveform(*((-nth, nth, 0, 0) for nth in range(10)))
    assert drawn.side(0, 5) == [-1, 1, -3, 3, -5, 5, -7, 7, -9, 9]
    assert drawn.side(0, 4) == [-2, 2, -5, 5, -8, 8, -9, 9]
    assert drawn.side(0, 1) == [-9, 9]


def test_a_last_point_stands_for_fewer_samples_and_an_empty_file_has_none() -> None:
    assert waveform((0, 0, 0, 0), samples=1).points == 1
    assert (waveform().points, waveform().side(0, 10)) == (0, [])


def frames(text: str) -> list[bool]:
    return [letter == "x" for letter in text]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ()),
        ("......", ()),
        ("xxxxx", ((0.0, 0.15),)),
        ("..xxx..", ((0.06, 0.15),)),
        ("..xx...", ()),
        ("xxx" + 10 * "." + "xxx", ((0.0, 0.48),)),
        ("xxx" + 11 * "." + "xxx", ((0.0, 0.09), (0.42, 0.51))),
        ("x.x..", ((0.0, 0.09),)),
    ],
)
def test_short_pauses_belong_to_what_is_said_and_short_sounds_are_no_voice(said, expected) -> None:
    assert spoken(frames(said), len(said) * FRAME_S) == expected


def test_nothing_is_said_after_the_end() -> None:
    assert spoken(frames("xxxx"), 0.1) == ((0.0, 0.1),)


@given(st.text("x.", max_size=200))
def test_spans_are_apart_and_inside(said) -> None:
    length_s = len(said) * FRAME_S
    found = spoken(frames(said), length_s)
    edges = [edge for span in found for edge in span]
    assert edges == sorted(set(edges))
    assert all(0 <= edge <= length_s + 1e-3 for edge in edges)
