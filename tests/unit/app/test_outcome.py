"""What became of a recording: each state and each cause, by a table."""

from dataclasses import replace

import pytest

from callrec.app.outcome import JUMP_S, conclude
from callrec.app.ports import Capture, Piece
from callrec.domain.lifecycle import Format, State
from callrec.domain.model import (
    POLICY,
    CallId,
    Heard,
    LegId,
    Missing,
    NodeId,
    Recording,
    RecordingId,
    Take,
    TakeId,
)
from callrec.domain.provisioning.model import Rule

S8, S16 = 16_000, 32_000
"""Bytes of one second at 8 and at 16 kHz."""


def take(nth: int, from_s: float = 100.0, to_s: float | None = 110.0, cause: str = "", rate_hz: int = 8000) -> Take:
    return Take(TakeId(f"c-1-{nth}"), LegId("1.1"), "PJSIP/a-1", rate_hz, from_s, to_s, cause=cause)


def capture(nth: int, read: int | None = 10 * S8, write: int | None = 10 * S8, rate_hz: int = 8000) -> Capture:
    return Capture(TakeId(f"c-1-{nth}"), rate_hz, read, write)


def impossible(nth: int) -> Capture:
    return replace(capture(nth), impossible="sparse-file: read")


def recording(*takes: Take, cause: str = "") -> Recording:
    return Recording(
        RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 100.0, 110.0, takes=takes, cause=cause
    )


TABLE = [
    ("whole", [take(1)], [capture(1)], State.SOUND, ""),
    ("two seconds less", [take(1)], [capture(1, 8 * S8, 8 * S8)], State.PARTIAL, "timeline"),
    ("0.2 s less", [take(1)], [capture(1, 98 * S8 // 10, 98 * S8 // 10)], State.SOUND, ""),
    ("an odd byte", [take(1)], [capture(1, 10 * S8 + 1, 10 * S8)], State.SOUND, ""),
    ("clearly short", [take(1)], [capture(1, 7 * S8, 7 * S8)], State.PARTIAL, "timeline"),
    ("an hour, 0.5 s of drift", [take(1, 0, 3600)], [capture(1, 35995 * S8 // 10, 35995 * S8 // 10)], State.SOUND, ""),
    ("a side is missing", [take(1)], [capture(1, None)], State.PARTIAL, "no-file: read"),
    ("the other side is missing", [take(1)], [capture(1, 10 * S8, None)], State.PARTIAL, "no-file: write"),
    ("sides differ", [take(1)], [capture(1, 9 * S8)], State.PARTIAL, "shorter-side: read by 1.0 s"),
    ("the other differs", [take(1)], [capture(1, write=0)], State.PARTIAL, "shorter-side: write by 10.0 s"),
    ("a take's cause", [take(1, cause="asterisk-died")], [capture(1)], State.PARTIAL, "asterisk-died"),
    ("no end", [take(1, to_s=None)], [capture(1)], State.PARTIAL, "end-unknown"),
    ("a further leg of 4 ms", [take(1), take(2, 109.996, 110.0)], [capture(1)], State.SOUND, ""),
    (
        "one of a second",
        [take(1, to_s=109.0), take(2, 109, 110)],
        [capture(1, 9 * S8, 9 * S8)],
        State.PARTIAL,
        "no-file",
    ),
    ("nothing but 4 ms", [take(1, 109.996, 110.0)], [], State.FAILED, "no-audio"),
    ("no file", [take(1)], [], State.FAILED, "no-file"),
    ("empty files", [take(1)], [capture(1, 0, 0)], State.FAILED, "empty-file"),
    ("one byte", [take(1, to_s=100.5)], [capture(1, 1, 1)], State.FAILED, "no-audio"),
    ("sparse", [take(1)], [impossible(1)], State.FAILED, "refused: sparse-file: read"),
    (
        "a day too long",
        [take(1)],
        [capture(1, 86_411 * S8)],
        State.FAILED,
        "refused: too-long: 86411 s in a take of 10 s",
    ),
    ("longer: the clock was set", [take(1)], [capture(1, 86_400 * S8, 86_400 * S8)], State.SOUND, ""),
    ("set back", [take(1, 7200, 100)], [capture(1)], State.SOUND, ""),
    (
        "one of two is sparse",
        [take(1), take(2)],
        [capture(1), impossible(2)],
        State.PARTIAL,
        "refused: sparse-file: read",
    ),
    ("no take", [], [], State.FAILED, "no-audio"),
    ("one of two failed", [take(1), take(2)], [capture(2)], State.PARTIAL, "no-file"),
    (
        "a gap",
        [take(1, 100, 105), take(2, 108, 110)],
        [capture(1, 5 * S8, 5 * S8), capture(2, 2 * S8, 2 * S8)],
        State.PARTIAL,
        "gap",
    ),
    (
        "no gap to speak of",
        [take(1, 100, 105), take(2, 105.15, 110)],
        [capture(1, 5 * S8, 5 * S8), capture(2, 5 * S8, 5 * S8)],
        State.SOUND,
        "",
    ),
]


@pytest.mark.parametrize(
    ("takes", "captures", "state", "cause"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_state_and_cause(takes: list[Take], captures: list[Capture], state: State, cause: str) -> None:
    found = conclude(recording(*takes), {one.take: one for one in captures})
    assert (found.state, found.recording.cause) == (state, cause)


def test_a_cause_that_is_known_already_stays_in_front() -> None:
    found = conclude(recording(take(1), cause="asterisk-died"), {TakeId("c-1-1"): capture(1, 0, 0)})
    assert (found.state, found.recording.cause) == (State.FAILED, "asterisk-died")
    assert found.recording.takes[0].cause == "empty-file"


def test_nobody_answered_and_no_audio_was_due() -> None:
    assert conclude(recording(cause="unanswered: BUSY"), {}).state is State.UNANSWERED


def test_audio_is_kept_also_of_a_call_that_is_said_to_be_unanswered() -> None:
    found = conclude(recording(take(1), cause="unanswered: BUSY"), {TakeId("c-1-1"): capture(1)})
    assert (found.state, len(found.places)) == (State.PARTIAL, 1)


def test_legs_that_asterisk_cannot_have_written_are_no_unanswered_call() -> None:
    found = conclude(recording(take(1), cause="unanswered: BUSY"), {TakeId("c-1-1"): impossible(1)})
    assert (found.state, found.recording.cause) == (State.FAILED, "refused: sparse-file: read")


@pytest.mark.parametrize(
    ("media_format", "needed"),
    [(Format.WAV, 328_096), (Format.FLAC, 328_096), (Format.OPUS, 44_596), (Format.MP3, 54_721)],
)
def test_what_the_media_needs_is_known_before_it_is_made(media_format: Format, needed: int) -> None:
    takes = [take(1), take(2, 100.125, 110)]
    found = conclude(recording(*takes), {one.take: one for one in (capture(1), capture(2))})
    assert found.needed_bytes(media_format) == needed


def test_the_job_places_takes_by_their_start_at_the_widest_rate_that_lies_there() -> None:
    takes = [take(1, 100, 105), take(2, 104.5, 110, rate_hz=8000)]
    captures = {one.take: one for one in (capture(1, 5 * S8, None), capture(2, 5 * S16, 5 * S16, 16000))}
    job = conclude(recording(*takes), captures).job(Format.FLAC, lambda one, side: f"{one.id}.{side}.{one.rate_hz}")
    assert (job.format, job.rate_hz) == (Format.FLAC, 16000)
    assert job.pieces == (
        Piece("c-1-1.read.8000", None, 8000, 0),
        Piece("c-1-2.read.16000", "c-1-2.write.16000", 16000, 72_000),
    )


@pytest.mark.parametrize("second_s", [50.0, 100.0 + JUMP_S + 11])
def test_a_clock_that_was_set_between_two_takes_joins_them_and_says_so(second_s: float) -> None:
    takes = [take(1), take(2, second_s, second_s + 10), take(3, second_s + 10, second_s + 20)]
    found = conclude(recording(*takes), {one.take: one for one in (capture(1), capture(2), capture(3))})
    assert (found.state, found.recording.cause) == (State.PARTIAL, "clock-jumped")
    assert [at_s for _, _, at_s in found.places] == [0, 10, 20]


def test_what_lacks_something_is_never_sound() -> None:
    """Also when every sample is there: a side that was deaf is told by who noticed it."""
    deaf = Missing(103.0, 105.0, "deaf-leg", Heard.HEARS)
    found = conclude(replace(recording(take(1)), missing=(deaf,)), {TakeId("c-1-1"): capture(1, 9 * S8, 9 * S8)})
    assert (found.state, found.recording.cause) == (State.PARTIAL, "deaf-leg")
    assert found.recording.missing == (deaf, Missing(109.0, 110.0, "timeline"))


def test_nothing_but_causes_is_changed_in_the_recording() -> None:
    told = recording(take(1))
    found = conclude(told, {}).recording
    assert replace(found, cause="", takes=told.takes) == told
