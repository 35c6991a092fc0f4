"""Packets that come late and then all at once: where a capture holds more than its time.

Theory. While one side's packets are away, Asterisk's recorder writes silence for that side. When they come all at once, it
takes about 100 ms of them, drops the rest, and writes silence for the *other* side beside them (audiohook.c:
AST_AUDIOHOOK_SYNC_TOLERANCE). So the file gets longer than the time, on both sides, by silence on each; part of a voice is
lost, and no counter of RTP tells.

A growth mark is never early: when a file was longer than its time at a mark, so much more was written before it for certain. The
other way round nothing is certain: less than a mark says may have been written, by silences of the call. The end of a capture is
no growth mark: that alone proves no burst, but it ends one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from callrec.domain.calls.model import GrowthMark

TOLD_S = 0.25
"""Less in a whole recording is how late packets of a healthy network may come: the recorder takes that without a loss."""
LEAST_S = 0.08
"""A smaller surplus may be a packet of 60 ms, or a stamp that was not exact."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Between these instants (Unix time) so much more was written than the time."""

    from_s: float
    to_s: float
    surplus_s: float


def surpluses_s(
    marks: Sequence[GrowthMark], from_s: float, rate_hz: int, drift_s: Callable[[GrowthMark, GrowthMark], float]
) -> list[float]:
    """For each mark, how much more than its time had been written before it at least, in seconds. `drift_s`: what a fast clock
    may have written more between two marks, which is no burst."""
    ahead_s = [mark.samples / rate_hz - (mark.at_s - from_s) for mark in marks]
    found, most_s = [0.0], max(0.0, ahead_s[0])
    for (last, mark), now_s in zip(pairwise(marks), ahead_s[1:], strict=True):
        most_s += drift_s(last, mark)
        over_s = now_s - found[-1] - most_s
        is_certain = mark is not marks[-1] or found[-1] > 0
        found.append(found[-1] + over_s if over_s > LEAST_S and is_certain else found[-1])
        most_s = min(most_s, max(0.0, now_s - found[-1]))
    return found
