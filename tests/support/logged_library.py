"""A library with real recordings, and an audit log that has them: for tests of proof."""

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.audit.witness import Witness
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.calls.model import Instant
from callrec.domain.library.manifest import Manifest, Media
from callrec.protocols.json_documents import encode_manifest

TODAY = Path(__file__).parents[1] / "golden" / "today" / "monitor"
ACCOUNT = Actor(ActorKind.ACCOUNT, "12")
LOG_BEGAN_S = 1_700_000_000.0
"""Before the recordings of the golden library were made."""


@dataclass
class SetClock:
    """A clock that a test sets."""

    utc_s: float = LOG_BEGAN_S

    def now(self) -> Instant:
        """The time that was set."""
        return Instant(self.utc_s, 0.0)


class LoggedLibrary:
    """Below one folder: `monitor`, `audit`, `witness`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.monitor, self.audit = folder, folder / "monitor", folder / "audit"
        self.witness = folder / "witness"
        self.library = MonitorLibrary(self.monitor)
        self.reader = DiskLogReader(self.audit, self.witness)
        self.clock = SetClock()

    async def begin(self, looks: int = 0) -> "LoggedLibrary":
        """Copy the golden library, and log each recording of it; before that, so many entries of somebody who listens."""
        shutil.copytree(TODAY, self.monitor)
        for path, manifest in self.manifests():
            self._make_media(path, manifest)
        await self.log([AuditEntry(Action.LISTENED, ACCOUNT, "c1-1", address="192.0.2.7") for _ in range(looks)])
        await self.log(self.stored())
        return self

    def _make_media(self, path: str, manifest: Manifest) -> None:
        """The golden library has no audio: write bytes in its place, and say so in the sidecar."""
        folder = (self.monitor / path).parent

        def made(media: Media) -> Media:
            content = hashlib.sha256(media.name.encode()).digest() * 50
            (folder / media.name).write_bytes(content)
            return replace(media, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())

        tracks = tuple(replace(track, media=made(track.media) if track.media else None) for track in manifest.tracks)
        told = replace(manifest, media=made(manifest.media) if manifest.media else None, tracks=tracks)
        (self.monitor / f"{path}.json").write_bytes(encode_manifest(told))

    def stored(self) -> list[AuditEntry]:
        """The entry of each recording, as it is stored now."""
        return [stored_entry(self.library, path, found) for path, found in self.manifests()]

    async def log(self, entries: list[AuditEntry], *, settled: bool = True) -> None:
        """Append entries, as a daemon that is started and stopped; not `settled`: as one that is killed before its checkpoint."""
        log = DiskAuditLog(
            self.audit, "callrec/pbx1", self.clock, witness=Witness(self.witness), integrate_after_s=3600
        )
        log.open()
        for at in range(0, len(entries), 100):
            await log.append(entries[at : at + 100])
        files = [self.audit / "waiting", self.audit / "checkpoint", self.witness]
        kept = [] if settled else [file.read_bytes() for file in files]
        await log.close()
        if not settled:
            for file, content in zip(files, kept, strict=True):
                file.write_bytes(content)

    def manifests(self) -> list[tuple[str, Manifest]]:
        """Path and sidecar of each recording."""
        return [(path, found) for path, found in self.library.sidecars() if isinstance(found, Manifest)]

    def with_media(self) -> list[tuple[str, Manifest]]:
        """Those that have a media file."""
        return [(path, found) for path, found in self.manifests() if found.media]

    def media_of(self, path: str, manifest: Manifest) -> Path:
        """The media file of a recording that has one."""
        assert manifest.media is not None
        return (self.monitor / path).parent / manifest.media.name
