"""What may be missing of a voice though no counter says so: the short silences of a side of the file.

Theory. While a phone's packets are away, Asterisk's recorder writes digital silence. Of what then comes late at once it takes
about 100 ms and drops the rest (audiohook.c: AST_AUDIOHOOK_SYNC_TOLERANCE), so no more of a voice is missing than there is
silence. A phone may also send digital silence by itself, or nothing: muted, with noise suppression, with silence suppression.

- No packet of that side's phones came late by 100 ms or more, by the largest delay of each leg: the recorder has dropped nothing.
  It writes a frame or two of silence there as well, beside what came late on the other side.
- A side that has no longer silence: no speaker is silent for so short a time only. Its short silences are told as `late-packets`.
- Else nothing tells one from the other. The entry says how long they are together (`Recording.may_lack_s`). So it does of longer
  ones that no counter has explained, up to the largest delay.

A silence to the very end of the call, or until a participant leaves it, may be a voice, too: a phone that has gone back in its
RTP numbers in the last seconds is told by no counter in time (`domain.calls.captures.rtp_counts`). Where it is known that its
packets came until the end of the call it is told as `deaf-leg` (`app.calls.watches.quality_watch`); else it counts with the
others that nothing tells from a voice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from callrec.domain.calls.model import LATE_PACKETS, LOST_MOST_MS, Heard, Missing, Recording
from callrec.domain.calls.session import APPLICATION
from callrec.domain.library.spans import Span, joined, length_s

FRAME_S = 0.02
"""The shortest silence that is looked at: a frame of Asterisk."""
LONG_S = 0.3
"""So long a silence is one of its own, or was told when it came (`domain.calls.captures.late_packets`)."""
LATE_S = 0.1
"""So late a packet may come, and the recorder drops nothing."""
TOLD_S = LOST_MOST_MS / 1000
EDGE_S = 0.2
"""So long a phone may send nothing before its hangup reaches Asterisk."""
UNTOLD_S = 10.0
"""A longer silence at the end of a call began before the last report of RTCP, which would tell of lower numbers."""
PIECES = 20
"""So many of one side are told apart; those that lie nearest together become one."""


@dataclass(frozen=True, slots=True)
class SideSilences:
    """The digital silences of one side of the file where a voice was due, ascending. `last_s`: how long each one lasts with which
    the call ends, or a participant leaves it; it is none of them."""

    side: Heard
    spans: tuple[Span, ...]
    last_s: tuple[float, ...] = ()


def largest_delays_s(recording: Recording) -> dict[Heard, float | None]:
    """By how much a packet of any participant came late, at most, by the side on which they are heard; None when that is not
    known of one of them. Of an application none did."""
    own = {one.leg for one in recording.captures if not one.of_others}
    found: dict[Heard, float | None] = {}
    for side in (Heard.SAYS, Heard.HEARS):
        parties = [party for party in recording.parties if (party.leg in own) == (side is Heard.SAYS)]
        delays_ms = [
            0.0 if party.leg.startswith(APPLICATION) else party.quality.largest_delay_ms if party.quality else None
            for party in parties
        ]
        known_ms = [delay_ms for delay_ms in delays_ms if delay_ms is not None]
        found[side] = max(known_ms) / 1000 if known_ms and len(known_ms) == len(delays_ms) else None
    return found


def is_in_time(delay_s: float | None) -> bool:
    """Whether all packets came so early that the recorder has dropped none."""
    return delay_s is not None and delay_s < LATE_S


def judge(sides: Iterable[SideSilences], delays_s: Mapping[Heard, float | None]) -> tuple[tuple[Missing, ...], float]:
    """What is missing, and how much more may be, in seconds."""
    told: list[Missing] = []
    may_lack_s = 0.0
    for one in sides:
        delay_s = delays_s[one.side]
        short = [span for span in one.spans if span[1] - span[0] < LONG_S]
        if not is_in_time(delay_s):
            if len(short) == len(one.spans) and length_s(short) > TOLD_S:
                told += [Missing(*span, LATE_PACKETS, one.side) for span in _gathered(short)]
            else:
                may_lack_s += length_s(short)
            may_lack_s += length_s(
                span for span in one.spans if LONG_S <= span[1] - span[0] <= (delay_s or 0.0) + LATE_S
            )
        may_lack_s += sum(last_s for last_s in one.last_s if EDGE_S < last_s <= UNTOLD_S)
    return tuple(sorted(told, key=lambda one: one.from_s)), round(may_lack_s, 3)


def _gathered(spans: Sequence[Span]) -> list[Span]:
    """These, or as few as are told apart."""
    apart_s = sorted((after[0] - before[1] for before, after in pairwise(spans)), reverse=True)
    least_s = apart_s[PIECES - 1] if len(apart_s) >= PIECES else 0.0
    return [(first, last - least_s) for first, last in joined((from_s, to_s + least_s) for from_s, to_s in spans)]
