"""The tables of the catalogue in PostgreSQL, and how those of one version become those of another, in both directions.

They are those of SQLite (`catalogue_schema`) but for two things. `parts`, in which parts of texts are searched, has an index by
groups of three characters where the extension pg_trgm can be installed; without it a part is searched in every row. And `node` is
the daemon whose disk has the recording: daemons may share a catalogue, and a rebuild removes entries of its own disk only.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql

from callrec.adapters.database.catalogue_rows import entry_of
from callrec.domain.errors import Misconfigured
from callrec.domain.library.search_keys import keys_of

Connection = AsyncConnection[tuple[Any, ...]]
LOCK = 0x63616C6C
"""The number of the lock that every transaction that writes takes: changes are numbered in the order in which they are made."""
_BATCH = 1000
_FIRST = """
CREATE TABLE callrec.recordings (
    place bigint PRIMARY KEY, id text NOT NULL UNIQUE, length_ms bigint NOT NULL, change bigint NOT NULL, node text NOT NULL,
    entry text NOT NULL
);
CREATE INDEX recordings_by_length ON callrec.recordings (length_ms, place);
CREATE TABLE callrec.terms (term text COLLATE "C" NOT NULL, place bigint NOT NULL, PRIMARY KEY (term, place));
CREATE SEQUENCE callrec.changes;
CREATE TABLE callrec.filled (node text PRIMARY KEY);
CREATE TABLE callrec.rebuilds (token text PRIMARY KEY, mark bigint NOT NULL);
CREATE TABLE callrec.forgotten (id text PRIMARY KEY, change bigint NOT NULL);
"""
_NOTHING = """
DROP TABLE callrec.recordings, callrec.terms, callrec.filled, callrec.rebuilds, callrec.forgotten;
DROP SEQUENCE callrec.changes;
"""
_PARTS = """
ALTER TABLE callrec.recordings ADD COLUMN numbers text NOT NULL DEFAULT '', ADD COLUMN names text NOT NULL DEFAULT '';
"""
_NO_PARTS = "ALTER TABLE callrec.recordings DROP COLUMN numbers, DROP COLUMN names;"
_TRIGRAMS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX recordings_by_parts ON callrec.recordings USING gin (numbers gin_trgm_ops, names gin_trgm_ops);
"""
_OWN_TABLE = """
CREATE TABLE callrec.parts (place bigint PRIMARY KEY, numbers text NOT NULL, names text NOT NULL);
INSERT INTO callrec.parts SELECT place, numbers, names FROM callrec.recordings;
ALTER TABLE callrec.recordings DROP COLUMN numbers, DROP COLUMN names;
"""
_OWN_TRIGRAMS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX parts_by_trigrams ON callrec.parts USING gin (numbers gin_trgm_ops, names gin_trgm_ops);
"""
_FROM_OWN_TABLE = """
UPDATE callrec.recordings r SET numbers = p.numbers, names = p.names FROM callrec.parts p WHERE p.place = r.place;
DROP TABLE callrec.parts;
"""
_NO_TRIGRAMS = (
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.UndefinedFile,
    psycopg.errors.UndefinedObject,
)
"""The extension is not installed, may not be made, or is in a schema that is not searched."""
_REFILL = """
UPDATE callrec.recordings r SET numbers = n.numbers, names = n.names
FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n (place, numbers, names) WHERE r.place = n.place
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """From the version before to this one, and back."""

    up: Callable[[Connection], Awaitable[None]]
    down: Callable[[Connection], Awaitable[None]]


def _runs(script: str) -> Callable[[Connection], Awaitable[None]]:
    async def run(database: Connection) -> None:
        await database.execute(sql.SQL(script))

    return run


async def _with_parts(database: Connection) -> None:
    await _runs(_PARTS)(database)
    place = -1
    while True:
        query = "SELECT place, entry FROM callrec.recordings WHERE place > %s ORDER BY place LIMIT %s"
        rows = await (await database.execute(query, (place, _BATCH))).fetchall()
        keys = [keys_of(entry_of(entry)) for _, entry in rows]
        places = [found for found, _ in rows]
        await database.execute(_REFILL, (places, [one.numbers for one in keys], [one.names for one in keys]))
        if len(rows) < _BATCH:
            break
        place = places[-1]
    await _if_trigrams(database, _TRIGRAMS)


async def _with_own_table(database: Connection) -> None:
    """A row of `recordings` has the whole entry: to look at some thousand of them took three times as long."""
    await _runs(_OWN_TABLE)(database)
    await _if_trigrams(database, _OWN_TRIGRAMS)


async def _without_own_table(database: Connection) -> None:
    await _runs(_PARTS)(database)
    await _runs(_FROM_OWN_TABLE)(database)
    await _if_trigrams(database, _TRIGRAMS)


async def _if_trigrams(database: Connection, script: str) -> None:
    """Without the extension parts are found all the same, by reading every row."""
    with suppress(*_NO_TRIGRAMS):
        async with database.transaction():
            await _runs(script)(database)


MIGRATIONS: Sequence[Migration] = (
    Migration(_runs(_FIRST), _runs(_NOTHING)),
    Migration(_with_parts, _runs(_NO_PARTS)),
    Migration(_with_own_table, _without_own_table),
)
"""Version 1 is the first one."""
VERSION = len(MIGRATIONS)


async def migrate(database: Connection, to: int, where: str) -> None:
    """Make the tables those of this version, in one transaction. Raises Misconfigured (`catalogue-newer`), without a change, for
    tables that this version of callrec does not know."""
    if await version_of(database) == to:
        return
    async with database.transaction():
        await database.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        await database.execute("SET LOCAL statement_timeout = 0")  # an index of a million entries takes a minute
        await database.execute("CREATE SCHEMA IF NOT EXISTS callrec")
        await database.execute("CREATE TABLE IF NOT EXISTS callrec.version (version integer NOT NULL)")
        version = await version_of(database)  # another daemon may have been first
        if version > VERSION:
            hint = "run that version, or drop the schema callrec and run callrec rebuild"
            says = f"{where} was written by a newer version of callrec (schema {version}, this one has {VERSION})"
            raise Misconfigured("catalogue-newer", says, hint=hint)
        for migration in MIGRATIONS[version:to]:
            await migration.up(database)
        for migration in reversed(MIGRATIONS[to:version]):
            await migration.down(database)
        await database.execute("DELETE FROM callrec.version")
        await database.execute("INSERT INTO callrec.version VALUES (%s)", (to,))


async def version_of(database: Connection) -> int:
    """The version of the tables; 0 when there are none."""
    found = await (await database.execute("SELECT to_regclass('callrec.version') IS NOT NULL")).fetchone()
    if not found or not found[0]:
        return 0
    row = await (await database.execute("SELECT version FROM callrec.version")).fetchone()
    return int(row[0]) if row else 0
