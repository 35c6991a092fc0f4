"""Enters recordings that a command has encrypted: their audit entries, with the digest of the record of their encryption."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.app.library.media.logged_access import Asker
from callrec.app.ports.access import AuditLog
from callrec.app.ports.library import Library
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.errors import Refused
from callrec.domain.library.file_names import is_stored_path


@dataclass(frozen=True, slots=True)
class EncryptedEntries:
    """The use case. Repeating it is harmless: the log then says twice that the same files were encrypted."""

    library: Library
    audit: AuditLog

    async def enter(self, paths: Sequence[str], asker: Asker) -> int:
        """Enter the encrypted recordings at these paths of the library; their number. Raises Refused (`no-such-recording`) when
        one is not there, or is not encrypted; Corrupt, Unavailable."""
        entries = await asyncio.to_thread(lambda: [self._read(path, asker) for path in paths])
        await self.audit.append(entries)
        return len(entries)

    def _read(self, path: str, asker: Asker) -> AuditEntry:
        manifest = self.library.manifest(path) if is_stored_path(path) else None
        if manifest is None or self.library.key_file(path) is None:
            raise Refused("no-such-recording", f"no encrypted recording is at {path[:200]!a} of the library")
        entry = stored_entry(self.library, path, manifest)
        return replace(entry, action=Action.ENCRYPTED, actor=asker.actor, address=asker.address)
