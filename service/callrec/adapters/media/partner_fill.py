"""A partner capture in the stored recording: where it stands in for the recorded leg's own captures, and its exact place.

It stands in where these have written digital silence on the HEARS side for so long that no speech pauses explain it, and where
there is none of them, or none has begun. Where a capture wrote nothing its time line has silence, too, at a place that may be
wrong by seconds: that tells nothing, and stays, but in the middle of such silence, of a recorder that is deaf before it and
behind it.

Two recorders of one call never begin at the same packet: the place by their stamps is right to some packets. Both files hold what
the recorded user says (the leg's own as read, the partner's as written), so their correlation gives the place to the sample, in
a time in which both wrote without interruption: a silence that one of them has somewhere else would draw the place towards it.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
Range: TypeAlias = tuple[int, int]
"""From and to, in samples of the timeline."""

PACKET_S = 0.02
SILENT_S = 0.3
"""Digital silence that is shorter is left as it is: packets that were lost, keys that were pressed."""
EDGE_S = 0.06
"""So far a stretch of silence keeps away from sound on both sides: what stands there is the same sound, some packets apart."""
BEFORE_S = 0.15
"""Sound so near to the ends of a conversation is none of it (music, a ringing tone): silence keeps no distance to it."""
LONGER_S = 0.1
"""So much longer than the last capture of the recorded leg a partner's has to be, so that the file goes on with it: less is how
exactly the end of a capture is known."""
COMPARED_S, LEAST_COMPARED_S = 4.0, 1.0
SEARCHED_S = 12.0
"""So far into a partner capture a time is looked for in which both wrote all the time."""
DEAF_S = 1.0
"""So long a recorder has to be silent before and behind a time in which it wrote nothing, to have been deaf in it as well."""
MOST_SHIFT_S = 0.5
LIKE = 0.5
"""The least normalised correlation that counts as the same sound (1: identical)."""
AS_GOOD = 0.98
"""Of places that fit nearly as well as the best (a steady tone has one in each period) the one nearest to the stamps is taken."""


def shift(own: Samples, partner: Samples, most: int) -> int:
    """By how many samples the partner's capture has to be moved (positive: later) to lie on `own`, which begins `most` samples
    before it and ends as many after it. 0 when nothing shows that both hold the same sound."""
    wanted = partner.astype(np.float64)
    window = own.astype(np.float64)
    if len(window) < len(wanted) or not wanted.any() or not window.any():
        return 0
    length = len(window) + len(wanted) - 1
    size = 1 << (length - 1).bit_length()
    products = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(wanted, size)), size)
    places = len(window) - len(wanted) + 1
    energy = np.concatenate(([0.0], np.cumsum(window**2)))
    norms = np.sqrt((energy[len(wanted) :] - energy[: -len(wanted)]) * (wanted**2).sum())
    likeness = products[:places] / np.maximum(norms, 1.0)
    best = likeness.max()
    if best < LIKE:
        return 0
    good = np.flatnonzero(likeness >= best * AS_GOOD) - most
    return int(good[np.abs(good).argmin()])


def silent_ranges(windows: Iterator[tuple[int, Samples]], span: Range, rate_hz: int) -> list[Range]:
    """The stretches of digital silence in one channel within this span, packet by packet. `windows`: consecutive parts of the
    channel, each with the place of its first sample, which cover the span."""
    packet = round(PACKET_S * rate_hz)
    silent: list[Range] = []
    for at, window in windows:
        for start in range(0, len(window), packet):
            if not window[start : start + packet].any():
                end = min(start + packet, len(window))
                if silent and silent[-1][1] == at + start:
                    silent[-1] = silent[-1][0], at + end
                else:
                    silent.append((at + start, at + end))
    edge, near, least = (round(length_s * rate_hz) for length_s in (EDGE_S, BEFORE_S, SILENT_S))
    return [
        (start if start - span[0] <= near else start + edge, end if span[1] - end <= near else end - edge)
        for start, end in silent
        if end - start >= least
    ]


def without(ranges: Sequence[Range], taken: Sequence[Range]) -> list[Range]:
    """The parts of these that lie in none of the others."""
    rest = list(ranges)
    for start, end in taken:
        parts = (part for first, last in rest for part in ((first, min(last, start)), (max(first, end), last)))
        rest = [(first, last) for first, last in parts if last > first]
    return rest


def without_unwritten(silent: Sequence[Range], unwritten: Sequence[Range], span: Range, least: int) -> list[Range]:
    """These stretches of silence without the times in which nothing was written, but for those in the middle of silence: at least
    so many samples before and behind, or all that there is in the span."""
    rest = without(silent, unwritten)
    begins = {start for start, end in rest if end - start >= least or end == span[1]}
    ends = {end for start, end in rest if end - start >= least or start == span[0]}
    return joined([*rest, *((start, end) for start, end in unwritten if start in ends and end in begins)])


def compared(broken: Sequence[Range], begins: int, rate_hz: int) -> list[Range]:
    """The times of a partner capture of which one may be compared, the best first. `broken`: where it, or a capture of the
    recorded leg, wrote nothing. The whole beginning is the last resort."""
    most, least = round(COMPARED_S * rate_hz), round(LEAST_COMPARED_S * rate_hz)
    whole = gaps(broken, (begins, begins + round(SEARCHED_S * rate_hz)))
    found = [(start, min(end, start + most)) for start, end in whole if end - start >= least]
    return [*found, (begins, begins + most)]


def joined(ranges: Sequence[Range]) -> list[Range]:
    """These in order, those that touch as one."""
    found: list[Range] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def gaps(pieces: Sequence[Range], span: Range) -> list[Range]:
    """The parts of this span that no piece covers."""
    found, at = [], span[0]
    for start, end in sorted(pieces):
        if start > at:
            found.append((at, min(start, span[1])))
        at = max(at, end)
    found.append((at, span[1]))
    return [(start, end) for start, end in found if end > start]
