"""Shortens samples that hold more than their time (`domain.library.bursts`): Asterisk has put silence between them, on each side
where that had nothing. So digital silence is left out first, of each run the same share; what a voice keeps stands where it was.
Where a capture holds too much without silence (its start was stamped late, on a busy machine), short pieces of the voice are cut
out, which does not change its pitch.
"""

import numpy as np
from numpy.typing import NDArray

from callrec.domain.library.shortfalls import DRIFT_MOST

Samples = NDArray[np.int16]

MOST = 1 << 20
"""A longer stretch (of a capture without growth marks) is not looked at as a whole."""
RUN = 80
"""A shorter run of zeros is part of a voice: 10 ms at 8 kHz."""
CUT, FADED, ALIKE = 80, 40, 24
"""A cut, its crossfade, and how much longer or shorter it may be so that both of its ends are alike: 10, 5 and 3 ms at 8 kHz."""


def is_crowded(samples: int, places: int) -> bool:
    """Whether these samples are more than a fast clock makes."""
    return samples - places > 2 * DRIFT_MOST * samples and samples <= MOST


def shortened(samples: Samples, places: int) -> Samples:
    """The samples, but so many at most."""
    surplus = len(samples) - places
    if surplus <= 0:
        return samples
    edges = np.flatnonzero(np.diff(np.concatenate([[False], samples == 0, [False]]).astype(np.int8)))
    runs = [(start, end - start) for start, end in zip(edges[::2], edges[1::2], strict=True) if end - start >= RUN]
    silent = sum(length for _, length in runs)
    keeps = np.ones(len(samples), bool)
    taken = seen = 0
    for start, length in runs:
        seen += length
        due = min(surplus, silent) * seen // silent - taken
        keeps[start : start + due] = False
        taken += due
    return _cut(samples[keeps], places)


def _cut(voice: Samples, places: int) -> Samples:
    """So many samples of a voice, in its own pitch: short pieces are cut out of it, evenly, where both ends of a cut are
    alike, with a crossfade over each."""
    surplus = len(voice) - places
    if not surplus:
        return voice
    cuts = min(-(-surplus // CUT), places // (FADED + ALIKE) - 1)
    if cuts < 1:  # it is shorter than a crossfade
        return voice[:places]
    fade = np.linspace(0, 1, FADED)
    kept, since, taken = [], 0, 0
    for nth in range(1, cuts + 1):
        start = places * nth // (cuts + 1) + taken
        due = surplus * nth // cuts - taken
        cut = due if nth == cuts else _most_alike(voice, start, due)
        left, right = voice[start : start + FADED], voice[start + cut : start + cut + FADED]
        kept += [voice[since:start], np.rint(left * (1 - fade) + right * fade).astype(np.int16)]
        since, taken = start + cut + FADED, taken + cut
    return np.concatenate([*kept, voice[since:]])


def _most_alike(voice: Samples, start: int, due: int) -> int:
    """The length of a cut near this one behind which the voice goes on most alike."""
    left = voice[start : start + FADED].astype(np.int64)
    lengths = range(max(0, due - ALIKE), due + ALIKE)
    rights = (voice[start + length : start + length + FADED] for length in lengths)
    return min(zip(lengths, rights, strict=True), key=lambda one: int(np.abs(left - one[1]).sum()))[0]
