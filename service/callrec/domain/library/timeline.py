"""The time line of a capture: where in the stored file each of its samples stands, so that the file's time is the call's.

While neither side of a leg carries frames (a hold without music, a target that rings, parking, DTX, loss on both sides), the
MixMonitor writes nothing: the file gets shorter than the time, and all that follows moves forward. So silence is laid into the
stored file there, and here is what comes of it: `shortfalls` tells how much was not written, `silences` where it stands.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from callrec.domain.library.bursts import Burst
from callrec.domain.library.captures import Stretch

EXACT_S = 0.1
"""What a time line promises where every shortfall has its place."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Time in which nothing was written, in Unix time. `is_wait`: nothing was to be written. `is_late`: the recorder had not yet
    begun."""

    from_s: float
    to_s: float
    is_wait: bool
    is_late: bool = False

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.to_s - self.from_s


@dataclass(frozen=True, slots=True)
class Doubt:
    """Silence that stands somewhere between these samples; no look at the RTP counters tells where. `from_s`: when the first of
    them was written, in Unix time; `length_s`: how long the silence is."""

    from_sample: int
    to_sample: int
    from_s: float
    length_s: float


@dataclass(frozen=True, slots=True)
class CaptureTimeline:
    """Where the samples of a capture stand, what stands between them, and how exact that is (seconds)."""

    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...]
    exact_s: float
    bursts: tuple[Burst, ...] = ()
    """Where more was written than its time, so that silence in the samples was left out."""
    doubts: tuple[Doubt, ...] = ()
    """The silences whose place is not known."""

    @property
    def is_steady(self) -> bool:
        """Whether all samples stand one after another from its beginning on."""
        return len(self.stretches) <= 1 and all(
            one.at_sample == 0 and one.samples == one.to_sample for one in self.stretches
        )

    @property
    def samples(self) -> int:
        """How long it is, at the capture's rate."""
        return self.stretches[-1].at_sample + self.stretches[-1].samples if self.stretches else 0

    def sample_at(self, place: int) -> int:
        """The first of its samples that stands there or later; the number of all when none does."""
        for one in self.stretches:
            if one.samples and place < one.at_sample + one.samples:
                length = one.to_sample - one.from_sample
                return one.from_sample + max(0, place - one.at_sample) * length // one.samples
        return max((one.to_sample for one in self.stretches), default=0)

    def place_of(self, sample: int) -> int:
        """Where this one of its samples stands; where it ends, for one behind the last."""
        for one in self.stretches:
            if one.from_sample <= sample < one.to_sample:
                length = one.to_sample - one.from_sample
                return one.at_sample + (sample - one.from_sample) * one.samples // length
        return self.samples

    def cut(self, end: int, spans: Iterable[tuple[int, int]] = ()) -> "CaptureTimeline":
        """Without what stands behind this place, or between these: what stands behind them keeps its place."""
        end = min(end, self.samples)
        stretches = [one for one in self.stretches if one.samples]
        for first, last in (*spans, (end, self.samples)):
            parts = ((one, places) for one in stretches for places in ((0, first), (last, self.samples)))
            stretches = [_part(one, *places) for one, places in parts if one.at_sample < places[1]]
            stretches = [one for one in stretches if one.samples > 0]
        if not stretches or stretches[-1].at_sample + stretches[-1].samples < end:
            stretches.append(Stretch(0, 0, max(end, 0), 0))
        return replace(self, stretches=tuple(stretches))


def steady(samples: int) -> CaptureTimeline:
    """The time line of a capture whose samples stand one after another."""
    return CaptureTimeline((Stretch(0, samples, 0, samples),), (), EXACT_S)


def _part(stretch: Stretch, start: int, end: int) -> Stretch:
    """What of a stretch stands between these places; negative where nothing does."""
    at, length = stretch.at_sample, stretch.to_sample - stretch.from_sample
    first, last = max(start, at), min(end, at + stretch.samples)
    low, high = ((place - at) * length // stretch.samples for place in (first, last))
    return Stretch(stretch.from_sample + low, stretch.from_sample + high, first, last - first)
