"""What a partner capture lacks in the middle of the time in which it stands in for a deaf recorder.

The recorded leg's own capture holds nothing of that voice, so its time line tells nothing of it: what the partner's recorder did
not write (`domain.library.partner_voice`) is missing on the HEARS side, as a *timeline* loss of the recorded leg is on both. Its
late begin is told by `deaf_leg_check`.
"""

from collections.abc import Mapping, Sequence

from callrec.app.library.finalize.capture_silences import CaptureSilences
from callrec.app.ports.calls import Spool
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.model import Capture, Heard, Missing, Recording
from callrec.domain.library.assessment import timeline_of
from callrec.domain.library.captures import SAMPLE_BYTES, CaptureFiles
from callrec.domain.library.file_names import CaptureFile, Side
from callrec.domain.library.missing_time import TIMELINE, TOLD_S, WORTH_S, conversation_end_s
from callrec.domain.library.partner_voice import usable
from callrec.domain.library.spans import Span, common, joined, length_s, without

LEAST_S = 1.0
"""The shortest silence of the recorded leg's own capture that counts: as a partner capture is the only one that has the voice."""


def partner_gaps(
    recording: Recording, captured_files: Mapping[CaptureId, CaptureFiles], spool: Spool, told: Sequence[Missing]
) -> tuple[Missing, ...]:
    """The missing audio of an ended recording for this cause, in order, without what is `told` already. As little as a sound
    recording may lack is none. Raises Unavailable when a file cannot be read."""
    unwritten = joined(
        span
        for partner in recording.partner_captures
        if (files := captured_files.get(partner.id)) is not None
        for span in _unwritten(recording, partner, files, spool)
    )
    if not unwritten:
        return ()
    found: list[Span] = []
    for own in recording.captures:
        files = captured_files.get(own.id)
        if files is not None and files.write_bytes:
            silences = CaptureSilences(recording, own, files, spool)
            end_s = min(silences.end_s, conversation_end_s(recording))
            found += common(unwritten, silences.of(Side.WRITE, own.from_s, end_s, LEAST_S))
            found = without(found, [(gap.from_s, gap.to_s) for gap in timeline_of(recording, own, files).gaps])
    known = [(one.from_s, one.to_s) for one in told if one.side is not Heard.SAYS]
    found = [(from_s, to_s) for from_s, to_s in without(joined(found), known) if to_s - from_s > WORTH_S]
    return tuple(Missing(*span, TIMELINE, Heard.HEARS) for span in found) if length_s(found) > TOLD_S else ()


def _unwritten(recording: Recording, partner: Capture, files: CaptureFiles, spool: Spool) -> list[Span]:
    """When this partner capture should have been written, and was not; nothing of one that holds no voice."""
    gaps = [
        (gap.from_s, gap.to_s)
        for gap in timeline_of(recording, partner, files).gaps
        if not gap.is_wait and not gap.is_late
    ]
    held = (files.read_bytes or 0) // SAMPLE_BYTES
    if not gaps or spool.silent_samples(CaptureFile(partner.id, Side.READ, files.rate_hz), 0) >= held:
        return []
    return common(gaps, usable(recording, partner))
