"""What a call asks for, in the order in which it is to be done. Frozen and flat."""

from dataclasses import dataclass

from callrec.domain.calls.events import Wait
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import Capture, Recording, Signal, Told
from callrec.domain.rules import Rule, UserId
from callrec.domain.vocabulary import ControlAnswer, Outcome


@dataclass(frozen=True, slots=True)
class Write:
    """Put this entry on disk before anything that follows it is done."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class OpenCapture:
    """Ask Asterisk for a capture, under this rule."""

    capture: Capture
    rule: Rule


@dataclass(frozen=True, slots=True)
class CloseCapture:
    """Stop exactly this capture."""

    capture: Capture


@dataclass(frozen=True, slots=True)
class MuteCapture:
    """Mute or unmute the capture: CaptureMuted, or MuteRefused. `since_s`: when the pause began, in Unix time; a note on the leg
    tells it to a daemon that starts later."""

    capture: Capture
    muted: bool
    since_s: float | None = None


@dataclass(frozen=True, slots=True)
class NotePause:
    """Note on these legs that their call is paused, and since when (Unix time); None: remove the note."""

    legs: tuple[LegId, ...]
    since_s: float | None


@dataclass(frozen=True, slots=True)
class ListenForOptOut:
    """Have Asterisk tell the digits that are pressed on these legs: OptOutPressed when one is the right one."""

    legs: tuple[LegId, ...]


@dataclass(frozen=True, slots=True)
class NoteOptOut:
    """The participant of this leg has opted out: note it for all that comes of this leg later, also after a restart."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class AnswerControl:
    """Answer the request of an operator."""

    reply: str
    answer: ControlAnswer


@dataclass(frozen=True, slots=True)
class Examine:
    """Find out whether anything is sent that this quiet capture should hold; CaptureStalled says that it is."""

    capture: Capture


@dataclass(frozen=True, slots=True)
class AskApplication:
    """Find out what this leg runs: ApplicationTold. Nothing when Asterisk does not say."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class AwaitVoice:
    """Look until the capture's file of what its leg hears holds sound since `since_s` (Unix time), when that leg met this
    partner: then PartnerHeard."""

    capture: Capture
    leg: LegId
    since_s: float


@dataclass(frozen=True, slots=True)
class Arm:
    """Send DeadlinePassed after this many seconds."""

    wait: Wait
    capture: CaptureId | None
    after_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the waiting AGI dialogue."""

    reply: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Announce:
    """Let these legs hear an outcome of this capture, or that they are recorded. Who has heard the latter Announced tells."""

    capture: Capture
    what: Outcome | Told | Signal
    legs: tuple[LegId, ...]
    tells: bool = False
    """Whether it tells them that they are recorded: the manifest says who has heard it."""


@dataclass(frozen=True, slots=True)
class Light:
    """The `*3` lamps of these users."""

    users: tuple[UserId, ...]
    lit: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something went wrong that an operator must see."""

    cause: str
    capture: CaptureId | None


@dataclass(frozen=True, slots=True)
class Tell:
    """A fact for the event stream and the log, e.g. `recording-started`."""

    fact: str
    recording: Recording | None
    user: UserId | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """The finalizer owns this recording from here on."""

    recording: Recording


Command = (
    Write
    | OpenCapture
    | CloseCapture
    | MuteCapture
    | NotePause
    | ListenForOptOut
    | NoteOptOut
    | AnswerControl
    | Examine
    | AskApplication
    | AwaitVoice
    | Arm
    | Reply
    | Announce
    | Light
    | Alarm
    | Tell
    | HandOver
)
