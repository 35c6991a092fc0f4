"""What happens where in a recording, and who spoke how long."""

from dataclasses import replace

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    Actor,
    ActorKind,
    Capture,
    Heard,
    Interval,
    Missing,
    Party,
    Pause,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.library.marks import Mark, MarkKind, Marks, Speaking, marks_of
from callrec.domain.library.spans import Span
from callrec.domain.library.waveform import Waveform
from callrec.domain.rules import Rule, UserId

T = 1795341600.0
"""The file begins half a second after the recording, when its first capture was written."""
BEGIN = T + 0.5
A, B, C = LegId("1.1"), LegId("1.2"), LegId("1.3")
JOHN = Party(A, UserId("7"), "1000", "John", T, T + 60.5)
GEORGE = Party(B, UserId("8"), "1001", "George", T, T + 30.5)
BILL = Party(C, None, "+33123", "", T + 30.5)


def capture(leg: LegId, from_s: float, to_s: float, *, of_others: bool = False) -> Capture:
    return Capture(CaptureId("c-1-1"), leg, "PJSIP/a-1", 8000, from_s, to_s, "x", of_others=of_others)


RECORDING = Recording(
    RecordingId("c-1"),
    CallId("c"),
    "1.1",
    NodeId("n"),
    Rule.ALWAYS,
    Actor(ActorKind.POLICY),
    T,
    T + 60.5,
    captures=(capture(A, BEGIN, T + 60.5),),
    parties=(JOHN, GEORGE, BILL),
)
MEDIA = Media("c-1.wav", Format.WAV, 8000, 480_000, 1, "a" * 64)


def manifest(recording: Recording = RECORDING, *tracks: Track) -> Manifest:
    return Manifest(SCHEMA, StoredState.SOUND, recording, MEDIA, tracks=tracks)


def waveform(*voice: tuple[Span, ...]) -> Waveform:
    return Waveform("a" * 64, 8000, 480_000, max(1, len(voice)), b"", voice)


def kinds(found: Marks, *wanted: MarkKind) -> list[tuple[MarkKind, float, float, str]]:
    return [(one.kind, one.from_s, one.to_s, one.text) for one in found.marks if one.kind in wanted]


def test_a_transfer_shows_as_who_left_and_who_joined() -> None:
    found = marks_of(manifest(), {})
    assert kinds(found, MarkKind.JOINED, MarkKind.LEFT) == [
        (MarkKind.JOINED, 0.0, 0.0, "1000"),
        (MarkKind.JOINED, 0.0, 0.0, "1001"),
        (MarkKind.JOINED, 30.0, 30.0, "+33123"),
        (MarkKind.LEFT, 30.0, 30.0, "1001"),
        (MarkKind.LEFT, 60.0, 60.0, "1000"),
    ]


def test_pauses_announcements_waits_and_gaps_lie_at_their_time_of_the_file() -> None:
    happened = replace(
        RECORDING,
        announcements=(BEGIN + 1,),
        pauses=(Pause(BEGIN + 10, BEGIN + 12.5), Pause(BEGIN + 58)),
        waiting=(Waiting(BEGIN + 20, BEGIN + 25, WaitingKind.HOLD), Waiting(BEGIN + 50, None, WaitingKind.ABSENT)),
        missing=(Missing(BEGIN + 30, BEGIN + 31, "packet-loss", Heard.HEARS),),
    )
    found = marks_of(manifest(happened), {})
    assert [one for one in found.marks if one.kind not in {MarkKind.JOINED, MarkKind.LEFT}] == [
        Mark(MarkKind.ANNOUNCEMENT, 1.0, 1.0),
        Mark(MarkKind.PAUSE, 10.0, 12.5),
        Mark(MarkKind.HOLD, 20.0, 25.0),
        Mark(MarkKind.MISSING, 30.0, 31.0, "packet-loss"),
        Mark(MarkKind.ABSENT, 50.0, 60.0),
        Mark(MarkKind.PAUSE, 58.0, 60.0),
    ]


def test_every_kind_of_waiting_has_a_mark() -> None:
    assert {kind.value for kind in WaitingKind} <= {kind.value for kind in MarkKind}


def test_a_silence_is_long_and_nobody_waits_in_it() -> None:
    waits = replace(
        RECORDING,
        pauses=(Pause(BEGIN + 42, BEGIN + 50),),
        waiting=(Waiting(BEGIN + 20, BEGIN + 30, WaitingKind.HOLD),),
    )
    voices = waveform(((0.0, 4.0), (40.0, 42.0)), ((4.5, 10.0), (15.0, 20.0)))
    assert kinds(marks_of(manifest(waits), {None: voices}), MarkKind.SILENCE) == [
        (MarkKind.SILENCE, 10.0, 15.0, ""),
        (MarkKind.SILENCE, 30.0, 40.0, ""),
        (MarkKind.SILENCE, 50.0, 60.0, ""),
    ]


def test_without_any_voice_nothing_is_called_a_silence() -> None:
    """Nobody may have looked, or it is music all the time."""
    for voices in ({}, {None: waveform()}, {None: waveform((), ())}):
        assert kinds(marks_of(manifest(), voices), MarkKind.SILENCE) == []


def test_of_two_sides_each_voice_is_its_participants() -> None:
    voices = waveform(((0.0, 10.0), (50.0, 55.0)), ((12.0, 20.0), (28.0, 33.0)))
    assert marks_of(manifest(), {None: voices}).speaking == (
        Speaking("7", "1000", "John", 60.0, 15.0, is_partial=False),
        Speaking("8", "1001", "George", 30.0, 10.0, is_partial=False),
        Speaking("", "+33123", "", 30.0, 3.0, is_partial=False),
    )


def test_where_two_are_on_one_side_only_the_time_of_each_alone_counts() -> None:
    three = replace(RECORDING, parties=(JOHN, GEORGE, replace(BILL, from_s=BEGIN + 20)))
    voices = waveform((), ((15.0, 35.0),))
    _, george, bill = marks_of(manifest(three), {None: voices}).speaking
    assert (george.speaking_s, george.is_partial) == (5.0, True)
    assert (bill.speaking_s, bill.is_partial) == (5.0, True)
    mixed = replace(RECORDING, parties=(JOHN, replace(GEORGE, to_s=None), replace(BILL, from_s=T)))
    assert [one.speaking_s for one in marks_of(manifest(mixed), {None: voices}).speaking] == [0, None, None]


def test_who_came_twice_or_on_two_phones_is_one_and_strangers_without_a_number_are_not() -> None:
    again = replace(GEORGE, leg=C, from_s=BEGIN + 50, to_s=BEGIN + 60)
    nobody = Party(LegId("1.4"), None, "", "", BEGIN + 40, BEGIN + 41)
    found = marks_of(
        manifest(replace(RECORDING, parties=(JOHN, GEORGE, again, nobody, replace(nobody, leg=LegId("1.5"))))), {}
    )
    assert [(one.number, one.present_s, one.speaking_s) for one in found.speaking] == [
        ("1000", 60.0, None),
        ("1001", 40.0, None),
        ("", 1.0, None),
        ("", 1.0, None),
    ]


def test_tracks_tell_each_voice_apart() -> None:
    present = (Interval(BEGIN, BEGIN + 30),)
    lacks = (Missing(BEGIN + 1, BEGIN + 2, "packet-loss"),)
    tracks = (
        Track(1, (A,), UserId("7"), "1000", "John", (Interval(BEGIN, None),), (), MEDIA),
        Track(2, (B,), UserId("8"), "1001", "George", present, lacks, MEDIA),
        Track(3, (C,), None, "+33123", "", present, (), None),
        Track(4, (C,), None, "+33124", "", present, (), MEDIA),
    )
    voices = {1: waveform(((0.0, 59.0),)), 2: waveform(((10.0, 20.0), (29.0, 40.0))), 4: waveform()}
    assert marks_of(manifest(RECORDING, *tracks), voices).speaking == (
        Speaking("7", "1000", "John", 60.0, 59.0, is_partial=False),
        Speaking("8", "1001", "George", 30.0, 11.0, is_partial=True),
        Speaking("", "+33123", "", 30.0, None, is_partial=False),
        Speaking("", "+33124", "", 30.0, None, is_partial=False),
    )


def test_a_capture_of_others_makes_nobody_the_left_side() -> None:
    others = replace(RECORDING, captures=(capture(B, BEGIN, T + 60, of_others=True),), parties=(GEORGE,))
    (george,) = marks_of(manifest(others), {None: waveform(((0.0, 9.0),), ((0.0, 2.0),))}).speaking
    assert george.speaking_s == 2.0


def test_a_recording_without_audio_has_marks_at_its_beginning() -> None:
    failed = Manifest(SCHEMA, StoredState.FAILED, replace(RECORDING, captures=(), parties=(JOHN,)))
    assert [(one.kind, one.from_s, one.to_s) for one in marks_of(failed, {}).marks] == [
        (MarkKind.JOINED, 0.0, 0.0),
        (MarkKind.LEFT, 0.0, 0.0),
    ]
