"""What a partner capture did not write while the recorded leg's recorder was deaf."""

from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.library.finalize.partner_gaps_check import partner_gaps
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, GrowthMark, Heard, Missing, Party, Recording
from callrec.domain.rules import Rule

FROM_S, LENGTH_S, MET_S, RATE_HZ, STEP = 1000.0, 20.0, 1004.0, 8000, 16384
OWN, PARTNER = CaptureId("c-1-1"), CaptureId("c-1-2")
A, B = LegId("a"), LegId("b")
TO_S, STEP_S = FROM_S + LENGTH_S, STEP / RATE_HZ
AWAY_S = 0.15


def capture(nth: CaptureId, leg: LegId, from_s: float, *marks: tuple[int, float], to_s: float = TO_S) -> Capture:
    """`marks`: how many steps were written when so much time was lost."""
    grown = (GrowthMark(steps * STEP, from_s + steps * STEP_S + lost_s) for steps, lost_s in ((0, 0.0), *marks))
    return Capture(nth, leg, "PJSIP/x-1", RATE_HZ, from_s, to_s, "0x1", marks=tuple(grown), is_partner=leg == B)


WHOLE = capture(OWN, A, FROM_S)
TORN = capture(PARTNER, B, MET_S, (2, 0.0), (3, AWAY_S))
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, FROM_S, TO_S, (WHOLE,), (TORN,),
    (Party(A, None, "", "", FROM_S, TO_S), Party(B, None, "", "", MET_S, TO_S)),
)  # fmt: skip


def lacks(
    folder: Path,
    recording: Recording,
    *,
    own_s: float = LENGTH_S,
    deaf_s: float = LENGTH_S - 4.0,
    is_muted: bool = False,
    told: tuple[Missing, ...] = (),
) -> tuple[Missing, ...]:
    """When the recorded leg's file of `own_s` seconds hears nothing in its last `deaf_s`."""
    heard, held = round((own_s - deaf_s) * RATE_HZ), round((LENGTH_S - 4.0 - AWAY_S) * RATE_HZ)
    sides = {
        (OWN, "read"): b"\1\2" * round(own_s * RATE_HZ),
        (OWN, "write"): b"\1\2" * heard + b"\0\0" * (round(own_s * RATE_HZ) - heard),
        (PARTNER, "read"): (b"\0\0" if is_muted else b"\1\2") * held,
        (PARTNER, "write"): b"\1\2" * held,
    }
    for (nth, side), content in sides.items():
        (folder / f"{nth}.{side}.sln").write_bytes(content)
    spool = DiskSpool(folder)
    found = {nth: files for nth in (OWN, PARTNER) if (files := spool.capture_files(nth))}
    return partner_gaps(recording, found, spool, told)


def test_what_the_partners_recorder_did_not_write_is_told_of_a_deaf_leg(tmp_path: Path) -> None:
    """The entry said *sound*: the recorded leg's own recorder had written all the time, and heard nothing."""
    (missing,) = lacks(tmp_path, RECORDING)
    assert (missing.cause, missing.side) == ("timeline", Heard.HEARS)
    assert missing.to_s - missing.from_s == pytest.approx(AWAY_S, abs=0.001)
    assert MET_S + 2 * STEP_S < missing.from_s < MET_S + 3 * STEP_S


@pytest.mark.parametrize("deaf_s", [0.0, 0.5])
def test_nothing_is_missing_where_the_recorded_legs_recorder_hears(tmp_path: Path, deaf_s: float) -> None:
    assert lacks(tmp_path, RECORDING, deaf_s=deaf_s) == ()


def test_a_muted_partner_lacks_nothing(tmp_path: Path) -> None:
    assert lacks(tmp_path, RECORDING, is_muted=True) == ()


def test_as_little_as_a_sound_recording_may_lack_is_none(tmp_path: Path) -> None:
    little = capture(PARTNER, B, MET_S, (2, 0.0), (3, 0.09), to_s=TO_S - AWAY_S + 0.09)
    assert lacks(tmp_path, replace(RECORDING, partner_captures=(little,))) == ()


def test_what_is_told_already_is_not_told_again(tmp_path: Path) -> None:
    """As missing of both, or by the time line of the recorded leg's own capture."""
    assert lacks(tmp_path, RECORDING, told=(Missing(MET_S, TO_S, "deaf-leg", Heard.HEARS),)) == ()
    torn = capture(OWN, A, FROM_S, (4, 0.0), (5, 0.3))
    both = replace(
        RECORDING, captures=(torn,), partner_captures=(capture(PARTNER, B, MET_S + 0.14, (2, 0.0), (3, 0.15)),)
    )
    lacking = lacks(tmp_path, both, own_s=LENGTH_S - 0.3)
    assert sum(one.to_s - one.from_s for one in lacking) < AWAY_S


def test_without_partner_captures_nothing_is_looked_at(tmp_path: Path) -> None:
    assert lacks(tmp_path, replace(RECORDING, partner_captures=())) == ()
