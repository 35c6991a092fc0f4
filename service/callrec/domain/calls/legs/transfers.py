"""Transfers, pickups and parking, as far as they make legs of one call go on in another.

Within one call a transfer is nothing but legs that enter and leave bridges (`leg_events`), after which `coverage` looks which leg
is captured. Where it joins two calls, `app.calls.call_router` decides which of them goes on, and tells both.
"""

from dataclasses import replace

from callrec.domain.calls import bridges, events
from callrec.domain.calls.captures.coverage import cover
from callrec.domain.calls.captures.stops import request_stops_again
from callrec.domain.calls.journal import Step
from callrec.domain.calls.legs.leg_events import appear, end_call, enter_bridge, remove_leg
from callrec.domain.calls.recordings import await_files, write
from callrec.domain.calls.session import ACTIVE, Change
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import NO_CAUSE, stop_capture


def on_legs_joined(change: Change, event: events.LegsJoined) -> None:
    """Legs of another call come to this one, before any of them is looked at."""
    for leg in event.unbridged:
        appear(change, leg)
    for entered in event.in_bridges:
        enter_bridge(change, entered)
    change.session.from_pause |= event.from_pause
    cover(change)


def on_leg_moved(change: Change, event: events.LegMoved) -> None:
    """A leg goes on in another call."""
    s, leg = change.session, event.leg
    remove_leg(change, leg)
    s.moved |= {leg}
    request_stops_again(change, {leg})
    cover(change)
    if s.capture and s.capture.leg == leg and s.state in ACTIVE:
        apply(change, Trigger.STOP)  # its recorder would go on with what is said in the other call
    await_files(change, leg)


def on_call_merged(change: Change) -> None:
    """All legs go on in another call."""
    s, legs = change.session, list(change.session.legs)
    request_stops_again(change, legs)
    if s.recording and s.state in ACTIVE:  # ended, but no *stopped* is said: the other call may be recorded
        s.recording = replace(s.recording, to_s=change.now.utc_s)
        stop_capture(change, NO_CAUSE)
        write(change, Step.CHANGED)
    s.parties = bridges.part(s.parties, legs, change.happened.utc_s)
    s.moved |= set(legs)
    s.legs, s.bridges, s.had_conversation = {}, {}, True  # they talk in the other call, which explains them
    end_call(change)
    for leg in legs:
        await_files(change, leg)
