"""What `*3` and an operator's request mean: who may press, what is changed, and what its presser is told."""

from dataclasses import replace

from callrec.domain.calls.applications import is_with_application, note_application
from callrec.domain.calls.commands import AnswerControl, Reply, Tell
from callrec.domain.calls.events import Controlled, Pressed
from callrec.domain.calls.model import Actor, ActorKind, Control, Direction, Leg, LegAudio
from callrec.domain.calls.opaque_legs import note_audio
from callrec.domain.calls.pause_code import RECORD_CODE, is_paused_by, told_of_pause
from callrec.domain.calls.pauses import resume
from callrec.domain.calls.policy import OverridesAlways, decide, may_press
from callrec.domain.calls.session import ACTIVE, Change, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause, note_control
from callrec.domain.rules import CallUser, Rule
from callrec.domain.vocabulary import CallFact, ControlAnswer, Outcome


def on_pressed(change: Change, event: Pressed) -> None:
    """Answer the press at once, or when its outcome is known."""
    outcome = _press(change, event)
    if outcome is not None:
        user = event.user.id if event.user else None
        change.commands += [
            Reply(event.reply, outcome),
            Tell(CallFact.of_press(outcome), change.session.recording, user),
        ]


def _press(change: Change, event: Pressed) -> Outcome | None:
    """The outcome of a press, or None when it will be known later."""
    s = change.session
    leg, conversation = s.legs.get(event.leg), s.conversation_of(event.leg)
    if leg and not conversation and is_with_application(s, leg.id):
        conversation = [leg]
    if leg is None or event.user is None or not conversation or s.state is State.CLOSED:
        return Outcome.REFUSED
    presser = replace(leg, user=event.user)
    if event.rate_hz:
        note_audio(change, leg.id, LegAudio(event.rate_hz, event.opaque))
    rule = decide([*(one for one in conversation if one.id != leg.id), presser]).rule
    if not may_press(event.user, rule):
        return Outcome.REFUSED
    if change.now.mono_s - s.changed_mono_s < s.terms.limits.absorb_s:
        return Outcome.ABSORBED
    if s.recording is not None and s.recording.rule is Rule.ALWAYS and s.state in ACTIVE:
        return _press_always(change, event.reply, presser, conversation)
    if s.state is State.PAUSED:
        return told_of_pause(s)
    s.replies, s.changed_mono_s = (*s.replies, event.reply), change.now.mono_s
    if s.state in ACTIVE:
        apply(change, Trigger.STOP)
    else:
        _start(change, presser, event.user, rule)
    return None


def _start(change: Change, presser: Leg, user: CallUser, rule: Rule | None) -> None:
    """A leg of an unknown user is its presser's: so is the recording, which ends when they leave."""
    s = change.session
    # What policy wants, be it in another conversation of this call, no press may stop.
    wanted = rule is Rule.ALWAYS or any(decide(legs).rule is Rule.ALWAYS for legs in s.conversations())
    s.legs = {**s.legs, presser.id: presser}
    if is_with_application(s, presser.id):
        note_application(change, presser)
    actor = Actor(ActorKind.USER, user.id, presser.id)
    apply(change, Trigger.START, Cause(presser, Rule.ALWAYS if wanted else Rule.ON_DEMAND, actor))


def _press_always(change: Change, reply: str, presser: Leg, conversation: list[Leg]) -> Outcome | None:
    """`*3` while the call is recorded because policy says so. That it is recorded is said of what is proven, and is the
    presser's own conversation: one that begins answers by how it begins, and of what has failed it is said that it has."""
    s = change.session
    if s.capture is None or all(leg.id != s.capture.leg for leg in conversation):
        return Outcome.FAILED
    may_pause = s.terms.overrides_always is OverridesAlways.PAUSE
    cause = Cause(
        actor=Actor(ActorKind.USER, presser.user.id if presser.user else None, presser.id), reason=RECORD_CODE
    )
    match s.state:
        case State.PAUSED if is_paused_by(s, RECORD_CODE):  # even if the setting has changed since
            s.replies = (*s.replies, reply)
            resume(change, cause)
            return None
        case State.PAUSED:
            return told_of_pause(s)
        case State.ANNOUNCING:
            return Outcome.ANNOUNCING
        case State.STARTING:
            s.replies = (*s.replies, reply)
            return None
        case State.SUSPECT:
            return Outcome.FAILED
    if not may_pause:
        return Outcome.ALREADY
    s.replies = (*s.replies, reply)
    apply(change, Trigger.PAUSE, cause)
    return None


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
