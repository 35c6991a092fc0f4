"""From legs to a stereo file: each side on its channel, at its time, as long as it was."""

import contextlib
import os
import resource
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callrec.adapters.media import encode
from callrec.adapters.media.encode import PyAvEncoder
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.captures import EncodeJob, PartnerPiece, Piece, Stretch
from callrec.domain.library.manifest import Format

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
    with pytest.raises(Corrupt, match="shorter") as refused:
        wav(tmp_path, Piece(path, None, 8000, 0))
    assert refused.value.code == "capture-shrank"


def test_an_encoder_that_lies_about_the_length_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = lambda _timeline, _windows, sink: sink.write(encode._wav_header(8000, 0))  # noqa: E731 - the lie in one line
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
    with pytest.raises(Corrupt) as caught:
        ENCODER.samples(str(into), media_format, 8000)
    assert caught.value.code in {"media-unreadable", "codec"}


def test_a_wav_of_more_than_4_gib_gets_64_bit_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_WAV_MOST_BYTES", 100)
    into = str(tmp_path / "long.wav")
    piece = Piece(leg(tmp_path, "r", tone(440, 4000)), None, 8000, 0)
    assert ENCODER.encode(EncodeJob((piece,), Format.WAV, 8000), into).samples == 4000
    assert struct.unpack_from("<4s", Path(into).read_bytes())[0] == b"RF64"
    with av.open(into) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 4000


def test_silence_stands_where_nothing_was_written(tmp_path: Path) -> None:
    """A hold in the middle: the file is as long as the time, and what follows stands where it was said. Longer than a window."""
    read, write = tone(440, 80_000), tone(1000, 80_000)
    stretches = (Stretch(0, 30_000, 0, 30_000), Stretch(30_000, 80_000, 130_000, 50_000))
    paths = (leg(tmp_path, "r", read), leg(tmp_path, "w", write))
    found = wav(tmp_path, Piece(*paths, 8000, 500, stretches))
    assert len(found) == 500 + 180_000
    for side, content in enumerate((read, write)):
        assert not found[:500, side].any()
        assert (found[500:30_500, side] == content[:30_000]).all()
        assert not found[30_500:130_500, side].any()
        assert (found[130_500:, side] == content[30_000:]).all()


def test_a_time_line_may_end_in_silence(tmp_path: Path) -> None:
    """An empty stretch marks its end. A side that is shorter, or not there at all, makes it no shorter."""
    stretches = (Stretch(0, 1000, 100, 1000), Stretch(1000, 1000, 1600, 0))
    found = wav(tmp_path, Piece(leg(tmp_path, "r", tone(440, 600)), None, 8000, 0, stretches))
    assert len(found) == 1600
    assert (found[100:700, 0] == tone(440, 600)).all()
    assert not found[700:].any()


@pytest.mark.parametrize("samples", [239_928, 240_072])
def test_a_clock_that_ran_away_is_made_up_for(tmp_path: Path, samples: int) -> None:
    """300 ppm of 30 s: every sample stands within one of where it belongs, and the tone is the same."""
    ramp = (np.arange(240_000) % 20_000).astype(np.int16)
    piece = Piece(
        leg(tmp_path, "r", ramp), leg(tmp_path, "w", tone(440, 240_000)), 8000, 0, (Stretch(0, 240_000, 0, samples),)
    )
    found = wav(tmp_path, piece)
    assert len(found) == samples
    place = np.arange(samples) * 240_000 / samples
    away = np.abs(found[:, 0].astype(float) - place % 20_000)
    assert np.minimum(away, 20_000 - away).max() <= 1
    assert loudness(found[:, 1], 440, 8000) > 0.99


@pytest.mark.parametrize("samples", [239_928, 240_072])
def test_a_clock_that_ran_away_makes_no_clicks(tmp_path: Path, samples: int) -> None:
    """A click is where the second difference of a tone is larger than the tone gives: by a quarter at a jump of one sample. What
    does not jump is left as it is, to the bit."""
    content = tone(2500, 240_000)
    found = wav(tmp_path, Piece(leg(tmp_path, "r", content), None, 8000, 0, (Stretch(0, 240_000, 0, samples),)))[:, 0]
    most = np.abs(np.diff(content.astype(float), 2)).max()
    assert np.abs(np.diff(found.astype(float), 2)).max() < 1.05 * most
    assert (found[:1000] == content[:1000]).all()


def test_stretches_at_the_wider_rate_of_another_capture(tmp_path: Path) -> None:
    """They are counted at their own file's rate."""
    narrow = Piece(
        leg(tmp_path, "n", tone(440, 8000)),
        None,
        8000,
        0,
        (Stretch(0, 4000, 0, 4000), Stretch(4000, 8000, 12_000, 4000)),
    )
    wide = Piece(None, leg(tmp_path, "w", tone(1000, 32_000, 16_000)), 16_000, 0)
    found = wav(tmp_path, narrow, wide, rate_hz=16_000)
    assert len(found) == 32_000
    assert (found[:8000:2, 0] == tone(440, 8000)[:4000]).all()
    assert not found[8000:24_000, 0].any()
    assert (found[24_000::2, 0] == tone(440, 8000)[4000:]).all()
    assert loudness(found[:, 1], 1000, 16_000) > 0.95


def test_a_stretch_that_holds_more_than_its_time_gives_up_silence_on_each_side(tmp_path: Path) -> None:
    """Packets came late, and all at once: the voice behind it stands where it was said, on both sides."""
    said = np.concatenate([tone(440, 4000), np.zeros(2000, np.int16), tone(440, 4000)])
    heard = np.concatenate([tone(1000, 6000), np.zeros(1000, np.int16), tone(1000, 3000)])
    paths = leg(tmp_path, "r", said), leg(tmp_path, "w", heard)
    found = wav(tmp_path, Piece(*paths, 8000, 0, (Stretch(0, 10_000, 0, 9000),)))
    assert (found[:, 0] == np.concatenate([said[:5000], said[6000:]])).all()
    assert (found[:, 1] == np.concatenate([heard[:6000], heard[7000:]])).all()


# -- partner captures --------------------------------------------------------------------------------------------------


def speech(samples: int, seed: int) -> NDArray[np.int16]:
    """Noise in bursts, as speech is for a correlation."""
    random = np.random.default_rng(seed)
    bursts = np.repeat(random.integers(0, 2, samples // 800 + 1), 800)[:samples]
    return (random.normal(0, 3000, samples) * bursts).astype(np.int16)


@dataclass(frozen=True)
class Call:
    """Ten seconds: what two people say. The partner comes after four, and the recorded leg's recorder is deaf to them."""

    own: NDArray[np.int16]
    other: NDArray[np.int16]

    @classmethod
    def of(cls, rate_hz: int = 8000) -> "Call":
        """With other voices than any other call's."""
        other = speech(10 * rate_hz, 2)
        other[: 4 * rate_hz] = 0
        return cls(speech(10 * rate_hz, 1), other)


MEET, STAMPS_OFF = 4 * 8000, 137


def with_partner(
    folder: Path,
    *,
    own: NDArray[np.int16],
    hears: NDArray[np.int16],
    spans: tuple[tuple[int, int], ...] = ((MEET, 80000),),
) -> NDArray[np.int16]:
    """The stored file when the partner capture begins at the meeting, and its stamps are some packets off."""
    call = Call.of()
    main = Piece(leg(folder, "r", own), leg(folder, "w", hears), 8000, 0)
    beside = Piece(
        leg(folder, "pr", call.other[MEET + STAMPS_OFF :]), leg(folder, "pw", call.own[MEET + STAMPS_OFF :]), 8000, MEET
    )
    into = str(folder / "out.wav")
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (PartnerPiece(beside, spans),)), into)
    return heard(into)


def test_a_deaf_recorder_gets_the_partners_voice_to_the_sample(tmp_path: Path) -> None:
    """Both captures hold what the recorded user says: that gives the place."""
    call = Call.of()
    found = with_partner(tmp_path, own=call.own, hears=np.zeros(80000, np.int16))
    assert np.array_equal(found[:, 0], call.own)
    assert np.array_equal(found[MEET + STAMPS_OFF :, 1], call.other[MEET + STAMPS_OFF :])
    assert not found[:MEET, 1].any()


def test_a_partner_capture_that_wrote_nothing_for_a_while_keeps_its_time(tmp_path: Path) -> None:
    """A hold in which nothing reached the partner's leg: the file has a second less, and its time line says where."""
    call, gap = Call.of(), (6 * 8000, 7 * 8000)
    said, spoken = (np.delete(voice[MEET:], slice(gap[0] - MEET, gap[1] - MEET)) for voice in (call.other, call.own))
    before = gap[0] - MEET
    line = Stretch(0, before, 0, before), Stretch(before, len(said), gap[1] - MEET, 80000 - gap[1])
    main = Piece(leg(tmp_path, "r", call.own), leg(tmp_path, "w", np.zeros(80000, np.int16)), 8000, 0)
    beside = Piece(leg(tmp_path, "pr", said), leg(tmp_path, "pw", spoken), 8000, MEET, line)
    into = str(tmp_path / "out.wav")
    spans = (MEET, gap[0]), (gap[1], 80000)
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (PartnerPiece(beside, spans),)), into)
    due = call.other.copy()
    due[slice(*gap)] = 0
    assert np.array_equal(heard(into)[:, 1], due)


def test_a_recording_has_more_captures_than_a_process_may_have_open_files(tmp_path: Path) -> None:
    """Three hundred holds, each with a capture of the partner behind it."""
    call, soft = Call.of(), resource.getrlimit(resource.RLIMIT_NOFILE)
    main = Piece(leg(tmp_path, "r", call.own), leg(tmp_path, "w", np.zeros(80000, np.int16)), 8000, 0)
    at = [MEET + 100 * nth for nth in range(300)]
    beside = [(leg(tmp_path, f"p{one}", call.other[one : one + 100]), one) for one in at]
    partners = [PartnerPiece(Piece(path, path, 8000, one), ((one, one + 100),)) for path, one in beside]
    into = str(tmp_path / "out.wav")
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, soft[1]))
    try:
        ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, tuple(partners)), into)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, soft)
    assert np.array_equal(heard(into)[:, 0], call.own)


def test_where_the_recorder_hears_nothing_is_added(tmp_path: Path) -> None:
    """Also not in the pauses of speech, which are digital silence in this call, and shorter than a deaf leg's."""
    call = Call.of()
    found = with_partner(tmp_path, own=call.own, hears=call.other)
    assert np.array_equal(found[:, 1], call.other)


def test_outside_of_its_spans_a_partner_capture_is_never_used(tmp_path: Path) -> None:
    """A pause, and what the partner said when they had left."""
    call = Call.of()
    spans = (MEET, 5 * 8000), (6 * 8000, 7 * 8000)
    found = with_partner(tmp_path, own=call.own, hears=np.zeros(80000, np.int16), spans=spans)
    for start, end in spans:
        assert np.array_equal(found[start + STAMPS_OFF : end, 1], call.other[start + STAMPS_OFF : end])
    assert not found[5 * 8000 : 6 * 8000, 1].any()
    assert not found[7 * 8000 :, 1].any()


def test_between_two_captures_of_the_recorded_leg_both_voices_are_the_partner_captures(tmp_path: Path) -> None:
    """A fault ended the first one; the next began half a second later."""
    call, gap = Call.of(), (5 * 8000, 5 * 8000 + 4000)
    first = Piece(leg(tmp_path, "r", call.own[: gap[0]]), leg(tmp_path, "w", call.other[: gap[0]]), 8000, 0)
    second = Piece(leg(tmp_path, "r2", call.own[gap[1] :]), leg(tmp_path, "w2", call.other[gap[1] :]), 8000, gap[1])
    beside = Piece(leg(tmp_path, "pr", call.other[MEET:]), leg(tmp_path, "pw", call.own[MEET:]), 8000, MEET)
    into = str(tmp_path / "out.wav")
    partner = PartnerPiece(beside, ((MEET, 80000),), ((MEET, 80000),))
    ENCODER.encode(EncodeJob((first, second), Format.WAV, 8000, (partner,)), into)
    assert np.array_equal(heard(into), np.stack([call.own, call.other], axis=1))


def test_before_a_recorder_that_began_late_both_voices_are_the_partner_captures(tmp_path: Path) -> None:
    """It was asked for at the meeting, and began 1.2 s later: the entry counted that time as held by the partner's capture, and
    the file was silent."""
    call, late = Call.of(), round(1.2 * 8000)
    first = Piece(leg(tmp_path, "r", call.own[:MEET]), leg(tmp_path, "w", call.other[:MEET]), 8000, 0)
    samples = 80000 - MEET - late
    second = Piece(
        leg(tmp_path, "r2", call.own[MEET + late :]),
        leg(tmp_path, "w2", call.other[MEET + late :]),
        8000,
        MEET,
        (Stretch(0, samples, late, samples),),
    )
    beside = Piece(leg(tmp_path, "pr", call.other[MEET:]), leg(tmp_path, "pw", call.own[MEET:]), 8000, MEET)
    into = str(tmp_path / "out.wav")
    partner = PartnerPiece(beside, ((MEET, 80000),), ((MEET, 80000),))
    ENCODER.encode(EncodeJob((first, second), Format.WAV, 8000, (partner,)), into)
    assert np.array_equal(heard(into), np.stack([call.own, call.other], axis=1))


def test_where_a_capture_wrote_nothing_its_partner_is_not_used(tmp_path: Path) -> None:
    """The place of that silence may be wrong by seconds: what stands beside it may be the same words."""
    call = Call.of()
    main = Piece(
        leg(tmp_path, "r", call.own[:60000]),
        leg(tmp_path, "w", np.full(60000, 1, np.int16)),
        8000,
        0,
        (Stretch(0, 40000, 0, 40000), Stretch(40000, 60000, 60000, 20000)),
    )
    beside = Piece(leg(tmp_path, "pr", call.other[MEET:]), leg(tmp_path, "pw", call.own[MEET:]), 8000, MEET)
    into = str(tmp_path / "out.wav")
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (PartnerPiece(beside, ((MEET, 80000),)),)), into)
    found = heard(into)
    assert not found[40000:60000].any()
    assert set(np.unique(found[:40000, 1])) == {1}


def hum(hz: float, samples: int) -> NDArray[np.int16]:
    """A steady tone, which fits a recording in each of its periods."""
    return np.rint(8000 * np.sin(2 * np.pi * hz * np.arange(samples) / 8000)).astype(np.int16) | 1


def torn(voice: NDArray[np.int16], *gaps: tuple[int, int]) -> tuple[NDArray[np.int16], tuple[Stretch, ...]]:
    """As much of a voice as a recorder has written, and its time line, in which these silences stand."""
    stretches, written, at = [], 0, 0
    for start, end in (*gaps, (len(voice), len(voice))):
        stretches.append(Stretch(written, written + start - at, at, start - at))
        written, at = written + start - at, end
    return voice[:written], tuple(stretches)


def test_silences_of_a_busy_machine_cost_a_deaf_legs_partner_no_more_than_was_not_written(tmp_path: Path) -> None:
    """As in a transfer by `*1`: both recorders stood still now and then, which is a silence of 153 ms in the one time line, and
    silences of 99 and 92 ms in the other, each in the middle of its step. The tones fitted best 170 ms off, where these lie
    nearest to each other; what the partner's capture had not written was lost twice, and so was what the leg's own had not."""
    met, length = 30512, 92000
    gaps = (24576, 25368), (41760, 42496)
    said, line = torn(hum(1000, length), (57344, 58568))
    spoken, partners_line = torn(hum(1300, length - met), *gaps)
    main = Piece(leg(tmp_path, "r", said), leg(tmp_path, "w", np.zeros(len(said), np.int16)), 8000, 0, line)
    beside = Piece(
        leg(tmp_path, "pr", spoken),
        leg(tmp_path, "pw", hum(1000, length)[met + 3 :][: len(spoken)]),
        8000,
        met,
        partners_line,
    )
    into = str(tmp_path / "out.wav")
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (PartnerPiece(beside, ((met, length),)),)), into)
    right = heard(into)[met:, 1]
    assert len(right) - np.count_nonzero(right) == pytest.approx(sum(end - start for start, end in gaps), abs=8)


@pytest.mark.parametrize("seconds", [0.0, 20.0])
def test_a_partner_capture_that_holds_nothing_or_too_much_changes_nothing(tmp_path: Path, seconds: float) -> None:
    """Empty files; or a recorder that ran on behind the end of the recording: what is allowed is as long as that."""
    call = Call(speech(80000, 1), np.where(speech(80000, 2) == 0, 1, 2).astype(np.int16))
    main = Piece(leg(tmp_path, "r", call.own), leg(tmp_path, "w", call.other), 8000, 0)
    more = speech(round(seconds * 8000), 3)
    beside = Piece(leg(tmp_path, "pr", more), leg(tmp_path, "pw", more), 8000, 70000)
    into = str(tmp_path / "out.wav")
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (PartnerPiece(beside, ((70000, 80000),)),)), into)
    assert np.array_equal(heard(into), np.stack([call.own, call.other], axis=1))


@pytest.mark.parametrize("both", [True, False], ids=["two talk", "three talk"])
def test_a_partner_capture_goes_on_where_the_last_of_the_recorded_leg_has_ended(tmp_path: Path, *, both: bool) -> None:
    """Its recorder broke off. What the partner hears is the recorded user only while nobody else is there."""
    call = Call.of()
    main = Piece(leg(tmp_path, "r", call.own[:50000]), leg(tmp_path, "w", call.other[:50000]), 8000, 0)
    beside = Piece(leg(tmp_path, "pr", call.other[MEET:]), leg(tmp_path, "pw", call.own[MEET:]), 8000, MEET)
    span = ((MEET, 75000),)
    into = str(tmp_path / "out.wav")
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (PartnerPiece(beside, span, span if both else ()),)), into)
    own = call.own[:75000] if both else np.concatenate([call.own[:50000], np.zeros(25000, np.int16)])
    assert np.array_equal(heard(into), np.stack([own, call.other[:75000]], axis=1))


def test_a_partner_capture_that_began_before_the_file_has_its_place(tmp_path: Path) -> None:
    """The recorded leg's first capture began 5 s late, and is deaf; the stamps are some packets off."""
    call = Call.of()
    late = 40000
    main = Piece(leg(tmp_path, "r", call.own[late:]), leg(tmp_path, "w", np.zeros(80000 - late, np.int16)), 8000, 0)
    beside = Piece(leg(tmp_path, "pr", call.other), leg(tmp_path, "pw", call.own), 8000, STAMPS_OFF - late)
    into = str(tmp_path / "out.wav")
    partner = PartnerPiece(beside, ((-late, 80000 - late),))
    ENCODER.encode(EncodeJob((main,), Format.WAV, 8000, (partner,)), into)
    assert np.array_equal(heard(into), np.stack([call.own, call.other], axis=1)[late:])
