"""The folder of Asterisk's files that confgen writes: each file is whole at any moment, also after a power cut.

Who writes has a lock on the file `.lock` in it, which the system takes back when a process ends, however it ends. The file stays:
a lock on one that was removed excludes nobody.
"""

import contextlib
import fcntl
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from callrec.adapters.disk.durable import on_disk, sync_folder, write_all

LOCK = ".lock"
MODE, FOLDER_MODE = 0o640, 0o2750
"""They hold secrets. Asterisk reads them by their group: that of the folder, unless the file had another."""


class DiskConfFolder:
    """Keeps the promises of `app.confgen.Folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """See confgen.Folder."""
        with on_disk(f"cannot read {self._folder / name}"):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def claim(self) -> contextlib.AbstractContextManager[object] | None:
        """See confgen.Folder."""
        with on_disk(f"cannot lock {self._folder / LOCK}"), contextlib.ExitStack() as until_it_is_ours:
            self._make()
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            lock = open(os.open(self._folder / LOCK, flags, MODE), "rb+", buffering=0)  # noqa: SIM115, PTH123 - whoever claims closes it
            until_it_is_ours.callback(lock.close)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            with contextlib.suppress(PermissionError):  # of root's making: the folder's owner has to open it, too
                place = self._folder.stat()
                os.fchown(lock.fileno(), place.st_uid, place.st_gid)
            until_it_is_ours.pop_all()
            return lock

    def replace(self, files: Mapping[str, bytes | None]) -> None:
        """See confgen.Folder. All are on the disk before the first takes its place."""
        with on_disk(f"cannot write Asterisk's files in {self._folder}"):
            self._make()
            written = [name for name, content in files.items() if content is not None]
            try:
                for name in written:
                    self._write(name, files[name] or b"")
                for name in files:
                    if name in written:
                        self._temporary(name).replace(self._folder / name)
                    else:
                        (self._folder / name).unlink(missing_ok=True)
            finally:
                for name in written:
                    self._temporary(name).unlink(missing_ok=True)
            sync_folder(self._folder)

    def _make(self) -> None:
        self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)

    def _temporary(self, name: str) -> Path:
        return self._folder / f".{name}.new"

    def _write(self, name: str, content: bytes) -> None:
        path = self._temporary(name)
        path.unlink(missing_ok=True)  # a run that was killed left it
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            write_all(descriptor, content)
            mode, group = self._rights(name)
            with contextlib.suppress(PermissionError):  # not a group of ours: the folder's owner has to see to it
                os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _rights(self, name: str) -> tuple[int, int]:
        """Mode and group: of the file that is there, else ours."""
        try:
            found = (self._folder / name).stat()
        except FileNotFoundError:
            return MODE, self._folder.stat().st_gid
        return stat.S_IMODE(found.st_mode), found.st_gid
