"""From a URL to clients, and from the client library's errors to ours.

The library's defaults are made for patient callers: ten retries (which run an INCR twice) and seconds of waiting. Ours
never retries by itself, and waits no longer than the caller says.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import exceptions as fault
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Unavailable

CONNECT_S = 0.25
QUICK_S = 0.5
"""Anything that the call path asks for, connecting included."""
USUAL_S = 1.0
PATIENT_S = 30.0
"""Whole tables, an import, a rebuild."""


_TAKES_NO_CHANGES = re.compile(r"(?:^|\s-)(?:MISCONF|OOM|READONLY|BUSY|NOREPLICAS|UNBLOCKED)\b")
"""At the beginning; before Redis 7, what a script met stands inside its error."""
_ACL_HINT = "the user of CALLREC_REDIS_URL needs all commands on callrec:*"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the store is. `shown` is the URL without user and password, for messages."""

    url: str
    shown: str
    durable_s: float
    """How long a change may take until it is on disk: a server that syncs every second needs more than one."""

    @classmethod
    def of_url(cls, url: str) -> "Address":
        """An outside server. Raises Misconfigured for what we cannot speak."""
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss", "unix"}:
            raise Misconfigured(
                "store-url",
                f"the store's URL begins with {parts.scheme or 'nothing'}:, which callrec does not speak yet",
                hint="CALLREC_REDIS_URL is embedded:, redis://, rediss:// or unix://; sentinel and cluster are to come",
            )
        where = parts.path if parts.scheme == "unix" else f"{(parts.hostname or 'localhost')}{parts.path}"
        return cls(url, f"{parts.scheme}://{where}", durable_s=2.5)

    @classmethod
    def of_socket(cls, path: Path) -> "Address":
        """Our own embedded server, which syncs before it answers."""
        return cls(f"unix://{path}", "the embedded store", durable_s=0.7)

    def client(self) -> Redis:
        """A client with its own connections; nothing is ever sent twice. Use it inside `within`: it has no limits itself."""
        try:
            return Redis.from_url(
                self.url,
                # With a limit of its own the library sends through asyncio.wait_for, which can swallow a cancellation
                # before Python 3.12: a task that is told to stop would go on for ever.
                socket_timeout=None,
                socket_connect_timeout=CONNECT_S,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                encoding="utf-8",
                # A caller's name may hold what no UTF-8 may: an entry in the index is kept all the same, and read back.
                encoding_errors="surrogatepass",
                decode_responses=True,
                max_connections=50,
            )
        except ValueError as error:
            raise Misconfigured("store-url", f"the store's URL cannot be used: {error}") from None


def translated(error: Exception, shown: str) -> CallrecError:
    """What an error of the client library means to us."""
    if isinstance(error.__cause__, fault.RedisError):  # a refused login comes wrapped in "cannot connect"
        error = error.__cause__
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    match error:
        case fault.AuthenticationError() | fault.NoPermissionError():
            return Misconfigured(
                "store-login", f"{shown} refuses us: {text}", hint="see user and password of CALLREC_REDIS_URL"
            )
        case fault.OutOfMemoryError() | fault.ReadOnlyError():
            return Unavailable("store-read-only", f"{shown} takes no changes now: {text}")
        case fault.ResponseError() if _TAKES_NO_CHANGES.search(text):
            return Unavailable("store-read-only", f"{shown} takes no changes now: {text}")
        case fault.ResponseError() if "ACL failure" in text or "NOPERM" in text:
            return Misconfigured("store-login", f"{shown} lets us change nothing: {text}", hint=_ACL_HINT)
        case fault.ResponseError() if "WRONGTYPE" in text:
            return Corrupt("store-keys", f"{shown} holds something else under our keys: {text}")
        case fault.ResponseError():
            return Unavailable("store-refused-command", f"{shown} does not know a command: {text}")
        case _:
            return Unavailable("store-unavailable", f"{shown} does not answer: {text}", hint="is it running?")


@asynccontextmanager
async def within(limit_s: float, shown: str) -> AsyncIterator[None]:
    """Our errors instead of the library's, and never longer than `limit_s`."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (fault.RedisError, OSError) as error:
        raise translated(error, shown) from error


async def let_go(client: Redis) -> None:
    """Close what is idle: the address may lead to another server by now, and a connection stays with the former one for as long
    as that lives. One that is in use says so itself, when it is used again."""
    with contextlib.suppress(fault.RedisError, OSError):
        await client.connection_pool.disconnect(inuse_connections=False)


async def ask(client: Redis, *command: str | int | float) -> Any:
    """One command, its answer as the library parses it. The library's own types cannot tell sync from async."""
    return await client.execute_command(*command)  # type: ignore[no-untyped-call] # as the library has it


async def run(client: Redis, script: str, names: Sequence[str], *arguments: str | int | float) -> Any:
    """One script of `scripts`."""
    return await ask(client, "EVAL", script, len(names), *names, *arguments)
