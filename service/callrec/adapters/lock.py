"""File locks with flock(2), for all parts of callrec.

The kernel releases the lock when the process ends, in whatever way. The file is never removed: a lock on a removed file excludes
no other process. On NFS the lock also holds between machines if the server supports locks (nfs(5): without `nolock`).
"""

import errno
import fcntl
import os
import stat
from pathlib import Path

from callrec.adapters.disk.fsync import write_all

MOST_BYTES = 4096


class FileLock:
    """A lock with one exclusive holder, or any number of `shared` holders; each object is a holder of its own."""

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        """`mode`: the mode of the file when it is created."""
        self.path, self._mode = path, mode
        self._descriptor = -1

    def take(self, *, shared: bool = False) -> bool:
        """Release what is held, and lock the file that is at this path now; False when another holder has it.

        Raises OSError when the file cannot be created, is not a regular file, or its disk supports no locks.
        """
        self.release()
        descriptor = _made(self.path, self._mode)
        try:
            granted = _granted(descriptor, self.path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        if granted:
            self._descriptor = descriptor
        else:
            os.close(descriptor)
        return granted

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def holds(self) -> bool:
        """Whether this object holds the lock of the file that is at this path now; the file may have been removed and created
        again."""
        if self._descriptor < 0:
            return False
        try:
            there = self.path.lstat()
        except OSError:
            return False
        ours = os.fstat(self._descriptor)
        return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)

    def give_to(self, user: int, group: int) -> None:
        """Set user and group of the locked file. Raises OSError."""
        os.fchown(self._descriptor, user, group)

    def write(self, note: bytes) -> None:
        """Replace the file's content by this note about the holder. Raises OSError."""
        descriptor = _opened(self.path, os.O_RDWR)
        try:
            os.ftruncate(descriptor, 0)
            write_all(descriptor, note)
        finally:
            os.close(descriptor)

    def note(self) -> bytes:
        """The note of the last holder, at most `MOST_BYTES`; empty when the file cannot be read."""
        try:
            descriptor = _opened(self.path, os.O_RDONLY)
        except OSError:
            return b""
        try:
            return os.pread(descriptor, MOST_BYTES, 0)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether a process holds the exclusive lock of this file; False also when the file cannot be read. Creates no file."""
    try:
        descriptor = _opened(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        os.close(descriptor)


def _granted(descriptor: int, path: Path, how: int) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EBADF or not _is_made_writable(descriptor, path):
                raise
        else:
            return True


def _made(path: Path, mode: int) -> int:
    """The file, created if missing, open for reading only: a file open for writing would block a remount read-only."""
    try:
        os.close(_opened(path, os.O_RDWR | os.O_CREAT, mode))
    except OSError:
        if not path.is_file():
            raise
    return _opened(path, os.O_RDONLY)


def _is_made_writable(descriptor: int, path: Path) -> bool:
    """Reopen the descriptor for writing, since NFS grants exclusive locks only then (flock(2)); False when it is already."""
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDWR:
        return False
    writable = _opened(path, os.O_RDWR)
    os.dup2(writable, descriptor, inheritable=False)
    os.close(writable)
    return True


def _opened(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a regular file. Members of the spool's group may have replaced it: links are not followed. Raises OSError."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{path.name} is no file")
    return descriptor
