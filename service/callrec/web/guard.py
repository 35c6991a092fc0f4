"""Deadlines for connections: aiohttp waits for ever for the head of a request, and takes any number of connections.

A guard stands between the socket and aiohttp's own protocol and passes everything on; it only knows when the connection began,
when a request of it reached a handler, and when that was answered. A client that takes longer than `request_s` to send
its request is cut off, however steadily the bytes drip.

Calls wait for the same loop as the pages do. So a client without the token waits for a turn before an answer (`Guards.turn`),
each connection at its own pace and all together at theirs, and is not read meanwhile. When all places are taken, the next
connections get a spare one, where /healthz is answered and nothing else.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from aiohttp import web

from callrec.web.pace import Pace


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait, in seconds, and for how many."""

    request_s: float = 10.0
    """For the head of a request, from the connection or from the last answer; also how long an idle connection is kept."""
    handler_s: float = 30.0
    """For a handler, with the body that it reads."""
    connections: int = 256
    spare: int = 8
    """Places beyond these, for /healthz alone."""
    spare_s: float = 1.0
    """For the head of a request in a spare place. One that took this half of the time gives way to the next."""
    per_connection_s: float = 10.0
    """Answers per second without a token, on one connection and on all of them; and as many at once after a pause."""
    together_s: float = 100.0
    burst: int = 10


class Guards:
    """The guards of one application."""

    def __init__(self, patience: Patience, refused: Callable[[], None] = lambda: None) -> None:
        self.patience = patience
        self._refused = refused
        self._by_transport: dict[asyncio.BaseTransport, _Guard] = {}
        self._spare: dict[asyncio.BaseTransport, _Guard] = {}
        self._together = {health: Pace(patience.together_s, patience.burst) for health in (False, True)}

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

    async def turn(self, transport: asyncio.BaseTransport | None, *, health: bool) -> bool:
        """Wait until a client without the token may be answered on this connection; False when the answer is that all places are
        taken."""
        guard = self._of(transport)
        if guard is None:
            return True  # the connection is closed: the answer is dropped
        if guard.is_spare:
            return health
        await guard.rest(self._together[health])
        return True

    def is_last(self, transport: asyncio.BaseTransport | None) -> bool:
        """Whether the connection ends with this answer."""
        return transport in self._spare

    def opened(self, transport: asyncio.BaseTransport, guard: "_Guard") -> bool:
        """Whether there is room for one more connection, be it a spare place."""
        if len(self._by_transport) < self.patience.connections:
            self._by_transport[transport] = guard
            return True
        if len(self._spare) >= self.patience.spare:
            self._refused()
            oldest = next(iter(self._spare.values()), None)
            if oldest is None or not oldest.gives_way():
                return False
        self._spare[transport] = guard
        guard.is_spare = True
        return True

    def closed(self, transport: asyncio.BaseTransport) -> None:
        """Forget a connection."""
        self._by_transport.pop(transport, None)
        self._spare.pop(transport, None)

    def _of(self, transport: asyncio.BaseTransport | None) -> "_Guard | None":
        if transport is None:
            return None
        return self._by_transport.get(transport) or self._spare.get(transport)


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
        self.is_spare = False
        self._since_s = loop.time()
        self._pace = Pace(guards.patience.per_connection_s, guards.patience.burst)

    async def rest(self, together: Pace) -> None:
        """Wait for this connection's turn and for one of all, and read nothing meanwhile."""
        for pace in (self._pace, together):
            if wait_s := pace.wait_s(self._loop.time()):
                self._read(on=False)
                await asyncio.sleep(wait_s)
        self._read(on=True)

    def _read(self, *, on: bool) -> None:
        if self._transport and self._is_open and not self._transport.is_closing():
            self._transport.resume_reading() if on else self._transport.pause_reading()

    def gives_way(self) -> bool:
        """Close a spare place's connection that has had its time for saying what it wants; whether it had."""
        patience = self._guards.patience
        if self._clock is None or self._loop.time() - self._since_s < patience.spare_s / 2:
            return False
        self._cut()
        if self._transport:
            self._guards.closed(self._transport)
        return True

    def start_clock(self) -> None:
        self.stop_clock()
        if self._is_open:
            patience = self._guards.patience
            limit_s = patience.spare_s if self.is_spare else patience.request_s
            self._clock = self._loop.call_later(limit_s, self._cut)

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
