"""The time line of a capture: where in the stored file each of its samples stands, so that the file's time is the call's.

Theory. While neither side of a leg carries frames (a hold without music, a target that rings, parking, DTX, loss on both sides),
the MixMonitor writes nothing: the file gets shorter than the time, and all that follows moves forward. So silence is laid into
the stored file there. How much, and where:

- A *growth mark* tells when the file had which length: Asterisk writes in steps of 32 KiB (2.05 s at 8 kHz), and the time of the
  last write is exact. A mark may be late (a busy machine), never early: so many seconds `at_s - from_s - samples / rate` were
  written too little before it, or fewer. What a later mark says bounds an earlier one.
- Between two marks the shortfall is known, its place is not. Waits without music (`Hold`, `Unhold`, ringing, parked), which have
  exact times, take it first; then times in which the RTP counters of the leg stood still (`RtpGap`), which were looked at each
  tenth of a second when frames did not seem to flow. The rest stands in the middle of what was written between the marks. What is
  in no wait is called unexplained.
- A phone's clock may run fast or slow, by 500 ppm at most: so slow a change is no silence. The samples between the marks are
  stretched instead, or some are left out.
- Packets that come late and then all at once make the file longer than its time (`bursts`): there, some of its silence is left
  out.
- What a capture lacks at its very end has no silence in the file, when it broke off or when its leg was alone.

A capture without marks (its daemon was restarted) is one stretch between its beginning and its end.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from callrec.domain.calls.model import Capture, GrowthMark
from callrec.domain.library.bursts import Burst, surpluses_s
from callrec.domain.library.captures import Stretch
from callrec.domain.library.rtp_gaps import outside_waits
from callrec.domain.library.spans import Span

EXACT_S = 0.1
"""What a time line promises where every shortfall has its place."""
NOTICED_S = 0.04
"""A smaller shortfall is not made good: two frames, and how late Asterisk's thread may write."""
NEWS_S = 0.08
"""So much must a mark differ from steady writing to be kept: more than one packet of 60 ms, which comes now before a step is full
and now after it."""
NEAR_S = 0.2
"""So long a phone may send nothing around a hold, and before it hangs up: it asks for that first, and Asterisk answers."""
FIRST_S = 0.5
"""So long after its answer a phone's first packet may come: until then there is nothing to write."""
LATE_S = 0.5
"""How late a mark may be on a busy machine."""
DRIFT_MOST, DRIFT = 0.0005, 0.0001
"""A phone's clock at its worst, and the clocks of a phone and this machine as they should be (each crystal within 50 ppm)."""


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
class CaptureTimeline:
    """Where the samples of a capture stand, what stands between them, and how exact that is (seconds)."""

    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...]
    exact_s: float
    bursts: tuple[Burst, ...] = ()
    """Where more was written than its time, so that silence in the samples was left out."""

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


def capture_timeline(
    capture: Capture, samples: int, rate_hz: int, waits: Sequence[Span], *, at_answer: bool = False
) -> CaptureTimeline:
    """The time line of this capture. `samples`: in the longer one of its files; `waits`: times in which it may have had nothing
    to write, ascending, none overlapping another; the last may last for ever. `at_answer`: it began when a call was answered."""
    marks = _marks(capture, samples)
    surpluses = _surpluses_s(capture, marks, rate_hz)
    offsets = _offsets(marks, surpluses, capture.from_s, rate_hz, waits)
    line = _Line(capture, rate_hz, waits, at_answer=at_answer)
    line.begin(offsets[0])
    for (last, mark), (before_s, wanted_s), (was_s, surplus_s) in zip(
        pairwise(marks), pairwise(offsets), pairwise(surpluses), strict=True
    ):
        if surplus_s > was_s:
            line.squeeze(last.samples, mark.samples, surplus_s - was_s, is_end=mark is marks[-1])
        offset_s = wanted_s - surplus_s
        if abs(offset_s - line.offset_s) <= NOTICED_S:
            continue
        if wanted_s - before_s <= _drift_s(last, mark, rate_hz):
            line.drift(mark.samples, offset_s)
        else:
            line.leave_out(last.samples, mark.samples, offset_s - line.offset_s, is_end=mark is marks[-1])
    if marks[-1].at_s == capture.to_s:
        line.is_longer(line.offset_s + samples / rate_hz - (capture.to_s - capture.from_s))
    return line.end(samples)


def steady(samples: int) -> CaptureTimeline:
    """The time line of a capture whose samples stand one after another."""
    return CaptureTimeline((Stretch(0, samples, 0, samples),), (), EXACT_S)


def is_news(kept: GrowthMark, mark: GrowthMark, rate_hz: int) -> bool:
    """Whether a mark tells more than that Asterisk went on to write since the one that was kept last."""
    shortfall_s = mark.at_s - kept.at_s - (mark.samples - kept.samples) / rate_hz
    return abs(shortfall_s) > NEWS_S


def _part(stretch: Stretch, start: int, end: int) -> Stretch:
    """What of a stretch stands between these places; negative where nothing does."""
    at, length = stretch.at_sample, stretch.to_sample - stretch.from_sample
    first, last = max(start, at), min(end, at + stretch.samples)
    low, high = ((place - at) * length // stretch.samples for place in (first, last))
    return Stretch(stretch.from_sample + low, stretch.from_sample + high, first, last - first)


def _marks(capture: Capture, samples: int) -> list[GrowthMark]:
    """All that is known, from the beginning to the end, ascending."""
    opened_s = next((mark.at_s for mark in capture.marks if mark.samples == 0), capture.from_s)
    marks = [GrowthMark(0, max(opened_s, capture.from_s))]
    for mark in capture.marks:
        if marks[-1].samples < mark.samples < samples and mark.at_s > marks[-1].at_s:
            marks.append(mark)
    if (
        capture.to_s is None or marks[-1].at_s > capture.to_s + LATE_S
    ):  # a machine's clock that was set tells of such an end
        return marks
    return [*(mark for mark in marks if mark.at_s < capture.to_s), GrowthMark(samples, capture.to_s)]


def _surpluses_s(capture: Capture, marks: Sequence[GrowthMark], rate_hz: int) -> list[float]:
    """How much more than its time had been written before each mark. When the beginning of the files was not seen (the dialplan
    began them), it is only known to have been no later than `from_s`: what the first mark is ahead by is no burst."""
    is_seen = any(mark.samples == 0 for mark in capture.marks)
    known = marks if is_seen or len(marks) == 1 else marks[1:]
    found = surpluses_s(known, capture.from_s, rate_hz, lambda last, mark: _drift_s(last, mark, rate_hz))
    return [0.0] * (len(marks) - len(known)) + found


def _offsets(
    marks: Sequence[GrowthMark], surpluses: Sequence[float], from_s: float, rate_hz: int, waits: Sequence[Span]
) -> list[float]:
    """How much time had not been written before each mark, in seconds; what was written beyond its time (`bursts`) is no part of
    it.

    Marks may be late: it is never more than a later one says, but for what a fast phone has made up between the two. Of the last
    mark before a wait nothing is known in this way. But what lies beside the waits does not shrink either, unless somebody speaks
    in one: if it shrinks by little, the mark was late. Of one that comes in a wait, too: it is of the time before.
    """
    offsets = [
        mark.at_s - from_s - mark.samples / rate_hz + surplus_s
        for mark, surplus_s in zip(marks, surpluses, strict=True)
    ]
    drifts_s = [_drift_s(last, mark, rate_hz) for last, mark in pairwise(marks)]
    waited_s = [sum(end - max(start, from_s) for start, end in waits if from_s < end <= mark.at_s) for mark in marks]
    for nth in range(len(marks) - 2, -1, -1):
        most_s = offsets[nth + 1] + drifts_s[nth]
        beside_s = most_s - waited_s[nth + 1] + waited_s[nth]
        offsets[nth] = min(offsets[nth], most_s, beside_s if offsets[nth] <= beside_s + LATE_S else math.inf)
    offsets[0] = max(0.0, offsets[0])
    for nth in range(1, len(marks)):
        offsets[nth] = max(offsets[nth], offsets[nth - 1] - drifts_s[nth - 1])
    return offsets


def _drift_s(last: GrowthMark, mark: GrowthMark, rate_hz: int) -> float:
    """By how much clocks may have run apart between two marks. Marks come long before a bad clock is off by 100 ms, so in a long
    time without any only what good ones do is believed."""
    length_s = (mark.samples - last.samples) / rate_hz
    return min(DRIFT_MOST * length_s, max(DRIFT * length_s, EXACT_S))


@dataclass(frozen=True, slots=True)
class _Silence:
    """So many samples of silence that end at this instant."""

    samples: int
    end_s: float
    is_wait: bool


class _Line:
    """A time line as it is laid, from the beginning on."""

    def __init__(self, capture: Capture, rate_hz: int, waits: Sequence[Span], *, at_answer: bool) -> None:
        self._from_s, self._rate_hz, self._waits = capture.from_s, rate_hz, waits
        self._rtp_gaps = capture.rtp_gaps
        self._broke_off, self._at_answer = bool(capture.cause), at_answer
        self._stretches: list[Stretch] = []
        self._gaps: list[Gap] = []
        self._next = 0
        """The first sample that has no place yet."""
        self._offset = 0
        """So many samples of silence stand before it."""
        self._exact_s = EXACT_S
        self._bursts: list[Burst] = []

    @property
    def offset_s(self) -> float:
        """So much silence stands in it up to now; negative when more was left out."""
        return self._offset / self._rate_hz

    def begin(self, late_s: float) -> None:
        """The recorder began so much later than it was asked for."""
        if late_s > NOTICED_S:
            self._silence(0, round(late_s * self._rate_hz), is_wait=False, is_late=True)

    def drift(self, to_sample: int, offset_s: float) -> None:
        """Up to this sample a phone's clock has run away: the samples take a little more time, or less."""
        change = round(offset_s * self._rate_hz) - self._offset
        self._lay(to_sample, change)
        self._offset += change

    def squeeze(self, low: int, high: int, surplus_s: float, *, is_end: bool) -> None:
        """Between these samples so much more was written than the time. At the end it is the rest of a burst before."""
        low = max(low, self._next)
        self._lay(low, 0)
        surplus = min(round(surplus_s * self._rate_hz), high - low)
        from_s = self._time_s(low)
        self._lay(high, -surplus)
        self._offset -= surplus
        if not is_end:
            self._bursts.append(Burst(from_s, self._time_s(high), surplus_s))

    def is_longer(self, surplus_s: float) -> None:
        """It ends so much later than its recorder, for a reason that is not known: so far something may stand behind its time."""
        self._exact_s = max(self._exact_s, surplus_s)

    def leave_out(self, low: int, high: int, gap_s: float, *, is_end: bool) -> None:
        """So much time was not written, somewhere between these two samples."""
        low = max(low, self._next)
        within = self._time_s(low), self._time_s(high) + gap_s
        is_waited_for = any(within[0] < end < within[1] for _, end in self._waits)
        is_broken = is_end and self._broke_off
        stills = [] if is_broken else self._stills(within, gap_s, is_near=is_waited_for or is_end)
        waits = self._waits_between(within, gap_s - self._seconds(stills))
        rest = round((gap_s - self._seconds((*waits, *stills))) * self._rate_hz)
        rest = rest if rest > NOTICED_S * self._rate_hz else 0
        if rest and not stills and not is_broken:
            rest -= self._unexplained(low, high, rest, is_end=is_end, is_waited_for=is_waited_for)
        for one in sorted((*waits, *stills), key=lambda one: one.end_s):
            place = self._sample(one.end_s) - one.samples
            if place > high and rest:  # all that was written ends before this wait begins
                self._silence(high, min(rest, place - high), is_wait=False)
                rest -= min(rest, place - high)
                place = self._sample(one.end_s) - one.samples
            self._silence(min(max(place, self._next), high), one.samples, is_wait=one.is_wait)
        rest_s = rest / self._rate_hz
        if rest and is_broken:
            self._gaps.append(Gap(self._time_s(high), self._time_s(high) + rest_s, is_wait=False))
        elif rest:  # packets that were on their way
            self._silence(self._next, rest, is_wait=rest_s <= NEAR_S)
            self._exact_s = max(self._exact_s, rest_s)

    def _unexplained(self, low: int, high: int, rest: int, *, is_end: bool, is_waited_for: bool) -> int:
        """Lay the silence that no wait explains, where it has a place of its own; 0 where it belongs to a wait."""
        rest_s = rest / self._rate_hz
        if not low and self._at_answer and rest_s <= FIRST_S:
            self._silence(0, rest, is_wait=True)
        elif is_waited_for:
            return 0
        elif is_end and rest_s <= NEAR_S:
            self._silence(high, rest, is_wait=True)
        else:
            self._silence((low + high) // 2, rest, is_wait=False)
            if (high - low) / self._rate_hz > 2 * EXACT_S:
                self._exact_s = max(self._exact_s, rest_s)
        return rest

    def end(self, samples: int) -> CaptureTimeline:
        """The line is complete with these. After the last conversation nothing is filled up."""
        self._lay(samples, 0)
        heard = sum((self._stretches[-1].at_sample, self._stretches[-1].samples)) if self._stretches else 0
        over_s = next((start for start, end in self._waits if end == math.inf), math.inf)
        to_sample = samples + self._offset
        if over_s < math.inf:
            to_sample = min(to_sample, round((over_s - self._from_s) * self._rate_hz))
        if to_sample > heard:
            self._stretches.append(Stretch(samples, samples, to_sample, 0))
        return CaptureTimeline(tuple(self._stretches), tuple(self._gaps), self._exact_s, tuple(self._bursts))

    def _stills(self, within: Span, gap_s: float, *, is_near: bool) -> list[_Silence]:
        """The silence in the times without RTP that lie in no wait. They have what is certain and half of their edges, at the
        waits' cost; of what no wait explains more. None where that is not enough: then something else was the reason."""
        gaps = outside_waits(self._rtp_gaps, self._waits, *within)
        certain_s, edges_s = sum(gap.to_s - gap.from_s for gap in gaps), sum(gap.edges_s for gap in gaps)
        unexplained_s = gap_s - min(gap_s, sum(end - start for start, end in self._known(within)))
        total_s = max(unexplained_s, min(gap_s, certain_s + min(edges_s / 2, EXACT_S)))
        if gap_s - total_s < NOTICED_S:
            total_s = max(total_s, min(gap_s, certain_s + edges_s))
        if not gaps or total_s <= NOTICED_S or total_s > certain_s + edges_s + NOTICED_S:
            return []
        is_wait = is_near and unexplained_s <= NEAR_S
        found = []
        for gap in gaps:
            length_s = (gap.to_s - gap.from_s) * (min(1.0, total_s / certain_s) if certain_s else 1.0)
            length_s += max(0.0, total_s - certain_s) * (gap.edges_s / edges_s if edges_s else 1 / len(gaps))
            first_s, last_s = max(gap.since_s, gap.to_s - length_s), min(gap.from_s, gap.until_s - length_s)
            begins_s = first_s if first_s <= self._from_s else (first_s + last_s) / 2  # nothing was written before
            vague_s = abs(last_s - first_s) / 2 if len(gaps) == 1 else min(gap.edges_s, abs(total_s - certain_s))
            if vague_s > EXACT_S:
                self._exact_s = max(self._exact_s, vague_s)
            has_answered = self._at_answer and begins_s - self._from_s <= EXACT_S and length_s <= FIRST_S
            samples = round(length_s * self._rate_hz)
            found.append(_Silence(samples, begins_s + length_s, is_wait or has_answered))
        return found

    def _waits_between(self, within: Span, gap_s: float) -> list[_Silence]:
        """How much silence each wait in this time explains. What was written in a wait is taken for its beginning."""
        known = self._known(within)
        waited_s = sum(end - start for start, end in known)
        share = min(1.0, gap_s / waited_s) if waited_s else 0.0
        silences = (_Silence(round(share * (end - start) * self._rate_hz), end, is_wait=True) for start, end in known)
        return [one for one in silences if one.samples]

    def _known(self, within: Span) -> list[Span]:
        """The waits in this time."""
        from_s, to_s = within
        return [(max(start, from_s), min(end, to_s)) for start, end in self._waits if start < to_s and end > from_s]

    def _seconds(self, silences: Sequence[_Silence]) -> float:
        return sum(one.samples for one in silences) / self._rate_hz

    def _silence(self, before: int, samples: int, *, is_wait: bool, is_late: bool = False) -> None:
        """Silence before this sample."""
        self._lay(before, 0)
        from_s = self._time_s(before)
        self._offset += samples
        self._gaps.append(Gap(from_s, self._time_s(before), is_wait, is_late))

    def _lay(self, to_sample: int, change: int) -> None:
        """What is written up to here stands where silence ends, and takes so many samples more."""
        length = to_sample - self._next
        if not length:
            return
        self._stretches.append(Stretch(self._next, to_sample, self._next + self._offset, length + change))
        self._next = to_sample

    def _sample(self, at_s: float) -> int:
        """Which sample was written at this instant, by what is laid up to now."""
        return round((at_s - self._from_s) * self._rate_hz) - self._offset

    def _time_s(self, sample: int) -> float:
        """When this sample was written, by what is laid up to now."""
        return self._from_s + (sample + self._offset) / self._rate_hz
