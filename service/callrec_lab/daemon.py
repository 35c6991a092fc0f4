"""The daemon as its own process, as an operator runs it, so that tests can kill it at any moment."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import aiohttp

from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.domain.errors import CallrecError, Unavailable
from callrec_lab import command_server
from callrec_lab.asterisk import free_port
from callrec_lab.guard import ends_with_parent
from callrec_lab.pbx import Ports

READY_S = 60.0
"""A generous limit: starting Python takes long on a busy machine."""
STOP_S = 15.0
LOOK_S = 0.05
LOG_TAIL_LINES = 30
WATCHDOG_US = "10000000"
"""With a watchdog the daemon sends keep-alive messages; `supervision` has the longest time without one."""


class _Words(asyncio.DatagramProtocol):
    """The daemon's messages to its service manager."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon

    def datagram_received(self, data: bytes, _address: object) -> None:
        self._daemon.words += data == b"WATCHDOG=1"
        if data == b"READY=1":
            self._daemon.up.set()


class Daemon:
    """`callrec serve` with its own folder, connected to a PBX. It can be restarted: `kill()`, then `start()` again.

    When the process that started it has ended, the kernel sends it SIGTERM, and its store ends with it.
    """

    def __init__(self, folder: Path, ports: Ports, *, http: int | None = None, **settings: str) -> None:
        self.monitor, self.spool, self.state = folder / "monitor", folder / "spool", folder / "state"
        self.http = http or free_port()
        self.log = folder / "callrec.log"
        self.config = folder / "callrec.toml"
        self.settings = {
            "ami_url": f"ami://{ports.ami_user}:{quote(ports.ami_secret, safe='')}@127.0.0.1:{ports.ami}",
            "ari_url": f"http://{ports.ari_user}:{quote(ports.ari_secret, safe='')}@127.0.0.1:{ports.http}/ari",
            "agi_bind": f"127.0.0.1:{ports.agi}",
            "http_bind": f"127.0.0.1:{self.http}",
            "monitor_dir": str(self.monitor),
            "spool_dir": str(self.spool),
            "state_dir": str(self.state),
            "prompts_dir": str(folder / "prompts"),
            "node": "lab",
            **settings,
        }
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")},
            "CALLREC_CONFIG": str(self.config),
        }
        self.command: tuple[str, ...] = (sys.executable, "-m", "callrec")
        """A prefix for the daemon's command line and for commands, by which a test runs them as a user with fewer rights."""
        self.words = 0
        """How many keep-alive messages this daemon has sent, as it would to systemd (`adapters.systemd`)."""
        self.up = asyncio.Event()
        """Whether the last one that was started has said that its servers listen."""
        self._process: asyncio.subprocess.Process | command_server.Served | None = None
        self._notified: asyncio.DatagramTransport | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 when it is not running."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def __aenter__(self) -> "Daemon":
        try:
            await self.start()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def start(self) -> None:
        """Start it and wait until it answers. Its links may still be down: `ready` waits for them."""
        for folder in (self.monitor, self.spool, self.state):
            folder.mkdir(parents=True, exist_ok=True)
        self._write_config()
        await self._listen()
        self.words = 0
        self.up.clear()
        self._process = await self._started()
        await self._until_up()

    async def _until_up(self) -> None:
        """Wait until its servers listen. Raises Unavailable when it ended before, or does not say so in time."""
        waits = [asyncio.create_task(self.up.wait()), asyncio.create_task(self.ended())]
        try:
            await asyncio.wait(waits, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not self.up.is_set():
            raise self._failure("does not start")

    async def _started(self) -> asyncio.subprocess.Process | command_server.Served:
        """By the command server if the environment names one."""
        if server := self._command_server():
            with suppress(ConnectionRefusedError):
                return await command_server.start_there(server, ("serve",), self.environment, self.log)
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *ends_with_parent("TERM"),
                *self.command,
                "serve",
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches this process only, which stops the daemon after the calls
            )

    def _command_server(self) -> str:
        """Empty when there is none, or when the daemon and its commands run in some other way."""
        return self.environment.get(command_server.VARIABLE, "") if self.command[0] == sys.executable else ""

    async def ready(self, limit_s: float = READY_S) -> None:
        """Wait until it is ready. Raises Unavailable with the checks that fail and the end of the log."""
        await self._until("/readyz", limit_s)

    async def ended(self) -> int:
        """Wait until it has ended; returns the exit code, or minus the number of the signal."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self) -> None:
        """Stop it as systemd would: SIGTERM, and SIGKILL when it does not end in time."""
        if not self.pid or self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """SIGKILL: a crash."""
        if self.pid and self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def _leave(self) -> None:
        """Stop the store and the receiver of messages, after the daemon has ended."""
        await self.stop()
        await self._dismiss_store()
        if self._notified is not None:
            self._notified.close()

    async def _dismiss_store(self) -> None:
        """Stop the store that a killed daemon has left running for the next daemon. The owner of a store stops it at its end, so
        this process becomes the owner for a moment."""
        store = EmbeddedValkey(self.state)
        if store.socket.exists():  # a store that ends in order removes it
            with suppress(CallrecError):
                async with store:
                    pass

    def freeze(self) -> None:
        """SIGSTOP: it keeps its ports and does nothing, as on a machine out of memory."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it continues, without knowing how long it was stopped."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def _listen(self) -> None:
        """Receive its messages to the service manager, on an abstract socket: the folder's path may be too long for a socket."""
        if self._notified is not None:
            return
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        told.bind("")  # the kernel gives it a name
        loop = asyncio.get_running_loop()
        self._notified, _ = await loop.create_datagram_endpoint(lambda: _Words(self), sock=told)
        self.environment |= {"NOTIFY_SOCKET": "@" + told.getsockname()[1:].decode(), "WATCHDOG_USEC": WATCHDOG_US}

    async def callrec(self, *arguments: str) -> tuple[int, str]:
        """Run a command beside the daemon, by the command server if the environment names one; returns exit code and output."""
        if server := self._command_server():
            with suppress(ConnectionRefusedError):
                return await command_server.run_there(server, arguments, self.environment)
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out, _ = await process.communicate()
        except BaseException:  # SIGTERM: the command may own the store, and then stops it in order
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        return process.returncode or 0, out.decode("utf-8", "replace")

    @property
    def authorization(self) -> dict[str, str]:
        """The headers of a request that may do all; without a token while there is none yet."""
        token = self.state / "token"
        return {"Authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages, requested with the token, since /readyz gives reasons only then."""
        async with aiohttp.ClientSession(headers=self.authorization) as http:
            return await self._got(http, path)

    async def _got(self, http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
        async with http.get(f"http://127.0.0.1:{self.http}{path}", headers=self.authorization) as answer:
            return answer.status, await answer.text()

    def _write_config(self) -> None:
        """Write the settings into a file, so that commands can be run by hand beside this daemon: CALLREC_CONFIG names it."""
        self.config.touch(mode=0o600)
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items())
        self.config.write_text("".join(lines), "utf-8")

    async def _until(self, path: str, limit_s: float) -> None:
        said = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s), aiohttp.ClientSession() as http:
                while self.pid:
                    try:
                        status, said = await self._got(http, path)
                    except aiohttp.ClientError as error:
                        status, said = 0, str(error)
                    if status == 200:  # noqa: PLR2004 - OK
                        return
                    await asyncio.sleep(LOOK_S)
        raise self._failure(f"does not answer {path} with 200: {said}")

    def _failure(self, what: str) -> Unavailable:
        tail = "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])
        return Unavailable("test-pbx", f"the daemon {what}\n{tail}")
