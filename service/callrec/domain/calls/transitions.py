"""What the rows of the state table are made of: the conditions that a row asks, and the effects that it has.

A condition looks at the session as it is before the change. An effect changes what is known and asks for commands; it never
changes the state. `states` has the table, and says in which order all this comes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from callrec.domain.backoff import Backoff
from callrec.domain.calls.announcements.who_is_told import announce, announce_start, answer
from callrec.domain.calls.captures.stops import ask_to_stop, take_back
from callrec.domain.calls.commands import Alarm, Arm, MuteCapture, OpenCapture, Tell
from callrec.domain.calls.events import Wait
from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import (
    GAP,
    LOST_MOST_MS,
    POLICY,
    Actor,
    Control,
    ControlStep,
    Leg,
    Missing,
    Pause,
    Waiting,
    WaitingKind,
    within,
)
from callrec.domain.calls.policy import Announcement
from callrec.domain.calls.recordings import (
    end_failed,
    hand_over_closed,
    new_recording,
    next_capture,
    with_parties,
    write,
)
from callrec.domain.calls.session import Change, Session
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import CallFact, Outcome

RECORDED_USER_LEFT = "recorded-user-left"
CONTROLS = 500
"""The most changes that a recording remembers with their actors: each is in each of its journal entries."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a change happens. Each trigger says which of these it brings."""

    leg: Leg | None = None
    """The leg to capture from here on; None: the one that is captured now."""
    rule: Rule = Rule.ALWAYS
    actor: Actor = POLICY
    alarm: str = ""
    """What an operator is told."""
    origin: str = ""
    """Where the rule hangs, when that is no user."""
    reason: str = ""
    """Why a pause begins or ends, as its actor said."""
    most_s: float | None = None
    """How long the pause may last, when its actor said so."""


NO_CAUSE = Cause()

Condition = Callable[[Session], bool]
Effect = Callable[[Change, Cause], None]


# -- conditions --------------------------------------------------------------------------------------------------------


def capture_is_open(session: Session) -> bool:
    """Asterisk may still write the current capture's files."""
    return session.capture is not None and session.capture.id in session.open_captures


def capture_is_closed(session: Session) -> bool:
    """There is no capture that goes on."""
    return not capture_is_open(session)


def capture_is_requested(session: Session) -> bool:
    """Asterisk has not opened the current capture's files yet."""
    return session.capture is not None and not session.capture.mixmonitor


def capture_grows(session: Session) -> bool:
    """The current capture's files were seen to grow, and have not stalled since."""
    return session.capture is not None and session.proven == session.capture.id


def may_be_reopened(session: Session) -> bool:
    """The recording should go on, and no recorder is at work for it. One that has begun is kept: a silent call may yet speak."""
    is_without = capture_is_closed(session) or capture_is_requested(session)
    return session.capture is not None and is_without and not session.is_undecodable


def captured_leg_moved(session: Session) -> bool:
    """The current capture's leg goes on in another call."""
    return session.capture is not None and session.capture.leg in session.moved


def told_first(session: Session) -> bool:
    """The setting says that a recording begins when its participants have heard that they are recorded."""
    return session.terms.announce is Announcement.PROMPT_FIRST


def announcement_is_due(session: Session) -> bool:
    """They are told first, and this recording has had no recorder yet."""
    return told_first(session) and session.recording is not None and session.recording.is_before_capture


def recording_must_end(session: Session) -> bool:
    """One from outside has opted out, or somebody has come who must not be recorded."""
    return session.must_end


def recording_is_paused(session: Session) -> bool:
    """A pause has begun and not ended."""
    return session.recording is not None and session.recording.is_paused


def recording_goes_on(session: Session) -> bool:
    """Policy wants the current recording, or it has begun before: then it waits for its leg to be heard (again)."""
    recording = session.recording
    return recording is not None and (recording.rule is Rule.ALWAYS or len(recording.captures) > 1)


# -- effects: the recording and its captures ---------------------------------------------------------------------------


def begin_recording(change: Change, cause: Cause) -> None:
    """A new recording without a capture."""
    change.session.is_resuming = change.session.must_end = False
    change.session.recording = replace(new_recording(change, cause.rule, cause.actor), rule_origin=cause.origin)


def open_capture(change: Change, cause: Cause) -> None:
    """A further capture of the recording, in the journal first. A leg that is gone cannot be captured, and one in conversation
    with a user of the rule *never* must not be, also not further.

    While the participants are told first, and in a pause, no recorder begins: Asterisk mutes one only when it is at work already
    (app_mixmonitor.c: manager_mute_mixmonitor), and would have written some packets by then. A capture without any length keeps
    the place where the recording goes on."""
    note_muted_rest(change)
    s, last = change.session, change.session.capture
    leg = cause.leg or (s.legs.get(last.leg) if last else None)
    if s.recording is None or leg is None:
        return
    if last and s.is_protected(leg.id):
        return
    capture = next_capture(s, s.recording, leg, change.now.utc_s)
    capture = replace(capture, of_others=s.is_without_recorded_user(leg))
    if s.recording.is_paused or s.recording.is_announcing:
        if last is None or last.leg != leg.id or not last.is_place:
            place = replace(capture, to_s=capture.from_s)
            s.recording = replace(s.recording, captures=(*s.recording.captures, place))
            write(change, Step.CHANGED)
        return
    s.recording = replace(s.recording, captures=(*s.recording.captures, capture))
    s.open_captures |= {capture.id}
    write(change, Step.INTENT)
    assert s.recording.rule is not None  # noqa: S101 - for the type checker: only adopted recordings have none
    change.commands.append(OpenCapture(capture, s.recording.rule))
    change.arm(Wait.OPEN, s.terms.limits.open_s)


def stop_capture(change: Change, _: Cause) -> None:
    """Stop the current capture, if it is open."""
    s = change.session
    if s.capture and capture_is_open(s):
        ask_to_stop(change, s.capture)


def mute(change: Change, _: Cause) -> None:
    """Mute every recorder of the call that may be at work: the current one, those of partners, and those that do not stop."""
    s = change.session
    s.muted -= s.open_captures
    since_s = s.recording.pauses[-1].from_s if s.recording and s.recording.pauses else None
    change.commands += [
        MuteCapture(one, muted=True, since_s=since_s) for one in s.captures() if one.id in s.open_captures
    ]


def unmute(change: Change, _: Cause) -> None:
    """End the mute of the current capture; all others shall end."""
    s = change.session
    if s.capture and capture_is_open(s):
        change.commands.append(MuteCapture(s.capture, muted=False))


def begin_announcing(change: Change, cause: Cause) -> None:
    """Until the participants have heard that they are recorded nothing is captured: no gap, and noted. The presser is answered
    now: as long as its dialogue waits, its leg is mute and hears nothing."""
    s = change.session
    if s.recording:
        from_s = s.recording.from_s if not s.recording.captures else change.now.utc_s
        waiting = Waiting(from_s, None, WaitingKind.ANNOUNCING)
        s.recording = replace(s.recording, waiting=(*s.recording.waiting, waiting))
    answer(change, Outcome.ANNOUNCING)
    await_announcement(change, cause)


def end_announcing(change: Change, _: Cause) -> None:
    """They have heard it, or are waited for no longer; a recorder may begin."""
    recording = change.session.recording
    if recording and recording.is_announcing:
        *before, last = recording.waiting
        waiting = (*before, replace(last, to_s=change.now.utc_s))
        change.session.recording = replace(recording, waiting=waiting)


def begin_pause(change: Change, cause: Cause) -> None:
    """Note the pause. The capture goes on, muted: the recording keeps its timeline."""
    note_muted_rest(change)
    s, now_s = change.session, change.now.utc_s
    s.changed_mono_s, s.is_resuming = change.now.mono_s, False
    if s.recording:
        pause = Pause(now_s, is_proven=False, most_s=cause.most_s)
        s.recording = replace(s.recording, pauses=(*s.recording.pauses, pause))
        note_control(change, Control.PAUSE, cause)


def end_pause(change: Change, cause: Cause) -> None:
    """Note the pause's end."""
    s = change.session
    s.changed_mono_s, s.is_resuming = change.now.mono_s, True
    if s.recording:
        *before, last = s.recording.pauses
        s.recording = replace(s.recording, pauses=(*before, replace(last, to_s=change.now.utc_s)))
        note_control(change, Control.RESUME, cause)
    if s.capture:
        take_back(change, s.capture.id)


def note_muted_rest(change: Change) -> None:
    """Note as missing what was said between the end of a pause and this moment, in which the recorder was still muted. To be
    called before the capture ends, is unmuted, or is replaced."""
    s, recording = change.session, change.session.recording
    if not s.is_resuming or recording is None or recording.is_paused or not recording.pauses:
        return
    resumed_s, to_s = recording.pauses[-1].to_s or 0.0, change.happened.utc_s
    of_pause = [one for one in recording.captures if one.mixmonitor and one.from_s < resumed_s]
    if not of_pause or (of_pause[-1] is not s.capture and of_pause[-1].id not in s.muted):
        return
    if (ended_s := of_pause[-1].to_s) is not None:
        to_s = min(to_s, ended_s)  # the time after it is in no file: `missing_time` reports that
    is_told = any((one.from_s, one.cause) == (resumed_s, GAP) for one in recording.missing)
    if not is_told and to_s - resumed_s > LOST_MOST_MS / 1000:
        s.recording = replace(recording, missing=(*recording.missing, Missing(resumed_s, to_s, GAP)))


def note_control(change: Change, control: Control, cause: Cause) -> None:
    """Note in the recording who asked for this change of it, and why."""
    recording = change.session.recording
    if recording:
        step = ControlStep(control, change.now.utc_s, cause.actor, cause.reason)
        change.session.recording = replace(recording, controls=(*recording.controls, step)[-CONTROLS:])


def set_end(change: Change, _: Cause) -> None:
    """The recording ends now, or when its leg hung up and its last capture ended with that: behind one that ended otherwise they
    talked on. An end that is known stays."""
    note_muted_rest(change)
    s, last = change.session, change.session.capture
    if s.recording is None or s.recording.to_s is not None:
        return
    is_paused = s.recording.is_paused
    is_hangup = last is not None and last.leg not in s.legs and not (last.is_empty or last.cause or is_paused)
    to_s = last.to_s if last is not None and last.to_s is not None and is_hangup else change.now.utc_s
    s.recording = replace(s.recording, to_s=to_s)


def begin_absence(change: Change, _: Cause) -> None:
    """The recording ends here, unless one of its users comes back."""
    recording = change.session.recording
    if recording and recording.to_s is not None:
        waiting = within(recording.waiting, recording.from_s, recording.to_s)
        change.session.recording = replace(recording, waiting=waiting, end_reason=RECORDED_USER_LEFT)


def end_absence(change: Change, _: Cause) -> None:
    """One of its users is back: the recording goes on, and lacks nothing of the time between."""
    recording = change.session.recording
    if recording and recording.to_s is not None:
        absence = Waiting(recording.to_s, change.now.utc_s, WaitingKind.ABSENT)
        change.session.recording = replace(recording, to_s=None, waiting=(*recording.waiting, absence), end_reason="")


def withdraw_stop(change: Change, _: Cause) -> None:
    """The stop has failed: the recording goes on."""
    s = change.session
    s.told_failed = None  # it was the stop that failed
    if s.recording and s.capture:
        s.recording = replace(s.recording, to_s=None)
        take_back(change, s.capture.id)
    write(change, Step.CHANGED)


def journal_change(change: Change, _: Cause) -> None:
    """Journal it: a daemon that is started now must go on from here."""
    write(change, Step.CHANGED)


def end_failure(change: Change, _: Cause) -> None:
    """What could not be recorded until now is told by the recording that failed."""
    end_failed(change)


def hand_over_when_closed(change: Change, _: Cause) -> None:
    """Set the recording aside, if there is one: it is handed over as soon as its files are closed."""
    note_muted_rest(change)
    s = change.session
    if s.recording:
        if s.is_written(s.recording):
            change.arm(Wait.SETTLE, s.terms.limits.settle_s)
        to_s = change.happened.utc_s if s.recording.to_s is None else s.recording.to_s
        s.set_aside = (*s.set_aside, with_parties(change, replace(s.recording, to_s=to_s)))
        s.recording = None
    hand_over_closed(change)


# -- effects: deadlines ------------------------------------------------------------------------------------------------


def await_opening(change: Change, _: Cause) -> None:
    """Both files are expected soon."""
    change.arm(Wait.OPEN, change.session.terms.limits.open_s)


def await_announcement(change: Change, _: Cause) -> None:
    """A recording waits so long at most until the participants are told."""
    change.arm(Wait.ANNOUNCING, change.session.terms.limits.announce_s)


def await_growth(change: Change, _: Cause) -> None:
    """The files are expected to grow."""
    change.arm(Wait.GROWTH, change.session.terms.limits.growth_s)


def await_end_of_pause(change: Change, _: Cause) -> None:
    """A pause has a longest length."""
    s = change.session
    if s.recording and s.recording.is_paused:
        left_s = s.pause_most_s + s.recording.pauses[-1].from_s - change.now.utc_s
        change.arm(Wait.PAUSE, min(max(0.0, left_s), s.pause_most_s))


def retry_later(change: Change, _: Cause) -> None:
    """Try again what policy wants, after a time that doubles with each failure: a fault of a second must not cost an hour. Until
    then the recording tells of what is missing."""
    s = change.session
    if s.recording and s.is_wanted_by_policy:
        s.failed = s.recording.id
        s.failures += 1
        after_s = Backoff(s.terms.limits.retry_s, s.terms.limits.retry_most_s).delay_s(s.failures)
        change.commands.append(Arm(Wait.RETRY, None, after_s))


def reopen_later(change: Change, _: Cause) -> None:
    """Where no recorder has begun, another one is asked for after a time that doubles: the call goes on."""
    s = change.session
    if may_be_reopened(s):
        s.failures += 1
        change.arm(Wait.RETRY, Backoff(s.terms.limits.retry_s, s.terms.limits.retry_most_s).delay_s(s.failures))


# -- effects: what people are told -------------------------------------------------------------------------------------


def confirm_start(change: Change, cause: Cause) -> None:
    """Say that the recording has started, or goes on after a pause; its files are expected to grow."""
    outcome = Outcome.RESUMED if change.session.is_resuming else Outcome.STARTED
    answer(change, outcome)
    announce_start(change, outcome)
    if change.session.is_resuming:
        change.session.is_resuming = False
        change.commands.append(Tell(CallFact.RESUMED, change.session.recording))
    await_growth(change, cause)


def confirm_recording(change: Change, cause: Cause) -> None:
    """It is proven that sound is recorded. A capture that grows late has no fault any more; participants who were told that it
    failed are told that it has started."""
    s = change.session
    if s.recording is None or s.capture is None:
        return
    *before, last = s.recording.captures
    s.recording = replace(s.recording, captures=(*before, replace(last, cause="")))
    s.faults = s.failures = 0
    if s.is_resuming:  # its first capture had failed
        confirm_start(change, cause)
    change.commands.append(Tell(CallFact.RECORDING, s.recording))
    if last.id == s.told_failed:
        s.told_failed = None
        announce(change, Outcome.STARTED)


def confirm_stop(change: Change, _: Cause) -> None:
    """Say that the recording has stopped."""
    answer(change, Outcome.STOPPED)
    announce(change, Outcome.STOPPED)


def answer_failure(change: Change, _: Cause) -> None:
    """Say to the presser alone that it failed: in a call that Asterisk cannot decode it cannot play a tone either."""
    answer(change, Outcome.FAILED)


def tell_failure(change: Change, _: Cause) -> None:
    """Say that it failed."""
    answer(change, Outcome.FAILED)
    announce(change, Outcome.FAILED)
    change.session.told_failed = change.session.capture.id if change.session.capture else None


def raise_alarm(change: Change, cause: Cause) -> None:
    """Tell an operator."""
    capture = change.session.capture
    change.commands.append(Alarm(cause.alarm, capture.id if capture else None))
