"""A capture in whose middle nothing was written for a second: its files show where."""

from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.library.finalize.shown_gaps import with_shown_gaps
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, GrowthMark, Party, Recording, RtpGap
from callrec.domain.library.assessment import conclude
from callrec.domain.library.timeline import EXACT_S
from callrec.domain.rules import Rule

FROM_S, LENGTH_S, SILENT_S, RATE_HZ, STEP = 1000.0, 20.0, 1.0, 8000, 16384
AWAY_S = 9.0
OWN = CaptureId("c-1-1")
A, B = LegId("a"), LegId("b")
BEFORE, AFTER = 4 * STEP, 5 * STEP
MARKS = (
    GrowthMark(0, FROM_S),
    GrowthMark(BEFORE, FROM_S + BEFORE / RATE_HZ),
    GrowthMark(AFTER, FROM_S + SILENT_S + AFTER / RATE_HZ),
)
SEEN = RtpGap(FROM_S + 15.0, FROM_S + 15.01)
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, FROM_S, FROM_S + LENGTH_S,
    (Capture(OWN, A, "PJSIP/a-1", RATE_HZ, FROM_S, FROM_S + LENGTH_S, mixmonitor="0x1", marks=MARKS, rtp_gaps=(SEEN,)),),
    parties=tuple(Party(leg, None, "", "", FROM_S, FROM_S + LENGTH_S) for leg in (A, B)),
)  # fmt: skip


def files(folder: Path, *silent: tuple[float, float]) -> DiskSpool:
    """Sound on both sides, and on one side digital silence from and to these times of the file."""
    samples = bytearray(b"\1\2" * round((LENGTH_S - SILENT_S) * RATE_HZ))
    (folder / f"{OWN}.read.sln").write_bytes(samples)
    for from_s, to_s in silent:
        first, last = (2 * round(at_s * RATE_HZ) for at_s in (from_s, to_s))
        samples[first:last] = bytes(last - first)
    (folder / f"{OWN}.write.sln").write_bytes(samples)
    return DiskSpool(folder)


def placed(spool: DiskSpool, recording: Recording = RECORDING) -> tuple[float, float, float | None]:
    """From and to of what the entry says is missing, in seconds of the recording; and how exact it says that its file is."""
    found = {one.capture: one for one in [spool.capture_files(OWN)] if one}
    ended = conclude(with_shown_gaps(recording, found, spool), found).recording
    (missing,) = ended.missing
    return missing.from_s - FROM_S, missing.to_s - FROM_S, ended.timeline_exact_s


def test_the_silence_of_a_told_gap_stands_where_one_side_fell_silent_first(tmp_path: Path) -> None:
    spool = files(tmp_path, (AWAY_S - 0.02, AWAY_S))
    assert placed(spool) == pytest.approx((AWAY_S, AWAY_S + SILENT_S, EXACT_S), abs=0.005)


def test_between_two_places_the_entry_says_how_exact_the_time_line_is(tmp_path: Path) -> None:
    spool = files(tmp_path, (AWAY_S - 0.02, AWAY_S), (AWAY_S + 0.5, AWAY_S + 0.52))
    middle_s = (BEFORE + AFTER) / 2 / RATE_HZ
    assert placed(spool) == pytest.approx((middle_s, middle_s + SILENT_S, SILENT_S), abs=0.005)


def test_a_recording_of_which_all_is_known_stays_as_it_is(tmp_path: Path) -> None:
    spool = files(tmp_path)
    found = {one.capture: one for one in [spool.capture_files(OWN)] if one}
    whole = replace(RECORDING, captures=(replace(RECORDING.captures[0], to_s=FROM_S + LENGTH_S - SILENT_S, marks=()),))
    assert with_shown_gaps(whole, found, spool) == whole
    assert with_shown_gaps(RECORDING, {}, spool) == RECORDING
