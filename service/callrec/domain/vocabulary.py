"""Words that are seen outside and said at many places: what an alarm is about, what a call tells, what is thrown away at a bound,
and what the dialplan asks. Metrics take their labels from here, so that none of them is counted as `other` by accident.
"""

import re
from enum import StrEnum

from callrec.domain.messages import Outcome

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class AlarmCause(StrEnum):
    """What an operator must see, up to the first colon of an alarm's cause; what follows is the code of an error."""

    FILE_NOT_OPENED = "file-not-opened"
    FILE_NOT_GROWING = "file-not-growing"
    STALLED = "stalled"
    STOP_OVERDUE = "stop-overdue"
    STOPPED_BY_ANOTHER = "stopped-by-another"
    """Somebody ended our recorder in the middle of a call."""
    TAKE_NOT_CLOSING = "take-not-closing"
    DEAF_LEG = "deaf-leg"
    AMI_DOWN = "ami-down"
    """A take that Asterisk could not be asked for; likewise the next four."""
    AMI_CONGESTED = "ami-congested"
    AMI_ERROR = "ami-error"
    AMI_HEADER = "ami-header"
    AMI_OUTCOME_UNKNOWN = "ami-outcome-unknown"
    WRITE = "Write"
    """What a call wanted done and could not be; likewise the next ones."""
    OPEN_TAKE = "OpenTake"
    CLOSE_TAKE = "CloseTake"
    MUTE_TAKE = "MuteTake"
    LISTEN = "Listen"
    HAND_OVER = "HandOver"
    COMPARE = "compare"
    """Work beside a call that failed; likewise the next ones."""
    EXAMINE = "examine"
    ANNOUNCE = "announce"
    LAMP = "lamp"
    LATE_TAKE = "late-take"
    RESYNC = "resync"
    STRAY = "stray"
    ORPHANS = "orphans"
    RECORDER = "recorder"
    """Asterisk did not say which recorder a leg carries."""
    DEGRADED = "degraded"
    """What the dialplan recorded alone, or `*26` said, could not be taken in."""
    MIRROR = "mirror"
    JOURNAL = "journal"
    JOURNAL_SLOW = "journal-slow"
    SPOOL = "spool"
    ENCODER = "encoder"
    TOO_MANY_CALLS = "too-many-calls"
    CONFGEN = "confgen"
    CONFGEN_LEFT_OUT = "confgen-left-out"
    STORE = "store"
    TABLES = "tables"

    @property
    def label(self) -> str:
        """The label of the metric: small letters and hyphens."""
        return _CAPITAL.sub("-", self).lower()


class CallFact(StrEnum):
    """What a call tells: the type of its events."""

    RECORDING = "recording"
    RECORDING_ENDED = "recording-ended"
    PRESS_STARTED = "press-started"
    PRESS_STOPPED = "press-stopped"
    PRESS_PAUSED = "press-paused"
    PRESS_RESUMED = "press-resumed"
    PRESS_ABSORBED = "press-absorbed"
    PRESS_ALREADY = "press-already"
    PRESS_REFUSED = "press-refused"
    PRESS_FAILED = "press-failed"
    PRESS_UNAVAILABLE = "press-unavailable"

    @classmethod
    def of_press(cls, outcome: Outcome) -> "CallFact":
        """What a press came to."""
        return cls(f"press-{outcome}")


class DropReason(StrEnum):
    """What is thrown away at a bound, and what work beside a call is called."""

    CALL_MAILBOX = "call-mailbox"
    """A full mailbox's oldest event."""
    HELD_BACK = "held-back"
    """An event that came while calls were compared with Asterisk."""
    LEG = "leg"
    """A leg of more calls, or in more calls, than are followed."""
    ANNOUNCE = "announce"
    LAMP = "lamp"
    COMPARE = "compare"
    EXAMINE = "examine"
    LATE_TAKE = "late-take"
    RESYNC = "resync"
    STRAY = "stray"
    EVENT = "event"
    """An event for the stream."""
    INTAKE = "intake"
    """A recording that waits in the journal instead of intake's queue."""
    HTTP_CONNECTION = "http-connection"


class AgiScript(StrEnum):
    """What the dialplan can ask by FastAGI."""

    TOGGLE = "toggle"
    """`*3`."""
    CALL = "call"
    """The hook before Dial."""
    ALWAYS_RECORD = "always-record"
    """`*26`."""
    SERVICE = "service"
    """All other feature codes, and function keys."""
    LOOKUP = "lookup"
