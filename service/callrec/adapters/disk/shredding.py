"""Removes files; a key file is overwritten before.

What is overwritten in place is gone from a disk that writes in place. A solid-state disk, a file system that copies on write, and
a snapshot may keep the former blocks for a while: there a destroyed key is protected by the master key that has wrapped it.
"""

import os
from pathlib import Path

from callrec.adapters.disk.fsync import write_all

_KEY = ".key"


def removed(file: Path) -> int:
    """Remove the file, if it is there; its size. Raises OSError."""
    try:
        size = file.lstat().st_size
        if file.suffix == _KEY:
            overwrite(file)
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return size


def overwrite(file: Path) -> None:
    """Overwrite a small file and flush that; a link is left as it is. One that has another name, too, is left: that is
    somebody's copy. Raises OSError."""
    descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        overwrite_open(descriptor, most_names=1)
    finally:
        os.close(descriptor)


def overwrite_open(descriptor: int, *, most_names: int) -> None:
    """The same of an open file, unless it has more names than this. Raises OSError."""
    found = os.fstat(descriptor)
    if found.st_nlink > most_names:
        return
    os.lseek(descriptor, 0, os.SEEK_SET)
    write_all(descriptor, os.urandom(found.st_size))
    os.fsync(descriptor)
