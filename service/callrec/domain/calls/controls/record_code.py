"""What `*3` means: who may press, what is changed, and what its presser is told."""

from dataclasses import replace

from callrec.domain.calls.announcements.who_is_told import answer_at_once
from callrec.domain.calls.controls.pause_code import RECORD_CODE, is_paused_by, told_of_pause
from callrec.domain.calls.controls.pauses import resume
from callrec.domain.calls.events import Pressed
from callrec.domain.calls.legs.applications import is_with_application, note_application
from callrec.domain.calls.legs.undecodable_legs import note_audio
from callrec.domain.calls.model import Actor, ActorKind, Leg, LegAudio
from callrec.domain.calls.policy import OverridesAlways, decide, may_press
from callrec.domain.calls.session import ACTIVE, Change, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause
from callrec.domain.rules import CallUser, Rule
from callrec.domain.vocabulary import Outcome


def on_pressed(change: Change, event: Pressed) -> None:
    """Answer the press at once, or when its outcome is known."""
    if (outcome := _press(change, event)) is not None:
        answer_at_once(change, event, outcome)


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
        note_audio(change, leg.id, LegAudio(event.rate_hz, event.undecodable))
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
