"""Shortens samples that hold more than their time (`domain.library.bursts`): Asterisk has put silence between them, on each side
where that had nothing. So digital silence is left out first, of each run the same share; what a voice keeps stands where it was.
"""

import numpy as np
from numpy.typing import NDArray

from callrec.domain.library.shortfalls import DRIFT_MOST

Samples = NDArray[np.int16]

MOST = 1 << 20
"""A longer stretch (of a capture without growth marks) is not looked at as a whole."""
RUN = 80
"""A shorter run of zeros is part of a voice: 10 ms at 8 kHz."""


def is_crowded(samples: int, places: int) -> bool:
    """Whether these samples are more than a fast clock makes."""
    return samples - places > 2 * DRIFT_MOST * samples and samples <= MOST


def squeezed(samples: Samples, places: int) -> Samples:
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
    rest = samples[keeps]
    if len(rest) == places:
        return rest
    return rest[np.linspace(0, len(rest) - 1, places).astype(np.int64)]
