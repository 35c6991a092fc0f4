"""Reads media files in threads of its own, so that neither the event loop nor the threads of the journal wait for a slow disk.

sendfile(2) is no way around that: it waits for the disk in the thread that calls it, which would be the event loop's.
"""

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from callrec.adapters.disk.fsync import on_disk
from callrec.adapters.encryption.contents import PLAIN, Content, Contents, digest_of
from callrec.adapters.threads import Threads
from callrec.domain.errors import Corrupt, Unavailable

READERS, DIGESTERS = 8, 2
READ_S = 15.0
"""How long one read may take."""
DIGEST_S = 300.0
"""How long the digest of a file may take: 100 GB at 350 MB/s."""
T = TypeVar("T")


class DiskMediaFiles:
    """Implements `app.ports.media.MediaFiles`: files as their content, also encrypted ones."""

    def __init__(self, contents: Contents = PLAIN) -> None:
        self.contents = contents
        self.readers = Threads(READERS, "media-read")
        self.digesters = Threads(DIGESTERS, "media-digest", is_behind=True)

    async def open(self, path: str) -> "DiskMediaFile":
        """See ports.MediaFiles."""
        descriptor, content, version = await in_thread(self.readers, READ_S, lambda: _opened(path, self.contents))
        return DiskMediaFile(self, descriptor, content, path, version)


class DiskMediaFile:
    """Implements `app.ports.media.MediaFile`."""

    def __init__(self, files: DiskMediaFiles, descriptor: int, content: Content, path: str, version: str) -> None:
        self._files, self._descriptor, self._content, self._path = files, descriptor, content, Path(path)
        self._in_use = threading.Lock()
        self.size_bytes, self.opened_version = content.size_bytes, version

    async def version(self) -> str:
        """See ports.MediaFile."""
        return await self._read_by(_version)

    async def read(self, offset: int, count: int) -> bytes:
        """See ports.MediaFile."""
        return await self._read_by(lambda _: self._content.read(offset, count))

    async def sha256(self) -> str:
        """See ports.MediaFile. It has a descriptor of its own: the file may be closed meanwhile."""
        own = await self._read_by(os.dup)

        def digest() -> str:
            try:
                with on_disk(f"media file {self._path.name}"):
                    return digest_of(self._content.again(own))
            finally:
                os.close(own)

        return await in_thread(self._files.digesters, DIGEST_S, digest)

    async def close(self) -> None:
        """See ports.MediaFile. A cancelled read may still use the descriptor: it is closed behind it."""
        self._files.readers.submit(self._close)

    def _close(self) -> None:
        with self._in_use:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    async def _read_by(self, work: Callable[[int], T]) -> T:
        def read() -> T:
            with on_disk(f"media file {self._path.name}"), self._in_use:
                if self._descriptor < 0:  # its number may be another file's by now
                    raise OSError(errno.EBADF, "closed")
                return work(self._descriptor)

        return await in_thread(self._files.readers, READ_S, read)


async def in_thread(threads: Threads, limit_s: float, work: Callable[[], T]) -> T:
    """Run there. Raises Unavailable (`disk`) after the limit; the work goes on behind it."""
    try:
        async with asyncio.timeout(limit_s):
            return await asyncio.get_running_loop().run_in_executor(threads, work)
    except TimeoutError:
        raise Unavailable(
            "disk", f"a disk has not answered for {limit_s:g} s", hint="look at the disk of the monitor directory"
        ) from None


def _version(descriptor: int) -> str:
    """The kernel sets the change time (ctime) at each write; no program can set it back."""
    found = os.fstat(descriptor)
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns} {found.st_ctime_ns} {found.st_nlink}"


def _opened(path: str, contents: Contents) -> tuple[int, Content, str]:
    name = Path(path).name
    with on_disk(f"media file {name}"):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise Corrupt("media-missing", f"{name} is missing", hint="run callrec verify") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _odd(name) from None
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _odd(name)
        try:
            version = _version(descriptor)  # before its content is looked at
            return descriptor, contents.of(descriptor, Path(path)), version
        except BaseException:
            os.close(descriptor)
            raise


def _odd(name: str) -> Corrupt:
    return Corrupt("file-odd", f"{name} is a link, a pipe, a socket or a device: it must be a regular file")
