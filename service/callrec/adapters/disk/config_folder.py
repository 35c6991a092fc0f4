"""The folder of Asterisk's files that confgen writes. Each file is replaced atomically, also in a power cut.

A run holds the lock of the file `.lock` in it while it writes.
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_all
from callrec.adapters.lock import FileLock

LOCK = ".lock"
MODE, FOLDER_MODE = 0o640, 0o2750
"""The files contain secrets. Asterisk reads them by their group: that of the folder, unless a file had another group."""


class DiskConfFolder:
    """Implements `app.ports.asterisk.ConfigFolder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None when there is none. Raises Unavailable."""
        with on_disk(f"cannot read {self._folder / name}"):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def claim(self) -> contextlib.AbstractContextManager[object] | None:
        """Lock the folder; None while another process has the lock. Creates the folder. Raises Unavailable."""
        lock = FileLock(self._folder / LOCK, MODE)
        with on_disk(f"cannot lock {lock.path}"), contextlib.ExitStack() as until_it_is_ours:
            self._make()
            if not lock.take():
                return None
            until_it_is_ours.callback(lock.release)
            with contextlib.suppress(
                PermissionError
            ):  # when root creates it, the folder's owner must be able to open it
                place = self._folder.stat()
                lock.give_to(place.st_uid, place.st_gid)
            until_it_is_ours.pop_all()
            return lock

    def replace(self, files: Mapping[str, bytes | None]) -> None:
        """Replace files by name (None: remove). All new files are on disk before the first one replaces an old one. Raises
        Unavailable."""
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
        path.unlink(missing_ok=True)  # from a run that was killed
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            write_all(descriptor, content)
            mode, group = self._rights(name)
            with contextlib.suppress(PermissionError):  # this user is not in that group: the folder's owner must set it
                os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _rights(self, name: str) -> tuple[int, int]:
        """Mode and group of the existing file; for a new one MODE and the folder's group."""
        try:
            found = (self._folder / name).stat()
        except FileNotFoundError:
            return MODE, self._folder.stat().st_gid
        return stat.S_IMODE(found.st_mode), found.st_gid
