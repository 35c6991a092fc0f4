"""What an ended recording's file holds, and what the encoder is to do for it: where each capture stands on the time line of the
recording, and the voices of partners and tracks beside them (`assessment` finds them, with the state and the causes).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from callrec.domain.calls.model import Capture, Recording
from callrec.domain.library.captures import (
    CaptureFiles,
    EncodeJob,
    PartnerPiece,
    Piece,
    Stretch,
    TrackJob,
    TrackVoice,
)
from callrec.domain.library.file_names import Side
from callrec.domain.library.manifest import Format, StoredState
from callrec.domain.library.partner_voice import Voice
from callrec.domain.library.timeline import CaptureTimeline
from callrec.domain.library.tracks import Source, TrackPlan

_WAV_BYTES_PER_SAMPLE = 4
_HEADER_BYTES = 4096
_TRACK_SHARE = 0.75
"""How large a track is at most, beside the stereo file: half of it as WAV, and three quarters as MP3."""
_CODED_BYTES_PER_S = {Format.OPUS: 4000, Format.MP3: 5000}
"""The encoder's bit rates of 24 and 32 kbit/s, and some more for the container. FLAC is never larger than WAV."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an audible capture begins on the time line of its recording, in seconds, and where its samples stand from there."""

    capture: Capture
    files: CaptureFiles
    timeline: CaptureTimeline
    at_s: float

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.at_s + self.timeline.samples / self.files.rate_hz


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The state, the recording with the causes that were found, and the place of each audible capture, in order."""

    state: StoredState
    recording: Recording
    places: tuple[Place, ...] = ()
    partners: tuple[Voice, ...] = ()
    """The audible partner captures."""
    tracks: tuple[TrackPlan, ...] = ()
    """The tracks of its participants, if they were asked for."""

    def job(self, media_format: Format, path: Callable[[Capture, str], str]) -> EncodeJob:
        """The encoder's job; `path` gives the path of a capture's side."""
        rate_hz = self._rate_hz
        return EncodeJob(
            tuple(piece for place in self.places for piece in _pieces(place, round(place.at_s * rate_hz), path)),
            media_format,
            rate_hz,
            tuple(self._partner_piece(voice, path) for voice in self.partners),
        )

    def _partner_piece(self, voice: Voice, path: Callable[[Capture, str], str]) -> PartnerPiece:
        capture, files = voice.capture, voice.files
        own = [place.capture for place in self.places if place.capture.from_s <= capture.from_s]
        stretches = _stretches(files, voice.timeline)
        piece = Piece(*_paths(capture, files, path), files.rate_hz, self._sample(capture.from_s), stretches)
        spans, both = (
            tuple((self._sample(from_s), self._sample(to_s)) for from_s, to_s in times)
            for times in (voice.spans, voice.both)
        )
        return PartnerPiece(piece, spans, both, of_others=bool(own) and own[-1].of_others)

    def track_job(self, plan: TrackPlan, job: EncodeJob, samples: int, path: Callable[[Capture, str], str]) -> TrackJob:
        """The encoder's job for one track. `job` and `samples`: those of the recording's own file, on whose time line it is."""
        voices = (self._track_voice(source, path) for source in plan.sources)
        return TrackJob(replace(job, partners=()), samples, tuple(voices))

    def _track_voice(self, source: Source, path: Callable[[Capture, str], str]) -> TrackVoice:
        audible = source.audible
        capture, files = audible.capture, audible.files
        place = next((one for one in self.places if one.capture.id == capture.id), None)
        at = self._sample(capture.from_s) if place is None else round(place.at_s * self._rate_hz)
        piece = Piece(*_paths(capture, files, path), files.rate_hz, at, _stretches(files, audible.timeline))
        spans = tuple((self._sample(from_s), self._sample(to_s)) for from_s, to_s in source.spans)
        return TrackVoice(piece, source.is_heard, spans, is_partner=place is None)

    def _sample(self, at_s: float) -> int:
        return round((at_s - self.places[0].capture.from_s) * self._rate_hz)

    def needed_bytes(self, media_format: Format) -> int:
        """The largest possible size of the media file and the tracks."""
        bytes_per_s = _CODED_BYTES_PER_S.get(media_format, self._rate_hz * _WAV_BYTES_PER_SAMPLE)
        needed = int(self.length_s * bytes_per_s) + _HEADER_BYTES
        return needed + round(needed * _TRACK_SHARE * len(self.tracks))

    @property
    def length_s(self) -> float:
        """The playing time at most, by the bytes of the capture files and the silence between them."""
        origin_s = self.places[0].capture.from_s
        held_s = (to_s - origin_s for voice in self.partners for _, to_s in voice.spans)
        return max([*(place.end_s for place in self.places), *held_s])

    @property
    def _rate_hz(self) -> int:
        return max(place.files.rate_hz for place in self.places)


def samples_of(capture_files: CaptureFiles) -> int:
    """How many samples its longer side has."""
    return round(capture_files.length_s * capture_files.rate_hz)


def _pieces(place: Place, at_sample: int, path: Callable[[Capture, str], str]) -> tuple[Piece, ...]:
    """The capture's files in the media: one piece, or two of others, whose sides are both on the right."""
    files = place.files
    read, write = _paths(place.capture, files, path)
    stretches = _stretches(files, place.timeline)
    if not place.capture.of_others:
        return (Piece(read, write, files.rate_hz, at_sample, stretches),)
    sides = (
        Piece(None, read, files.rate_hz, at_sample, stretches, is_own_voice=True),
        Piece(None, write, files.rate_hz, at_sample, stretches),
    )
    return tuple(side for side in sides if side.write)


def _stretches(files: CaptureFiles, timeline: CaptureTimeline) -> tuple[Stretch, ...]:
    """Where its samples stand; none where they stand one after another."""
    is_plain = timeline.is_steady and timeline.samples == samples_of(files)
    return () if is_plain else timeline.stretches


def _paths(capture: Capture, files: CaptureFiles, path: Callable[[Capture, str], str]) -> tuple[str | None, str | None]:
    """The paths of both sides; None for one without a file."""
    placed = replace(capture, rate_hz=files.rate_hz)  # what lies there counts, whatever was asked for
    read = path(placed, Side.READ.value) if files.read_bytes is not None else None
    write = path(placed, Side.WRITE.value) if files.write_bytes is not None else None
    return read, write
