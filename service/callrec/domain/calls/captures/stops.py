"""Recorders that shall end: each is asked to stop until its files are closed or its leg is gone.

Asterisk may refuse a stop, or may not be reached. The stop of the current capture is the state table's: a press waits for its
outcome, and what fails twice is withdrawn. Every other recorder that shall end would be forgotten: an earlier capture of the
recorded leg, a partner's, one whose recording is set aside, one on a leg that goes on in another call, any in an absence, and
one that could not be muted in a pause. It would write what must not be kept, or the same as its successor. So each stop has a
deadline, after which it is requested again; the time between doubles.
"""

from collections.abc import Collection
from dataclasses import replace

from callrec.domain.backoff import Backoff
from callrec.domain.calls.commands import Alarm, Arm, CloseCapture
from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import ROUNDING_S, Capture
from callrec.domain.calls.session import Change, Session, State, StopRequest
from callrec.domain.vocabulary import AlarmCause


def ask_to_stop(change: Change, capture: Capture) -> None:
    """Stop exactly this recorder, and look later whether it has stopped."""
    s, limits = change.session, change.session.terms.limits
    times = s.stops[capture.id].times + 1 if capture.id in s.stops else 1
    after_s = Backoff(limits.stop_s, limits.retry_most_s).delay_s(times)
    s.stops = {**s.stops, capture.id: StopRequest(times, change.now.mono_s + after_s)}
    change.commands += [CloseCapture(capture), Arm(Wait.STOP, capture.id, after_s)]


def note_refused_stop(change: Change, capture: CaptureId) -> None:
    """Asterisk says no, or nothing: the recorder goes on."""
    s = change.session
    if capture in s.stops:
        s.stops = {**s.stops, capture: replace(s.stops[capture], is_refused=True)}


def take_back(change: Change, capture: CaptureId) -> None:
    """The recorder may go on: no stop of it is due any more."""
    s = change.session
    s.stops = {key: request for key, request in s.stops.items() if key != capture}
    s.ending -= {capture}


def note_closed(change: Change, capture: CaptureId) -> None:
    """Nothing writes its files any more."""
    change.session.open_captures -= {capture}
    change.session.unconfirmed_starts -= {capture}
    take_back(change, capture)


def on_stop_overdue(change: Change, capture: CaptureId) -> None:
    """The deadline of a stop: ask again. That of an earlier stop is late news."""
    s, now_s = change.session, change.now.mono_s
    one, request = s.find(capture), s.stops.get(capture)
    if one is not None and _lingers(s, one) and (request is None or now_s >= request.due_mono_s - ROUNDING_S):
        change.commands.append(Alarm(AlarmCause.STOP_OVERDUE, capture))
        ask_to_stop(change, one)


def request_stops_again(change: Change, legs: Collection[LegId]) -> None:
    """Ask at once: the link is back, and stops may have been lost with it; or these legs go on in another call."""
    for capture in change.session.captures():
        if capture.leg in legs and _lingers(change.session, capture):
            ask_to_stop(change, capture)


def _lingers(session: Session, capture: Capture) -> bool:
    """Whether this recorder shall have ended and may be at work, and no state speaks of it."""
    if not session.may_grow(capture):
        return False
    if session.is_current(capture.id):
        return is_retried_here(session, capture.id)
    return not capture.is_partner or capture.id in session.ending


def is_retried_here(session: Session, capture: CaptureId) -> bool:
    """Whether a stop of it that fails is requested again here, and by no row of the state table: not at once, but later."""
    if not session.is_current(capture):
        return True
    return session.state is State.ABSENT or (session.state is State.PAUSED and capture in session.stops)
