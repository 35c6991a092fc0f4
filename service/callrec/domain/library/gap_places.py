"""Where the silence of a shortfall stands of which no look at the RTP counters tells: what the samples around it show.

Theory. When both phones fall silent, one stops some milliseconds before the other. For so long Asterisk's recorder writes
digital silence on the side from which nothing comes; then it writes nothing at all. When packets come again, one side is mostly
first, too. So where nothing was written, one side has a frame or two of digital silence (Asterisk 22.10.1: so it was with 20 of
20 silences of 0.3 to 0.9 s, within 55 ms of their place).

One such spot between two growth marks tells the place. Several tell nothing: a phone's own silences, or packets that came late,
look the same. So does a spot in the step before or after: then that may be the way of the phone, unless it is the one spot of
another shortfall.
"""

from collections.abc import Iterable, Sequence

from callrec.domain.calls.model import RtpGap
from callrec.domain.library.spans import Span, joined
from callrec.domain.library.timeline import EXACT_S, Doubt

FRAME_S = 0.02
LONG_S = 0.3
"""A longer silence is a phone's own."""
FIRST_S = 0.1
"""What a recorder writes first may be silence on one side."""
AROUND_S = 2.0
"""So far around, about a step of Asterisk's buffer, silences are looked at."""

Samples = tuple[int, int]


def around(doubt: Doubt, rate_hz: int) -> Samples:
    """Between which samples silences are to be looked for."""
    wide = round(AROUND_S * rate_hz)
    return max(doubt.from_sample - wide, round(FIRST_S * rate_hz)), doubt.to_sample + wide


def shown(
    doubt: Doubt, sides: Iterable[Sequence[Samples]], rate_hz: int, others: Iterable[Doubt] = ()
) -> RtpGap | None:
    """When nothing was written, as far as one spot shows it. `sides`: the digital silences of each side, a frame long at least,
    that begin in the time of `around`; `others`: the other doubts of the capture."""
    runs = sorted(run for side in sides for run in side if run[1] - run[0] < LONG_S * rate_hz)
    spots = _spots(runs, rate_hz)
    for other in others:
        its = [spot for spot in spots if other.from_sample < spot[1] <= other.to_sample]
        if other != doubt and len(its) == 1:
            spots.remove(its[0])
    if len(spots) != 1:
        return None
    from_sample, to_sample = spots[0]
    if to_sample - from_sample > EXACT_S * rate_hz or not doubt.from_sample <= to_sample <= doubt.to_sample:
        return None
    ends = min(end for _, end in runs if from_sample < end <= to_sample)
    at_s = doubt.from_s + (ends - doubt.from_sample) / rate_hz
    return RtpGap(at_s, at_s + doubt.length_s, at_s, at_s + doubt.length_s)


def _spots(runs: Iterable[Samples], rate_hz: int) -> list[Span]:
    """These silences, those that touch as one."""
    apart = FRAME_S * rate_hz
    spots = joined((from_sample, to_sample + apart) for from_sample, to_sample in runs)
    return [(from_sample, to_sample - apart) for from_sample, to_sample in spots]
