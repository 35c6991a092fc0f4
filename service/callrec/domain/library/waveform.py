"""What is drawn and marked of a stored file: its loudness over time, and when there is a voice on each side."""

from collections.abc import Iterable
from dataclasses import dataclass

from callrec.domain.library.spans import Span

POINTS_S = 20
"""Points for each second: finer than a screen shows of a call."""
FRAME_S = 0.03
"""Voice is looked for in pieces of this length."""
_JOINED = 10
"""So many pieces without a voice, 0.3 s, belong to what is said: as long are pauses between two words."""
_SHORTEST = 3
"""Fewer pieces, less than 0.09 s, are no voice: a click, a key."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """Of one media file with this digest."""

    media_sha256: str
    rate_hz: int
    samples: int
    """Per channel."""
    channels: int
    peaks: bytes
    """For each point in time, for each channel: the lowest and the highest sample, divided by 256, as two signed bytes."""
    voice: tuple[tuple[Span, ...], ...] = ()
    """For each channel: when somebody speaks, in seconds from the beginning, ascending. Empty where it was not looked for."""

    @property
    def samples_per_point(self) -> int:
        """How many samples a point stands for; the last one for fewer."""
        return self.rate_hz // POINTS_S

    @property
    def points(self) -> int:
        """How many there are."""
        return -(-self.samples // self.samples_per_point)

    @property
    def length_s(self) -> float:
        """How long the file plays."""
        return self.samples / self.rate_hz

    def side(self, channel: int, most_points: int) -> list[int]:
        """The peaks of one channel, lowest and highest in turn, as at most `most_points` pairs that stand for equal times."""
        step = max(1, -(-self.points // most_points))
        both = memoryview(self.peaks).cast("b")
        lows = both[2 * channel :: 2 * self.channels].tolist()
        highs = both[2 * channel + 1 :: 2 * self.channels].tolist()
        places = range(0, self.points, step)
        return [peak for at in places for peak in (min(lows[at : at + step]), max(highs[at : at + step]))]


def spoken(frames: Iterable[bool], length_s: float) -> tuple[Span, ...]:
    """The times with a voice, of these pieces of FRAME_S, each with or without one."""
    spans: list[tuple[int, int]] = []
    for nth, is_voice in enumerate(frames):
        if is_voice and spans and nth - spans[-1][1] <= _JOINED:
            spans[-1] = spans[-1][0], nth + 1
        elif is_voice:
            spans.append((nth, nth + 1))
    times = ((start * FRAME_S, min(end * FRAME_S, length_s)) for start, end in spans if end - start >= _SHORTEST)
    return tuple((round(start_s, 3), round(end_s, 3)) for start_s, end_s in times)
