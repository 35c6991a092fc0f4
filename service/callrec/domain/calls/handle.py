"""What an event means: it comes in with the session, the next session and the commands to do go out.

`_apply_event` names the function for each kind of event. What follows from the call as a whole, whatever the event was, comes
after it: `handle` calls those rules one by one, each in the module of its subject. A rule may use what those
before it have found. Their order: waits and conversations, captures, announcements, then proofs and device states.
"""

from typing import assert_never

from callrec.domain.calls import events
from callrec.domain.calls.announcements.beeps import beep
from callrec.domain.calls.announcements.prompt_first import begin_when_told
from callrec.domain.calls.announcements.who_is_told import (
    on_announced,
    set_device_states,
    tell_participants,
    tell_who_came_from_a_pause,
)
from callrec.domain.calls.captures.capture_events import (
    on_capture_closed,
    on_capture_grew,
    on_capture_marked,
    on_capture_opened,
    on_capture_quiet,
    on_capture_refused,
    on_capture_stalled,
    on_capture_stopped,
    on_rtp_stood_still,
)
from callrec.domain.calls.captures.deaf_recorders import on_rtp_renumbered, on_voice_unheard
from callrec.domain.calls.captures.late_packets import on_packets_held_back
from callrec.domain.calls.captures.partner_captures import capture_partners, on_partner_heard
from callrec.domain.calls.captures.tracks import journal_presences, note_presences
from callrec.domain.calls.commands import Command
from callrec.domain.calls.controls.operator_control import on_controlled
from callrec.domain.calls.controls.opt_outs import listen_for_opt_outs, on_opt_out_pressed
from callrec.domain.calls.controls.pause_code import on_pause_pressed
from callrec.domain.calls.controls.pauses import note_paused_legs, on_capture_muted, on_mute_refused, prove_pause
from callrec.domain.calls.controls.record_code import on_pressed
from callrec.domain.calls.deadlines import on_deadline_passed, on_resync_ended
from callrec.domain.calls.legs.applications import ask_which_application, on_application_told
from callrec.domain.calls.legs.leg_events import (
    appear,
    on_leg_bridged,
    on_leg_broken,
    on_leg_gone,
    on_leg_measured,
    on_leg_unbridged,
    on_place_told,
)
from callrec.domain.calls.legs.supervisors import note_supervisors, on_supervisor_came, on_supervisor_left
from callrec.domain.calls.legs.transfers import on_call_merged, on_leg_moved, on_legs_joined
from callrec.domain.calls.legs.undecodable_legs import on_leg_audio_told
from callrec.domain.calls.legs.wait_times import note_waiting, on_hold_changed, on_music_changed
from callrec.domain.calls.model import Instant
from callrec.domain.calls.not_recorded import note_alone, on_dial_started
from callrec.domain.calls.recordings import note_met
from callrec.domain.calls.session import Change, Session


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
    ask_which_application(change, event)
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
        case events.LegAnswered():        change.session.answered_legs |= {event.leg}
        case events.LegBridged():         on_leg_bridged(change, event)
        case events.LegUnbridged():       on_leg_unbridged(change, event)
        case events.LegsJoined():         on_legs_joined(change, event)
        case events.LegMoved():           on_leg_moved(change, event)
        case events.LegBroken():          on_leg_broken(change, event)
        case events.LegGone():            on_leg_gone(change, event)
        case events.CallMerged():         on_call_merged(change)
        case events.DialStarted():        on_dial_started(change, event)
        case events.DialEnded():          change.session.dial_status = event.status
        case events.FeatureCodeDialled(): change.session.dialled_feature_code |= {event.leg}
        case events.DialplanRecords():    change.session.recorded_by_dialplan |= {event.leg}
        case events.DialplanCompared():   change.session.recorded_by_dialplan -= change.session.legs.keys()
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
