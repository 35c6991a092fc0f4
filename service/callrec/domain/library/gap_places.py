"""Where the silence of a shortfall stands of which no look at the RTP counters tells: what the samples around it show.

Theory. When both phones fall silent, one stops some milliseconds before the other. For so long Asterisk's recorder writes
digital silence on the side from which nothing comes; then it writes nothing at all. When packets come again, one side is mostly
first, too. So where nothing was written, one side has a frame or two of digital silence (with Asterisk 22.10.1 each of six
silences of half a second had one, within 20 ms of its place).

One such spot between two growth marks tells the place. Several tell nothing: a phone's own silences, or packets that came late,
look the same. So does a spot in the step before or after: then that may be the way of the phone.
"""

from collections.abc import Iterable, Sequence

from callrec.domain.calls.model import RtpGap
from callrec.domain.library.spans import joined
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


def shown(doubt: Doubt, sides: Iterable[Sequence[Samples]], rate_hz: int) -> RtpGap | None:
    """When nothing was written, as far as one spot shows it. `sides`: the digital silences of each side, a frame long at least,
    that begin in the time of `around`."""
    runs = sorted(run for side in sides for run in side if run[1] - run[0] < LONG_S * rate_hz)
    apart = FRAME_S * rate_hz
    spots = joined((from_sample, to_sample + apart) for from_sample, to_sample in runs)
    if len(spots) != 1:
        return None
    from_sample, to_sample = spots[0][0], spots[0][1] - apart
    if to_sample - from_sample > EXACT_S * rate_hz or not doubt.from_sample <= to_sample <= doubt.to_sample:
        return None
    at_s = doubt.from_s + (min(end for _, end in runs) - doubt.from_sample) / rate_hz
    return RtpGap(at_s, at_s + doubt.length_s, at_s, at_s + doubt.length_s)
