"""More recordings than a test could store, as far as an export asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from audit_trail import AuditTrail
from samples import MANIFESTS

from callrec.adapters.media.zip_stream import ZipStream
from callrec.adapters.system import SystemClock
from callrec.app.library.media.exporting import Exporting, ExportingPorts
from callrec.app.library.media.logged_access import Looks
from callrec.app.library.media.sources import Sources
from callrec.domain.access.audit import Action
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.manifest import Manifest
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry
from callrec.domain.library.search_pages import Cursor, Page, PageRequest
from callrec.domain.vocabulary import DropReason

MANIFEST = replace(MANIFESTS["full"], tracks=())
CONTENT = b"media" * 200
MEDIA = replace(MANIFEST.media, bytes=len(CONTENT), sha256=sha256(CONTENT).hexdigest())
MOST_BYTES = 60 << 20


@dataclass
class Many:
    """So many recordings that do not exist: catalogue, library and files, as far as an export asks for them."""

    count: int
    opened: int = 0
    closed: int = 0
    size_bytes: int = len(CONTENT)
    trail: AuditTrail = field(default_factory=AuditTrail)

    def exporting(self) -> Exporting:
        """The use case."""
        looks = Looks(self.trail)
        ports = ExportingPorts(Sources(self, self, looks), looks, self, SystemClock(), self, ZipStream, lambda: "x1")
        return Exporting(ports)

    async def get(self, recording: str) -> Entry | None:
        """One entry of the catalogue."""
        return {"id": recording, "path": f"2026/{recording}", "recorded_user": "1"}

    async def search(self, _wanted: Filter, request: PageRequest) -> Page:
        """A page of it."""
        first = request.cursor.place if request.cursor else 0
        last = min(self.count, first + request.limit)
        entries = tuple({"id": f"r{nth:06}-1", "bytes": str(len(CONTENT))} for nth in range(first, last))
        return Page(entries, Cursor(request.sort, 0, last) if last < self.count else None, None)

    def manifest(self, path: str) -> Manifest | None:
        """A sidecar."""
        recording = replace(MANIFEST.recording, id=RecordingId(path.removeprefix("2026/")))
        return replace(MANIFEST, recording=recording, media=replace(MEDIA, name=f"{recording.id}.wav"))

    def annotations(self, _path: str) -> Annotations | None:
        """What was added to it."""
        return None

    def absolute(self, path: str) -> str:
        """A path."""
        return f"/monitor/{path}"

    async def open(self, _path: str) -> "Many":
        """A file: this."""
        self.opened += 1
        return self

    async def read(self, at: int, count: int) -> bytes:
        """Its bytes."""
        return CONTENT[at : at + count]

    async def close(self) -> None:
        """It is closed."""
        self.closed += 1

    def media_changed(self, recording: RecordingId, error: CallrecError) -> None:
        """Nothing changes here."""
        raise AssertionError(recording, error)

    def dropped(self, reason: DropReason) -> None:
        """Nothing is too much here."""
        raise AssertionError(reason)

    def handed_out(self) -> Sequence[str]:
        """The recordings that the log says have left."""
        return [one.recording for one in self.trail.entries if one.action is Action.EXPORTED and one.recording]
