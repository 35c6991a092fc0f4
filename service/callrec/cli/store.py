"""A command and the store: the running daemon's own when it has an embedded one, else one of ours for that moment."""

import asyncio
import getpass
import secrets
from typing import TYPE_CHECKING, TypeVar

import typer

from callrec.cli.ending import plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callrec.adapters.redis.store import RedisStore
    from callrec.config import Settings

T = TypeVar("T")


def settings() -> "Settings":
    """The settings, with nothing logged but what the command itself prints. Raises Misconfigured."""
    from callrec.config import read_settings
    from callrec.observe.logs import set_up_logs

    set_up_logs(level="critical", personal=False)
    return read_settings()


def with_store(work: "Callable[[RedisStore], Awaitable[T]]") -> T:
    """Do this with the store. Raises Misconfigured, Unavailable, Corrupt."""
    read = settings()

    async def run() -> T:
        from callrec.adapters.redis.store import open_store

        _say_when_new(read)
        async with open_store(read.redis_url, read.state_dir, join=True) as store:
            return await work(store)

    return asyncio.run(run())


def _say_when_new(read: "Settings") -> None:
    """In another working folder a command without settings would silently use a store of its own."""
    from callrec.adapters.redis.store import EMBEDDED

    folder = read.state_dir.absolute() / "valkey"
    if read.redis_url in EMBEDDED and not {"redis_url", "state_dir"} & read.model_fields_set and not folder.exists():
        typer.echo(
            "callrec: found no settings that name a store (no CALLREC_STATE_DIR, no CALLREC_REDIS_URL, none in callrec.toml"
            f" here or in CALLREC_CONFIG): a new, empty one is made in {plain(folder)}",
            err=True,
        )


def operator() -> str:
    """Who types, for the audit: `operator:<user name of this machine>`."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return f"operator:{name if name.isprintable() else 'unknown'}"


def request_id() -> str:
    """A new one for each change."""
    return secrets.token_hex(16)
