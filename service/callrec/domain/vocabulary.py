"""Names that logs, metrics, events and the dialplan share: causes of alarms, outcomes of presses, facts of calls, reasons for
drops, FastAGI scripts. Metrics take their labels from here, so that no listed value is counted as `other`.
"""

import re
from enum import StrEnum

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class AlarmCause(StrEnum):
    """The cause of an alarm, up to its first colon; the code of an error, or the cause of what is missing, may follow."""

    FILE_NOT_OPENED = "file-not-opened"
    FILE_NOT_GROWING = "file-not-growing"
    STALLED = "stalled"
    STOP_OVERDUE = "stop-overdue"
    PAUSE_TOO_LONG = "pause-too-long"
    """A pause reached the longest time that the setting allows, and has ended."""
    STOPPED_BY_ANOTHER = "stopped-by-another"
    """Another program stopped callrec's recorder during the call."""
    CAPTURE_NOT_CLOSING = "take-not-closing"
    DEAF_LEG = "deaf-leg"
    TRACK_INCOMPLETE = "track-incomplete"
    """A participant's track lacks something that its recording's own file does not; why follows (`track-incomplete: gap`)."""
    NO_DECODER = "no-decoder"
    """Asterisk has no decoder for what the phones send (`no-decoder: g729`): no recorder can hear the call. Likewise a fax:"""
    FAX = "t38"
    AMI_DOWN = "ami-down"
    """The capture could not be requested from Asterisk; likewise the next four."""
    AMI_CONGESTED = "ami-congested"
    AMI_ERROR = "ami-error"
    AMI_HEADER = "ami-header"
    AMI_OUTCOME_UNKNOWN = "ami-outcome-unknown"
    WRITE = "Write"
    """A command of a call failed; likewise the next ones."""
    OPEN_CAPTURE = "OpenTake"
    CLOSE_CAPTURE = "CloseTake"
    MUTE_CAPTURE = "MuteTake"
    HAND_OVER = "HandOver"
    APPLICATION = "application"
    APPLICATION_PRESS = "application-press"
    """A background task failed; likewise the next ones."""
    EXAMINE = "examine"
    ANNOUNCE = "announce"
    DEVICE_STATE = "lamp"
    LATE_CAPTURE = "late-take"
    RESYNC = "resync"
    ORPHAN = "stray"
    ORPHANS = "orphans"
    RECORDER = "recorder"
    """Asterisk did not report which recorder a leg carries."""
    FALLBACK = "degraded"
    """A fallback capture or a fallback change could not be processed."""
    MIRROR = "mirror"
    JOURNAL = "journal"
    JOURNAL_SLOW = "journal-slow"
    SPOOL = "spool"
    ENCODER = "encoder"
    TOO_MANY_CALLS = "too-many-calls"
    TOO_MANY_CAPTURES = "too-many-takes"
    CONFGEN = "confgen"
    CONFGEN_LEFT_OUT = "confgen-left-out"
    STORE = "store"
    TABLES = "tables"
    CATALOGUE = "catalogue"
    """The catalogue of recordings accepts no changes."""
    WEBHOOK = "webhook"
    """A receiver does not get its events."""
    MEDIA_CHANGED = "media-changed"
    """A stored file is not what its sidecar says: `media-changed: <code of the error>`."""
    AUDIT_TIMESTAMP = "audit-timestamp"
    """The authority gives no time stamp of the audit log: `audit-timestamp: <code of the error>`."""
    RETENTION = "retention"
    """Not all that is due can go: `retention: space` (nothing may), or the code of an error."""
    ERASURE = "erasure"
    """An erased recording has left something in a place that cannot be cleared now: `erasure: <place>`."""
    ENCRYPTION = "encryption"
    """The master keys cannot be had: `encryption: <code of the error>`. Recordings wait in the spool."""
    USER_EVENT = "user-event"
    RECORDING_MARK = "recording-mark"

    @property
    def label(self) -> str:
        """The label of the metric: small letters and hyphens."""
        return _CAPITAL.sub("-", self).lower()


class Outcome(StrEnum):
    """The outcome of a press of `*3` or `*4`. The values are also those of CALLREC_RESULT in the dialplan, and labels in
    metrics."""

    STARTED = "started"
    ANNOUNCING = "announcing"
    """The participants are told that they are recorded; the recording begins when they have heard it."""
    STOPPED = "stopped"
    PAUSED = "paused"
    RESUMED = "resumed"
    ABSORBED = "absorbed"
    ALREADY = "already"
    """The call is recorded always: `*3` changed nothing."""
    IS_PAUSED = "is-paused"
    """The recording is paused by something else: the press changed nothing."""
    NOT_RECORDED = "not-recorded"
    """The call is not recorded: `*4` changed nothing."""
    NOT_PAUSED = "not-paused"
    """Asterisk has not confirmed the pause: what is said may be recorded."""
    REFUSED = "refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


class ControlAnswer(StrEnum):
    """What is said at once to an operator's request: whether the call does it. What comes of it the call's state shows."""

    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    """It is so already."""
    ENDED = "ended"
    NO_CONVERSATION = "no-conversation"
    NEVER = "rule-never"
    ALWAYS = "rule-always"
    NOT_RECORDED = "not-recorded"
    BY_DIALPLAN = "recorded-by-dialplan"
    """The dialplan records the call by itself: the daemon was away when it began."""
    PAUSED = "recording-paused"


class CallFact(StrEnum):
    """A fact of a call: the type of its event."""

    RECORDING = "recording"
    PAUSED = "recording-paused"
    RESUMED = "recording-resumed"
    RECORDING_ENDED = "recording-ended"
    PRESS_STARTED = "press-started"
    PRESS_ANNOUNCING = "press-announcing"
    PRESS_STOPPED = "press-stopped"
    PRESS_PAUSED = "press-paused"
    PRESS_RESUMED = "press-resumed"
    PRESS_ABSORBED = "press-absorbed"
    PRESS_ALREADY = "press-already"
    PRESS_IS_PAUSED = "press-is-paused"
    PRESS_NOT_RECORDED = "press-not-recorded"
    PRESS_NOT_PAUSED = "press-not-paused"
    PRESS_REFUSED = "press-refused"
    PRESS_FAILED = "press-failed"
    PRESS_UNAVAILABLE = "press-unavailable"

    @classmethod
    def of_press(cls, outcome: Outcome) -> "CallFact":
        """The fact for this outcome of a press."""
        return cls(f"press-{outcome}")


class DropReason(StrEnum):
    """What was dropped at a limit; the names of background tasks are among them."""

    EVENT_QUEUE = "call-mailbox"
    """The oldest event of a call's event queue, which was full."""
    HELD_BACK = "held-back"
    """An event that came during a resync."""
    LEG = "leg"
    """A leg above the number of legs, or in a call above the number of calls, that are followed."""
    ANNOUNCE = "announce"
    APPLICATION_PRESS = "application-press"
    DEVICE_STATE = "lamp"
    APPLICATION = "application"
    """Asking which application a user talks with."""
    EXAMINE = "examine"
    LATE_CAPTURE = "late-take"
    RESYNC = "resync"
    ORPHAN = "stray"
    EVENT = "event"
    """An event for the stream."""
    EVENT_UNREADABLE = "event-unreadable"
    """An entry of the stream that is no event of the schema."""
    RECORDING_MARK = "recording-mark"
    """Setting a recording's id on a channel."""
    SUBSCRIBER = "subscriber"
    """A subscriber of the events that read too slowly."""
    INTAKE = "intake"
    """A recording that waits in the journal, since the queue of the finalizer is full."""
    HTTP_CONNECTION = "http-connection"
    MEDIA = "media"
    """A request for a recording's audio, since so many are being sent or encoded."""


class AgiScript(StrEnum):
    """The scripts that the dialplan requests over FastAGI."""

    TOGGLE = "toggle"
    """`*3`."""
    PAUSE = "pause"
    """`*4`."""
    CALL = "call"
    """The hook before Dial."""
    ALWAYS_RECORD = "always-record"
    """`*26`."""
    SERVICE = "service"
    """All other feature codes, and function keys."""
    LOOKUP = "lookup"
