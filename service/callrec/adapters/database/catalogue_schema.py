"""The tables of the catalogue in SQLite, and how a file of one version becomes one of another, in both directions.

    recordings  place, id, length_ms, change     one row for each entry; `place`: see `domain.library.search_keys`
    entries     place, entry                     the entry as JSON
    terms       term, place                      what an entry is found by: `user:7`, `state:sound`, ...
    parts       numbers, names                   full-text index by groups of three characters; its rowid is the place
    counters    name, value                      `change`: the number of the last change; `filled`: 1 after the first rebuild
    rebuilds    token, mark                      rebuilds under way, and the last change before each began
    forgotten   id, change                       what was removed while one was under way, so that it does not come back

What an entry's terms are is part of the schema: a version that derives others needs a migration that makes them again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import apsw

from callrec.adapters.database.catalogue_rows import PART, entry_of, part_of, transaction
from callrec.domain.errors import Misconfigured
from callrec.domain.library.search_keys import keys_of

_FIRST = """
CREATE TABLE recordings (
    place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, length_ms INTEGER NOT NULL, change INTEGER NOT NULL
);
CREATE INDEX by_length ON recordings (length_ms, place);
CREATE TABLE entries (place INTEGER PRIMARY KEY, entry TEXT NOT NULL);
CREATE TABLE terms (term TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (term, place)) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('change', 0), ('filled', 0);
CREATE TABLE rebuilds (token TEXT PRIMARY KEY, mark INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE forgotten (id TEXT PRIMARY KEY, change INTEGER NOT NULL) WITHOUT ROWID;
"""
_NOTHING = "".join(
    f"DROP TABLE {table};" for table in ("recordings", "entries", "terms", "counters", "rebuilds", "forgotten")
)
_PARTS = """
CREATE VIRTUAL TABLE parts USING fts5 (numbers, names, tokenize = 'trigram');
INSERT INTO parts (parts, rank) VALUES ('secure-delete', 1);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """From the version before to this one, and back."""

    up: Callable[[apsw.Connection], None]
    down: Callable[[apsw.Connection], None]


def _first(database: apsw.Connection) -> None:
    database.execute(_FIRST)


def _no_first(database: apsw.Connection) -> None:
    database.execute(_NOTHING)


def _with_parts(database: apsw.Connection) -> None:
    database.execute(_PARTS)
    every = database.execute("SELECT place, entry FROM entries ORDER BY place")
    database.executemany(PART, (part_of(int(str(place)), keys_of(entry_of(text))) for place, text in every))


def _without_parts(database: apsw.Connection) -> None:
    database.execute("DROP TABLE parts")


MIGRATIONS: tuple[Migration, ...] = (Migration(_first, _no_first), Migration(_with_parts, _without_parts))
"""Version 1 is the first one."""
VERSION = len(MIGRATIONS)


def version_of(database: apsw.Connection) -> int:
    """The version of a file; 0 for a new one."""
    ((version,),) = database.execute("PRAGMA user_version")
    return int(str(version))


def migrate(database: apsw.Connection, to: int, where: object) -> None:
    """Make the file one of this version, in one transaction. Raises Misconfigured (`catalogue-newer`), without a change, for one
    that this version of callrec does not know."""
    if version_of(database) == to:
        return
    with transaction(database):
        version = version_of(database)  # another process may have been first
        if version > VERSION:
            hint = "run that version, or move the file away and run callrec rebuild"
            says = f"{where} was written by a newer version of callrec (schema {version}, this one has {VERSION})"
            raise Misconfigured("catalogue-newer", says, hint=hint)
        for migration in MIGRATIONS[version:to]:
            migration.up(database)
        for migration in reversed(MIGRATIONS[to:version]):
            migration.down(database)
        database.execute(f"PRAGMA user_version = {to}")
