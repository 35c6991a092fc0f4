"""Where what happens in a stored recording: for players that draw it, and for who wants to know who spoke how long.

Times are seconds from the beginning of the recording's file; they are as exact as the recording's own (`timeline_exact_s`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Party, Recording
from callrec.domain.library.manifest import Manifest
from callrec.domain.library.spans import Span, common, joined, length_s, without
from callrec.domain.library.waveform import Waveform

SILENCE_S = 5.0
"""A time without a voice on any side is a silence from this length on."""
LEFT, RIGHT = 0, 1


class MarkKind(StrEnum):
    """What a mark is about. Waiting has the names of `WaitingKind`."""

    JOINED = "joined"
    """A participant came: from then on they are in the recorded conversation."""
    LEFT = "left"
    ANNOUNCEMENT = "announcement"
    """A tone or prompt has told that the call is recorded."""
    PAUSE = "pause"
    MISSING = "missing"
    """The file lacks something; `text` is the cause."""
    SILENCE = "silence"
    HOLD = "hold"
    RINGING = "ringing"
    MUSIC = "music"
    PARKED = "parked"
    ABSENT = "absent"
    ANNOUNCING = "announcing"


@dataclass(frozen=True, slots=True)
class Mark:
    """A time, or a moment (`to_s` is `from_s`)."""

    kind: MarkKind
    from_s: float
    to_s: float
    text: str = ""
    """The number of a participant, the cause of missing audio."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """A participant, and how long they spoke."""

    user: str
    number: str
    name: str
    present_s: float
    speaking_s: float | None
    """None: voices were not looked for, or they are mixed with another's all the time."""
    is_partial: bool
    """Whether they were also there together with others on one channel, where no voice can be told from another: what was spoken
    then is not counted."""


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks in the order of time, and all participants as they came."""

    marks: tuple[Mark, ...]
    speaking: tuple[Speaking, ...]


def marks_of(manifest: Manifest, waveforms: Mapping[int | None, Waveform]) -> Marks:
    """The marks of a recording. `waveforms`: of its own file (None), and of its tracks by their numbers, as far as they are
    known."""
    line = _Line(manifest)
    voices = waveforms.get(None)
    found = [*line.happenings(), *line.silences(voices)]
    return Marks(
        tuple(sorted(found, key=lambda mark: (mark.from_s, mark.to_s, mark.kind))), tuple(_speaking(line, waveforms))
    )


class _Line:
    """The time line of the recording's file."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest, self.recording = manifest, manifest.recording
        self.length_s = manifest.media.length_s if manifest.media else 0.0
        self.origin_s = _origin_s(self.recording)

    def at(self, utc_s: float) -> float:
        """A moment in Unix time as one of the file."""
        return round(min(max(0.0, utc_s - self.origin_s), self.length_s), 3)

    def span(self, from_s: float, to_s: float | None) -> Span:
        """A time in Unix time; one without an end lasts to that of the file."""
        return self.at(from_s), self.length_s if to_s is None else self.at(to_s)

    def happenings(self) -> Iterator[Mark]:
        """What the manifest tells."""
        recording = self.recording
        for one in recording.announcements:
            yield Mark(MarkKind.ANNOUNCEMENT, self.at(one), self.at(one))
        for pause in recording.pauses:
            yield Mark(MarkKind.PAUSE, *self.span(pause.from_s, pause.to_s))
        for wait in recording.waiting:
            yield Mark(MarkKind(wait.kind.value), *self.span(wait.from_s, wait.to_s))
        for lack in recording.missing:
            yield Mark(MarkKind.MISSING, *self.span(lack.from_s, lack.to_s), lack.cause)
        for party in recording.parties:
            yield Mark(MarkKind.JOINED, self.at(party.from_s), self.at(party.from_s), party.number)
            if party.to_s is not None:
                yield Mark(MarkKind.LEFT, self.at(party.to_s), self.at(party.to_s), party.number)

    def silences(self, waveform: Waveform | None) -> Iterator[Mark]:
        """Times in which they did not speak, though they could."""
        if waveform is None or not any(waveform.voice):
            return
        quiet = [self.span(one.from_s, one.to_s) for one in self.recording.pauses]
        quiet += [self.span(one.from_s, one.to_s) for one in self.recording.waiting]
        spoken = [span for side in waveform.voice for span in side]
        for start_s, end_s in without([(0.0, self.length_s)], [*spoken, *quiet]):
            if end_s - start_s >= SILENCE_S:
                yield Mark(MarkKind.SILENCE, round(start_s, 3), round(end_s, 3))


def _origin_s(recording: Recording) -> float:
    """When the file begins: with the first capture that was written."""
    written = (one.from_s for one in recording.captures if not one.is_place and (one.to_s or one.from_s) > one.from_s)
    return min(written, default=recording.from_s)


def _speaking(line: _Line, waveforms: Mapping[int | None, Waveform]) -> Iterator[Speaking]:
    if line.manifest.tracks:
        for track in line.manifest.tracks:
            present = joined(line.span(one.from_s, one.to_s) for one in track.present)
            waveform = waveforms.get(track.nth)
            spoken = common(waveform.voice[0], present) if waveform and waveform.voice else None
            yield _said(track.user or "", track.number, track.name, present, spoken, is_partial=bool(track.missing))
        return
    waveform = waveforms.get(None)
    captured = {one.leg for one in line.recording.captures if not one.of_others}
    people = _people(line)
    for key, (party, legs, present) in people.items():
        is_captured = bool(captured & legs)
        beside = [other[2] for one, other in people.items() if one != key and bool(captured & other[1]) == is_captured]
        mixed = common(present, (span for spans in beside for span in spans))
        alone = without(present, mixed)
        side = LEFT if is_captured else RIGHT
        is_known = waveform is not None and len(waveform.voice) > RIGHT and bool(alone)
        spoken = common(waveform.voice[side], alone) if waveform is not None and is_known else None
        yield _said(party.user or "", party.number, party.name, present, spoken, is_partial=bool(mixed))


def _people(line: _Line) -> dict[tuple[str, str, LegId], tuple[Party, set[LegId], list[Span]]]:
    """The participants as they came: one user, or one number without a user, with all their legs. Who has neither is one for each
    leg."""
    people: dict[tuple[str, str, LegId], tuple[Party, set[LegId], list[Span]]] = {}
    for party in line.recording.parties:
        key = (party.user or "", party.number, party.leg if not (party.user or party.number) else LegId(""))
        first, legs, present = people.get(key, (party, set(), []))
        people[key] = first, legs | {party.leg}, joined([*present, line.span(party.from_s, party.to_s)])
    return people


def _said(
    user: str, number: str, name: str, present: Iterable[Span], spoken: Iterable[Span] | None, *, is_partial: bool
) -> Speaking:
    said_s = None if spoken is None else round(length_s(spoken), 3)
    return Speaking(user, number, name, round(length_s(present), 3), said_s, is_partial)
