"""A track: one channel, as long as the stereo file, with the voice in its places and nowhere else."""

from pathlib import Path

import av
import numpy as np
import pytest
from test_encode import ENCODER, leg, loudness, tone

from callrec.domain.errors import Corrupt
from callrec.domain.library.captures import EncodeJob, Piece, Stretch, TrackJob, TrackVoice
from callrec.domain.library.manifest import Format
from callrec_lab.audio_checks import load

RATE_HZ = 8000
SECONDS = 6


def second(at: int) -> int:
    return at * RATE_HZ


def own(folder: Path) -> Piece:
    """The recorded leg says 440 Hz and hears 1000."""
    said, heard = (leg(folder, name, tone(hz, second(SECONDS))) for name, hz in (("r", 440), ("w", 1000)))
    return Piece(said, heard, RATE_HZ, 0)


def job(folder: Path, *voices: TrackVoice, media_format: Format = Format.WAV) -> TrackJob:
    return TrackJob(EncodeJob((own(folder),), media_format, RATE_HZ), second(SECONDS), voices)


@pytest.mark.parametrize("media_format", list(Format))
def test_each_format_has_one_channel_and_the_length_that_is_asked_for(tmp_path: Path, media_format: Format) -> None:
    voice = TrackVoice(own(tmp_path), is_heard=True, spans=((0, second(SECONDS)),))
    into = str(tmp_path / "out")
    encoded = ENCODER.encode_track(job(tmp_path, voice, media_format=media_format), into)
    assert encoded.samples == second(SECONDS)
    assert ENCODER.samples(into, media_format, RATE_HZ, 1) == second(SECONDS)
    with pytest.raises(Corrupt, match=r"WAV|2 channels"):
        ENCODER.samples(into, media_format, RATE_HZ)
    with av.open(into) as container:
        assert container.streams.audio[0].codec_context.channels == 1
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        rate_hz = container.streams.audio[0].rate
    assert loudness(np.concatenate(frames, axis=1)[0].astype(float), 1000, rate_hz) > 0.95


def test_a_voice_is_in_its_places_only(tmp_path: Path) -> None:
    """What it says in one time, what another capture hears in another; silence between and behind."""
    says = TrackVoice(own(tmp_path), is_heard=False, spans=((-50, second(1)),))
    hears = TrackVoice(own(tmp_path), is_heard=True, spans=((second(2), second(3)), (second(5), second(9))))
    into = str(tmp_path / "out.wav")
    ENCODER.encode_track(job(tmp_path, says, hears), into)
    (sound,) = load(Path(into))
    parts = np.split(sound.samples, [second(at) for at in range(1, SECONDS)])
    assert [bool(part.any()) for part in parts] == [True, False, True, False, False, True]
    assert loudness(parts[0], 440, RATE_HZ) > 0.9
    assert loudness(parts[2], 1000, RATE_HZ) > 0.9


def test_a_partners_capture_is_put_where_both_hold_the_same_sound(tmp_path: Path) -> None:
    """Its stamp is 120 ms off; it may have begun before the recording."""
    noise = np.random.default_rng(1).integers(-8000, 8000, second(SECONDS)).astype(np.int16)
    recorded = Piece(leg(tmp_path, "r", noise), leg(tmp_path, "w", np.zeros_like(noise)), RATE_HZ, 0)
    voice = tone(1400, second(3))
    begins = second(1)
    partner = Piece(
        leg(tmp_path, "pr", voice), leg(tmp_path, "pw", noise[begins : begins + len(voice)]), RATE_HZ, begins - 960
    )
    into = str(tmp_path / "out.wav")
    source = TrackVoice(partner, is_heard=False, spans=((0, second(SECONDS)),), is_partner=True)
    ENCODER.encode_track(TrackJob(EncodeJob((recorded,), Format.WAV, RATE_HZ), second(SECONDS), (source,)), into)
    (sound,) = load(Path(into))
    assert abs(int(np.flatnonzero(sound.samples)[0]) - begins) <= 1


def test_its_samples_stand_where_its_time_line_says(tmp_path: Path) -> None:
    piece = Piece(
        leg(tmp_path, "x", tone(440, second(1))),
        None,
        RATE_HZ,
        second(1),
        (Stretch(0, second(1), second(2), second(1)),),
    )
    into = str(tmp_path / "out.wav")
    ENCODER.encode_track(job(tmp_path, TrackVoice(piece, is_heard=False, spans=((0, second(6)),))), into)
    (sound,) = load(Path(into))
    assert int(np.flatnonzero(sound.samples)[0]) - second(3) <= 1
