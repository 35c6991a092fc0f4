"""The mark of the tables that were seen last, kept on the disk beside the work: an older one there is only less strict."""

import asyncio

import structlog

from callrec.app.tables_mark import MarkFile, TablesMark
from callrec.domain.errors import CallrecError

PAUSE_S = 0.2
"""Of many changes in a row not each one is written down by itself."""

log = structlog.get_logger(__name__)


class MarkKeeper:
    """`keep` what was seen; a task writes it. Without a file it is only remembered."""

    def __init__(self, file: MarkFile | None) -> None:
        self._file = file
        self.mark: TablesMark | None = None
        self._on_disk: TablesMark | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Write from now on what is to be kept."""
        if self._file:
            self._task = asyncio.create_task(self._write_on(self._file), name="tables-mark")

    async def end(self) -> None:
        """Write no more; what is still to be kept is written."""
        if self._task is None or self._file is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._news.is_set():
            await self._write(self._file)

    async def look(self) -> None:
        """Take the mark on the disk when it is not ours: then an operator has decided. Raises Unavailable, Corrupt."""
        if self._file is None:
            return
        found = await asyncio.to_thread(self._file.read)
        if found != self._on_disk:
            self.mark = self._on_disk = found
            self._news.clear()

    def keep(self, mark: TablesMark) -> None:
        """These were seen."""
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
