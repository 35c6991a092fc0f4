"""The digital silences of a capture's files, where they stand in time."""

from callrec.app.ports.calls import Spool
from callrec.domain.calls.model import Capture, Recording
from callrec.domain.library.assessment import timeline_of
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.spans import Span


class CaptureSilences:
    """Of one capture. `end_s`: where its files end, in Unix time."""

    def __init__(self, recording: Recording, capture: Capture, files: CaptureFiles, spool: Spool) -> None:
        self._capture, self._files, self._spool = capture, files, spool
        self._timeline = timeline_of(recording, capture, files)
        self.end_s = capture.from_s + self._timeline.samples / files.rate_hz

    def of(self, side: Side, from_s: float, to_s: float, least_s: float) -> list[Span]:
        """The stretches of at least this length on this side that begin in this time. Blocking. Raises Unavailable."""
        began_s, rate_hz, timeline = self._capture.from_s, self._files.rate_hz, self._timeline
        if to_s <= began_s or from_s >= self.end_s:
            return []
        first, last = (timeline.sample_at(max(0, round((at_s - began_s) * rate_hz))) for at_s in (from_s, to_s))
        file = CaptureFile(self._capture.id, side, rate_hz)
        found = self._spool.silences(file, first, last, round(least_s * rate_hz))
        return [
            (began_s + timeline.place_of(start) / rate_hz, began_s + timeline.place_of(end) / rate_hz)
            for start, end in found
        ]
