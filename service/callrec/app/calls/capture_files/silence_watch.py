"""Since when a side of a growing capture is digital silence, and when such a silence began last.

A phone that speaks never sounds like that; one that is muted may, and one that sends nothing. So a silence proves nothing, but it
says when to ask how a leg's phone numbers its packets (`QualityWatch`), and whether the recorder is deaf to that phone.

A file is looked at when it has grown (each two seconds), each sample once: 32 KiB of each side.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from callrec.app.ports.calls import Spool
from callrec.domain.calls.ids import CaptureId
from callrec.domain.errors import CallrecError
from callrec.domain.library.captures import SAMPLE_BYTES, CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.spans import Span

KEPT = 20
"""So many silences that have ended are kept for each side of a capture: those of some seconds."""
LEAST_S = 0.1
"""As much as a recording may lack and still be sound."""


@dataclass(slots=True)
class _Looked:
    """What a capture's files have shown up to their sizes at `at_s`, on the monotonic clock."""

    at_s: float = float("-inf")
    silent_s: dict[Side, float] = field(default_factory=dict)
    """Since when a side is silent, of those that are."""
    ended: dict[Side, deque[Span]] = field(default_factory=lambda: {side: deque(maxlen=KEPT) for side in Side})
    found_s: float = float("-inf")
    """When a silence was found last that had not been there before."""


class SilenceWatch:
    """What is known of each capture's silences. Times are monotonic."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._looked: dict[CaptureId, _Looked] = {}

    def looked_s(self, capture: CaptureId) -> float:
        """Up to when its sound is known."""
        looked = self._looked.get(capture)
        return looked.at_s if looked else float("-inf")

    def silent_s(self, capture: CaptureId, side: Side) -> float | None:
        """Since when this side is silent up to there; None when it is not."""
        looked = self._looked.get(capture)
        return looked.silent_s.get(side) if looked else None

    def found_s(self, capture: CaptureId) -> float:
        """When a new silence was found last, on either side."""
        looked = self._looked.get(capture)
        return looked.found_s if looked else float("-inf")

    def ended(self, capture: CaptureId, side: Side) -> Sequence[Span]:
        """The last silences of this side that have ended, each from when to when, in order."""
        looked = self._looked.get(capture)
        return tuple(looked.ended[side]) if looked else ()

    def forget(self, capture: CaptureId) -> None:
        """The capture has ended."""
        self._looked.pop(capture, None)

    def grew(self, found: CaptureFiles, known_bytes: int, written_s: float) -> None:
        """Its files have grown beyond `known_bytes` each; the last sample was written at `written_s`. Blocking: reads what is
        new. What a disk refuses to read shows nothing."""
        looked = self._looked.setdefault(found.capture, _Looked())
        first, end, rate_hz = known_bytes // SAMPLE_BYTES, found.shorter_bytes // SAMPLE_BYTES, found.rate_hz
        for side in Side:
            try:
                silences = self._spool.silences(
                    CaptureFile(found.capture, side, rate_hz), first, end, round(LEAST_S * rate_hz)
                )
            except CallrecError:
                silences = ()
            before_s = looked.silent_s.pop(side, None)
            goes_on = before_s is not None and bool(silences) and silences[0][0] == first
            if silences[1 if goes_on else 0 :]:  # a silence that is new
                looked.found_s = written_s
            spans = [
                (written_s - (end - start) / rate_hz, written_s - (end - last) / rate_hz) for start, last in silences
            ]
            if before_s is not None and goes_on:  # the silence of before goes on: one span
                spans[0] = (before_s, spans[0][1])
            elif before_s is not None:  # it ended where the new samples begin
                spans.insert(0, (before_s, looked.at_s))
            if silences and silences[-1][1] >= end:
                looked.silent_s[side] = spans.pop()[0]
            looked.ended[side] += spans
        looked.at_s = written_s
