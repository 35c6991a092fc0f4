"""Packets of one phone that were held back on their way, and then came all at once.

Asterisk's recorder writes silence while they are away, takes about 100 ms of what comes then, and drops the rest (audiohook.c:
AST_AUDIOHOOK_SYNC_TOLERANCE). Where that happens often, the file gets longer than its time, and that tells it
(`domain.library.bursts`). A single delay is told by the jitter that Asterisk has counted: by RFC 3550, 6.4.1 one packet that is
late by D makes the jitter greater by D / 16, so the largest jitter of the leg is 16 times smaller than the largest delay. (Seen
with 22.10.1: 37.25 ms for a delay of 0.6 s.) A silence of the file that is as long, while no packet is missing, is such a delay.

Jitter that was there before adds to it, up to 15 times, so on a busy way the silence is shorter than that says. Then it counts
when the largest jitter has grown since the leg was asked before: the delay came in that time, and no other silence is as long.
"""

from collections.abc import Sequence
from dataclasses import replace

from callrec.domain.calls.events import PacketsHeldBack
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import LATE_PACKETS, Heard, Missing
from callrec.domain.calls.recordings import write
from callrec.domain.calls.session import Change

LEAST_S = 0.3
"""A shorter delay is not told for itself: a phone may send digital silence for so long."""
NEAR_S, NEAR_PART = 0.1, 0.1
"""By how much a silence and its delay may differ: the jitter that was there before, and the grain of the file."""
DELAYS = 100
"""So many of a recording are told apart. A further one makes the last one longer."""


def is_delay(silence_s: float, delay_s: float, away_s: float) -> bool:
    """Whether a silence of this length is a delay. `delay_s`: the largest delay of a packet of that leg; `away_s`: how much of
    the voice has not come since the leg was asked before."""
    is_near = abs(delay_s - silence_s) <= NEAR_S + NEAR_PART * silence_s
    return silence_s >= LEAST_S and is_near and away_s < silence_s / 2


def delays(
    silences: Sequence[tuple[float, float]], delay_s: float, away_s: float, before_s: float | None
) -> list[tuple[float, float]]:
    """Those of a leg's new silences that are delays. `before_s`: its largest delay when it was asked before; None: not known."""
    found = [one for one in silences if is_delay(one[1] - one[0], delay_s, away_s)]
    if found or before_s is None or delay_s - before_s <= NEAR_S:
        return found
    possible = [one for one in silences if LEAST_S <= one[1] - one[0] <= delay_s and away_s < (one[1] - one[0]) / 2]
    return sorted(possible, key=lambda one: one[0] - one[1])[:1]


def on_packets_held_back(change: Change, event: PacketsHeldBack) -> None:
    """That voice is missing in this time."""
    s = change.session
    if s.recording is None or s.capture is None or not s.is_wanted(event.capture):
        return
    ahead_s = change.happened.utc_s - change.happened.mono_s
    from_s, to_s = max(event.from_s + ahead_s, s.recording.from_s), min(event.to_s + ahead_s, change.now.utc_s)
    if from_s >= to_s:  # late news: it was before this recording
        return
    is_own = event.leg == s.capture.leg and not s.capture.of_others
    one = Missing(from_s, to_s, LATE_PACKETS, Heard.SAYS if is_own else Heard.HEARS)
    others = s.recording.missing
    known = [nth for nth, other in enumerate(others) if other.cause == LATE_PACKETS]
    if len(known) >= DELAYS:
        last = known[-1]
        longer = replace(others[last], to_s=one.to_s, side=Heard.BOTH)
        s.recording = replace(s.recording, missing=(*others[:last], longer, *others[last + 1 :]))
    else:
        s.recording = replace(s.recording, missing=(*others, one))
    write(change, Step.CHANGED)
