"""What `*4` means: it pauses the recording of the presser's conversation, and ends such a pause.

Who may press `*3` may press `*4`, in calls by rule too: the code is disabled until an administrator enables it, and keeps what
must not be recorded out of every recording. It ends a pause that `*3` or `*4` began. A pause that an operator or a program began
(a payment page) is theirs to end: a press changes nothing there.

It fails closed. A second press within a moment of the pause changes nothing, so that two participants who press at once do not
end what both want; a pause is not refused for that reason. The answer comes when Asterisk has confirmed the pause. What is not
confirmed, and a call whose recording is on its way to an end or to another leg, is answered as not paused.
"""

from callrec.domain.calls.announcements.who_is_told import answer_at_once
from callrec.domain.calls.controls.pauses import resume
from callrec.domain.calls.events import PausePressed
from callrec.domain.calls.model import Actor, ActorKind
from callrec.domain.calls.session import ACTIVE, Change, Session, State
from callrec.domain.calls.states import Trigger, apply
from callrec.domain.calls.transitions import Cause
from callrec.domain.vocabulary import Outcome

RECORD_CODE, PAUSE_CODE = "on-demand-code", "pause-code"
"""The reasons of pauses by `*3` and by `*4`."""


def on_pause_pressed(change: Change, event: PausePressed) -> None:
    """Answer the press at once, or when its outcome is known."""
    if (outcome := _press(change, event)) is not None:
        answer_at_once(change, event, outcome)


def is_paused_by(session: Session, *codes: str) -> bool:
    """Whether a press of one of these codes began the current pause. An operator may give any text as a reason."""
    steps = session.recording.controls if session.recording else ()
    return bool(steps) and steps[-1].actor.kind is ActorKind.USER and steps[-1].reason in codes


def told_of_pause(session: Session) -> Outcome:
    """What is true of the current pause, which the press does not end."""
    recording = session.recording
    is_proven = recording is not None and recording.pauses[-1].is_proven
    return Outcome.IS_PAUSED if is_proven else Outcome.NOT_PAUSED


def _press(change: Change, event: PausePressed) -> Outcome | None:
    """The outcome of a press, or None when it will be known later."""
    s, user = change.session, event.user
    if event.leg not in s.legs or user is None or not user.online_record or s.state is State.CLOSED:
        return Outcome.REFUSED
    if s.state is State.IDLE and not s.has_recorder:
        return Outcome.NOT_RECORDED
    is_here = s.capture is not None and any(leg.id == event.leg for leg in s.members(s.capture.leg))
    if s.state not in ACTIVE or not is_here:
        return Outcome.NOT_PAUSED
    cause = Cause(actor=Actor(ActorKind.USER, user.id, event.leg), reason=PAUSE_CODE)
    if s.state is not State.PAUSED:
        s.replies = (*s.replies, event.reply)
        apply(change, Trigger.PAUSE, cause)
        return None
    if not is_paused_by(s, RECORD_CODE, PAUSE_CODE):
        return told_of_pause(s)
    if change.now.mono_s - s.changed_mono_s < s.terms.limits.absorb_s:
        return Outcome.ABSORBED
    s.replies = (*s.replies, event.reply)
    resume(change, cause)
    return None
