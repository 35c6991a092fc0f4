"""What a call hears: facts in the past tense, frozen and flat."""

from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.calls.ids import BridgeId, CaptureId, LegId
from callrec.domain.calls.model import Control, Leg, LegAudio, Quality, Renumbering, RtpGap
from callrec.domain.rules import CallUser


@dataclass(frozen=True, slots=True)
class LegAppeared:
    """A channel of this call exists (it may be ringing)."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegGone:
    """The channel hung up; `cause` is Q.850's number for why, 0 when unknown."""

    leg: LegId
    cause: int = 0
    is_unseen: bool = False
    """No event told when: it is gone now, and was there at the last look."""


@dataclass(frozen=True, slots=True)
class PlaceTold:
    """It became known to which queue or conference this leg's call has come, or that it has left: the leg as it is now."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The channel is up: its phone has answered, or the dialplan has answered its call."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class FeatureCodeDialled:
    """The leg has dialled a feature code of ours."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class DialplanRecords:
    """The dialplan records the call of this leg by itself, since it could not ask us: from the answer until the leg hangs up."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class DialplanCompared:
    """A new list of the legs that the dialplan records follows; what was told before is out of date."""


@dataclass(frozen=True, slots=True)
class ApplicationTold:
    """The application that the leg runs at this moment, with its arguments, and the rate of the leg's audio."""

    leg: LegId
    name: str
    arguments: str = ""
    rate_hz: int | None = None
    undecodable: str = ""


@dataclass(frozen=True, slots=True)
class LegMoved:
    """The leg goes on in another call, and the legs that it leaves go on here. It lives, and so does its recorder."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class CallMerged:
    """All legs of this call belong to another one from here on. They live, and so do their recorders."""


@dataclass(frozen=True, slots=True)
class DialStarted:
    """The hook before Dial: this user is about to be rung. `shown` and `shown_name`: the leg's caller id at that moment, as the
    dialplan may have set it."""

    leg: LegId
    user: CallUser | None
    number: str
    shown: str = ""
    shown_name: str = ""


@dataclass(frozen=True, slots=True)
class DialEnded:
    """A dial came to its end; `status` is Asterisk's DIALSTATUS (ANSWER, BUSY, NOANSWER, CANCEL, ...)."""

    status: str


@dataclass(frozen=True, slots=True)
class LegBridged:
    """A leg entered a bridge: it is answered and in conversation. `rate_hz` is known for legs that policy may record, and with it
    whether a recorder can hear the leg (`undecodable`: why not)."""

    bridge: BridgeId
    leg: Leg
    rate_hz: int | None = None
    undecodable: str = ""


@dataclass(frozen=True, slots=True)
class LegsJoined:
    """Legs of another call belong to this one from here on. All at once: the last may be one that *never* protects. `from_pause`:
    those that talked there while it was paused."""

    in_bridges: tuple[LegBridged, ...]
    unbridged: tuple[Leg, ...]
    from_pause: frozenset[LegId] = frozenset()


@dataclass(frozen=True, slots=True)
class LegUnbridged:
    """A leg left a bridge; None: it is in none."""

    bridge: BridgeId | None
    leg: LegId


@dataclass(frozen=True, slots=True)
class HoldChanged:
    """This leg has put those it talks with on hold, or takes them back."""

    leg: LegId
    holds_others: bool


@dataclass(frozen=True, slots=True)
class MusicChanged:
    """Music on hold begins or ends on this leg."""

    leg: LegId
    plays: bool


@dataclass(frozen=True, slots=True)
class LegMeasured:
    """What was counted of the leg's RTP since it began."""

    leg: LegId
    quality: Quality


@dataclass(frozen=True, slots=True)
class RtpRenumbered:
    """The leg's phone has gone on with other sequence numbers. Its times are monotonic."""

    renumbering: Renumbering


@dataclass(frozen=True, slots=True)
class VoiceUnheard:
    """The capture's file holds digital silence in the place of this leg's voice, since `since_s` on the monotonic clock, when its
    phone restarted its RTP numbering: the recorder is deaf to it."""

    capture: CaptureId
    leg: LegId
    since_s: float


@dataclass(frozen=True, slots=True)
class PacketsHeldBack:
    """Packets of this leg's phone came late and then all at once: the capture's file is silent from then to then instead, on the
    monotonic clock."""

    capture: CaptureId
    leg: LegId
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class LegAudioTold:
    """How the leg's audio can be recorded now."""

    leg: LegId
    audio: LegAudio


@dataclass(frozen=True, slots=True)
class LegParked:
    """The leg is in a parking bridge."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class SupervisorCame:
    """A supervisor listens in on this leg. `may_speak`: to it, or to its whole conversation."""

    leg: LegId
    supervisor: Leg
    may_speak: bool = True


@dataclass(frozen=True, slots=True)
class SupervisorLeft:
    """A supervisor listens in on this leg no more."""

    leg: LegId
    supervisor: LegId


@dataclass(frozen=True, slots=True)
class LegBroken:
    """The captures on this leg ended without Asterisk's doing: it died. Their files hold what reached the disk."""

    leg: LegId
    cause: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """`*3` on this leg. `reply` names the waiting AGI dialogue; `user` as the tables are at this moment."""

    leg: LegId
    user: CallUser | None
    reply: str
    rate_hz: int | None = None
    undecodable: str = ""


@dataclass(frozen=True, slots=True)
class PausePressed:
    """`*4` on this leg; see Pressed."""

    leg: LegId
    user: CallUser | None
    reply: str


@dataclass(frozen=True, slots=True)
class Controlled:
    """An operator asks for a change of the call's recording. `reply` names the waiting request; `most_s`: how long a pause may
    last; `asker`: as in `Actor`."""

    control: Control
    reply: str
    reason: str = ""
    most_s: float | None = None
    asker: str = ""


@dataclass(frozen=True, slots=True)
class OptOutPressed:
    """The digit by which one from outside opts out was pressed on this leg."""

    leg: LegId


@dataclass(frozen=True, slots=True)
class CaptureMuted:
    """Asterisk has muted the capture, or unmuted it."""

    capture: CaptureId
    muted: bool


@dataclass(frozen=True, slots=True)
class MuteRefused:
    """The capture could not be muted, or unmuted: which of the two it is now is not known."""

    capture: CaptureId
    muted: bool
    cause: str


@dataclass(frozen=True, slots=True)
class CaptureOpened:
    """Both files of the capture exist and Asterisk has told its MixMonitorID."""

    capture: CaptureId
    mixmonitor: str


@dataclass(frozen=True, slots=True)
class CaptureGrew:
    """The capture's files grew for the first time, or again after a stall."""

    capture: CaptureId


@dataclass(frozen=True, slots=True)
class CaptureMarked:
    """So long ago the capture's files had so many samples each, which steady writing did not lead to expect."""

    capture: CaptureId
    samples: int
    ago_s: float


@dataclass(frozen=True, slots=True)
class RtpStoodStill:
    """No RTP packet came or went on the leg of this capture. The times are monotonic; told again while it lasts, with a later
    end."""

    capture: CaptureId
    gap: RtpGap


@dataclass(frozen=True, slots=True)
class CaptureQuiet:
    """The capture's files have not grown for longer than Asterisk's buffer explains: nothing was sent, or its recorder died."""

    capture: CaptureId


@dataclass(frozen=True, slots=True)
class CaptureStalled:
    """The capture's files do not grow though there is sound to write."""

    capture: CaptureId


@dataclass(frozen=True, slots=True)
class PartnerHeard:
    """The recorded leg's capture holds sound since this partner's leg met it, which was at `since_s` (Unix time)."""

    capture: CaptureId
    leg: LegId
    since_s: float


@dataclass(frozen=True, slots=True)
class CaptureClosed:
    """Asterisk has closed the capture's files, so long ago (a daemon that was stopped hears of it later)."""

    capture: CaptureId
    ago_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CaptureStopped:
    """A press stopped the capture by the dialplan alone, while we could not be asked; its files are closed."""

    capture: CaptureId


@dataclass(frozen=True, slots=True)
class CaptureRefused:
    """A command about the capture could not be done; `unavailable` when Asterisk could not be asked at all. `may_be_at_work`: its
    start was never answered, and its files are there or cannot be blocked."""

    capture: CaptureId
    cause: str
    unavailable: bool = False
    may_be_at_work: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a playback to one leg, which lasted so long. `cause`: see `model.Hearing`."""

    leg: LegId
    lasted_s: float
    cause: str = ""
    packets: int | None = None


@dataclass(frozen=True, slots=True)
class Announced:
    """These legs were told that they are recorded, or could not be; it happened when it began."""

    capture: CaptureId
    played: tuple[Played, ...]


class Wait(StrEnum):
    """What a deadline waits for."""

    OPEN = "open"
    GROWTH = "growth"
    LOST = "lost"
    LET_GO = "let go"
    STOP = "stop"
    RETRY = "retry"
    PAUSE = "pause"
    SETTLE = "settle"
    TELL_AGAIN = "tell again"
    ANNOUNCING = "announcing"
    BEEP = "beep"
    APPLICATION = "application"
    FAR_HALF = "far half"


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """An armed deadline came. A capture that is no longer waiting for it makes it late news."""

    wait: Wait
    capture: CaptureId | None


@dataclass(frozen=True, slots=True)
class ResyncEnded:
    """The links to Asterisk are back: look at the bridges again."""


LegEvent = (
    LegAppeared | LegAnswered | LegGone | LegMoved | CallMerged | LegBroken | DialStarted | FeatureCodeDialled | DialEnded
    | DialplanRecords | DialplanCompared | ApplicationTold | PlaceTold | LegBridged | LegsJoined | LegUnbridged
    | HoldChanged | MusicChanged | LegParked | LegMeasured | LegAudioTold | SupervisorCame | SupervisorLeft
    | RtpRenumbered | VoiceUnheard | PacketsHeldBack
)  # fmt: skip
"""What Asterisk tells of the legs, their bridges and their audio."""
RecordingEvent = (
    Pressed | PausePressed | Controlled | OptOutPressed | CaptureMuted | MuteRefused | Announced
    | CaptureOpened | CaptureGrew | CaptureMarked | RtpStoodStill | CaptureQuiet | CaptureStalled | PartnerHeard
    | CaptureClosed | CaptureStopped | CaptureRefused | DeadlinePassed | ResyncEnded
)  # fmt: skip
"""What people ask of the recording, and what becomes of its captures."""
Event = LegEvent | RecordingEvent
