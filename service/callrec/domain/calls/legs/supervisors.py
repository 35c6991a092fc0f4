"""Supervisors: those who listen in on a leg by ChanSpy or ExtenSpy, and may speak to it (whisper) or to both sides (barge).

They are in no bridge. The manifest names them as participants, from when to when they were there. What they say reaches a phone
behind the place at which a MixMonitor takes its copy (audiohook.c: audio_audiohook_write_list, spies before whispers), so no
recorder on that leg has it: while one who may speak is on a leg of the recorded conversation, the recording lacks what they
may say (`supervisor`).
"""

from dataclasses import replace

from callrec.domain.calls import bridges
from callrec.domain.calls.events import SupervisorCame, SupervisorLeft
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import Heard, Missing
from callrec.domain.calls.recordings import write
from callrec.domain.calls.session import ACTIVE, CAPTURING, Change, Session, Supervision

CAUSE = "supervisor"


def on_supervisor_came(change: Change, event: SupervisorCame) -> None:
    """A supervisor listens in on a leg."""
    s = change.session
    if event.leg in s.legs:
        s.supervisors = {**s.supervisors, event.supervisor.id: Supervision(event.leg, event.may_speak)}
        s.parties = bridges.join(s.parties, event.supervisor, change.happened.utc_s)
        write(change, Step.CHANGED)


def on_supervisor_left(change: Change, event: SupervisorLeft) -> None:
    """A supervisor listens no more."""
    s = change.session
    if {event.supervisor, event.leg} & set(s.supervisors):
        s.supervisors = {leg: one for leg, one in s.supervisors.items() if leg not in {event.supervisor, event.leg}}
        s.parties = bridges.part(s.parties, {event.supervisor}, change.happened.utc_s)
        write(change, Step.CHANGED)


def note_supervisors(change: Change) -> None:
    """After every event: a supervisor's words begin or cease to be missing in the recording."""
    s, at_s = change.session, change.happened.utc_s
    if s.recording is None or s.state not in ACTIVE:
        return
    is_missing = any(one.lasts for one in s.recording.missing)
    if is_missing == _may_be_spoken_to(s):
        return
    # Until its end is known it is as long as nothing: a daemon that dies meanwhile leaves the entry *partial* all the same
    before = tuple(one.ended(at_s) for one in s.recording.missing)
    begun = () if is_missing else (Missing(at_s, at_s, CAUSE, Heard.HEARS),)
    s.recording = replace(s.recording, missing=(*before, *begun))
    write(change, Step.CHANGED)


def _may_be_spoken_to(s: Session) -> bool:
    """Whether one who may speak is on a leg of the recorded conversation. After a restart its bridge is not known at once."""
    if s.capture is None or s.state not in CAPTURING:
        return False
    heard = {leg.id for leg in s.members(s.capture.leg)}
    return any(one.may_speak and (one.leg in heard or who == one.leg) for who, one in s.supervisors.items())
