"""Sends webhooks over HTTP, and trusts the receiver in nothing.

The name is looked up once for each connection, and the connection goes to an address that was checked; there is no second look-up
that could answer differently. Redirects are not followed, proxies and cookies not used. Of the answer only the status and
`Retry-After` count: a few kilobytes are read, then the connection is closed. Each webhook has its own connection, so a receiver
that hangs takes nothing from others.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from callrec import __version__
from callrec.domain.errors import Refused
from callrec.domain.webhooks.destinations import Address, Network, checked_url, is_private, may_go_to
from callrec.domain.webhooks.model import Attempt, Webhook
from callrec.protocols.standard_webhooks import signed_headers

CONNECT_S = 5.0
ANSWER_S = 15.0
READ_BYTES = 4096
"""How much of an answer's body is read, so that the connection of a short one can be used again."""
_RETRY_AFTER_STATUSES = frozenset({429, 503})


class _CheckedResolver(AbstractResolver):
    """Looks names up, and gives only addresses that webhooks may go to. A name with one other address is refused as a whole."""

    def __init__(self, allowed: Sequence[Network], *, plain: bool) -> None:
        self._allowed, self._plain = allowed, plain

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        results = []
        for kind, _, protocol, _, place in found:
            address = ip_address(str(place[0]).partition("%")[0])
            self._check(address)
            results.append(
                ResolveResult(
                    hostname=host,
                    host=str(address),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST,
                )
            )
        return results

    async def close(self) -> None:
        """Nothing is open."""

    def _check(self, address: Address) -> None:
        if not may_go_to(address, self._allowed):
            raise OSError(f"{address} is a private address; CALLREC_WEBHOOK_NETWORKS allows networks")
        if self._plain and not is_private(address, self._allowed):
            raise OSError(f"plain http:// to {address}, which is not in the networks of CALLREC_WEBHOOK_NETWORKS")


class HttpSender:
    """Implements `app.ports.events.Sender`."""

    def __init__(self, allowed: Sequence[Network], now_s: Callable[[], float] = time.time) -> None:
        self._allowed, self._now_s = allowed, now_s
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether they are for plain HTTP."""

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def send(self, webhook: Webhook, message_id: str, body: str) -> Attempt:
        """One attempt."""
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_S):
                status, retry_after = await self._post(webhook, message_id, body.encode())
        except TimeoutError:
            return Attempt(None, f"no answer within {ANSWER_S:.0f} s", time.monotonic() - began_s)
        except (aiohttp.ClientError, OSError, ValueError, Refused) as error:
            return Attempt(None, _reason(error), time.monotonic() - began_s)
        wait_s = self._wait_s(retry_after) if status in _RETRY_AFTER_STATUSES else None
        return Attempt(status, f"HTTP {status}", time.monotonic() - began_s, wait_s)

    async def _post(self, webhook: Webhook, message_id: str, body: bytes) -> tuple[int, str]:
        checked_url(webhook.url, self._allowed)  # the setting may have changed since it was added
        now_s = self._now_s()
        headers = signed_headers(message_id, int(now_s), body, webhook.secrets(now_s))
        session = self._opened(plain=webhook.url.startswith("http:"))
        async with session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer:
            await answer.content.read(READ_BYTES)
            if not answer.content.at_eof():
                answer.close()
            return answer.status, answer.headers.get("Retry-After", "")

    def _opened(self, *, plain: bool) -> aiohttp.ClientSession:
        if plain not in self._sessions:
            resolver = _CheckedResolver(self._allowed, plain=plain)
            self._sessions[plain] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=0),
                timeout=aiohttp.ClientTimeout(total=ANSWER_S, sock_connect=CONNECT_S),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": f"callrec/{__version__}",
                    "Accept-Encoding": "identity",
                },
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=READ_BYTES,
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[plain]

    def _wait_s(self, retry_after: str) -> float | None:
        if retry_after.isascii() and retry_after.isdecimal():
            return float(retry_after[:9])
        try:
            return max(0.0, parsedate_to_datetime(retry_after).timestamp() - self._now_s())
        except (ValueError, OverflowError):
            return None


def _reason(error: Exception) -> str:
    """Why there was no answer, in a line that is safe to show."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    number = cause.errno if isinstance(cause, OSError) else None
    text = os.strerror(number) if number and number > 0 else str(cause) or type(cause).__name__
    return "".join(char if char.isprintable() else " " for char in text)[:200]
