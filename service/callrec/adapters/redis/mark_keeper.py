"""Writes the mark of the tables seen last to disk, in the background: a mark that is a little too old is only less strict."""

import asyncio

import structlog

from callrec.app.ports.directory import MarkFile
from callrec.domain.directory.tables_mark import TablesMark
from callrec.domain.errors import CallrecError

PAUSE_S = 0.2
"""The pause between two writes, so that many changes in a row cause few writes."""

log = structlog.get_logger(__name__)


class MarkKeeper:
    """`keep` remembers a mark, and a task writes it; without a file it is only remembered."""

    def __init__(self, file: MarkFile | None) -> None:
        self._file = file
        self.mark: TablesMark | None = None
        self._on_disk: TablesMark | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start the task that writes."""
        if self._file:
            self._task = asyncio.create_task(self._write_on(self._file), name="tables-mark")

    async def end(self) -> None:
        """Write the last mark, and end the task."""
        if self._task is None or self._file is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._news.is_set():
            await self._write(self._file)

    async def look(self) -> None:
        """Read the mark from disk when another process has changed it: an operator has accepted tables. Raises Unavailable,
        Corrupt."""
        if self._file is None:
            return
        found = await asyncio.to_thread(self._file.read)
        if found != self._on_disk:
            self.mark = self._on_disk = found
            self._news.clear()

    def keep(self, mark: TablesMark) -> None:
        """Remember the mark of the tables that were seen now."""
        if mark != self.mark:
            self.mark = mark
            self._news.set()

    async def _write_on(self, file: MarkFile) -> None:
        while True:
            await self._news.wait()
            await self._write(file)
            await asyncio.sleep(PAUSE_S)

    async def _write(self, file: MarkFile) -> None:
        self._news.clear()
        if (mark := self.mark) is None:
            return
        try:
            await asyncio.to_thread(file.write, mark)
        except CallrecError as error:  # the next change tries again
            log.warning("tables-mark-not-kept", code=error.code, reason=error.message)
        else:
            self._on_disk = mark
