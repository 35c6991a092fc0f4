"""What became of a recording: each state and each cause, by a table."""

from dataclasses import replace
from typing import Any

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    POLICY,
    Actor,
    ActorKind,
    Capture,
    GrowthMark,
    Heard,
    Missing,
    Party,
    Pause,
    Quality,
    Recording,
    RtpGap,
    Waiting,
    WaitingKind,
)
from callrec.domain.library.assessment import JUMP_S, conclude
from callrec.domain.library.captures import CaptureFiles, PartnerPiece, Piece, Stretch
from callrec.domain.library.manifest import Format, StoredState
from callrec.domain.rules import Rule

S8, S16 = 16_000, 32_000
"""Bytes of one second at 8 and at 16 kHz."""


def capture(
    nth: int, from_s: float = 100.0, to_s: float | None = 110.0, cause: str = "", rate_hz: int = 8000
) -> Capture:
    return Capture(CaptureId(f"c-1-{nth}"), LegId("1.1"), "PJSIP/a-1", rate_hz, from_s, to_s, cause=cause)


def capture_files(
    nth: int, read: int | None = 10 * S8, write: int | None = 10 * S8, rate_hz: int = 8000
) -> CaptureFiles:
    return CaptureFiles(CaptureId(f"c-1-{nth}"), rate_hz, read, write)


def impossible(nth: int) -> CaptureFiles:
    return replace(capture_files(nth), impossible="sparse-file: read")


def recording(*captures: Capture, cause: str = "") -> Recording:
    return Recording(
        RecordingId("c-1"),
        CallId("c"),
        "1.1",
        NodeId("n"),
        Rule.ALWAYS,
        POLICY,
        100.0,
        110.0,
        captures=captures,
        cause=cause,
    )


TABLE = [
    ("whole", [capture(1)], [capture_files(1)], StoredState.SOUND, ""),
    ("two seconds less", [capture(1)], [capture_files(1, 8 * S8, 8 * S8)], StoredState.PARTIAL, "timeline"),
    ("0.2 s less at the end", [capture(1)], [capture_files(1, 98 * S8 // 10, 98 * S8 // 10)], StoredState.SOUND, ""),
    ("an odd byte", [capture(1)], [capture_files(1, 10 * S8 + 1, 10 * S8)], StoredState.SOUND, ""),
    ("clearly short", [capture(1)], [capture_files(1, 7 * S8, 7 * S8)], StoredState.PARTIAL, "timeline"),
    (
        "an hour, 0.5 s of drift",
        [capture(1, 0, 3600)],
        [capture_files(1, 35995 * S8 // 10, 35995 * S8 // 10)],
        StoredState.SOUND,
        "",
    ),
    ("a side is missing", [capture(1)], [capture_files(1, None)], StoredState.PARTIAL, "no-file: read"),
    (
        "the other side is missing",
        [capture(1)],
        [capture_files(1, 10 * S8, None)],
        StoredState.PARTIAL,
        "no-file: write",
    ),
    ("sides differ", [capture(1)], [capture_files(1, 9 * S8)], StoredState.PARTIAL, "shorter-side: read by 1.0 s"),
    (
        "the other differs",
        [capture(1)],
        [capture_files(1, write=0)],
        StoredState.PARTIAL,
        "shorter-side: write by 10.0 s",
    ),
    ("a take's cause", [capture(1, cause="asterisk-died")], [capture_files(1)], StoredState.PARTIAL, "asterisk-died"),
    ("no end", [capture(1, to_s=None)], [capture_files(1)], StoredState.PARTIAL, "end-unknown"),
    ("a further leg of 4 ms", [capture(1), capture(2, 109.996, 110.0)], [capture_files(1)], StoredState.SOUND, ""),
    (
        "one of a second",
        [capture(1, to_s=109.0), capture(2, 109, 110)],
        [capture_files(1, 9 * S8, 9 * S8)],
        StoredState.PARTIAL,
        "no-file",
    ),
    ("nothing but 4 ms", [capture(1, 109.996, 110.0)], [], StoredState.FAILED, "no-audio"),
    ("no file", [capture(1)], [], StoredState.FAILED, "no-file"),
    ("empty files", [capture(1)], [capture_files(1, 0, 0)], StoredState.FAILED, "empty-file"),
    ("one byte", [capture(1, to_s=100.5)], [capture_files(1, 1, 1)], StoredState.FAILED, "no-audio"),
    ("sparse", [capture(1)], [impossible(1)], StoredState.FAILED, "refused: sparse-file: read"),
    (
        "a day too long",
        [capture(1)],
        [capture_files(1, 86_411 * S8)],
        StoredState.FAILED,
        "refused: too-long: 86411 s in a take of 10 s",
    ),
    ("longer: the clock was set", [capture(1)], [capture_files(1, 86_400 * S8, 86_400 * S8)], StoredState.SOUND, ""),
    ("set back", [capture(1, 7200, 100)], [capture_files(1)], StoredState.SOUND, ""),
    (
        "one of two is sparse",
        [capture(1), capture(2)],
        [capture_files(1), impossible(2)],
        StoredState.PARTIAL,
        "refused: sparse-file: read",
    ),
    ("no take", [], [], StoredState.FAILED, "no-audio"),
    ("one of two failed", [capture(1), capture(2)], [capture_files(2)], StoredState.PARTIAL, "no-file"),
    (
        "a gap",
        [capture(1, 100, 105), capture(2, 108, 110)],
        [capture_files(1, 5 * S8, 5 * S8), capture_files(2, 2 * S8, 2 * S8)],
        StoredState.PARTIAL,
        "gap",
    ),
    (
        "no gap to speak of",
        [capture(1, 100, 105), capture(2, 105.08, 110)],
        [capture_files(1, 5 * S8, 5 * S8), capture_files(2, 5 * S8, 5 * S8)],
        StoredState.SOUND,
        "",
    ),
]


@pytest.mark.parametrize(
    ("captures", "captured_files", "state", "cause"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_state_and_cause(
    captures: list[Capture], captured_files: list[CaptureFiles], state: StoredState, cause: str
) -> None:
    found = conclude(recording(*captures), {one.capture: one for one in captured_files})
    assert (found.state, found.recording.cause) == (state, cause)


def test_a_cause_that_is_known_already_stays_in_front() -> None:
    found = conclude(recording(capture(1), cause="asterisk-died"), {CaptureId("c-1-1"): capture_files(1, 0, 0)})
    assert (found.state, found.recording.cause) == (StoredState.FAILED, "asterisk-died")
    assert found.recording.captures[0].cause == "empty-file"


def test_nobody_answered_and_no_audio_was_due() -> None:
    assert conclude(recording(cause="unanswered: BUSY"), {}).state is StoredState.UNANSWERED


def test_audio_is_kept_also_of_a_call_that_is_said_to_be_unanswered() -> None:
    found = conclude(recording(capture(1), cause="unanswered: BUSY"), {CaptureId("c-1-1"): capture_files(1)})
    assert (found.state, len(found.places)) == (StoredState.PARTIAL, 1)


def test_legs_that_asterisk_cannot_have_written_are_no_unanswered_call() -> None:
    found = conclude(recording(capture(1), cause="unanswered: BUSY"), {CaptureId("c-1-1"): impossible(1)})
    assert (found.state, found.recording.cause) == (StoredState.FAILED, "refused: sparse-file: read")


@pytest.mark.parametrize("second_s", [50.0, 100.0 + JUMP_S + 11])
def test_a_clock_that_was_set_between_two_takes_joins_them_and_says_so(second_s: float) -> None:
    captures = [capture(1), capture(2, second_s, second_s + 10), capture(3, second_s + 10, second_s + 20)]
    found = conclude(
        recording(*captures), {one.capture: one for one in (capture_files(1), capture_files(2), capture_files(3))}
    )
    assert (found.state, found.recording.cause) == (StoredState.PARTIAL, "clock-jumped")
    assert [place.at_s for place in found.places] == [0, 10, 20]


def test_what_lacks_something_is_never_sound() -> None:
    """Also when every sample is there: a side that was deaf is told by who noticed it."""
    deaf = Missing(103.0, 105.0, "deaf-leg", Heard.HEARS)
    found = conclude(
        replace(recording(capture(1)), missing=(deaf,)), {CaptureId("c-1-1"): capture_files(1, 9 * S8, 9 * S8)}
    )
    assert (found.state, found.recording.cause) == (StoredState.PARTIAL, "deaf-leg")
    assert found.recording.missing == (deaf, Missing(104.5, 105.5, "timeline"))


def test_a_hold_without_music_has_its_place_in_the_file() -> None:
    """The file was 6 s too short, and what followed stood 6 s too early."""
    held = replace(recording(capture(1, 100, 120)), to_s=120.0, waiting=(Waiting(105, 111, WaitingKind.HOLD),))
    found = conclude(held, {CaptureId("c-1-1"): capture_files(1, 14 * S8, 14 * S8)})
    assert (found.state, found.recording.timeline_exact_s, found.length_s) == (StoredState.SOUND, 0.1, 20.0)
    (piece,) = found.job(Format.WAV, lambda one, side: f"{one.id}.{side}").pieces
    assert piece.stretches == (
        Stretch(0, 5 * 8000, 0, 5 * 8000),
        Stretch(5 * 8000, 14 * 8000, 11 * 8000, 9 * 8000),
    )


def stored(whole: Recording, *lengths_s: float) -> tuple[tuple[Stretch, ...], ...]:
    """Where the samples of its captures stand in the file, which has each of these lengths in the spool."""
    sizes = [round(length_s * S8) for length_s in lengths_s]
    files = {CaptureId(f"c-1-{nth}"): capture_files(nth, size, size) for nth, size in enumerate(sizes, 1)}
    found = conclude(replace(whole, mono_s=5.0), files)
    return tuple(one.stretches for one in found.job(Format.WAV, lambda one, side: f"{one.id}.{side}").pieces)


def test_words_after_the_end_are_not_in_the_file() -> None:
    """The recorder of a recording that ended at 110 stopped at 120 (Asterisk refused it); another one began after the end."""
    end = 8000 * 101 // 10
    assert stored(recording(capture(1, 100.0, 120.0)), 20) == ((Stretch(0, end, 0, end),),)
    assert stored(recording(capture(1, 100.0, 110.05)), 10.05) == ((),)
    assert stored(recording(capture(1)), 10.5) == ((),), "a file that is longer than its time loses no words"
    assert len(stored(recording(capture(1), capture(2, 112.0, 120.0)), 10, 8)) == 1


@pytest.mark.parametrize(
    "quiet",
    [{"pauses": (Pause(103.0, 105.0),)}, {"waiting": (Waiting(103.0, 105.0, WaitingKind.ABSENT),)}],
    ids=["pause", "absence"],
)
def test_words_of_a_pause_or_an_absence_are_not_in_the_file(quiet: dict[str, Any]) -> None:
    """Asterisk refused to mute the recorder, or to stop it. At the edges a tenth of a second stays, for what is not known."""
    first, last = 8000 * 31 // 10, 8000 * 49 // 10
    pieces = stored(replace(recording(capture(1)), **quiet), 10)
    assert pieces == ((Stretch(0, first, 0, first), Stretch(last, 80_000, last, 80_000 - last)),)


def test_what_is_cut_beside_a_pause_that_was_never_confirmed_is_missing() -> None:
    """A tenth of a second on both sides, of what was said before and behind it. A wait there is nothing that could be missing."""
    pauses = (Pause(103.0, 105.0, is_proven=False), Pause(107.0, None, is_proven=False))
    waits = (Waiting(105.0, 106.0, WaitingKind.HOLD),)
    found = conclude(
        replace(recording(capture(1)), mono_s=5.0, pauses=pauses, waiting=waits), {CaptureId("c-1-1"): capture_files(1)}
    )
    assert (found.state, found.recording.cause) == (StoredState.PARTIAL, "unproven-pause")
    assert [(round(one.from_s, 3), round(one.to_s, 3)) for one in found.recording.missing] == [
        (102.9, 103.0),
        (106.9, 107.0),
    ]


def test_the_cause_is_that_of_the_longest_loss() -> None:
    """80 ms at the beginning are not why two seconds are missing."""
    late = replace(recording(capture(1, 100.08, 120)), to_s=120.0)
    found = conclude(late, {CaptureId("c-1-1"): capture_files(1, 18 * S8, 18 * S8)})
    assert [one.cause for one in found.recording.missing] == ["late-start", "timeline"]
    assert found.recording.cause == "timeline"


@pytest.mark.parametrize(
    ("quality", "cause"),
    [
        (Quality(1000, 10, 0.0), "packet-loss"),
        (Quality(980, 20, 0.0), "packet-loss"),
        (Quality(96, 4, 0.0), ""),
        (None, ""),
    ],
    ids=["1 %", "2 %", "80 ms", "not counted"],
)
def test_more_than_100_ms_of_what_somebody_said_is_a_loss(quality: Quality | None, cause: str) -> None:
    """Less is none, however short the call."""
    party = Party(LegId("1.1"), None, "1000", "", 100.0, 110.0, quality)
    lossy = replace(recording(capture(1)), parties=(party,))
    found = conclude(lossy, {CaptureId("c-1-1"): capture_files(1)})
    assert (found.state, found.recording.cause) == (StoredState.PARTIAL if cause else StoredState.SOUND, cause)


def test_lost_packets_are_why_silence_stands_in_the_file() -> None:
    """Both sides were silent for a second; 2 % of one side did not arrive."""
    party = Party(LegId("1.1"), None, "1000", "", 100.0, 110.0, Quality(980, 20, 0.0))
    lossy = replace(recording(capture(1)), parties=(party,))
    found = conclude(lossy, {CaptureId("c-1-1"): capture_files(1, 9 * S8, 9 * S8)})
    assert [one.cause for one in found.recording.missing] == [found.recording.cause] == ["packet-loss"]


def test_what_counters_prove_comes_before_what_short_silences_tell() -> None:
    """Each lost packet leaves one. Where more is missing for another reason, that is the cause."""
    party = Party(LegId("1.1"), None, "1000", "", 100.0, 110.0, Quality(980, 20, 0.0))
    pieces = tuple(Missing(at_s, at_s + 0.06, "late-packets", Heard.SAYS) for at_s in (102.0, 104.0))
    lossy = replace(recording(capture(1)), parties=(party,), missing=pieces)
    found = conclude(lossy, {CaptureId("c-1-1"): capture_files(1)})
    assert (found.recording.cause, found.recording.missing) == ("packet-loss", pieces)
    deaf = replace(lossy, missing=(*pieces, Missing(105.0, 107.0, "deaf-leg", Heard.SAYS)))
    assert conclude(deaf, {CaptureId("c-1-1"): capture_files(1)}).recording.cause == "deaf-leg"


def test_marks_are_used_up() -> None:
    """What they tell is in the file; a stored recording has none."""
    marked = replace(capture(1, 100, 120), marks=(GrowthMark(16384, 102.048), GrowthMark(32768, 108.096)))
    found = conclude(replace(recording(marked), to_s=120.0), {CaptureId("c-1-1"): capture_files(1, 16 * S8, 16 * S8)})
    assert found.recording.captures[0].marks == ()
    (missing,) = found.recording.missing
    assert (round(missing.from_s, 3), round(missing.to_s, 3), missing.cause) == (103.072, 107.072, "timeline")
    assert found.recording.timeline_exact_s == pytest.approx(4.0)


def test_nothing_but_causes_is_changed_in_the_recording() -> None:
    told = recording(capture(1))
    found = conclude(told, {}).recording
    assert replace(found, cause="", captures=told.captures) == told


def test_a_partner_capture_has_its_place_and_the_spans_of_its_conversation() -> None:
    """In samples of the time line. Beside a capture of others both its voices are on the right."""
    partner = replace(capture(3, 103.0, 105.0), leg=LegId("b"), is_partner=True)
    party = Party(LegId("b"), None, "", "", 102.9, 104.5)
    files = {one.capture: one for one in (capture_files(1, 5 * S8, 5 * S8), capture_files(3, 2 * S8, 2 * S8))}
    for of_others in (False, True):
        whole = replace(
            recording(replace(capture(1, 100.0, 105.0), of_others=of_others)),
            partner_captures=(partner,),
            parties=(party,),
        )
        job = conclude(whole, files).job(Format.WAV, lambda one, side: f"{one.id}.{side}")
        piece = Piece("c-1-3.read", "c-1-3.write", 8000, 24_000)
        assert job.partners == (PartnerPiece(piece, ((24_000, 36_000),), ((24_000, 36_000),), of_others),)


def test_what_a_partner_capture_lacks_is_no_fault_of_the_recording() -> None:
    """Files that Asterisk cannot have written are told, and not used."""
    partner = replace(capture(3, 103.0, 105.0), leg=LegId("b"), is_partner=True)
    whole = replace(recording(capture(1)), partner_captures=(partner,))
    found = {one.capture: one for one in (capture_files(1), capture_files(3, 2 * S8, 2 * S8))}
    found[partner.id] = replace(found[partner.id], impossible="sparse-file: x")
    conclusion = conclude(whole, found)
    assert (conclusion.state, conclusion.partners) == (StoredState.SOUND, ())
    assert [one.cause for one in conclusion.recording.partner_captures] == ["refused: sparse-file: x"]


def test_between_two_captures_a_partner_capture_holds_both_voices() -> None:
    """Nothing is missing then."""
    partner = replace(capture(3, 103.0, 107.0), leg=LegId("b"), is_partner=True)
    captures = capture(1, 100.0, 105.0), capture(2, 106.0, 110.0)
    sizes = ((1, 5), (2, 4), (3, 4))
    found = {one.capture: one for one in (capture_files(nth, length * S8, length * S8) for nth, length in sizes)}
    party = Party(LegId("b"), None, "", "", 102.9)
    alone = conclude(recording(*captures), {nth: one for nth, one in found.items() if nth != partner.id})
    assert [one.cause for one in alone.recording.missing] == ["gap"]
    whole = replace(recording(*captures), partner_captures=(partner,), parties=(party,))
    assert conclude(whole, found).recording.missing == ()


def test_behind_a_recorder_that_broke_off_a_partner_capture_holds_both_voices() -> None:
    """Asterisk's recorder wrote nothing any more, which was noticed three seconds later: the file has all, the entry told that
    these were missing."""
    partner = replace(capture(3, 103.0, 110.0), leg=LegId("b"), is_partner=True)
    stalled = replace(capture(1, 100.0, 108.0, cause="stalled"), marks=(GrowthMark(0, 100.0),))
    sizes = ((1, 5), (2, 2), (3, 7))
    found = {one.capture: one for one in (capture_files(nth, length * S8, length * S8) for nth, length in sizes)}
    party = Party(LegId("b"), None, "", "", 102.9)
    whole = replace(recording(stalled, capture(2, 108.0, 110.0)), partner_captures=(partner,), parties=(party,))
    alone = conclude(whole, {nth: one for nth, one in found.items() if nth != partner.id}).recording
    assert [(one.from_s, one.to_s, one.cause) for one in alone.missing] == [(105.0, 108.0, "stalled")]
    assert conclude(whole, found).recording.missing == ()


def partnered(from_s: float, to_s: float, length_s: float, *parties: Party) -> tuple[Recording, CaptureFiles]:
    """A recording with a partner capture of B, who was there all the time as these were."""
    beside = replace(capture(9, from_s, to_s), leg=LegId("b"), is_partner=True)
    there = Party(LegId("1.1"), None, "", "", 100.0), Party(LegId("b"), None, "", "", 100.0), *parties
    size = round(length_s * S8)
    return replace(recording(), partner_captures=(beside,), parties=there), capture_files(9, size, size)


def test_a_partner_capture_that_outlasts_the_last_own_one_is_in_the_file() -> None:
    """The recorder broke off after 5 s and began no more; for a second, nobody knows which, the partner's wrote nothing."""
    whole, beside = partnered(103.0, 110.0, 6.0)
    own = capture_files(1, 5 * S8, 5 * S8)
    found = conclude(
        replace(whole, captures=(capture(1, 100.0, 105.0, cause="stopped-by-another"),)),
        {one.capture: one for one in (own, beside)},
    )
    assert found.recording.missing == (Missing(106.0, 107.0, "stopped-by-another"),)
    assert (found.length_s, found.recording.timeline_exact_s) == (pytest.approx(10.0), 1.0)


def test_a_long_partner_capture_has_a_time_line_of_its_own() -> None:
    """Its leg wrote nothing in a hold, music or not, and began a little late: what it holds behind that keeps its time."""
    whole, _ = partnered(103.0, 110.0, 0.0)
    beside = capture_files(9, round(4.9 * S8), round(4.9 * S8))
    held = replace(whole, captures=(capture(1),), waiting=(Waiting(105.0, 107.0, WaitingKind.MUSIC),))
    found = conclude(held, {one.capture: one for one in (capture_files(1), beside)})
    (partner,) = found.job(Format.WAV, lambda one, side: f"{one.id}.{side}").partners
    places = [(one.from_sample, one.at_sample) for one in partner.piece.stretches]
    assert places == [(0, 800), (15_200, 32_000)]
    assert partner.spans == ((24_000, 40_000), (56_000, 80_000))
    assert found.recording.timeline_exact_s == 0.1


def test_a_partner_capture_has_nothing_to_write_when_the_recorded_leg_has_none() -> None:
    """The counters of one leg tell of both: half a second until the partner's first packet, and more."""
    whole, _ = partnered(103.0, 110.0, 0.0)
    gaps = (RtpGap(103.1, 103.5, None, 103.65),)
    own = replace(capture(1), rtp_gaps=gaps)
    found = {one.capture: one for one in (capture_files(1), capture_files(9, round(6.4 * S8), round(6.4 * S8)))}
    (partner,) = conclude(replace(whole, captures=(own,)), found).partners
    assert (partner.timeline.stretches[0].at_sample, partner.timeline.exact_s) == (4_800, 0.1)
    assert conclude(replace(whole, captures=(capture(1),)), found).recording.timeline_exact_s == pytest.approx(0.6)


def test_what_a_partner_capture_holds_before_the_first_own_one_is_missing() -> None:
    """The file begins with the first capture of the recorded leg; the partner's voice keeps its place."""
    whole, beside = partnered(100.0, 110.0, 10.0)
    own = capture_files(1, 8 * S8, 8 * S8)
    found = conclude(replace(whole, captures=(capture(1, 102.0, 110.0),)), {one.capture: one for one in (own, beside)})
    assert found.recording.missing == (Missing(100.0, 102.0, "late-start"),)
    (partner,) = found.job(Format.WAV, lambda one, side: f"{one.id}.{side}").partners
    assert (partner.piece.at_sample, partner.spans) == (-16_000, ((-16_000, 64_000),))


def test_a_gap_among_three_is_told() -> None:
    """The partner's recorder hears two of them at once, and their voices belong to different sides."""
    third = Party(LegId("c"), None, "", "", 100.0)
    for parties, causes in (((), []), ((third,), ["gap"])):
        whole, beside = partnered(103.0, 107.0, 4.0, *parties)
        own = capture_files(1, 5 * S8, 5 * S8), capture_files(2, 4 * S8, 4 * S8)
        captures = capture(1, 100.0, 105.0), capture(2, 106.0, 110.0)
        found = conclude(replace(whole, captures=captures), {one.capture: one for one in (*own, beside)})
        assert [one.cause for one in found.recording.missing] == causes


def test_a_call_that_ends_while_it_is_announced_has_an_entry_that_says_so() -> None:
    """No recorder was asked for: its capture only kept a place."""
    announced = (Waiting(100.0, 110.0, WaitingKind.ANNOUNCING),)
    found = conclude(replace(recording(capture(1, 100.0, 100.0)), waiting=announced), {})
    assert (found.state, found.recording.cause) == (StoredState.FAILED, "ended-while-announcing")


def test_a_capture_that_never_began_was_not_announced_first() -> None:
    """The daemon was killed before Asterisk had opened its files."""
    found = conclude(recording(capture(1, 100.0, 100.0)), {})
    assert (found.state, found.recording.cause) == (StoredState.FAILED, "no-audio")


@pytest.mark.parametrize(
    ("nth", "actor", "causes"),
    [
        (1, POLICY, []),
        (2, POLICY, ["timeline"]),
        (1, Actor(ActorKind.USER, None, LegId("1.1")), ["timeline"]),
        (1, Actor(ActorKind.OPERATOR), ["timeline"]),
    ],
)
def test_in_the_middle_of_a_call_no_phone_has_yet_to_begin(nth: int, actor: Actor, causes: list[str]) -> None:
    """0.4 s that neither phone sent counted as the time until its first packet, when a press had begun the recording that policy
    then wanted, or it was the next one of its call."""
    one = Capture(CaptureId(f"c-{nth}-1"), LegId("1.1"), "PJSIP/a-1", 8000, 100.0, 110.0)
    files = CaptureFiles(one.id, 8000, round(9.6 * S8), round(9.6 * S8))
    of = replace(recording(one), id=RecordingId(f"c-{nth}"), actor=actor)
    assert [gap.cause for gap in conclude(of, {one.id: files}).recording.missing] == causes


def test_the_time_in_which_they_were_told_first_is_no_gap() -> None:
    """The file begins behind it."""
    announced = Waiting(100.0, 102.5, WaitingKind.ANNOUNCING)
    told = replace(recording(capture(1, 100.0, 100.0), capture(2, 102.5)), waiting=(announced,))
    found = conclude(told, {CaptureId("c-1-2"): capture_files(2, round(7.5 * S8), round(7.5 * S8))})
    assert (found.state, found.recording.missing, found.length_s) == (StoredState.SOUND, (), 7.5)
