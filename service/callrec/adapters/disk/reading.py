"""Opens files of the library as they lie on disk."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from callrec.domain.errors import Corrupt


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file of at most `most_bytes`. Raises OSError, Corrupt."""
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > most_bytes:
            raise Corrupt("sidecar-unreadable", f"{path.name} is too large for a sidecar")
        return file.read()


def opened(path: Path) -> BufferedReader:
    """Open a regular file. A pipe does not block this, a link is not followed. Raises OSError, Corrupt."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise Corrupt("file-odd", f"{path.name} is a link, a pipe, a socket or a device: it must be a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb")
