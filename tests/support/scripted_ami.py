"""A scripted Asterisk manager on a loopback port, and a link that knocks at it: what the AMI tests share."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from callrec.adapters.asterisk.ami import AmiLimits, AmiLink
from callrec.domain.backoff import Backoff
from callrec.protocols.ami import Message, parse_message

SECRET = "s3cret-of-the-test"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
QUICK = Backoff(first_s=0.01, limit_s=0.02)
NEVER = Backoff(first_s=3600.0, limit_s=3600.0)
LIMITS = AmiLimits(connect_s=2.0, login_s=2.0, boot_s=2.0, silence_s=60.0)
PATIENCE_S = 30.0


def block(*headers: tuple[str, str]) -> bytes:
    return "".join(f"{key}: {value}\r\n" for key, value in headers).encode() + b"\r\n"


def answer(action: Message, *headers: tuple[str, str], response: str = "Success") -> bytes:
    return block(("Response", response), ("ActionID", action.action_id), *headers)


class ScriptedAmi:
    """Greets, lets in, says FullyBooted, answers Success; `script` replaces the answer to an action by name."""

    def __init__(self) -> None:
        self.port = 0
        self.greeting = GREETING
        self.booted = True
        self.script: dict[str, Callable[[Message], bytes]] = {}
        self.heard: list[Message] = []
        self.connections = 0
        self._news = asyncio.Condition()
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def actions(self) -> list[str]:
        """The names of what was asked, without login and pings."""
        return [name for name in (heard.get("Action") for heard in self.heard) if name not in {"Login", "Ping"}]

    def say(self, raw: bytes) -> None:
        """Send this to the newest connection."""
        self._writers[-1].write(raw)

    def hang_up(self) -> None:
        """Close the newest connection."""
        self._writers[-1].close()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something that follows from a connection or an action."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(true)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._writers.append(writer)
        writer.write(self.greeting)
        await self._tell(connections=1)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                action = parse_message(raw.removesuffix(b"\r\n\r\n"))
                self.heard.append(action)
                writer.write(self._answer(action))
                await self._tell()
        writer.close()

    def _answer(self, action: Message) -> bytes:
        name = action.get("Action")
        if name in self.script:
            return self.script[name](action)
        booted = block(("Event", "FullyBooted")) if name == "Login" and self.booted else b""
        return answer(action, ("Message", "as scripted")) + booted

    async def _tell(self, connections: int = 0) -> None:
        async with self._news:
            self.connections += connections
            self._news.notify_all()


@contextlib.asynccontextmanager
async def scripted_ami() -> AsyncIterator[ScriptedAmi]:
    """Listen on a free port; close every connection at the end."""
    asterisk = ScriptedAmi()
    server = await asyncio.start_server(asterisk.serve, "127.0.0.1", 0)
    asterisk.port = server.sockets[0].getsockname()[1]
    try:
        yield asterisk
    finally:
        server.close()
        for writer in asterisk._writers:
            writer.transport.abort()
        await server.wait_closed()


class Caller:
    """The side of the engine: it keeps what the link told it, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.link: AmiLink

    def on_event(self, event: Message) -> None:
        """Keep the event's name and its header N."""
        self.tell(f"event {event.event} {event.get('N')}".strip())

    async def on_up(self) -> None:
        """Keep that the link is up."""
        self.tell("up")

    def on_down(self, reason: str) -> None:
        """Keep that the link is down, and why."""
        self.tell(f"down: {reason}")

    def tell(self, line: str) -> None:
        """Keep a line and wake who waits for it."""
        self.log.append(line)
        task = asyncio.get_running_loop().create_task(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for something that follows from a callback."""
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(true)

    async def until_told(self, line: str) -> None:
        """Wait for a line that begins like this."""
        await self.until(lambda: any(told.startswith(line) for told in self.log))


@contextlib.asynccontextmanager
async def running(
    caller: Caller,
    port: int,
    *,
    limits: AmiLimits = LIMITS,
    backoff: Backoff = QUICK,
    refused_backoff: Backoff = QUICK,
    stood_still: Callable[[], bool] = lambda: False,
) -> AsyncIterator[AmiLink]:
    """Run a link in a task; at the end close it and see that its task ended by itself."""
    caller.link = AmiLink(
        host="127.0.0.1",
        port=port,
        username="callrec",
        secret=SECRET,
        wanted_events={"Hangup", "BridgeEnter"},
        on_event=caller.on_event,
        on_up=caller.on_up,
        on_down=caller.on_down,
        limits=limits,
        backoff=backoff,
        refused_backoff=refused_backoff,
        stood_still=stood_still,
    )
    task = asyncio.create_task(caller.link.run())
    try:
        yield caller.link
    finally:
        await caller.link.close()
        async with asyncio.timeout(PATIENCE_S):
            await task


async def settled(true: Callable[[], bool]) -> None:
    """Let the loop turn until this holds, for states that announce themselves to nobody."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 - a state is polled here as readiness polls it
            await asyncio.sleep(0.001)
