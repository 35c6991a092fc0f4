"""Tracks: each participant of a recording has a file of their own (setting `CALLREC_TRACKS=participants`).

Theory. Of two who talk, the recorded leg's recorder has both voices apart: what it says, what it hears. Of more, what it hears is
a mix. So as soon as a third is in the recorded conversation, a recorder begins on the leg of each of the others
(`partner_captures`, which has the one recorder of a leg for this and for a deaf leg), and goes on while that leg is in the
conversation, also when only two are left: each change of the source is a seam. It ends with a pause, with a rule *never*, and
where its leg leaves.

Which source holds whose voice, and when, follows from who was in the recorded conversation. That is noted in the recording, and
journaled with each change (`Recording.presences`): the parties of the manifest do not tell it, since they take part in the
*call*. `domain.library.tracks` makes the tracks of it.
"""

from collections.abc import Mapping
from dataclasses import replace

from callrec.domain.calls.commands import Write
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Presence, Recording
from callrec.domain.calls.recordings import write
from callrec.domain.calls.session import ACTIVE, APPLICATION, CAPTURING, Change, Session, State

MIXED = 2
"""As many others make what the recorded leg hears a mix."""


def note_presences(change: Change) -> None:
    """After every event: note who is in the recorded conversation, where the recording has tracks."""
    s, at_s = change.session, change.happened.utc_s
    if s.recording is None or s.recording.presences is None:
        return
    if (
        s.recording.to_s is not None and s.state is not State.ABSENT
    ):  # it ends: so do they, unless the stop is withdrawn
        return
    known, here = s.recording.presences, _here(s)
    there = {one.leg for one in known if one.to_s is None}
    if s.is_resyncing:
        here |= there
    if here == there:
        return
    ended = tuple(
        replace(one, to_s=max(one.from_s, at_s)) if one.to_s is None and one.leg not in here else one for one in known
    )
    begun = tuple(Presence(leg, at_s) for leg in sorted(here - there))
    s.recording = replace(s.recording, presences=(*ended, *begun))


def journal_presences(change: Change, before: Recording | None) -> None:
    """Journal who is in the conversation, where that has changed since `before` and no entry has it yet: the entry that precedes
    a new capture does, and a second write would only delay it."""
    recording = change.session.recording
    if recording is None or recording.presences is None or (before and before.presences == recording.presences):
        return
    written = (one.entry.recording for one in change.commands if isinstance(one, Write))
    if not any(one.id == recording.id and one.presences == recording.presences for one in written):
        write(change, Step.CHANGED)


def tracked(session: Session) -> Mapping[LegId, float]:
    """The partners whose own leg is captured for their tracks, each with the instant since when they are in the conversation."""
    recording, capture = session.recording, session.capture
    if recording is None or recording.presences is None or capture is None:
        return {}
    if session.state not in CAPTURING or session.is_protected(capture.leg):
        return {}
    others = set(session.phones(capture.leg)) - {capture.leg}
    if len(others) < MIXED:
        others &= _running(session, recording)
    return {one.leg: one.from_s for one in recording.presences if one.to_s is None and one.leg in others}


def _running(session: Session, recording: Recording) -> set[LegId]:
    """The legs that are captured for a track."""
    at_work = session.open_captures - session.ending
    return {one.leg for one in recording.partner_captures if one.id in at_work and one.track_s is not None}


def _here(session: Session) -> set[LegId]:
    """Who is in the recorded conversation: its legs, and the application with which its user talks."""
    capture, recording = session.capture, session.recording
    if capture is None or recording is None or session.state not in ACTIVE:
        return set()
    here = set(session.phones(capture.leg))
    if session.application == capture.leg:
        here |= {one.leg for one in session.parties if one.to_s is None and one.leg.startswith(APPLICATION)}
    return here
