"""The catalogue in one SQLite file: one thread writes, some read. Commands use the same file beside the daemon."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import apsw

from callrec.adapters.database.catalogue_file import BUSY_S, NAME, CatalogueFile, set_aside_path, translated
from callrec.adapters.database.catalogue_queries import Query, count_query, page_query
from callrec.adapters.database.catalogue_rows import (
    entry_of,
    next_change,
    number,
    part_of_all,
    remove,
    replace,
    stored,
    text_of,
    transaction,
    wanted_entry,
)
from callrec.adapters.database.catalogue_schema import VERSION, migrate
from callrec.adapters.database.sqlite_rebuild import SqliteRebuild
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry, keys_of
from callrec.domain.library.search_pages import Count, Page, PageRequest, Row, page_of

READERS = 3
ADDED_UP = 20_000
"""Entries whose bytes are added up at once."""
_BYTES_BEHIND = """
SELECT coalesce(sum(CAST(entry ->> 'bytes' AS INTEGER)), 0), count(*), max(place)
FROM (SELECT place, entry FROM entries WHERE place > ? ORDER BY place LIMIT ?)
"""
_ONE_OR_ANOTHER = """
WITH a AS MATERIALIZED (
    SELECT (SELECT place FROM recordings WHERE id = ?1) AS wanted, (
        SELECT place FROM recordings WHERE place >= (SELECT min(place) FROM recordings)
            + CAST(((SELECT max(place) FROM recordings) - (SELECT min(place) FROM recordings)) * ?2 AS INTEGER)
        ORDER BY place LIMIT 1
    ) AS other
)
SELECT entry FROM a JOIN entries e ON e.place = coalesce(a.wanted, a.other)
"""
"""See `catalogue_rows.wanted_entry`."""
T = TypeVar("T")


class SqliteCatalogue:
    """Implements `app.ports.library.Catalogue` in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._writer = ThreadPoolExecutor(1, "catalogue")
        self._readers = ThreadPoolExecutor(READERS, "catalogue-reader")
        self._file = CatalogueFile(self._path)
        self._local = threading.local()
        self._opened: list[CatalogueFile] = []
        self._has_failed = False

    async def close(self) -> None:
        """Close the file; what is under way is done first."""
        await asyncio.to_thread(self._close)

    async def put(self, entry: Entry) -> None:
        """Enter one entry, on disk on return."""
        keys, text = keys_of(entry), text_of(entry)

        def write(database: apsw.Connection) -> None:
            change = next_change(database)
            found = stored(database, keys.id)
            if found and found.text == text:
                database.execute("UPDATE recordings SET change = ? WHERE place = ?", (change, found.place))
                return
            replace(database, [(keys, text, found)], change)

        await self._write(write)

    async def get(self, recording: str) -> Entry | None:
        """One entry."""

        def read(database: apsw.Connection) -> Entry | None:
            return wanted_entry(recording, database.execute(_ONE_OR_ANOTHER, (recording, part_of_all(recording))))

        return await self._read(read)

    async def search(self, wanted: Filter, request: PageRequest) -> Page:
        """One page."""

        def read(database: apsw.Connection) -> Page:
            query = page_query(wanted, request, lambda counting: _counted(database, counting))
            rows = database.execute(query.text, query.values)
            found = (Row(int(str(place)), int(str(length_ms)), entry_of(text)) for place, length_ms, text in rows)
            return page_of(request, found)

        return await self._read(read)

    async def count(self, wanted: Filter) -> Count:
        """How many there are."""

        def read(database: apsw.Connection) -> Count:
            counting = count_query(wanted, lambda query: _counted(database, query))
            return Count.of(_counted(database, counting))

        return await self._read(read)

    async def stored_bytes(self) -> int:
        """Of all recordings. Some at once: other readers take turns."""
        total, place = 0, -1
        while True:
            some, count, last = await self._read(lambda database, behind=place: _bytes_behind(database, behind))  # type: ignore[misc] # bound now
            total += some
            if count < ADDED_UP:
                return total
            place = last

    async def forget(self, recording: str) -> bool:
        """Remove one entry. Its bytes are gone from the files with the next `purge`."""

        def write(database: apsw.Connection) -> bool:
            found = stored(database, recording)
            if found:
                remove(database, found)
            change = next_change(database)
            database.execute(
                "INSERT OR REPLACE INTO forgotten SELECT ?, ? WHERE EXISTS (SELECT 1 FROM rebuilds)",
                (recording, change),
            )
            return found is not None

        return await self._write(write)

    async def purge(self) -> None:
        """Empty the log of changes, which has the pages as they were before, and remove a damaged file that was set aside. Raises
        Unavailable (`catalogue-busy`) while another process reads what was before."""

        def empty(database: apsw.Connection) -> None:
            ((is_kept, *_),) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if is_kept:
                says = f"another process has read {self._path} for longer than {BUSY_S:.0f} s"
                raise Unavailable("catalogue-busy", f"{says}, so that removed entries are still in its log of changes")
            set_aside_path(self._path).unlink(missing_ok=True)

        await self._run(empty)

    async def is_filled(self) -> bool:
        """Whether a rebuild has ended once."""
        query = "SELECT value FROM counters WHERE name = 'filled'"
        return bool(await self._read(lambda database: number(database, query)))

    async def probe(self) -> None:
        """Take the right to write. After a failed write: write, without changing anything, since a full disk shows then only."""

        def write(database: apsw.Connection) -> None:
            if self._has_failed:
                database.execute("UPDATE counters SET value = value WHERE name = 'change'")

        await self._write(write)

    async def migrate(self, version: int) -> None:
        """Make the file one of another version of the schema, for another version of callrec. The next use makes it one of this
        version again. Raises Misconfigured (`catalogue-newer`) for one that this callrec does not know."""
        if version > VERSION:
            says = f"this callrec knows the catalogue's schemas up to {VERSION}"
            raise Misconfigured("catalogue-newer", says, hint="run the version that has this schema")
        await self._run(lambda database: migrate(database, version, self._path))
        await self.close()

    @asynccontextmanager
    async def rebuild(self) -> AsyncIterator[SqliteRebuild]:
        """A rebuild, as `app.ports.library.Rebuild` says. A damaged file is put aside first."""
        rebuild = SqliteRebuild(self._path, self._writer)
        await rebuild.begin()
        try:
            yield rebuild
        finally:
            await asyncio.shield(rebuild.end())

    async def _write(self, work: Callable[[apsw.Connection], T]) -> T:
        def transact(database: apsw.Connection) -> T:
            with transaction(database):
                return work(database)

        try:
            found = await self._run(transact)
        except CallrecError:
            self._has_failed = True
            raise
        self._has_failed = False
        return found

    async def _run(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run this in the thread that writes."""

        def run() -> T:
            with translated(self._path):
                return work(self._file.opened())

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    async def _read(self, work: Callable[[apsw.Connection], T]) -> T:
        def run() -> T:
            with translated(self._path):
                return work(self._reader().opened())

        return await asyncio.get_running_loop().run_in_executor(self._readers, run)

    def _reader(self) -> CatalogueFile:
        """This thread's own connection."""
        file: CatalogueFile | None = getattr(self._local, "file", None)
        if file is None:
            file = self._local.file = CatalogueFile(self._path)
            self._opened.append(file)
        return file

    def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        for file in (self._file, *self._opened):
            file.close()


def _bytes_behind(database: apsw.Connection, place: int) -> tuple[int, int, int]:
    """What the next entries' bytes add up to, how many these are, and the place of the last one."""
    ((some, count, last),) = database.execute(_BYTES_BEHIND, (place, ADDED_UP))
    return int(str(some)), int(str(count)), int(str(last or 0))


def _counted(database: apsw.Connection, query: Query) -> int:
    return number(database, query.text, query.values)
