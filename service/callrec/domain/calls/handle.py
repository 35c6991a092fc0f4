"""What an event means: it comes in with the session, the next session and the commands to do go out.

`_apply_event` names a function for each kind of event. After every event eleven things follow from what is known then: whether
a recording may begin that is announced first (`announcing`), whether the participants wait (`wait_times`), whether a supervisor
may speak to them (`supervisors`), who talks with the recorded user (`recordings`, `tracks`), which partners are captured beside
the recorded leg (`partner_captures`), who is told that they are recorded (`announcements`), who is alone with an application
(`not_recorded`, `applications`), who may opt out (`opt_outs`), when they hear a beep (`beeps`), whether a pause is proven
(`pauses`), and which keys are lit (`announcements`).
"""

from dataclasses import replace
from typing import assert_never

from callrec.domain.calls import bridges, events
from callrec.domain.calls.announcements import (
    answer,
    on_announced,
    on_time_to_tell_again,
    set_device_states,
    tell_participants,
    tell_who_came_from_a_pause,
)
from callrec.domain.calls.applications import on_application_told, seek
from callrec.domain.calls.beeps import beep
from callrec.domain.calls.bridges import CONVERSATION
from callrec.domain.calls.commands import Command, Examine
from callrec.domain.calls.coverage import cover
from callrec.domain.calls.deaf_recorders import LET_GO_S, on_rtp_renumbered, on_voice_unheard
from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import BridgeId, CaptureId, LegId
from callrec.domain.calls.journal import Step
from callrec.domain.calls.late_packets import on_packets_held_back
from callrec.domain.calls.model import Capture, GrowthMark, Instant, Leg, LegAudio, RtpGap
from callrec.domain.calls.not_recorded import explain, note_alone, on_dial_started
from callrec.domain.calls.opaque_legs import is_opaque, note_audio, on_leg_audio_told, on_opaque
from callrec.domain.calls.operator_control import on_controlled
from callrec.domain.calls.opt_outs import listen_for_opt_outs, on_opt_out_pressed
from callrec.domain.calls.partner_captures import capture_partners, on_partner_capture_lost, on_partner_heard
from callrec.domain.calls.pause_code import on_pause_pressed
from callrec.domain.calls.pauses import (
    note_paused_legs,
    on_capture_muted,
    on_end_of_pause,
    on_mute_refused,
    prove_pause,
    secure_pause,
)
from callrec.domain.calls.policy import decide
from callrec.domain.calls.prompt_first import await_announcement, begin_when_told
from callrec.domain.calls.record_code import on_pressed
from callrec.domain.calls.recordings import (
    await_files,
    end_captures_of,
    note_capture,
    note_mark,
    note_met,
    note_rtp_gap,
    settle,
    write,
)
from callrec.domain.calls.session import ACTIVE, APPLICATION, CAPTURING, Change, Entered, Session, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.stops import (
    ask_again,
    ask_to_stop,
    is_retried_here,
    note_closed,
    note_refused_stop,
    on_stop_overdue,
)
from callrec.domain.calls.supervisors import note_supervisors, on_supervisor_came, on_supervisor_left
from callrec.domain.calls.tracks import journal_presences, note_presences
from callrec.domain.calls.transitions import NO_CAUSE, Cause, stop_capture
from callrec.domain.calls.wait_times import note_waiting, on_hold_changed, on_music_changed
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import AlarmCause, Outcome


def handle(
    session: Session, event: events.Event, now: Instant, at_mono_s: float | None = None
) -> tuple[Session, tuple[Command, ...]]:
    """What the call is after this event, and what to do about it, in this order. The session of before is not changed.

    `at_mono_s`: when it happened, on the monotonic clock, where that is known; a daemon that was stopped hears of it later.
    """
    before, session = session.recording, session.copied()
    session.anchor = session.anchor or now
    happened = now if at_mono_s is None else Instant(now.utc_s, min(at_mono_s, now.mono_s))
    change = Change(session, session.clock(now), session.clock(happened))
    _apply_event(change, event)
    begin_when_told(change)
    note_waiting(change)
    note_supervisors(change)
    note_met(change)
    note_presences(change)
    capture_partners(change)
    journal_presences(change, before)
    tell_participants(change)
    tell_who_came_from_a_pause(change)
    note_alone(change)
    seek(change, event)
    listen_for_opt_outs(change)
    beep(change)
    prove_pause(change)
    note_paused_legs(change)
    set_device_states(change)
    return session, tuple(change.commands)


def _apply_event(change: Change, event: events.Event) -> None:  # noqa: C901, PLR0912, PLR0915 - a line for each kind of event
    # fmt: off
    match event:
        case events.LegAppeared():        appear(change, event.leg)
        case events.PlaceTold():          on_place_told(change, event)
        case events.LegAnswered():        change.session.up |= {event.leg}
        case events.LegBridged():         on_leg_bridged(change, event)
        case events.LegUnbridged():       on_leg_unbridged(change, event)
        case events.LegsJoined():         on_legs_joined(change, event)
        case events.LegMoved():           on_leg_moved(change, event)
        case events.LegBroken():          on_leg_broken(change, event)
        case events.LegGone():            on_leg_gone(change, event)
        case events.CallMerged():         on_call_merged(change)
        case events.DialStarted():        on_dial_started(change, event)
        case events.DialEnded():          change.session.dial_status = event.status
        case events.FeatureCodeDialled(): change.session.served |= {event.leg}
        case events.DialplanRecords():    change.session.recorded_by_dialplan |= {event.leg}
        case events.ApplicationTold():    on_application_told(change, event)
        case events.HoldChanged():        on_hold_changed(change, event)
        case events.MusicChanged():       on_music_changed(change, event)
        case events.LegMeasured():        on_leg_measured(change, event)
        case events.RtpRenumbered():      on_rtp_renumbered(change, event)
        case events.VoiceUnheard():       on_voice_unheard(change, event)
        case events.PacketsHeldBack():    on_packets_held_back(change, event)
        case events.LegAudioTold():       on_leg_audio_told(change, event)
        case events.LegParked():          change.session.parked |= {event.leg}
        case events.SupervisorCame():     on_supervisor_came(change, event)
        case events.SupervisorLeft():     on_supervisor_left(change, event)
        case _:                           _apply_recording_event(change, event)
    # fmt: on


def _apply_recording_event(change: Change, event: events.RecordingEvent) -> None:  # noqa: C901, PLR0912, PLR0915 - likewise
    # fmt: off
    match event:
        case events.Pressed():            on_pressed(change, event)
        case events.PausePressed():       on_pause_pressed(change, event)
        case events.Controlled():         on_controlled(change, event)
        case events.OptOutPressed():      on_opt_out_pressed(change, event)
        case events.CaptureMuted():       on_capture_muted(change, event)
        case events.MuteRefused():        on_mute_refused(change, event)
        case events.Announced():          on_announced(change, event)
        case events.CaptureOpened():      on_capture_opened(change, event)
        case events.CaptureGrew():        on_capture_grew(change, event)
        case events.CaptureMarked():      on_capture_marked(change, event)
        case events.RtpStoodStill():      on_rtp_stood_still(change, event)
        case events.CaptureQuiet():       on_capture_quiet(change, event)
        case events.CaptureStalled():     on_capture_stalled(change, event)
        case events.PartnerHeard():       on_partner_heard(change, event)
        case events.CaptureClosed():      on_capture_closed(change, event)
        case events.CaptureStopped():     on_capture_stopped(change, event)
        case events.CaptureRefused():     on_capture_refused(change, event)
        case events.DeadlinePassed():     on_deadline_passed(change, event)
        case events.ResyncEnded():        on_resync_ended(change)
        case _:                           assert_never(event)
    # fmt: on


# -- legs and bridges ------------------------------------------------------------------------------------------------


def on_leg_bridged(change: Change, event: events.LegBridged) -> None:
    """A leg enters a bridge."""
    _enter(change, event)
    cover(change)


def on_place_told(change: Change, event: events.PlaceTold) -> None:
    """A rule of a queue or a conference counts from here on. *Never* also ends the recording of a user who waits there."""
    s, leg = change.session, event.leg
    if leg.id not in s.legs:
        return
    appear(change, leg)
    if s.application == leg.id and s.state in ACTIVE and decide([leg]).rule is Rule.NEVER:
        apply(change, Trigger.STOP)
    cover(change)


def on_legs_joined(change: Change, event: events.LegsJoined) -> None:
    """Legs of another call come to this one, before any of them is looked at."""
    for leg in event.alone:
        appear(change, leg)
    for entered in event.in_bridges:
        _enter(change, entered)
    change.session.from_pause |= event.from_pause
    cover(change)


def on_leg_unbridged(change: Change, event: events.LegUnbridged) -> None:
    """A leg leaves a bridge. After a lost link this is told of each leg in none: who talks with an application is still there."""
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
        event.is_missed and s.capture and s.capture.to_s is not None and not s.capture.is_empty
    ):  # a hangup closes its files: they tell when it was
        change.happened = replace(change.happened, utc_s=min(s.capture.to_s, change.happened.utc_s))
    _remove(change, event.leg)
    s.hangup_cause, s.is_end_missed = event.cause, event.is_missed
    end_captures_of(change, event.leg)
    if s.legs:
        cover(change)
    else:
        note_alone(change)
        _end(change)
    if s.capture and s.capture.leg == event.leg and s.state in ACTIVE:
        answer(change, Outcome.FAILED)
        apply(change, Trigger.LEFT)
    await_files(change, event.leg)


def on_leg_moved(change: Change, event: events.LegMoved) -> None:
    """A leg goes on in another call."""
    s, leg = change.session, event.leg
    _remove(change, leg)
    s.moved |= {leg}
    ask_again(change, {leg})
    cover(change)
    if s.capture and s.capture.leg == leg and s.state in ACTIVE:
        apply(change, Trigger.STOP)  # its recorder would go on with what is said in the other call
    await_files(change, leg)


def on_call_merged(change: Change) -> None:
    """All legs go on in another call."""
    s, legs = change.session, list(change.session.legs)
    ask_again(change, legs)
    if s.recording and s.state in ACTIVE:  # ended, but no *stopped* is said: the other call may be recorded
        s.recording = replace(s.recording, to_s=change.now.utc_s)
        stop_capture(change, NO_CAUSE)
        write(change, Step.CHANGED)
    s.parties = bridges.part(s.parties, legs, change.happened.utc_s)
    s.moved |= set(legs)
    s.legs, s.bridges, s.answered = {}, {}, True  # they talk in the other call, which explains them
    _end(change)
    for leg in legs:
        await_files(change, leg)


def on_leg_broken(change: Change, event: events.LegBroken) -> None:
    """Asterisk died: the captures on this leg are cut off."""
    s = change.session
    for capture in s.captures():
        # Its files may have been closed before.
        if capture.leg == event.leg and (capture.id in s.open_captures or s.is_wanted(capture.id)):
            note_capture(change, capture.id, cause=event.cause)


def on_leg_measured(change: Change, event: events.LegMeasured) -> None:
    """A participant's RTP was counted. What was counted before the recording is none of it; of one who left and came back the
    counts go on."""
    s, at_s = change.session, change.happened.utc_s
    if event.leg not in s.counted:
        s.counted = {**s.counted, event.leg: (event.quality, at_s)}
        return
    first, first_s = s.counted[event.leg]
    quality = event.quality.since(first, at_s - first_s)
    last = next((party for party in reversed(s.parties) if party.leg == event.leg), None)
    s.parties = tuple(replace(party, quality=quality) if party is last else party for party in s.parties)


def appear(change: Change, leg: Leg) -> None:
    """The leg is there."""
    s = change.session
    if (known := s.seen.get(leg.id)) and known.opted_out:  # news that were on their way do not know it
        leg = replace(leg, opted_out=True)
    s.legs, s.seen = {**s.legs, leg.id: leg}, {**s.seen, leg.id: leg}
    s.moved -= {leg.id}
    s.began_s = s.began_s or change.happened.utc_s


def _enter(change: Change, event: events.LegBridged) -> None:
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
        note_audio(change, leg.id, LegAudio(event.rate_hz, event.opaque))
    if not leg.is_local:
        s.parties = bridges.join(s.parties, leg, change.happened.utc_s)
    if len(s.bridges[event.bridge]) >= CONVERSATION:
        s.answered = True


def _leave(change: Change, leg: LegId, bridge: BridgeId | None) -> None:
    """The leg is out of this bridge (None: of all)."""
    s = change.session
    s.bridges, s.parked = bridges.leave(s.bridges, leg, bridge), s.parked - {leg}
    if not any(leg in legs for legs in s.bridges.values()):  # late news of a bridge that it has changed for another
        s.parties = bridges.part(s.parties, {leg}, change.happened.utc_s)


def _remove(change: Change, leg: LegId) -> None:
    """The leg is in this call no more."""
    _leave(change, leg, None)
    change.session.from_pause -= {leg}
    change.session.legs = {key: one for key, one in change.session.legs.items() if key != leg}


def _end(change: Change) -> None:
    """The last leg is gone."""
    s = change.session
    if s.state is State.CLOSED:
        return
    answer(change, Outcome.FAILED)
    if not s.recordings and not s.recorded_by_dialplan and (not s.answered or s.uncovered):
        explain(change)
    apply(change, Trigger.ENDED)


# -- captures --------------------------------------------------------------------------------------------------------


def on_capture_opened(change: Change, event: events.CaptureOpened) -> None:
    """Asterisk has opened the capture's files."""
    note_capture(change, event.capture, mixmonitor=event.mixmonitor)
    note_mark(change, event.capture, GrowthMark(0, change.happened.utc_s))
    s = change.session
    if s.is_wanted(event.capture):
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
    told, ahead_s = event.gap, change.happened.utc_s - change.happened.mono_s
    since_s, until_s = (None if at_s is None else at_s + ahead_s for at_s in (told.since_s, told.until_s))
    note_rtp_gap(change, event.capture, RtpGap(told.from_s + ahead_s, told.to_s + ahead_s, since_s, until_s))


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
        elif s.capture and not is_opaque(s.capture.cause):  # otherwise it was stopped on purpose
            change.arm(Wait.LOST, s.terms.limits.lost_s)
    elif s.is_current(capture):
        _on_stopped(change)
    elif (partner := s.find(capture)) and partner.is_partner and not was_ending and partner.leg in s.legs:
        on_partner_capture_lost(change, partner, AlarmCause.STOPPED_BY_ANOTHER)
    settle(change)


def _on_stopped(change: Change) -> None:
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
    apply(change, Trigger.STOP)
    cover(change)  # what policy wants of the others begins


def on_capture_refused(change: Change, event: events.CaptureRefused) -> None:
    """A command about the capture was not done. A stop that is refused captures nothing from what is captured."""
    s, capture = change.session, change.session.find(event.capture)
    if capture is None:
        return
    is_lost = capture.is_partner and capture.id in s.open_captures - s.ending
    if event.may_be_at_work:
        s.unanswered |= {capture.id}
    elif not capture.mixmonitor:  # it never began
        note_closed(change, capture.id)
        note_capture(change, capture.id, cause=event.cause, to_s=capture.from_s)
    note_refused_stop(change, capture.id)
    if is_lost and capture.leg in s.legs:
        on_partner_capture_lost(change, capture, event.cause)
    if is_retried_here(s, capture.id):
        settle(change)
    elif s.state is State.STOPPING and not s.may_grow(capture):
        _on_stopped(change)
    elif is_opaque(event.cause):
        on_opaque(change, capture, event.cause)
    elif s.lives(capture.leg):  # a leg that is gone explains it
        if event.unavailable:
            answer(change, Outcome.UNAVAILABLE)
            s.faults += 1  # asking again at once would meet the same closed door
        fail(change, capture.id, event.cause)


def fail(change: Change, capture: CaptureId, cause: str) -> None:
    """The current capture has a fault: a first one is tried again, a further one is not."""
    s = change.session
    if s.state in ACTIVE:
        note_capture(change, capture, cause=cause)
    s.faults += 1
    apply(change, Trigger.FAULT if s.faults == 1 else Trigger.FAULT_AGAIN, Cause(alarm=cause))


# -- deadlines -------------------------------------------------------------------------------------------------------


def on_deadline_passed(change: Change, event: events.DeadlinePassed) -> None:
    """A deadline of a capture that is no longer the current one is late news, but for that of its stop."""
    s = change.session
    match event.wait:
        case Wait.SETTLE:
            settle(change, event.capture)
        case Wait.PAUSE:
            on_end_of_pause(change)
        case Wait.TELL_AGAIN:
            on_time_to_tell_again(change)
        case Wait.RETRY:
            if s.state is State.FAILED:
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
    s.is_settling = False
    here = {*s.legs, *s.supervisors}
    gone = {party.leg for party in s.parties if party.leg not in here and not party.leg.startswith(APPLICATION)}
    s.parties = bridges.part(s.parties, gone, change.happened.utc_s)
    cover(change)
    ask_again(change, {*s.legs, *s.moved})
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
            _on_stopped(change)
        return
    if capture.leg not in s.legs or s.state not in ACTIVE or s.is_opaque:
        return
    match wait:
        case Wait.OPEN if not capture.mixmonitor:
            fail(change, capture.id, AlarmCause.FILE_NOT_OPENED)
        case Wait.GROWTH if s.is_waiting:  # there is nothing to write until they talk again
            change.arm(Wait.GROWTH, s.terms.limits.growth_s)
        case Wait.GROWTH if s.state in (State.OPENED, State.SUSPECT) and s.proven != capture.id:
            change.commands.append(Examine(capture))
        case Wait.LOST if capture.id not in s.open_captures and not capture.cause:
            note_capture(change, capture.id, cause=AlarmCause.STOPPED_BY_ANOTHER)
            apply(change, Trigger.LOST, Cause(alarm=AlarmCause.STOPPED_BY_ANOTHER))
        case Wait.LET_GO if capture.id not in s.open_captures:
            apply(change, Trigger.LOST, Cause(alarm=AlarmCause.DEAF_LEG))
