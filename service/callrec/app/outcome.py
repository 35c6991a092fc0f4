"""What became of a recording, judged by what lies in the spool. Pure: captures in, state and timeline out.

The timeline's zero is the start of the first take that has audio (MixMonitor's files begin when the recorder attaches); each
further take lies where its `from_s` says. What is missing of its time `domain.accounting` says; what else is missing (a side that
was deaf, ...) stands in the recording before it comes here. Whatever is missing makes it *partial*.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from callrec.app.ports import Capture, EncodeJob, Piece
from callrec.domain.accounting import TOLD_S, missing_time
from callrec.domain.lifecycle import Format, State
from callrec.domain.model import Missing, Recording, Take, TakeId
from callrec.domain.naming import Side

UNEQUAL_S = 0.1
"""Asterisk keeps the two sides in step; a difference beyond this is reported."""
JUMP_S = 6 * 3600.0
"""A longer silence between two takes of one call is a clock that was set, and not a silence."""
LONGER_S = 24 * 3600.0
"""A leg that plays so much longer than its call lasted is not its sound. Less is a clock that was set meanwhile."""
REFUSED = "refused: "
"""How the cause of a take begins whose legs cannot be what Asterisk wrote: they are put aside, and in no media."""
_SAMPLE_BYTES = 2
_WAV_BYTES_PER_SAMPLE = 4
_HEADER_BYTES = 4096
_CODED_BYTES_PER_S = {Format.OPUS: 4000, Format.MP3: 5000}
"""The encoder's bit rates of 24 and 32 kbit/s, and a little more for the container. FLAC takes no more than WAV."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The state, the recording with the causes that were found, and where each audible take lies (seconds, in order)."""

    state: State
    recording: Recording
    places: tuple[tuple[Take, Capture, float], ...] = ()

    def job(self, media_format: Format, path: Callable[[Take, str], str]) -> EncodeJob:
        """The encoder's work; `path` tells where a take's side lies."""
        rate_hz = self._rate_hz
        return EncodeJob(
            tuple(_piece(take, capture, round(at_s * rate_hz), path) for take, capture, at_s in self.places),
            media_format,
            rate_hz,
        )

    def needed_bytes(self, media_format: Format) -> int:
        """What the media takes on the disk at most."""
        bytes_per_s = _CODED_BYTES_PER_S.get(media_format, self._rate_hz * _WAV_BYTES_PER_SAMPLE)
        return int(self.length_s * bytes_per_s) + _HEADER_BYTES

    @property
    def length_s(self) -> float:
        """How long it plays, by the bytes that are there."""
        return max(at_s + _length_s(capture) for _, capture, at_s in self.places)

    @property
    def _rate_hz(self) -> int:
        return max(capture.rate_hz for _, capture, _ in self.places)


def conclude(recording: Recording, captures: Mapping[TakeId, Capture]) -> Conclusion:
    """Judge an ended recording. Every cause that is found stands in its take, and the first one in the recording."""
    takes = tuple(replace(take, cause=_cause(take, captures.get(take.id))) for take in recording.takes)
    refused = [take.cause for take in takes if is_refused(take)]
    audible = [
        (take, found)
        for take in takes
        if not is_refused(take) and (found := captures.get(take.id)) and _length_s(found) > 0
    ]
    if not audible:
        unanswered = recording.cause.startswith("unanswered") and not refused
        causes = (*refused, recording.cause, *(take.cause for take in takes), "no-audio")
        cause = next(cause for cause in causes if cause)
        return Conclusion(
            State.UNANSWERED if unanswered else State.FAILED, replace(recording, takes=takes, cause=cause)
        )
    places, jumped = _places(audible)
    whole = replace(recording, takes=takes)
    # Times of versions that reckoned by the machine's clock tell nothing when that was set in the call.
    was_set = recording.mono_s is None and (
        jumped or any(take.to_s is not None and take.to_s < take.from_s for take in takes)
    )
    if not was_set:
        whole = with_missing(whole, missing_time(whole, [(take, _length_s(found)) for take, found in audible]))
    causes = (recording.cause, *(take.cause for take in takes), jumped, *(one.cause for one in whole.missing))
    cause = next(filter(None, causes), "")
    return Conclusion(State.PARTIAL if cause else State.SOUND, replace(whole, cause=cause), places)


def with_missing(recording: Recording, missing: Iterable[Missing]) -> Recording:
    """The recording with these, too, in the order of time."""
    return replace(recording, missing=tuple(sorted((*recording.missing, *missing), key=lambda one: one.from_s)))


def is_refused(take: Take) -> bool:
    """Whether the take's legs are in no media because Asterisk cannot have written them."""
    return take.cause.startswith(REFUSED)


def _cause(take: Take, capture: Capture | None) -> str:
    """Why a take is not whole; empty when it is."""
    if capture is not None and (fault := capture.impossible or _too_long(take, capture)):
        return f"{REFUSED}{fault}"
    if take.cause:
        return take.cause
    has_sound = capture is not None and bool(capture.read_bytes or capture.write_bytes)
    if not has_sound and take.to_s is not None and take.to_s - take.from_s <= TOLD_S:
        return ""  # a leg on which it went on, and which left in the same moment: there was nothing to hold
    if capture is None:
        return "no-file"
    if capture.read_bytes is None or capture.write_bytes is None:
        return f"no-file: {(Side.READ if capture.read_bytes is None else Side.WRITE).value}"
    if not (capture.read_bytes or capture.write_bytes):
        return "empty-file"
    bytes_per_s = _SAMPLE_BYTES * capture.rate_hz
    difference_s = abs(capture.read_bytes - capture.write_bytes) / bytes_per_s
    if difference_s > UNEQUAL_S:
        shorter = Side.READ if capture.read_bytes < capture.write_bytes else Side.WRITE
        return f"shorter-side: {shorter.value} by {difference_s:.1f} s"
    return "end-unknown" if take.to_s is None else ""


def _too_long(take: Take, capture: Capture) -> str:
    """Why the capture is longer than its take can have been; empty when it is not, or when the take's end is unknown."""
    if take.to_s is None:
        return ""
    due_s, length_s = max(take.to_s - take.from_s, 0.0), _length_s(capture)
    return f"too-long: {length_s:.0f} s in a take of {due_s:.0f} s" if length_s > due_s + LONGER_S else ""


def _places(audible: list[tuple[Take, Capture]]) -> tuple[tuple[tuple[Take, Capture, float], ...], str]:
    """Each take's place in seconds, and whether the clock was set between them."""
    places: list[tuple[Take, Capture, float]] = []
    origin_s, end_s, cause = audible[0][0].from_s, 0.0, ""
    for take, capture in audible:
        at_s = take.from_s - origin_s
        if at_s < 0 or at_s - end_s > JUMP_S:
            cause = cause or "clock-jumped"
            at_s = end_s
            origin_s = take.from_s - at_s
        places.append((take, capture, at_s))
        end_s = max(end_s, at_s + _length_s(capture))
    return tuple(places), cause


def _length_s(capture: Capture) -> float:
    """By the longer side, in whole samples."""
    longer_bytes = max(capture.read_bytes or 0, capture.write_bytes or 0)
    return longer_bytes // _SAMPLE_BYTES / capture.rate_hz


def _piece(take: Take, capture: Capture, at_sample: int, path: Callable[[Take, str], str]) -> Piece:
    placed = replace(take, rate_hz=capture.rate_hz)  # what lies there counts, whatever was asked for
    read = path(placed, Side.READ.value) if capture.read_bytes is not None else None
    write = path(placed, Side.WRITE.value) if capture.write_bytes is not None else None
    return Piece(read, write, capture.rate_hz, at_sample)
