"""A daemon that comes home, for the tests: what it finds in journal, spool and Asterisk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stage import ALICE, EPOCH_S, Stage, event

from callrec.app.capture_notes import CaptureNote
from callrec.app.engine import Engine
from callrec.app.homecoming import Homecoming
from callrec.app.ports import FileClosed
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.lifecycle import Entry
from callrec.domain.model import Actor, ActorKind, CallId, LegId, NodeId, Recording, RecordingId, Take, TakeId
from callrec.domain.naming import DegradedFile, Side, degraded_file
from callrec.domain.provisioning.model import Rule
from callrec.domain.toggle import State

LEG, OTHER = LegId("1.1"), LegId("1.2")
OLD = Take(TakeId("old-1-1"), LEG, "PJSIP/alice-00000001", 8000, EPOCH_S - 60, mixmonitor="0x9")
NOW = int(EPOCH_S) - 30
PRESS, POLICY = f"on_demand-alice-1.1-{NOW}", f"always-ever-1.1-{NOW}"


class Notes:
    """What the dialplan noted beside its captures, by the stem of their names; see capture_notes.CaptureNotes."""

    def __init__(self) -> None:
        self.noted: dict[str, CaptureNote] = {}
        self.fault: CallrecError | None = None

    async def read(self, file: DegradedFile) -> CaptureNote | None:
        """See CaptureNotes."""
        if self.fault:
            raise self.fault
        return self.noted.get(file.stem)

    async def forget(self, file: DegradedFile) -> None:
        """See CaptureNotes; Asterisk refuses to forget what it has not got."""
        if self.fault or file.stem not in self.noted:
            raise self.fault or Refused("ami-refused", "Database entry not found")
        del self.noted[file.stem]


class House:
    """A daemon that begins, with what is there."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.unfinished: list[Entry] = []
        self.mirrored = 0
        self.has_tables = True
        self.notes = Notes()
        self.homecoming = self.begin()
        self.stage.link_is_up = True

    def begin(self) -> Homecoming:
        """A new one, which has read the journal."""
        stage = self.stage
        self.homecoming = Homecoming(
            engine=stage.engine,
            asking=stage.asterisk,
            spool=stage.spool,
            journal=stage.journal,
            clock=stage.clock,
            observer=stage.heard,
            endpoints=stage.directory,
            node=NodeId("n"),
            unfinished=self.unfinished,
            hand_over=stage.handed.append,
            always_after=self.mirror,
            tables_known=self.tables_known,
            notes=self.notes,
        )
        stage.asterisk.news = self.homecoming.spool_event
        return self.homecoming

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """The engine and the taking-in at work."""
        async with self.stage.running() as engine:
            taking_in = asyncio.create_task(self.homecoming.run())
            try:
                yield engine
            finally:
                taking_in.cancel()
                await asyncio.wait([taking_in])

    async def journaled(self, *entries: Entry) -> Homecoming:
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

    def talk(self, *, bridge: str = "b1") -> None:
        """What Asterisk lists: Alice talks to Bob."""
        self.stage.asterisk.legs = [
            event("CoreShowChannel", leg, name, linkedid="1.1", BridgeId=bridge)
            for leg, name in ((LEG, "alice"), (OTHER, "bob"))
        ]

    def sessions(self) -> list[tuple[str, State]]:
        """Live calls: recording and state."""
        return [
            (session.recording.id if session.recording else "", session.state) for session in self.stage.engine.live()
        ]

    def close_degraded(self, stem: str) -> None:
        """Asterisk closes both files."""
        for side in Side:
            file = degraded_file(f"degraded-{stem}.{side.value}.sln")
            assert file
            self.homecoming.spool_event(FileClosed(file))


def old(rule: Rule = Rule.ON_DEMAND, take: Take = OLD) -> Recording:
    """What a former daemon left."""
    actor = Actor(ActorKind.USER, ALICE.id, LEG)
    return Recording(RecordingId("old-1"), CallId("old"), "1.1", NodeId("n"), rule, actor, EPOCH_S - 60, takes=(take,))
