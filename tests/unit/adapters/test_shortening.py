"""Samples that hold more than their time: what is left out of them."""

import numpy as np
import pytest

from callrec.adapters.media.shortening import MOST, RUN, is_crowded, shortened

VOICE = np.full(1000, 7, np.int16)
SILENCE = np.zeros(400, np.int16)


def joined(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


def test_silence_is_left_out_first_and_of_each_run_the_same_share() -> None:
    crowded = joined(VOICE, SILENCE, VOICE, SILENCE, VOICE)
    found = shortened(crowded, len(crowded) - 400)
    assert (found == joined(VOICE, SILENCE[:200], VOICE, SILENCE[:200], VOICE)).all()


def test_all_silence_may_go() -> None:
    assert (shortened(joined(VOICE, SILENCE, VOICE), 2000) == joined(VOICE, VOICE)).all()


@pytest.mark.parametrize("silence", [SILENCE[:0], SILENCE[: RUN - 1], SILENCE])
def test_without_enough_silence_the_voice_gives_way(silence: np.ndarray) -> None:
    assert len(shortened(joined(VOICE, silence, VOICE), 1500)) == 1500


@pytest.mark.parametrize("hz", [1000, 1150, 317])
@pytest.mark.parametrize("surplus", [1, 100, 376, 1500])
def test_a_voice_keeps_its_pitch(hz: int, surplus: int) -> None:
    """Single samples left out evenly made a tone of 1,000 Hz one of 1,024 Hz for two seconds."""
    voice = (8000 * np.sin(2 * np.pi * hz * np.arange(16384) / 8000)).astype(np.int16)
    found = shortened(voice, len(voice) - surplus)
    assert len(found) == len(voice) - surplus
    for at in range(0, len(found) - 4000, 4000):
        spectrum = np.abs(np.fft.rfft(found[at : at + 4000] * np.hanning(4000)))
        assert abs(np.argmax(spectrum) * 2 - hz) <= 2
    assert np.abs(np.diff(found.astype(np.int64))).max() < 1.1 * 8000 * 2 * np.pi * hz / 8000


@pytest.mark.parametrize("places", [0, 1, 63, 64, 127, 128, 400])
def test_a_moment_of_a_voice_fits_too(places: int) -> None:
    assert len(shortened(VOICE, places)) == places


@pytest.mark.parametrize("places", [1000, 1200])
def test_what_fits_is_left_as_it_is(places: int) -> None:
    assert shortened(VOICE, places) is VOICE


@pytest.mark.parametrize(
    ("samples", "places", "crowded"),
    [(16384, 15000, True), (16384, 16380, False), (16384, 17000, False), (MOST + 1, MOST // 2, False)],
    ids=["bursts", "a fast clock", "a slow one", "too long to be looked at"],
)
def test_a_clock_that_is_fast_is_no_crowd(samples: int, places: int, crowded: bool) -> None:
    assert is_crowded(samples, places) is crowded
