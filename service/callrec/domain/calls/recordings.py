"""A call's recordings, from the first journal entry to the hand-over.

A recording that has ended is set aside until its files are closed: only then the finalizer may read them. News of a capture
may come late, so a capture is looked for in what is set aside, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from callrec.domain.calls.announcements.who_was_told import with_untold
from callrec.domain.calls.bridges import CONVERSATION
from callrec.domain.calls.commands import Alarm, Arm, HandOver, Tell, Write
from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import CaptureId, LegId, capture_id, recording_id
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import (
    Actor,
    Capture,
    Direction,
    GrowthMark,
    Hearing,
    Leg,
    Party,
    Recording,
    RtpGap,
    WaitingKind,
)
from callrec.domain.calls.policy import Tracks
from callrec.domain.calls.session import APPLICATION, Change, Session
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause, CallFact

MARKS = 500
"""The most growth marks, and gaps of RTP, of a capture: hours in which a phone's clock is bad, or a busy machine writes late."""
_UNKNOWN_RATE_HZ = 16000
"""For a leg whose rate is not known: wide enough for both rates, so nothing is lost."""


def new_recording(change: Change, rule: Rule, actor: Actor) -> Recording:
    """An empty recording with the call's next number. What is known of participants in an earlier one is none of it."""
    s = change.session
    s.recordings, s.faults, s.counted, s.told_times, s.tell_again = s.recordings + 1, 0, {}, {}, frozenset()
    s.met, s.parties = {}, tuple(replace(party, quality=None) for party in s.parties)
    begun = change.happened
    return Recording(
        recording_id(s.call, s.recordings),
        s.call,
        s.linkedid,
        s.node,
        rule,
        actor,
        begun.utc_s,
        mono_s=begun.mono_s,
        presences=() if s.terms.tracks is Tracks.PARTICIPANTS else None,
    )


def next_capture(session: Session, recording: Recording, leg: Leg, from_s: float) -> Capture:
    """A further capture of the recording on this leg, with the rate of the leg, as far as it is known."""
    nth = len(recording.all_captures) + 1
    rate_hz = session.rates_hz.get(leg.id, _UNKNOWN_RATE_HZ)
    return Capture(capture_id(recording.id, nth), leg.id, leg.channel, rate_hz, from_s)


def note_capture(
    change: Change, capture: CaptureId, *, mixmonitor: str = "", cause: str = "", to_s: float | None = None
) -> None:
    """Note what became known about a capture, wherever its recording is by now. What is already known stays.

    News that come late may tell of an end before its beginning: it never began then.
    """

    def noted(one: Capture) -> Capture:
        if one.id != capture:
            return one
        ended_s = max(to_s, one.from_s) if one.to_s is None and to_s is not None else one.to_s
        return replace(one, mixmonitor=one.mixmonitor or mixmonitor, cause=one.cause or cause, to_s=ended_s)

    _change_captures(change, noted)


def note_mark(change: Change, capture: CaptureId, mark: GrowthMark) -> None:
    """Note a growth mark of a capture. Of too many the one that tells least gives way."""

    def marked(one: Capture) -> Capture:
        if one.id != capture or any(mark.samples <= known.samples for known in one.marks):
            return one
        marks = (*one.marks, mark)
        return replace(one, marks=marks if len(marks) <= MARKS else _thinned(marks))

    _change_captures(change, marked)


def note_rtp_gap(change: Change, capture: CaptureId, gap: RtpGap) -> None:
    """Note that nothing was to be written, or how long that lasts by now. Of too many the shortest gives way."""

    def noted(one: Capture) -> Capture:
        if one.id != capture:
            return one
        gaps = (*(known for known in one.rtp_gaps if known.to_s < gap.from_s), gap)
        if len(gaps) > MARKS:
            shortest = min(gaps, key=lambda known: known.to_s - known.from_s)
            gaps = tuple(known for known in gaps if known is not shortest)
        return replace(one, rtp_gaps=gaps)

    _change_captures(change, noted)


def _thinned(marks: Sequence[GrowthMark]) -> tuple[GrowthMark, ...]:
    """These without the one that tells least: it lies nearest to steady writing from the one before it to the one after it."""

    def told_s(nth: int) -> float:
        before, mark, after = marks[nth - 1 : nth + 2]
        part = (mark.samples - before.samples) / (after.samples - before.samples)
        return abs(mark.at_s - before.at_s - part * (after.at_s - before.at_s))

    least = min(range(1, len(marks) - 1), key=told_s)
    return (*marks[:least], *marks[least + 1 :])


def _change_captures(change: Change, changed: Callable[[Capture], Capture]) -> None:
    def in_recording(recording: Recording) -> Recording:
        return replace(
            recording,
            captures=tuple(map(changed, recording.captures)),
            partner_captures=tuple(map(changed, recording.partner_captures)),
        )

    s = change.session
    s.recording = in_recording(s.recording) if s.recording else None
    s.set_aside = tuple(map(in_recording, s.set_aside))


def end_captures_of(change: Change, leg: LegId) -> None:
    """The leg is gone: its recorders have nothing to write any more, whenever Asterisk closes their files."""
    for capture in change.session.captures():
        if capture.leg == leg and capture.id in change.session.open_captures:
            note_capture(change, capture.id, to_s=change.happened.utc_s)


def write(change: Change, step: Step) -> None:
    """Journal the current recording."""
    s = change.session
    if s.recording:
        s.recording = with_parties(change, s.recording)
        change.commands.append(Write(Entry(step, s.recording)))


# -- what has ended ----------------------------------------------------------------------------------------------------


def hand_over_closed(change: Change, overdue: CaptureId | None = None) -> None:
    """Hand over what was set aside and is closed; at its deadline (`overdue`) also what no living recorder can write to.

    A recorder that lives in spite of its stop is asked again (`stops`), and its leg's end is waited for.
    """
    s = change.session
    waiting = []
    for recording in s.set_aside:
        is_overdue = overdue is not None and any(one.id == overdue for one in recording.all_captures)
        growing = [one for one in recording.all_captures if s.may_grow(one)]
        is_closed = not s.is_written(recording) or (is_overdue and not growing)
        if is_closed and recording.id != s.failed:
            deliver(change, recording)
            continue
        waiting.append(recording)
        if is_overdue:
            change.commands += [Alarm(AlarmCause.CAPTURE_NOT_CLOSING, one.id) for one in growing]
    s.set_aside = tuple(waiting)


def end_failed(change: Change) -> None:
    """A recording that could not go on ends: the next one begins, the call is over, or policy does not want it any more."""
    s, aside = change.session, []
    if s.failed is None:
        return
    for one in s.set_aside:
        if one.id != s.failed:
            aside.append(one)
            continue
        aside.append(with_parties(change, replace(one, to_s=change.happened.utc_s)))
        if s.is_written(one):
            change.commands.append(Arm(Wait.SETTLE, one.captures[-1].id, s.terms.limits.settle_s))
    s.set_aside, s.failed = tuple(aside), None
    hand_over_closed(change)


def await_files(change: Change, leg: LegId) -> None:
    """The leg is gone: what was set aside with a capture on it can be handed over soon."""
    s = change.session
    for recording in s.set_aside:
        if any(capture.leg == leg for capture in recording.all_captures):
            change.commands.append(Arm(Wait.SETTLE, recording.captures[-1].id, s.terms.limits.settle_s))


def deliver(change: Change, recording: Recording) -> None:
    """The recording is complete: journal it as ended, and give it to the finalizer."""
    done = _ended(change, recording)
    change.commands += [Write(Entry(Step.ENDED, done)), HandOver(done), Tell(CallFact.RECORDING_ENDED, done)]


def note_met(change: Change) -> None:
    """After every event: note who is in the recorded conversation now."""
    change.session.met = _met(change)


def _met(change: Change) -> Mapping[LegId, float]:
    """Who was in a recorded conversation, and since when first. A leg that talks with the partner while the recorded user is on
    hold does not count."""
    s = change.session
    if s.capture is None or s.recording is None or s.recording.to_s is not None:
        return s.met
    legs = {leg.id for leg in s.members(s.capture.leg)}
    legs |= {supervisor for supervisor, one in s.supervisors.items() if one.leg in legs}
    legs |= {party.leg for party in s.parties if party.to_s is None and party.leg.startswith(APPLICATION)}
    return {**dict.fromkeys(legs, change.happened.utc_s), **s.met}


def with_parties(change: Change, recording: Recording) -> Recording:
    """The recording with those who talked in it: the presser first, or the caller; the others as they came."""
    s = change.session
    end_s = change.now.utc_s if recording.to_s is None else recording.to_s
    met = _met(change) if recording.captures else {party.leg: party.from_s for party in s.parties}
    absences = [
        (one.from_s, one.to_s)
        for one in recording.waiting
        if one.kind is WaitingKind.ABSENT and one.to_s is not None  # nothing was captured in these
    ]
    present = [
        party if party.from_s >= met[party.leg] else replace(party, from_s=met[party.leg])
        for party in s.parties
        if party.leg in met
        and party.from_s <= end_s
        and (party.to_s is None or party.to_s >= max(recording.from_s, met[party.leg]))
        and not _was_there_within(party, absences)
    ]
    caller = {leg.id for leg in s.seen.values() if leg.direction is Direction.OUT}
    firsts = {recording.actor.leg} if recording.actor.leg else caller
    first = next((party for party in present if party.leg in firsts), None)
    if first is not None:
        present = [first, *(party for party in present if party is not first)]
    return replace(recording, parties=_with_dialled(change, tuple(present)) or recording.parties)


def _was_there_within(party: Party, spans: Sequence[tuple[float, float]]) -> bool:
    """Whether one of these has all of the time in which they took part."""
    return party.to_s is not None and any(from_s <= party.from_s and party.to_s <= to_s for from_s, to_s in spans)


def _with_dialled(change: Change, parties: tuple[Party, ...]) -> tuple[Party, ...]:
    """A program that is a user's only partner (a bot of ARI) has no number of its own, but the one that was dialled."""
    legs = change.session.seen.values()
    programs = {leg.id for leg in legs if leg.is_media}
    dialled = next((leg.dialled for leg in legs if leg.dialled), "")
    real = tuple(party for party in parties if not party.leg.startswith(APPLICATION))
    if len(real) != CONVERSATION or not any(party.leg in programs for party in real):
        return parties
    return tuple(replace(party, number=party.number or dialled) if party.leg in programs else party for party in real)


def _ended(change: Change, recording: Recording) -> Recording:
    """The recording as the finalizer gets it: every time has its end, and nothing begins before the recording or outlasts it."""
    now_s = change.now.utc_s
    recording = replace(recording, hearings=_with_untold(change, recording))
    to_s = max(recording.from_s, now_s if recording.to_s is None else recording.to_s)
    is_place_unknown = any(leg.is_place_unknown for leg in change.session.seen.values())
    recording = replace(recording, is_place_unknown=is_place_unknown)
    return recording.closed(to_s, lambda one: replace(one, to_s=now_s) if one.to_s is None else one)


def _with_untold(change: Change, recording: Recording) -> tuple[Hearing, ...]:
    """Where somebody was to be told that they are recorded, the manifest says of each phone whether it was."""
    if not recording.hearings:
        return ()
    phones = {leg.id for leg in change.session.seen.values() if not leg.is_local}
    return with_untold(
        recording.hearings, [(party.leg, party.from_s) for party in recording.parties if party.leg in phones]
    )
