"""The journal: what is being recorded, on disk before it is done, so that a killed daemon goes on where it was.

A folder with a `lock` and segments `journal-<n>.log`; a line is one `Entry`, and the last line about a recording is the truth.
Appends that come while a write is under way share the next one: one `write` and one `fdatasync` for all of them, in one
thread. A start, and a segment that has grown too large, begin a new segment that holds only what is live: written under a
temporary name, flushed, renamed, and only then are the older ones removed.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from callrec.adapters.disk.durable import on_disk, sync_folder, write_all, write_new
from callrec.domain.errors import Corrupt, Misconfigured, Unavailable
from callrec.domain.lifecycle import Entry, Step
from callrec.protocols.documents import decode_entry, encode_entry

if TYPE_CHECKING:
    from callrec.domain.model import RecordingId

log = logging.getLogger(__name__)

_WAITING = 10_000
"""Appends that may wait for the disk; more are refused, as the disk has been silent for long."""
_DAMAGED = "damaged.log"


class DiskJournal:
    """Keeps the promises of `app.ports.Journal` in one folder, alone: a second daemon there is Misconfigured.

    `load()` before the first `append`; `close()` at the end. `damaged` counts the lines that could not be read at the last
    load: they are copied to `damaged.log`, since each may be a recording that nobody else remembers.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = 8 << 20, timeout_s: float = 10.0) -> None:
        self.damaged = 0
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._timeout_s = timeout_s
        self._live: dict[RecordingId, Entry] = {}
        self._waiting: list[tuple[Entry, bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._segment = -1
        self._written_bytes = 0
        self._lock = -1
        self._refusing: Unavailable | None = Unavailable("journal-closed", "the journal is not loaded")

    def load(self) -> list[Entry]:
        """Take the folder, read it and begin a new segment; returns what is live, oldest recording first.

        Blocking. Raises Misconfigured when another daemon has the folder, Unavailable when the disk does not answer.
        """
        with on_disk(f"journal {self._folder}"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._live, self.damaged = {}, 0
            segments = self._segments()
            for segment in segments:
                self._read(segment, is_last=segment == segments[-1])
            self._compact(list(self._live.values()))
        self._refusing = None
        return list(self._live.values())

    @property
    def broken(self) -> str:
        """Why appends are refused; empty while they are not."""
        return str(self._refusing or "")

    def live(self) -> Sequence[Entry]:
        """See ports.Journal."""
        return list(self._live.values())

    async def append(self, entry: Entry) -> None:
        """See ports.Journal. After a time-out the entry may still reach the disk; its asker was told that it may not have."""
        if self._refusing is not None:
            raise _same(self._refusing)
        if len(self._waiting) >= _WAITING:
            raise Unavailable("journal-full", f"{_WAITING} entries wait for the disk", hint="look at the disk's health")
        on_its_way: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, encode_entry(entry), on_its_way))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="journal")
        try:
            async with asyncio.timeout(self._timeout_s):
                await on_its_way
        except TimeoutError:
            raise Unavailable("journal-slow", f"the disk took more than {self._timeout_s:g} s") from None

    async def reopen(self) -> None:
        """After a failed write: begin a new segment with all that was confirmed. Raises Unavailable while that fails too."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=self._timeout_s)
        await self._begin_segment()
        self._refusing = None

    async def close(self) -> None:
        """Write what waits, and let go of the folder."""
        self._refusing = self._refusing or Unavailable("journal-closed", "the journal is closed")
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=self._timeout_s)
        self._thread.shutdown(wait=False)
        for descriptor in (self._segment, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._segment = self._lock = -1

    async def _write(self) -> None:
        """Until nothing waits: all that waits, with one flush."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                with on_disk(f"journal {self._folder}"):
                    await loop.run_in_executor(self._thread, self._commit, b"".join(line for _, line, _ in batch))
            except Unavailable as error:
                log.error("journal refuses entries until it is opened anew: %s", error)  # noqa: TRY400 - expected, no trace
                self._refusing = error
                self._waiting, refused = [], [*batch, *self._waiting]
                for _, _, asker in refused:
                    if not asker.done():
                        asker.set_exception(_same(error))
                return
            for entry, _, asker in batch:
                self._remember(entry)
                if not asker.done():
                    asker.set_result(None)
            await self._rotate()

    async def _rotate(self) -> None:
        if self._written_bytes <= self._segment_bytes:
            return
        try:
            await self._begin_segment()
        except Unavailable as error:
            self._written_bytes = 0  # no try after every entry: the next one when as much has been written again
            log.warning("journal keeps its large segment: %s", error)

    async def _begin_segment(self) -> None:
        live = list(self._live.values())
        with on_disk(f"journal {self._folder}"):
            async with asyncio.timeout(self._timeout_s):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._compact, live)

    def _commit(self, lines: bytes) -> None:
        write_all(self._segment, lines)
        os.fdatasync(self._segment)
        self._written_bytes += len(lines)

    def _remember(self, entry: Entry) -> None:
        if entry.step is Step.FINISHED:
            self._live.pop(entry.recording.id, None)
        else:
            self._live[entry.recording.id] = entry

    def _take_lock(self) -> None:
        if self._lock >= 0:
            return
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            hint = "stop the other one, or give this one its own CALLREC_STATE_DIR"
            raise Misconfigured("journal-locked", f"another callrec uses {self._folder}", hint=hint) from None
        self._lock = lock

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("journal-*.log"), key=_number)

    def _read(self, segment: Path, *, is_last: bool) -> None:
        lines = segment.read_bytes().splitlines(keepends=True)
        damaged = []
        for nth, line in enumerate(lines, start=1):
            try:
                self._remember(decode_entry(line))
            except Corrupt as error:
                if is_last and nth == len(lines) and not line.endswith(b"\n"):
                    log.info("journal: the last line was torn; it had not been confirmed to anybody")
                    continue
                log.warning("journal: %s line %d is damaged (%s); copied to %s", segment.name, nth, error, _DAMAGED)
                damaged.append(line.rstrip(b"\n") + b"\n")
        if damaged:
            self.damaged += len(damaged)
            self._put_aside(b"".join(damaged))

    def _put_aside(self, lines: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        aside = os.open(self._folder / _DAMAGED, flags, 0o600)
        try:
            write_all(aside, lines)
            os.fsync(aside)
        finally:
            os.close(aside)

    def _compact(self, live: Sequence[Entry]) -> None:
        """A new segment with these entries takes the place of all others. Raises OSError, and then nothing has changed."""
        older = self._segments()
        segment = self._folder / f"journal-{_number(older[-1]) + 1 if older else 1}.log"
        temporary = segment.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        content = b"".join(map(encode_entry, live))
        write_new(temporary, content, 0o600)
        temporary.rename(segment)
        sync_folder(self._folder)
        opened = os.open(segment, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        if self._segment >= 0:
            os.close(self._segment)
        self._segment, self._written_bytes = opened, 0
        for former in older:
            former.unlink()
        sync_folder(self._folder)


def _same(error: Unavailable) -> Unavailable:
    """Each asker raises its own: one exception in many tasks would collect the traces of all."""
    return Unavailable(error.code, error.message, hint=error.hint)


def _number(segment: Path) -> int:
    digits = segment.stem.removeprefix("journal-")
    return int(digits) if digits.isdecimal() else 0
