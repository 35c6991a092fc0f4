"""Time limits and numbers of HTTP connections. aiohttp itself waits without limit for the head of a request, and accepts any
number of connections.

Each connection has a guard between the socket and aiohttp's protocol. It passes all bytes on, and knows when the connection
began, when a request reached its handler, and when it was answered. A client that needs longer than `request_s` to send a
request is disconnected, however steadily its bytes arrive. A connection between two requests of somebody who is known is kept
longer than clients and reverse proxies keep theirs (`idle_s`): else they send a request while it is being closed, and lose it.

Calls and HTTP share one event loop. A client without the token therefore waits for its turn (`Guards.turn`): answers are limited
per connection and for all connections together, and the waiting connection is not read. When all places are taken, further
connections get one of a few spare places, where only /healthz is answered.

With TLS a connection gets its place after the handshake. Until then it is one of `handshakes`, and further connections are closed
when they are accepted: each of them has a file descriptor, of which the process needs some for calls.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from ssl import SSLContext
from typing import cast

from aiohttp import web

from callrec.web.request_pace import Pace
from callrec.web.tls import HANDSHAKE_S


@dataclass(frozen=True, slots=True)
class Patience:
    """The limits: times in seconds, numbers of connections, answers per second."""

    request_s: float = 10.0
    """For the head of a request, from the connection's begin or the last answer. Also how long an idle connection of a stranger
    is kept."""
    idle_s: float = 75.0
    """How long an idle connection is kept whose last request had a good token or session. Clients drop theirs before: nginx after
    60 s, aiohttp after 15 s. After `request_s` it gives way when all places are taken."""
    handler_s: float = 30.0
    """For a handler, including the body that it reads."""
    connections: int = 256
    spare: int = 8
    """Spare places beyond `connections`, for /healthz only."""
    spare_s: float = 1.0
    """For the head of a request in a spare place. After half of it the connection is closed when another needs the place."""
    per_connection_s: float = 10.0
    """Answers per second without a token, on one connection."""
    together_s: float = 100.0
    """Answers per second without a token, on all connections together."""
    burst: int = 10
    """Answers at once after a pause."""
    handshakes: int = 64
    """Connections in the TLS handshake. Further ones are closed."""


class Guards:
    """The guards of one application."""

    def __init__(self, patience: Patience, refused: Callable[[], None] = lambda: None) -> None:
        self.patience = patience
        self._refused = refused
        self._by_transport: dict[asyncio.BaseTransport, _Guard] = {}
        self._spare: dict[asyncio.BaseTransport, _Guard] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._together = {health: Pace(patience.together_s, patience.burst) for health in (False, True)}

    def site(self, runner: web.AppRunner, host: str, port: int, tls: SSLContext | None = None) -> "GuardedSite":
        """A site whose connections are guarded."""
        return GuardedSite(self, runner, host, port, tls)

    def own_site(self, runner: web.AppRunner, own: socket.socket) -> "OwnSite":
        """The same on a bound unix socket."""
        return OwnSite(self, runner, own)

    def begun(self, transport: asyncio.BaseTransport | None) -> None:
        """The head of a request is complete: from now on `handler_s` counts."""
        if guard := self._of(transport):
            guard.stop_clock()

    def answered(self, transport: asyncio.BaseTransport | None) -> None:
        """The request is answered: `request_s` counts for the next one."""
        if guard := self._of(transport):
            guard.start_clock()

    def known(self, transport: asyncio.BaseTransport | None) -> None:
        """The request on this connection has a token or a session that was lately good."""
        if guard := self._of(transport):
            guard.is_known = True

    async def turn(self, transport: asyncio.BaseTransport | None, *, health: bool) -> bool:
        """Wait until a client without the token may be answered on this connection. False: the answer must be "all connections
        are taken"."""
        guard = self._of(transport)
        if guard is None:
            return True  # the connection is closed: the answer is dropped
        if guard.is_spare:
            return health
        await guard.rest(self._together[health])
        return True

    def is_last(self, transport: asyncio.BaseTransport | None) -> bool:
        """Whether the connection closes after this answer (it has a spare place)."""
        return transport in self._spare

    def opened(self, transport: asyncio.BaseTransport, guard: "_Guard") -> bool:
        """Give a new connection a place, or a spare one; False when none is free."""
        if len(self._by_transport) < self.patience.connections or any(
            one.gives_way(self.patience.request_s) for one in list(self._by_transport.values())
        ):
            self._by_transport[transport] = guard
            return True
        if len(self._spare) >= self.patience.spare:
            self._refused()
            oldest = next(iter(self._spare.values()), None)
            if oldest is None or not oldest.gives_way(self.patience.spare_s / 2):
                return False
        self._spare[transport] = guard
        guard.is_spare = True
        return True

    def handshake(self, begin: Callable[[], Coroutine[None, None, None]]) -> bool:
        """Begin the TLS handshake of a new connection; False when there are too many."""
        if len(self._handshakes) >= self.patience.handshakes:
            self._refused()
            return False
        task = asyncio.get_running_loop().create_task(begin())
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)
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
    """Like aiohttp's TCPSite, with a guard for each connection."""

    def __init__(self, guards: Guards, runner: web.AppRunner, host: str, port: int, tls: SSLContext | None) -> None:
        super().__init__(runner)
        self._tls = tls
        self.port = port
        self._guards = guards
        self._host = host

    @property
    def name(self) -> str:
        """The site's URL."""
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        handlers = cast("web.Server", self._runner.server)
        loop = asyncio.get_running_loop()

        def accepted() -> asyncio.Protocol:
            guard = _Guard(self._guards, handlers(), loop)
            return _Accepted(self._guards, guard, self._tls) if self._tls else guard

        self._server = await loop.create_server(accepted, self._host, self.port, backlog=128)
        self.port = self._server.sockets[0].getsockname()[1]


class OwnSite(web.BaseSite):
    """Like aiohttp's SockSite, with a guard for each connection: the daemon's own socket."""

    def __init__(self, guards: Guards, runner: web.AppRunner, own: socket.socket) -> None:
        super().__init__(runner)
        self._guards, self._own = guards, own

    @property
    def name(self) -> str:
        """The site's URL."""
        return "http+unix://api.sock"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        handlers, loop = cast("web.Server", self._runner.server), asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Guard(self._guards, handlers(), loop), sock=self._own)


class _Accepted(asyncio.Protocol):
    """A connection before the end of the TLS handshake. asyncio's own TLS server would tell of it only afterwards."""

    def __init__(self, guards: Guards, guard: "_Guard", tls: SSLContext) -> None:
        self._guards, self._guard, self._tls = guards, guard, tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        bare = cast("asyncio.Transport", transport)
        if not self._guards.handshake(lambda: self._secured(bare)):
            bare.abort()
            return
        bare.pause_reading()  # the first bytes are for TLS

    async def _secured(self, bare: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(
                bare, self._guard, self._tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_S
            )
        except OSError:  # no TLS, too slow, or the client has disconnected
            bare.abort()
            return
        if transport is None:  # asyncio's answer when the client disconnects without an error
            bare.abort()
        else:
            self._guard.connection_made(transport)


class _Guard(asyncio.Protocol):
    """The guard of one connection."""

    def __init__(self, guards: Guards, inner: asyncio.Protocol, loop: asyncio.AbstractEventLoop) -> None:
        self._guards = guards
        self._inner = inner
        self._loop = loop
        self._clock: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        """What came with the last message of the TLS handshake, before `connection_made`."""
        self._is_open = False
        self._is_under_way = False
        """Whether bytes of the next request have come."""
        self.is_spare = self.is_known = False
        self._since_s = loop.time()
        self._pace = Pace(guards.patience.per_connection_s, guards.patience.burst)

    async def rest(self, together: Pace) -> None:
        """Wait for a turn of this connection and one of all connections. The connection is not read meanwhile."""
        for pace in (self._pace, together):
            if wait_s := pace.wait_s(self._loop.time()):
                self._read(on=False)
                await asyncio.sleep(wait_s)
        self._read(on=True)

    def _read(self, *, on: bool) -> None:
        if self._transport and self._is_open and not self._transport.is_closing():
            self._transport.resume_reading() if on else self._transport.pause_reading()

    def gives_way(self, after_s: float) -> bool:
        """Close this connection if it has waited so long for a request; whether it was closed."""
        if self._clock is None or self._loop.time() - self._since_s < after_s:
            return False
        self._cut()
        if self._transport:
            self._guards.closed(self._transport)
        return True

    def start_clock(self) -> None:
        """Wait for the next request."""
        self._is_under_way, self._since_s = False, self._loop.time()
        patience = self._guards.patience
        self._cut_after(patience.spare_s if self.is_spare else patience.idle_s if self.is_known else patience.request_s)

    def _cut_after(self, limit_s: float) -> None:
        self.stop_clock()
        if self._is_open:
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
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self._is_open:
            if not self._is_under_way and self._clock and self.is_known and not self.is_spare:
                self._cut_after(self._guards.patience.request_s)
            self._is_under_way = True
            self._inner.data_received(data)
        elif self._transport is None:
            self._early.append(data)

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
        """Close it: in order, if the client has asked nothing and taken its last answer."""
        if self._transport is None:
            return
        if self._is_under_way or self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()
