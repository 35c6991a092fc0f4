"""A rebuild of the catalogue in SQLite, while others read and write it.

There is no second catalogue that replaces the first at the end. Each entry from the disk is compared with the stored one and
written when it differs, some hundreds in a transaction; at the end those entries go that were there at the beginning and were not
on the disk. So a reader sees each entry as it was or as it is, and the daemon waits for a moment only.

What the daemon enters or removes meanwhile is newer than what the rebuild has read: changes are counted, and the rebuild leaves
alone what changed after its beginning. What was removed is noted while a rebuild is under way (`forgotten`).
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from callrec.adapters.database.catalogue_file import CatalogueFile, set_aside, translated
from callrec.adapters.database.catalogue_rows import (
    Stored,
    entry_of,
    last_change,
    number,
    remove,
    replace,
    stored_each,
    text_of,
    transaction,
)
from callrec.domain.errors import Corrupt
from callrec.domain.library.search_keys import Entry, keyed

BATCH = 500
_SEEN = "CREATE TEMP TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID"
_UNSEEN = """
SELECT r.place, r.change, e.entry FROM recordings r JOIN entries e ON e.place = r.place
WHERE r.change <= ? AND r.place > ? AND NOT EXISTS (SELECT 1 FROM temp.seen s WHERE s.id = r.id) ORDER BY r.place LIMIT ?
"""
T = TypeVar("T")


class SqliteRebuild:
    """Implements `app.ports.library.Rebuild`. It has a connection of its own, in the thread that writes."""

    def __init__(self, path: Path, writer: ThreadPoolExecutor) -> None:
        self._path, self._writer = path, writer
        self._file = CatalogueFile(path)
        self._token, self._mark = secrets.token_hex(8), 0

    async def begin(self) -> None:
        """Note the last change. A damaged file is put aside, and a new one made."""
        try:
            await self._do(_check)
        except Corrupt:
            await self._in_thread(self._set_aside)

        def begin(database: apsw.Connection) -> None:
            database.execute(_SEEN)
            with transaction(database):
                self._mark = last_change(database)
                database.execute("INSERT INTO rebuilds VALUES (?, ?)", (self._token, self._mark))

        await self._do(begin)

    async def put(self, entries: Sequence[Entry]) -> Sequence[tuple[Entry, str]]:
        """Enter these where they differ; those that are refused, with the reason."""
        return await self._do(lambda database: self._put(database, entries))

    async def finish(self, keeps: Callable[[Entry], bool]) -> int:
        """Remove what was not put, unless `keeps`; the number of entries."""
        return await self._do(lambda database: self._finish(database, keeps))

    async def end(self) -> None:
        """Forget that it was under way; also after a failure."""

        def end(database: apsw.Connection) -> None:
            with transaction(database):
                database.execute("DELETE FROM rebuilds WHERE token = ?", (self._token,))
                database.execute("DELETE FROM forgotten WHERE NOT EXISTS (SELECT 1 FROM rebuilds)")

        try:
            await self._do(end)
        finally:
            await self._in_thread(self._file.close)

    def _put(self, database: apsw.Connection, entries: Sequence[Entry]) -> Sequence[tuple[Entry, str]]:
        found, refused = keyed(entries)
        read = {keys.id: (keys, entry) for keys, entry in found}  # of two sidecars with one id the last one stays
        ids = json.dumps(list(read))
        with transaction(database):
            formers = stored_each(database, ids)
            query = "SELECT id FROM forgotten WHERE change > ? AND id IN (SELECT value FROM json_each(?))"
            gone = {str(one) for (one,) in database.execute(query, (self._mark, ids))}
            seen, changed = [], []
            for recording, (keys, entry) in read.items():
                former = formers.get(recording)
                if former.change > self._mark if former else recording in gone:
                    continue
                seen.append((recording,))
                text = text_of(entry)
                if former is None or former.text != text:
                    changed.append((keys, text, former))
            database.executemany("INSERT OR IGNORE INTO temp.seen VALUES (?)", seen)
            replace(database, changed, self._mark)
        return refused

    def _finish(self, database: apsw.Connection, keeps: Callable[[Entry], bool]) -> int:
        place = -1
        while True:
            with transaction(database):
                found = [
                    Stored(int(str(place)), int(str(change)), str(text))
                    for place, change, text in database.execute(_UNSEEN, (self._mark, place, BATCH))
                ]
                for former in found:
                    if not keeps(entry_of(former.text)):
                        remove(database, former)
            if len(found) < BATCH:
                break
            place = found[-1].place
        with transaction(database):
            database.execute("UPDATE counters SET value = 1 WHERE name = 'filled'")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return number(database, "SELECT count(*) FROM recordings")

    def _set_aside(self) -> None:
        self._file.close()
        set_aside(self._path)

    async def _do(self, work: Callable[[apsw.Connection], T]) -> T:
        def run() -> T:
            with translated(self._path):
                return work(self._file.opened())

        return await self._in_thread(run)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work)


def _check(database: apsw.Connection) -> None:
    """Raises apsw.CorruptError for a damaged file."""
    found = database.execute("PRAGMA quick_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise apsw.CorruptError(str(found and found[0]))
    database.execute("INSERT INTO parts (parts) VALUES ('integrity-check')")
