"""Pauses: nothing that is said in one is written to a file.

Theory. Asterisk mutes a recorder that is at work, and confirms it. So a pause is *proven* when every recorder of the call that
may be at work is confirmed to be muted, or has closed its files; until then the call is not called paused. A recorder
that cannot be muted is stopped, and asked again until it has stopped (`stops`). No recorder begins in a pause: after a transfer,
or where the muted one broke off, the recording keeps its place on a leg, and its next capture begins with the resume
(`transitions.open_capture`). What a recorder writes in spite of all this is cut out of the stored file by the time line
(`library.assessment`).

Every leg of a paused conversation carries a note, which says since when. So the dialplan begins no recorder there while the
daemon is away, and a new daemon knows that the call is paused, also where the journal does not say it yet.
"""

from dataclasses import replace

from callrec.domain.calls.announcements.who_is_told import announce, answer
from callrec.domain.calls.captures.coverage import cover
from callrec.domain.calls.captures.stops import ask_to_stop
from callrec.domain.calls.commands import Alarm, NotePause, Tell
from callrec.domain.calls.events import CaptureMuted, MuteRefused
from callrec.domain.calls.ids import LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import ROUNDING_S, SYSTEM
from callrec.domain.calls.recordings import note_capture, write
from callrec.domain.calls.session import Change, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import NO_CAUSE, Cause, await_end_of_pause, mute, note_muted_rest
from callrec.domain.vocabulary import AlarmCause, CallFact, Outcome

TIMED, TOO_LONG = "timed", "longest-pause"
"""The reasons of a pause that ends by itself: as it was asked for, or at the longest time that the setting allows."""


def on_capture_muted(change: Change, event: CaptureMuted) -> None:
    """Asterisk confirms that this capture is muted, or no more."""
    s = change.session
    if event.muted:
        s.muted |= {event.capture}
        return
    s.muted -= {event.capture}
    if s.is_current(event.capture) and s.is_resuming:
        before = s.recording
        note_muted_rest(change)
        if s.recording is not before:
            write(change, Step.CHANGED)
        apply(change, Trigger.UNMUTED)


def on_mute_refused(change: Change, event: MuteRefused) -> None:
    """Whether the recorder is muted is not known. In a pause it is stopped; after one a further capture takes its place."""
    s, capture = change.session, change.session.find(event.capture)
    if capture is None or capture.id not in s.open_captures or not s.lives(capture.leg):
        return
    alarm = f"{AlarmCause.MUTE_CAPTURE}: {event.cause}"
    if event.muted and s.state is State.PAUSED:
        answer(change, Outcome.NOT_PAUSED)
        if s.is_current(capture.id):
            apply(change, Trigger.FAULT, Cause(alarm=alarm))
        elif capture.id not in s.stops:
            ask_to_stop(change, capture)
    elif not event.muted and s.is_wanted(capture.id) and s.is_resuming:
        note_capture(change, capture.id, cause=event.cause)
        s.faults += 1
        apply(change, Trigger.FAULT, Cause(alarm=alarm))  # also a further one: the next recorder was never muted


def prove_pause(change: Change) -> None:
    """After every event: as soon as every recorder is muted or closed, the pause is announced to its participants."""
    s = change.session
    if s.state is not State.PAUSED or s.recording is None or not s.recording.is_paused or not s.is_silenced:
        return
    *before, last = s.recording.pauses
    if last.is_proven:
        return
    s.recording = replace(s.recording, pauses=(*before, replace(last, is_proven=True)))
    answer(change, Outcome.PAUSED)
    announce(change, Outcome.PAUSED)
    write(change, Step.CHANGED)
    change.commands.append(Tell(CallFact.PAUSED, s.recording))


def on_end_of_pause(change: Change) -> None:
    """End the pause, if it is this one's deadline: an earlier pause may have ended long ago, and this one be new.

    Should a stop that policy wanted have failed in it, it is asked for again before anybody is heard.
    """
    cover(change)
    s = change.session
    if s.state is not State.PAUSED or s.recording is None:
        return
    pause = s.recording.pauses[-1]
    if change.now.utc_s - pause.from_s < s.pause_most_s - ROUNDING_S:
        return
    is_timed = pause.most_s is not None and pause.most_s <= s.terms.limits.pause_s
    if not is_timed:
        change.commands.append(Alarm(AlarmCause.PAUSE_TOO_LONG, s.capture.id if s.capture else None))
    resume(change, Cause(actor=SYSTEM, reason=TIMED if is_timed else TOO_LONG))


def resume(change: Change, cause: Cause) -> None:
    """End the pause, where the recording goes on at this moment. Policy may want its end instead."""
    cover(change)
    apply(change, Trigger.RESUME, cause)


def secure_pause(change: Change) -> None:
    """The link to Asterisk is back, or the daemon is new: what may not be muted is muted again."""
    if change.session.state is State.PAUSED:
        mute(change, NO_CAUSE)
        await_end_of_pause(change, NO_CAUSE)


def note_paused_legs(change: Change) -> None:
    """After every event: the legs that talk in a paused call carry the note, until it ends or they go on in another call."""
    s = change.session
    talking, since_s = frozenset[LegId](), None
    if s.state is State.PAUSED and s.recording and s.recording.is_paused and s.capture:
        talking = frozenset(leg.id for leg in s.members(s.capture.leg))
        since_s = s.recording.pauses[-1].from_s
    gone = s.pause_noted if since_s is None else s.pause_noted & s.moved
    if news := tuple(sorted(talking - s.pause_noted)):
        change.commands.append(NotePause(news, since_s))
    if left := tuple(sorted(leg for leg in gone if s.lives(leg))):
        change.commands.append(NotePause(left, None))
    s.pause_noted = (s.pause_noted | talking) - gone
