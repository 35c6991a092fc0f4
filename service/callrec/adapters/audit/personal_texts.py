"""The texts beside the log: addresses, reasons and details, each with the salt of its digest.

A row that is removed is overwritten (`secure_delete`), and the log's digest then says nothing to anybody. The log stays whole.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType

from callrec.domain.access.audit import PersonalText
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.erasure import mentioned

NAME = "texts.db"
_BUSY_S = 5.0
_TABLE = """
CREATE TABLE IF NOT EXISTS texts (digest TEXT PRIMARY KEY, salt TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS about (digest TEXT PRIMARY KEY, recording TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS about_recording ON about (recording);
"""
"""`about`: the texts that go when their recording is erased."""
_AT_ONCE = 500


class PersonalTexts:
    """The table in this folder. Blocking; each call is one transaction, on disk on return. Raises Unavailable, Corrupt."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def put(self, rows: Collection[PersonalText], about: Mapping[str, str] = MappingProxyType({})) -> None:
        """Add rows; one that is there stays. `about`: the digests of those that are about one recording, with its id."""
        if not rows:
            return
        with self._open() as database:
            values = [(row.digest, row.salt, row.text) for row in rows]
            database.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?, ?)", values)
            database.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", list(about.items()))

    def get(self, digests: Sequence[str]) -> Mapping[str, str]:
        """The texts of these digests that are still there."""
        if not self._path.exists():
            return {}
        found: dict[str, str] = {}
        with self._open() as database:
            for at in range(0, len(digests), _AT_ONCE):
                some = digests[at : at + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                found.update(database.execute(f"SELECT digest, text FROM texts WHERE digest IN ({marks})", some))  # noqa: S608 - question marks
        return found

    def forget(self, digests: Collection[str]) -> int:
        """Destroy these texts and their salts; returns how many there were."""
        with self._open() as database:
            return _forget(database, digests)

    def forget_about(self, recordings: Collection[str], words: Collection[str]) -> int:
        """Destroy the texts about these recordings, and each that has one of these words; returns how many there were."""
        with self._open() as database:
            digests: set[str] = set()
            for one in recordings:
                rows = database.execute("SELECT digest FROM about WHERE recording = ?", (one,))
                digests.update(digest for (digest,) in rows)
            if words:
                every = database.execute("SELECT digest, text FROM texts")
                digests.update(digest for digest, text in every if next(mentioned(text, words), None) is not None)
            return _forget(database, digests)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.touch(mode=0o600)
            with closing(sqlite3.connect(self._path, timeout=_BUSY_S)) as database, database:
                # Without a write-ahead log, which would hold removed rows until it is overwritten.
                database.executescript(
                    f"PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; {_TABLE};"
                )
                yield database
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable("disk", f"the texts of the audit log {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            hint = "restore it from a backup, or move it away: the log stays whole, its texts are gone then"
            raise Corrupt("audit-texts", f"{self._path}: {error}", hint=hint) from error


def _forget(database: sqlite3.Connection, digests: Collection[str]) -> int:
    gone = 0
    for one in digests:
        gone += database.execute("DELETE FROM texts WHERE digest = ?", (one,)).rowcount
        database.execute("DELETE FROM about WHERE digest = ?", (one,))
    return gone
