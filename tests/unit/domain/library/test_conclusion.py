"""What the encoder is asked for: which file is placed where, on which side, and how much room that takes."""

from dataclasses import replace

import pytest

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Capture, Recording
from callrec.domain.library.captures import CaptureFiles, PartnerPiece, Piece, TrackVoice
from callrec.domain.library.conclusion import Conclusion, Place, samples_of
from callrec.domain.library.manifest import Format, StoredState, Track
from callrec.domain.library.partner_voice import Voice
from callrec.domain.library.timeline import steady
from callrec.domain.library.tracks import Audible, Source, TrackPlan
from callrec.domain.rules import Rule

S8, S16 = 16_000, 32_000
"""Bytes of one second at 8 and at 16 kHz."""


def capture(nth: int, from_s: float = 100.0, to_s: float = 110.0, rate_hz: int = 8000) -> Capture:
    return Capture(CaptureId(f"c-1-{nth}"), LegId("1.1"), "PJSIP/a-1", rate_hz, from_s, to_s)


def capture_files(
    nth: int, read: int | None = 10 * S8, write: int | None = 10 * S8, rate_hz: int = 8000
) -> CaptureFiles:
    return CaptureFiles(CaptureId(f"c-1-{nth}"), rate_hz, read, write)


def conclusion(*audible: tuple[Capture, CaptureFiles]) -> Conclusion:
    """Each capture stands where it began."""
    recording = Recording(
        RecordingId("c-1"), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 100.0, 110.0,
        captures=tuple(one for one, _ in audible),
    )  # fmt: skip
    places = (Place(one, files, steady(samples_of(files)), one.from_s - 100.0) for one, files in audible)
    return Conclusion(StoredState.SOUND, recording, tuple(places))


@pytest.mark.parametrize(
    ("media_format", "needed"),
    [(Format.WAV, 328_096), (Format.FLAC, 328_096), (Format.OPUS, 44_596), (Format.MP3, 54_721)],
)
def test_what_the_media_needs_is_known_before_it_is_made(media_format: Format, needed: int) -> None:
    found = conclusion((capture(1), capture_files(1)), (capture(2, 100.125, 110), capture_files(2)))
    assert found.needed_bytes(media_format) == needed


def test_the_job_places_takes_by_their_start_at_the_widest_rate_that_lies_there() -> None:
    found = conclusion(
        (capture(1, 100, 105), capture_files(1, 5 * S8, None)),
        (capture(2, 104.5, 109.5, rate_hz=8000), capture_files(2, 5 * S16, 5 * S16, 16000)),
    )
    job = found.job(Format.FLAC, lambda one, side: f"{one.id}.{side}.{one.rate_hz}")
    assert (job.format, job.rate_hz) == (Format.FLAC, 16000)
    assert job.pieces == (
        Piece("c-1-1.read.8000", None, 8000, 0),
        Piece("c-1-2.read.16000", "c-1-2.write.16000", 16000, 72_000),
    )


def test_both_sides_of_others_are_on_the_right() -> None:
    """The recorded user is not in their conversation: the left channel is silent, and both are heard."""
    found = conclusion(
        (capture(1, 100.0, 105.0), capture_files(1, 5 * S8, 5 * S8)),
        (replace(capture(2, 106.0, 110.0), of_others=True), capture_files(2, 4 * S8, 4 * S8)),
    )
    job = found.job(Format.WAV, lambda one, side: f"{one.id}.{side}")
    assert job.pieces == (
        Piece("c-1-1.read", "c-1-1.write", 8000, 0),
        Piece(None, "c-1-2.read", 8000, 48_000, is_own_voice=True),
        Piece(None, "c-1-2.write", 8000, 48_000),
    )


OWN = (capture(1), capture_files(1))
PARTNER = (replace(capture(2, 99.5, 112.0), leg=LegId("1.2")), capture_files(2, 200_000, 200_000))


def test_a_partner_capture_may_begin_before_the_file_and_is_used_in_its_spans_only() -> None:
    """Beside a capture of others both its voices belong to the right channel."""
    spans = ((102.0, 104.0),)
    found = replace(conclusion(OWN), partners=(Voice(*PARTNER, steady(100_000), spans, spans),))
    piece = Piece("c-1-2.read", "c-1-2.write", 8000, -4000)
    in_samples = ((16_000, 32_000),)
    job = found.job(Format.WAV, lambda one, side: f"{one.id}.{side}")
    assert job.partners == (PartnerPiece(piece, in_samples, in_samples),)
    of_others = replace(found, places=(replace(found.places[0], capture=replace(OWN[0], from_s=99.0, of_others=True)),))
    assert of_others.job(Format.WAV, lambda one, side: f"{one.id}.{side}").partners[0].of_others
    late = replace(found, partners=(replace(found.partners[0], spans=((102.0, 112.0),)),))
    assert (found.length_s, late.length_s) == (10.0, 12.0)


def test_a_track_takes_its_sources_from_where_they_stand() -> None:
    """The recorded leg's capture has a place in the file, the partner's own stands by its start."""
    own, partner = Audible(*OWN, steady(80_000)), Audible(*PARTNER, steady(100_000))
    sources = (
        Source(partner, is_heard=False, spans=((101.0, 102.0),)),
        Source(own, is_heard=True, spans=((105.0, 106.0),)),
    )
    plan = TrackPlan(Track(2, (LegId("1.2"),), None, "1001", "", ()), sources)
    found = replace(conclusion(OWN), tracks=(plan,))
    job = found.job(Format.WAV, lambda one, side: f"{one.id}.{side}")
    track = found.track_job(plan, job, 80_000, lambda one, side: f"{one.id}.{side}")
    assert (track.recording, track.samples) == (job, 80_000)
    assert track.voices == (
        TrackVoice(
            Piece("c-1-2.read", "c-1-2.write", 8000, -4000), is_heard=False, spans=((8000, 16_000),), is_partner=True
        ),
        TrackVoice(job.pieces[0], is_heard=True, spans=((40_000, 48_000),)),
    )
    assert found.needed_bytes(Format.WAV) == 324_096 + round(324_096 * 0.75)
