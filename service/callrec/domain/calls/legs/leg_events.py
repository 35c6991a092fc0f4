"""What becomes of a call when its legs come, enter and leave bridges, and hang up.

A leg that goes on in another call, and two calls that become one, are in `transfers`.
"""

from dataclasses import replace

from callrec.domain.calls import bridges, events
from callrec.domain.calls.announcements.who_is_told import answer
from callrec.domain.calls.bridges import CONVERSATION
from callrec.domain.calls.captures.coverage import cover, stop_for_never
from callrec.domain.calls.ids import BridgeId, LegId
from callrec.domain.calls.legs.undecodable_legs import note_audio
from callrec.domain.calls.model import Leg, LegAudio, Party, Quality
from callrec.domain.calls.not_recorded import note_alone, write_entry_without_file
from callrec.domain.calls.policy import decide
from callrec.domain.calls.recordings import await_files, end_captures_of, note_capture
from callrec.domain.calls.session import ACTIVE, Change, Entered, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import Outcome


def on_leg_bridged(change: Change, event: events.LegBridged) -> None:
    """A leg enters a bridge."""
    enter_bridge(change, event)
    cover(change)


def on_place_told(change: Change, event: events.PlaceTold) -> None:
    """A rule of a queue or a conference counts from here on. A rule *never* stops the recording of
    a user who waits there."""
    s, leg = change.session, event.leg
    if leg.id not in s.legs:
        return
    appear(change, leg)
    if s.application == leg.id and decide([leg]).rule is Rule.NEVER:
        stop_for_never(change)
    cover(change)


def on_leg_unbridged(change: Change, event: events.LegUnbridged) -> None:
    """A leg leaves a bridge. After a reconnect every leg without a bridge gets this event; one that is recorded with an
    application stays."""
    s = change.session
    if event.leg != s.application or any(event.leg in legs for legs in s.bridges.values()):
        _leave(change, event.leg, event.bridge)
    cover(change)


def on_leg_gone(change: Change, event: events.LegGone) -> None:
    """A leg hangs up. A capture on it ends with it; where no other leg can be captured, the recording waits for its end."""
    s = change.session
    if event.leg in s.moved:
        s.moved -= {event.leg}
        end_captures_of(change, event.leg)
        await_files(change, event.leg)
        return
    if (
        event.is_unseen and s.capture and s.capture.to_s is not None and not s.capture.is_empty
    ):  # a hangup closes its files: they tell when it was
        change.happened = replace(change.happened, utc_s=min(s.capture.to_s, change.happened.utc_s))
    remove_leg(change, event.leg)
    s.hangup_cause, s.is_end_missed = event.cause, event.is_unseen
    end_captures_of(change, event.leg)
    if s.legs:
        cover(change)
    else:
        note_alone(change)
        end_call(change)
    if s.capture and s.capture.leg == event.leg and s.state in ACTIVE:
        answer(change, Outcome.FAILED)
        apply(change, Trigger.LEFT)
    await_files(change, event.leg)


def on_leg_broken(change: Change, event: events.LegBroken) -> None:
    """Asterisk died: the captures on this leg are cut off."""
    s = change.session
    for capture in s.captures():
        # Its files may have been closed before.
        if capture.leg == event.leg and (capture.id in s.open_captures or s.is_wanted(capture.id)):
            note_capture(change, capture.id, cause=event.cause)


def on_leg_measured(change: Change, event: events.LegMeasured) -> None:
    """A participant's RTP was counted. What was counted before the recording is none of it; of one who left and came back the
    counts go on. The last counts may come when the recording is set aside already."""
    s, at_s = change.session, change.happened.utc_s
    if event.leg not in s.counted:
        s.counted = {**s.counted, event.leg: (event.quality, at_s)}
        return
    first, first_s = s.counted[event.leg]
    quality = event.quality.since(first, at_s - first_s)
    s.parties = _measured(s.parties, event.leg, quality)
    if s.recording is None and s.set_aside:
        *before, last = s.set_aside
        s.set_aside = (*before, replace(last, parties=_measured(last.parties, event.leg, quality)))


def _measured(parties: tuple[Party, ...], leg: LegId, quality: Quality) -> tuple[Party, ...]:
    last = next((party for party in reversed(parties) if party.leg == leg), None)
    return tuple(replace(party, quality=quality) if party is last else party for party in parties)


def appear(change: Change, leg: Leg) -> None:
    """The leg is there."""
    s = change.session
    if (known := s.seen.get(leg.id)) and known.opted_out:  # news that were on their way do not know it
        leg = replace(leg, opted_out=True)
    s.legs, s.seen = {**s.legs, leg.id: leg}, {**s.seen, leg.id: leg}
    s.moved -= {leg.id}
    s.began_s = s.began_s or change.happened.utc_s


def enter_bridge(change: Change, event: events.LegBridged) -> None:
    """The leg is in this bridge, and in no other."""
    s, leg = change.session, event.leg
    if leg.id not in s.bridges.get(event.bridge, ()):
        times = s.entered[leg.id].times if leg.id in s.entered else 0
        s.entered = {**s.entered, leg.id: Entered(times + 1, change.now.utc_s)}
        # The partner on hold is in the former bridge: `*2` sends Hold, and Unhold only when the leg comes back there
        # (bridge_basic.c: hold, unhold).
        s.held -= {leg.id}
    appear(change, leg)
    s.bridges = bridges.enter(s.bridges, leg.id, event.bridge)
    if event.rate_hz:
        note_audio(change, leg.id, LegAudio(event.rate_hz, event.undecodable))
    if not leg.is_local:
        s.parties = bridges.join(s.parties, leg, change.happened.utc_s)
    if len(s.bridges[event.bridge]) >= CONVERSATION:
        s.had_conversation = True


def _leave(change: Change, leg: LegId, bridge: BridgeId | None) -> None:
    """The leg is out of this bridge (None: of all)."""
    s = change.session
    s.bridges, s.parked = bridges.leave(s.bridges, leg, bridge), s.parked - {leg}
    if not any(leg in legs for legs in s.bridges.values()):  # late news of a bridge that it has changed for another
        s.parties = bridges.part(s.parties, {leg}, change.happened.utc_s)


def remove_leg(change: Change, leg: LegId) -> None:
    """The leg is in this call no more."""
    _leave(change, leg, None)
    change.session.from_pause -= {leg}
    change.session.legs = {key: one for key, one in change.session.legs.items() if key != leg}


def end_call(change: Change) -> None:
    """The last leg is gone."""
    s = change.session
    if s.state is State.CLOSED:
        return
    answer(change, Outcome.FAILED)
    if not s.recordings and not s.recorded_by_dialplan and (not s.had_conversation or s.uncovered):
        write_entry_without_file(change)
    apply(change, Trigger.ENDED)
