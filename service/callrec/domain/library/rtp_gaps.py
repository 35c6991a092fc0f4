"""When no RTP flows beside the waits of a recording: times in which its recorder certainly had nothing to write."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callrec.domain.calls.model import RtpGap
from callrec.domain.library.spans import Span


@dataclass(frozen=True, slots=True)
class StillTime:
    """Time without RTP, all of its edges known."""

    since_s: float
    from_s: float
    to_s: float
    until_s: float

    @property
    def edges_s(self) -> float:
        """How much longer it may be than is certain."""
        return self.from_s - self.since_s + self.until_s - self.to_s


def outside_waits(gaps: Iterable[RtpGap], waits: Sequence[Span], from_s: float, to_s: float) -> list[StillTime]:
    """The parts of these gaps in this time that lie in no wait; none overlaps another."""
    found: list[StillTime] = []
    for gap in gaps:
        since_s = max(found[-1].until_s if found else from_s, from_s if gap.since_s is None else gap.since_s)
        until_s = min(to_s, to_s if gap.until_s is None else gap.until_s)
        edges_s = [since_s, *(edge for start, end in waits for edge in (start, end)), until_s]
        for start, end in zip(edges_s[::2], edges_s[1::2], strict=True):  # between two waits
            first, last = max(start, since_s), min(end, until_s)
            certain = max(gap.from_s, first), min(gap.to_s, last)
            if certain[0] <= certain[1]:
                found.append(StillTime(first, *certain, last))
    return found
