"""A daemon's lock on a folder that no other daemon may work in: the spool and the monitor directory.

The journal has a lock in the state folder; two daemons with different state folders would each adopt the other's legs and store
each recording twice. The system takes the lock back when the process ends, however it ends; the file stays, and says who had it.
On NFS the lock holds between machines where the server grants locks (nfs(5): without `nolock`).
"""

import errno
import fcntl
import json
import logging
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from callrec.adapters.disk.durable import write_all
from callrec.domain.errors import Misconfigured

log = logging.getLogger(__name__)

NAME = ".callrec.lock"
_MOST_BYTES = 4096
_PATIENCE_S = 1.0
"""A command that looks at who has the folder holds the lock for an instant."""
_LOOK_S = 0.05


class FolderLock:
    """`take` before anything is done in the folder, `release` at the end; `holder` is what others are told of us."""

    def __init__(self, folder: Path, setting: str, holder: Mapping[str, str]) -> None:
        self._folder, self._setting = folder, setting
        self._holder = holder
        self._descriptor = -1

    def take(self) -> None:
        """Lock the folder that is at this path now; twice is fine, also when it was removed and made again meanwhile. Blocking.

        Raises Misconfigured when another daemon has it. A disk that takes no lock is a warning, and no reason not to record.
        """
        path = self._folder / NAME
        if self._descriptor >= 0 and _is_same(self._descriptor, path):
            return
        self.release()
        try:
            self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
            descriptor = _made(path)
        except OSError as error:
            log.warning("%s cannot be locked against a second daemon: %s", self._folder, error.strerror)
            return
        try:
            self._lock(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self, descriptor: int, path: Path) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline_s:
                    raise _taken(self._folder, self._setting, _said(descriptor)) from None
                time.sleep(_LOOK_S)
            except OSError as error:
                if error.errno == errno.EBADF and _is_made_writable(descriptor, path):
                    continue
                log.warning("%s cannot be locked against a second daemon: %s", self._folder, error.strerror)
                return
            else:
                break
        self._say_who(path)

    def _say_who(self, path: Path) -> None:
        try:
            descriptor = _opened(path, os.O_RDWR)
            try:
                os.ftruncate(descriptor, 0)
                write_all(descriptor, json.dumps({**self._holder, "pid": os.getpid()}).encode() + b"\n")
            finally:
                os.close(descriptor)
        except OSError as error:  # a full disk: the lock holds all the same
            log.warning("%s: who has its lock cannot be written: %s", self._folder, error.strerror)


def holder_of(folder: Path) -> dict[str, str] | None:
    """What the daemon that has this folder says of itself; None when no daemon has it, or it cannot be seen."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(descriptor)
    except OSError:
        return None
    else:
        return None
    finally:
        os.close(descriptor)


def _made(path: Path) -> int:
    """The lock's file, open for reading only: a disk on which a file is open for writing cannot be remounted read-only."""
    try:
        os.close(_opened(path, os.O_RDWR | os.O_CREAT))
    except OSError:
        if not path.is_file():
            raise
    return _opened(path, os.O_RDONLY)


def _is_made_writable(descriptor: int, path: Path) -> bool:
    """NFS locks for writers only (flock(2)): the same descriptor, open for writing; False when it is already."""
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
        return False
    writable = _opened(path, os.O_RDWR)
    os.dup2(writable, descriptor, inheritable=False)
    os.close(writable)
    return True


def _opened(path: Path, flags: int) -> int:
    """Members of the spool's group may have put something else there: a link is not followed. Raises OSError."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o640)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{NAME} is no file")
    return descriptor


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        there = path.lstat()
    except OSError:
        return False
    ours = os.fstat(descriptor)
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _said(descriptor: int) -> dict[str, str]:
    """What its holder wrote; empty when that is nothing that can be read."""
    try:
        said = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def _taken(folder: Path, setting: str, holder: Mapping[str, str]) -> Misconfigured:
    who = ", ".join(f"{name} {holder[name]}" for name in ("node", "pid", "state") if name in holder) or "unknown"
    hint = f"stop the other one, or give this one its own {setting}"
    return Misconfigured("folder-locked", f"another callrec ({who}) works in {folder}", hint=hint)
