"""Uploaded user files between their preview and their import: in memory that has no name, so that no password in them ever
reaches a disk, for a short time, and never many."""

import os
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from callrec.domain.errors import Refused

LARGEST_BYTES = 16 * 1024 * 1024
"""More is for the command and the API, which stream."""
MOST, MOST_BYTES = 8, 48 * 1024 * 1024
KEPT_S = 1200.0
CHUNK_BYTES = 64 * 1024


@dataclass(slots=True)
class Progress:
    """What an import is doing: the step, how much of it is done, of how much (0: unknown)."""

    step: str = ""
    done: int = 0
    all: int = 0

    def tell(self, step: str, done: int, whole: int) -> None:
        """Take what the import says."""
        self.step, self.done, self.all = step, done, whole


@dataclass(slots=True)
class Upload:
    """A file that waits for its import, or its result. `actor`: who has uploaded it, and alone sees it."""

    actor: str
    name: str
    size_bytes: int
    file: int
    until_s: float
    progress: Progress = field(default_factory=Progress)
    is_running: bool = False
    result: dict[str, object] | None = None
    """The report of the import that was done, with the generated secrets."""

    def content(self) -> bytes:
        """All of it. Blocking, from memory."""
        return os.pread(self.file, self.size_bytes, 0) if self.size_bytes else b""

    async def chunks(self) -> AsyncIterator[bytes]:
        """All of it in pieces."""
        for at in range(0, self.size_bytes, CHUNK_BYTES):
            yield os.pread(self.file, CHUNK_BYTES, at)


class Uploads:
    """By ticket. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Upload] = OrderedDict()

    def keep(self, actor: str, name: str, pieces: list[bytes]) -> str:
        """Keep a file; its ticket. Raises Refused (`file-too-large`)."""
        size_bytes = sum(map(len, pieces))
        if size_bytes > LARGEST_BYTES:
            raise too_large()
        self._forget_old(size_bytes)
        file = os.memfd_create("callrec-upload")
        for piece in pieces:
            os.write(file, piece)  # into memory, and whole: it never waits
        ticket = secrets.token_urlsafe(18).replace("-", "x").replace("_", "x")
        self._kept[ticket] = Upload(actor, name, size_bytes, file, self._clock() + KEPT_S)
        return ticket

    def find(self, ticket: str, actor: str) -> Upload:
        """The file of this ticket. Raises Refused (404) for another one's, and for one that was kept too long."""
        self._forget_old(0)
        found = self._kept.get(ticket)
        if found is None or found.actor != actor:
            raise Refused("no-such-record", "this upload is gone", hint="upload the file again")
        return found

    def forget(self, ticket: str, actor: str) -> None:
        """Drop a file and its result. Raises as `find`."""
        if not self.find(ticket, actor).is_running:
            os.close(self._kept.pop(ticket).file)

    def _forget_old(self, comes_bytes: int) -> None:
        """Drop what was kept too long, and the oldest files when there are too many; never one that is being imported."""
        for ticket, one in list(self._kept.items()):
            whole = sum(each.size_bytes for each in self._kept.values()) + comes_bytes
            is_over = self._clock() >= one.until_s or whole > MOST_BYTES or (comes_bytes and len(self._kept) >= MOST)
            if is_over and not one.is_running:
                os.close(self._kept.pop(ticket).file)


def too_large() -> Refused:
    """The refusal of a file that is too large for the page."""
    most = LARGEST_BYTES // 1024 // 1024
    hint = "use the command callrec users import, or the API"
    return Refused("file-too-large", f"the file has more than {most} MiB", hint=hint)
