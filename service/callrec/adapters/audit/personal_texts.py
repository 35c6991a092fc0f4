"""The texts beside the log: addresses, reasons and details, each with the salt of its digest.

A row that is removed is overwritten (`secure_delete`), and the log's digest then says nothing to anybody. The log stays whole.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from callrec.domain.access.audit import PersonalText
from callrec.domain.errors import Corrupt, Unavailable

NAME = "texts.db"
_BUSY_S = 5.0
_TABLE = (
    "CREATE TABLE IF NOT EXISTS texts (digest TEXT PRIMARY KEY, salt TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID"
)
_AT_ONCE = 500


class PersonalTexts:
    """The table in this folder. Blocking; each call is one transaction, on disk on return. Raises Unavailable, Corrupt."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def put(self, rows: Collection[PersonalText]) -> None:
        """Add rows; one that is there stays."""
        if not rows:
            return
        with self._open() as database:
            values = [(row.digest, row.salt, row.text) for row in rows]
            database.executemany("INSERT OR IGNORE INTO texts VALUES (?, ?, ?)", values)

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
            return sum(database.execute("DELETE FROM texts WHERE digest = ?", (one,)).rowcount for one in digests)

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
