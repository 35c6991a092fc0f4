"""Samples that hold more than their time: what is left out of them."""

import numpy as np
import pytest

from callrec.adapters.media.squeeze import MOST, RUN, is_crowded, squeezed

VOICE = np.full(1000, 7, np.int16)
SILENCE = np.zeros(400, np.int16)


def joined(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


def test_silence_is_left_out_first_and_of_each_run_the_same_share() -> None:
    crowded = joined(VOICE, SILENCE, VOICE, SILENCE, VOICE)
    found = squeezed(crowded, len(crowded) - 400)
    assert (found == joined(VOICE, SILENCE[:200], VOICE, SILENCE[:200], VOICE)).all()


def test_all_silence_may_go() -> None:
    assert (squeezed(joined(VOICE, SILENCE, VOICE), 2000) == joined(VOICE, VOICE)).all()


@pytest.mark.parametrize("silence", [SILENCE[:0], SILENCE[: RUN - 1], SILENCE])
def test_without_enough_silence_the_voice_gives_way(silence: np.ndarray) -> None:
    assert len(squeezed(joined(VOICE, silence, VOICE), 1500)) == 1500


@pytest.mark.parametrize("places", [1000, 1200])
def test_what_fits_is_left_as_it_is(places: int) -> None:
    assert squeezed(VOICE, places) is VOICE


@pytest.mark.parametrize(
    ("samples", "places", "crowded"),
    [(16384, 15000, True), (16384, 16380, False), (16384, 17000, False), (MOST + 1, MOST // 2, False)],
    ids=["bursts", "a fast clock", "a slow one", "too long to be looked at"],
)
def test_a_clock_that_is_fast_is_no_crowd(samples: int, places: int, crowded: bool) -> None:
    assert is_crowded(samples, places) is crowded
