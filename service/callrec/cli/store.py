"""A command and the store: the running daemon's own when it has an embedded one, else one of ours for that moment."""

import asyncio
import getpass
import secrets
from typing import TYPE_CHECKING, TypeVar

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

        async with open_store(read.redis_url, read.state_dir, join=True) as store:
            return await work(store)

    return asyncio.run(run())


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
