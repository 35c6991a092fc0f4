"""Deadlines for connections: aiohttp waits for ever for the head of a request, and takes any number of connections.

A guard stands between the socket and aiohttp's own protocol and passes everything on; it only knows when the connection began,
when a request of it reached a handler, and when that was answered. Whoever takes longer than `request_s` to say what they
want is cut, however steadily the bytes drip.
"""

import asyncio
from dataclasses import dataclass
from typing import cast

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait, in seconds, and for how many."""

    request_s: float = 10.0
    """For the head of a request, from the connection or from the last answer; also how long an idle connection is kept."""
    handler_s: float = 30.0
    """For a handler, with the body that it reads."""
    connections: int = 256


class Guards:
    """The guards of one application."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self._by_transport: dict[asyncio.BaseTransport, _Guard] = {}

    def site(self, runner: web.AppRunner, host: str, port: int) -> "GuardedSite":
        """A site whose connections are guarded."""
        return GuardedSite(self, runner, host, port)

    def begun(self, transport: asyncio.BaseTransport | None) -> None:
        """A whole head has come in on this connection: its handler has its own time."""
        if guard := self._of(transport):
            guard.stop_clock()

    def answered(self, transport: asyncio.BaseTransport | None) -> None:
        """The handler is done: the next request may come."""
        if guard := self._of(transport):
            guard.start_clock()

    def opened(self, transport: asyncio.BaseTransport, guard: "_Guard") -> bool:
        """Whether there is room for one more connection."""
        if len(self._by_transport) >= self.patience.connections:
            return False
        self._by_transport[transport] = guard
        return True

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection."""
        self._by_transport.pop(transport, None)

    def _of(self, transport: asyncio.BaseTransport | None) -> "_Guard | None":
        return self._by_transport.get(transport) if transport else None


class GuardedSite(web.BaseSite):
    """Like TCPSite, with a guard before each connection."""

    def __init__(self, guards: Guards, runner: web.AppRunner, host: str, port: int) -> None:
        super().__init__(runner)
        self.port = port
        self._guards = guards
        self._host = host

    @property
    def name(self) -> str:
        """The address."""
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        handlers = cast("web.Server", self._runner.server)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Guard(self._guards, handlers(), loop), self._host, self.port, backlog=128
        )
        self.port = self._server.sockets[0].getsockname()[1]


class _Guard(asyncio.Protocol):
    """One connection."""

    def __init__(self, guards: Guards, inner: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        self._guards = guards
        self._inner = inner
        self._loop = loop
        self._clock: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._is_open = False

    def start_clock(self) -> None:
        self.stop_clock()
        if self._is_open:
            self._clock = self._loop.call_later(self._guards.patience.request_s, self._cut)

    def stop_clock(self) -> None:
        if self._clock:
            self._clock.cancel()
            self._clock = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._guards.opened(transport, self):
            self._transport.abort()
            return
        self._is_open = True
        self._inner.connection_made(transport)
        self.start_clock()

    def data_received(self, data: bytes) -> None:
        if self._is_open:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._is_open else None

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_open:
            return
        self._is_open = False
        self.stop_clock()
        if self._transport:
            self._guards.closed(self._transport)
        self._inner.connection_lost(exc)

    def _cut(self) -> None:
        if self._transport:
            self._transport.abort()
