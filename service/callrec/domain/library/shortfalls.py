"""The shortfall of a capture: how much of its time was not written, by its growth marks.

A *growth mark* tells when the file had which length: Asterisk writes in steps of 32 KiB (2.05 s at 8 kHz), and the time of the
last write is exact. A mark may be late (a busy machine), never early: so many seconds `at_s - from_s - samples / rate` were
written too little before it, or fewer. What a later mark says bounds an earlier one.

A phone's clock may run fast or slow, by 500 ppm at most: so slow a change between two marks is no silence (`drift_s`). A capture
without marks (its daemon was restarted) is one stretch between its beginning and its end.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from callrec.domain.calls.model import Capture, GrowthMark
from callrec.domain.library.bursts import surpluses_s as burst_surpluses_s
from callrec.domain.library.spans import Span
from callrec.domain.library.timeline import EXACT_S

NEWS_S = 0.08
"""So much must a mark differ from steady writing to be kept: more than one packet of 60 ms, which comes now before a step is full
and now after it."""
LATE_S = 0.5
"""How late a mark may be on a busy machine."""
DRIFT_MOST, DRIFT = 0.0005, 0.0001
"""A phone's clock at its worst, and the clocks of a phone and this machine as they should be (each crystal within 50 ppm)."""


def is_news(kept: GrowthMark, mark: GrowthMark, rate_hz: int) -> bool:
    """Whether a mark tells more than that Asterisk went on to write since the one that was kept last."""
    shortfall_s = mark.at_s - kept.at_s - (mark.samples - kept.samples) / rate_hz
    return abs(shortfall_s) > NEWS_S


def known_marks(capture: Capture, samples: int) -> list[GrowthMark]:
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


def surpluses_s(capture: Capture, marks: Sequence[GrowthMark], rate_hz: int) -> list[float]:
    """How much more than its time had been written before each mark. When the beginning of the files was not seen (the dialplan
    began them), it is only known to have been no later than `from_s`: what the first mark is ahead by is no burst."""
    is_seen = any(mark.samples == 0 for mark in capture.marks)
    known = marks if is_seen or len(marks) == 1 else marks[1:]
    found = burst_surpluses_s(known, capture.from_s, rate_hz, lambda last, mark: drift_s(last, mark, rate_hz))
    return [0.0] * (len(marks) - len(known)) + found


def offsets_s(
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
    drifts_s = [drift_s(last, mark, rate_hz) for last, mark in pairwise(marks)]
    waited_s = [sum(end - max(start, from_s) for start, end in waits if from_s < end <= mark.at_s) for mark in marks]
    for nth in range(len(marks) - 2, -1, -1):
        most_s = offsets[nth + 1] + drifts_s[nth]
        beside_s = most_s - waited_s[nth + 1] + waited_s[nth]
        offsets[nth] = min(offsets[nth], most_s, beside_s if offsets[nth] <= beside_s + LATE_S else math.inf)
    offsets[0] = max(0.0, offsets[0])
    for nth in range(1, len(marks)):
        offsets[nth] = max(offsets[nth], offsets[nth - 1] - drifts_s[nth - 1])
    return offsets


def drift_s(last: GrowthMark, mark: GrowthMark, rate_hz: int) -> float:
    """By how much clocks may have run apart between two marks. Marks come long before a bad clock is off by 100 ms, so in a long
    time without any only what good ones do is believed."""
    length_s = (mark.samples - last.samples) / rate_hz
    return min(DRIFT_MOST * length_s, max(DRIFT * length_s, EXACT_S))
