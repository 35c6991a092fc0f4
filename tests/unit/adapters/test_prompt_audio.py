"""Uploaded files become what Asterisk plays, or are refused."""

import wave
from io import BytesIO

import numpy as np
import pytest

from callrec.adapters.media.prompt_audio import to_samples
from callrec.domain.errors import Refused
from callrec.domain.prompts import RATE_HZ


def wav(seconds: float, *, rate_hz: int = 44_100, channels: int = 2, peak: int = 8000, width: int = 2) -> bytes:
    """A WAV file with a tone of 400 Hz on each channel."""
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    tone = (peak * np.sin(2 * np.pi * 400 * at)).astype("<i2")
    whole = BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(tone, channels).tobytes() if width == 2 else bytes(len(tone)))
    return whole.getvalue()


@pytest.mark.parametrize(("rate_hz", "channels"), [(8000, 1), (16_000, 1), (44_100, 2), (48_000, 2), (96_000, 2)])
def test_each_rate_becomes_that_of_asterisk(rate_hz: int, channels: int) -> None:
    """The tone is the same, and so is the length."""
    samples = np.frombuffer(to_samples(wav(1.5, rate_hz=rate_hz, channels=channels)), "<i2")
    assert len(samples) == pytest.approx(1.5 * RATE_HZ, abs=RATE_HZ / 50)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * RATE_HZ / len(samples) == pytest.approx(400, abs=2)
    assert 5000 < int(np.abs(samples).max()) < 12_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"", "no WAV file", id="nothing"),
        pytest.param(b"ID3\x04 an mp3", "no WAV file", id="another format"),
        pytest.param(b"#EXTM3U\nfile:///etc/passwd\n", "no WAV file", id="a play list"),
        pytest.param(wav(1)[:30], "no WAV file", id="half a header"),
        pytest.param(wav(0.5, peak=40), "silent", id="silence"),
        pytest.param(wav(0.0), "no WAV file|silent", id="no samples"),
        pytest.param(wav(31, rate_hz=8000, channels=1), "a prompt lasts 0.1 to 30 seconds", id="too long"),
    ],
)
def test_what_nobody_could_hear_is_refused_with_a_sentence(content: bytes, says: str) -> None:
    with pytest.raises(Refused, match=says):
        to_samples(content)
