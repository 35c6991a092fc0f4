"""What an operator's or a program's request to start, stop, pause or resume means for a live call."""

from dataclasses import replace

from callrec.domain.calls.commands import AnswerControl
from callrec.domain.calls.controls.pauses import resume
from callrec.domain.calls.events import Controlled
from callrec.domain.calls.model import Actor, ActorKind, Control, Direction
from callrec.domain.calls.policy import decide
from callrec.domain.calls.session import ACTIVE, Change, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause, note_control
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import ControlAnswer


def on_controlled(change: Change, event: Controlled) -> None:
    """An operator's request is answered at once: whether the call does it. What comes of it its state shows."""
    cause = Cause(actor=Actor(ActorKind.OPERATOR, asker=event.asker), reason=event.reason, most_s=event.most_s)
    match event.control:
        case _ if change.session.state is State.CLOSED:
            answer = ControlAnswer.ENDED
        case Control.START:
            answer = _start_by_operator(change, cause)
        case _ if change.session.state is State.IDLE and change.session.is_recorded_by_dialplan:
            answer = ControlAnswer.BY_DIALPLAN
        case Control.STOP:
            answer = _stop_by_operator(change, cause)
        case Control.PAUSE:
            answer = _pause(change, cause)
        case Control.RESUME:
            answer = _resume(change, cause)
    change.commands.append(AnswerControl(event.reply, answer))


def _start_by_operator(change: Change, cause: Cause) -> ControlAnswer:
    """The first conversation that may be recorded: its user's leg, or the caller's."""
    s = change.session
    if s.state in ACTIVE:
        return ControlAnswer.PAUSED if s.state is State.PAUSED else ControlAnswer.UNCHANGED
    conversations = [(legs, decide(legs).rule) for legs in s.conversations()]
    allowed = [(legs, rule) for legs, rule in conversations if rule is not Rule.NEVER]
    if not allowed:
        return ControlAnswer.NEVER if conversations else ControlAnswer.NO_CONVERSATION
    legs, rule = max(allowed, key=lambda one: one[1] is Rule.ALWAYS)
    leg = max(legs, key=lambda one: (one.user is not None, not one.is_local, one.direction is Direction.OUT))
    s.changed_mono_s = change.now.mono_s
    wanted = Rule.ALWAYS if rule is Rule.ALWAYS else Rule.ON_DEMAND
    apply(change, Trigger.START, replace(cause, leg=leg, rule=wanted))
    note_control(change, Control.START, cause)
    return ControlAnswer.ACCEPTED


def _stop_by_operator(change: Change, cause: Cause) -> ControlAnswer:
    s = change.session
    if s.state not in (*ACTIVE, State.ABSENT):
        return ControlAnswer.UNCHANGED
    if s.recording is not None and s.recording.rule is Rule.ALWAYS:
        return ControlAnswer.ALWAYS
    s.changed_mono_s = change.now.mono_s
    note_control(change, Control.STOP, cause)
    apply(change, Trigger.STOP)
    return ControlAnswer.ACCEPTED


def _pause(change: Change, cause: Cause) -> ControlAnswer:
    s = change.session
    if s.state is State.PAUSED:
        return ControlAnswer.UNCHANGED
    if s.state not in ACTIVE:
        return ControlAnswer.NOT_RECORDED
    apply(change, Trigger.PAUSE, cause)
    return ControlAnswer.ACCEPTED


def _resume(change: Change, cause: Cause) -> ControlAnswer:
    s = change.session
    if s.state not in ACTIVE:
        return ControlAnswer.NOT_RECORDED
    if s.state is not State.PAUSED:
        return ControlAnswer.UNCHANGED
    resume(change, cause)
    return ControlAnswer.ACCEPTED
