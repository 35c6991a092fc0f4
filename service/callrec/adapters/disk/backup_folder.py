"""A folder of backups, each in a folder of its own that is named after its time (UTC).

    .lock                       of the one that is being made
    .unfinished-<time>          what is being made, or was broken off: the next backup removes it
    <time>/backup.json          written last: with it the backup is a whole one
    <time>/files.jsonl          every file, with its digest
    <time>/store, state, prompts, library

A file of the library that has not changed since the backup before is a hard link to the file there; else it is linked from the
library when that is on the same file system (callrec replaces its files, and never writes into one), and copied otherwise. Key
files are always copied: an erasure overwrites them. They are taken after all other files, so that no encrypted file is without
its key.
"""

import hashlib
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from callrec import __version__
from callrec.adapters.audit.log import FOLDER as AUDIT
from callrec.adapters.audit.log_files import CHECKPOINT, DRAFT, TILES, LogFiles
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.audit.signing_key import public_key
from callrec.adapters.audit.stamp_files import STAMPS, stamped_sizes
from callrec.adapters.audit.waiting_file import NAME as WAITING
from callrec.adapters.database.erasure_file import NAME as TOMBSTONES
from callrec.adapters.disk.fsync import on_disk, sync_folder, write_all, write_new
from callrec.adapters.disk.reading import opened
from callrec.adapters.disk.shredding import removed
from callrec.adapters.lock import FileLock
from callrec.app.ports.backup import Taken
from callrec.domain.calls.ids import RecordingId, is_recording_id
from callrec.domain.errors import Corrupt, Misconfigured, Refused, Unavailable
from callrec.domain.library.file_names import is_annotations
from callrec.protocols.backup_files import (
    FILES,
    HEAD,
    BackupFile,
    BackupHead,
    decode_files,
    decode_head,
    encode_files,
    encode_head,
)
from callrec.protocols.checkpoints import opened as opened_checkpoint
from callrec.protocols.json_documents import decode_manifest
from callrec.protocols.log_tiles import tiles_of

LOCK, UNFINISHED = ".lock", ".unfinished-"
LIBRARY, STATE, PROMPTS = "library", "state", "prompts"
MADE_AGAIN = frozenset({"valkey", "journal", "transcoded", AUDIT, "tables.json", "api.sock"})
"""What is no part of a backup in the state folder, or is taken apart from the rest. The catalogue is neither."""
_CATALOGUE = "catalogue.db"
_KEY = ".key"
_NAME = "%Y-%m-%dT%H%M%S.%fZ"
_CHUNK_BYTES = 1 << 20
_SIDECAR_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of the installation."""

    state: Path
    monitor: Path
    spool: Path | None = None
    """Left out, when it lies in the state folder."""
    prompts: Path | None = None
    """The operator's own prompts."""


class DiskBackups:
    """Implements `app.ports.backup.BackupFolder`. `checkpoint` is told each step, for tests of crashes."""

    def __init__(
        self, folder: Path, folders: Folders, *, checkpoint: Callable[[str], None] = lambda _step: None
    ) -> None:
        self._folder, self._folders, self._checkpoint = folder, folders, checkpoint

    @contextmanager
    def draft(self) -> Iterator["DiskDraft"]:
        """See ports.BackupFolder."""
        self._check_place()
        with on_disk(f"backup folder {self._folder}"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self._folder / LOCK)
            if not lock.take():
                raise Refused("backup-busy", f"another backup into {self._folder} is being made", hint="wait for it")
        with lock:
            with on_disk(f"backup folder {self._folder}"):
                for former in self._folder.glob(f"{UNFINISHED}*"):
                    shutil.rmtree(former)
                path = self._folder / f"{UNFINISHED}{datetime.now(UTC):{_NAME}}"
                path.mkdir(mode=0o700)
            try:
                yield DiskDraft(path, self._folders, self._former(), self._checkpoint)
            finally:
                shutil.rmtree(path, ignore_errors=True)  # it has another name when it is whole

    def newest(self) -> "DiskBackup":
        """See ports.BackupFolder."""
        if (self._folder / HEAD).is_file():  # one backup, and not the folder of all
            return DiskBackup(self._folder)
        names = self._names()
        if not names:
            hint = "give the folder that callrec backup was given; one that was broken off is no backup"
            raise Refused("backup-foreign", f"there is no whole backup in {self._folder}", hint=hint)
        return DiskBackup(self._folder / names[-1])

    def _former(self) -> "DiskBackup | None":
        names = self._names()
        try:
            return DiskBackup(self._folder / names[-1]) if names else None
        except (Refused, Corrupt):  # of another version: all is copied again
            return None

    def _names(self) -> list[str]:
        with on_disk(f"backup folder {self._folder}"):
            if not self._folder.is_dir():
                return []
            return sorted(
                one.name for one in self._folder.iterdir() if not one.name.startswith(".") and (one / HEAD).is_file()
            )

    def _check_place(self) -> None:
        own = self._folder.absolute().resolve()
        for place in (self._folders.state, self._folders.monitor):
            inside = place.absolute().resolve()
            if own == inside or inside in own.parents or own in inside.parents:
                hint = "give a folder of its own, best on another disk"
                raise Refused("backup-inside", f"{self._folder} and {place} lie one within the other", hint=hint)


class DiskBackup:
    """Implements `app.ports.backup.WholeBackup`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with on_disk(f"backup {path}"):
            self._head = decode_head((path / HEAD).read_bytes())

    @property
    def head(self) -> BackupHead:
        """See ports.WholeBackup."""
        return self._head

    def files(self) -> Sequence[BackupFile]:
        """See ports.WholeBackup."""
        with on_disk(f"backup {self.path}"):
            try:
                return decode_files((self.path / FILES).read_bytes(), self._head)
            except FileNotFoundError:
                raise Corrupt("backup-damaged", f"{FILES} is missing", hint="use another backup") from None

    def measure(self, path: str) -> tuple[int, str] | None:
        """See ports.WholeBackup."""
        with on_disk(f"{path} of the backup"):
            try:
                with opened(self.path / path) as file:
                    return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def read(self, path: str) -> bytes:
        """See ports.WholeBackup."""
        with on_disk(f"{path} of the backup"), opened(self.path / path) as file:
            return file.read()

    def names(self) -> Iterator[str]:
        """See ports.WholeBackup."""
        with on_disk(f"backup {self.path}"):
            for name in _walk(self.path):
                if name not in {HEAD, FILES}:
                    yield name

    def absolute(self, path: str) -> str:
        """See ports.WholeBackup."""
        return str(self.path / path)


class DiskDraft:
    """Implements `app.ports.backup.BackupDraft`."""

    def __init__(
        self, path: Path, folders: Folders, former: DiskBackup | None, checkpoint: Callable[[str], None]
    ) -> None:
        self._path, self._folders, self._checkpoint = path, folders, checkpoint
        self._began_s = time.time()
        self._former = former
        self._known = _former_files(former)
        self._files: dict[str, BackupFile] = {}
        self._taken: dict[RecordingId, tuple[str, Taken]] = {}

    def _inside_state(self) -> frozenset[str]:
        """The folders of the state folder that are the library, the spool or the prompts, or lead there."""
        state = self._folders.state.absolute()
        others = self._folders.monitor, self._folders.spool, self._folders.prompts
        places = [one.absolute() for one in others if one is not None]
        return frozenset(one.relative_to(state).parts[0] for one in places if state in one.parents)

    def put(self, path: str, content: bytes) -> None:
        """See ports.BackupDraft."""
        with self._on_disk(path):
            self._make_folder(path)
            write_new(self._path / path, content, 0o600)
        self._files[path] = BackupFile(path, len(content), hashlib.sha256(content).hexdigest())
        self._checkpoint(path)

    def take_state(self) -> None:
        """See ports.BackupDraft. The operator's own prompts are taken, too."""
        with self._on_disk("state folder"):
            for name in _walk(self._folders.state, besides=MADE_AGAIN | self._inside_state()):
                if not name.startswith(_CATALOGUE) and not name.endswith((".lock", "-wal", "-shm", "-journal")):
                    self._take_other(self._folders.state / name, f"{STATE}/{name}")
            if prompts := self._folders.prompts:
                for name in _walk(prompts):
                    self._take_other(prompts / name, f"{PROMPTS}/{name}")
        self._checkpoint("state")

    def take_log(self) -> DiskLogReader | None:
        """See ports.BackupDraft. What waits is read before the checkpoint: then nothing is missing between the two."""
        source, target = self._folders.state / AUDIT, f"{STATE}/{AUDIT}"
        with self._on_disk("audit log"):
            for path in [one for one in self._files if one.startswith(f"{target}/")]:
                (self._path / path).unlink()
                del self._files[path]
            try:
                key = public_key(source)
            except Misconfigured:
                return None
            waiting = _content(source / WAITING)
            files = LogFiles(source)
            note = files.note() or b""
            for name in tiles_of(opened_checkpoint(note, key).size):
                content, found = files.content(name)
                self._put_once(f"{target}/{found.path}", content, 0o644)
            self._put_once(f"{target}/{CHECKPOINT}", note, 0o644)
            self._take_stamps(source, target, opened_checkpoint(note, key).size)
            if waiting is not None:
                self._put_once(f"{target}/{WAITING}", waiting, 0o600)
            for one in sorted(source.iterdir()):
                others = {CHECKPOINT, WAITING, TILES, "lock"}
                if one.name not in others and not one.name.endswith((DRAFT, "-journal")):
                    self._take_other(one, f"{target}/{one.name}")
            self._take_tombstones()
        self._checkpoint("log")
        return DiskLogReader(self._path / target)

    def _take_tombstones(self) -> None:
        """After the log: what it says was erased has its tombstone, or is still under way."""
        path = f"{STATE}/{TOMBSTONES}"
        if self._files.pop(path, None) is not None:
            (self._path / path).unlink()
        self._take_other(self._folders.state / TOMBSTONES, path)

    def _take_stamps(self, source: Path, target: str, size: int) -> None:
        """The time stamps of checkpoints that the copied one continues."""
        for one in (one for one in stamped_sizes(source) if one <= size):
            for ending in ("checkpoint", "tsr"):
                self._take_other(source / STAMPS / f"{one}.{ending}", f"{target}/{STAMPS}/{one}.{ending}")

    def take_library(self) -> None:
        """See ports.BackupDraft."""
        with self._on_disk("library"):
            for are_keys in (False, True):
                for name in _walk(self._folders.monitor):
                    path = f"{LIBRARY}/{name}"
                    if path not in self._files and name.endswith(_KEY) is are_keys:
                        self._take_stored(self._folders.monitor / name, path)
            for path, file in self._files.items():
                if file.recording:
                    self._note(path, RecordingId(file.recording))
        self._checkpoint("library")

    def recordings(self) -> Mapping[RecordingId, Taken]:
        """See ports.BackupDraft."""
        return {recording: taken for recording, (_, taken) in self._taken.items()}

    def drop(self, recordings: Collection[RecordingId]) -> None:
        """See ports.BackupDraft."""
        for recording in recordings:
            sidecar, _ = self._taken.pop(recording)
            stem = sidecar.removesuffix(".json")
            with self._on_disk(sidecar):
                for path in [one for one in self._files if one.startswith(f"{stem}.")]:
                    removed(self._path / path)
                    del self._files[path]

    def finish(self, node: str) -> BackupHead:
        """See ports.BackupDraft."""
        with self._on_disk("backup"):
            content = encode_files(self._files.values())
            write_new(self._path / FILES, content, 0o600)
            head = BackupHead(
                int(self._began_s * 1000), __version__, node, len(self._taken), hashlib.sha256(content).hexdigest()
            )
            for folder, _, _ in os.walk(self._path):
                sync_folder(Path(folder))
            self._checkpoint("synced")
            write_new(self._path / HEAD, encode_head(head), 0o600)
            sync_folder(self._path)
            whole = self._path.with_name(self._path.name.removeprefix(UNFINISHED))
            self._path.rename(whole)
            sync_folder(whole.parent)
        self._checkpoint("whole")
        return head

    @contextmanager
    def _on_disk(self, what: str) -> Iterator[None]:
        with on_disk(f"backup of {what} into {self._path.parent}"):
            try:
                yield
            except sqlite3.Error as error:
                raise Unavailable("disk", f"backup of {what}: {error}", hint="try again") from error

    def _make_folder(self, path: str) -> None:
        (self._path / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _put_once(self, path: str, content: bytes, mode: int) -> None:
        self._make_folder(path)
        write_new(self._path / path, content, mode)
        self._files[path] = BackupFile(path, len(content), hashlib.sha256(content).hexdigest())

    def _take_other(self, source: Path, path: str) -> None:
        """A file of the state folder: a database as a whole by SQLite itself, others as they are. One that is gone meanwhile, or
        is no file, is left out."""
        try:
            found = source.lstat()
            if not stat.S_ISREG(found.st_mode):
                return
            if source.suffix == ".db":
                self._make_folder(path)
                _copy_database(source, self._path / path, found.st_mode & 0o777)
                with (self._path / path).open("rb") as copy:
                    digest = hashlib.file_digest(copy, "sha256").hexdigest()
                self._files[path] = BackupFile(path, (self._path / path).stat().st_size, digest)
                return
            with opened(source) as file:
                content = file.read()
        except FileNotFoundError:
            return
        self._put_once(path, content, found.st_mode & 0o777)

    def _take_stored(self, source: Path, path: str) -> None:
        """A file of the library; one that is gone meanwhile, or is no file, is left out."""
        try:
            found = source.lstat()
            if not stat.S_ISREG(found.st_mode):
                return
            self._make_folder(path)
            stamp = f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
            known = self._known.get(path)
            if known is not None and known.stamp == stamp and self._linked_from_former(path):
                self._files[path] = known
                return
            digest = self._linked_or_copied(source, path)
        except (FileNotFoundError, Corrupt):
            return
        recording = _recording_of(self._path / path)
        self._files[path] = BackupFile(path, found.st_size, digest, stamp, recording)

    def _linked_from_former(self, path: str) -> bool:
        try:
            os.link(Path(self._former.absolute(path)) if self._former else Path(), self._path / path)
        except OSError:
            return False
        return True

    def _linked_or_copied(self, source: Path, path: str) -> str:
        target = self._path / path
        if path.endswith(_KEY):
            return _copied(source, target)
        try:
            os.link(source, target, follow_symlinks=False)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one that does not link
            return _copied(source, target)
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _note(self, path: str, recording: RecordingId) -> None:
        """Note a recording by its sidecar."""
        sidecar, is_encrypted = self._path / path, f"{path.removesuffix('.json')}{_KEY}" in self._files
        former = self._taken.get(recording)
        if former is not None and former[1].is_whole and former[1].is_encrypted is is_encrypted:
            return
        manifest = decode_manifest(sidecar.read_bytes())
        folder = path.rpartition("/")[0]
        is_whole = all(f"{folder}/{one.name}" in self._files for one in manifest.files)
        self._taken[recording] = path, Taken(is_whole, sidecar.stat().st_mtime >= self._began_s - 1, is_encrypted)


def _former_files(former: DiskBackup | None) -> dict[str, BackupFile]:
    try:
        return {one.path: one for one in former.files() if one.stamp} if former else {}
    except Corrupt:
        return {}


def _recording_of(path: Path) -> str:
    """The id of the recording whose sidecar this is; empty for other files, and for a sidecar that cannot be read."""
    if path.suffix != ".json" or is_annotations(path.name) or path.stat().st_size > _SIDECAR_BYTES:
        return ""
    try:
        found = decode_manifest(path.read_bytes()).recording.id
    except Corrupt:
        return ""
    return found if is_recording_id(found) else ""


def _walk(folder: Path, besides: Collection[str] = ()) -> Iterator[str]:
    """Every file below, in a stable order, but hidden ones and those of hidden folders. Raises OSError."""
    for at, folders, names in os.walk(folder, onerror=_raised):
        below = Path(at).relative_to(folder)
        is_top = Path(at) == folder
        folders[:] = sorted(one for one in folders if not one.startswith(".") and not (is_top and one in besides))
        for name in sorted(names):
            if not name.startswith(".") and not (is_top and name in besides):
                yield str(below / name)


def _raised(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _copied(source: Path, target: Path) -> str:
    """Copy a file and flush it; its digest."""
    digest = hashlib.sha256()
    with opened(source) as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                write_all(descriptor, chunk)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return digest.hexdigest()


def _copy_database(source: Path, target: Path, mode: int) -> None:
    """A copy of an SQLite file as it is at one moment, while others write it."""
    target.touch(mode=mode)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as reader,
        closing(sqlite3.connect(target)) as copy,
    ):
        reader.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
