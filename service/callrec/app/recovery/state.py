"""What recovery remembers between its steps, and what it works with. A start finds all of it again in journal and spool."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field

from callrec.app.ports.asterisk import CaptureNotes, ChannelList
from callrec.app.ports.calls import Clock, Endpoints, Journal, LegNotes, LegStatus, Recorder, Spool
from callrec.app.ports.observer import Observer
from callrec.app.recovery.plan import Found, Running, Spooled
from callrec.domain.calls.commands import Alarm
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.file_names import FallbackFile, Side
from callrec.domain.vocabulary import AlarmCause


@dataclass(slots=True)
class RecoveryState:
    """The only mutable state of this package."""

    unfinished: list[Entry]
    """Of the journal, from before: neither adopted by a call nor ended yet."""
    events_missed_since_s: float = 0.0
    """Since when calls may have been missed, in Unix time: a former daemon gave its last sign, or the link was lost. Infinite
    when none were."""
    known: Collection[Recording] = ()
    """The recordings that were known at the last comparison with Asterisk."""
    listed: Collection[LegId] = ()
    """The legs that Asterisk listed then."""
    listed_s: float = 0.0
    """When the listing was asked for: from then on all calls are seen."""
    finished: Collection[Recording] = ()
    """What a former daemon finished last."""
    is_resynced: bool = False
    """Whether the calls were compared with Asterisk's channels since the link came up."""
    asterisk_since_s: float = 0.0
    """When the running Asterisk started, in Unix time; 0 until it has said so."""
    has_asterisk_restarted: bool = False
    """Whether another Asterisk runs since the last resync."""
    stopped: list[Running] = field(default_factory=list)
    """Surplus recorders that were stopped: Asterisk closes their files now."""
    to_end: list[Recording] = field(default_factory=list)
    """Recordings that have ended: the journal and the finalizer do not know it yet."""
    has_taken_orphans: bool = False
    """Whether no file was closed without an open capture since orphan files were looked for."""
    fallback_ended: dict[CallId, FallbackFile] = field(default_factory=dict)
    """Fallback captures that have ended and are not recordings yet: one file of each."""
    fallback_begun: set[CallId] = field(default_factory=set)
    """Fallback captures that the journal knows, and whose files may not have their new names yet."""
    fallback_taken: set[LegId] = field(default_factory=set)
    """The legs of always-record captures of the dialplan that became recordings since events are held."""
    fallback_left: set[LegId] = field(default_factory=set)
    """The legs of always-record captures of the dialplan that go on without the daemon, as far as this comparison knows."""
    fallback_created: dict[CallId, FallbackFile] = field(default_factory=dict)
    """Fallback captures that began since events are held: one file of each."""
    fallback_closed: dict[CallId, set[Side]] = field(default_factory=dict)
    """Which files of running fallback captures were closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPorts:
    """What recovery works with."""

    node: NodeId
    clock: Clock
    journal: Journal
    spool: Spool
    recorder: Recorder
    leg_notes: LegNotes
    leg_status: LegStatus
    channels: ChannelList
    notes: CaptureNotes
    endpoints: Endpoints
    observer: Observer
    tables_known: Callable[[float], Awaitable[bool]]
    """Waits so many seconds at most until the copy of the tables follows the store; whether it does."""
    hand_over: Callable[[Recording], None]
    """Gives an ended recording to the finalizer."""

    may_opt_out: bool = False
    """Whether participants may opt out of being recorded, by a digit."""

    def spooled(self, captures: Iterable[CaptureId]) -> Spooled:
        """What the spool tells of these captures. Blocking. Raises Unavailable."""
        return {one: Found(self.spool.capture_files(one), self.spool.written_ago_s(one)) for one in captures}

    async def end(self, recording: Recording) -> None:
        """Journal that the recording has ended, and give it to the finalizer, also when the journal refuses: its files are found
        again."""
        try:
            await self.journal.append(Entry(Step.ENDED, recording))
        except CallrecError as error:
            self.alarm(AlarmCause.JOURNAL, error, recording.call)
        self.hand_over(recording)

    def alarm(self, cause: AlarmCause, error: CallrecError, call: str = "") -> None:
        """Tell an operator what failed."""
        self.observer.alarmed(Alarm(f"{cause}: {error.code}", None), call)
