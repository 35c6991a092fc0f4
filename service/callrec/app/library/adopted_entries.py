"""Enters adopted recordings, which a command has put into the library: audit entry, then catalogue, then event."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.app.library.catalog import enter, entry_of
from callrec.app.library.media.logged_access import Asker
from callrec.app.ports.access import AuditLog
from callrec.app.ports.library import Catalogue, EventSink, Library
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.errors import Refused
from callrec.domain.library.file_names import is_stored_path
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.search_keys import Entry


@dataclass(frozen=True, slots=True)
class AdoptedEntries:
    """The use case. Repeating it is harmless: the log then says twice that the same files were adopted."""

    library: Library
    audit: AuditLog
    catalogue: Catalogue
    events: EventSink

    async def enter(self, paths: Sequence[str], asker: Asker) -> int:
        """Enter the adopted recordings at these paths of the library; their number. Raises Refused (`no-such-recording`) when one
        is not there, or was not adopted; Corrupt, Unavailable."""
        found = await asyncio.to_thread(lambda: [self._read(path, asker) for path in paths])
        await self.audit.append([logged for logged, _ in found])
        for _, entry in found:
            await enter(self.catalogue, self.events, entry)
        return len(found)

    def _read(self, path: str, asker: Asker) -> tuple[AuditEntry, Entry]:
        manifest = self.library.manifest(path) if is_stored_path(path) else None
        if manifest is None or not self._is_adopted(path, manifest):
            raise Refused("no-such-recording", f"no adopted recording is at {path[:200]!a} of the library")
        entry, _ = entry_of(self.library, path, manifest)
        logged = stored_entry(self.library, path, manifest)
        return replace(logged, action=Action.ADOPTED, actor=asker.actor, address=asker.address), entry

    def _is_adopted(self, path: str, manifest: Manifest) -> bool:
        return manifest.state is StoredState.ADOPTED and self.library.find(manifest.recording.id, [path]) is not None
