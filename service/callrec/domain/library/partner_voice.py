"""Where a partner capture may stand in: the time in which its leg talked with the recorded user.

A partner capture begins some milliseconds after the two met and ends some milliseconds after the partner left, a pause began or
the others were put on hold. What it holds outside of the conversation is never used: the recorded user did not hear it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Capture, Party, Recording
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.spans import Span
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline


@dataclass(frozen=True, slots=True)
class Voice:
    """An audible partner capture, its time line, the times in which it may stand in, and those of them in which it has both
    voices."""

    capture: Capture
    files: CaptureFiles
    timeline: CaptureTimeline
    spans: tuple[Span, ...]
    both: tuple[Span, ...]


def voices(
    recording: Recording, partners: Iterable[tuple[Capture, CaptureFiles, CaptureTimeline]], own: list[Capture]
) -> list[Voice]:
    """What each of the audible partner captures may be used for. `own`: the audible ones of the recorded leg. Where two captures
    are of the same leg (one that Asterisk did not stop), only the first one is used."""
    found: list[Voice] = []
    for capture, files, timeline in partners:
        if capture.track_s == capture.from_s:
            continue
        last_s = capture.from_s + timeline.samples / files.rate_hz
        spans = [(from_s, min(to_s, last_s)) for from_s, to_s in usable(recording, capture) if from_s < last_s]
        unwritten = [(gap.from_s, gap.to_s) for gap in timeline.gaps if not gap.is_wait]
        used = [span for one in found if one.capture.leg == capture.leg for span in one.spans]
        for span in (*unwritten, *used):
            spans = [part for one in spans for part in _without(one, span)]
        beside = next((one.leg for one in reversed(own) if one.from_s <= capture.from_s), own[0].leg)
        both = _alone(recording, {capture.leg, beside}, spans)
        found.append(Voice(capture, files, timeline, tuple(spans), tuple(both)))
    return found


def _alone(recording: Recording, legs: set[LegId], spans: Iterable[Span]) -> Iterable[Span]:
    """The parts of these times in which only these legs took part."""
    for party in recording.parties:
        if party.leg not in legs:
            others = party.from_s, math.inf if party.to_s is None else party.to_s
            spans = [part for span in spans for part in _without(span, others)]
    return spans


def usable(recording: Recording, capture: Capture) -> tuple[Span, ...]:
    """The parts of an ended partner capture in which its partner took part, without pauses and waits, in order."""
    end_s = recording.to_s if recording.to_s is not None else capture.to_s or capture.from_s
    to_s = end_s if capture.to_s is None else min(capture.to_s, end_s)
    if capture.track_s is not None:  # from there on the recorder of the recorded leg hears the partner
        to_s = min(to_s, capture.track_s)
    spans = [_within((capture.from_s, to_s), party, end_s) for party in recording.parties if party.leg == capture.leg]
    pauses = [(one.from_s, one.to_s) for one in (pause.widened(EXACT_S) for pause in recording.pauses)]
    waits = [(one.from_s, one.to_s) for one in recording.waiting]
    for from_s, quiet_to_s in (*pauses, *waits):
        quiet = from_s, end_s if quiet_to_s is None else quiet_to_s
        spans = [part for span in spans for part in _without(span, quiet)]
    return tuple(sorted(span for span in spans if span[1] > span[0]))


def _within(span: Span, party: Party, end_s: float) -> Span:
    return max(span[0], party.from_s), min(span[1], end_s if party.to_s is None else party.to_s)


def _without(span: Span, quiet: Span) -> Iterable[Span]:
    parts = (span[0], min(span[1], quiet[0])), (max(span[0], quiet[1]), span[1])
    return (part for part in parts if part[1] > part[0])
