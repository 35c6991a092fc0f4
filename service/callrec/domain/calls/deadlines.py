"""What a call does when something that it waited for has not come, and when the link to Asterisk is back."""

from callrec.domain.calls import bridges, events
from callrec.domain.calls.announcements.prompt_first import await_announcement
from callrec.domain.calls.announcements.who_is_told import on_time_to_tell_again
from callrec.domain.calls.captures.capture_events import current_capture_stopped, fail
from callrec.domain.calls.captures.coverage import cover
from callrec.domain.calls.captures.stops import is_retried_here, on_stop_overdue, request_stops_again
from callrec.domain.calls.commands import Examine
from callrec.domain.calls.controls.pauses import on_end_of_pause, secure_pause
from callrec.domain.calls.events import Wait
from callrec.domain.calls.model import Capture
from callrec.domain.calls.recordings import hand_over_closed, note_capture
from callrec.domain.calls.session import ACTIVE, APPLICATION, Change, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import NO_CAUSE, Cause, may_be_reopened
from callrec.domain.vocabulary import AlarmCause


def on_deadline_passed(change: Change, event: events.DeadlinePassed) -> None:
    """A deadline of a capture that is no longer the current one is late news, but for that of its stop."""
    s = change.session
    match event.wait:
        case Wait.SETTLE:
            hand_over_closed(change, event.capture)
        case Wait.PAUSE:
            on_end_of_pause(change)
        case Wait.TELL_AGAIN:
            on_time_to_tell_again(change)
        case Wait.RETRY if s.state is State.FAILED:
            cover(change)
        case Wait.FAR_HALF:
            cover(change)
        case Wait.STOP if event.capture is not None and is_retried_here(s, event.capture):
            on_stop_overdue(change, event.capture)
        case _ if s.capture and s.capture.id == event.capture:
            _on_overdue(change, event.wait, s.capture)


def on_resync_ended(change: Change) -> None:
    """The link is back. Deadlines may have been lost with a former daemon: what the state waits for is armed again."""
    s, limits = change.session, change.session.terms.limits
    s.is_resyncing = False
    here = {*s.legs, *s.supervisors}
    gone = {party.leg for party in s.parties if party.leg not in here and not party.leg.startswith(APPLICATION)}
    s.parties = bridges.part(s.parties, gone, change.happened.utc_s)
    cover(change)
    request_stops_again(change, {*s.legs, *s.moved})
    secure_pause(change)
    match s.state:
        case State.ANNOUNCING:
            await_announcement(change, NO_CAUSE)
        case State.STARTING:
            change.arm(Wait.OPEN, limits.open_s)
        case State.OPENED:
            change.arm(Wait.GROWTH, limits.growth_s)
        case State.STOPPING:
            change.arm(Wait.STOP, limits.stop_s)


def _on_overdue(change: Change, wait: Wait, capture: Capture) -> None:
    """What was waited for has not come. A leg that is gone explains everything but a stop."""
    s = change.session
    if wait is Wait.STOP and s.state is State.STOPPING:
        if s.may_grow(capture):
            fail(change, capture.id, AlarmCause.STOP_OVERDUE)
        else:
            current_capture_stopped(change)
        return
    if capture.leg not in s.legs or s.state not in ACTIVE or s.is_undecodable:
        return
    match wait:
        case Wait.OPEN if not capture.mixmonitor:
            fail(change, capture.id, AlarmCause.FILE_NOT_OPENED)
        case Wait.GROWTH if s.is_waiting:  # there is nothing to write until they talk again
            change.arm(Wait.GROWTH, s.terms.limits.growth_s)
        case Wait.GROWTH if s.state in (State.OPENED, State.SUSPECT) and s.proven != capture.id:
            change.commands.append(Examine(capture))
        case Wait.RETRY if s.state is State.SUSPECT and may_be_reopened(s):
            apply(change, Trigger.FAULT, Cause(alarm=capture.cause))
        case Wait.LOST if capture.id not in s.open_captures and (not capture.cause or s.state is State.SUSPECT):
            note_capture(change, capture.id, cause=AlarmCause.STOPPED_BY_ANOTHER)
            apply(change, Trigger.LOST, Cause(alarm=AlarmCause.STOPPED_BY_ANOTHER))
        case Wait.LET_GO if capture.id not in s.open_captures:
            apply(change, Trigger.LOST, Cause(alarm=AlarmCause.DEAF_LEG))
