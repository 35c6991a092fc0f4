"""The missing time of a recording, computed from its instants and the samples in its files.

Due is the time from the answer (or the press) to the end of the last conversation; captured is the time in the captures. Waits
and pauses between captures are no loss. Within a capture only waits without music are no loss: the MixMonitor may have nothing to
write in them. Time that is due, and neither captured nor a wait, is missing; above 100 ms in all it is reported:

    late-start  from the answer to the first capture; or the cause why no recorder could hear the leg before (*no-decoder*, *t38*)
    gap         between two captures, or after the last one; since a pause has ended while the recorder was still muted
    timeline    a capture whose recorder ran longer than its file plays: neither side sent anything, or packets were lost on both
    late-packets  where packets came late and then all at once, so that the recorder dropped some (`bursts`)
    unproven-pause  beside a pause that Asterisk never confirmed, where the file is silent for longer (`assessment`)
    the capture's own cause, where it has one (asterisk-died, ...), in place of the last two

In place of a *timeline* loss silence stands in the file; `domain.library.silences` says where, and how exact that is.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from callrec.domain.calls.legs.undecodable_legs import is_undecodable
from callrec.domain.calls.model import GAP, LATE_PACKETS, Capture, Missing, Recording, WaitingKind
from callrec.domain.library.bursts import TOLD_S as BURSTS_TOLD_S
from callrec.domain.library.bursts import Burst
from callrec.domain.library.shortfalls import DRIFT
from callrec.domain.library.spans import Span, joined, span_of, without
from callrec.domain.library.timeline import CaptureTimeline

TOLD_S = 0.1
"""Missing time above this, in the whole recording, is reported."""
WORTH_S = 0.02
"""A shorter piece next to a longer one is rounding: one frame of Asterisk."""
LATE_START, TIMELINE = "late-start", "timeline"
PACKET_LOSS = "packet-loss"
UNPROVEN_PAUSE = "unproven-pause"
NEXT_BURST_S = 2.1
"""A step of Asterisk's buffer: in one between two others a surplus may be too small to be seen."""


def missing_time(
    recording: Recording, audible: Sequence[tuple[Capture, CaptureTimeline]], stood_in: Sequence[Span] = ()
) -> tuple[Missing, ...]:
    """The missing times, in order. `audible`: each capture with audio, and its time line; `stood_in`: the times that partner
    captures hold."""
    end_s = conversation_end_s(recording)
    waits = joined([*_waits(recording, end_s), *stood_in])
    found: list[Missing] = []
    late: list[Burst] = []
    covered_s, cause = recording.from_s, _first_cause(recording, audible)
    for capture, timeline in audible:
        gaps = [gap for gap in timeline.gaps if not gap.is_wait and gap.from_s < end_s]
        begun_s = capture.from_s
        if gaps and gaps[0].is_late:
            begun_s = gaps.pop(0).to_s
        found += _between(covered_s, begun_s, waits, cause)
        for gap in gaps:
            # Behind a recorder that broke off the file has what a partner capture holds, as between two captures.
            is_behind = bool(capture.cause) and gap is timeline.gaps[-1]
            spans = without([(gap.from_s, gap.to_s)], stood_in) if is_behind else [(gap.from_s, gap.to_s)]
            found += [Missing(*span, capture.cause or TIMELINE) for span in spans]
        late += [burst for burst in timeline.bursts if burst.from_s < end_s]
        to_s = end_s if capture.to_s is None else min(capture.to_s, end_s)
        covered_s, cause = max(covered_s, begun_s, to_s), capture.cause or GAP
    found = [one for one in (*found, *_between(covered_s, end_s, waits, cause)) if one.to_s - one.from_s > WORTH_S]
    is_sound = _proven_s(found, end_s - recording.from_s) <= TOLD_S
    told = [*_late(late, end_s), *([] if is_sound else _without_seams(found))]
    return tuple(sorted(told, key=lambda one: one.from_s))


def _proven_s(found: Iterable[Missing], length_s: float) -> float:
    """How much of it is missing for certain. What a file is shorter than its time may be a phone's clock that runs fast; the
    times of captures are of one clock."""
    lengths_s = [(one.to_s - one.from_s, one.cause == TIMELINE) for one in found]
    in_files_s = sum(one_s for one_s, is_of_file in lengths_s if is_of_file)
    return sum(one_s for one_s, is_of_file in lengths_s if not is_of_file) + max(0.0, in_files_s - DRIFT * length_s)


def _late(bursts: Sequence[Burst], end_s: float) -> list[Missing]:
    """The times in which packets came late and at once. In each second of it some of a voice may be missing; how much, nothing
    tells."""
    if sum(burst.surplus_s for burst in bursts) <= BURSTS_TOLD_S:
        return []
    spans = joined((burst.from_s, burst.to_s + NEXT_BURST_S) for burst in bursts)
    return [Missing(start, min(end - NEXT_BURST_S, end_s), LATE_PACKETS) for start, end in spans]


def _without_seams(found: Iterable[Missing]) -> list[Missing]:
    """What no recorder could hear is one, although its first part belongs to a capture that was stopped in it."""
    whole: list[Missing] = []
    for one in found:
        last = whole[-1] if whole else None
        if last and is_undecodable(one.cause) and last.cause == one.cause and abs(one.from_s - last.to_s) <= WORTH_S:
            whole[-1] = replace(last, to_s=one.to_s)
        else:
            whole.append(one)
    return whole


def _first_cause(recording: Recording, audible: Sequence[tuple[Capture, CaptureTimeline]]) -> str:
    """Why nothing was captured before the first capture with audio."""
    first = recording.captures[0] if recording.captures else None
    is_heard = any(capture is first for capture, _ in audible)
    return first.cause if first and not is_heard and is_undecodable(first.cause) else LATE_START


def unwritten(recording: Recording, *, with_music: bool = False) -> list[Span]:
    """Times in which the MixMonitor may have nothing to write, joined and ascending: waits without music, and all that comes
    after the last conversation. It writes music (but on a leg that does not hear it: `with_music`), and silence in a pause: time
    that a capture lacks in these was lost."""
    end_s = conversation_end_s(recording)
    waits = (one for one in recording.waiting if with_music or one.kind is not WaitingKind.MUSIC)
    return joined([*(span_of(one, end_s) for one in waits), (end_s, math.inf)])


def quiet(recording: Recording, end_s: float) -> list[Span]:
    """When silence is no loss: pauses, and waits of every kind. What lasts is reckoned to `end_s`."""
    return [span_of(one, end_s) for several in (recording.pauses, recording.waiting) for one in several]


def conversation_end_s(recording: Recording) -> float:
    """The end of the recording, or of its last conversation if that is earlier: after it the leg is alone."""
    ends = [capture.to_s or capture.from_s for capture in recording.captures]
    end_s = recording.to_s if recording.to_s is not None else max(ends, default=recording.from_s)
    left = [party.to_s for party in recording.parties if party.to_s is not None]
    return min(end_s, max(left)) if left and len(left) == len(recording.parties) else end_s


def _waits(recording: Recording, end_s: float) -> Iterable[Span]:
    spans = [(wait.from_s, wait.to_s) for wait in recording.waiting]
    spans += [(pause.from_s, pause.to_s) for pause in recording.pauses]
    return ((from_s, end_s if to_s is None else to_s) for from_s, to_s in spans)


def _between(from_s: float, to_s: float, waits: Sequence[Span], cause: str) -> list[Missing]:
    """The missing time between captures."""
    rest, at_s = [], from_s
    for wait_from_s, wait_to_s in waits:
        rest.append((at_s, min(to_s, wait_from_s)))
        at_s = max(at_s, wait_to_s)
    return [Missing(start, end, cause) for start, end in (*rest, (at_s, to_s))]
