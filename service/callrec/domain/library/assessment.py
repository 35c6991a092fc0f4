"""Assesses an ended recording by its capture files in the spool: its state, its causes, and the timeline of its captures.

The timeline's zero is the start of the first capture with audio (MixMonitor's files begin when it attaches); each further capture
is placed by its `from_s`. `domain.library.missing_time` finds missing time; other missing audio (a deaf side, ...) is in the
recording already. A recording with missing audio is *partial*.

A recorder may run on after its recording has ended, in a pause or an absence, when Asterisk refused to stop or to mute it. What
it wrote then is in no media file.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from callrec.domain.calls.ids import CaptureId, recording_id
from callrec.domain.calls.model import LATE_PACKETS, ActorKind, Capture, Missing, Recording, WaitingKind
from callrec.domain.library.captures import SAMPLE_BYTES, CaptureFiles
from callrec.domain.library.conclusion import Conclusion, Place, samples_of
from callrec.domain.library.file_names import Side
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.missing_time import (
    PACKET_LOSS,
    TIMELINE,
    UNPROVEN_PAUSE,
    conversation_end_s,
    missing_time,
    quiet,
    unwritten,
)
from callrec.domain.library.partner_voice import Voice, voices
from callrec.domain.library.silences import FIRST_S, capture_timeline
from callrec.domain.library.spans import Span, common, span_of, without
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline, steady
from callrec.domain.library.tracks import Audible, TrackPlan, track_plans
from callrec.domain.rules import Rule

BRIEF_S = 0.2
"""A capture that is no longer than this may have nothing to hold."""
UNEQUAL_S = 0.1
"""The largest normal difference of the two sides, which Asterisk writes in step; a larger one is reported."""
JUMP_S = 6 * 3600.0
"""A longer gap between two captures of one call means that the clock was set meanwhile."""
LONGER_S = 24 * 3600.0
"""Capture files that are longer than their call by more than this are not its audio; less may be a clock that was set."""
NO_AUDIO, ENDED_WHILE_ANNOUNCING = "no-audio", "ended-while-announcing"
"""Why an ended recording has no file: its captures hold nothing; or all had to be told first, and it ended before that."""
REFUSED = "refused: "
"""The beginning of the cause of a capture whose files Asterisk cannot have written: they are put aside and not encoded."""


def conclude(recording: Recording, captured_files: Mapping[CaptureId, CaptureFiles]) -> Conclusion:
    """Assess an ended recording. Each cause found is set in its capture, and the first one in the recording."""
    whole = replace(
        recording,
        captures=tuple(replace(one, cause=_cause(one, captured_files.get(one.id))) for one in recording.captures),
        partner_captures=tuple(_with_refusal(one, captured_files.get(one.id)) for one in recording.partner_captures),
    )
    audible = [one for one in _audible(whole.captures, captured_files) if one[0].from_s < _allowed_until_s(recording)]
    if not audible:
        return _without_audio(whole)
    tracks: tuple[TrackPlan, ...] = ()
    places, jumped = _places([(*one, steady(samples_of(one[1]))) for one in audible])
    # Times of versions that reckoned by the machine's clock tell nothing when that was set in the call.
    was_set = recording.mono_s is None and (
        bool(jumped) or any(one.to_s is not None and one.to_s < one.from_s for one in whole.captures)
    )
    partners = _partners(whole, captured_files, was_set=was_set)
    heard = voices(whole, partners, [capture for capture, _ in audible])
    if not was_set:
        places, jumped = _places([(*one, _cut(whole, *one, timeline_of(whole, *one))) for one in audible])
        lines = [(place.capture, place.timeline) for place in places]
        whole = with_missing(whole, missing_time(whole, lines, _stood_in(heard, places[0].capture.from_s)))
        whole = with_missing(whole, _beside_pauses(whole, places))
        whole = replace(whole, timeline_exact_s=_exact_s(places, heard))
    lossy = _with_packet_loss(whole)
    if not was_set:
        tracks = _tracks(lossy, places, partners)
    longest = sorted(lossy.missing, key=lambda one: one.from_s - one.to_s)
    causes = [one.cause for one in longest]
    # What counters prove comes before what short silences tell: lost packets leave these, too
    proven = lossy.cause if causes[:1] == [LATE_PACKETS] else ""
    found = (*(one.cause for one in whole.captures), jumped, proven, *causes, lossy.cause)
    cause = next(filter(None, (recording.cause, *found)), "")
    return Conclusion(
        StoredState.PARTIAL if cause else StoredState.SOUND, _stored(lossy, cause), places, tuple(heard), tracks
    )


def _tracks(
    recording: Recording, places: Iterable[Place], partners: Iterable[tuple[Capture, CaptureFiles, CaptureTimeline]]
) -> tuple[TrackPlan, ...]:
    own = [Audible(one.capture, one.files, one.timeline) for one in places]
    return track_plans(recording, own, [Audible(*one) for one in partners])


def _without_audio(recording: Recording) -> Conclusion:
    """There is nothing to store: an entry without a file."""
    causes = [one.cause for one in recording.captures]
    refused = [one.cause for one in recording.captures if is_refused(one)]
    was_announced = any(one.kind is WaitingKind.ANNOUNCING for one in recording.waiting)
    is_unheard = was_announced and bool(recording.captures) and recording.is_before_capture
    unheard = ENDED_WHILE_ANNOUNCING if is_unheard else NO_AUDIO
    cause = next(filter(None, (*refused, recording.cause, *causes)), unheard)
    is_unanswered = recording.cause.startswith("unanswered") and not refused
    state = StoredState.UNANSWERED if is_unanswered else StoredState.FAILED
    return Conclusion(state, replace(_stored(recording, cause), may_lack_s=None))


def _stored(recording: Recording, cause: str) -> Recording:
    """As the entry has it: with its cause, without growth marks, which the file's time line has made use of, without
    presences, which its tracks have, and without renumberings, of which it tells what is missing."""
    captures, partners = (
        tuple(replace(one, marks=(), rtp_gaps=()) for one in several)
        for several in (recording.captures, recording.partner_captures)
    )
    return replace(
        recording, captures=captures, partner_captures=partners, cause=cause, presences=None, renumberings=()
    )


def _with_packet_loss(recording: Recording) -> Recording:
    """Where too much of what a participant said did not arrive, that is why silence stands in the file. Who, and how much, stands
    in the participant."""
    if not any(party.quality and party.quality.is_lossy for party in recording.parties):
        return recording
    missing = (replace(one, cause=PACKET_LOSS) if one.cause == TIMELINE else one for one in recording.missing)
    return replace(recording, missing=tuple(missing), cause=recording.cause or PACKET_LOSS)


def _audible(
    captures: Iterable[Capture], captured_files: Mapping[CaptureId, CaptureFiles]
) -> list[tuple[Capture, CaptureFiles]]:
    """The captures whose files hold something that Asterisk can have written."""
    return [
        (capture, found)
        for capture in captures
        if not is_refused(capture) and (found := captured_files.get(capture.id)) and found.length_s > 0
    ]


def _partners(
    recording: Recording, captured_files: Mapping[CaptureId, CaptureFiles], *, was_set: bool
) -> list[tuple[Capture, CaptureFiles, CaptureTimeline]]:
    """The audible partner captures with their time lines. Where the machine's clock was set, times tell nothing."""
    return [
        (*one, steady(samples_of(one[1])) if was_set else timeline_of(recording, *one))
        for one in _audible(recording.partner_captures, captured_files)
    ]


def _exact_s(places: Iterable[Place], partners: Iterable[Voice]) -> float:
    """How exact the file is: as the least exact capture that may be heard in it."""
    lines = (*(place.timeline for place in places), *(voice.timeline for voice in partners if voice.spans))
    return round(max(one.exact_s for one in lines), 3)


def _stood_in(partners: Iterable[Voice], origin_s: float) -> list[Span]:
    """The time for which partner captures give both voices. The file begins with the first capture of the recorded leg."""
    spans = ((max(from_s, origin_s), to_s) for voice in partners for from_s, to_s in voice.held)
    return [(from_s, to_s) for from_s, to_s in spans if from_s < to_s]


def with_missing(recording: Recording, missing: Iterable[Missing]) -> Recording:
    """The recording with these added, in the order of time."""
    return replace(recording, missing=tuple(sorted((*recording.missing, *missing), key=lambda one: one.from_s)))


def is_refused(capture: Capture) -> bool:
    """Whether the capture's files were not encoded, since Asterisk cannot have written them."""
    return capture.cause.startswith(REFUSED)


def _with_refusal(capture: Capture, capture_files: CaptureFiles | None) -> Capture:
    """A partner capture with the reason why it is not used; what else it lacks is no fault of the recording."""
    return replace(capture, cause=_refusal(capture, capture_files) or capture.cause)


def _refusal(capture: Capture, capture_files: CaptureFiles | None) -> str:
    fault = capture_files and (capture_files.impossible or _too_long(capture, capture_files))
    return f"{REFUSED}{fault}" if fault else ""


def _cause(capture: Capture, capture_files: CaptureFiles | None) -> str:
    """The reason why a capture is not complete; empty when it is."""
    if refusal := _refusal(capture, capture_files):
        return refusal
    if capture.cause:
        return capture.cause
    has_sound = capture_files is not None and capture_files.bytes > 0
    if not has_sound and capture.to_s is not None and capture.to_s - capture.from_s <= BRIEF_S:
        return ""  # a leg on which it went on, and which left in the same moment: there was nothing to hold
    if capture_files is None:
        return "no-file"
    if capture_files.read_bytes is None or capture_files.write_bytes is None:
        return f"no-file: {(Side.READ if capture_files.read_bytes is None else Side.WRITE).value}"
    if not capture_files.bytes:
        return "empty-file"
    bytes_per_s = SAMPLE_BYTES * capture_files.rate_hz
    difference_s = abs(capture_files.read_bytes - capture_files.write_bytes) / bytes_per_s
    if difference_s > UNEQUAL_S:
        shorter = Side.READ if capture_files.read_bytes < capture_files.write_bytes else Side.WRITE
        return f"shorter-side: {shorter.value} by {difference_s:.1f} s"
    return "end-unknown" if capture.to_s is None else ""


def _too_long(capture: Capture, capture_files: CaptureFiles) -> str:
    """Why the capture is longer than its capture can have been; empty when it is not, or when the capture's end is unknown."""
    if capture.to_s is None:
        return ""
    due_s, length_s = max(capture.to_s - capture.from_s, 0.0), capture_files.length_s
    return f"too-long: {length_s:.0f} s in a take of {due_s:.0f} s" if length_s > due_s + LONGER_S else ""


def timeline_of(recording: Recording, capture: Capture, capture_files: CaptureFiles) -> CaptureTimeline:
    """Where the samples of a capture stand, all of them. A partner's leg hears no music while it holds, and a partner capture
    begins with a meeting, as the first capture does with the answer."""
    ended = capture if capture.to_s is not None else replace(capture, to_s=conversation_end_s(recording))
    if capture.is_partner:  # what one of the two legs does not send is a gap for both
        ended = replace(ended, rtp_gaps=tuple(gap for own in recording.captures for gap in own.rtp_gaps))
    at_answer = _is_at_answer(recording) and capture.from_s - recording.from_s < FIRST_S
    waits = unwritten(recording, with_music=capture.is_partner)
    samples, rate_hz = samples_of(capture_files), capture_files.rate_hz
    return capture_timeline(ended, samples, rate_hz, waits, at_answer=at_answer or capture.is_partner)


def _is_at_answer(recording: Recording) -> bool:
    """Whether the recording may begin with the answer of its call. After a press, and in a further recording of the call, at
    least one phone is sending already."""
    is_first = recording.id == recording_id(recording.call, 1)
    return recording.rule is Rule.ALWAYS and recording.actor.kind is ActorKind.POLICY and is_first


def _allowed_until_s(recording: Recording) -> float:
    """After this nothing is stored. Ends of versions that reckoned by the machine's clock may lie anywhere."""
    return math.inf if recording.mono_s is None or recording.to_s is None else recording.to_s + EXACT_S


def _cut(
    recording: Recording, capture: Capture, capture_files: CaptureFiles, timeline: CaptureTimeline
) -> CaptureTimeline:
    """The time line without what was certainly written after the end of the recording, in a pause or in an absence. Of a recorder
    that ended with its recording nothing is cut at the end, even if its file is longer than its time (a sender in bursts). Of a
    pause in which a recorder may have heard what was said, all is cut that may belong to it."""
    end_s = _allowed_until_s(recording)
    if end_s == math.inf:
        return timeline
    exact_s, rate_hz = timeline.exact_s, capture_files.rate_hz
    quiet = [(one.from_s, one.to_s, exact_s if one.is_proven else -exact_s) for one in recording.pauses]
    quiet += [(one.from_s, one.to_s, exact_s) for one in recording.waiting if one.kind is WaitingKind.ABSENT]
    spans = [(from_s + inner_s, (end_s if to_s is None else to_s) - inner_s) for from_s, to_s, inner_s in quiet]
    places = [
        (round((from_s - capture.from_s) * rate_hz), round((to_s - capture.from_s) * rate_hz))
        for from_s, to_s in spans
        if from_s < to_s
    ]
    ran_on = capture.to_s is None or capture.to_s > end_s
    end = round((end_s - capture.from_s) * rate_hz) if ran_on else timeline.samples
    return timeline.cut(end, places)


def _beside_pauses(recording: Recording, places: Iterable[Place]) -> Iterable[Missing]:
    """What was cut on both sides of pauses that Asterisk never confirmed, as far as it was neither a pause nor a wait."""
    end_s = conversation_end_s(recording)
    for place in places:
        wide = [one.widened(place.timeline.exact_s) for one in recording.pauses if not one.is_proven]
        cut = [span_of(one, end_s) for one in wide]
        held = place.capture.from_s, min(place.capture.from_s + place.end_s - place.at_s, end_s)
        for from_s, to_s in without(common(cut, [held]), quiet(recording, end_s)):
            yield Missing(from_s, to_s, UNPROVEN_PAUSE)


def _places(audible: Iterable[tuple[Capture, CaptureFiles, CaptureTimeline]]) -> tuple[tuple[Place, ...], str]:
    """The place of each capture, and whether the clock was set between them."""
    places: list[Place] = []
    origin_s, end_s, cause = None, 0.0, ""
    for capture, capture_files, timeline in audible:
        origin_s = capture.from_s if origin_s is None else origin_s
        at_s = capture.from_s - origin_s
        if at_s < 0 or at_s - end_s > JUMP_S:
            cause = cause or "clock-jumped"
            at_s = end_s
            origin_s = capture.from_s - at_s
        places.append(Place(capture, capture_files, timeline, at_s))
        end_s = max(end_s, places[-1].end_s)
    return tuple(places), cause
