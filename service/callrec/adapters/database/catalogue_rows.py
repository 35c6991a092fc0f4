"""The rows of an entry of the catalogue in SQLite: read, replaced, removed. `catalogue_schema` has the tables."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

import apsw
import msgspec

from callrec.domain.library.search_keys import Entry, SearchKeys, keys_of

_DECODER = msgspec.json.Decoder(dict[str, str])
"""Twice as fast as json: a page has a hundred entries, and retention looks at all."""
PART = "INSERT INTO parts (rowid, numbers, names) VALUES (?, ?, ?)"
_STORED_EACH = """
SELECT r.id, r.place, r.change, e.entry
FROM json_each(?) j JOIN recordings r ON r.id = j.value JOIN entries e ON e.place = r.place
"""
_STORED = "SELECT r.place, r.change, e.entry FROM recordings r JOIN entries e ON e.place = r.place WHERE r.id = ?"


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry that is there: its place, the number of the change that wrote it, and its text."""

    place: int
    change: int
    text: str


@contextmanager
def transaction(database: apsw.Connection) -> Iterator[None]:
    """One transaction that writes: all of it, or nothing. It waits for other processes that write at its beginning."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def number(database: apsw.Connection, text: str, values: Sequence[str | int] = ()) -> int:
    """The only number that this query finds; 0 when it finds none."""
    found = database.execute(text, tuple(values)).fetchone()
    return int(str(found[0])) if found else 0


def next_change(database: apsw.Connection) -> int:
    """The number of a new change."""
    database.execute("UPDATE counters SET value = value + 1 WHERE name = 'change'")
    return last_change(database)


def last_change(database: apsw.Connection) -> int:
    """The number of the last change."""
    return number(database, "SELECT value FROM counters WHERE name = 'change'")


def stored(database: apsw.Connection, recording: str) -> Stored | None:
    """The entry with this id."""
    found = database.execute(_STORED, (recording,)).fetchone()
    return Stored(int(str(found[0])), int(str(found[1])), str(found[2])) if found else None


def stored_each(database: apsw.Connection, ids: str) -> dict[str, Stored]:
    """The entries with these ids (a JSON list), by id."""
    return {
        str(one): Stored(int(str(place)), int(str(change)), str(text))
        for one, place, change, text in database.execute(_STORED_EACH, (ids,))
    }


def replace(database: apsw.Connection, entries: Sequence[tuple[SearchKeys, str, Stored | None]], change: int) -> None:
    """Enter these in place of what is stored of them now. Each entry comes once."""
    for _, _, former in entries:
        if former is not None:
            remove(database, former)
    taken = _taken(database, [keys.place for keys, _, _ in entries])
    placed = [(_free(database, keys.place, taken), keys, text) for keys, text, _ in entries]
    recordings = [(place, keys.id, keys.length_ms, change) for place, keys, _ in placed]
    database.executemany("INSERT INTO recordings VALUES (?, ?, ?, ?)", recordings)
    database.executemany("INSERT INTO entries VALUES (?, ?)", [(place, text) for place, _, text in placed])
    terms = sorted((term, place) for place, keys, _ in placed for term in keys.terms)
    database.executemany("INSERT INTO terms VALUES (?, ?)", terms)
    database.executemany(PART, [part_of(place, keys) for place, keys, _ in placed])


def remove(database: apsw.Connection, former: Stored) -> None:
    """Remove an entry, and all that it was found by."""
    terms = keys_of(entry_of(former.text)).terms
    database.executemany("DELETE FROM terms WHERE term = ? AND place = ?", [(term, former.place) for term in terms])
    for query in (
        "DELETE FROM recordings WHERE place = ?",
        "DELETE FROM entries WHERE place = ?",
        "DELETE FROM parts WHERE rowid = ?",
    ):
        database.execute(query, (former.place,))


def part_of(place: int, keys: SearchKeys) -> tuple[int, str, str]:
    """The row of `parts`."""
    return place, keys.numbers, keys.names


def part_of_all(recording: str) -> float:
    """A number from 0 to 1 for each id: where another entry is looked for, in the order of all of them."""
    return int.from_bytes(blake2b(recording.encode("utf-8", "replace"), digest_size=4).digest()) / (1 << 32)


def wanted_entry(recording: str, rows: Iterable[Sequence[object]]) -> dict[str, str] | None:
    """The entry with this id, of the row that an engine has found: that of another one when there is none.

    One that is not there costs the same reading as one that is there: who may not see a recording must not learn from the time
    of an answer that there is one. So another place is always looked for, and one entry is always decoded.
    """
    found = next((entry_of(text) for (text,) in rows), None)
    return found if found is not None and found.get("id") == recording else None


def text_of(entry: Entry) -> str:
    """An entry as it is stored: JSON in ASCII, since a caller's name may have what no UTF-8 has."""
    return json.dumps(dict(entry))


def entry_of(text: object) -> dict[str, str]:
    """The entry that `text_of` wrote."""
    try:
        return _DECODER.decode(str(text))
    except msgspec.DecodeError:  # half a surrogate pair, which json reads
        found: dict[str, str] = json.loads(str(text))
        return found


def _taken(database: apsw.Connection, places: Sequence[int]) -> set[int]:
    """Those of these places that are not free."""
    query = "SELECT place FROM recordings WHERE place IN (SELECT value FROM json_each(?))"
    return {int(str(place)) for (place,) in database.execute(query, (json.dumps(places),))}


def _free(database: apsw.Connection, wanted: int, taken: set[int]) -> int:
    """The first free place from this one on, of which it is known whether it is taken. Two recordings of the same millisecond
    want the same one once in a million times."""
    place = wanted
    while place in taken or (
        place != wanted and number(database, "SELECT 1 FROM recordings WHERE place = ?", (place,))
    ):
        place += 1
    taken.add(place)
    return place
