"""The folders into which a backup is restored. A file `.restoring` in the state folder says which backup, until all is there; and
whether all files are copied, so that none is copied again over what was changed since."""

import hashlib
import os
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from callrec.adapters.database.erasure_file import ErasureFile
from callrec.adapters.disk.backup_folder import LIBRARY, PROMPTS, STATE, Folders
from callrec.adapters.disk.fsync import on_disk, sync_folder, write_all, write_new
from callrec.adapters.disk.reading import opened
from callrec.adapters.disk.restore_mark import MARK
from callrec.domain.calls.ids import RecordingId, is_recording_id
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.library.erasure import Cause, Tombstone

_COPIED = " copied"
_SQLITE = b"SQLite format 3"
_OURS = frozenset({"valkey", "journal", "transcoded", "catalogue.db", "catalogue.db-wal", "catalogue.db-shm"})
"""What may be in the state folder of an installation that has never run: commands make it."""
_CHUNK_BYTES = 1 << 20


class DiskInstallation:
    """Implements `app.ports.backup.Installation`. `erased`: a table of tombstones, or a text file with an id in each line, of
    what was erased after the backup was made."""

    def __init__(self, folders: Folders, erased: Path | None = None) -> None:
        self._folders, self._erased = folders, erased

    def goes_on(self, backup: str) -> bool:
        """See ports.Installation."""
        return self._marked().removesuffix(_COPIED) == backup

    def is_copied(self) -> bool:
        """See ports.Installation."""
        return self._marked().endswith(_COPIED)

    def copied(self) -> None:
        """See ports.Installation."""
        if self.is_copied():
            return
        mark = self._folders.state / MARK
        draft = mark.with_name(f"{MARK}.new")
        with on_disk(f"state folder {self._folders.state}"):
            draft.unlink(missing_ok=True)
            write_new(draft, f"{self._marked()}{_COPIED}".encode(), 0o600)
            draft.rename(mark)
            sync_folder(self._folders.state)

    def _marked(self) -> str:
        mark = self._folders.state / MARK
        with on_disk(f"state folder {self._folders.state}"):
            return mark.read_text("utf-8") if mark.exists() else ""

    def begin(self, backup: str) -> None:
        """See ports.Installation."""
        mark = self._folders.state / MARK
        with on_disk(f"state folder {self._folders.state}"):
            self._refuse(self._folders.monitor, "CALLREC_MONITOR_DIR", ())
            self._refuse(self._folders.state, "CALLREC_STATE_DIR", _OURS)
            for folder in (self._folders.state, self._folders.monitor):
                folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            mark.unlink(missing_ok=True)
            write_new(mark, backup.encode(), 0o600)
            sync_folder(self._folders.state)

    def erased(self, recordings: Collection[RecordingId]) -> frozenset[RecordingId]:
        """See ports.Installation. What was given joins the restored tombstones, so that it stays erased for ever."""
        own = ErasureFile(self._folders.state)
        if self._erased is not None:
            with on_disk(f"file {self._erased}"), self._erased.open("rb") as given:
                is_table = given.read(len(_SQLITE)) == _SQLITE
            if is_table:
                own.join(self._erased)
            else:
                now_ms = int(time.time() * 1000)
                own.bury([Tombstone(one, now_ms, Cause.REQUEST) for one in _listed(self._erased)])
        return own.erased(recordings)

    def copy(self, source: str, path: str, sha256: str) -> None:
        """See ports.Installation."""
        root, _, below = path.partition("/")
        places = {LIBRARY: self._folders.monitor, STATE: self._folders.state, PROMPTS: self._folders.prompts}
        folder = places.get(root)
        if folder is None:
            raise Corrupt(
                "backup-damaged", f"{path} belongs to no folder of an installation", hint="use another backup"
            )
        target = folder / below
        with on_disk(f"restoring {path}"):
            if _is_there(target, sha256):
                return
            target.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}{MARK}")
            draft.unlink(missing_ok=True)
            digest = hashlib.sha256()
            with opened(Path(source)) as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
                try:
                    while chunk := file.read(_CHUNK_BYTES):
                        digest.update(chunk)
                        write_all(descriptor, chunk)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            if digest.hexdigest() != sha256:
                draft.unlink()
                raise Corrupt("backup-damaged", f"{path} is not as it was backed up", hint="use another backup")
            draft.rename(target)
            sync_folder(target.parent)

    def end(self) -> None:
        """See ports.Installation."""
        with on_disk(f"state folder {self._folders.state}"):
            (self._folders.state / MARK).unlink(missing_ok=True)
            sync_folder(self._folders.state)

    def _refuse(self, folder: Path, setting: str, besides: Iterable[str]) -> None:
        """Raises Refused when the folder holds anything else."""
        names = [one.name for one in folder.iterdir()] if folder.is_dir() else []
        there = sorted(one for one in names if one not in besides and not one.startswith("."))
        if there:
            hint = f"set {setting} to a new folder, or move {folder} away; a restore never mixes two installations"
            raise Refused("restore-not-empty", f"{folder} is not empty: it has {there[0][:80]!a}", hint=hint)


def _is_there(path: Path, sha256: str) -> bool:
    try:
        with opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except (FileNotFoundError, Corrupt):
        return False


def _listed(path: Path) -> list[RecordingId]:
    """The ids of a text file. Raises Refused for a line that is none."""
    with on_disk(f"file {path}"):
        lines = [line.strip() for line in path.read_text("utf-8", "replace").splitlines()]
    wrong = next((line for line in lines if line and not is_recording_id(line)), None)
    if wrong is not None:
        hint = "give erased.db of the lost installation's state folder, or a file with an id in each line"
        raise Refused("backup-foreign", f"{path} has a line that is no id of a recording: {wrong[:80]!a}", hint=hint)
    return [RecordingId(line) for line in lines if line]
