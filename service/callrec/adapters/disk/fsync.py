"""Writing files so that they survive a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callrec.domain.errors import Unavailable


@contextmanager
def on_disk(what: str) -> Iterator[None]:
    """Turns OSError within the block (disk full, read-only, no rights) into Unavailable; `what` names what failed."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "free space on it, mount it for writing, or give callrec's user its rights"
        raise Unavailable("disk", f"{what}: {reason}", hint=hint) from error


def write_all(descriptor: int, content: bytes | memoryview) -> None:
    """Write all bytes; a single `write` may write only a part. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_new(path: Path, content: bytes, mode: int) -> None:
    """Create a new file with this content and flush it to disk. Raises OSError, FileExistsError for an existing file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make names that were created, renamed or removed in the folder survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
