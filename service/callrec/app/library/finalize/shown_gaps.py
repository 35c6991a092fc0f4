"""Times in which nothing was written, as the samples of a recording's files show them (`domain.library.gap_places`)."""

from collections.abc import Mapping
from dataclasses import replace

from callrec.app.ports.calls import Spool
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture, Recording
from callrec.domain.library.assessment import timeline_of
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.gap_places import FRAME_S, around, shown


def with_shown_gaps(recording: Recording, captured_files: Mapping[CaptureId, CaptureFiles], spool: Spool) -> Recording:
    """The recording with what its files show beside what was seen during the call. Blocking. Raises Unavailable when a file
    cannot be read."""
    captures = (_with_gaps(recording, one, captured_files.get(one.id), spool) for one in recording.captures)
    return replace(recording, captures=tuple(captures))


def _with_gaps(recording: Recording, capture: Capture, files: CaptureFiles | None, spool: Spool) -> Capture:
    if files is None or not files.shorter_bytes:
        return capture
    rate_hz, found = files.rate_hz, list(capture.rtp_gaps)
    doubts = timeline_of(recording, capture, files).doubts
    for doubt in doubts:
        first, last = around(doubt, rate_hz)
        sides = [
            spool.silences(CaptureFile(capture.id, side, rate_hz), first, last, round(FRAME_S * rate_hz))
            for side in Side
        ]
        if gap := shown(doubt, sides, rate_hz, doubts):
            found.append(gap)
    found.sort(key=lambda gap: gap.from_s)
    return replace(capture, rtp_gaps=tuple(found))
