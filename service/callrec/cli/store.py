"""How a command reaches the tables and the recordings: by the use cases, in the store that the settings name.

With the embedded store a command uses the running daemon's; without a daemon it starts the store itself until it ends. All other
modules of the commands are the same for every store.
"""

import asyncio
import getpass
import secrets
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import typer

from callrec.cli.exit_codes import plain
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from callrec.adapters.database.postgres_catalogue import PostgresCatalogue
    from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
    from callrec.adapters.redis.store import RedisStore
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.app.ports.access import LoginStore
    from callrec.app.ports.backup import StoreCopy
    from callrec.app.ports.directory import OperatorStore
    from callrec.app.ports.library import EventSink
    from callrec.config import Settings
    from callrec.domain.directory.model import Tables
    from callrec.domain.errors import Refused

    class Store(OperatorStore, EventSink, Protocol):
        """The ports that the use cases of commands need."""


T = TypeVar("T")
WORDING = "command"
"""The wording of each change request: a command makes one change, under its own new id."""


def settings(*, restores: bool = False) -> "Settings":
    """The settings. Log lines below critical are switched off: a command prints its own messages. Raises Misconfigured, also for
    an installation whose restore was broken off, unless it is the restore that asks."""
    from callrec.adapters.disk.restore_mark import refuse_unfinished
    from callrec.config import read_settings
    from callrec.observe.logs import set_up_logs

    set_up_logs(level="critical", personal=False)
    read = read_settings()
    if not restores:
        refuse_unfinished(read.state_dir)
    return read


def with_store(work: "Callable[[Store], Awaitable[T]]") -> T:
    """Open the store and run `work` with it; its result. Raises Misconfigured, Unavailable, Corrupt."""
    return _run(work)


def with_catalogue(work: "Callable[[SqliteCatalogue | PostgresCatalogue], Awaitable[T]]") -> T:
    """Open the catalogue of recordings, beside the daemon or without it, and run `work` with it; its result. Raises
    Misconfigured, Unavailable, Corrupt."""
    read = settings()

    async def run() -> T:
        from callrec.adapters.database.open_catalogue import open_catalogue

        async with open_catalogue(read.database_url, read.state_dir, read.node) as catalogue:
            return await work(catalogue)

    return asyncio.run(run())


def has_store() -> bool:
    """Whether there is a store that a command may use without making a new one."""
    from callrec.adapters.redis.store import EMBEDDED

    read = settings()
    return read.redis_url not in EMBEDDED or (read.state_dir / "valkey").exists()


def tables() -> "Tables":
    """All tables, as the store has them now. Raises as `with_store`."""
    return _run(lambda store: store.tables())


def with_logins(work: "Callable[[Tables, LoginStore], Awaitable[T]]") -> T:
    """Run `work` with all tables, and with the sessions and counters of the store; its result. Raises as `with_store`."""

    async def run(store: "RedisStore") -> T:
        from callrec.adapters.redis.logins import RedisLogins

        logins = RedisLogins(store.address)
        try:
            return await work(await store.tables(), logins)
        finally:
            await logins.close()

    return _run(run)


def changed(
    change: "Callable[[Records, ChangeRequest], Awaitable[T]]",
    action: Action = Action.SETTINGS_CHANGED,
    subject: str = "",
) -> "tuple[T, Tables]":
    """Make one change of the tables as the API does: planned again when another edit was first, and made once. Before it the
    audit log has it, as this action. Returns the change's result and the tables after it. Raises Refused, and as `with_store`
    and `log_command`."""
    from callrec.cli.audit_entry import log_command

    log_command(action, subject=subject)

    async def work(store: "RedisStore") -> "tuple[T, Tables]":
        from callrec.adapters.redis.directory import DirectoryFeed
        from callrec.app.directory.idempotency import ChangeRequest, until_known
        from callrec.app.directory.records import Records

        change_request = ChangeRequest(request_id(), operator(), WORDING)
        async with DirectoryFeed(store) as copy:
            await copy.until_loaded()
            records = Records(store, copy)
            given = await until_known(lambda one: change(records, one), change_request)
        return given, await store.tables()

    return _run(work)


@contextmanager
def said_when_missing(unknown: "Refused") -> "Iterator[None]":
    """Raise this error in place of `no-such-record`, since it names what the operator typed."""
    from callrec.domain.errors import Refused

    try:
        yield
    except Refused as error:
        raise unknown if error.code == "no-such-record" else error from None


def _run(work: "Callable[[RedisStore], Awaitable[T]]") -> T:
    read = settings()
    given: list[T] = []

    async def run() -> None:
        _say_when_new(read)
        async with opened_store(read) as store:
            # Not as the task's result: `asyncio.run` asks for its `repr` at the end (signal.getsignal), of all of a large import
            given.append(await work(store))

    asyncio.run(run())
    return given[0]


@asynccontextmanager
async def opened_store(read: "Settings") -> "AsyncIterator[RedisStore]":
    """The store of these settings. Raises Misconfigured, Unavailable, Corrupt."""
    from callrec.adapters.redis.store import open_store

    async with open_store(read.redis_url, read.state_dir, join=True) as store:
        yield store


@asynccontextmanager
async def opened_tables(read: "Settings") -> "AsyncIterator[StoreCopy]":
    """The store of these settings, for backups. Raises as `opened_store`."""
    from callrec.adapters.redis.table_copy import TableCopy

    async with opened_store(read) as store:
        yield TableCopy(store.address)


def _say_when_new(read: "Settings") -> None:
    """Warn before a new embedded store is created: a command run in the wrong working folder finds no settings."""
    from callrec.adapters.redis.store import EMBEDDED

    folder = read.state_dir.absolute() / "valkey"
    if read.redis_url in EMBEDDED and not {"redis_url", "state_dir"} & read.model_fields_set and not folder.exists():
        typer.echo(
            "callrec: no setting names a store (no CALLREC_STATE_DIR, no CALLREC_REDIS_URL, none in callrec.toml here or in"
            f" CALLREC_CONFIG): creating a new, empty one in {plain(folder)}",
            err=True,
        )


def operator() -> str:
    """The actor for audit entries: `operator:<user name on this machine>`."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return f"operator:{name if name.isprintable() else 'unknown'}"


def request_id() -> str:
    """A new random idempotency key for one change: 32 hex digits."""
    return secrets.token_hex(16)
