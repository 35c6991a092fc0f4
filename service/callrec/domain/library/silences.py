"""Where the silence of what was not written stands in the time line of a capture.

Between two growth marks the shortfall is known (`shortfalls`), its place is not. Waits without music (`Hold`, `Unhold`,
ringing, parked), which have exact times, take it first; then times in which the RTP counters of the leg stood still (`RtpGap`),
which were looked at each tenth of a second when frames did not seem to flow, or which the samples show (`gap_places`). The rest
stands in the middle of what was written between the marks. What is in no wait is called unexplained.

- A phone's clock that runs away by no more than a clock does is no silence: the samples between the marks are stretched instead,
  or some are left out.
- Packets that come late and then all at once make the file longer than its time (`bursts`): there, some of its silence is left
  out.
- What a capture lacks at its very end has no silence in the file, when it broke off or when its leg was alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from callrec.domain.calls.model import Capture
from callrec.domain.library.bursts import Burst
from callrec.domain.library.captures import Stretch
from callrec.domain.library.rtp_gaps import outside_waits
from callrec.domain.library.shortfalls import drift_s, known_marks, offsets_s, surpluses_s
from callrec.domain.library.spans import Span
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline, Doubt, Gap

NOTICED_S = 0.04
"""A smaller shortfall is not made good: two frames, and how late Asterisk's thread may write."""
NEAR_S = 0.2
"""So long a phone may send nothing around a hold, and before it hangs up: it asks for that first, and Asterisk answers."""
FIRST_S = 0.5
"""So long after its answer a phone's first packet may come: until then there is nothing to write."""


def capture_timeline(
    capture: Capture, samples: int, rate_hz: int, waits: Sequence[Span], *, at_answer: bool = False
) -> CaptureTimeline:
    """The time line of this capture. `samples`: in the longer one of its files; `waits`: times in which it may have had nothing
    to write, ascending, none overlapping another; the last may last for ever. `at_answer`: it began when a call was answered."""
    marks = known_marks(capture, samples)
    surpluses = surpluses_s(capture, marks, rate_hz)
    offsets = offsets_s(marks, surpluses, capture.from_s, rate_hz, waits)
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
        if wanted_s - before_s <= drift_s(last, mark, rate_hz):
            line.drift(mark.samples, offset_s)
        else:
            line.leave_out(last.samples, mark.samples, offset_s - line.offset_s, is_end=mark is marks[-1])
    if marks[-1].at_s == capture.to_s:
        line.is_longer(line.offset_s + samples / rate_hz - (capture.to_s - capture.from_s))
    return line.end(samples)


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
        self._doubts: list[Doubt] = []

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
        """Between these samples so much more was written than the time. At the end it is the rest of a burst before. By so much a
        moment between them may stand beside its time: where in them it was written nothing tells."""
        self._exact_s = max(self._exact_s, surplus_s)
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
            if (high - low) / self._rate_hz > 2 * EXACT_S:
                self._exact_s = max(self._exact_s, rest_s)
                self._doubts.append(Doubt(low, high, self._time_s(low), rest_s))
            self._silence((low + high) // 2, rest, is_wait=False)
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
        return CaptureTimeline(
            tuple(self._stretches), tuple(self._gaps), self._exact_s, tuple(self._bursts), tuple(self._doubts)
        )

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
