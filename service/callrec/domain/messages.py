"""What a session hears (events) and what it asks for (commands). Frozen, flat, in domain words."""

from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.lifecycle import Entry
from callrec.domain.model import BridgeId, Leg, LegId, Recording, Speech, Take, TakeId
from callrec.domain.provisioning.model import Rule, User, UserId


@dataclass(frozen=True, slots=True)
class LegAppeared:
    """A channel of this call exists (it may be ringing)."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegGone:
    """The channel hung up; `cause` is Q.850's number for why, 0 when unknown."""

    leg: LegId
    cause: int = 0
    is_missed: bool = False
    """No event told when: it is gone now, and was there at the last look."""


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The channel is up: its phone has answered, or the dialplan has answered its call."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Served:
    """The leg has dialled a feature code of ours."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegMoved:
    """The leg talks in another call from here on, and those whom it leaves talk on here. It lives, and so does its recorder."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class TakenOver:
    """All legs of this call belong to another one from here on. They live, and so do their recorders."""


@dataclass(frozen=True, slots=True)
class Called:
    """The hook before Dial: this user is about to be rung."""

    leg: LegId
    user: User | None
    number: str


@dataclass(frozen=True, slots=True)
class DialEnded:
    """A dial came to its end; `status` is Asterisk's DIALSTATUS (ANSWER, BUSY, NOANSWER, CANCEL, ...)."""

    status: str


@dataclass(frozen=True, slots=True)
class Bridged:
    """A leg entered a bridge: it is answered and in conversation. `rate_hz` is known for legs that policy may record."""

    bridge: BridgeId
    leg: Leg
    rate_hz: int | None = None


@dataclass(frozen=True, slots=True)
class LegsJoined:
    """Legs of another call belong to this one from here on. All at once: the last may be the one whom *never* protects."""

    talking: tuple[Bridged, ...]
    alone: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class Unbridged:
    """A leg left a bridge; None: it is in none."""

    bridge: BridgeId | None
    leg: LegId


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """This leg has put those it talks with on hold, or takes them back."""

    leg: LegId
    is_held: bool


@dataclass(frozen=True, slots=True)
class MusicChanged:
    """Music on hold begins or ends on this leg."""

    leg: LegId
    plays: bool


@dataclass(frozen=True, slots=True)
class Parked:
    """The leg is in a parking bridge."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class Spoke:
    """A leg that is listened to has begun to speak."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class NotListened:
    """Asterisk cannot tell whether this leg speaks."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class LegBroken:
    """The takes on this leg ended without Asterisk's doing: it died. Their files hold what reached the disk."""

    leg: LegId
    cause: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """`*3` on this leg. `reply` names the waiting AGI dialogue; `user` as the tables are at this moment."""

    leg: LegId
    user: User | None
    reply: str
    rate_hz: int | None = None


@dataclass(frozen=True, slots=True)
class TakeSeen:
    """Both files of the take exist and Asterisk has told its MixMonitorID."""

    take: TakeId
    mixmonitor: str


@dataclass(frozen=True, slots=True)
class TakeGrew:
    """The take's files grew for the first time, or again after a stall."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class TakeQuiet:
    """The take's files have not grown for longer than Asterisk's buffer explains: nothing was sent, or its recorder is dead."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class TakeStalled:
    """The take's files do not grow though there is sound to write."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class TakeDeaf:
    """The take has not got what this partner said. A further one may get it, when for a moment there is none."""

    take: TakeId
    leg: LegId


@dataclass(frozen=True, slots=True)
class TakeClosed:
    """Asterisk has closed the take's files, so long ago (a daemon that was stopped hears of it later)."""

    take: TakeId
    ago_s: float = 0.0


@dataclass(frozen=True, slots=True)
class TakeStopped:
    """A press stopped the take by the dialplan alone, while we could not be asked; its files are closed."""

    take: TakeId


@dataclass(frozen=True, slots=True)
class TakeRefused:
    """A command about the take could not be done; `unavailable` when Asterisk could not be asked at all."""

    take: TakeId
    cause: str
    unavailable: bool = False


@dataclass(frozen=True, slots=True)
class Announced:
    """A tone about the take was played to its end; it happened when it began."""

    take: TakeId


class Wait(StrEnum):
    """What a deadline waits for."""

    OPEN = "open"
    GROWTH = "growth"
    LOST = "lost"
    STOP = "stop"
    RETRY = "retry"
    PAUSE = "pause"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """An armed deadline came. A take that is no longer waiting for it makes it late news."""

    wait: Wait
    take: TakeId | None


@dataclass(frozen=True, slots=True)
class Reconsidered:
    """The links to Asterisk are back: look at the bridges again."""


Event = (
    LegAppeared | LegAnswered | LegGone | LegMoved | TakenOver | LegBroken | Called | Served | DialEnded
    | Bridged | LegsJoined | Unbridged | Pressed
    | HoldChanged | MusicChanged | Parked | Spoke | NotListened
    | TakeSeen | TakeGrew | TakeQuiet | TakeStalled | TakeDeaf | TakeClosed | TakeStopped
    | TakeRefused | Announced | DeadlinePassed | Reconsidered
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Write:
    """Put this entry on disk before anything that follows it is done."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class OpenTake:
    """Ask Asterisk for a capture, under this rule."""

    take: Take
    rule: Rule


@dataclass(frozen=True, slots=True)
class CloseTake:
    """Stop exactly this capture."""

    take: Take


@dataclass(frozen=True, slots=True)
class MuteTake:
    """Mute or unmute the capture."""

    take: Take
    muted: bool


@dataclass(frozen=True, slots=True)
class Examine:
    """Find out whether anything is sent that this quiet take should hold; TakeStalled says that it is."""

    take: Take


@dataclass(frozen=True, slots=True)
class Listen:
    """Have Asterisk tell when this leg begins to speak, or not any more."""

    leg: LegId
    on: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """Look whether the take holds what was said there, as soon as its files are that far; TakeDeaf says that it does not."""

    take: Take
    speech: Speech


@dataclass(frozen=True, slots=True)
class Arm:
    """Send DeadlinePassed after this many seconds."""

    wait: Wait
    take: TakeId | None
    after_s: float


class Outcome(StrEnum):
    """What a presser of `*3` is told. The same words are CALLREC_RESULT in the dialplan and labels in metrics."""

    STARTED = "started"
    STOPPED = "stopped"
    PAUSED = "paused"
    RESUMED = "resumed"
    ABSORBED = "absorbed"
    ALREADY = "already"
    """The call is recorded always: `*3` changed nothing."""
    REFUSED = "refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the waiting AGI dialogue."""

    reply: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Announce:
    """Let the parties of this take hear an outcome."""

    take: Take
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Light:
    """The `*3` lamps of these users."""

    users: tuple[UserId, ...]
    lit: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something went wrong that an operator must see."""

    cause: str
    take: TakeId | None


@dataclass(frozen=True, slots=True)
class Tell:
    """A fact for the event stream and the log, e.g. `recording-started`."""

    fact: str
    recording: Recording | None
    user: UserId | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """Intake owns this recording from here on."""

    recording: Recording


Command = (
    Write
    | OpenTake
    | CloseTake
    | MuteTake
    | Examine
    | Listen
    | Compare
    | Arm
    | Reply
    | Announce
    | Light
    | Alarm
    | Tell
    | HandOver
)
