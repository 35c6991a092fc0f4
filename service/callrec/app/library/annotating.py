"""Notes, tags, holds and the class of stored recordings: each change is in the audit log, then on disk, then in the catalogue."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex

from callrec.app.access.audit_log.stored_entries import ANNOTATIONS, ANNOTATIONS_BEFORE
from callrec.app.library.catalog import annotated_entry, enter
from callrec.app.library.media.logged_access import Asker, Looks
from callrec.app.library.media.sources import Sources, Stored
from callrec.app.library.recording_locks import RecordingLocks
from callrec.app.ports.calls import Clock
from callrec.app.ports.library import EventSink
from callrec.app.ports.media import MediaNotices
from callrec.domain.access.audit import Action, FileDigest
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError, Conflict, Refused
from callrec.domain.library.annotations import Annotations, By, Change, difference, next_revision
from callrec.domain.library.file_names import annotations_path
from callrec.protocols.annotations_file import encode_annotations

_SALT_BYTES = 16
TRIES = 5
"""How often a change is made that names no revision, when others change the same recording at the same time."""
NEEDS = {
    Action.CHANGED: Permission.RECORDINGS_ANNOTATE,
    Action.HELD: Permission.RECORDINGS_HOLD,
    Action.RELEASED: Permission.RECORDINGS_RELEASE,
}
"""The permission for each kind of change."""
Planned = Callable[[By, float], Change]
"""The change, by who makes it and the length of the recording in seconds."""


@dataclass(frozen=True, slots=True)
class AnnotatingPorts:
    """What it uses. `new_id` makes ids of notes and holds."""

    sources: Sources
    events: EventSink
    looks: Looks
    clock: Clock
    new_id: Callable[[], str]
    notices: MediaNotices
    locks: RecordingLocks


class Annotating:
    """The use case, of the API and of commands."""

    def __init__(self, ports: AnnotatingPorts) -> None:
        self._ports = ports

    async def of(self, recording: str, asker: Asker) -> Annotations:
        """What was added to this recording. Raises as `Sources.stored`, and Unavailable without the audit log."""
        found = await self._present(await self._ports.sources.stored(recording, asker, Permission.RECORDINGS_LIST))
        await self._ports.looks.told(asker, Action.SHOWN, recording)
        return found

    async def changed(
        self,
        recording: str,
        planned: Planned,
        asker: Asker,
        action: Action,
        *,
        reason: str = "",
        revision: int | None = None,
    ) -> Annotations:
        """Make the change, of this `revision` only if it is given. Returns the annotations after it; when it changes nothing,
        nothing is written, and who asked was shown them. Raises Refused, Conflict (`annotations-changed`), Corrupt,
        Unavailable."""
        async with self._ports.locks.of([recording]):
            stored = await self._ports.sources.stored(recording, asker, NEEDS[action])
            try:
                return await self._changed(stored, planned, asker, action, reason, revision)
            except Refused:  # it says what is there, or is not
                await self._ports.looks.told(asker, Action.SHOWN, stored.manifest.recording.id)
                raise

    async def _changed(  # noqa: PLR0917 - those of `changed`
        self, stored: Stored, planned: Planned, asker: Asker, action: Action, reason: str, revision: int | None
    ) -> Annotations:
        recording, media = stored.manifest.recording.id, stored.manifest.media
        by = By(asker.name, self._ports.clock.now().utc_s, self._ports.new_id)
        change = planned(by, media.length_s if media else 0.0)
        for left in reversed(range(TRIES if revision is None else 1)):
            before = await self._present(stored)
            after = next_revision(before, change, revision, salt=lambda: token_hex(_SALT_BYTES))
            if after is before:
                await self._ports.looks.told(asker, Action.SHOWN, recording)
                return before
            details = difference(before, after)
            await self._ports.looks.told(
                asker, action, recording, reason=reason, details=details, files=await self._digests(stored, after)
            )
            try:
                await asyncio.to_thread(self._ports.sources.library.annotate, stored.path, before, after)
            except Conflict:
                if not left:
                    raise
            else:
                await self._indexed(stored, after)
                return after
        raise AssertionError("unreachable")  # the last try returns or raises

    async def _digests(self, stored: Stored, after: Annotations) -> tuple[FileDigest, ...]:
        """The digests of the new file and of the present one. By the second, `verify` finds a change that has no entry."""
        content = encode_annotations(after)
        written = FileDigest(ANNOTATIONS, hashlib.sha256(content).hexdigest(), len(content))
        there = await asyncio.to_thread(self._ports.sources.library.measure, annotations_path(stored.path))
        size_bytes, digest = there or (0, hashlib.sha256().hexdigest())
        return written, FileDigest(ANNOTATIONS_BEFORE, digest, size_bytes)

    async def _present(self, stored: Stored) -> Annotations:
        found = await asyncio.to_thread(self._ports.sources.library.annotations, stored.path)
        return found or Annotations(stored.manifest.recording.id)

    async def _indexed(self, stored: Stored, after: Annotations) -> None:
        """Without the catalogue the change stands all the same: it is entered with the next one, or with a rebuild."""
        try:
            entry = annotated_entry(stored.path, stored.manifest, after)
            await enter(self._ports.sources.catalogue, self._ports.events, entry)
        except CallrecError as error:
            self._ports.notices.unindexed(stored.manifest.recording.id, error)
