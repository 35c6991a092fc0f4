"""What a file lacks since a phone restarted its RTP numbering: which of its silences are a voice."""

from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.library.finalize.renumbered_check import renumbered_voices
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    POLICY,
    Capture,
    Heard,
    Missing,
    Party,
    Pause,
    Recording,
    Renumbering,
    Waiting,
    WaitingKind,
)
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.rules import Rule

FROM_S, LENGTH_S, RATE_HZ = 1000.0, 20.0, 8000
FIRST, SECOND, PARTNER = (CaptureId(f"c-1-{nth}") for nth in (1, 2, 3))
A, B = LegId("a"), LegId("b")
OWN = Capture(FIRST, A, "PJSIP/a-1", RATE_HZ, FROM_S, FROM_S + LENGTH_S)
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, FROM_S, FROM_S + LENGTH_S, (OWN,),
    parties=(Party(A, None, "", "", FROM_S, FROM_S + LENGTH_S), Party(B, None, "", "", FROM_S, FROM_S + LENGTH_S)),
)  # fmt: skip
NEW_SOURCE = Renumbering(A, FROM_S + 5, FROM_S + 5.1, is_new_source=True)
SAME_SOURCE = Renumbering(A, FROM_S + 1, FROM_S + 8, behind_s=2.0)


def sound(*parts: float) -> bytes:
    """Sound and silence in turn, so long each, in seconds."""
    return b"".join((b"\1\2", b"\0\0")[nth % 2] * round(length_s * RATE_HZ) for nth, length_s in enumerate(parts))


def lacks(
    folder: Path, recording: Recording, says: bytes, hears: bytes = sound(LENGTH_S), *further: tuple[CaptureId, bytes]
) -> list[tuple[float, float, Heard]]:
    """From and to, in seconds of the recording, and the side. `further`: of other captures, what both of their sides hold."""
    for capture, sides in ((FIRST, (says, hears)), *((capture, (held, held)) for capture, held in further)):
        for side, content in zip(("read", "write"), sides, strict=True):
            (folder / f"{capture}.{side}.sln").write_bytes(content)
    spool = DiskSpool(folder)
    found = {one.id: files for one in recording.all_captures if (files := spool.capture_files(one.id))}
    missing = renumbered_voices(recording, found, spool)
    assert {one.cause for one in missing} <= {"deaf-leg"}
    return [(round(one.from_s - FROM_S, 3), round(one.to_s - FROM_S, 3), one.side) for one in missing]


def renumbered(*renumberings: Renumbering) -> Recording:
    return replace(RECORDING, renumberings=renumberings)


@pytest.mark.parametrize(
    ("says", "hears", "cause"),
    [
        (sound(5, 0.2, 14.8), sound(5.2, 0.04, 14.76), "late-packets"),
        (sound(5, 0.2, 14.8), sound(5.24, 0.02, 14.74), "late-packets"),
        (sound(5, 0.2, 14.8), sound(5.4, 0.04, 14.56), "deaf-leg"),
        (sound(5, 0.2, 14.8), sound(5.2, 0.5, 14.3), "deaf-leg"),
        (sound(5, 2, 13), sound(7, 0.04, 12.96), "deaf-leg"),
    ],
    ids=["at once", "a frame later", "elsewhere", "the other one's own silence", "for longer"],
)
def test_a_phone_that_stood_still_while_it_took_another_source_came_late(
    tmp_path: Path, says: bytes, hears: bytes, cause: str
) -> None:
    """A moment after its silence the recorder wrote silence on the other side."""
    for side, content in (("read", says), ("write", hears)):
        (tmp_path / f"{FIRST}.{side}.sln").write_bytes(content)
    spool = DiskSpool(tmp_path)
    files = spool.capture_files(FIRST)
    assert files is not None
    (missing,) = renumbered_voices(renumbered(NEW_SOURCE), {FIRST: files}, spool)
    assert (missing.cause, missing.side) == (cause, Heard.SAYS)


def test_a_shorter_silence_is_the_one_that_lasts_until_the_leg_left(tmp_path: Path) -> None:
    """A partner whose phone stood still for a second, then went back in its numbers by twelve, and left a second later: what is
    silent before a voice that comes again was told, and not what was missing."""
    left_s = FROM_S + 5.02
    parties = RECORDING.parties[0], replace(RECORDING.parties[1], to_s=left_s), Party(LegId("c"), None, "", "", left_s)
    back = Renumbering(B, FROM_S - 1, FROM_S + 6, behind_s=12.0)
    recording = replace(renumbered(back), parties=parties)
    hears = sound(1.85, 1.02, 1.26, 0.99, 14.88)
    assert lacks(tmp_path, recording, sound(LENGTH_S), hears) == [(4.13, 5.02, Heard.HEARS)]


def test_without_a_renumbering_silence_is_a_muted_phone(tmp_path: Path) -> None:
    assert lacks(tmp_path, RECORDING, sound(5, 3, 12)) == []


def test_a_renumbering_without_silence_leaves_nothing_out(tmp_path: Path) -> None:
    """Its numbers were ahead. As little as 0.1 s is nothing."""
    for says in (sound(LENGTH_S), sound(5, 0.09, 14.91)):
        assert lacks(tmp_path, renumbered(NEW_SOURCE, SAME_SOURCE), says) == []


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (sound(5, 3, 12), [(5.0, 8.0)]),
        (sound(5.2, 0.4, 14.4), [(5.2, 5.6)]),
        (sound(5, 15), [(5.0, 20.0)]),
        (sound(3, 5, 12), [(4.3, 8.0)]),
        (sound(3, 2, 15), [(3.0, 5.0)]),
        (sound(2.1, 0.2, 0.5, 0.5, 16.7), [(2.8, 3.3)]),
        (sound(0.5, 1, 18.5), []),
        (sound(6, 3, 11), []),
        (sound(4, 0.5, 0.5, 3, 12), [(5.0, 8.0)]),
    ],
    ids=["long", "short", "to the end", "silent before", "only before", "two before", "long before", "later", "two"],
)
def test_of_a_new_source_it_is_the_silence_in_which_it_began(
    tmp_path: Path, says: bytes, expected: list[tuple[float, float]]
) -> None:
    """Where there is none, the longest of a moment before: a phone that has sent nothing for a while is reckoned to
    have begun too late."""
    assert lacks(tmp_path, renumbered(NEW_SOURCE), says) == [(*span, Heard.SAYS) for span in expected]


@pytest.mark.parametrize(
    ("behind_s", "expected"), [(2.0, (6.0, 8.1)), (0.5, (2.0, 2.6)), (None, (3.5, 5.9)), (12.0, (3.5, 5.9))]
)
def test_of_the_same_source_it_is_the_silence_of_that_length(
    tmp_path: Path, behind_s: float | None, expected: tuple[float, float]
) -> None:
    """The longest, where none is so long: it ended early, or that is not known."""
    one = replace(SAME_SOURCE, behind_s=behind_s)
    says = sound(2, 0.6, 0.9, 2.4, 0.1, 2.1, 11.9)
    assert lacks(tmp_path, renumbered(one), says) == [(*expected, Heard.SAYS)]


DOUBT = Renumbering(B, FROM_S + LENGTH_S - 9, FROM_S + LENGTH_S, behind_s=0.0)


@pytest.mark.parametrize(
    ("hears", "to_s", "expected"),
    [
        (sound(16, 4), LENGTH_S, [(16.0, 20.0)]),
        (sound(12, 2, 2, 4), LENGTH_S, [(16.0, 20.0)]),
        (sound(15, 4, 1), LENGTH_S, []),
        (sound(13, 7), 16.0, []),
    ],
    ids=["to the end", "the last", "it spoke again", "who went by a transfer"],
)
def test_a_silence_to_the_end_is_a_voice_in_doubt_only_where_the_conversation_ended_with_it(
    tmp_path: Path, hears: bytes, to_s: float, expected: list[tuple[float, float]]
) -> None:
    """The silence of a leg that hung up before is that of the keys of its transfer, or of what came then."""
    recording = renumbered(replace(DOUBT, to_s=FROM_S + to_s))
    assert lacks(tmp_path, recording, sound(LENGTH_S), hears) == [(*span, Heard.HEARS) for span in expected]


def test_a_doubt_is_of_the_last_capture(tmp_path: Path) -> None:
    """The one before was silent at its end, and was stopped."""
    recording = renumbered(DOUBT)
    further = replace(OWN, id=SECOND, from_s=FROM_S + 16)
    recording = replace(recording, captures=(replace(OWN, to_s=FROM_S + 15.9), further))
    assert lacks(tmp_path, recording, sound(15.9), sound(14, 1.9), (SECOND, sound(4))) == []


def test_a_partners_voice_is_missing_on_the_other_side(tmp_path: Path) -> None:
    recording = renumbered(replace(NEW_SOURCE, leg=B))
    assert lacks(tmp_path, recording, sound(LENGTH_S), sound(5, 3, 12)) == [(5.0, 8.0, Heard.HEARS)]
    others = replace(RECORDING, captures=(replace(OWN, of_others=True),), renumberings=(NEW_SOURCE,))
    assert lacks(tmp_path, others, sound(5, 3, 12)) == [(5.0, 8.0, Heard.HEARS)]


def test_what_a_partner_capture_holds_is_not_missing(tmp_path: Path) -> None:
    held = Capture(PARTNER, B, "PJSIP/b-1", RATE_HZ, FROM_S + 7, FROM_S + LENGTH_S, is_partner=True)
    recording = replace(renumbered(replace(NEW_SOURCE, leg=B)), partner_captures=(held,))
    found = lacks(tmp_path, recording, sound(LENGTH_S), sound(5, 10, 5), (PARTNER, sound(13)))
    assert found == [(5.0, 7.0, Heard.HEARS)]


def test_what_a_side_lacks_while_the_leg_was_not_there_is_not_its_voice(tmp_path: Path) -> None:
    """A recorder that is deaf to two partners, one after the other: each has a capture, and the second one ends the call."""
    first, second = LegId("b"), LegId("c")
    parties = (
        RECORDING.parties[0],
        Party(first, None, "", "", FROM_S, FROM_S + 15),
        Party(second, None, "", "", FROM_S + 15, FROM_S + LENGTH_S),
    )
    ended = replace(DOUBT, leg=second)
    held = Capture(PARTNER, second, "PJSIP/c-1", RATE_HZ, FROM_S + 15, FROM_S + LENGTH_S, is_partner=True)
    recording = replace(renumbered(ended), parties=parties, partner_captures=(held,))
    assert lacks(tmp_path, recording, sound(LENGTH_S), sound(12, 8), (PARTNER, sound(5))) == []
    assert lacks(tmp_path, replace(recording, partner_captures=()), sound(LENGTH_S), sound(12, 8)) == [
        (15.0, 20.0, Heard.HEARS)
    ]


def test_a_pause_a_wait_and_what_follows_the_conversation_are_not_missing(tmp_path: Path) -> None:
    recording = replace(
        renumbered(NEW_SOURCE),
        pauses=(Pause(FROM_S + 6, FROM_S + 7),),
        waiting=(Waiting(FROM_S + 9, FROM_S + 10, WaitingKind.MUSIC),),
        parties=tuple(replace(one, to_s=FROM_S + 12) for one in RECORDING.parties),
    )
    found = lacks(tmp_path, recording, sound(5, 15))
    assert found == [(5.0, 6.0, Heard.SAYS), (7.0, 9.0, Heard.SAYS), (10.0, 12.0, Heard.SAYS)]


@pytest.mark.parametrize(("to_s", "expected"), [(10.15, []), (10.3, [(10.0, 10.3, Heard.SAYS)])])
def test_a_phone_takes_a_moment_to_send_again_behind_a_wait(
    tmp_path: Path, to_s: float, expected: list[tuple[float, float, Heard]]
) -> None:
    """With a new source."""
    held = Waiting(FROM_S + 5, FROM_S + 10, WaitingKind.HOLD)
    recording = replace(renumbered(replace(NEW_SOURCE, from_s=FROM_S + 10, to_s=FROM_S + 10.1)), waiting=(held,))
    assert lacks(tmp_path, recording, sound(5, to_s - 5, LENGTH_S - to_s)) == expected


def test_a_capture_that_began_anew_and_is_as_deaf_lacks_it_too(tmp_path: Path) -> None:
    """As long as another's recorder is on the leg Asterisk keeps the translation."""
    own = replace(OWN, to_s=FROM_S + 8, cause="deaf-leg")
    further = replace(OWN, id=SECOND, from_s=FROM_S + 8.2)
    recording = replace(renumbered(NEW_SOURCE), captures=(own, further))
    says, hears = sound(5, 3), sound(8)
    assert lacks(tmp_path, recording, says, hears, (SECOND, sound(0, 4, 7.8))) == [
        (5.0, 8.0, Heard.SAYS),
        (8.2, 12.2, Heard.SAYS),
    ]
    assert lacks(tmp_path, recording, says, hears, (SECOND, sound(1, 4, 6.8))) == [(5.0, 8.0, Heard.SAYS)]


def test_captures_without_files_or_of_another_time_tell_nothing(tmp_path: Path) -> None:
    recording = replace(renumbered(NEW_SOURCE), captures=(replace(OWN, id=SECOND), replace(OWN, from_s=FROM_S + 12)))
    assert lacks(tmp_path, recording, sound(1, 6, 1)) == []
    ended = replace(OWN, to_s=FROM_S + 2)
    assert lacks(tmp_path, replace(renumbered(NEW_SOURCE), captures=(ended,)), sound(1, 1)) == []


def test_what_is_told_already_is_not_told_twice(tmp_path: Path) -> None:
    """A partner capture failed."""
    recording = renumbered(replace(NEW_SOURCE, leg=B))
    assert lacks(tmp_path, recording, sound(LENGTH_S), sound(5, 15)) == [(5.0, 20.0, Heard.HEARS)]
    files = {FIRST: CaptureFiles(FIRST, RATE_HZ, round(LENGTH_S) * RATE_HZ * 2, round(LENGTH_S) * RATE_HZ * 2)}
    told = Missing(FROM_S + 4, FROM_S + 20, "deaf-leg", Heard.HEARS)
    assert renumbered_voices(recording, files, DiskSpool(tmp_path), (told,)) == ()


def test_two_renumberings_in_one_silence_are_told_once(tmp_path: Path) -> None:
    twice = renumbered(NEW_SOURCE, replace(NEW_SOURCE, from_s=FROM_S + 6, to_s=FROM_S + 6), SAME_SOURCE)
    assert lacks(tmp_path, twice, sound(5, 3, 12)) == [(5.0, 8.0, Heard.SAYS)]
