"""A library with everything that an erasure touches in this process: real files, catalogue, audit log and tombstones."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from stored_library import BEGAN_S, StoredLibrary, recorded

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.database.erasure_file import ErasureFile
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.retention_file import DiskRetention
from callrec.adapters.system import SystemClock
from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.app.library.annotating import Annotating, AnnotatingPorts
from callrec.app.library.catalog import index_entry
from callrec.app.library.lifetime.erasure import Erasure, ErasurePorts
from callrec.app.library.lifetime.retention import RetentionKeeper, RetentionPorts
from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sources import Sources
from callrec.app.library.recording_locks import RecordingLocks
from callrec.app.ports.library import Library
from callrec.app.ports.lifetime import Trace
from callrec.domain.access.audit import Action
from callrec.domain.access.principals import DAEMON
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError
from callrec.domain.library.annotations import held, released
from callrec.domain.library.erasure import Erasing
from callrec.domain.library.known_time import Clocks
from callrec.domain.library.manifest import Manifest

ASKER = Asker(DAEMON, "192.0.2.7")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Place:
    """A trace; `fails`: it cannot be cleared now."""

    name: str = "somewhere"
    fails: CallrecError | None = None
    asked: list[tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)

    async def forget(self, erasings: Sequence[Erasing], words: Collection[str]) -> None:
        """See ports.Trace."""
        if self.fails:
            raise self.fails
        self.asked.append((tuple(one.recording for one in erasings), tuple(words)))


@dataclass
class ErasableLibrary:
    """Below one folder: `monitor`, `state`."""

    folder: Path
    catalogue: SqliteCatalogue
    audit: DiskAuditLog
    made: StoredLibrary
    locks: RecordingLocks = field(default_factory=RecordingLocks)
    place: Place = field(default_factory=Place)
    unfinished: set[RecordingId] = field(default_factory=set)
    events: list[dict[str, str]] = field(default_factory=list)
    told: list[tuple[object, ...]] = field(default_factory=list)
    clock: Clocks = field(default_factory=lambda: Clocks(BEGAN_S, 0.0, "boot", is_kept=False))

    @property
    def library(self) -> MonitorLibrary:
        """The monitor directory."""
        return self.made.library

    @property
    def erasures(self) -> ErasureFile:
        """The tombstones."""
        return ErasureFile(self.folder / "state")

    @property
    def reader(self) -> DiskLogReader:
        """The audit log's files."""
        return DiskLogReader(self.audit.folder, None)

    async def store(
        self, nth: int, number: str = "1000", name: str = "John Doe", *, tracks: bool = False, later_s: float = 0.0
    ) -> Manifest:
        """A recording of this participant with 1001, in the library, the audit log and the catalogue; so much later."""
        first, *others = recorded(nth).parties
        said = replace(recorded(nth), parties=(replace(first, number=number, name=name), *others))
        said = replace(said, from_s=BEGAN_S + later_s, to_s=BEGAN_S + later_s + 3)
        manifest = self.made.store(nth, recording=said, tracks=tracks)
        path = f"2026/11/22/{manifest.recording.id}"
        await self.audit.append([stored_entry(self.library, path, manifest)])
        await self.catalogue.put(index_entry(path, manifest))
        return manifest

    def sources(self) -> Sources:
        """How use cases find recordings."""
        return Sources(self.catalogue, self.library, Looks(self.audit))

    def erasure(self, checkpoint: Callable[[str], None] = lambda _: None, traces: Sequence[Trace] = ()) -> Erasure:
        """The use case, as a process that has just started has it."""
        return Erasure(
            ErasurePorts(
                *(self.sources(), self.erasures, self.audit, self, SystemClock(), self.locks),
                *(lambda: self.unfinished, (self.place, *traces), self, checkpoint),
            )
        )

    def annotating(self) -> Annotating:
        """Who adds holds."""
        sources, ids = self.sources(), iter(range(1000))
        return Annotating(
            AnnotatingPorts(
                sources, self, Looks(self.audit), SystemClock(), lambda: f"h{next(ids)}", self.made, self.locks
            )
        )

    async def hold(self, recording: str) -> None:
        """Put it under a hold."""
        await self.annotating().changed(recording, lambda by, _: held("lawsuit", "AZ 1", by), ASKER, Action.HELD)

    async def release(self, recording: str) -> None:
        """End its holds."""
        await self.annotating().changed(recording, lambda _by, _s: released(None), ASKER, Action.RELEASED)

    def files(self, recording: str) -> list[str]:
        """The names of its files in the library."""
        return sorted(path.name for path in (self.folder / "monitor").rglob(f"{recording}*") if path.is_file())

    async def publish(self, event: dict[str, str]) -> None:
        """An event."""
        self.events.append(dict(event))

    def erased(self, recordings: int, bytes_: int, cause: str) -> None:
        """A notice."""
        self.told.append(("erased", recordings, bytes_ > 0, str(cause)))

    def erasure_unfinished(self, place: str, error: CallrecError) -> None:
        """A notice."""
        self.told.append(("unfinished", place, error.code))

    def retained(self, erased: int, bytes_: int, why: str) -> None:
        """A notice."""
        self.told.append(("retained", erased, bytes_ > 0, why))

    def retention_stopped(self, cause: str, reason: str) -> None:
        """A notice."""
        self.told.append(("stopped", cause, reason))

    def clocks(self) -> Clocks:
        """The machine's clocks, as the test sets them."""
        return self.clock

    def keeper(self, library: Library | None = None) -> RetentionKeeper:
        """Retention, as a process that has just started has it."""
        store = DiskRetention(self.folder / "state")
        ports = RetentionPorts(store, self.catalogue, library or self.library, self.erasure(), self.audit, self, self)
        return RetentionKeeper(ports)

    def erased_again(self, recording: RecordingId) -> None:
        """A notice."""
        self.told.append(("again", recording))


@asynccontextmanager
async def erasable(folder: Path) -> AsyncIterator[ErasableLibrary]:
    """An empty one."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    audit = DiskAuditLog(state / "audit", "callrec/n", SystemClock())
    audit.open()
    try:
        async with open_catalogue("sqlite:", state) as catalogue:
            assert isinstance(catalogue, SqliteCatalogue)
            yield ErasableLibrary(folder, catalogue, audit, StoredLibrary(folder))
    finally:
        await audit.close()
