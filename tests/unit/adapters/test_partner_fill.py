"""Where a partner capture stands in, and its exact place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.adapters.media.partner_fill import compared, gaps, joined, shift, silent_ranges, without, without_unwritten

MOST = 4000


def noise(samples: int, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.random.default_rng(seed).normal(0, 3000, samples).astype(np.int16)


@given(st.integers(-MOST, MOST))
def test_the_place_is_found_to_the_sample(off: int) -> None:
    """Within half a second of the stamps."""
    voice = noise(16000 + 2 * MOST)
    assert shift(voice, voice[MOST + off : MOST + off + 16000], MOST) == off


def test_of_places_that_fit_alike_the_nearest_is_taken() -> None:
    """A steady tone fits in each of its periods."""
    tone = (8000 * np.sin(2 * np.pi * 1000 * np.arange(24000) / 8000)).astype(np.int16)
    assert shift(tone, tone[MOST + 3 : MOST + 16003], MOST) == 3


@pytest.mark.parametrize(
    ("own", "partner"),
    [(noise(24000), noise(16000, 2)), (np.zeros(24000, np.int16), noise(16000)), (noise(24000), np.zeros(0, np.int16))],
    ids=["another voice", "nobody speaks", "an empty file"],
)
def test_without_proof_the_stamps_count(
    own: np.ndarray[tuple[int], np.dtype[np.int16]], partner: np.ndarray[tuple[int], np.dtype[np.int16]]
) -> None:
    assert shift(own, partner, MOST) == 0


def silences(channel: list[tuple[int, int]], span: tuple[int, int]) -> list[tuple[int, int]]:
    """Of a channel of noise with silence in these ranges, told in two windows."""
    samples = noise(span[1]) | 1
    for start, end in channel:
        samples[start:end] = 0
    middle = (span[0] + span[1]) // 2 // 160 * 160
    windows = iter([(span[0], samples[span[0] : middle]), (middle, samples[middle : span[1]])])
    return silent_ranges(windows, span, 8000)


def test_silence_counts_from_three_tenths_of_a_second_on() -> None:
    """Away from the sound on both sides by three packets, where the same sound may be some packets off."""
    assert silences([(1600, 1600 + 2240), (16000, 32000)], (0, 80000)) == [(16480, 31520)]


def test_silence_at_the_edge_of_the_span_is_taken_whole() -> None:
    assert silences([(0, 8000), (72000, 80000)], (0, 80000)) == [(0, 7520), (72480, 80000)]


def test_music_that_ends_with_a_hold_costs_nothing_of_the_voice_behind_it() -> None:
    """It is still in the file for some packets, and it is not the voice: so the silence behind it is taken whole."""
    assert silences([(480, 8000), (72000, 79200)], (0, 80000)) == [(480, 7520), (72480, 79200)]
    assert silences([(1600, 8000), (72000, 78400)], (0, 80000)) == [(2080, 7520), (72480, 77920)]


def test_what_no_piece_covers() -> None:
    """Overlapping pieces, and one that begins before the span."""
    assert gaps([(50, 80), (0, 30), (70, 90)], (10, 100)) == [(30, 50), (90, 100)]
    assert gaps([(0, 200)], (10, 100)) == []


def test_parts_of_ranges() -> None:
    """What is left of them, and what they are together."""
    assert without([(0, 100), (200, 300)], [(40, 60), (90, 250)]) == [(0, 40), (60, 90), (250, 300)]
    assert without([(0, 100)], []) == [(0, 100)]
    assert joined([(50, 80), (0, 30), (30, 40), (70, 90)]) == [(0, 40), (50, 90)]


@pytest.mark.parametrize(
    ("unwritten", "left"),
    [
        pytest.param([(20000, 24000)], [(0, 40000)], id="deaf before it and behind it"),
        pytest.param([(2000, 4000)], [(0, 40000)], id="deaf since the meeting"),
        pytest.param([(38000, 39000)], [(0, 40000)], id="deaf to the end"),
        pytest.param([(20000, 44000)], [(0, 20000)], id="sound behind it"),
        pytest.param([(20000, 22000), (24000, 26000)], [(0, 20000), (22000, 24000), (26000, 40000)], id="two at once"),
    ],
)
def test_where_nothing_was_written_a_recorder_is_deaf_that_is_so_before_it_and_behind_it(
    unwritten: list[tuple[int, int]], left: list[tuple[int, int]]
) -> None:
    """A second on both sides: no pause in speech."""
    assert without_unwritten([(0, 40000)], unwritten, (0, 40000), 8000) == left


def test_compared_is_a_time_in_which_both_wrote_all_the_time() -> None:
    """The earliest of a second; without one the whole beginning."""
    assert compared([], 100, 8000) == [(100, 32100), (100, 32100)]
    broken = [(4000, 5000), (20000, 21000), (60000, 200000)]
    assert compared(broken, 0, 8000) == [(5000, 20000), (21000, 53000), (0, 32000)]
    assert compared([(0, 200000)], 0, 8000) == [(0, 32000)]
