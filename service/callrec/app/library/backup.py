"""A backup of an installation, made while it records: tables, library, audit log, keys.

The parts agree with each other. The library is taken first and the log after it; then they are compared: what was stored
meanwhile is taken, too, what was erased meanwhile is left out, and what the log does not know yet comes with the next backup. The
catalogue is not in it: it is made of the library.

Live calls, and recordings that are still in the spool, come with the next backup.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from callrec.app.access.audit_log.log_check import check_log
from callrec.app.library.catalog import Finding
from callrec.app.ports.access import LogReader
from callrec.app.ports.backup import BackupDraft, BackupFolder, StoreCopy, Taken, WholeBackup
from callrec.domain.access.audit import Action
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.encryption import PART
from callrec.protocols.backup_files import BackupHead

STORE = "store.json"
ROUNDS = 5
"""How often library and log are compared: each time something was erased between the two."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What was done. `missing`: recordings that the log has and the library lacks, in the installation itself."""

    head: BackupHead
    missing: tuple[RecordingId, ...]


async def back_up(folder: BackupFolder, store: StoreCopy, node: str) -> BackedUp:
    """Make one backup. Raises Refused, Corrupt, Unavailable: then there is none."""
    with folder.draft() as draft:
        draft.put(f"store/{STORE}", await store.saved())
        draft.take_state()
        draft.take_library()
        missing = _agreed(draft)
        return BackedUp(draft.finish(node), missing)


def _agreed(draft: BackupDraft) -> tuple[RecordingId, ...]:
    """Make library and log agree; the recordings that the library does not have. Raises Unavailable when they keep changing."""
    missing: set[RecordingId] = set()
    for _ in range(ROUNDS):
        reader = draft.take_log()
        if reader is None:
            draft.drop([one for one, taken in draft.recordings().items() if not taken.is_whole])
            return ()
        stored, erased, encrypted = _told(reader)
        draft.drop([one for one, taken in draft.recordings().items() if one in encrypted and not taken.is_encrypted])
        if stored - draft.recordings().keys():
            draft.take_library()
        taken = draft.recordings()
        draft.drop([one for one, how in taken.items() if one in erased or (one not in stored and _is_new(how))])
        now_missing = stored - draft.recordings().keys()
        if now_missing <= missing:
            return tuple(sorted(now_missing))
        missing = now_missing  # erased since the log was copied, or missing in the installation: the next log tells
    raise Unavailable("backup-busy", "recordings are erased faster than they are copied", hint="try again later")


def _is_new(taken: Taken) -> bool:
    """Whether its audit entry may come after this log. An older one without an entry stays: `callrec verify` names it."""
    return taken.is_recent or not taken.is_whole


def _told(reader: LogReader) -> tuple[set[RecordingId], set[RecordingId], set[RecordingId]]:
    """The recordings that this log says are stored, those that it says were erased, and those that are encrypted: of these the
    draft may have files from before."""
    last = {RecordingId(entry.recording): entry for _, entry in check_log(reader).entries if entry.recording}
    erased = {one for one, entry in last.items() if entry.action is Action.ERASED}
    encrypted = {one for one, entry in last.items() if any(file.part == PART for file in entry.files)}
    return last.keys() - erased, erased, encrypted


def verify_backup(backup: WholeBackup) -> Iterator[Finding]:
    """Read every file of a backup and compare it with the list. Blocking. A finding for each that is damaged, missing or not
    named. Raises Corrupt when the list itself is damaged, Unavailable."""
    named = {one.path: one for one in backup.files()}
    for path, file in named.items():
        try:
            measured = backup.measure(path)
        except Corrupt as error:
            yield Finding("backup-damaged", path, error.message)
            continue
        except CallrecError as error:
            yield Finding("file-unreadable", path, error.message)
            continue
        if measured is None:
            yield Finding("backup-damaged", path, "the file is missing")
        elif measured != (file.bytes, file.sha256):
            yield Finding("backup-damaged", path, "its size or sha-256 is not that of the list")
    for path in backup.names():
        if path not in named:
            yield Finding("backup-damaged", path, "no list names this file")
