"""Restores a backup into an empty installation, before its daemon starts.

Order: the backup is checked as a whole; then tombstones, audit log and the other files of the state folder; then the library,
without what was erased since the backup was made; then the tables; then the catalogue, which is made of the library. An entry of
the audit log says what was left out. A restore that was broken off goes on when it is run again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from callrec.app.library.backup import STORE, verify_backup
from callrec.app.library.catalog import Finding
from callrec.app.ports.backup import Installation, Progress, StoreCopy, WholeBackup
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt, Refused
from callrec.protocols.backup_files import BackupFile

LIBRARY, STORE_FOLDER = "library/", "store/"
REASON = "erased after the backup was made"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: recordings that are there again, those that stay erased, and damaged files of the backup."""

    recordings: int
    erased: tuple[RecordingId, ...]
    lost: tuple[Finding, ...]


async def restore(
    backup: WholeBackup, place: Installation, store: StoreCopy, tell: Progress, *, accept_damage: bool = False
) -> Restored:
    """Restore all of it. Raises Refused (`restore-not-empty`), Corrupt (`backup-damaged`) unless damage is
    accepted, Unavailable."""
    name = f"{backup.head.made_ms} {backup.head.files_sha256}"
    goes_on, present = place.goes_on(name), await store.present()
    if not goes_on:
        if present:
            raise store_not_empty(len(present))
        place.begin(name)
    tell("checking the backup", 0, 0)
    lost = tuple(verify_backup(backup))
    if lost and not accept_damage:
        first = lost[0]
        says = f"{len(lost)} files of the backup are damaged, the first is {first.path}: {first.message}"
        raise Corrupt("backup-damaged", says, hint="use another backup, or give --accept-damage to restore the others")
    damaged = {one.path for one in lost}
    files = [one for one in backup.files() if one.path not in damaged]
    to_copy = [] if place.is_copied() else files
    for one in to_copy:
        if not one.path.startswith((LIBRARY, STORE_FOLDER)):
            place.copy(backup.absolute(one.path), one.path, one.sha256)
    erased = place.erased([RecordingId(one.recording) for one in files if one.recording])
    wanted, left_out = _library(files, erased)
    for nth, one in enumerate(wanted if to_copy else ()):
        tell("copying the library", nth, len(wanted))
        place.copy(backup.absolute(one.path), one.path, one.sha256)
    tables = f"{STORE_FOLDER}{STORE}"
    if tables not in damaged and not present:  # the tables come back at once, or not at all
        await store.restore(backup.read(tables))
    place.copied()
    recordings = sum(1 for one in wanted if one.recording)
    return Restored(recordings, tuple(sorted(left_out)), lost)


def store_not_empty(keys: int) -> Refused:
    """The refusal of a store that has tables."""
    hint = (
        "set CALLREC_STATE_DIR (or CALLREC_REDIS_URL) to a new one, and restore before its daemon starts the first time"
    )
    return Refused("restore-not-empty", f"the store has {keys} of callrec's tables already", hint=hint)


def _library(files: Sequence[BackupFile], erased: frozenset[RecordingId]) -> tuple[list[BackupFile], set[RecordingId]]:
    """The files of the library that are restored, sidecars last, and the recordings that are left out."""
    gone = {one.path.removesuffix(".json"): one.recording for one in files if one.recording in erased}
    found = [one for one in files if one.path.startswith(LIBRARY) and not _is_of(gone, one.path)]
    found.sort(key=lambda one: (bool(one.recording), one.path))
    return found, {RecordingId(one) for one in gone.values()}


def _is_of(stems: Mapping[str, str], path: str) -> bool:
    """Whether a file belongs to one of the recordings at these paths: media, track, peaks, annotations or sidecar."""
    folder, _, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return f"{folder}/{stem}" in stems


def entries_of_restore(erased: Sequence[RecordingId], operator: str) -> list[AuditEntry]:
    """The audit entries of a restore, and of those that stay erased, by this system user's number."""
    actor = Actor(ActorKind.MACHINE, operator)
    restored = AuditEntry(Action.SETTINGS_CHANGED, actor, subject="backup:restored")
    return [restored] + [AuditEntry(Action.ERASED, actor, one, reason=REASON) for one in erased]
