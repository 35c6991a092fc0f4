"""Backups: the folder that holds them, one that is being written, one that is whole, and what is copied and restored."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from callrec.app.ports.access import LogReader
from callrec.domain.calls.ids import RecordingId
from callrec.protocols.backup_files import BackupFile, BackupHead


@dataclass(frozen=True, slots=True)
class Taken:
    """A recording in a backup that is being written. `is_whole`: all its files are there; `is_recent`: its sidecar was written
    since the backup began; `is_encrypted`: its key file is there."""

    is_whole: bool
    is_recent: bool
    is_encrypted: bool = False


class BackupDraft(Protocol):
    """A backup that is being written. Blocking. Every method raises Unavailable for an error of a disk."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file that only its owner may read."""
        ...

    def take_state(self) -> None:
        """Copy the files of the state folder, except the audit log and what is made again."""
        ...

    def take_log(self) -> LogReader | None:
        """Copy the audit log as it is at one moment, in place of an earlier copy; None when there is none. Raises Corrupt."""
        ...

    def take_library(self) -> None:
        """Copy or link all files of the library that are not in the draft yet."""
        ...

    def recordings(self) -> Mapping[RecordingId, Taken]:
        """All whose sidecars are in it."""
        ...

    def drop(self, recordings: Collection[RecordingId]) -> None:
        """Remove all files of these."""
        ...

    def finish(self, node: str) -> BackupHead:
        """Flush everything, write the list and the head, and make it a whole backup."""
        ...


class WholeBackup(Protocol):
    """A backup that is whole. Blocking. Raises Unavailable."""

    @property
    def head(self) -> BackupHead:
        """What it says of itself."""
        ...

    def files(self) -> Sequence[BackupFile]:
        """Its files. Raises Corrupt (`backup-damaged`)."""
        ...

    def measure(self, path: str) -> tuple[int, str] | None:
        """Bytes and sha-256 of a file; None when it is missing. Raises Corrupt (`file-odd`)."""
        ...

    def read(self, path: str) -> bytes:
        """All of a file."""
        ...

    def names(self) -> Iterable[str]:
        """Every file that lies in it, but those by which it knows itself."""
        ...

    def absolute(self, path: str) -> str:
        """Where a file lies on this machine."""
        ...


class BackupFolder(Protocol):
    """A folder of backups."""

    def draft(self) -> AbstractContextManager[BackupDraft]:
        """Begin a backup; one that is not finished at the end of the block is removed, and so are those that were broken off
        before. Raises Refused (`backup-busy`, `backup-inside`), Unavailable."""
        ...

    def newest(self) -> WholeBackup:
        """The newest whole backup. Raises Refused (`backup-foreign`, `backup-newer`) when there is none, Unavailable."""
        ...


class StoreCopy(Protocol):
    """The tables of the store as one document. Raises as the store does."""

    async def saved(self) -> bytes:
        """All keys that a backup keeps, at one instant."""
        ...

    async def present(self) -> Sequence[str]:
        """Those of these keys that exist now."""
        ...

    async def restore(self, content: bytes) -> None:
        """Put them into a store that has none of them. Raises Refused (`restore-not-empty`), Corrupt (`backup-damaged`)."""
        ...


class Installation(Protocol):
    """The folders into which a backup is restored. Blocking. Raises Unavailable."""

    def goes_on(self, backup: str) -> bool:
        """Whether a restore of this backup was broken off here."""
        ...

    def begin(self, backup: str) -> None:
        """Mark that this backup is being restored. Raises Refused (`restore-not-empty`) when the folders hold anything."""
        ...

    def copied(self) -> None:
        """Mark that all files and tables are there, so that a restore that is broken off after this copies none again."""
        ...

    def is_copied(self) -> bool:
        """Whether that was marked."""
        ...

    def erased(self, recordings: Collection[RecordingId]) -> frozenset[RecordingId]:
        """Those of these that the restored tombstones name, or the file that was given. Raises Refused (`backup-foreign`) for
        another file, Corrupt (`tombstones-damaged`)."""
        ...

    def copy(self, source: str, path: str, sha256: str) -> None:
        """Put a file of a backup into its place, unless it is there already: whole, flushed, and compared with its digest. Raises
        Corrupt (`backup-damaged`)."""
        ...

    def end(self) -> None:
        """The restore has ended."""
        ...


Progress = Callable[[str, int, int], None]
"""Reports progress: the current step, how much of it is done, of how much."""
