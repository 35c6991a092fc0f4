"""The journal: each step of a recording is on disk before it is carried out, so that a restarted daemon continues there.

A folder with a `lock` and segments `journal-<n>.log`. A line is one `Entry`; the last line about a recording is the valid one.
That of a long recording tells only what has changed (`protocols.journal_lines`).
Appends that arrive during a write share the next one: one `write` and one `fdatasync` for all of them, in one thread. At each
start, and when a segment has grown too large, a new segment with only the live recordings is written under a temporary name,
flushed and renamed; then the older ones are removed.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from callrec.adapters.disk.fsync import on_disk, sync_folder, write_all, write_new
from callrec.adapters.lock import FileLock
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.errors import Corrupt, Misconfigured, Unavailable
from callrec.domain.library.erasure import mentioned
from callrec.protocols.journal_lines import LineReader, LineWriter

if TYPE_CHECKING:
    from callrec.domain.calls.ids import RecordingId
    from callrec.domain.calls.model import Recording

log = logging.getLogger(__name__)

_WAITING = 10_000
"""The most appends that wait for the disk; further ones are refused."""
MOST_FINISHED = 200
_DAMAGED = "damaged.log"
_ROOM_BYTES = 64 << 10
"""So much must fit before a journal that refused accepts entries again."""


class DiskJournal:
    """Implements `app.ports.calls.Journal` in one folder, which it locks against a second daemon.

    `load()` before the first `append`; `close()` at the end. `damaged`: the number of lines that could not be read at the last
    load. They are copied to `damaged.log`, since each may be the only trace of a recording.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = 8 << 20, timeout_s: float = 10.0) -> None:
        self.damaged = 0
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._timeout_s = timeout_s
        self._live: dict[RecordingId, Entry] = {}
        self.finished: deque[Recording] = deque(maxlen=MOST_FINISHED)
        """The recordings that the former daemon finished last, as far as the journal still has them; known after `load`."""
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._compactions: list[asyncio.Future[None]] = []
        self._lines = LineWriter()
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._segment = -1
        self._written_bytes = 0
        self._lock = FileLock(folder / "lock")
        self._refusing: Unavailable | None = Unavailable("journal-closed", "the journal is not loaded")

    def load(self) -> list[Entry]:
        """Lock the folder, read it and begin a new segment; returns the live entries, oldest recording first.

        Blocking. Raises Misconfigured when another daemon has the folder, Unavailable for an error of the disk.
        """
        with on_disk(f"journal {self._folder}"):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._live, self.damaged = {}, 0
            self.finished.clear()
            segments, reader = self._segments(), LineReader()
            for segment in segments:
                self._read(segment, reader, is_last=segment == segments[-1])
            self._compact(list(self._live.values()))
        self._refusing = None
        return list(self._live.values())

    @property
    def broken(self) -> str:
        """The reason why appends are refused; empty while they are accepted."""
        return str(self._refusing or "")

    def live(self) -> Sequence[Entry]:
        """The last entry of each unfinished recording, oldest recording first."""
        return list(self._live.values())

    async def append(self, entry: Entry) -> None:
        """Write the entry; it is on disk on return. Raises Unavailable; after a time-out the entry may still reach the disk."""
        if self._refusing is not None:
            raise _same(self._refusing)
        if len(self._waiting) >= _WAITING:
            raise Unavailable("journal-full", f"{_WAITING} entries wait for the disk", hint="look at the disk's health")
        on_its_way: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, on_its_way))
        self._ensure_writer()
        try:
            async with asyncio.timeout(self._timeout_s):
                await on_its_way
        except TimeoutError:
            raise Unavailable("journal-slow", f"the disk took more than {self._timeout_s:g} s") from None

    async def reopen(self) -> None:
        """After a failed write: begin a new segment with all confirmed entries. Raises Unavailable while that fails too."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=self._timeout_s)
        with on_disk(f"journal {self._folder}"):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._prove_room)
        await self._begin_segment()
        self._refusing = None

    async def compact(self) -> None:
        """Begin a new segment with the live recordings only: nothing is left of those that have ended. Raises Unavailable."""
        if self._refusing is not None:
            raise _same(self._refusing)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._compactions.append(done)
        self._ensure_writer()
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                await done
        except TimeoutError:
            raise Unavailable("journal-slow", f"the disk took more than {2 * self._timeout_s:g} s") from None

    async def forget(self, recordings: Collection[str], words: Collection[str]) -> None:
        """Have nothing left of these recordings, which have ended, and no damaged line about them or with one of these words.
        Raises Unavailable."""
        if self._refusing is not None:
            raise _same(self._refusing)
        if recordings:
            await self.compact()
        with on_disk(f"journal {self._folder}"):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._drop_damaged, recordings, words)

    async def close(self) -> None:
        """Write the waiting entries, and unlock the folder."""
        self._refusing = self._refusing or Unavailable("journal-closed", "the journal is closed")
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=self._timeout_s)
        self._thread.shutdown(wait=False)
        if self._segment >= 0:
            os.close(self._segment)
            self._segment = -1
        self._lock.release()

    def _ensure_writer(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="journal")

    async def _write(self) -> None:
        """Write all waiting entries with one flush, until none waits. Segments begin in between, when all that was written is
        remembered."""
        loop = asyncio.get_running_loop()
        while self._waiting or self._compactions:
            batch, self._waiting = self._waiting, []
            try:
                with on_disk(f"journal {self._folder}"):
                    unfit = await loop.run_in_executor(self._thread, self._commit, [entry for entry, _ in batch])
            except Unavailable as error:
                log.error("journal refuses entries until it is reopened: %s", error)  # noqa: TRY400 - expected, no trace
                self._refusing = error
                self._waiting, refused = [], [*batch, *self._waiting]
                self._end_compactions(error)
                for _, asker in refused:
                    if not asker.done():
                        asker.set_exception(_same(error))
                return
            for nth, (entry, asker) in enumerate(batch):
                if nth not in unfit:
                    self._remember(entry)
                if not asker.done():
                    asker.set_exception(unfit[nth]) if nth in unfit else asker.set_result(None)
            await (self._compacted() if self._compactions else self._rotate())

    async def _compacted(self) -> None:
        try:
            await self._begin_segment()
        except Unavailable as error:
            self._end_compactions(error)
        except TimeoutError:
            self._end_compactions(Unavailable("journal-slow", f"the disk took more than {self._timeout_s:g} s"))
        else:
            self._end_compactions(None)

    def _end_compactions(self, error: Unavailable | None) -> None:
        ended, self._compactions = self._compactions, []
        for asker in ended:
            if not asker.done():
                asker.set_exception(_same(error)) if error else asker.set_result(None)

    async def _rotate(self) -> None:
        if self._written_bytes <= self._segment_bytes:
            return
        try:
            await self._begin_segment()
        except Unavailable as error:
            self._written_bytes = 0  # try again only after as many bytes again, not after each entry
            log.warning("journal keeps its large segment: %s", error)

    async def _begin_segment(self) -> None:
        live = list(self._live.values())
        with on_disk(f"journal {self._folder}"):
            async with asyncio.timeout(self._timeout_s):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._compact, live)

    def _commit(self, entries: Sequence[Entry]) -> Mapping[int, ValueError]:
        """Write them, in the thread in which segments begin: a line may tell only what has changed since the one before it in its
        segment. Returns why some have no line, by their place."""
        lines: list[bytes] = []
        unfit: dict[int, ValueError] = {}
        for nth, entry in enumerate(entries):
            try:
                lines.append(self._lines.line(entry))
            except ValueError as error:
                unfit[nth] = error
        content = b"".join(lines)
        write_all(self._segment, content)
        os.fdatasync(self._segment)
        self._written_bytes += len(content)
        return unfit

    def _prove_room(self) -> None:
        """An empty segment fits on a full disk, and the next entry would be refused again."""
        probe = self._folder / "room.tmp"
        probe.unlink(missing_ok=True)
        try:
            write_new(probe, b"\0" * _ROOM_BYTES, 0o600)
        finally:
            probe.unlink(missing_ok=True)

    def _remember(self, entry: Entry) -> None:
        if entry.step is Step.FINISHED:
            self._live.pop(entry.recording.id, None)
        else:
            self._live[entry.recording.id] = entry

    def _take_lock(self) -> None:
        if not (self._lock.holds() or self._lock.take()):
            hint = "stop the other daemon, or give this one its own CALLREC_STATE_DIR"
            raise Misconfigured("journal-locked", f"another callrec uses {self._folder}", hint=hint)

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("journal-*.log"), key=_number)

    def _read(self, segment: Path, reader: LineReader, *, is_last: bool) -> None:
        lines = segment.read_bytes().splitlines(keepends=True)
        damaged = []
        for nth, line in enumerate(lines, start=1):
            try:
                entry = reader.entry(line)
                self._remember(entry)
                if entry.step is Step.FINISHED:
                    self.finished.append(entry.recording)
            except Corrupt as error:
                if is_last and nth == len(lines) and not line.endswith(b"\n"):
                    log.info("journal: the last line is incomplete; it had not been confirmed")
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

    def _drop_damaged(self, recordings: Collection[str], words: Collection[str]) -> None:
        """Raises OSError."""
        aside = self._folder / _DAMAGED
        if not aside.exists():
            return
        lines = aside.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _is_about(line.decode("utf-8", "replace"), recordings, words)]
        if len(kept) < len(lines):
            draft = aside.with_suffix(".tmp")
            draft.unlink(missing_ok=True)
            write_new(draft, b"".join(kept), 0o600)
            draft.rename(aside)
            sync_folder(self._folder)

    def _compact(self, live: Sequence[Entry]) -> None:
        """Replace all segments by a new one with these entries. Raises OSError; the old segments then stay."""
        older = self._segments()
        segment = self._folder / f"journal-{_number(older[-1]) + 1 if older else 1}.log"
        temporary = segment.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        lines = LineWriter()
        content = b"".join(map(lines.line, live))
        write_new(temporary, content, 0o600)
        temporary.rename(segment)
        try:
            sync_folder(self._folder)
            opened = os.open(segment, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError:
            segment.unlink()  # it would be read after what the older ones get from now on
            raise
        if self._segment >= 0:
            os.close(self._segment)
        self._segment, self._written_bytes, self._lines = opened, 0, lines
        for former in older:
            former.unlink()
        sync_folder(self._folder)


def _is_about(line: str, recordings: Collection[str], words: Collection[str]) -> bool:
    return any(one in line for one in recordings) or next(mentioned(line, words), None) is not None


def _same(error: Unavailable) -> Unavailable:
    """A copy for each waiting task: one exception raised in many tasks would collect the tracebacks of all."""
    return Unavailable(error.code, error.message, hint=error.hint)


def _number(segment: Path) -> int:
    digits = segment.stem.removeprefix("journal-")
    return int(digits) if digits.isdecimal() else 0
