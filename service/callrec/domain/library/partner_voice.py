"""Where a partner capture may stand in: the time in which its leg talked with the recorded user.

A partner capture begins some milliseconds after the two met and ends some milliseconds after the partner left, a pause began or
the others were put on hold. What it holds outside of the conversation is never used: the recorded user did not hear it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Capture, Recording
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.spans import Span, common, span_of, without
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline


@dataclass(frozen=True, slots=True)
class Voice:
    """An audible partner capture, its time line, the times in which it may stand in, and those of them in which it has both
    voices. `unwritten`: when its recorder wrote nothing, though something was due. By the stamps: where its sound is found to
    belong, some packets away, that silence goes with it, so the encoder has to lay it with the rest."""

    capture: Capture
    files: CaptureFiles
    timeline: CaptureTimeline
    spans: tuple[Span, ...]
    both: tuple[Span, ...]
    unwritten: tuple[Span, ...] = ()

    @property
    def held(self) -> list[Span]:
        """The times of which it has both voices."""
        return without(self.both, self.unwritten)


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
        unwritten = tuple((gap.from_s, gap.to_s) for gap in timeline.gaps if not gap.is_wait)
        spans = without(spans, [span for one in found if one.capture.leg == capture.leg for span in one.spans])
        beside = next((one.leg for one in reversed(own) if one.from_s <= capture.from_s), own[0].leg)
        both = _alone(recording, {capture.leg, beside}, spans)
        found.append(Voice(capture, files, timeline, tuple(spans), tuple(both), unwritten))
    return found


def _alone(recording: Recording, legs: set[LegId], spans: Iterable[Span]) -> Iterable[Span]:
    """The parts of these times in which only these legs took part."""
    return without(spans, [span_of(party, math.inf) for party in recording.parties if party.leg not in legs])


def usable(recording: Recording, capture: Capture) -> tuple[Span, ...]:
    """The parts of an ended partner capture in which its partner took part, without pauses and waits, in order."""
    end_s = recording.to_s if recording.to_s is not None else capture.to_s or capture.from_s
    to_s = end_s if capture.to_s is None else min(capture.to_s, end_s)
    if capture.track_s is not None:  # from there on the recorder of the recorded leg hears the partner
        to_s = min(to_s, capture.track_s)
    there = [span_of(party, end_s) for party in recording.parties if party.leg == capture.leg]
    pauses = [span_of(pause.widened(EXACT_S), end_s) for pause in recording.pauses]
    waits = [span_of(one, end_s) for one in recording.waiting]
    return tuple(without(common([(capture.from_s, to_s)], there), [*pauses, *waits]))
