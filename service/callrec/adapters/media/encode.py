"""Encodes captures into one stereo file: left is what the recorded user says (`read`), right what they hear (`write`). And into
tracks: one channel with one participant's voice, on the same time line.

Capture files have no header, so a window of the timeline is one `pread` of each: memory does not grow with the call's length, and
a file needs no repair after a crash (an odd last byte is cut). A partner capture is laid in where these are silent
(`partner_fill`). Windows are written to a WAV file directly, or encoded with PyAV.
The result is read back: a file whose length differs from its captures raises Corrupt and never reaches the library.

bench/media.py measures it on ten minutes of two 8 kHz legs, and has the reasons for the codecs' options.
"""

import os
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.encryption.contents import (
    PLAIN,
    Content,
    Contents,
    ContentStream,
    EncryptingSink,
    Sink,
    digest_of,
    for_av_to_read,
    for_av_to_write,
)
from callrec.adapters.media import foreign_files, partner_fill, shortening
from callrec.adapters.media.peaks import PeakMeter
from callrec.domain.errors import Corrupt
from callrec.domain.library.captures import (
    Encoded,
    EncodeJob,
    PartnerPiece,
    Piece,
    Played,
    Stretch,
    TrackJob,
    TrackVoice,
)
from callrec.domain.library.manifest import AnyFormat, Format

Samples = NDArray[np.int16]
Passing = Callable[[Iterator[Samples]], Iterator[Samples]]

WINDOW = 1 << 16
"""Samples per channel at a time: 8 s at 8 kHz."""
_SAMPLE_BYTES = 2
_STEREO, _MONO = 2, 1
_FADED = 64
"""Places of a crossfade where a sample is left out or taken twice: 8 ms at 8 kHz."""
_OPUS_HZ = 48_000
"""Opus counts samples at this rate, for any rate of its input (RFC 7845, 4)."""
_TOLERATED = {Format.MP3: 64}
"""Samples that a format may be longer than its source: an MP3 cannot be shorter than its decoder's delay."""
_WAV_MOST_BYTES = 0xFFFF_FFFF - 64


@dataclass(frozen=True, slots=True)
class _Codec:
    """PyAV's parameters for a format."""

    name: str
    container: str
    sample_format: str
    bit_rates: dict[int, int]
    """By the number of channels; without any the codec needs none."""
    options: dict[str, str]


_CODECS = {
    Format.FLAC: _Codec("flac", "flac", "s16", {}, {"compression_level": "5"}),
    Format.OPUS: _Codec(
        "libopus",
        "ogg",
        "s16",
        {_STEREO: 24_000, _MONO: 16_000},
        {"application": "audio", "frame_duration": "60", "compression_level": "5"},
    ),
    Format.MP3: _Codec("libmp3lame", "mp3", "s16p", {_STEREO: 32_000, _MONO: 24_000}, {"compression_level": "7"}),
}


class Line(Protocol):
    """Sound on one time axis, read once from its beginning to its end."""

    channels: int
    rate_hz: int
    samples: int
    """Per channel."""

    def windows(self) -> Iterator[Samples]:
        """All of it in order: arrays of shape (samples, channels), int16, at most `WINDOW` long."""
        ...


class PyAvEncoder:
    """Implements `app.ports.library.Encoder`: wav directly, flac, opus and mp3 with PyAV. `contents`: how files are opened."""

    def __init__(self, contents: Contents = PLAIN) -> None:
        self._contents = contents

    def encode(self, job: EncodeJob, into: str) -> Encoded:
        """See ports.Encoder. The same job gives the same bytes."""
        with on_disk(f"encoding {Path(into).name}"):
            return self._measured(Timeline(job), job.format, into)

    def encode_track(self, job: TrackJob, into: str) -> Encoded:
        """See ports.Encoder. The same job gives the same bytes."""
        with on_disk(f"encoding {Path(into).name}"):
            return self._measured(TrackLine(job), job.recording.format, into)

    def _measured(self, line: "Line", media_format: Format, into: str) -> Encoded:
        meter = PeakMeter(line.rate_hz, line.channels)
        encoded = self.write(line, media_format, into, meter.passing)
        return replace(encoded, waveform=meter.waveform(encoded.sha256))

    def write(self, line: "Line", media_format: Format, into: str, passing: "Passing" = iter) -> Encoded:
        """Encode a time line into this file, flush it to disk, read it back. The windows go through `passing` on their way.
        Raises OSError, Corrupt."""
        windows = passing(line.windows())
        with self._contents.writing(into) as sink:
            if media_format is Format.WAV:
                _write_wav(line, windows, sink)
            else:
                target = for_av_to_write(sink, into)
                with codec_errors(into, target):
                    _write_coded(line, windows, target, _CODECS[media_format])
        samples = self.samples(into, media_format, line.rate_hz, line.channels)
        if abs(samples - line.samples) > _TOLERATED.get(media_format, 0):
            raise Corrupt(
                "encoder-length",
                f"{line.samples} samples went in, {samples} came out",
                hint="the capture files are kept",
            )
        with self._contents.reading(into) as media:
            return Encoded(samples, media.size_bytes, digest_of(media))

    def samples(self, path: str, media_format: Format, rate_hz: int, channels: int = _STEREO) -> int:
        """See ports.Encoder. Reads the whole container, so that a truncated file is noticed."""
        with on_disk(f"reading {Path(path).name}"), self._contents.reading(path) as media:
            if media_format is Format.WAV:
                return _wav_samples(media, path, rate_hz, channels)
            source = for_av_to_read(media, path)
            with codec_errors(path, source):
                return _coded_samples(source, path, media_format, rate_hz, channels)

    def played(self, path: str, media_format: AnyFormat) -> Played:
        """See ports.Encoder."""
        with on_disk(f"reading {Path(path).name}"), self._contents.reading(path) as media:
            source = for_av_to_read(media, path)
            with codec_errors(path, source):
                return foreign_files.played(media, source, path, media_format)


class _Leg:
    """One file of a piece as samples at the job's rate, on the piece's own time line; a missing file has length 0.

    It is open only while it is read: a call with many holds has more captures than a process may have open files."""

    def __init__(self, path: str | None, factor: int, stretches: Sequence[Stretch]) -> None:
        self._factor = factor
        self._stretches = stretches
        self._path = path
        self._captured = 0
        if path is not None:
            with self._opened(path) as descriptor:
                self._captured = os.fstat(descriptor).st_size // _SAMPLE_BYTES
        self._written = self._captured * factor
        last = stretches[-1] if stretches and path is not None else None
        self.samples = (last.at_sample + last.samples) * factor if last else self._written
        self._starts = [stretch.at_sample * factor for stretch in stretches]

    def window(self, start: int, end: int) -> Samples:
        """Samples `start` to `end` of this leg, fewer where it ends before."""
        if not self._stretches:
            return self._samples(start, end)
        laid = np.zeros(max(0, min(end, self.samples) - start), np.int16)
        for stretch in self._stretches[max(0, bisect_right(self._starts, start) - 1) :]:
            at = stretch.at_sample * self._factor
            first, last = max(start, at), min(end, at + stretch.samples * self._factor)
            if at >= end:
                break
            if first < last:
                heard = self._stretched(stretch, first - at, last - at)
                laid[first - start : first - start + len(heard)] = heard
        return laid

    @property
    def begins(self) -> int:
        """Where its first sample stands: before it its recorder had not begun."""
        return min(self._starts[:1] or [0])

    def unwritten(self) -> Iterator[tuple[int, int]]:
        """The places of its time line in which its recorder wrote nothing, from and to in samples."""
        at = 0
        for stretch in self._stretches:
            if stretch.at_sample > at:
                yield at * self._factor, stretch.at_sample * self._factor
            at = stretch.at_sample + stretch.samples

    def _stretched(self, stretch: Stretch, start: int, end: int) -> Samples:
        """Samples `start` to `end` of a stretch. Where it has other samples than places, single ones are left out or taken twice,
        with a short crossfade."""
        origin, length = (
            count * self._factor for count in (stretch.from_sample, stretch.to_sample - stretch.from_sample)
        )
        if stretch.samples * self._factor == length:
            return self._samples(origin + start, origin + end)
        if shortening.is_crowded(length, stretch.samples * self._factor):
            whole = self._samples(origin, origin + length)
            return shortening.shortened(whole, stretch.samples * self._factor)[start:end]
        before, share = _faded(start, end, length / (stretch.samples * self._factor))
        first = int(before[0])
        heard = self._samples(origin + first, origin + min(int(before[-1]) + 2, length))
        before -= first
        known = before < len(heard)
        before, share = before[known], share[known]
        behind = np.minimum(before + 1, max(len(heard) - 1, 0))
        return np.rint(heard[before] * (1 - share) + heard[behind] * share).astype(np.int16)

    def _samples(self, start: int, end: int) -> Samples:
        """Samples of the file at the job's rate, fewer where it ends before."""
        end = min(end, self._written)
        if start >= end:
            return np.empty(0, np.int16)
        if self._factor == 1:
            return self._read(start, end)
        return _doubled(self._read, self._captured, start, end)

    def _read(self, start: int, end: int) -> Samples:
        assert self._path is not None  # noqa: S101 - for mypy: without a file no sample is asked for
        wanted = (end - start) * _SAMPLE_BYTES
        with self._opened(self._path) as descriptor:
            content = os.pread(descriptor, wanted, start * _SAMPLE_BYTES)
        if len(content) != wanted:
            raise Corrupt("capture-shrank", "a captured file became shorter while it was read")
        return np.frombuffer(content, "<i2")

    @staticmethod
    @contextmanager
    def _opened(path: str) -> Iterator[int]:
        with on_disk(f"leg {Path(path).name}"):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


class Timeline:
    """The job's pieces on one time axis, read in windows; where two pieces overlap, their samples are added."""

    channels = _STEREO

    def __init__(self, job: EncodeJob) -> None:
        self.rate_hz = job.rate_hz
        self._pieces = [(piece.at_sample, self.legs(piece)) for piece in job.pieces]
        self.samples = max((at + max(leg.samples for leg in legs) for at, legs in self._pieces), default=0)
        both = list(zip(job.pieces, self._pieces, strict=True))
        self._said = [(at, write if piece.is_own_voice else read) for piece, (at, (read, write)) in both]
        self._heard = [(at, write) for piece, (at, (_, write)) in both if not piece.is_own_voice]
        self._partners = [(partner, self.legs(partner.piece, may_begin_before=True)) for partner in job.partners]
        held = max((_held_until(partner, legs) for partner, legs in self._partners), default=0)
        if held - self.samples > partner_fill.LONGER_S * self.rate_hz:
            self.samples = held

    def windows(self) -> Iterator[Samples]:
        """All windows in order: arrays of shape (samples, 2), int16, left and right."""
        # Not before: the tracks ask a time line for its legs only, and to look for silence is to read every sample.
        fills = [fill for partner, legs in self._partners for fill in self._fills_of(partner, *legs)]
        for start in range(0, self.samples, WINDOW):
            window = np.zeros((min(WINDOW, self.samples - start), 2), np.int16)
            for at, legs in self._pieces:
                for side, leg in enumerate(legs):
                    _lay(window[:, side], leg, start - at)
            for fill in fills:
                fill.lay(window, start)
            yield window

    def _fills_of(self, partner: PartnerPiece, says: "_Leg", hears: "_Leg") -> Iterator["_Fill"]:
        """Where this partner capture stands in. What the partner says is what the recorded user hears, and vice versa."""
        at = partner.piece.at_sample + self.shift(hears, partner.piece.at_sample)
        covered = [
            (start + min(leg.begins for leg in legs), start + max(leg.samples for leg in legs))
            for start, legs in self._pieces
        ]
        unwritten = [
            (start + first, start + last) for start, (_, leg) in self._pieces for first, last in leg.unwritten()
        ]
        for start, end in partner.spans:
            span = max(start, 0), min(end, self.samples)
            bare = partner_fill.gaps(covered, span)
            places = range(*span, WINDOW)
            windows = ((place, _mixed(self._heard, place, min(place + WINDOW, span[1]))) for place in places)
            silent = partner_fill.silent_ranges(windows, span, self.rate_hz)
            silent = partner_fill.without_unwritten(silent, unwritten, span, round(partner_fill.DEAF_S * self.rate_hz))
            for place in partner_fill.joined([*silent, *bare]):
                yield _Fill(says, at, place, side=1)
            for place in partner_fill.without(bare, partner_fill.gaps(partner.both, span)):
                yield _Fill(hears, at, place, side=1 if partner.of_others else 0)

    def shift(self, hears: "_Leg", at: int) -> int:
        """How far off the stamps of a partner capture are, by what both captures hold of the captured leg's voice."""
        most = round(partner_fill.MOST_SHIFT_S * self.rate_hz)
        broken = [*hears.unwritten()]
        for start, leg in self._said:
            broken += [(start + first - at - most, start + last - at + most) for first, last in leg.unwritten()]
        for first, last in partner_fill.compared(broken, max(0, -at), self.rate_hz):
            heard = hears.window(first, last)
            if heard.any():
                break
        return partner_fill.shift(_mixed(self._said, at + first - most, at + first + len(heard) + most), heard, most)

    def legs(self, piece: Piece, *, may_begin_before: bool = False) -> tuple[_Leg, _Leg]:
        """Both sides of a piece. Raises Corrupt for one that does not fit."""
        factor, rest = divmod(self.rate_hz, piece.rate_hz)
        is_before = piece.at_sample < 0 and not may_begin_before
        if rest or factor not in {1, 2} or is_before:
            raise Corrupt(
                "piece-place", f"a piece of {piece.rate_hz} Hz at {piece.at_sample} does not fit the timeline"
            )
        read, write = (_Leg(path, factor, piece.stretches) for path in (piece.read, piece.write))
        return read, write


class TrackLine:
    """One participant's voice on the time axis of their recording, read in windows of one channel."""

    channels = _MONO

    def __init__(self, job: TrackJob) -> None:
        self._recording = Timeline(job.recording)
        self.rate_hz, self.samples = self._recording.rate_hz, job.samples
        self._fills = [fill for voice in job.voices for fill in self._fills_of(voice)]

    def windows(self) -> Iterator[Samples]:
        """All windows in order: arrays of shape (samples, 1), int16."""
        for start in range(0, self.samples, WINDOW):
            window = np.zeros((min(WINDOW, self.samples - start), _MONO), np.int16)
            for fill in self._fills:
                fill.lay(window, start)
            yield window

    def _fills_of(self, voice: TrackVoice) -> Iterator["_Fill"]:
        says, hears = self._recording.legs(voice.piece, may_begin_before=voice.is_partner)
        at = voice.piece.at_sample
        at += self._recording.shift(hears, at) if voice.is_partner else 0
        for start, end in voice.spans:
            yield _Fill(hears if voice.is_heard else says, at, (max(start, 0), min(end, self.samples)), side=0)


@dataclass(frozen=True, slots=True)
class _Fill:
    """A leg that begins at a sample of the timeline, and the one stretch in which it stands in on this side."""

    leg: _Leg
    at: int
    place: tuple[int, int]
    side: int

    def lay(self, window: Samples, start: int) -> None:
        """Add it to a window that begins at this sample."""
        first, last = max(self.place[0], start), min(self.place[1], start + len(window))
        if first < last:
            _lay(window[first - start : last - start, self.side], self.leg, first - self.at)


def _faded(start: int, end: int, ratio: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For these places of a stretch with `ratio` samples for each: the sample before, and the share of the one behind it. Around
    each jump the one fades into the other within _FADED places; elsewhere samples stay as they are."""
    places = np.arange(start, end)
    ahead = places * (ratio - 1)
    whole = np.floor(ahead)
    steep = max(1.0, 1 / (abs(ratio - 1) * _FADED))
    share = np.clip((ahead - whole - 0.5) * steep + 0.5, 0.0, 1.0)
    return places + whole.astype(np.int64), share


def _held_until(partner: PartnerPiece, legs: Sequence[_Leg]) -> int:
    """Where a partner capture ends for the file."""
    last = partner.piece.at_sample + max(leg.samples for leg in legs)
    return max((min(end, last) for _, end in partner.spans), default=0)


def _mixed(legs: Sequence[tuple[int, _Leg]], start: int, end: int) -> Samples:
    """What these hold from here to there, each at its place on the timeline; before the beginning there is silence."""
    channel = np.zeros(end - start, np.int16)
    for at, leg in legs:
        _lay(channel, leg, start - at)
    return channel


def _lay(channel: Samples, leg: _Leg, start: int) -> None:
    """Add the leg's samples from its sample `start` on to a channel's window (negative: the leg begins later)."""
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
    """The odd taps of a half-band low pass: they interpolate between two samples from 16 on each side (ripple below 0.01 dB)."""
    away = np.arange(-15.5, 16.0)
    taps = np.sinc(away) * np.kaiser(len(away), 6.0)
    return np.asarray(taps / taps.sum(), np.float32)


_TAPS = _half_band()
_REACH = len(_TAPS) // 2


def _doubled(read: Callable[[int, int], Samples], captured: int, start: int, end: int) -> Samples:
    """Samples `start` to `end` at twice the captured rate: the captured samples, and one interpolated between each two."""
    first, last = start // 2, (end + 1) // 2
    left, right = max(0, first - _REACH), min(captured, last + _REACH)
    around = np.zeros(last - first + 2 * _REACH, np.float32)
    around[left - first + _REACH : right - first + _REACH] = read(left, right)
    between = np.convolve(around[1:], _TAPS, mode="valid")
    both = np.empty((last - first, 2), np.int16)
    both[:, 0] = around[_REACH : _REACH + last - first]
    both[:, 1] = np.clip(np.rint(between), -32768, 32767)
    return both.reshape(-1)[start - 2 * first : end - 2 * first]


def _wav_header(rate_hz: int, content_bytes: int, channels: int = _STEREO) -> bytes:
    """44 bytes of RIFF; from 4 GiB on 80 bytes of RF64 (EBU Tech 3306), whose sizes have 64 bits."""
    frame_bytes = channels * _SAMPLE_BYTES
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, 16)
    if content_bytes <= _WAV_MOST_BYTES:
        riff = struct.pack("<4sI4s", b"RIFF", 36 + content_bytes, b"WAVE")
        return riff + form + struct.pack("<4sI", b"data", content_bytes)
    riff = struct.pack("<4sI4s", b"RF64", 0xFFFF_FFFF, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, 72 + content_bytes, content_bytes, content_bytes // frame_bytes, 0)
    return riff + sizes + form + struct.pack("<4sI", b"data", 0xFFFF_FFFF)


def _write_wav(timeline: Line, windows: Iterator[Samples], sink: Sink) -> None:
    content_bytes = timeline.samples * timeline.channels * _SAMPLE_BYTES
    sink.write(_wav_header(timeline.rate_hz, content_bytes, timeline.channels))
    for window in windows:
        sink.write(window.data.cast("B"))


def _wav_samples(media: Content, path: str, rate_hz: int, channels: int) -> int:
    """The length by the header, which must be exactly that of `_wav_header` for this file size: then the file is complete."""
    size, start = media.size_bytes, media.read(0, 80)
    for header_bytes in (44, 80):
        if size >= header_bytes and start[:header_bytes] == _wav_header(rate_hz, size - header_bytes, channels):
            return (size - header_bytes) // (channels * _SAMPLE_BYTES)
    raise Corrupt("media-unreadable", f"{Path(path).name} is not a WAV file of callrec's, or is cut off")


def _write_coded(timeline: Line, windows: Iterator[Samples], into: str | EncryptingSink, codec: _Codec) -> None:
    layout = "stereo" if timeline.channels == _STEREO else "mono"
    # bitexact: no random stream numbers and no version tags, so that the same legs give the same digest after a crash.
    with av.open(into, "w", format=codec.container, options={"fflags": "+bitexact"}) as container:
        options = {**codec.options, "flags": "+bitexact"}
        stream = container.add_stream(codec.name, rate=timeline.rate_hz, options=options)
        assert isinstance(stream, av.AudioStream)  # noqa: S101 - for mypy: PyAV's types need a literal codec name
        stream.layout, stream.format = layout, av.AudioFormat(codec.sample_format)
        if timeline.channels in codec.bit_rates:
            stream.bit_rate = codec.bit_rates[timeline.channels]
        at = 0
        for window in windows:
            frame = av.AudioFrame.from_ndarray(window.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.pts = timeline.rate_hz, at
            at += len(window)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _coded_samples(source: str | ContentStream, path: str, media_format: Format, rate_hz: int, channels: int) -> int:
    with av.open(source, "r", format=_CODECS[media_format].container) as container:
        stream = container.streams.audio[0]
        walked: int = sum(packet.duration or 0 for packet in container.demux(stream))
        if not walked or stream.codec_context.channels != channels:
            says = f"{Path(path).name} is not a {media_format.value} file with {channels} channels"
            raise Corrupt("media-unreadable", says)
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
def codec_errors(path: str, opened: str | ContentStream | EncryptingSink = "") -> Iterator[None]:
    """Turns PyAV's errors into Corrupt, except those of the disk, which stay OSError, and those of what PyAV has `opened`, which
    are raised themselves."""
    try:
        yield
    except av.error.FFmpegError as error:
        if not isinstance(opened, str) and opened.error is not None:
            raise opened.error from error
        if isinstance(error, OSError):
            raise
        raise Corrupt("codec", f"{Path(path).name}: {error.strerror or type(error).__name__}") from error
