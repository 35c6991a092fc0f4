"""Peaks and voices of real sound: the product's own prompts, tones, and noise."""

import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from stored_library import StoredLibrary, tone

from callrec.adapters.media.encode import WINDOW
from callrec.adapters.media.peaks import PeakMeter
from callrec.adapters.media.transcode import PyAvMeasurer
from callrec.domain.errors import Corrupt
from callrec.domain.library.manifest import Format
from callrec.domain.library.waveform import Waveform

PROMPT = Path(__file__).parents[3] / "dialplan/sounds/en/callrec/call-is-recorded.wav"


def spoken_words() -> NDArray[np.int16]:
    """About two seconds of speech at 8 kHz."""
    with wave.open(str(PROMPT)) as wav:
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2")


def measured(sound: NDArray[np.int16], window: int = WINDOW, rate_hz: int = 8000) -> Waveform:
    meter = PeakMeter(rate_hz, sound.shape[1])
    windows = (sound[at : at + window] for at in range(0, len(sound), window))
    assert sum(len(one) for one in meter.passing(windows)) == len(sound)
    return meter.waveform("d" * 64)


def test_a_voice_is_found_where_it_is_and_on_no_other_side() -> None:
    quiet, words = np.zeros(8000, np.int16), spoken_words()
    left = np.concatenate([quiet, words, quiet])
    found = measured(np.stack([left, np.zeros_like(left)], axis=1))
    ((start_s, end_s),), nobody = found.voice
    assert start_s == pytest.approx(1.0, abs=0.15)
    assert end_s == pytest.approx(1.0 + len(words) / 8000, abs=0.5)
    assert nobody == ()
    lows, highs = found.side(0, 10_000)[::2], found.side(0, 10_000)[1::2]
    assert (lows[:19], highs[:19]) == ([0] * 19, [0] * 19)
    assert max(highs) == int(words.max()) >> 8
    assert min(lows) == int(words.min()) >> 8
    assert set(found.side(1, 10_000)) == {0}


def test_hiss_is_no_voice() -> None:
    hiss = np.random.default_rng(1).normal(0, 40, (80_000, 1)).astype(np.int16)
    (spans,) = measured(hiss).voice
    assert sum(end - start for start, end in spans) < 0.5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000), st.integers(1, 700), st.sampled_from((8000, 16_000, 11_025)))
def test_the_windows_make_no_difference(samples: int, window: int, rate_hz: int) -> None:
    sound = np.random.default_rng(samples).integers(-32768, 32767, (samples, 2), np.int16, endpoint=True)
    assert measured(sound, window, rate_hz) == measured(sound, 1 << 16, rate_hz)
    assert measured(sound, window, rate_hz).points == -(-samples // (rate_hz // 20))


@pytest.mark.parametrize("media_format", list(Format))
def test_a_stored_file_is_measured_as_its_captures_were(tmp_path: Path, media_format: Format) -> None:
    stored, words = StoredLibrary(tmp_path), spoken_words()
    manifest = stored.store(1, media_format, left=words, right=tone(1000, 1))
    kept = stored.library.waveform("2026/11/22/c1-1")
    made = PyAvMeasurer().measured(str(stored.file(manifest)), manifest.media, 2)
    assert kept is not None
    assert (kept.media_sha256, kept.samples, kept.points) == (made.media_sha256, made.samples, made.points)
    if media_format in {Format.WAV, Format.FLAC}:
        assert kept == made
    else:
        assert np.abs(np.subtract(kept.side(0, 9999), made.side(0, 9999))).max() < 40


@pytest.mark.parametrize("media_format", list(Format))
def test_a_file_that_is_cut_off_or_no_audio_is_told(tmp_path: Path, media_format: Format) -> None:
    stored = StoredLibrary(tmp_path)
    manifest = stored.store(1, media_format)
    path = stored.file(manifest)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:60], b"", b"\x00" * 5000):
        path.write_bytes(content)
        with pytest.raises(Corrupt):
            PyAvMeasurer().measured(str(path), manifest.media, 2)
