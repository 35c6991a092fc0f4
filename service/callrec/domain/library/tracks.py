"""The tracks of an ended recording: whose voice is in which capture, and when.

`domain.calls.captures.tracks` says what is captured.

A participant's voice comes from three sources, the earlier one first, and never from two at the same time:

    own       what a leg of theirs says, where it is the recorded leg: the whole capture, as in the stereo file
    partner   what a leg of theirs says in a partner capture, while it was in the recorded conversation
    heard     what the recorded leg hears, while one other alone was in its conversation: then that is they

Pauses are silent in each track. So is a wait in what is not the recorded leg's own: what the recorded leg hears then is music,
and what is said at the partner's end it does not hear. What of their presence no source holds is missing, and told in the track.

A participant is one user, or one number without a user, with all their legs; two at the same time with one number are two.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from callrec.domain.calls.captures.partner_captures import MOST_CAPTURES
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.legs.supervisors import CAUSE as SUPERVISOR
from callrec.domain.calls.model import GAP, Capture, Heard, Interval, Missing, Party, Recording, WaitingKind
from callrec.domain.calls.session import APPLICATION
from callrec.domain.library.captures import CaptureFiles
from callrec.domain.library.manifest import Manifest, Track
from callrec.domain.library.missing_time import (
    LATE_START,
    PACKET_LOSS,
    TIMELINE,
    TOLD_S,
    WORTH_S,
    conversation_end_s,
)
from callrec.domain.library.shortfalls import DRIFT
from callrec.domain.library.spans import Span, common, joined, length_s, without
from callrec.domain.library.timeline import EXACT_S, CaptureTimeline
from callrec.domain.vocabulary import AlarmCause


@dataclass(frozen=True, slots=True)
class Audible:
    """A capture with audio, and where its samples stand."""

    capture: Capture
    files: CaptureFiles
    timeline: CaptureTimeline

    @property
    def span(self) -> Span:
        """Its time."""
        return self.capture.from_s, self.capture.from_s + self.timeline.samples / self.files.rate_hz

    @property
    def written(self) -> list[Span]:
        """Without the time in which it should have been written, and was not."""
        return without([self.span], [(gap.from_s, gap.to_s) for gap in self.timeline.gaps if not gap.is_wait])


@dataclass(frozen=True, slots=True)
class Source:
    """A side of a capture, and the times in which it is this participant's voice."""

    audible: Audible
    is_heard: bool
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """A track without its file, and where its voice comes from."""

    track: Track
    sources: tuple[Source, ...]


@dataclass(slots=True)
class _Person:
    party: Party
    legs: list[LegId] = field(default_factory=list)
    present: list[Span] = field(default_factory=list)

    @property
    def is_application(self) -> bool:
        return self.party.leg.startswith(APPLICATION)


def track_plans(recording: Recording, own: Sequence[Audible], partners: Sequence[Audible]) -> tuple[TrackPlan, ...]:
    """The tracks of this ended recording, in order: `own` are the captures of the recorded leg with audio, `partners` the others.
    None of a recording that has none."""
    if recording.presences is None:
        return ()
    people = _people(recording, own)
    plans = (_Plan(recording, person, own, partners) for person in people)
    return tuple(one.made(nth) for nth, one in enumerate(plans, 1))


def _people(recording: Recording, own: Sequence[Audible]) -> list[_Person]:
    """The participants: the recorded user first, then as they came."""
    spans: dict[LegId, list[Span]] = {}
    for one in sorted(recording.presences or (), key=lambda one: one.from_s):
        spans.setdefault(one.leg, []).append((one.from_s, _end_s(recording, one.to_s)))
    first = [one.capture.leg for one in own if not one.capture.of_others]
    known = {party.leg: party for party in reversed(recording.parties)}
    people: list[_Person] = []
    for leg in dict.fromkeys((*first, *spans)):
        party = known.get(leg, Party(leg, None, "", "", recording.from_s))
        present = joined(spans.get(leg, ()))
        same = (one for one in people if _is_same(one.party, party) and not common(one.present, present))
        person = next(same, None)
        if person is None:
            people.append(person := _Person(party))
        person.legs.append(leg)
        person.present = joined([*person.present, *present])
    return people


def _is_same(one: Party, other: Party) -> bool:
    """Whether these two legs may be one participant's."""
    if one.leg.startswith(APPLICATION) != other.leg.startswith(APPLICATION):
        return False
    return bool(one.user or one.number) and (one.user, one.number) == (other.user, other.number)


class _Plan:
    """One participant's track, as it is made."""

    def __init__(
        self, recording: Recording, person: _Person, own: Sequence[Audible], partners: Sequence[Audible]
    ) -> None:
        self._recording, self._person, self._own, self._partners = recording, person, own, partners
        self._silent = _silent(recording)
        self._waits = [] if person.is_application else _waits(recording)
        self._taken: list[Span] = []
        self._covered: list[Span] = []
        self._sources: list[Source] = []

    def made(self, nth: int) -> TrackPlan:
        """The track with this number."""
        person, party = self._person, self._person.party
        for one in self._own:
            if one.capture.leg in person.legs:
                self._take(one, [one.span], is_heard=False)
        for one in self._partners:
            if one.capture.leg in person.legs:
                spoken = without(self._presence({one.capture.leg}.__contains__), (*self._waits, *self._silent))
                self._take(one, common(spoken, [one.span]), is_heard=False)
        for one in self._own:
            if one.capture.leg not in person.legs:
                self._take(one, common(self._alone_with(one.capture.leg), [one.span]), is_heard=True)
        present = tuple(Interval(start, end) for start, end in person.present)
        missing = self._missing()
        track = Track(nth, tuple(person.legs), party.user, party.number, party.name, present, missing)
        return TrackPlan(track, tuple(self._sources))

    def _take(self, audible: Audible, spans: Iterable[Span], *, is_heard: bool) -> None:
        """Use this side in these times, where no other source is used."""
        rest = without(spans, self._taken)
        if not rest:
            return
        self._sources.append(Source(audible, is_heard, tuple(rest)))
        self._taken += rest
        covered = common(rest, audible.written)
        if not audible.capture.is_partner:
            side = Heard.HEARS if is_heard else Heard.SAYS
            deaf = (one for one in self._recording.missing if one.side is side and not self._is_others(one))
            covered = without(covered, [(one.from_s, one.to_s) for one in deaf])
        self._covered += covered

    def _is_others(self, missing: Missing) -> bool:
        """Whether what is missing there is no participant's of the conversation: a supervisor's words."""
        return missing.cause == SUPERVISOR

    def _presence(self, is_wanted: Callable[[LegId], bool]) -> list[Span]:
        """When any of these legs was in the conversation."""
        presences = self._recording.presences or ()
        return joined((one.from_s, _end_s(self._recording, one.to_s)) for one in presences if is_wanted(one.leg))

    def _alone_with(self, captured: LegId) -> list[Span]:
        """When they were the only one that the recorded leg heard."""
        others = self._presence(lambda leg: leg != captured and leg not in self._person.legs)
        return without(self._person.present, (*others, *self._waits, *self._silent))

    def _missing(self) -> tuple[Missing, ...]:
        """What of their presence no source holds. As little as a sound recording may lack is none."""
        due = without(self._person.present, (*_waits(self._recording), *self._silent))
        lacking = [(start, end) for start, end in without(due, self._covered) if end - start > WORTH_S]
        in_files_s = length_s(common(lacking, self._gaps()))  # as of the recording (`missing_time`)
        if length_s(lacking) - in_files_s + max(0.0, in_files_s - DRIFT * length_s(due)) <= TOLD_S:
            return ()
        return tuple(Missing(start, end, self._cause((start, end))) for start, end in lacking)

    def _gaps(self) -> list[Span]:
        """What files are shorter than their time: a phone's clock may be the reason."""
        return [(gap.from_s, gap.to_s) for one in (*self._own, *self._partners) for gap in one.timeline.gaps]

    def _cause(self, lacking: Span) -> str:
        """Why it is missing, in the words of the recording's own causes."""
        recording, legs = self._recording, self._person.legs
        captures = [one for one in recording.all_captures if one.leg in legs]
        during = [one for one in captures if one.from_s < lacking[1] and (one.to_s or math.inf) >= lacking[0]]
        told = (one for one in recording.missing if common([(one.from_s, one.to_s)], [lacking]))
        said = (*(one.cause for one in during if one.cause), *(one.cause for one in told if one.cause != SUPERVISOR))
        if cause := next(iter(said), ""):
            return cause
        if any(common([one.span], [lacking]) for one in self._partners if one.capture.leg in legs):
            return PACKET_LOSS if self._is_lossy() else TIMELINE
        if len(recording.partner_captures) >= MOST_CAPTURES:
            return AlarmCause.TOO_MANY_CAPTURES.value
        return GAP if any(one.from_s < lacking[0] for one in captures) else LATE_START

    def _is_lossy(self) -> bool:
        parties = (party for party in self._recording.parties if party.leg in self._person.legs)
        return any(party.quality and party.quality.is_lossy for party in parties)


def _silent(recording: Recording) -> list[Span]:
    """Pauses, and times in which no recorded user was there."""
    absent = (one for one in recording.waiting if one.kind is WaitingKind.ABSENT)
    widened = (one.widened(EXACT_S) for one in recording.pauses)
    pauses = ((one.from_s, _end_s(recording, one.to_s)) for one in widened)
    return joined([*pauses, *((one.from_s, _end_s(recording, one.to_s)) for one in absent)])


def _waits(recording: Recording) -> list[Span]:
    return joined((one.from_s, _end_s(recording, one.to_s)) for one in recording.waiting)


def _end_s(recording: Recording, to_s: float | None) -> float:
    """An end, or that of the last conversation if it is earlier: a leg may live on alone, and then nothing is due of it."""
    end_s = conversation_end_s(recording)
    return end_s if to_s is None else min(to_s, end_s)


def unencoded(track: Track, cause: str) -> Track:
    """The track when its file cannot be made: all of it is missing."""
    lost = tuple(Missing(one.from_s, one.to_s, cause) for one in track.present if one.to_s is not None)
    return replace(track, missing=lost, media=None)


def incomplete(manifest: Manifest) -> tuple[Track, ...]:
    """The tracks that lack something of which nothing else tells: the recording's own file does not lack it, so that the entry
    may be *sound*, and the track has a file, so that the encoder's alarm was not raised."""
    told = [(one.from_s, one.to_s) for one in manifest.recording.missing if one.cause != SUPERVISOR]

    def lacks_s(track: Track) -> float:
        return length_s(without([(one.from_s, one.to_s) for one in track.missing], told))

    return tuple(track for track in manifest.tracks if track.media and lacks_s(track) > WORTH_S)
