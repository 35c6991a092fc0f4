"""What becomes of a recording when its captures open, grow, stall, close or are refused."""

from dataclasses import replace

from callrec.domain.calls import events
from callrec.domain.calls.announcements.who_is_told import answer
from callrec.domain.calls.captures.coverage import cover
from callrec.domain.calls.captures.deaf_recorders import LET_GO_S
from callrec.domain.calls.captures.partner_captures import on_partner_capture_lost
from callrec.domain.calls.captures.stops import ask_to_stop, is_retried_here, note_closed, note_refused_stop
from callrec.domain.calls.commands import Examine
from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import CaptureId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.legs.undecodable_legs import is_undecodable, on_undecodable
from callrec.domain.calls.model import GrowthMark, RtpGap
from callrec.domain.calls.recordings import hand_over_closed, note_capture, note_mark, note_rtp_gap, write
from callrec.domain.calls.session import ACTIVE, CAPTURING, Change, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause, note_muted_rest
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause, Outcome


def on_capture_opened(change: Change, event: events.CaptureOpened) -> None:
    """Asterisk has opened the capture's files."""
    note_capture(change, event.capture, mixmonitor=event.mixmonitor)
    note_mark(change, event.capture, GrowthMark(0, change.happened.utc_s))
    s = change.session
    if s.is_wanted(event.capture):
        note_muted_rest(change)
        apply(change, Trigger.OPENED)
        write(change, Step.OPENED)  # after the answer: the presser's leg is mute until then, and the intent is on disk
    elif (capture := s.find(event.capture)) and capture.id in s.open_captures:
        if capture.is_partner and capture.id not in s.ending:
            write(change, Step.CHANGED)
        else:
            ask_to_stop(change, capture)  # it was stopped before it began: now there is something to stop


def on_capture_grew(change: Change, event: events.CaptureGrew) -> None:
    """The files grow: only now it is proven that something is recorded."""
    s, capture = change.session, event.capture
    if s.is_current(capture) and capture in s.open_captures:
        s.proven = capture
        if capture not in (*s.muted, *s.stops) and not s.is_resuming:  # a muted one grows by silence
            apply(change, Trigger.GREW)


def on_capture_marked(change: Change, event: events.CaptureMarked) -> None:
    """A growth mark. It is not worth a write of its own: a daemon that is killed loses some of the exactness of the time line."""
    note_mark(change, event.capture, GrowthMark(event.samples, change.happened.utc_s - event.ago_s))


def on_rtp_stood_still(change: Change, event: events.RtpStoodStill) -> None:
    """There was nothing to write for a while. Not worth a write of its own, either."""
    told, utc_offset_s = event.gap, change.happened.utc_s - change.happened.mono_s
    since_s, until_s = (None if at_s is None else at_s + utc_offset_s for at_s in (told.since_s, told.until_s))
    note_rtp_gap(change, event.capture, RtpGap(told.from_s + utc_offset_s, told.to_s + utc_offset_s, since_s, until_s))


def on_capture_quiet(change: Change, event: events.CaptureQuiet) -> None:
    """The files have not grown for a while: find out whether there is sound that they should hold."""
    s, capture = change.session, event.capture
    if s.capture and s.capture.id == capture and s.state in (State.OPENED, State.RECORDING) and not s.is_waiting:
        change.commands.append(Examine(s.capture))


def on_capture_stalled(change: Change, event: events.CaptureStalled) -> None:
    """There is sound that the files should hold."""
    s, capture = change.session, event.capture
    if not s.is_current(capture):
        return
    is_new = s.proven != capture
    s.proven = None
    if s.state is State.RECORDING:
        note_capture(change, capture, cause=AlarmCause.STALLED)
        apply(change, Trigger.STALLED, Cause(alarm=AlarmCause.STALLED))
    elif s.state in (State.OPENED, State.SUSPECT) and is_new:
        fail(change, capture, AlarmCause.FILE_NOT_GROWING)


def on_capture_closed(change: Change, event: events.CaptureClosed) -> None:
    """The files are closed. When no stop was requested, a hangup may explain it: that is waited for."""
    s, capture = change.session, event.capture
    if capture not in s.open_captures:
        return
    was_ending = capture in s.ending
    note_closed(change, capture)
    note_capture(change, capture, to_s=change.happened.utc_s - event.ago_s)
    if s.is_wanted(capture):
        if s.capture and s.capture.cause == AlarmCause.DEAF_LEG:  # it was stopped so that its successor hears
            change.arm(Wait.LET_GO, LET_GO_S)
        elif s.capture and not is_undecodable(s.capture.cause):  # otherwise it was stopped on purpose
            change.arm(Wait.LOST, s.terms.limits.lost_s)
    elif s.is_current(capture):
        current_capture_stopped(change)
    elif (partner := s.find(capture)) and partner.is_partner and not was_ending and partner.leg in s.legs:
        on_partner_capture_lost(change, partner, AlarmCause.STOPPED_BY_ANOTHER)
    hand_over_closed(change)


def current_capture_stopped(change: Change) -> None:
    """The current capture has come to its end; what policy wants meanwhile begins."""
    is_end = change.session.state is State.STOPPING
    apply(change, Trigger.CLOSED)
    if is_end:
        cover(change)


def on_capture_stopped(change: Change, event: events.CaptureStopped) -> None:
    """A press ended the capture while the daemon could not be asked. What policy wants goes on, and the entry tells the gap: no
    press may end it."""
    s, capture = change.session, event.capture
    if not s.is_wanted(capture) or capture in s.open_captures:
        return
    if s.recording is not None and s.recording.rule is Rule.ALWAYS and s.state in CAPTURING:
        note_capture(change, capture, cause=AlarmCause.STOPPED_BY_ANOTHER)
        apply(change, Trigger.LOST, Cause(alarm=AlarmCause.STOPPED_BY_ANOTHER))
        return
    if s.recording is not None and s.capture is not None and not s.recording.is_paused:
        s.recording = replace(s.recording, to_s=s.capture.to_s)
    apply(change, Trigger.STOP)
    cover(change)  # what policy wants of the others begins


def on_capture_refused(change: Change, event: events.CaptureRefused) -> None:
    """A command about the capture was refused. A refused stop leaves the capture running."""
    s, capture = change.session, change.session.find(event.capture)
    if capture is None:
        return
    is_lost = capture.is_partner and capture.id in s.open_captures - s.ending
    if event.may_be_at_work:
        s.unconfirmed_starts |= {capture.id}
    elif not capture.mixmonitor:  # it never began
        note_closed(change, capture.id)
        note_capture(change, capture.id, cause=event.cause, to_s=capture.from_s)
    note_refused_stop(change, capture.id)
    if is_lost and capture.leg in s.legs:
        on_partner_capture_lost(change, capture, event.cause)
    if is_retried_here(s, capture.id):
        hand_over_closed(change)
    elif s.state is State.STOPPING and not s.may_grow(capture):
        current_capture_stopped(change)
    elif is_undecodable(event.cause):
        on_undecodable(change, capture, event.cause)
    elif s.lives(capture.leg):  # a leg that is gone explains it
        if event.unavailable:
            answer(change, Outcome.UNAVAILABLE)
            s.faults += 1  # counts as tried: Asterisk is away, so a retry at once would fail too
        fail(change, capture.id, event.cause)


def fail(change: Change, capture: CaptureId, cause: str) -> None:
    """The current capture has a fault: a first one is tried again, a further one is not."""
    s = change.session
    if s.state in ACTIVE:
        note_capture(change, capture, cause=cause)
    s.faults += 1
    apply(change, Trigger.FAULT if s.faults == 1 else Trigger.FAULT_AGAIN, Cause(alarm=cause))
