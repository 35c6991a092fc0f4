"""Receivers of webhooks for tests: real HTTP servers on 127.0.0.1, good ones and hostile ones."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def event(self):
        """Its content."""
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """As a receiver's library checks it, rewritten."""
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return expected in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Answers each request with the next of `answers` (bytes as they are sent); the last one stays."""

    answers: list[bytes] = field(default_factory=lambda: [answer(204)])
    endless: bytes = b""
    """Sent again and again after the answer, until the other side has gone."""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    sent_bytes: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, enough: Callable[[list[Received]], bool] | int, limit_s: float = 20) -> list[Received]:
        """Wait until it has received so much."""
        async with asyncio.timeout(limit_s):
            while not (len(self.received) >= enough if isinstance(enough, int) else enough(self.received)):
                self._news.clear()
                await self._news.wait()
        return self.received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append(Received(headers, body))
        self._news.set()
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(said)
        await writer.drain()
        while self.endless:
            writer.write(self.endless)
            await writer.drain()
            self.sent_bytes += len(self.endless)
        if not said:  # it hangs
            await reader.read()
        return b"Connection: close" not in said and bool(said)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def receiving(receiver: Receiver | None = None, port: int = 0) -> AsyncIterator[Receiver]:
    """Listen."""
    one = receiver or Receiver()
    serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving[asyncio.create_task(one.serve(reader, writer))] = writer

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        for (
            writer
        ) in serving.values():  # a task that had not begun has closed nothing, and what nobody reads is not sent
            writer.transport.abort()
        await asyncio.sleep(0)
