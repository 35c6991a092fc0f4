"""Media files of other programs, as they are read."""

import struct
from pathlib import Path

import old_recordings as old
import pytest

from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.media.transcode import PyAvMeasurer, PyAvTranscoder
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.captures import Played
from callrec.domain.library.manifest import AnyFormat, Format, Media, OldFormat

played = PyAvEncoder().played


@pytest.mark.parametrize(
    ("made", "given", "found"),
    [
        (lambda path: old.wav(path, 2.0, channels=2), Format.WAV, Played(Format.WAV, 8000, 2, 16000)),
        (old.plain_wav, Format.WAV, Played(Format.WAV, 8000, 1, 8000)),
        (old.wav49, Format.WAV, Played(OldFormat.WAV49, 8000, 1, 16000)),
        (old.wav49, OldFormat.WAV49, Played(OldFormat.WAV49, 8000, 1, 16000)),
        (old.gsm, OldFormat.GSM, Played(OldFormat.GSM, 8000, 1, 8000)),
        (old.ulaw, OldFormat.ULAW, Played(OldFormat.ULAW, 8000, 1, 8000)),
        (old.ulaw, OldFormat.ALAW, Played(OldFormat.ALAW, 8000, 1, 8000)),
    ],
)
def test_each_format_is_decoded_to_its_end(tmp_path: Path, made: object, given: AnyFormat, found: Played) -> None:
    path = made(tmp_path / "one")  # type: ignore[operator]
    assert played(str(path), given) == found


def test_an_mp3_is_as_long_as_it_plays(tmp_path: Path) -> None:
    found = played(str(old.mp3(tmp_path / "a.mp3")), Format.MP3)
    assert (found.format, found.rate_hz, found.channels) == (Format.MP3, 8000, 1)
    assert abs(found.samples - 8000) < 2400


def test_what_is_read_can_be_measured_and_re_encoded(tmp_path: Path) -> None:
    """The samples of the sidecar are those that players get."""
    for nth, (kind, path) in enumerate(old.house(tmp_path / "old").items()):
        wanted = {"gsm": OldFormat.GSM, "ulaw": OldFormat.ULAW, "mp3": Format.MP3}.get(kind, Format.WAV)
        found = played(str(path), wanted)
        media = Media(path.name, found.format, found.rate_hz, found.samples, 1, "ab" * 32, is_mono=found.channels == 1)
        assert PyAvMeasurer().measured(str(path), media, found.channels).samples == found.samples
        into = tmp_path / f"{nth}.flac"
        into.touch()
        encoded = PyAvTranscoder().transcode(str(path), media, found.channels, Format.FLAC, str(into))
        assert encoded.samples == found.samples


def test_a_file_that_ends_before_its_header_says_is_cut_off(tmp_path: Path) -> None:
    path = old.wav(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:-4000])
    assert played(str(path), Format.WAV) == Played(Format.WAV, 8000, 1, 6000, is_cut_off=True)


def test_sizes_that_a_recorder_never_wrote_are_no_cut(tmp_path: Path) -> None:
    path = old.wav(tmp_path / "a.wav")
    whole = path.read_bytes()
    at = whole.index(b"data") + 4
    path.write_bytes(whole[:at] + struct.pack("<I", 0xFFFF_FFFF) + whole[at + 4 :])
    assert not played(str(path), Format.WAV).is_cut_off


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (b"", Format.WAV),
        (b"RIFF", Format.WAV),
        (b"no sound at all " * 100, Format.WAV),
        (b"no sound at all " * 100, Format.FLAC),
        (b"", OldFormat.GSM),
        (b"", OldFormat.ULAW),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes, given: AnyFormat) -> None:
    path = old.written(tmp_path / "a", content)
    with pytest.raises(Corrupt) as refused:
        played(str(path), given)
    assert refused.value.code in {"codec", "media-unreadable"}


def test_six_channels_and_other_codecs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="6 channels"):
        played(str(old.wav(tmp_path / "a.wav", channels=6)), Format.WAV)


def test_a_file_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        played(str(tmp_path / "none.wav"), Format.WAV)
