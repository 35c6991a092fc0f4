"""Clients for the store's URL, and the translation of the client library's errors.

The library's defaults are ten retries (which may run an INCR twice) and seconds of waiting. These clients never retry, and wait
no longer than their caller's limit.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
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
"""For requests of the call path; it includes connecting."""
USUAL_S = 1.0
PATIENT_S = 30.0
"""For whole tables, an import, a rebuild."""


_READ_ONLY = re.compile(r"(?:^|\s-)(?:MISCONF|OOM|READONLY|BUSY|NOREPLICAS|UNBLOCKED)\b")
"""Error codes of a store that accepts no writes: at the beginning of the text; before Redis 7 within a script's error."""
_ACL_HINT = "the user of CALLREC_REDIS_URL needs all commands on callrec:*"


@dataclass(frozen=True, slots=True)
class Address:
    """The store's address. `shown`: the URL without user and password, for messages."""

    url: str
    shown: str
    durable_s: float
    """How long a change may take until it is on disk: more than a second with a server that syncs every second."""

    @classmethod
    def of_url(cls, url: str) -> "Address":
        """An external server. Raises Misconfigured for an unsupported URL."""
        parts = urlsplit(url)
        if parts.scheme not in {"redis", "rediss", "unix"}:
            raise Misconfigured(
                "store-url",
                f"CALLREC_REDIS_URL begins with {parts.scheme}:, which callrec does not support"
                if parts.scheme
                else "CALLREC_REDIS_URL has no scheme",
                hint="it must begin with embedded:, redis://, rediss:// or unix://; sentinel and cluster are to come",
            )
        where = parts.path if parts.scheme == "unix" else f"{(parts.hostname or 'localhost')}{parts.path}"
        return cls(url, f"{parts.scheme}://{where}", durable_s=2.5)

    @classmethod
    def of_socket(cls, path: Path) -> "Address":
        """The embedded server, which syncs to disk before it answers."""
        return cls(f"unix://{path}", "the embedded store", durable_s=0.7)

    def client(self) -> Redis:
        """A client with its own connections, which never sends a command twice. It has no time limits: use it inside `within`."""
        try:
            return Redis.from_url(
                self.url,
                # With a time limit the library sends through asyncio.wait_for, which can swallow a cancellation before
                # Python 3.12: a cancelled task would never end.
                socket_timeout=None,
                socket_connect_timeout=CONNECT_S,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
                encoding="utf-8",
                # A caller's name may have bytes that are not UTF-8: its entry in the index is stored and read back unchanged.
                encoding_errors="surrogatepass",
                decode_responses=True,
                max_connections=50,
            )
        except ValueError as error:
            raise Misconfigured("store-url", f"the store's URL cannot be used: {error}") from None


def translated(error: Exception, shown: str) -> CallrecError:
    """The CallrecError for an error of the client library."""
    if isinstance(error.__cause__, fault.RedisError):  # a refused login comes wrapped in "cannot connect"
        error = error.__cause__
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    match error:
        case fault.AuthenticationError() | fault.NoPermissionError():
            return Misconfigured(
                "store-login", f"{shown} refuses user or password: {text}", hint="check both in CALLREC_REDIS_URL"
            )
        case fault.OutOfMemoryError() | fault.ReadOnlyError():
            return Unavailable("store-read-only", f"{shown} takes no changes now: {text}")
        case fault.ResponseError() if _READ_ONLY.search(text):
            return Unavailable("store-read-only", f"{shown} takes no changes now: {text}")
        case fault.ResponseError() if "ACL failure" in text or "NOPERM" in text:
            return Misconfigured("store-login", f"{shown} does not allow changes: {text}", hint=_ACL_HINT)
        case fault.ResponseError() if "WRONGTYPE" in text:
            return Corrupt("store-keys", f"{shown} holds other values under callrec's keys: {text}")
        case fault.ResponseError():
            return Unavailable("store-refused-command", f"{shown} does not know a command: {text}")
        case _:
            return Unavailable("store-unavailable", f"{shown} does not answer: {text}", hint="check that it is running")


@asynccontextmanager
async def within(limit_s: float, shown: str) -> AsyncIterator[None]:
    """Run the block with a time limit, and translate the library's errors."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except (fault.RedisError, OSError) as error:
        raise translated(error, shown) from error


async def let_go(client: Redis) -> None:
    """Close idle connections: the address may lead to another server by now, and a connection stays with the former one as long
    as that runs. A connection in use fails by itself when it is used again."""
    with contextlib.suppress(fault.RedisError, OSError):
        await client.connection_pool.disconnect(inuse_connections=False)


async def ask(client: Redis, *command: str | int | float) -> Any:
    """One command, its answer as the library parses it. The library's own types cannot tell sync from async."""
    return await client.execute_command(*command)  # type: ignore[no-untyped-call] # as the library has it


async def run(client: Redis, script: str, names: Sequence[str], *arguments: str | int | float) -> Any:
    """One script of `scripts`."""
    return await ask(client, "EVAL", script, len(names), *names, *arguments)


async def on_one_connection(client: Redis, *commands: Sequence[str | int | bytes]) -> list[Any]:
    """Send several commands on one connection; their answers, in which errors of the server (ResponseError) are not raised.

    The library's pipeline copies all arguments once, and asyncio before Python 3.12 twice more: hundreds of megabytes each for a
    large import. Here each argument is sent without a copy, and the next one when the connection has room for it.
    """
    pool = client.connection_pool
    connection = await pool.get_connection()  # type: ignore[no-untyped-call] # as the library has it
    try:
        await _send(connection, commands)
        return [await _answer(connection) for _ in commands]
    except BaseException:  # a task that is cancelled, too: nothing may follow half a command on this connection
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _send(connection: Any, commands: Sequence[Sequence[str | int | bytes]]) -> None:
    for nth, piece in enumerate(chain.from_iterable(connection.pack_command(*command) for command in commands)):
        if nth and not connection.is_connected:
            # The library would connect again, and the server would take the rest of the command for another one
            raise fault.ConnectionError("the connection was closed within a command")
        await connection.send_packed_command(piece, check_health=False)


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except fault.ResponseError as refusal:
        return refusal
