"""Where in the files a voice was due, and which silences of it are looked at."""

from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.library.finalize.late_pieces_check import late_pieces
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    POLICY,
    Capture,
    Heard,
    Missing,
    Party,
    Pause,
    Quality,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.rules import Rule

FROM_S, LENGTH_S, RATE_HZ = 1000.0, 20.0, 8000
FIRST, SECOND, PARTNER = (CaptureId(f"c-1-{nth}") for nth in (1, 2, 3))
A, B, C = LegId("a"), LegId("b"), LegId("c")
TO_S = FROM_S + LENGTH_S
LATE = Quality(1000, 0, 1.0, largest_delay_ms=250.0)
OWN = Capture(FIRST, A, "PJSIP/a-1", RATE_HZ, FROM_S, TO_S, mixmonitor="0x1")
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, FROM_S, TO_S, (OWN,),
    parties=tuple(Party(leg, None, "", "", FROM_S, TO_S, LATE) for leg in (A, B)),
)  # fmt: skip


def sound(*parts: float) -> bytes:
    """Sound and silence in turn, so long each, in seconds."""
    return b"".join((b"\1\2", b"\0\0")[nth % 2] * round(length_s * RATE_HZ) for nth, length_s in enumerate(parts))


WHOLE = sound(LENGTH_S)
PIECES = sound(5, 0.2, 4.8, 0.04, 9.96)
THEY = [(5.0, 5.2), (10.0, 10.04)]


def found(
    folder: Path,
    recording: Recording,
    says: bytes = WHOLE,
    hears: bytes = WHOLE,
    *further: tuple[CaptureId, bytes],
    told: tuple[Missing, ...] = (),
) -> tuple[list[tuple[float, float, Heard]], float | None]:
    """From and to, in seconds of the recording, and the side; and what may be missing beside that. `further`: of other captures,
    what both of their sides hold."""
    for capture, sides in ((FIRST, (says, hears)), *((capture, (held, held)) for capture, held in further)):
        for side, content in zip(("read", "write"), sides, strict=True):
            (folder / f"{capture}.{side}.sln").write_bytes(content)
    spool = DiskSpool(folder)
    files = {one.id: its for one in recording.all_captures if (its := spool.capture_files(one.id))}
    missing, may_lack_s = late_pieces(recording, files, spool, told)
    return [(round(one.from_s - FROM_S, 3), round(one.to_s - FROM_S, 3), one.side) for one in missing], may_lack_s


def with_delay(delay_ms: float | None) -> Recording:
    quality = replace(LATE, largest_delay_ms=delay_ms)
    return replace(RECORDING, parties=tuple(replace(one, quality=quality) for one in RECORDING.parties))


@pytest.mark.parametrize("side", list(Heard)[:2])
def test_pieces_that_came_late_are_told_on_their_side(tmp_path: Path, side: Heard) -> None:
    sides = {"says" if side is Heard.SAYS else "hears": PIECES}
    assert found(tmp_path, RECORDING, **sides) == ([(*span, side) for span in THEY], 0.0)
    assert found(tmp_path, with_delay(None), **sides) == ([(*span, side) for span in THEY], 0.0)


def test_where_no_packet_came_late_only_the_end_is_looked_at(tmp_path: Path) -> None:
    assert found(tmp_path, with_delay(20.0), PIECES, sound(18, 2)) == ([], 2.0)


@pytest.mark.parametrize(
    ("hears", "may_lack_s"),
    [
        (sound(7, 1.5, 11.5), 1.0),
        (sound(5, 2, 13), 0.0),
        (sound(7.9, 1.5, 10.6), 0.0),
        (sound(8.2, 0.4, 11.4), 0.0),
    ],
    ids=["until they left", "before", "for a moment", "after"],
)
@pytest.mark.parametrize("delay_ms", [20.0, 250.0])
def test_who_was_silent_until_they_left_may_have_said_something(
    tmp_path: Path, hears: bytes, may_lack_s: float, delay_ms: float
) -> None:
    """Their phone may have gone back in its numbers a moment before: no counter tells it. The others talk on."""
    own, other = with_delay(delay_ms).parties
    leaver, third = replace(other, to_s=FROM_S + 8), replace(other, leg=C, from_s=FROM_S + 8.1)
    recording = replace(RECORDING, parties=(own, leaver, third))
    assert found(tmp_path, recording, hears=hears) == ([], may_lack_s)


def test_a_phone_with_silences_of_its_own_leaves_it_open(tmp_path: Path) -> None:
    assert found(tmp_path, RECORDING, sound(5, 0.2, 4.8, 1.5, 8.5)) == ([], 0.2)


def test_of_a_recorder_of_the_dialplan_it_is_not_known_how_much_more_may_be_missing(tmp_path: Path) -> None:
    """Its files tell as much as any, but nothing tells when it began."""
    recording = replace(RECORDING, captures=(replace(OWN, channel=""),))
    assert found(tmp_path, recording, PIECES) == ([(*span, Heard.SAYS) for span in THEY], None)


@pytest.mark.parametrize(
    "recording",
    [
        replace(RECORDING, pauses=(Pause(FROM_S + 4, FROM_S + 11),)),
        replace(RECORDING, pauses=(Pause(FROM_S + 4),)),
        replace(RECORDING, waiting=(Waiting(FROM_S + 4, FROM_S + 11, WaitingKind.HOLD),)),
        replace(RECORDING, waiting=(Waiting(FROM_S + 4, None, WaitingKind.HOLD),)),
        replace(RECORDING, parties=(replace(RECORDING.parties[0], to_s=FROM_S + 4), RECORDING.parties[1])),
        replace(RECORDING, parties=(replace(RECORDING.parties[0], from_s=FROM_S + 11), RECORDING.parties[1])),
    ],
    ids=["paused", "paused to the end", "held", "held to the end", "gone", "not there yet"],
)
def test_where_no_voice_was_due_silence_is_none(tmp_path: Path, recording: Recording) -> None:
    assert found(tmp_path, recording, PIECES) == ([], 0.0)


def test_what_is_told_already_is_not_told_again(tmp_path: Path) -> None:
    told = Missing(FROM_S + 4.9, FROM_S + 10.1, "deaf-leg", Heard.SAYS)
    assert found(tmp_path, RECORDING, PIECES, told=(told,)) == ([], 0.0)
    assert found(tmp_path, RECORDING, PIECES, told=(replace(told, side=Heard.BOTH),)) == ([], 0.0)
    assert found(tmp_path, RECORDING, PIECES, told=(replace(told, side=Heard.HEARS),))[0] != []


def test_the_first_moment_of_a_capture_is_a_phones_own(tmp_path: Path) -> None:
    assert found(tmp_path, RECORDING, sound(0, 0.25, 19.75)) == ([], 0.0)


def test_a_further_capture_counts_with_the_first(tmp_path: Path) -> None:
    """A capture without a file, or whose file is empty, has none. The end of an earlier one is not the end of the call."""
    second = replace(OWN, id=SECOND, from_s=FROM_S + 10)
    recording = replace(RECORDING, captures=(replace(OWN, to_s=FROM_S + 10), replace(OWN, id=PARTNER), second))
    halves = sound(5, 0.2, 4.8), sound(5, 0.2, 4.8)
    expected = [(5.0, 5.2, Heard.SAYS), (15.0, 15.2, Heard.SAYS)]
    assert found(tmp_path, recording, halves[0], sound(10), (SECOND, halves[1]))[0][:2] != []
    told, _ = found(tmp_path, recording, halves[0], sound(10), (SECOND, halves[1]), (PARTNER, b""))
    assert [one for one in told if one[2] is Heard.SAYS] == expected


def test_both_sides_of_others_are_on_the_right(tmp_path: Path) -> None:
    recording = replace(RECORDING, captures=(replace(OWN, of_others=True),))
    assert found(tmp_path, recording, PIECES) == ([(*span, Heard.HEARS) for span in THEY], 0.0)


def test_where_a_partner_capture_stands_in_its_silences_count(tmp_path: Path) -> None:
    """The recorded leg heard nothing since 8 s."""
    held = Capture(PARTNER, B, "PJSIP/b-1", RATE_HZ, FROM_S + 8, TO_S, is_partner=True)
    recording = replace(RECORDING, partner_captures=(held, replace(held, id=SECOND)))
    deaf = sound(8, 12)
    assert found(tmp_path, recording, WHOLE, deaf, (PARTNER, sound(12))) == ([], 0.0)
    assert found(tmp_path, recording, WHOLE, deaf, (PARTNER, sound(4, 0.2, 7.8))) == (
        [(12.0, 12.2, Heard.HEARS)],
        0.0,
    )
    assert found(tmp_path, recording, WHOLE, deaf, (PARTNER, sound(8, 4))) == ([], 4.0)
