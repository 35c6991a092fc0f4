"""A scripted ARI on a loopback port: what the ARI tests talk to. Shapes and order as Asterisk 22 sends them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import WSMsgType, web

from callrec.protocols.ari import basic_auth

PASSWORD = "s3cret-of-the-test"
PATIENCE_S = 30.0


class ScriptedAri:
    """Lets in whoever has the password; plays every sound to its end at once; `script` replaces answers by path."""

    def __init__(self) -> None:
        self.base_url = ""
        self.heard: list[tuple[str, str, dict[str, str]]] = []
        self.authorizations: set[str] = set()
        self.allowed: list[str] = []
        self.script: dict[tuple[str, str], Callable[[], web.Response]] = {}
        self.played_state: str | None = "done"
        self.snoop_ends_early = False
        self.has_app_stasis = True
        self.enters_s = 0.01
        """When a snoop channel is in the application; meanwhile it is there."""
        self.connections = 0
        self.in_app: set[str] = set()
        self.hold = asyncio.Event()
        self._news = asyncio.Condition()
        self._sockets: list[web.WebSocketResponse] = []

    async def say(self, event: dict[str, object] | str) -> None:
        """Send an event, or any text, to the newest WebSocket."""
        socket = self._sockets[-1]
        await (socket.send_str(event) if isinstance(event, str) else socket.send_json(event))

    async def hang_up(self) -> None:
        """Close the newest WebSocket."""
        await self._sockets[-1].close()

    def cut(self) -> web.Response:
        """Cut the connection of the request instead of answering it: a script."""
        assert self._transport is not None
        self._transport.abort()
        return web.Response()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something that follows from a request or a connection."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(true)

    def paths(self, method: str) -> list[str]:
        """The paths of what was asked with this method."""
        return [path for heard, path, _ in self.heard if heard == method]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.authorizations.add(request.headers.get("Authorization", ""))
        path = request.raw_path.partition("?")[0].removeprefix("/ari")
        self.heard.append((request.method, path, dict(request.query)))
        self._transport = request.transport
        answer = await self._answer(request, path)
        async with self._news:
            self._news.notify_all()
        return answer

    async def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        if (request.method, path) in self.script:
            return self.script[(request.method, path)]()
        if request.headers.get("Authorization") != basic_auth("callrec", PASSWORD):
            return web.json_response({"message": "Authentication required"}, status=401)
        if path == "/events":
            return await self._events(request)
        parts = path.strip("/").split("/")
        match request.method, parts:
            case "PUT", ["applications", _, "eventFilter"]:
                self.allowed = [kind["type"] for kind in (await request.json())["allowed"]]
                return web.json_response({})
            case "GET", ["asterisk", "info"]:
                return web.json_response({"system": {"version": "22.10.1"}})
            case _, ["channels", *rest]:
                return await self._channel(request.method, rest)
        return web.json_response({"message": "Channel not found"}, status=404)

    async def _channel(self, method: str, parts: list[str]) -> web.StreamResponse:
        match method, parts:
            case "POST", [_, "snoop", snoop]:
                if self.has_app_stasis:
                    asyncio.get_running_loop().call_later(self.enters_s, self._enter, snoop)
                return web.json_response({"id": snoop})
            case "POST", [snoop, "play", playback]:
                return await self._play(snoop, playback)
            case "GET", [snoop] if self.has_app_stasis:
                return web.json_response({"id": snoop})
            case "DELETE", [_]:
                return web.Response(status=204)
        return web.json_response({"message": "Channel not found"}, status=404)

    def _enter(self, snoop: str) -> None:
        """Put the snoop channel into the application, a moment after it was answered for, as Asterisk does."""
        self.in_app.add(snoop)
        self._soon({"type": "StasisStart", "channel": {"id": snoop}})

    async def _play(self, snoop: str, playback: str) -> web.Response:
        if snoop not in self.in_app:
            return web.json_response({"message": "Channel not in Stasis application"}, status=409)
        if self.snoop_ends_early:
            self._soon({"type": "StasisEnd", "channel": {"id": snoop}})
        elif self.played_state is not None:
            await self.say({"type": "PlaybackStarted", "playback": {"id": playback, "state": "playing"}})
            await self.say({"type": "PlaybackFinished", "playback": {"id": playback, "state": self.played_state}})
        return web.json_response({"id": playback}, status=201)

    def _soon(self, event: dict[str, object]) -> None:
        self._task = asyncio.get_running_loop().create_task(self.say(event))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(autoping=not self.hold.is_set())
        await socket.prepare(request)
        self._sockets.append(socket)
        self.connections += 1
        async with self._news:
            self._news.notify_all()
        async for message in socket:
            if message.type is WSMsgType.PING:
                continue  # half-open: heard by nobody
        return socket


@contextlib.asynccontextmanager
async def scripted_ari() -> AsyncIterator[ScriptedAri]:
    """Listen on a free port; close everything at the end."""
    asterisk = ScriptedAri()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", asterisk.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    asterisk.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield asterisk
    finally:
        await runner.cleanup()
