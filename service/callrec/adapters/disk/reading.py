"""Opens files of the library as they lie on disk."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from callrec.domain.errors import Corrupt

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_bounded(path: Path | str, most_bytes: int) -> bytes:
    """The bytes of a regular file of at most `most_bytes`. Raises OSError, Corrupt. A rebuild reads a million of them: there is
    no Path and no buffer on the way."""
    descriptor = _opened(path)
    try:
        size = os.fstat(descriptor).st_size
        if size > most_bytes:
            raise Corrupt("sidecar-unreadable", f"{Path(path).name} is too large for a sidecar")
        content = os.read(descriptor, size + 1)
        while more := os.read(descriptor, most_bytes + 1) if len(content) <= most_bytes else b"":
            content += more
        return content
    finally:
        os.close(descriptor)


def opened(path: Path) -> BufferedReader:
    """Open a regular file. A pipe does not block this, a link is not followed. Raises OSError, Corrupt."""
    return os.fdopen(_opened(path), "rb")


def _opened(path: Path | str) -> int:
    if not stat.S_ISREG(os.lstat(path).st_mode):
        name = Path(path).name
        raise Corrupt("file-odd", f"{name} is a link, a pipe, a socket or a device: it must be a regular file")
    return os.open(path, _FLAGS)
