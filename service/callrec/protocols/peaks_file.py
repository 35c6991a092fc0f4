"""The file `<name>.peaks` beside a media file: its loudness over time, and when there is a voice on each side.

    callrec-peaks 1
    {"media": "<SHA-256 of the media file>", "rate_hz": 8000, "samples": 24000, "channels": 2, "voice_ms": [[[0, 840]], []]}
    for each point (20 a second), for each channel: lowest and highest sample, divided by 256, as two signed bytes
    SHA-256 of all that stands before, 32 bytes

The first two are lines, ended by a line feed. It is made of the media file and may be removed at any time: it is made again.
"""

import hashlib
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from callrec.domain.errors import Corrupt
from callrec.domain.library.waveform import POINTS_S, Waveform

_MAGIC = b"callrec-peaks 1\n"
_DIGEST_BYTES = 32


class PeaksFormat(TypedDict):
    """The second line."""

    media: str
    rate_hz: int
    samples: int
    channels: int
    voice_ms: tuple[tuple[tuple[int, int], ...], ...]
    """For each channel: from and to."""


_HEAD = TypeAdapter(PeaksFormat)


def encode_peaks(waveform: Waveform) -> bytes:
    """The file's bytes."""
    head: PeaksFormat = {
        "media": waveform.media_sha256,
        "rate_hz": waveform.rate_hz,
        "samples": waveform.samples,
        "channels": waveform.channels,
        "voice_ms": tuple(
            tuple((round(start * 1000), round(end * 1000)) for start, end in side) for side in waveform.voice
        ),
    }
    whole = _MAGIC + _HEAD.dump_json(head) + b"\n" + waveform.peaks
    return whole + hashlib.sha256(whole).digest()


def decode_peaks(content: bytes) -> Waveform:
    """Read the file. Raises Corrupt (`peaks-damaged`) for any other bytes than `encode_peaks` writes."""
    whole, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if not whole.startswith(_MAGIC) or hashlib.sha256(whole).digest() != digest:
        _damaged("it has another format or checksum")
    head, _, peaks = whole.removeprefix(_MAGIC).partition(b"\n")
    try:
        found = _HEAD.validate_json(head, strict=True)
    except ValidationError as error:
        _damaged(error.errors(include_url=False, include_input=False)[0]["msg"])
    voice = tuple(tuple((start / 1000, end / 1000) for start, end in side) for side in found["voice_ms"])
    if found["rate_hz"] < POINTS_S or found["samples"] < 0 or found["channels"] < 1:
        _damaged("its numbers are impossible")
    waveform = Waveform(found["media"], found["rate_hz"], found["samples"], found["channels"], peaks, voice)
    if len(peaks) != waveform.points * waveform.channels * 2:
        _damaged("it has another number of points")
    return waveform


def _damaged(says: str) -> NoReturn:
    raise Corrupt("peaks-damaged", f"not a file of peaks: {says}", hint="remove it: it is made again")
