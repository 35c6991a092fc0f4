"""A daemon that comes home, for the tests: what it finds in journal, spool and Asterisk."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from callrec.app.calls.call_router import CallRouter
from callrec.app.calls.capture_files.spool_router import SpoolRouter
from callrec.app.recovery.resync import Resync
from callrec.app.recovery.state import RecoveryPorts, RecoveryState
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry
from callrec.domain.calls.model import Actor, ActorKind, Capture, Recording
from callrec.domain.calls.session import State
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.library.captures import FileClosed, FileCreated
from callrec.domain.library.file_names import FallbackFile, Side, fallback_file
from callrec.domain.library.missed_conversations import MissedConversation
from callrec.domain.rules import Rule
from callrec_lab.simulated_asterisk import ALICE, EPOCH_S, Stage, event

LEG, OTHER = LegId("1.1"), LegId("1.2")
OLD = Capture(CaptureId("old-1-1"), LEG, "PJSIP/alice-00000001", 8000, EPOCH_S - 60, mixmonitor="0x9")
NOW = int(EPOCH_S) - 30
PRESS, POLICY = f"on_demand-alice-1.1-{NOW}", f"always-ever-1.1-{NOW}"


class Notes:
    """What the dialplan noted beside its captures, by the stem of their names; see ports.CaptureNotes."""

    def __init__(self) -> None:
        self.noted: dict[str, CaptureNote] = {}
        self.conversations: list[MissedConversation] = []
        self.fault: CallrecError | None = None

    async def read(self, file: FallbackFile) -> CaptureNote | None:
        """See CaptureNotes."""
        if self.fault:
            raise self.fault
        return self.noted.get(file.stem)

    async def forget(self, file: FallbackFile) -> None:
        """See CaptureNotes; Asterisk refuses to forget what it has not got."""
        if self.fault or file.stem not in self.noted:
            raise self.fault or Refused("ami-refused", "Database entry not found")
        del self.noted[file.stem]

    async def missed(self) -> Sequence[MissedConversation]:
        """See CaptureNotes."""
        if self.fault:
            raise self.fault
        return tuple(self.conversations)

    async def forget_missed(self) -> None:
        """See CaptureNotes."""
        if self.fault or not self.conversations:
            raise self.fault or Refused("ami-refused", "Database entry not found")
        self.conversations.clear()


class House:
    """A daemon that begins, with what is there."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.unfinished: list[Entry] = []
        self.mirrored = 0
        self.has_tables = True
        self.events_missed_since_s = 0.0
        self.finished: tuple[Recording, ...] = ()
        self.notes = Notes()
        self.resync = self.begin()
        self.stage.link_is_up = True

    def begin(self) -> Resync:
        """A new one, which has read the journal."""
        stage = self.stage
        ports = RecoveryPorts(
            node=NodeId("n"),
            clock=stage.clock,
            journal=stage.journal,
            spool=stage.spool,
            recorder=stage.asterisk,
            leg_notes=stage.asterisk,
            leg_status=stage.asterisk,
            channels=stage.asterisk,
            notes=self.notes,
            endpoints=stage.directory,
            observer=stage.heard,
            tables_known=self.tables_known,
            hand_over=stage.handed.append,
            may_opt_out=True,
        )
        state = RecoveryState(
            list(self.unfinished), events_missed_since_s=self.events_missed_since_s, finished=self.finished
        )
        self.resync = Resync(ports, state, stage.call_router, stage.background, after=self.mirror)
        self.spool_router = SpoolRouter(
            stage.files,
            orphan_closed=self.resync.orphans.closed,
            fallback_created=self.resync.fallback_created,
            fallback_closed=self.resync.fallback.closed,
        )
        stage.asterisk.news = self.spool_router.event
        return self.resync

    @asynccontextmanager
    async def running(self) -> AsyncIterator[CallRouter]:
        """The engine and the taking-in at work."""
        async with self.stage.running() as call_router:
            taking_in = asyncio.create_task(self.resync.run())
            try:
                yield call_router
            finally:
                taking_in.cancel()
                await asyncio.wait([taking_in])

    async def journaled(self, *entries: Entry) -> Resync:
        """One that finds these unfinished."""
        for entry in entries:
            await self.stage.journal.append(entry)
        self.unfinished = list(self.stage.journal.live())
        return self.begin()

    def mirror(self) -> None:
        """What is always done after."""
        self.mirrored += 1

    async def tables_known(self, limit_s: float) -> bool:
        """As the local copy does."""
        if not self.has_tables:
            await asyncio.sleep(limit_s)
        return self.has_tables

    def talk(self, caller: str = "alice", *, bridge: str = "b1") -> None:
        """What Asterisk lists: the caller talks to Bob."""
        self.stage.asterisk.legs = [
            event("CoreShowChannel", leg, name, linkedid="1.1", BridgeId=bridge)
            for leg, name in ((LEG, caller), (OTHER, "bob"))
        ]

    def sessions(self) -> list[tuple[str, State]]:
        """Live calls: recording and state."""
        return [
            (session.recording.id if session.recording else "", session.state)
            for session in self.stage.call_router.live()
        ]

    def dialplan_begins(self, stem: str) -> None:
        """Asterisk opens both files of a recorder of the dialplan's own, on the first leg."""
        self.stage.asterisk.fallback(stem, 0)
        self.stage.asterisk.recorders[LEG] = "0x7"
        for side in Side:
            file = fallback_file(f"degraded-{stem}.{side.value}.sln")
            assert file
            self.spool_router.event(FileCreated(file))

    def close_fallback(self, stem: str) -> None:
        """Asterisk closes both files."""
        for side in Side:
            file = fallback_file(f"degraded-{stem}.{side.value}.sln")
            assert file
            self.spool_router.event(FileClosed(file))


def old(rule: Rule = Rule.ON_DEMAND, capture: Capture = OLD) -> Recording:
    """What a former daemon left."""
    actor = Actor(ActorKind.USER, ALICE.id, LEG)
    return Recording(
        RecordingId("old-1"), CallId("old"), "1.1", NodeId("n"), rule, actor, EPOCH_S - 60, captures=(capture,)
    )
