"""When a side is called deaf: digital silence over a word that was said."""

from pathlib import Path

import pytest

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.deaf_legs import deaf_legs, is_far_enough
from callrec.domain.model import (
    Actor,
    ActorKind,
    CallId,
    Heard,
    LegId,
    Missing,
    NodeId,
    Recording,
    RecordingId,
    Speech,
    Take,
    TakeId,
)
from callrec.domain.provisioning.model import Rule

FROM_S = 1000.0
LENGTH_S = 10.0
MET_S, SPOKE_S = FROM_S + 4, FROM_S + 5
RATE_HZ = 8000
T1 = TakeId("c-1-1")
SOUND, NOTHING = b"\x01\x02", b"\0\0"


def speech(*, met_s: float = MET_S, spoke_s: float = SPOKE_S, proven: bool = True) -> Speech:
    return Speech(T1, LegId("b"), met_s, spoke_s, proven)


def heard(folder: Path, hears: bytes, *speeches: Speech, to_s: float | None = FROM_S + LENGTH_S) -> tuple[Missing, ...]:
    """What a take of these bytes lacks."""
    spool = DiskSpool(folder)
    (folder / f"{T1}.read.sln").write_bytes(SOUND * (len(hears) // 2))
    (folder / f"{T1}.write.sln").write_bytes(hears)
    take = Take(T1, LegId("a"), "PJSIP/a-1", RATE_HZ, FROM_S, to_s)
    actor = Actor(ActorKind.POLICY)
    ids = RecordingId("c-1"), CallId("c"), "c.1", NodeId("n")
    recording = Recording(*ids, Rule.ALWAYS, actor, FROM_S, to_s, (take,), speech=speeches or (speech(),))
    found = spool.capture(T1)
    return deaf_legs(recording, {T1: found} if found else {}, spool)


def sound(seconds: float) -> bytes:
    return SOUND * round(seconds * RATE_HZ)


def silence(seconds: float) -> bytes:
    return NOTHING * round(seconds * RATE_HZ)


def test_silence_from_the_meeting_to_the_end_is_missing(tmp_path: Path) -> None:
    """From, to, cause and side; a ringing tone that ends a little late is none of it."""
    missing = Missing(MET_S, FROM_S + LENGTH_S, "deaf-leg", Heard.HEARS)
    assert heard(tmp_path, sound(4.1) + silence(5.9)) == (missing,)


def test_it_ends_where_there_is_sound_again(tmp_path: Path) -> None:
    """The next partner is heard."""
    (missing,) = heard(tmp_path, sound(4) + silence(3) + sound(3))
    assert (missing.from_s, missing.to_s) == (MET_S, FROM_S + 7)


@pytest.mark.parametrize(
    "hears",
    [
        pytest.param(sound(10), id="everything is there"),
        pytest.param(sound(4) + silence(1) + sound(0.2) + silence(4.8), id="one word, then a phone that sends zeros"),
        pytest.param(sound(4) + silence(0.9) + sound(5.1), id="a gap of less than a second"),
        pytest.param(silence(4) + sound(6), id="silence before the meeting"),
    ],
)
def test_what_is_not_deaf(tmp_path: Path, hears: bytes) -> None:
    assert heard(tmp_path, hears) == ()


def test_without_a_word_there_is_no_deaf_leg(tmp_path: Path) -> None:
    """A muted phone."""
    assert heard(tmp_path, sound(4) + silence(6), speech(spoke_s=FROM_S + 9.8)) == (), "the word is at the very end"
    spool = DiskSpool(tmp_path)
    take = Take(T1, LegId("a"), "PJSIP/a-1", RATE_HZ, FROM_S, FROM_S + LENGTH_S)
    actor = Actor(ActorKind.POLICY)
    ids = RecordingId("c-1"), CallId("c"), "c.1", NodeId("n")
    found = spool.capture(T1)
    assert found
    assert deaf_legs(Recording(*ids, Rule.ALWAYS, actor, FROM_S, None, (take,)), {T1: found}, spool) == ()


def test_a_word_that_was_told_late_is_a_proof(tmp_path: Path) -> None:
    """A busy daemon hears of it two seconds later."""
    assert len(heard(tmp_path, sound(4) + silence(6), speech(spoke_s=SPOKE_S + 2))) == 1


def test_one_silence_is_missing_once(tmp_path: Path) -> None:
    """Two partners were heard to speak in it."""
    assert len(heard(tmp_path, sound(4) + silence(6), speech(), speech(met_s=MET_S + 2, spoke_s=MET_S + 3))) == 1


def test_when_asterisk_could_not_listen_only_silence_to_the_end_is_said(tmp_path: Path) -> None:
    """In doubt the entry says so; a pause in a conversation is no doubt."""
    unproven = speech(spoke_s=MET_S, proven=False)
    assert len(heard(tmp_path, sound(4) + silence(6), unproven)) == 1
    assert heard(tmp_path, sound(4) + silence(3) + sound(3), unproven) == ()


def test_where_time_is_missing_both_places_must_be_silent(tmp_path: Path) -> None:
    """Two seconds are missing somewhere before or after: a place in the file is that uncertain, and a word may be at another."""
    assert heard(tmp_path, sound(4) + silence(4), speech()) == (), "the sound before may be what was said"
    assert len(heard(tmp_path, sound(1) + silence(7), speech())) == 1


def test_a_take_without_a_file_of_what_it_hears_tells_nothing(tmp_path: Path) -> None:
    """That is another cause."""
    spool = DiskSpool(tmp_path)
    (tmp_path / f"{T1}.read.sln").write_bytes(sound(10))
    found = spool.capture(T1)
    take = Take(T1, LegId("a"), "PJSIP/a-1", RATE_HZ, FROM_S, FROM_S + LENGTH_S)
    ids = RecordingId("c-1"), CallId("c"), "c.1", NodeId("n")
    recording = Recording(*ids, Rule.ALWAYS, Actor(ActorKind.POLICY), FROM_S, None, (take,), speech=(speech(),))
    assert found
    assert deaf_legs(recording, {T1: found}, spool) == ()
    assert deaf_legs(recording, {}, spool) == ()


def test_a_living_take_is_far_enough_when_the_word_is_behind(tmp_path: Path) -> None:
    """Asterisk writes 32 KiB at once."""
    spool = DiskSpool(tmp_path)
    take = Take(T1, LegId("a"), "PJSIP/a-1", RATE_HZ, FROM_S)
    for length_s, expected in ((5.4, False), (5.6, True)):
        for side in ("read", "write"):
            (tmp_path / f"{T1}.{side}.sln").write_bytes(sound(length_s))
        found = spool.capture(T1)
        assert found
        assert is_far_enough(found, take, speech()) is expected
    assert len(heard(tmp_path, sound(4) + silence(2), to_s=None)) == 1, "while it lives, too"
