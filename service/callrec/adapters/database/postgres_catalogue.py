"""The catalogue in PostgreSQL, for daemons on several machines, or for very many recordings."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from callrec.adapters.database.catalogue_rows import Stored, entry_of, part_of_all, text_of, wanted_entry
from callrec.adapters.database.postgres_connections import PURGE_S, PostgresConnections
from callrec.adapters.database.postgres_queries import (
    FEW,
    Query,
    count_query,
    few_query,
    frequencies_query,
    is_found_by_terms,
    page_query,
    single_terms,
    terms_query,
)
from callrec.adapters.database.postgres_schema import LOCK, VERSION, Connection, migrate
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry, SearchKeys, is_entry_id, keyed, keys_of
from callrec.domain.library.search_pages import Count, Page, PageRequest, Row, page_of

BATCH = 500
ADDED_UP = 20_000
"""Entries whose bytes are added up at once."""
_BYTES_BEHIND = """
SELECT coalesce(sum(NULLIF(entry::json ->> 'bytes', '')::bigint), 0), count(*), max(place)
FROM (SELECT place, entry FROM callrec.recordings WHERE place > %s ORDER BY place LIMIT %s) AS part
"""
T = TypeVar("T")
_STORED = "SELECT id, place, change, entry FROM callrec.recordings WHERE id = ANY(%s)"
_ONE_OR_ANOTHER = """
WITH a AS MATERIALIZED (
    SELECT (SELECT place FROM callrec.recordings WHERE id = %s) AS wanted, (
        SELECT place FROM callrec.recordings
        WHERE place >= (SELECT min(place) + floor((max(place) - min(place)) * %s::float8)::bigint FROM callrec.recordings)
        ORDER BY place LIMIT 1
    ) AS other
)
SELECT entry FROM a JOIN callrec.recordings e ON e.place = coalesce(a.wanted, a.other)
"""
"""See `catalogue_rows.wanted_entry`."""
_INSERT = """
INSERT INTO callrec.recordings (place, id, length_ms, change, node, entry)
SELECT place, id, length_ms, %s, %s, entry
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[]) AS n (place, id, length_ms, entry)
"""
_INSERT_PARTS = "INSERT INTO callrec.parts SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[])"
_INSERT_TERMS = "INSERT INTO callrec.terms SELECT * FROM unnest(%s::text[], %s::bigint[])"
_DELETE_TERMS = """
DELETE FROM callrec.terms t USING unnest(%s::text[], %s::bigint[]) AS g (term, place)
WHERE t.term = g.term AND t.place = g.place
"""
_UNSEEN = """
SELECT r.id, r.place, r.change, r.entry FROM callrec.recordings r
WHERE r.node = %s AND r.change <= %s AND r.place > %s AND NOT EXISTS (SELECT 1 FROM pg_temp.seen s WHERE s.id = r.id)
ORDER BY r.place LIMIT %s
"""
_REMEMBER = """
INSERT INTO callrec.forgotten SELECT %s, %s WHERE EXISTS (SELECT 1 FROM callrec.rebuilds)
ON CONFLICT (id) DO UPDATE SET change = excluded.change
"""


class PostgresCatalogue:
    """Implements `app.ports.library.Catalogue`. `node`: the daemon's own, whose disk a rebuild reads."""

    def __init__(self, url: str, node: str) -> None:
        self._connections, self._node = PostgresConnections(url), node

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()

    async def put(self, entry: Entry) -> None:
        """Enter one entry, on the server's disk on return."""
        keys, text = keys_of(entry), text_of(entry)

        async def write(database: Connection) -> None:
            change = await _next_change(database)
            former = (await _stored(database, [keys.id])).get(keys.id)
            if former is None or former.text != text:
                await _replace(database, self._node, [(keys, text, former)], change)
            else:
                query = "UPDATE callrec.recordings SET change = %s, node = %s WHERE place = %s"
                await database.execute(query, (change, self._node, former.place))

        await self._write(write)

    async def get(self, recording: str) -> Entry | None:
        """One entry."""
        if not is_entry_id(recording):
            return None
        async with self._connections.one() as database:
            rows = await (await database.execute(_ONE_OR_ANOTHER, (recording, part_of_all(recording)))).fetchall()
        return wanted_entry(recording, rows)

    async def search(self, wanted: Filter, request: PageRequest) -> Page:
        """One page."""
        async with self._connections.one() as database:
            rows = await _found(database, wanted, request)
        return page_of(request, (Row(place, length_ms, entry_of(text)) for place, length_ms, text, *_ in rows))

    async def count(self, wanted: Filter) -> Count:
        """How many there are."""
        async with self._connections.one() as database:
            term = await _rarest(database, wanted) if is_found_by_terms(wanted) else ""
            return Count.of(await _number(database, count_query(wanted, term)))

    async def stored_bytes(self) -> int:
        """Of all recordings. Some at once, so that each statement is short."""
        total, place = 0, -1
        while True:
            async with self._connections.one() as database:
                row = await (await database.execute(_BYTES_BEHIND, (place, ADDED_UP))).fetchone()
            some, count, last = row or (0, 0, place)
            total += int(some)
            if count < ADDED_UP:
                return total
            place = last

    async def forget(self, recording: str) -> bool:
        """Remove one entry. The server overwrites its bytes when it vacuums the tables."""
        if not is_entry_id(recording):
            return False

        async def write(database: Connection) -> bool:
            found = await _stored(database, [recording])
            await _remove(database, list(found.values()))
            await database.execute(_REMEMBER, (recording, await _next_change(database)))
            return bool(found)

        return await self._write(write)

    async def purge(self) -> None:
        """Free the place of removed rows and their index entries; new rows overwrite it. docs/proof.md says what that leaves."""
        async with self._connections.one(PURGE_S) as database:
            await database.execute("VACUUM (INDEX_CLEANUP ON) callrec.recordings, callrec.terms, callrec.parts")

    async def is_filled(self) -> bool:
        """Whether a rebuild of this daemon's disk has ended once."""
        async with self._connections.one() as database:
            found = await database.execute("SELECT 1 FROM callrec.filled WHERE node = %s", (self._node,))
            return await found.fetchone() is not None

    async def probe(self) -> None:
        """Take the right to write. Raises Unavailable (`catalogue-away`) for a server that is a replica or read-only."""

        async def look(database: Connection) -> None:
            found = await (await database.execute("SELECT current_setting('transaction_read_only')")).fetchone()
            if found is None or found[0] != "off":
                says = f"{self._connections.shown} takes no changes now: it is read-only"
                raise Unavailable("catalogue-away", says, hint="let CALLREC_DATABASE_URL lead to the primary")

        async with self._connections.one() as database:
            await look(database)
        await self._write(look)

    async def migrate(self, version: int) -> None:
        """Make the tables those of another version, for another version of callrec. The next use makes them those of this version
        again. Raises Misconfigured (`catalogue-newer`) for one that this callrec does not know."""
        if version > VERSION:
            says = f"this callrec knows the catalogue's schemas up to {VERSION}"
            raise Misconfigured("catalogue-newer", says, hint="run the version that has this schema")
        async with self._connections.one() as database:
            await migrate(database, version, self._connections.shown)
        await self._connections.close()

    @asynccontextmanager
    async def rebuild(self) -> AsyncIterator["PostgresRebuild"]:
        """A rebuild of this daemon's entries, as `app.ports.library.Rebuild` says."""
        rebuild = PostgresRebuild(self._connections, self._node)
        await rebuild.begin()
        try:
            yield rebuild
        finally:
            await asyncio.shield(rebuild.end())

    async def _write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._connections.one() as database:
            return await _transacted(database, work)


class PostgresRebuild:
    """Implements `app.ports.library.Rebuild`, as `sqlite_rebuild` does. It has a connection of its own."""

    def __init__(self, connections: PostgresConnections, node: str) -> None:
        self._connections, self._node = connections, node
        self._token, self._mark = secrets.token_hex(8), 0
        self._database: Connection

    async def begin(self) -> None:
        """Note the last change."""

        async def begin(database: Connection) -> None:
            self._mark = await _next_change(database)
            await database.execute("INSERT INTO callrec.rebuilds VALUES (%s, %s)", (self._token, self._mark))

        async with self._connections.translated():
            self._database = await self._connections.opened()
            try:
                await self._database.execute("SET statement_timeout = '10min'")
                await self._database.execute("CREATE TEMP TABLE seen (id text PRIMARY KEY)")
                await _transacted(self._database, begin)
            except BaseException:
                await self._database.close()
                raise

    async def put(self, entries: Sequence[Entry]) -> Sequence[tuple[Entry, str]]:
        """Enter these where they differ; those that are refused, with the reason."""
        read, refused = await asyncio.to_thread(_read, entries)

        async def write(database: Connection) -> None:
            formers = await _stored(database, list(read))
            query = "SELECT id FROM callrec.forgotten WHERE id = ANY(%s) AND change > %s"
            gone = {found for (found,) in await (await database.execute(query, (list(read), self._mark))).fetchall()}
            seen, changed = [], []
            for recording, (keys, text) in read.items():
                former = formers.get(recording)
                if former.change > self._mark if former else recording in gone:
                    continue
                seen.append(recording)
                if former is None or former.text != text:
                    changed.append((keys, text, former))
            await database.execute("INSERT INTO pg_temp.seen SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (seen,))
            await database.execute(
                "UPDATE callrec.recordings SET node = %s WHERE id = ANY(%s) AND node <> %s",
                (self._node, seen, self._node),
            )
            await _replace(database, self._node, changed, self._mark)

        async with self._connections.translated():
            await _transacted(self._database, write)
        return refused

    async def finish(self, keeps: Callable[[Entry], bool]) -> int:
        """Remove what was not put, unless `keeps`; the number of this daemon's entries."""
        place = -1
        async with self._connections.translated():
            while True:
                found = await self._unseen(place)
                gone = [former for former in found if not keeps(entry_of(former.text))]
                await _transacted(self._database, lambda database, gone=gone: _remove(database, gone))  # type: ignore[misc] # bound now
                if len(found) < BATCH:
                    break
                place = found[-1].place
            query = "INSERT INTO callrec.filled VALUES (%s) ON CONFLICT DO NOTHING"
            await self._database.execute(query, (self._node,))
            await self._database.execute(
                "VACUUM (ANALYZE) callrec.recordings, callrec.terms, callrec.parts"
            )  # else the next searches do its work
            query = "SELECT count(*) FROM callrec.recordings WHERE node = %(v0)s"
            return await _number(self._database, Query(query, {"v0": self._node}))

    async def end(self) -> None:
        """Forget that it was under way; also after a failure."""

        async def end(database: Connection) -> None:
            await database.execute("DELETE FROM callrec.rebuilds WHERE token = %s", (self._token,))
            await database.execute("DELETE FROM callrec.forgotten WHERE NOT EXISTS (SELECT 1 FROM callrec.rebuilds)")

        try:
            async with self._connections.translated():
                await _transacted(self._database, end)
        finally:
            await self._database.close()

    async def _unseen(self, place: int) -> list[Stored]:
        rows = await self._database.execute(_UNSEEN, (self._node, self._mark, place, BATCH))
        return [Stored(found, change, text) for _, found, change, text in await rows.fetchall()]


async def _found(database: Connection, wanted: Filter, request: PageRequest) -> Sequence[tuple[Any, ...]]:
    """The rows of a page, as `postgres_queries` says."""
    if is_found_by_terms(wanted, request):
        return await _rows(database, terms_query(wanted, request, await _rarest(database, wanted)))
    if (few := few_query(wanted, request)) is not None:
        rows = await _rows(database, few)
        if rows[0][3] <= FEW:
            return rows if rows[0][0] is not None else ()
    return await _rows(database, page_query(wanted, request))


async def _rarest(database: Connection, wanted: Filter) -> str:
    """The single term that the fewest entries have."""
    terms = single_terms(wanted)
    if len(terms) == 1:
        return terms[0]
    (counts,) = await _rows(database, frequencies_query(wanted))
    return min(zip(counts, terms, strict=True))[1]


async def _rows(database: Connection, query: Query) -> Sequence[tuple[Any, ...]]:
    return await (await database.execute(query.text, query.values)).fetchall()


async def _transacted(database: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
    """One transaction that writes, after those of others."""
    async with database.transaction():
        await database.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        return await work(database)


async def _next_change(database: Connection) -> int:
    return await _number(database, Query("SELECT nextval('callrec.changes')"))


async def _number(database: Connection, query: Query) -> int:
    found = await (await database.execute(query.text, query.values)).fetchone()
    return int(found[0]) if found else 0


async def _stored(database: Connection, recordings: Sequence[str]) -> dict[str, Stored]:
    """The entries with these ids."""
    rows = await (await database.execute(_STORED, (list(recordings),))).fetchall()
    return {recording: Stored(place, change, text) for recording, place, change, text in rows}


async def _replace(
    database: Connection, node: str, entries: Sequence[tuple[SearchKeys, str, Stored | None]], change: int
) -> None:
    """Enter these in place of what is stored of them now. Each entry comes once."""
    await _remove(database, [former for _, _, former in entries if former is not None])
    places = await _free(database, [keys.place for keys, _, _ in entries])
    rows = [(place, keys, text) for place, (keys, text, _) in zip(places, entries, strict=True)]
    each = [keys for _, keys, _ in rows]
    columns = ([keys.id for keys in each], [keys.length_ms for keys in each], [text for _, _, text in rows])
    await database.execute(_INSERT, (change, node, places, *columns))
    await database.execute(_INSERT_PARTS, (places, [keys.numbers for keys in each], [keys.names for keys in each]))
    terms = sorted((term, place) for place, keys, _ in rows for term in keys.terms)
    await database.execute(_INSERT_TERMS, ([term for term, _ in terms], [place for _, place in terms]))


async def _remove(database: Connection, formers: Sequence[Stored]) -> None:
    """Remove entries, and all that they were found by."""
    if not formers:
        return
    terms = [(term, former.place) for former in formers for term in keys_of(entry_of(former.text)).terms]
    await database.execute(_DELETE_TERMS, ([term for term, _ in terms], [place for _, place in terms]))
    for query in (
        "DELETE FROM callrec.recordings WHERE place = ANY(%s)",
        "DELETE FROM callrec.parts WHERE place = ANY(%s)",
    ):
        await database.execute(query, ([former.place for former in formers],))


def _read(entries: Sequence[Entry]) -> tuple[dict[str, tuple[SearchKeys, str]], list[tuple[Entry, str]]]:
    """Keys and text of each entry, by id, and the refused ones. In a thread: a thousand take 50 ms of Python."""
    found, refused = keyed(entries)
    return {keys.id: (keys, text_of(entry)) for keys, entry in found}, refused


async def _free(database: Connection, wanted: Sequence[int]) -> list[int]:
    """The first free place from each of these on."""
    query = "SELECT place FROM callrec.recordings WHERE place = ANY(%s)"
    places: list[int] = []
    taken = {place for (place,) in await (await database.execute(query, (list(wanted),))).fetchall()}
    for first in wanted:
        place = first
        while place in taken or (place != first and await _number(database, Query(_TAKEN, {"v0": place}))):
            place += 1
        taken.add(place)
        places.append(place)
    return places


_TAKEN = "SELECT 1 FROM callrec.recordings WHERE place = %(v0)s"
