"""The words for what a live call is doing, and for what came of a request."""

from collections.abc import Mapping

from callrec.app.calls.live_calls import LiveState
from callrec.domain.calls.model import ActorKind, Control
from callrec.domain.error_codes import ErrorCode
from callrec.web.pages.languages import N_
from callrec.web.pages.recordings.words import RULES  # noqa: F401 - the templates read it here

STATES: Mapping[LiveState, str] = {
    LiveState.IDLE: N_("not recorded"),
    LiveState.ANNOUNCING: N_("being announced"),
    LiveState.STARTING: N_("starting"),
    LiveState.RECORDING: N_("recording"),
    LiveState.PAUSING: N_("pausing"),
    LiveState.PAUSED: N_("paused"),
    LiveState.SUSPECT: N_("in doubt"),
    LiveState.STOPPING: N_("stopping"),
    LiveState.FAILED: N_("failed"),
    LiveState.ABSENT: N_("recorded user away"),
    LiveState.FALLBACK: N_("recorded by Asterisk alone"),
    LiveState.ENDED: N_("ended"),
}
KINDS: Mapping[LiveState, str] = {
    LiveState.RECORDING: "good",
    LiveState.PAUSED: "warn",
    LiveState.PAUSING: "warn",
    LiveState.ANNOUNCING: "warn",
    LiveState.STARTING: "warn",
    LiveState.SUSPECT: "bad",
    LiveState.FAILED: "bad",
}
"""The look of a state's badge."""
PROOFS: Mapping[LiveState, str] = {
    LiveState.ANNOUNCING: N_("The recording begins when they have heard it."),
    LiveState.STARTING: N_("Not proven yet: no file was seen to grow."),
    LiveState.PAUSING: N_("Asterisk has not confirmed the pause yet."),
    LiveState.PAUSED: N_("Asterisk has confirmed that nothing is recorded."),
    LiveState.SUSPECT: N_("It should be recorded, and the file does not grow."),
    LiveState.STOPPING: N_("The files are being closed."),
    LiveState.FAILED: N_("Nothing is recorded, though it should be."),
    LiveState.ABSENT: N_("It goes on when the user comes back."),
    LiveState.FALLBACK: N_("It began while callrec was away: no proof, and no end from here."),
}
"""What is known of it; of a recording the size of its files is shown in place of this."""
ORIGINS: Mapping[str, str] = {
    "incall": N_("incoming number"),
    "context": N_("context"),
    "trunk": N_("trunk"),
    "queue": N_("queue"),
    "conference": N_("conference"),
}
"""Where a rule hangs, by the word before the colon of `rule_origin`."""
ACTORS: Mapping[ActorKind, str] = {
    ActorKind.USER: N_("by phone"),
    ActorKind.POLICY: N_("by a rule"),
    ActorKind.OPERATOR: N_("from here or by a program"),
    ActorKind.PARTICIPANT: N_("by a participant who does not want it"),
    ActorKind.SYSTEM: N_("by callrec"),
}
CONTROLS: Mapping[Control, str] = {
    Control.START: N_("Start"),
    Control.STOP: N_("Stop"),
    Control.PAUSE: N_("Pause"),
    Control.RESUME: N_("Resume"),
}
DONE: Mapping[Control, str] = {
    Control.START: N_("The call is recorded: its files grow."),
    Control.STOP: N_("The recording has ended."),
    Control.PAUSE: N_("The recording is paused: Asterisk has confirmed it."),
    Control.RESUME: N_("The recording goes on: its files grow."),
}
"""Said when it is proven."""
UNDER_WAY: Mapping[Control, str] = {
    Control.START: N_("The recording is starting. It is not proven yet that a file grows."),
    Control.STOP: N_("The recording is being stopped. Its files are not closed yet."),
    Control.PAUSE: N_("The pause is asked for. Asterisk has not confirmed it yet."),
    Control.RESUME: N_("The recording is to go on. It is not proven yet that a file grows."),
}
"""Said while it is not."""
REFUSED: Mapping[ErrorCode, str] = {
    "call-ended": N_("This call has ended."),
    "no-such-call": N_("This call has ended."),
    "no-conversation": N_("This call is not answered yet."),
    "rule-never": N_("A participant of this call must not be recorded."),
    "rule-always": N_("A rule wants this call to be recorded: it can be paused, not stopped."),
    "recorded-by-dialplan": N_("Asterisk records this call by itself: that cannot be changed from here."),
    "recording-paused": N_("The recording is paused: resume it."),
    "not-recorded": N_("This call is not recorded."),
    "control-failed": N_("Something else came of it: the state of the call says what."),
    "control-reason": N_("The reason is too long, or has characters that cannot be stored."),
}
"""By the code of what was refused."""


def offered(state: LiveState) -> tuple[Control, ...]:
    """What can sensibly be asked in this state."""
    match state:
        case LiveState.RECORDING | LiveState.STARTING | LiveState.SUSPECT:
            return (Control.PAUSE, Control.STOP)
        case LiveState.PAUSED | LiveState.PAUSING:
            return (Control.RESUME, Control.STOP)
        case LiveState.IDLE | LiveState.FAILED:
            return (Control.START,)
        case LiveState.ANNOUNCING | LiveState.ABSENT:
            return (Control.STOP,)
        case _:
            return ()
