"""From legs to a stereo file: each side on its channel, at its time, as long as it was."""

import contextlib
import os
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callrec.adapters.media import encode
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.ports import EncodeJob, Piece
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.lifecycle import Format

ENCODER = PyAvEncoder()


def tone(hz: float, samples: int, rate_hz: int = 8000) -> NDArray[np.int16]:
    return (8000 * np.sin(2 * np.pi * hz * np.arange(samples) / rate_hz)).astype(np.int16)


def leg(folder: Path, name: str, content: NDArray[np.int16] | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.astype("<i2").tobytes())
    return str(path)


def heard(path: str) -> NDArray[np.int16]:
    """A WAV file's samples, shape (samples, 2)."""
    with wave.open(path) as wav:
        assert (wav.getnchannels(), wav.getsampwidth()) == (2, 2)
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)


def loudness(channel: NDArray[np.int16], hz: float, rate_hz: int) -> float:
    """How much of one frequency is in it, from 0 to 1 of all its energy."""
    spectrum = np.abs(np.fft.rfft(channel.astype(float))) ** 2
    middle = round(hz * len(channel) / rate_hz)
    return float(spectrum[middle - 20 : middle + 21].sum() / max(spectrum.sum(), 1.0))


def wav(tmp_path: Path, *pieces: Piece, rate_hz: int = 8000) -> NDArray[np.int16]:
    into = str(tmp_path / "out.wav")
    encoded = ENCODER.encode(EncodeJob(pieces, Format.WAV, rate_hz), into)
    found = heard(into)
    assert len(found) == encoded.samples
    return found


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("media_format", list(Format))
def test_each_format_holds_each_tone_on_its_own_side_and_is_as_long(
    tmp_path: Path, media_format: Format, rate_hz: int
) -> None:
    read, write = tone(440, 3 * rate_hz + 7, rate_hz), tone(1000, 3 * rate_hz + 7, rate_hz)
    piece = Piece(leg(tmp_path, "r", read), leg(tmp_path, "w", write), rate_hz, 0)
    into = str(tmp_path / f"out.{media_format.value}")
    encoded = ENCODER.encode(EncodeJob((piece,), media_format, rate_hz), into)
    assert encoded.samples == 3 * rate_hz + 7
    with av.open(into) as container:
        rate_out_hz = container.streams.audio[0].rate
        resampler = av.AudioResampler("s16p", "stereo", rate_out_hz)
        frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    left, right = np.concatenate(frames, axis=1)
    assert loudness(left, 440, rate_out_hz) > 0.95
    assert loudness(right, 1000, rate_out_hz) > 0.95
    assert loudness(left, 1000, rate_out_hz) < 0.01


@pytest.mark.parametrize("media_format", list(Format))
def test_the_same_legs_give_the_same_bytes(tmp_path: Path, media_format: Format) -> None:
    piece = Piece(leg(tmp_path, "r", tone(440, 20000)), leg(tmp_path, "w", tone(1000, 20000)), 8000, 0)
    digests = {ENCODER.encode(EncodeJob((piece,), media_format, 8000), str(tmp_path / f"{n}")).sha256 for n in range(2)}
    assert len(digests) == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3 * (1 << 16)), st.sampled_from(list(Format)), st.sampled_from((8000, 16000)))
def test_any_length_survives(
    tmp_path_factory: pytest.TempPathFactory, n: int, media_format: Format, rate_hz: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    piece = Piece(leg(folder, "r", tone(440, max(n, 3), rate_hz)), None, rate_hz, 0)
    into = str(folder / "out")
    encoded = ENCODER.encode(EncodeJob((piece,), media_format, rate_hz), into)
    assert abs(encoded.samples - max(n, 3)) <= (64 if media_format is Format.MP3 else 0)
    assert encoded.bytes == Path(into).stat().st_size


def test_an_odd_last_byte_is_cut_and_the_shorter_side_is_padded(tmp_path: Path) -> None:
    piece = Piece(leg(tmp_path, "r", b"\x01\x00\x02\x00\x03"), leg(tmp_path, "w", b"\x09\x00"), 8000, 0)
    assert wav(tmp_path, piece).tolist() == [[1, 9], [2, 0]]


def test_a_missing_side_is_silence(tmp_path: Path) -> None:
    piece = Piece(None, leg(tmp_path, "w", np.array([5, 6])), 8000, 0)
    assert wav(tmp_path, piece).tolist() == [[0, 5], [0, 6]]


def test_pieces_lie_at_their_time_with_silence_between_and_both_are_heard_where_they_overlap(tmp_path: Path) -> None:
    first = Piece(leg(tmp_path, "a", np.array([1, 2, 30000])), None, 8000, 0)
    second = Piece(leg(tmp_path, "b", np.array([30000, 7])), None, 8000, 2)
    third = Piece(leg(tmp_path, "c", np.array([9])), None, 8000, 6)
    assert wav(tmp_path, first, second, third)[:, 0].tolist() == [1, 2, 32767, 7, 0, 0, 9]


def test_windows_join_without_a_seam(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).integers(-9000, 9000, 150_001).astype(np.int16)
    found = wav(tmp_path, Piece(leg(tmp_path, "r", samples), leg(tmp_path, "w", samples[::-1]), 8000, 65_000))
    assert np.array_equal(found[65_000:, 0], samples)
    assert np.array_equal(found[65_000:, 1], samples[::-1])
    assert not found[:65_000].any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 5), st.integers(2, 70_000))
def test_a_narrow_leg_among_wide_ones_keeps_its_samples_its_length_and_its_tone(
    tmp_path_factory: pytest.TempPathFactory, at_sample: int, samples: int
) -> None:
    folder = tmp_path_factory.mktemp("narrow")
    narrow = tone(440, samples)
    found = wav(folder, Piece(leg(folder, "r", narrow), None, 8000, at_sample), rate_hz=16000)[at_sample:, 0]
    assert len(found) == 2 * samples
    assert np.array_equal(found[::2], narrow)
    made = tone(440, 2 * samples, 16000)[64:-64]
    assert not made.size or np.abs(found[64:-64].astype(int) - made).max() < 30


@pytest.mark.parametrize(("rate_hz", "at_sample"), [(16000, 0), (3000, 0), (2000, 0), (8000, -1)])
def test_a_piece_that_does_not_fit_is_corrupt(tmp_path: Path, rate_hz: int, at_sample: int) -> None:
    with pytest.raises(Corrupt) as caught:
        wav(tmp_path, Piece(leg(tmp_path, "r", b"\0\0"), None, rate_hz, at_sample))
    assert caught.value.code == "piece-place"


def test_a_leg_that_is_gone_or_is_a_link_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("absent", "link"):
        with pytest.raises(Unavailable):
            wav(tmp_path, Piece(str(tmp_path / name), None, 8000, 0))


def test_a_leg_that_shrinks_while_it_is_read_is_corrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = leg(tmp_path, "r", tone(440, 100))
    monkeypatch.setattr(os, "pread", lambda *_: b"")
    with pytest.raises(Corrupt, match="shorter"):
        wav(tmp_path, Piece(path, None, 8000, 0))


def test_an_encoder_that_lies_about_the_length_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = lambda _timeline, into: Path(into).write_bytes(encode._wav_header(8000, 0))  # noqa: E731 - the lie in one line
    monkeypatch.setattr(encode, "_write_wav", short)
    with pytest.raises(Corrupt) as caught:
        ENCODER.encode(
            EncodeJob((Piece(leg(tmp_path, "r", tone(440, 9)), None, 8000, 0),), Format.WAV, 8000), str(tmp_path / "o")
        )
    assert caught.value.code == "encoder-length"


@pytest.mark.parametrize("media_format", list(Format))
def test_a_file_that_was_cut_or_is_none_is_told(tmp_path: Path, media_format: Format) -> None:
    into = tmp_path / "out"
    piece = Piece(leg(tmp_path, "r", tone(440, 80_000)), None, 8000, 0)
    ENCODER.encode(EncodeJob((piece,), media_format, 8000), str(into))
    whole = into.read_bytes()
    into.write_bytes(whole[: len(whole) // 2])
    with contextlib.suppress(Corrupt):
        assert ENCODER.samples(str(into), media_format, 8000) < 80_000
    into.write_bytes(b"garbage" * 100)
    with pytest.raises(Corrupt):
        ENCODER.samples(str(into), media_format, 8000)


def test_a_wav_of_more_than_4_gib_gets_64_bit_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_WAV_MOST_BYTES", 100)
    into = str(tmp_path / "long.wav")
    piece = Piece(leg(tmp_path, "r", tone(440, 4000)), None, 8000, 0)
    assert ENCODER.encode(EncodeJob((piece,), Format.WAV, 8000), into).samples == 4000
    assert struct.unpack_from("<4s", Path(into).read_bytes())[0] == b"RF64"
    with av.open(into) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 4000
