"""Ears hear tones where they are, and silence where there is none, through the codecs of telephony."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from callrec_lab.audio_checks import NOTHING, Sound, heard_s, load, longest_s, presence, silence, tones

RATE = 8000
LEVEL = 0.22  # of a Playtones tone


def tone(hz: float, length_s: float, *, rate: int = RATE, level: float = LEVEL) -> NDArray[np.float64]:
    return level * np.sin(2 * np.pi * hz * np.arange(round(length_s * rate)) / rate)


def mu_law(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """There and back through 8 bits."""
    small = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    coarse = np.round(small * 127) / 127
    return np.sign(coarse) * (256 ** np.abs(coarse) - 1) / 255


def quiet(length_s: float, *, rate: int = RATE) -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(0, 0.0005, round(length_s * rate))


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("hz", [330, 440, 1000, 1400, 2500])
def test_a_tone_is_present_and_others_are_not(hz: float, rate: int) -> None:
    sound = Sound(mu_law(tone(hz, 1.0, rate=rate)), rate)
    assert presence(sound, hz) == 1.0
    assert presence(sound, hz + 250) == 0.0
    assert silence(sound) == 0.0


def test_two_tones_at_once_are_both_present() -> None:
    sound = Sound(mu_law(tone(440, 1.0) + tone(1000, 1.0)), RATE)
    assert presence(sound, 440) == presence(sound, 1000) == 1.0


def test_tones_are_found_with_their_times() -> None:
    sound = Sound(np.concatenate([quiet(0.5), mu_law(tone(440, 1.0)), quiet(0.25), mu_law(tone(1000, 0.5))]), RATE)
    first, second = tones(sound)
    assert first == pytest.approx((0.5, 1.5, 440), abs=20)
    assert (first.from_s, first.to_s) == pytest.approx((0.5, 1.5), abs=0.025)
    assert (second.from_s, second.to_s) == pytest.approx((1.75, 2.25), abs=0.025)
    assert second.hz == pytest.approx(1000, abs=10)
    assert heard_s(sound, 440) == pytest.approx((0.5, 1.5), abs=0.025)
    assert heard_s(sound, 2000) is None
    assert presence(sound.between(0.6, 1.4), 440) == 1.0
    assert silence(sound) == pytest.approx(0.75 / 2.25, abs=0.03)


def test_noise_is_neither_tone_nor_silence() -> None:
    sound = Sound(np.random.default_rng(2).normal(0, 0.1, RATE), RATE)
    assert tones(sound) == []
    assert silence(sound) == 0.0


def test_nothing_is_silent() -> None:
    assert (presence(NOTHING, 440), silence(NOTHING), tones(NOTHING), heard_s(NOTHING, 440)) == (0.0, 1.0, [], None)
    assert NOTHING.length_s == 0.0


def test_files_are_read_by_their_suffix(tmp_path: Path) -> None:
    """Headerless legs by rate, a stereo file as two channels; an odd last byte of a torn file is left out."""
    left, right = tone(440, 0.5), tone(1000, 0.5)
    whole = (left * 32767).astype("<i2").tobytes()
    (tmp_path / "a.sln").write_bytes(whole + b"\x01")
    (tmp_path / "a.sln16").write_bytes(whole)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.stack([left, right], axis=1) * 32767).astype("<i2").tobytes())
    assert [sound.length_s for name in ("a.sln", "a.sln16") for sound in load(tmp_path / name)] == [0.5, 0.25]
    one, two = load(tmp_path / "a.wav")
    assert (presence(one, 440), presence(one, 1000), presence(two, 1000)) == (1.0, 0.0, 1.0)


def test_other_sample_widths_are_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(RATE)
        file.writeframes(b"\x80" * 100)
    with pytest.raises(ValueError, match="16-bit"):
        load(tmp_path / "a.wav")


def test_a_click_is_no_note() -> None:
    """A gap of 20 ms in another tone is heard at every pitch, but not for long."""
    other = tone(1000, 1.0)
    other[4000:4160] = 0
    assert longest_s(Sound(mu_law(other), RATE), 660) < 0.06
    assert longest_s(Sound(mu_law(other + np.pad(tone(660, 0.1), (1000, 6200))), RATE), 660) == pytest.approx(
        0.1, abs=0.03
    )
    assert longest_s(Sound(tone(660, 1.0), RATE), 660) == pytest.approx(1.0, abs=0.02)
    assert longest_s(NOTHING, 660) == 0.0
