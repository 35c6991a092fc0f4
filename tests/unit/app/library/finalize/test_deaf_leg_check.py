"""What no partner capture holds: digital silence while a new partner is there."""

from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.spool import DiskSpool
from callrec.app.library.finalize import deaf_leg_check
from callrec.app.library.finalize.deaf_leg_check import deaf_legs
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    Actor,
    ActorKind,
    Capture,
    GrowthMark,
    Heard,
    Missing,
    Party,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.rules import Rule

FROM_S, LENGTH_S, MET_S = 1000.0, 10.0, 1004.0
RATE_HZ = 8000
OWN, FIRST, SECOND = (CaptureId(f"c-1-{nth}") for nth in (1, 2, 3))
A, B = LegId("a"), LegId("b")
SOUND, NOTHING = b"\x01\x02", b"\0\0"
REFUSED = "ami-error"


def sound(seconds: float) -> bytes:
    return SOUND * round(seconds * RATE_HZ)


def silence(seconds: float) -> bytes:
    return NOTHING * round(seconds * RATE_HZ)


def partner(capture: CaptureId = FIRST, *, from_s: float = MET_S, cause: str = "") -> Capture:
    return Capture(capture, B, "PJSIP/b-1", RATE_HZ, from_s, from_s + 6, cause=cause, is_partner=True)


def lacks(
    folder: Path,
    hears: bytes,
    *partners: Capture,
    said: bytes = b"",
    left_s: float = FROM_S + LENGTH_S,
    waiting: tuple[Waiting, ...] = (),
    channel: str = "PJSIP/a-1",
) -> tuple[Missing, ...]:
    """What the recorded leg's capture of ten seconds lacks when it hears this, and the last partner capture holds what was
    `said`."""
    spool = DiskSpool(folder)
    files = {OWN: (sound(len(hears) / 2 / RATE_HZ), hears)} | ({partners[-1].id: (said, silence(1))} if said else {})
    for capture, sides in files.items():
        for side, content in zip(("read", "write"), sides, strict=True):
            (folder / f"{capture}.{side}.sln").write_bytes(content)
    own = Capture(OWN, A, channel, RATE_HZ, FROM_S, FROM_S + LENGTH_S)
    parties = (Party(A, None, "", "", FROM_S), Party(B, None, "", "", MET_S, left_s))
    recording = Recording(
        RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, Actor(ActorKind.POLICY), FROM_S,
        FROM_S + LENGTH_S, (own,), partners, parties, waiting=waiting,
    )  # fmt: skip
    found = {one: files for one in (OWN, *(capture.id for capture in partners)) if (files := spool.capture_files(one))}
    return deaf_legs(recording, found, spool)


def test_without_new_partners_there_is_no_deaf_leg(tmp_path: Path) -> None:
    """A muted phone."""
    assert lacks(tmp_path, sound(4) + silence(6)) == ()


def test_where_the_partner_capture_failed_silence_to_the_end_may_be_a_voice(tmp_path: Path) -> None:
    """From, to, cause and side; a ringing tone that ends a little late is none of it."""
    missing = Missing(MET_S, FROM_S + LENGTH_S, "deaf-leg", Heard.HEARS)
    assert lacks(tmp_path, sound(4.1) + silence(5.9), partner(cause=REFUSED)) == (missing,)


@pytest.mark.parametrize(
    ("hears", "heard_s"),
    [(silence(10), 0.0), (sound(4) + silence(6), 4.0), (sound(8.5) + silence(1.5), 8.5), (sound(9.5) + silence(0.5), None),
     (silence(9) + sound(1), None), (sound(10), None)],
)  # fmt: skip
def test_what_the_dialplan_recorded_alone_lacks_a_voice_where_it_hears_nothing_to_the_end(
    tmp_path: Path, hears: bytes, heard_s: float | None
) -> None:
    """It begins no partner captures. An agent's voice was missing behind a queue, and the entry said *sound*."""
    found = lacks(tmp_path, hears, channel="")
    assert found == (() if heard_s is None else (Missing(FROM_S + heard_s, FROM_S + 10, "deaf-leg", Heard.HEARS),))


def test_it_ends_with_the_conversation(tmp_path: Path) -> None:
    """The next partner is heard."""
    (missing,) = lacks(tmp_path, sound(4) + silence(3) + sound(3), partner(cause=REFUSED), left_s=FROM_S + 7)
    assert (missing.from_s, missing.to_s) == (MET_S, FROM_S + 7)


@pytest.mark.parametrize(
    "hears",
    [
        pytest.param(sound(10), id="everything is there"),
        pytest.param(sound(4) + silence(3) + sound(3), id="a silence with a voice behind it"),
        pytest.param(silence(4) + sound(6), id="silence before the meeting"),
    ],
)
def test_who_is_heard_is_not_missing(tmp_path: Path, hears: bytes) -> None:
    """Though the partner capture failed."""
    assert lacks(tmp_path, hears, partner(cause=REFUSED)) == ()


def test_a_conversation_of_less_than_a_second_tells_nothing(tmp_path: Path) -> None:
    """Somebody who has not spoken yet."""
    assert lacks(tmp_path, sound(4) + silence(6), partner(cause=REFUSED), left_s=MET_S + 0.9) == ()


def test_what_a_further_partner_capture_holds_is_not_missing(tmp_path: Path) -> None:
    """The first try failed; the second was there three seconds later."""
    tries = partner(cause=REFUSED), partner(SECOND, from_s=MET_S + 3)
    missing = lacks(tmp_path, sound(4) + silence(6), *tries, said=sound(3))
    assert {(one.from_s, one.to_s) for one in missing} == {(MET_S, MET_S + 3)}


def test_what_a_partner_said_before_the_daemon_was_back_is_missing(tmp_path: Path) -> None:
    """They met while it was away; the recorded leg is deaf, and the partner speaks."""
    (missing,) = lacks(tmp_path, sound(4) + silence(6), partner(from_s=MET_S + 2), said=sound(4))
    assert (missing.from_s, missing.to_s, missing.side) == (MET_S, MET_S + 2, Heard.HEARS)


@pytest.mark.parametrize(
    ("hears", "said"),
    [
        pytest.param(sound(4) + silence(6), silence(4), id="muted"),
        pytest.param(sound(10), sound(4), id="heard"),
        pytest.param(sound(4) + silence(1) + sound(5), sound(4), id="heard after a second"),
    ],
)
def test_a_late_partner_capture_alone_is_no_fault(tmp_path: Path, hears: bytes, said: bytes) -> None:
    """The recorded leg hears, or there is nothing to hear."""
    assert lacks(tmp_path, hears, partner(from_s=MET_S + 2), said=said) == ()


def test_the_milliseconds_before_a_partner_capture_are_not_told(tmp_path: Path) -> None:
    """It begins when the daemon has heard of the meeting and journaled it."""
    assert lacks(tmp_path, sound(4) + silence(6), partner(from_s=MET_S + 0.08), said=sound(4)) == ()


def test_a_partner_capture_whose_recorder_began_late_lacks_that_time(tmp_path: Path) -> None:
    """On a busy machine Asterisk's recorder began 0.3 s after it was asked for, and the entry said *sound*."""
    late = replace(partner(from_s=MET_S + 0.06), marks=(GrowthMark(0, MET_S + 0.36), GrowthMark(16384, MET_S + 2.4)))
    (missing,) = lacks(tmp_path, sound(4) + silence(6), late, said=sound(5.65))
    assert (missing.cause, missing.side) == ("deaf-leg", Heard.HEARS)
    assert (missing.from_s, missing.to_s) == pytest.approx((MET_S, MET_S + 0.35), abs=0.01)


def test_a_capture_without_a_file_of_what_it_hears_tells_nothing(tmp_path: Path) -> None:
    """That is another cause."""
    assert lacks(tmp_path, b"", partner(cause=REFUSED)) == ()


def test_a_partner_who_had_left_when_their_capture_was_refused_says_nothing_more(tmp_path: Path) -> None:
    """The hold ended with the transfer: what follows is the next partner's, who has a capture of their own."""
    late = partner(from_s=MET_S + 0.001, cause=REFUSED)
    assert lacks(tmp_path, sound(4) + silence(6), late, left_s=MET_S) == ()


def test_what_an_earlier_capture_of_a_partner_holds_is_not_missing(tmp_path: Path) -> None:
    """A transfer by `*2` takes the partner from one bridge to the next: the second capture begins half a second after the
    first."""
    first = replace(partner(), to_s=MET_S + 0.5)
    assert lacks(tmp_path, sound(4) + silence(6), first, partner(SECOND, from_s=MET_S + 0.51), said=sound(5)) == ()


@pytest.fixture
def most_captures(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many partner captures a recording may have in this test."""
    monkeypatch.setattr(deaf_leg_check, "MOST_CAPTURES", 20)
    return 20


@pytest.mark.parametrize("leg", [B, LegId("c")], ids=["the same partner", "a new one"])
def test_behind_the_last_partner_capture_silence_is_told(tmp_path: Path, leg: LegId, most_captures: int) -> None:
    """After so many holds none begins any more, for nobody. Of fewer, the last one ended since the recorder hears."""
    partners = [replace(partner(CaptureId(f"c-1-{nth + 2}")), leg=leg, to_s=MET_S + 1) for nth in range(most_captures)]
    from_s = MET_S + 1 if leg == B else MET_S
    missing = lacks(tmp_path, sound(4) + silence(6), *partners, said=sound(1))
    assert [(one.from_s, one.to_s) for one in missing] == [(from_s, FROM_S + LENGTH_S)]
    assert lacks(tmp_path, sound(4) + silence(6), *partners[:-1], said=sound(1)) == ()


def test_the_last_partner_capture_that_failed_is_told_once(tmp_path: Path, most_captures: int) -> None:
    """For the conversation behind it, and not again as one without a capture; a hold is none of it."""
    failed = [partner(CaptureId(f"c-1-{nth + 2}"), cause=REFUSED) for nth in range(most_captures)]
    missing = lacks(tmp_path, sound(4) + silence(6), *failed)
    assert {(one.from_s, one.to_s) for one in missing} == {(MET_S, FROM_S + LENGTH_S)}
    assert len(missing) == 1


def test_it_is_looked_for_where_it_stands_in_the_file(tmp_path: Path) -> None:
    """Two seconds of parking without music before the meeting were not written: the file is so much shorter than its time."""
    waiting = (Waiting(MET_S - 2, MET_S, WaitingKind.PARKED),)
    missing = Missing(MET_S, FROM_S + LENGTH_S, "deaf-leg", Heard.HEARS)
    assert lacks(tmp_path, sound(2) + silence(6), partner(cause=REFUSED), waiting=waiting) == (missing,)
    assert lacks(tmp_path, sound(2) + silence(1.5) + sound(4.5), partner(cause=REFUSED), waiting=waiting) == ()
