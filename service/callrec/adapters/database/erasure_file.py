"""Tombstones, and erasures under way, in one SQLite file of the state folder, mode 600.

A row that is removed is overwritten (`secure_delete`); there is no write-ahead log, which would hold removed rows for a while.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.erasure import Cause, Erasing, Tombstone

NAME = "erased.db"
_BUSY_S = 5.0
_AT_ONCE = 500
_TABLES = """
CREATE TABLE IF NOT EXISTS tombstones (
    recording TEXT PRIMARY KEY, erased_ms INTEGER NOT NULL, cause TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS under_way (
    place INTEGER PRIMARY KEY, recording TEXT UNIQUE NOT NULL, is_logged INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS owed_words (word TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class ErasureFile:
    """Implements `app.ports.lifetime.Erasures` in this folder. Each call is one transaction."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def begin(self, erasings: Sequence[Erasing]) -> None:
        """See ports.Erasures."""
        rows = [(one.recording, one.is_logged, _body(one)) for one in erasings]
        with self._open() as database:
            database.executemany("INSERT OR IGNORE INTO under_way (recording, is_logged, body) VALUES (?, ?, ?)", rows)

    def drop(self, recordings: Collection[RecordingId]) -> None:
        """See ports.Erasures."""
        with self._open() as database:
            database.executemany(
                "DELETE FROM under_way WHERE recording = ? AND NOT is_logged", [(one,) for one in recordings]
            )

    def bury(self, tombstones: Sequence[Tombstone]) -> None:
        """See ports.Erasures."""
        with self._open() as database:
            rows = [(one.recording, one.erased_ms, one.cause.value) for one in tombstones]
            database.executemany("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", rows)
            logged = [(one.recording,) for one in tombstones]
            database.executemany("UPDATE under_way SET is_logged = 1 WHERE recording = ?", logged)

    def end(self, recordings: Collection[RecordingId]) -> None:
        """See ports.Erasures."""
        with self._open() as database:
            database.executemany("DELETE FROM under_way WHERE recording = ?", [(one,) for one in recordings])

    def under_way(self) -> Sequence[Erasing]:
        """See ports.Erasures."""
        if not self._path.exists():
            return ()
        with self._open() as database:
            rows = database.execute("SELECT recording, is_logged, body FROM under_way ORDER BY place").fetchall()
        return [_erasing(*row) for row in rows]

    def owe_words(self, words: Collection[str]) -> None:
        """See ports.Erasures."""
        with self._open() as database:
            database.executemany("INSERT OR IGNORE INTO owed_words VALUES (?)", [(one,) for one in words])

    def owed_words(self) -> frozenset[str]:
        """See ports.Erasures."""
        if not self._path.exists():
            return frozenset()
        with self._open() as database:
            return frozenset(word for (word,) in database.execute("SELECT word FROM owed_words"))

    def pay_words(self, words: Collection[str]) -> None:
        """See ports.Erasures."""
        with self._open() as database:
            database.executemany("DELETE FROM owed_words WHERE word = ?", [(one,) for one in words])

    def erased(self, recordings: Collection[RecordingId]) -> frozenset[RecordingId]:
        """See ports.Erasures."""
        if not recordings or not self._path.exists():
            return frozenset()
        wanted, found = list(recordings), set[RecordingId]()
        with self._open() as database:
            for at in range(0, len(wanted), _AT_ONCE):
                some = wanted[at : at + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = database.execute(f"SELECT recording FROM tombstones WHERE recording IN ({marks})", some)  # noqa: S608 - question marks
                found.update(RecordingId(recording) for (recording,) in rows)
        return frozenset(found)

    def tombstones(self) -> int:
        """See ports.Erasures."""
        if not self._path.exists():
            return 0
        with self._open() as database:
            (count,) = database.execute("SELECT count(*) FROM tombstones").fetchone()
        return int(count)

    def join(self, other: Path) -> int:
        """Take in the tombstones of another such file (a backup's, or one from before a restore), so that what was erased stays
        erased; how many were new. Raises as the others, for each of the files."""
        if not other.exists():
            return 0
        with ErasureFile(other.parent)._open(other) as theirs:  # noqa: SLF001 - the same class
            rows = theirs.execute("SELECT recording, erased_ms, cause FROM tombstones").fetchall()
        with self._open() as database:
            before = database.total_changes
            database.executemany("INSERT OR IGNORE INTO tombstones VALUES (?, ?, ?)", rows)
            return database.total_changes - before

    @contextmanager
    def _open(self, path: Path | None = None) -> Iterator[sqlite3.Connection]:
        path = path or self._path
        try:
            path.touch(mode=0o600)
            with closing(sqlite3.connect(path, timeout=_BUSY_S)) as database, database:
                database.executescript(
                    f"PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; {_TABLES}"
                )
                yield database
        except (sqlite3.OperationalError, OSError) as error:
            raise Unavailable("disk", f"the tombstones {path}: {error}") from error
        except sqlite3.DatabaseError as error:
            hint = "restore it from a backup, or move it away: erased recordings that come back are then not recognised"
            raise Corrupt("tombstones-damaged", f"{path}: {error}", hint=hint) from error


def _body(one: Erasing) -> str:
    return json.dumps(
        {
            "files": one.files,
            "sources": one.sources,
            "captures": one.captures,
            "actor": one.actor,
            "cause": one.cause.value,
            "reason": one.reason,
            "address": one.address,
            "words": one.words,
        }
    )


def _erasing(recording: str, is_logged: int, body: str) -> Erasing:
    try:
        read = json.loads(body)
        return Erasing(
            RecordingId(recording), tuple(read["files"]), tuple(read["sources"]), tuple(read["captures"]),
            str(read["actor"]), Cause(read["cause"]), str(read["reason"]), str(read["address"]),
            tuple(read["words"]), bool(is_logged),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        says = f"the erasure of {recording} cannot be read: {error}"
        raise Corrupt("tombstones-damaged", says, hint="run callrec verify") from error
