"""Reads a stored media file as samples again, and encodes it in another format, exactly as long."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np

from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.encryption.contents import PLAIN, Contents, ContentStream, for_av_to_read
from callrec.adapters.media.encode import WINDOW, PyAvEncoder, Samples, codec_errors
from callrec.adapters.media.foreign_files import opened
from callrec.adapters.media.peaks import PeakMeter
from callrec.domain.errors import Corrupt
from callrec.domain.library.captures import Encoded
from callrec.domain.library.manifest import Format, Media
from callrec.domain.library.waveform import Waveform

_LAYOUTS = {1: "mono", 2: "stereo"}
_SHORT_S = 0.05
"""What a decoder may give less than the sidecar says: the padding of a lossy codec. A file that lacks more is cut off."""


class PyAvTranscoder:
    """Implements `app.ports.media.Transcoder`. `contents`: how both files are opened."""

    def __init__(self, contents: Contents = PLAIN) -> None:
        self._contents = contents

    def transcode(self, source: str, media: Media, channels: int, into_format: Format, into: str) -> Encoded:
        """See ports.Transcoder."""
        with on_disk(f"re-encoding {Path(source).name}"):
            line = StoredLine(source, media, channels, self._contents)
            return PyAvEncoder(self._contents).write(line, into_format, into)


class PyAvMeasurer:
    """Implements `app.ports.media.Measurer`. `contents`: how files are opened."""

    def __init__(self, contents: Contents = PLAIN) -> None:
        self._contents = contents

    def measured(self, source: str, media: Media, channels: int) -> Waveform:
        """See ports.Measurer."""
        meter = PeakMeter(media.rate_hz, channels)
        with on_disk(f"reading {Path(source).name}"):
            for window in StoredLine(source, media, channels, self._contents).windows():
                meter.add(window)
        return meter.waveform(media.sha256)


class StoredLine:
    """A media file as a time line, in its own rate; see `encode.Line`."""

    def __init__(self, path: str, media: Media, channels: int, contents: Contents = PLAIN) -> None:
        self._path, self._format, self._contents = path, media.format, contents
        self.rate_hz, self.samples, self.channels = media.rate_hz, media.samples, channels

    def windows(self) -> Iterator[Samples]:
        """All windows in order. Raises Corrupt when it cannot be decoded, or is shorter than its sidecar says; OSError."""
        left, waiting, waits = self.samples, list[Samples](), 0
        for part in self._decoded():
            waiting.append(part[: left - waits])
            waits += len(waiting[-1])
            while waits >= WINDOW:
                whole = np.concatenate(waiting)
                yield whole[:WINDOW]
                waiting, waits, left = [whole[WINDOW:]], waits - WINDOW, left - WINDOW
        lacking = left - waits
        if lacking > _SHORT_S * self.rate_hz:
            raise Corrupt("media-length", f"{Path(self._path).name} lacks {lacking / self.rate_hz:.3f} s of its length")
        if left:
            whole = np.concatenate([*waiting, np.zeros((lacking, self.channels), np.int16)])
            yield from (whole[at : at + WINDOW] for at in range(0, left, WINDOW))

    def _decoded(self) -> Iterator[Samples]:
        """Arrays of shape (samples, channels) of any length, at this line's rate."""
        with self._contents.reading(self._path) as content:
            yield from self._frames(for_av_to_read(content, self._path))

    def _frames(self, source: str | ContentStream) -> Iterator[Samples]:
        with codec_errors(self._path, source), opened(source, self._format) as container:
            if not container.streams.audio or container.streams.audio[0].codec_context.channels != self.channels:
                says = f"{Path(self._path).name} is not a {self._format.value} file with {self.channels} channels"
                raise Corrupt("media-unreadable", says)
            resampler = av.AudioResampler("s16", _LAYOUTS[self.channels], self.rate_hz)
            for frame in chain(container.decode(audio=0), [None]):
                for part in resampler.resample(frame):
                    yield np.asarray(part.to_ndarray(), np.int16).reshape(-1, self.channels)
