"""Webhooks and their deliveries in one SQLite file of the state folder, mode 600: it has secrets, and events with personal data.

Each operation is one transaction that is on disk on return. All run in one thread, one after the other. Deleted rows are
overwritten (`secure_delete`).
"""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.erasure import mentioned
from callrec.domain.webhooks.model import LONGEST_RETRY_AFTER_S, Attempt, Delivery, Standing, Verdict, Webhook
from callrec.protocols.event_messages import EventMessage

NAME = "webhooks.db"
BUSY_S = 5.0
T = TypeVar("T")
_VERSION = 1
_TABLES = f"""
CREATE TABLE IF NOT EXISTS webhooks (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL, sender TEXT NOT NULL, types TEXT NOT NULL,
    enabled INTEGER NOT NULL, former_secret TEXT NOT NULL, former_until_s REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0, not_before_s REAL NOT NULL DEFAULT 0, says TEXT NOT NULL DEFAULT '',
    at_s REAL NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS deliveries (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL,
    webhook TEXT NOT NULL REFERENCES webhooks ON DELETE CASCADE, kind TEXT NOT NULL, body TEXT NOT NULL,
    bytes INTEGER NOT NULL, accepted_s REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due_s REAL NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0, says TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS deliveries_by_webhook ON deliveries (webhook, given_up, place, bytes);
CREATE TABLE IF NOT EXISTS missed (
    webhook TEXT PRIMARY KEY REFERENCES webhooks ON DELETE CASCADE, times INTEGER NOT NULL, at_s REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS stream (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT NOT NULL);
PRAGMA user_version = {_VERSION};
"""
_WEBHOOK = "id, url, secret, sender, types, enabled, former_secret, former_until_s"
_STANDING = "failures, not_before_s, says, webhooks.at_s, delivered, coalesce(times, 0), coalesce(missed.at_s, 0)"
_DELIVERY = "id, webhook, kind, body, accepted_s, attempts, due_s, given_up, says"
_PUT = f"""
INSERT INTO webhooks ({_WEBHOOK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    url = excluded.url, secret = excluded.secret, types = excluded.types, enabled = excluded.enabled,
    former_secret = excluded.former_secret, former_until_s = excluded.former_until_s, failures = 0, not_before_s = 0
"""  # noqa: S608 - our own words
_ADD = "INSERT OR IGNORE INTO deliveries (id, webhook, kind, body, bytes, accepted_s) VALUES (?, ?, ?, ?, ?, ?)"
_MISSED = """
INSERT INTO missed VALUES (?, 1, ?) ON CONFLICT (webhook) DO UPDATE SET times = times + 1, at_s = excluded.at_s
"""
_OLDEST = "SELECT place, bytes FROM deliveries WHERE webhook = ? ORDER BY given_up DESC, place"


class SqliteOutbox:
    """Implements `app.ports.events.Outbox`. `most_bytes`: of all bodies of one webhook; above it the oldest deliveries are
    dropped, first those that were given up."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._path, self._most_bytes = folder / NAME, most_bytes
        self._thread = ThreadPoolExecutor(1, "webhooks")
        self._database: sqlite3.Connection | None = None
        self._version = -1

    async def close(self) -> None:
        """Close the file. The next use opens it again."""
        await self._run(self._close)

    async def webhooks(self) -> Sequence[tuple[Webhook, Standing]]:
        """All webhooks, by id."""

        def read(database: sqlite3.Connection) -> list[tuple[Webhook, Standing]]:
            counts = {
                (webhook, given_up): count
                for webhook, given_up, count in database.execute(
                    "SELECT webhook, given_up, count(*) FROM deliveries GROUP BY webhook, given_up"
                )
            }
            joined = "FROM webhooks LEFT JOIN missed ON webhook = id ORDER BY id"
            rows = database.execute(f"SELECT {_WEBHOOK}, {_STANDING} {joined}").fetchall()
            return [(_webhook(row[:8]), _standing(row[0], row[8:], counts)) for row in rows]

        return await self._do(read)

    async def put(self, webhook: Webhook) -> None:
        """Add or replace a webhook. A former failure is forgotten: the next attempt is at once."""
        row = (
            *(webhook.id, webhook.url, webhook.secret, webhook.sender, json.dumps(webhook.types), webhook.enabled),
            *(webhook.former_secret, webhook.former_until_s),
        )

        def write(database: sqlite3.Connection) -> None:
            database.execute(_PUT, row)
            database.execute("UPDATE deliveries SET due_s = 0 WHERE webhook = ? AND given_up = 0", (webhook.id,))
            _drop_cursor(database)

        await self._do(write)

    async def remove(self, webhook: str) -> bool:
        """Remove a webhook with its deliveries."""

        def write(database: sqlite3.Connection) -> bool:
            found = database.execute("DELETE FROM webhooks WHERE id = ?", (webhook,)).rowcount > 0
            _drop_cursor(database)
            return found

        return await self._do(write)

    async def cursor(self) -> str:
        """The id of the last event that was accepted."""
        return await self._do(_cursor)

    async def accept(
        self, events: Sequence[EventMessage], cursor: str, now_s: float, *, is_missed: bool = False
    ) -> int:
        """Store events, the cursor, and that events before them were lost. An event that is there already is not stored twice."""

        def write(database: sqlite3.Connection) -> int:
            wanting = [
                _webhook(row)
                for row in database.execute(f"SELECT {_WEBHOOK} FROM webhooks WHERE enabled = 1")  # noqa: S608
            ]
            dropped = 0
            for one in wanting:
                if is_missed:
                    database.execute(_MISSED, (one.id, now_s))
                rows = [
                    (f"{one.sender}_{event.id}", one.id, event.type, event.text, len(event.text), now_s)
                    for event in events
                    if one.wants(event.type)
                ]
                database.executemany(_ADD, rows)
                dropped += self._shorten(database, one.id) if rows else 0
            database.execute("INSERT OR REPLACE INTO stream VALUES (1, ?)", (cursor,))
            return dropped

        return await self._do(write)

    async def next(self, webhook: str, now_s: float) -> tuple[Delivery | None, float | None]:
        """The oldest delivery that is due, or when the next one will be."""

        def read(database: sqlite3.Connection) -> tuple[Delivery | None, float | None]:
            held = database.execute("SELECT not_before_s FROM webhooks WHERE id = ?", (webhook,)).fetchone()
            latest_s = now_s + LONGEST_RETRY_AFTER_S  # a time after it was set before the clock was set back
            if held and now_s < held[0] <= latest_s:
                return None, held[0]
            waits = "webhook = ? AND given_up = 0"
            due = (
                f"SELECT {_DELIVERY} FROM deliveries WHERE {waits} AND (due_s <= ? OR due_s > ?) ORDER BY place LIMIT 1"  # noqa: S608
            )
            if row := database.execute(due, (webhook, now_s, latest_s)).fetchone():
                return _delivery(row), now_s
            when = f"SELECT min(due_s) FROM deliveries WHERE {waits} AND due_s <= ?"  # noqa: S608 - our words
            (earliest,) = database.execute(when, (webhook, latest_s)).fetchone()
            return None, earliest

        return await self._do(read)

    async def settle(self, delivery: Delivery, attempt: Attempt, verdict: Verdict, now_s: float) -> None:
        """Store what became of an attempt."""

        def write(database: sqlite3.Connection) -> None:
            if verdict.is_delivered:
                database.execute("DELETE FROM deliveries WHERE id = ?", (delivery.id,))
            else:
                database.execute(
                    "UPDATE deliveries SET attempts = attempts + 1, due_s = ?, given_up = ?, says = ? WHERE id = ?",
                    (0 if verdict.holds_all else verdict.due_s, verdict.gives_up, attempt.says, delivery.id),
                )
            failed = verdict.holds_all
            database.execute(
                "UPDATE webhooks SET failures = CASE WHEN ? THEN failures + 1 ELSE 0 END, not_before_s = ?, says = ?, at_s = ?,"
                " delivered = delivered + ? WHERE id = ?",
                (failed, verdict.due_s if failed else 0, attempt.says, now_s, verdict.is_delivered, delivery.webhook),
            )

        await self._do(write)

    async def resend(self, webhook: str, delivery: str | None, now_s: float) -> int:
        """Make deliveries that were given up due again. Their time to deliver starts over."""

        def write(database: sqlite3.Connection) -> int:
            change = (
                "UPDATE deliveries SET given_up = 0, due_s = 0, accepted_s = ? WHERE webhook = ? AND given_up = 1"
                " AND (? IS NULL OR id = ?)"
            )
            count = database.execute(change, (now_s, webhook, delivery, delivery)).rowcount
            database.execute("UPDATE webhooks SET not_before_s = 0 WHERE id = ?", (webhook,))
            return count

        return await self._do(write)

    async def deliveries(self, webhook: str, most: int) -> Sequence[Delivery]:
        """Deliveries that wait or were given up, oldest first."""
        query = f"SELECT {_DELIVERY} FROM deliveries WHERE webhook = ? ORDER BY place LIMIT ?"  # noqa: S608 - our words
        return await self._do(lambda database: [_delivery(row) for row in database.execute(query, (webhook, most))])

    async def forget(self, before_s: float) -> int:
        """Remove old deliveries that were given up."""
        query = "DELETE FROM deliveries WHERE given_up = 1 AND accepted_s < ?"
        return await self._do(lambda database: database.execute(query, (before_s,)).rowcount)

    async def forget_about(self, recordings: Collection[str], words: Collection[str]) -> int:
        """Remove deliveries about these recordings, and each that has one of these words; returns how many. Nothing is left of
        them in the file, or in its log of changes. Raises Unavailable while another process reads what was before."""
        known = frozenset(recordings)

        def write(database: sqlite3.Connection) -> int:
            rows = database.execute("SELECT place, body FROM deliveries")
            gone = [(place,) for place, body in rows if _is_about(body, known, words)]
            database.executemany("DELETE FROM deliveries WHERE place = ?", gone)
            return len(gone)

        if not self._path.exists():
            return 0
        count = await self._do(write)
        await self._run(self._empty_log)
        return count

    async def changed(self) -> bool:
        """Whether another process has changed the file since the last call."""

        def read(database: sqlite3.Connection) -> bool:
            (now,) = database.execute("PRAGMA data_version").fetchone()
            before, self._version = self._version, now
            return before not in {-1, now}

        return await self._do(read)

    def _empty_log(self) -> None:
        """Empty the log of changes. Raises Unavailable."""
        with _translated(self._path):
            (is_kept, *_) = self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_kept:
            says = f"another process has read {self._path} for longer than {BUSY_S:g} s"
            raise Unavailable("disk", f"{says}, so that removed deliveries are still in its log of changes")

    def _shorten(self, database: sqlite3.Connection, webhook: str) -> int:
        (held,) = database.execute("SELECT sum(bytes) FROM deliveries WHERE webhook = ?", (webhook,)).fetchone()
        over, gone = (held or 0) - self._most_bytes, []
        if over <= 0:
            return 0
        for place, size in database.execute(_OLDEST, (webhook,)):
            gone.append((place,))
            over -= size
            if over <= 0:
                break
        database.executemany("DELETE FROM deliveries WHERE place = ?", gone)
        return len(gone)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def transact() -> T:
            with _translated(self._path):
                database = self._opened()
                database.execute("BEGIN IMMEDIATE")
                try:
                    found = work(database)
                    database.execute("COMMIT")
                except BaseException:
                    database.execute("ROLLBACK") if database.in_transaction else None
                    raise
                return found

        return await self._run(transact)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._create()
            database = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
                    database.execute(f"PRAGMA {pragma}")
                (version,) = database.execute("PRAGMA user_version").fetchone()
                self._check(version)
                database.executescript(_TABLES)
            except BaseException:
                database.close()
                raise
            self._database = database
        return self._database

    def _create(self) -> None:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        if os.geteuid() == 0:  # a command of root: the daemon must be able to use the file afterwards
            folder = self._path.parent.stat()
            os.chown(self._path, folder.st_uid, folder.st_gid)

    def _check(self, version: int) -> None:
        if version > _VERSION:
            raise Corrupt("webhooks-file", f"{self._path} is of a newer version of callrec", hint="run that version")

    def _close(self) -> None:
        if self._database:
            self._database.close()
            self._database = None


def _is_about(body: str, recordings: frozenset[str], words: Collection[str]) -> bool:
    try:
        data = json.loads(body)["data"]
        if not recordings.isdisjoint({data.get("recording"), data.get("id")}):
            return True
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return next(mentioned(body, words), None) is not None


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable("disk", f"cannot open {path}: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        raise Unavailable("disk", f"cannot use {path}: {error}") from error
    except sqlite3.DatabaseError as error:
        hint = "stop callrec, move the file away, and add the webhooks again"
        raise Corrupt("webhooks-file", f"{path} cannot be read: {error}", hint=hint) from error


def _drop_cursor(database: sqlite3.Connection) -> None:
    """Without an enabled webhook no event is accepted: the next one begins with the events of its own time."""
    database.execute("DELETE FROM stream WHERE NOT EXISTS (SELECT 1 FROM webhooks WHERE enabled = 1)")


def _cursor(database: sqlite3.Connection) -> str:
    found = database.execute("SELECT cursor FROM stream").fetchone()
    return str(found[0]) if found else ""


def _webhook(row: Sequence[object]) -> Webhook:
    identity, url, secret, sender, types, enabled, former, until_s = row
    wanted = tuple(map(str, json.loads(str(types))))
    return Webhook(
        str(identity), str(url), str(secret), str(sender), wanted, bool(enabled), str(former), float(str(until_s))
    )


def _standing(webhook: str, row: Sequence[object], counts: dict[tuple[str, int], int]) -> Standing:
    failures, not_before_s, says, at_s, delivered, missed, missed_s = row
    return Standing(
        waiting=counts.get((webhook, 0), 0),
        given_up=counts.get((webhook, 1), 0),
        delivered=int(str(delivered)),
        failures=int(str(failures)),
        not_before_s=float(str(not_before_s)),
        says=str(says),
        at_s=float(str(at_s)),
        missed=int(str(missed)),
        missed_s=float(str(missed_s)),
    )


def _delivery(row: Sequence[object]) -> Delivery:
    identity, webhook, kind, body, accepted_s, attempts, due_s, given_up, says = row
    return Delivery(
        str(identity), str(webhook), str(kind), str(body),
        float(str(accepted_s)), int(str(attempts)), float(str(due_s)), bool(given_up), str(says),
    )  # fmt: skip
