"""From captured legs to one stereo file: left is what the recorded user says (`read`), right what they hear (`write`).

The legs are headerless, so a window of the timeline is a `pread` of each: memory stays the same for a call of hours, and
nothing has to be repaired after a crash (an odd last byte is cut). Windows go to a WAV file as they are, or through PyAV.
The result is read back: a file that does not play as long as its legs is Corrupt and never reaches the library.

Measured on ten minutes of two 8 kHz legs: see bench/media.py, which also says why the codecs are set as they are.
"""

import hashlib
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from callrec.adapters.disk.durable import on_disk, write_all
from callrec.app.ports import Encoded, EncodeJob, Piece
from callrec.domain.errors import Corrupt
from callrec.domain.lifecycle import Format

Samples = NDArray[np.int16]

_WINDOW = 1 << 16
"""Samples per channel at a time: 8 s at 8 kHz."""
_SAMPLE_BYTES = 2
_FRAME_BYTES = 4
_OPUS_HZ = 48_000
"""Opus counts at this rate, whatever its input's was (RFC 7845, 4)."""
_TOLERATED = {Format.MP3: 64}
"""Samples that a format may be longer than its source: an MP3 cannot be shorter than its decoder's delay."""
_WAV_MOST_BYTES = 0xFFFF_FFFF - 64


@dataclass(frozen=True, slots=True)
class _Codec:
    """How PyAV is asked for a format."""

    name: str
    container: str
    sample_format: str
    bit_rate: int | None
    options: dict[str, str]


_CODECS = {
    Format.FLAC: _Codec("flac", "flac", "s16", None, {"compression_level": "5"}),
    Format.OPUS: _Codec(
        "libopus", "ogg", "s16", 24_000, {"application": "audio", "frame_duration": "60", "compression_level": "5"}
    ),
    Format.MP3: _Codec("libmp3lame", "mp3", "s16p", 32_000, {"compression_level": "7"}),
}


class PyAvEncoder:
    """Keeps the promises of `app.ports.Encoder`: wav by hand, flac, opus and mp3 with PyAV."""

    def encode(self, job: EncodeJob, into: str) -> Encoded:
        """See ports.Encoder. The same job gives the same bytes."""
        with on_disk(f"encoding {Path(into).name}"), ExitStack() as files:
            timeline = Timeline(job, files)
            if job.format is Format.WAV:
                _write_wav(timeline, into)
            else:
                with _codec_errors(into):
                    _write_coded(timeline, into, _CODECS[job.format])
            _flush(into)
            samples = self.samples(into, job.format, job.rate_hz)
            if abs(samples - timeline.samples) > _TOLERATED.get(job.format, 0):
                raise Corrupt(
                    "encoder-length",
                    f"{timeline.samples} samples went in, {samples} came out",
                    hint="the legs are kept",
                )
            with Path(into).open("rb") as media:
                digest = hashlib.file_digest(media, "sha256").hexdigest()
                return Encoded(samples, os.fstat(media.fileno()).st_size, digest)

    def samples(self, path: str, media_format: Format, rate_hz: int) -> int:
        """See ports.Encoder. Walks the whole container, so a file that was cut short is noticed."""
        with on_disk(f"reading {Path(path).name}"):
            if media_format is Format.WAV:
                return _wav_samples(path, rate_hz)
            with _codec_errors(path):
                return _coded_samples(path, media_format, rate_hz)


class _Leg:
    """One file of a piece as samples at the job's rate; an absent one is silence of no length."""

    def __init__(self, path: str | None, factor: int, files: ExitStack) -> None:
        self._factor = factor
        self._descriptor = -1
        self._captured = 0
        if path is not None:
            with on_disk(f"leg {Path(path).name}"):
                self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            files.callback(os.close, self._descriptor)
            self._captured = os.fstat(self._descriptor).st_size // _SAMPLE_BYTES
        self.samples = self._captured * factor

    def window(self, start: int, end: int) -> Samples:
        """Samples `start` to `end` of this leg, fewer where it is over."""
        end = min(end, self.samples)
        if start >= end:
            return np.empty(0, np.int16)
        if self._factor == 1:
            return self._read(start, end)
        return _doubled(self._read, self._captured, start, end)

    def _read(self, start: int, end: int) -> Samples:
        wanted = (end - start) * _SAMPLE_BYTES
        content = os.pread(self._descriptor, wanted, start * _SAMPLE_BYTES)
        if len(content) != wanted:
            raise Corrupt("capture-shrank", "a captured file became shorter while it was read")
        return np.frombuffer(content, "<i2")


class Timeline:
    """The job's pieces on one time axis, given out in windows; where two pieces overlap, their sum is heard."""

    def __init__(self, job: EncodeJob, files: ExitStack) -> None:
        self.rate_hz = job.rate_hz
        self._pieces = [(piece.at_sample, self._legs(piece, files)) for piece in job.pieces]
        self.samples = max((at + max(leg.samples for leg in legs) for at, legs in self._pieces), default=0)

    def windows(self) -> Iterator[Samples]:
        """The whole of it in order: arrays of shape (samples, 2), int16, left and right."""
        for start in range(0, self.samples, _WINDOW):
            window = np.zeros((min(_WINDOW, self.samples - start), 2), np.int16)
            for at, legs in self._pieces:
                for side, leg in enumerate(legs):
                    _lay(window[:, side], leg, start - at)
            yield window

    def _legs(self, piece: Piece, files: ExitStack) -> Sequence[_Leg]:
        factor, rest = divmod(self.rate_hz, piece.rate_hz)
        if rest or factor not in {1, 2} or piece.at_sample < 0:
            raise Corrupt(
                "piece-place", f"a piece of {piece.rate_hz} Hz at {piece.at_sample} does not fit the timeline"
            )
        return [_Leg(path, factor, files) for path in (piece.read, piece.write)]


def _lay(channel: Samples, leg: _Leg, start: int) -> None:
    """Add the leg's samples from its own `start` on (negative: it begins later) to a channel's window."""
    first = max(0, -start)
    if first >= len(channel):
        return
    heard = leg.window(start + first, start + len(channel))
    place = channel[first : first + len(heard)]
    if place.any():
        place[:] = np.clip(place.astype(np.int32) + heard, -32768, 32767).astype(np.int16)
    else:
        place[:] = heard


def _half_band() -> NDArray[np.float32]:
    """The odd taps of a half-band low pass: what lies between two samples, from 16 on each side (ripple under 0.01 dB)."""
    away = np.arange(-15.5, 16.0)
    taps = np.sinc(away) * np.kaiser(len(away), 6.0)
    return np.asarray(taps / taps.sum(), np.float32)


_TAPS = _half_band()
_REACH = len(_TAPS) // 2


def _doubled(read: Callable[[int, int], Samples], captured: int, start: int, end: int) -> Samples:
    """Samples `start` to `end` at twice the captured rate: each captured one stays as it is, one is made between each two."""
    first, last = start // 2, (end + 1) // 2
    left, right = max(0, first - _REACH), min(captured, last + _REACH)
    around = np.zeros(last - first + 2 * _REACH, np.float32)
    around[left - first + _REACH : right - first + _REACH] = read(left, right)
    between = np.convolve(around[1:], _TAPS, mode="valid")
    both = np.empty((last - first, 2), np.int16)
    both[:, 0] = around[_REACH : _REACH + last - first]
    both[:, 1] = np.clip(np.rint(between), -32768, 32767)
    return both.reshape(-1)[start - 2 * first : end - 2 * first]


def _wav_header(rate_hz: int, content_bytes: int) -> bytes:
    """44 bytes of RIFF; from 4 GiB on 80 bytes of RF64 (EBU Tech 3306), whose sizes have 64 bits."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, rate_hz, rate_hz * _FRAME_BYTES, _FRAME_BYTES, 16)
    if content_bytes <= _WAV_MOST_BYTES:
        riff = struct.pack("<4sI4s", b"RIFF", 36 + content_bytes, b"WAVE")
        return riff + form + struct.pack("<4sI", b"data", content_bytes)
    riff = struct.pack("<4sI4s", b"RF64", 0xFFFF_FFFF, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, 72 + content_bytes, content_bytes, content_bytes // _FRAME_BYTES, 0)
    return riff + sizes + form + struct.pack("<4sI", b"data", 0xFFFF_FFFF)


def _write_wav(timeline: Timeline, into: str) -> None:
    with Path(into).open("wb", buffering=0) as wav:
        write_all(wav.fileno(), _wav_header(timeline.rate_hz, timeline.samples * _FRAME_BYTES))
        for window in timeline.windows():
            write_all(wav.fileno(), window.data.cast("B"))


def _wav_samples(path: str, rate_hz: int) -> int:
    """By the header, which must be the one we write for a file of this size: then nothing is missing and nothing is added."""
    with Path(path).open("rb") as wav:
        size = os.fstat(wav.fileno()).st_size
        start = wav.read(80)
    for header_bytes in (44, 80):
        if size >= header_bytes and start[:header_bytes] == _wav_header(rate_hz, size - header_bytes):
            return (size - header_bytes) // _FRAME_BYTES
    raise Corrupt("media-unreadable", f"{Path(path).name} is no WAV file of ours, or not whole")


def _write_coded(timeline: Timeline, into: str, codec: _Codec) -> None:
    # bitexact: no random stream numbers and no version tags, so that the same legs give the same digest after a crash.
    with av.open(into, "w", format=codec.container, options={"fflags": "+bitexact"}) as container:
        options = {**codec.options, "flags": "+bitexact"}
        stream = container.add_stream(codec.name, rate=timeline.rate_hz, options=options)
        assert isinstance(stream, av.AudioStream)  # noqa: S101 - for mypy: PyAV's types need a literal codec name
        stream.layout, stream.format = "stereo", av.AudioFormat(codec.sample_format)
        if codec.bit_rate is not None:
            stream.bit_rate = codec.bit_rate
        at = 0
        for window in timeline.windows():
            frame = av.AudioFrame.from_ndarray(window.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate, frame.pts = timeline.rate_hz, at
            at += len(window)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _coded_samples(path: str, media_format: Format, rate_hz: int) -> int:
    with av.open(path, format=_CODECS[media_format].container) as container:
        stream = container.streams.audio[0]
        walked: int = sum(packet.duration or 0 for packet in container.demux(stream))
        if not walked or stream.codec_context.channels != 2:  # noqa: PLR2004 - left and right
            raise Corrupt("media-unreadable", f"{Path(path).name} is no stereo {media_format.value} file")
        unit = Fraction(stream.time_base or 0)
        if media_format is Format.OPUS:
            head = stream.codec_context.extradata or b""
            skipped = int.from_bytes(head[10:12], "little")  # OpusHead's pre-skip, RFC 7845 5.1
            return round((walked - skipped) * rate_hz / _OPUS_HZ)
        if media_format is Format.MP3 and stream.duration is not None:
            walked = min(walked, stream.duration)  # the encoder's padding is walked, but not played (LAME tag)
        length: Fraction = walked * unit * rate_hz
        return round(length)


@contextmanager
def _codec_errors(path: str) -> Iterator[None]:
    """PyAV's errors: those of the disk stay OSError, the rest says that the bytes are wrong."""
    try:
        yield
    except av.error.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise Corrupt("codec", f"{Path(path).name}: {error.strerror or type(error).__name__}") from error


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
