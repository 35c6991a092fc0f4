"""Measures sound as it passes: its peaks, and where there is a voice (WebRTC's detector, by webrtcvad).

Both sides are separated once for each window: peaks on interleaved samples cost many times more.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from callrec.domain.library.waveform import FRAME_S, POINTS_S, Waveform, spoken

_RATES = frozenset({8000, 16000, 32000, 48000})
"""At which the detector works."""
_MODE = 2
"""From 0, which takes most sounds for a voice, to 3."""
_QUIET = 64
"""A frame without a louder sample is silence: -54 dB. The detector is not asked about it."""
Samples = NDArray[np.int16]


class PeakMeter:
    """Windows of shape (samples, channels) in order, then the `waveform`."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz, self._channels = rate_hz, channels
        self._samples = 0
        self._sides = [_Side(rate_hz) for _ in range(channels)]

    def passing(self, windows: Iterator[Samples]) -> Iterator[Samples]:
        """The same windows, measured."""
        for window in windows:
            self.add(window)
            yield window

    def add(self, window: Samples) -> None:
        """Measure the next window."""
        self._samples += len(window)
        for channel, side in enumerate(self._sides):
            side.add(np.ascontiguousarray(window[:, channel]))

    def waveform(self, media_sha256: str) -> Waveform:
        """What was measured, of the media file with this digest."""
        for side in self._sides:
            side.end()
        peaks = np.concatenate([side.peaks() for side in self._sides], axis=1).astype(np.int8)
        length_s = self._samples / self._rate_hz
        voice = tuple(spoken(side.voiced, length_s) for side in self._sides)
        return Waveform(media_sha256, self._rate_hz, self._samples, self._channels, peaks.tobytes(), voice)


class _Side:
    """One channel. What is too short for a point, or a frame, waits for the next window."""

    def __init__(self, rate_hz: int) -> None:
        self._per_point, self._per_frame = rate_hz // POINTS_S, round(rate_hz * FRAME_S)
        self._rate_hz = rate_hz
        self._detector = webrtcvad.Vad(_MODE) if rate_hz in _RATES else None
        self._for_points = self._for_frames = np.empty(0, np.int16)
        self._peaks: list[Samples] = []
        self.voiced: list[bool] = []

    def add(self, sound: Samples) -> None:
        points = np.concatenate([self._for_points, sound])
        whole = len(points) // self._per_point * self._per_point
        self._for_points = points[whole:]
        self._measure(points[:whole].reshape(-1, self._per_point))
        frames = np.concatenate([self._for_frames, sound])
        whole = len(frames) // self._per_frame * self._per_frame
        self._for_frames = frames[whole:]
        self._listen(frames[:whole].reshape(-1, self._per_frame))

    def end(self) -> None:
        if len(self._for_points):
            self._measure(self._for_points.reshape(1, -1))

    def peaks(self) -> Samples:
        """Shape (points, 2): lowest and highest."""
        return np.concatenate(self._peaks) if self._peaks else np.empty((0, 2), np.int16)

    def _measure(self, points: Samples) -> None:
        if len(points):
            self._peaks.append(np.stack([points.min(axis=1), points.max(axis=1)], axis=1) >> 8)

    def _listen(self, frames: Samples) -> None:
        if self._detector is None or not len(frames):
            return
        loud = np.maximum(frames.max(axis=1), -(frames.min(axis=1).astype(np.int32))) >= _QUIET
        content, size = frames.tobytes(), self._per_frame * 2
        places = pairwise(range(0, len(content) + size, size))
        for (start, end), is_loud in zip(places, loud.tolist(), strict=True):
            self.voiced.append(is_loud and self._detector.is_speech(content[start:end], self._rate_hz))
