"""Whose voice is taken from which capture, and when; and what of it is missing."""

from dataclasses import replace

import pytest

from callrec.domain.calls.captures.partner_captures import MOST_CAPTURES
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import (
    POLICY,
    Capture,
    Heard,
    Interval,
    Missing,
    Party,
    Pause,
    Presence,
    Quality,
    Recording,
    Waiting,
    WaitingKind,
)
from callrec.domain.library.captures import CaptureFiles, Stretch
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState, Track
from callrec.domain.library.spans import Span
from callrec.domain.library.timeline import CaptureTimeline, Gap, steady
from callrec.domain.library.tracks import Audible, TrackPlan, incomplete, track_plans, unencoded
from callrec.domain.rules import Rule, UserId

A, B, C, D = (LegId(name) for name in "abcd")
BOT = LegId("application:echo")


def capture(nth: int, leg: LegId, from_s: float, to_s: float, cause: str = "") -> Capture:
    return Capture(CaptureId(f"c-1-{nth}"), leg, f"PJSIP/{leg}-1", 8000, from_s, to_s, cause=cause)


def audible(one: Capture, *gaps: Gap) -> Audible:
    """It holds all of its time, but for these gaps."""
    assert one.to_s is not None
    samples = round((one.to_s - one.from_s) * 8000)
    timeline = steady(samples) if not gaps else CaptureTimeline((Stretch(0, 0, samples, 0),), gaps, 0.1)
    return Audible(one, CaptureFiles(one.id, 8000, samples * 2, samples * 2), timeline)


OWN = capture(1, A, 0.0, 30.0)
PARTIES = (
    Party(A, UserId("1"), "1000", "Ann", 0.0, 30.0),
    Party(B, UserId("2"), "1001", "Bob", 0.0, 30.0),
    Party(C, None, "+33123", "", 10.0, 30.0),
)
RECORDING = Recording(
    RecordingId("c-1"), CallId("c"), "c.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0, 30.0,
    captures=(OWN,), parties=PARTIES, presences=(Presence(A, 0.0, 30.0), Presence(B, 0.0, 30.0)),
)  # fmt: skip
JOINED = replace(RECORDING, presences=(*(RECORDING.presences or ()), Presence(C, 10.0, 30.0)))
B_OWN, C_OWN = capture(2, B, 10.0, 30.0), capture(3, C, 10.0, 30.0)


def spans(plan: TrackPlan) -> list[tuple[str, str, tuple[Span, ...]]]:
    """The captures, the sides and the times of a track's sources."""
    return [(one.audible.capture.id[-1], "heard" if one.is_heard else "said", one.spans) for one in plan.sources]


def missing(plan: TrackPlan) -> list[tuple[float, float, str]]:
    return [(one.from_s, one.to_s, one.cause) for one in plan.track.missing]


def test_a_recording_without_presences_has_no_tracks() -> None:
    assert track_plans(replace(RECORDING, presences=None), [audible(OWN)], []) == ()


def test_of_two_the_recorded_legs_own_capture_has_both_voices() -> None:
    first, second = track_plans(RECORDING, [audible(OWN)], [])
    assert spans(first) == [("1", "said", ((0.0, 30.0),))]
    assert spans(second) == [("1", "heard", ((0.0, 30.0),))]
    assert (first.track.nth, first.track.user, first.track.number) == (1, UserId("1"), "1000")
    assert (second.track.nth, second.track.legs, second.track.name) == (2, (B,), "Bob")
    assert second.track.present == (Interval(0.0, 30.0),)
    assert missing(first) == missing(second) == []


def test_of_three_each_partners_own_capture_has_their_voice() -> None:
    """What the recorded leg heard is used only while one was there."""
    first, second, third = track_plans(JOINED, [audible(OWN)], [audible(B_OWN), audible(C_OWN)])
    assert spans(first) == [("1", "said", ((0.0, 30.0),))]
    assert spans(second) == [("2", "said", ((10.0, 30.0),)), ("1", "heard", ((0.0, 10.0),))]
    assert spans(third) == [("3", "said", ((10.0, 30.0),))]
    assert [missing(one) for one in (first, second, third)] == [[], [], []]


def test_a_seam_of_some_milliseconds_is_nothing_and_a_late_capture_is_told() -> None:
    late = [audible(replace(B_OWN, from_s=10.05)), audible(replace(C_OWN, from_s=13.0))]
    _, second, third = track_plans(JOINED, [audible(OWN)], late)
    assert missing(second) == []
    assert missing(third) == [(10.0, 13.0, "late-start")]


@pytest.mark.parametrize(
    ("partners", "told"),
    [
        ((B_OWN, replace(C_OWN, to_s=10.0, cause="file-not-opened")), "file-not-opened"),
        ((B_OWN, replace(C_OWN, from_s=5.0, to_s=6.0)), "gap"),
        ((B_OWN,), "late-start"),
        (tuple(capture(nth, B, 10.0, 30.0) for nth in range(2, 2 + MOST_CAPTURES)), "too-many-takes"),
    ],
)
def test_a_voice_without_a_capture_is_told_with_its_cause(partners: tuple[Capture, ...], told: str) -> None:
    recording = replace(JOINED, partner_captures=partners)
    plans = track_plans(recording, [audible(OWN)], [audible(B_OWN)])
    assert missing(plans[2]) == [(10.0, 30.0, told)]


@pytest.mark.parametrize(("lost", "told"), [(0, "timeline"), (500, "packet-loss")])
def test_where_its_recorder_wrote_nothing_a_track_lacks_something(lost: int, told: str) -> None:
    """Unless there was nothing to write."""
    parties = (*PARTIES[:2], replace(PARTIES[2], quality=Quality(1000, lost, 1.0)))
    recording = replace(JOINED, parties=parties, partner_captures=(B_OWN, C_OWN))
    gaps = Gap(15.0, 17.0, is_wait=False), Gap(20.0, 25.0, is_wait=True)
    plans = track_plans(recording, [audible(OWN)], [audible(B_OWN), audible(C_OWN, *gaps)])
    assert missing(plans[2]) == [(15.0, 17.0, told)]


def test_what_the_stereo_file_lacks_a_partners_own_capture_may_have() -> None:
    """The recorded leg's capture broke off; the partners' went on."""
    broken = replace(OWN, to_s=20.0, cause="stalled")
    recording = replace(JOINED, captures=(broken,), missing=(Missing(20.0, 30.0, "stalled"),))
    first, second, third = track_plans(recording, [audible(broken)], [audible(B_OWN), audible(C_OWN)])
    assert missing(first) == [(20.0, 30.0, "stalled")]
    assert missing(second) == missing(third) == []


def test_what_the_recording_lacks_its_tracks_lack_for_the_same_cause() -> None:
    recording = replace(RECORDING, from_s=0.0, missing=(Missing(0.0, 2.0, "late-start"),))
    plans = track_plans(recording, [audible(replace(OWN, from_s=2.0))], [])
    assert [missing(one) for one in plans] == [[(0.0, 2.0, "late-start")]] * 2


def test_a_deaf_leg_is_missing_in_the_partners_track_only_and_a_supervisor_in_none() -> None:
    told = Missing(5.0, 8.0, "deaf-leg", Heard.HEARS), Missing(12.0, 20.0, "supervisor", Heard.HEARS)
    first, second = track_plans(replace(RECORDING, missing=told), [audible(OWN)], [])
    assert missing(first) == []
    assert missing(second) == [(5.0, 8.0, "deaf-leg")]


def test_what_a_recorder_did_not_hear_of_its_own_leg_is_missing_in_that_legs_track_only() -> None:
    told = Missing(5.0, 8.0, "deaf-leg", Heard.SAYS)
    first, second = track_plans(replace(RECORDING, missing=(told,)), [audible(OWN)], [])
    assert (missing(first), missing(second)) == ([(5.0, 8.0, "deaf-leg")], [])


def test_beside_a_deaf_leg_the_partners_own_capture_is_used_and_nothing_else() -> None:
    """Never two sources at the same time: the voice would be there twice."""
    partner = capture(2, B, 0.1, 4.0)
    _, second = track_plans(RECORDING, [audible(OWN)], [audible(partner)])
    assert spans(second) == [("2", "said", ((0.1, 4.0),)), ("1", "heard", ((0.0, 0.1), (4.0, 30.0)))]


def test_pauses_and_waits_are_silent_and_nothing_of_them_is_missing() -> None:
    """In a wait the recorded leg hears music. What it says itself stays, as in the stereo file."""
    recording = replace(RECORDING, pauses=(Pause(2.0, 3.0),), waiting=(Waiting(5.0, 9.0, WaitingKind.MUSIC),))
    first, second = track_plans(recording, [audible(OWN)], [])
    assert spans(first) == [("1", "said", ((0.0, 30.0),))]
    assert spans(second) == [("1", "heard", ((0.0, 2.0), (3.0, 5.0), (9.0, 30.0)))]
    assert missing(first) == missing(second) == []


def test_music_is_an_applications_voice() -> None:
    party = Party(BOT, None, "800", "", 0.0, 10.0)
    recording = replace(
        RECORDING,
        parties=(PARTIES[0], party),
        presences=(Presence(A, 0.0, 30.0), Presence(BOT, 0.0, 10.0)),
        waiting=(Waiting(5.0, 9.0, WaitingKind.MUSIC),),
    )
    _, second = track_plans(recording, [audible(OWN)], [])
    assert spans(second) == [("1", "heard", ((0.0, 10.0),))]


def test_while_nobody_was_recorded_nothing_is_missing() -> None:
    recording = replace(RECORDING, waiting=(Waiting(10.0, 20.0, WaitingKind.ABSENT),))
    captures = [audible(capture(1, A, 0.0, 10.0)), audible(capture(2, A, 20.0, 30.0))]
    first, second = track_plans(recording, captures, [])
    assert missing(first) == missing(second) == []
    assert spans(second) == [("1", "heard", ((0.0, 10.0),)), ("2", "heard", ((20.0, 30.0),))]


def test_who_was_never_in_the_recorded_conversation_has_no_track() -> None:
    """A target that the partner asked, a supervisor."""
    parties = (*PARTIES, Party(D, None, "1009", "", 1.0, 2.0))
    assert [one.track.number for one in track_plans(replace(RECORDING, parties=parties), [audible(OWN)], [])] == [
        "1000", "1001",
    ]  # fmt: skip


def test_somebody_who_comes_again_has_one_track_and_two_at_once_have_two() -> None:
    """By user, or by number without a user."""
    again = Party(D, None, "+33123", "", 20.0, 30.0)
    recording = replace(
        JOINED,
        parties=(*PARTIES, again),
        presences=(Presence(A, 0.0, 30.0), Presence(B, 0.0, 30.0), Presence(C, 10.0, 15.0), Presence(D, 20.0)),
    )
    plans = track_plans(recording, [audible(OWN)], [])
    assert [one.track.legs for one in plans] == [(A,), (B,), (C, D)]
    assert plans[2].track.present == (Interval(10.0, 15.0), Interval(20.0, 30.0))
    at_once = replace(
        recording, presences=(*(recording.presences or ())[:2], Presence(C, 10.0, 25.0), Presence(D, 20.0))
    )
    assert [one.track.legs for one in track_plans(at_once, [audible(OWN)], [])] == [(A,), (B,), (C,), (D,)]


def test_strangers_without_a_number_and_applications_are_not_one() -> None:
    parties = (
        PARTIES[0],
        Party(B, None, "", "", 0.0),
        Party(C, None, "800", "", 0.0),
        Party(BOT, None, "800", "", 0.0),
    )
    recording = replace(
        RECORDING,
        to_s=None,
        parties=parties,
        presences=(
            Presence(A, 0.0, 30.0),
            Presence(B, 0.0, 1.0),
            Presence(D, 2.0, 3.0),
            Presence(C, 4.0, 5.0),
            Presence(BOT, 6.0, 7.0),
        ),
    )
    assert [one.track.legs for one in track_plans(recording, [audible(OWN)], [])] == [(A,), (B,), (D,), (C,), (BOT,)]


def test_captures_of_others_are_no_recorded_users() -> None:
    """The recorded user left; the capture on the leg of another user with a rule is on the right, and has both voices."""
    others = replace(capture(2, B, 15.0, 30.0), of_others=True)
    recording = replace(JOINED, presences=(Presence(A, 0.0, 15.0), Presence(B, 0.0, 30.0), Presence(C, 15.0, 30.0)))
    first, second, third = track_plans(recording, [audible(replace(OWN, to_s=15.0)), audible(others)], [])
    assert first.track.legs == (A,)
    assert spans(second) == [("2", "said", ((15.0, 30.0),)), ("1", "heard", ((0.0, 15.0),))]
    assert spans(third) == [("2", "heard", ((15.0, 30.0),))]


def test_a_track_that_cannot_be_encoded_lacks_all() -> None:
    track = replace(track_plans(RECORDING, [audible(OWN)], [])[1].track, present=(Interval(0.0, 4.0), Interval(5.0)))
    lost = unencoded(track, "encoder: codec")
    assert (lost.media, lost.missing) == (None, (Missing(0.0, 4.0, "encoder: codec"),))


def test_after_the_last_conversation_nothing_is_due() -> None:
    """All have left the bridge; the recorded leg hangs up two seconds later, and its recorder had nothing to write."""
    parties = tuple(replace(one, to_s=28.0) for one in PARTIES)
    first, second = track_plans(replace(RECORDING, parties=parties), [audible(replace(OWN, to_s=28.0))], [])
    assert missing(first) == missing(second) == []
    assert first.track.present == (Interval(0.0, 28.0),)


def track(nth: int, *missing: Missing, has_file: bool = True) -> Track:
    media = Media(f"c-1.track-{nth}.wav", Format.WAV, 8000, 240_000, 1, "0") if has_file else None
    return Track(nth, (B,), None, "1001", "Bob", (Interval(0.0, 30.0),), missing, media)


@pytest.mark.parametrize(
    ("lacks", "told", "is_incomplete"),
    [
        ((), (), False),
        ((Missing(10.0, 12.0, "late-start"),), (), True),
        ((Missing(10.0, 12.0, "gap"),), (Missing(9.0, 12.0, "gap"),), False),
        ((Missing(10.0, 12.0, "gap"),), (Missing(9.0, 11.0, "gap"),), True),
        ((Missing(10.0, 12.0, "gap"),), (Missing(9.99, 11.99, "gap"),), False),
        ((Missing(10.0, 12.0, "gap"),), (Missing(9.0, 13.0, "supervisor", Heard.HEARS),), True),
    ],
)
def test_a_track_is_incomplete_that_lacks_more_than_its_recording_says(
    lacks: tuple[Missing, ...], told: tuple[Missing, ...], is_incomplete: bool
) -> None:
    """A supervisor's words are no participant's. A packet at the edges is rounding."""
    whole, lacking = track(1), track(2, *lacks)
    manifest = Manifest(SCHEMA, StoredState.SOUND, replace(RECORDING, missing=told), None, tracks=(whole, lacking))
    assert incomplete(manifest) == ((lacking,) if is_incomplete else ())


def test_a_track_without_a_file_has_had_the_encoders_alarm() -> None:
    lost = track(1, Missing(0.0, 30.0, "encoder: encode"), has_file=False)
    assert incomplete(Manifest(SCHEMA, StoredState.SOUND, RECORDING, None, tracks=(lost,))) == ()
