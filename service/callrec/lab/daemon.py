"""The daemon as a process of its own, as an operator runs it: so that tests can kill it at any moment."""

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
from callrec.lab.asterisk import free_port
from callrec.lab.pbx import Doors

READY_S = 20.0
STOP_S = 15.0
LOOK_S = 0.05
LOG_TAIL_LINES = 30
WATCHDOG_US = "10000000"
"""That it has a watchdog at all makes the daemon speak; `supervision` says how long it may be silent."""


class _Words(asyncio.DatagramProtocol):
    """What the daemon says to its service manager."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon

    def datagram_received(self, data: bytes, _address: object) -> None:
        self._daemon.words += data == b"WATCHDOG=1"


class Daemon:
    """`callrec serve` over a folder and the doors of a PBX. Restartable: `kill()`, then `start()` again."""

    def __init__(self, folder: Path, doors: Doors, *, http: int | None = None, **settings: str) -> None:
        self.monitor, self.spool, self.state = folder / "monitor", folder / "spool", folder / "state"
        self.http = http or free_port()
        self.log = folder / "callrec.log"
        self.config = folder / "callrec.toml"
        self.settings = {
            "ami_url": f"ami://{doors.ami_user}:{quote(doors.ami_secret, safe='')}@127.0.0.1:{doors.ami}",
            "ari_url": f"http://{doors.ari_user}:{quote(doors.ari_secret, safe='')}@127.0.0.1:{doors.http}/ari",
            "agi_bind": f"127.0.0.1:{doors.agi}",
            "http_bind": f"127.0.0.1:{self.http}",
            "monitor_dir": str(self.monitor),
            "spool_dir": str(self.spool),
            "state_dir": str(self.state),
            "node": "lab",
            **settings,
        }
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("CALLREC_")},
            "CALLREC_CONFIG": str(self.config),
        }
        self.command: tuple[str, ...] = (sys.executable, "-m", "callrec")
        """What starts it and the command line; a test may run it as somebody with fewer rights."""
        self.words = 0
        """How often this daemon has said that it lives, as it would to systemd (`adapters.systemd`)."""
        self._process: asyncio.subprocess.Process | None = None
        self._notified: asyncio.DatagramTransport | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def __aenter__(self) -> "Daemon":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._dismiss_store()
        if self._notified is not None:
            self._notified.close()

    async def start(self) -> None:
        """Start it and wait until it answers; its doors may still be closed, see `ready`."""
        for folder in (self.monitor, self.spool, self.state):
            folder.mkdir(parents=True, exist_ok=True)
        self._write_config()
        await self._listen()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command, "serve", env=self.environment, stdout=log, stderr=log
            )
        await self._until("/healthz", READY_S)

    async def ready(self, limit_s: float = READY_S) -> None:
        """Wait until every door is open. Raises Unavailable with what is closed and the end of the log."""
        await self._until("/readyz", limit_s)

    async def ended(self) -> int:
        """Wait for its end, however it comes: the exit code, or minus the number of the signal."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self) -> None:
        """End it as systemd would; by force when it does not end."""
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

    async def _dismiss_store(self) -> None:
        """A daemon that was killed leaves its store to the next one, and here there is none: who owns the store stops it."""
        store = EmbeddedValkey(self.state)
        if store.socket.exists():  # an orderly end removes it
            with suppress(CallrecError):
                async with store:
                    pass

    def freeze(self) -> None:
        """SIGSTOP: it holds its ports and does nothing, as in a machine without memory."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on, and does not know for how long it stood still."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    async def _listen(self) -> None:
        """Be a service manager to it: an abstract socket, since the folder's path may be longer than an address can be."""
        if self._notified is not None:
            return
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        told.bind("")  # the kernel gives it a name
        loop = asyncio.get_running_loop()
        self._notified, _ = await loop.create_datagram_endpoint(lambda: _Words(self), sock=told)
        self.environment |= {"NOTIFY_SOCKET": "@" + told.getsockname()[1:].decode(), "WATCHDOG_USEC": WATCHDOG_US}

    async def callrec(self, *arguments: str) -> tuple[int, str]:
        """Run the command line beside the daemon: exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self.command,
            *arguments,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode("utf-8", "replace")

    async def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages, asked with the token: readiness says why only then."""
        token = self.state / "token"
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}
        url = f"http://127.0.0.1:{self.http}{path}"
        async with aiohttp.ClientSession(headers=headers) as http, http.get(url) as answer:
            return answer.status, await answer.text()

    def _write_config(self) -> None:
        """A file, so that a person can run the command line beside this daemon: CALLREC_CONFIG names it."""
        self.config.touch(mode=0o600)
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items())
        self.config.write_text("".join(lines), "utf-8")

    async def _until(self, path: str, limit_s: float) -> None:
        said = ""
        try:
            async with asyncio.timeout(limit_s):
                while self.pid:
                    try:
                        status, said = await self.get(path)
                    except aiohttp.ClientError as error:
                        status, said = 0, str(error)
                    if status == 200:  # noqa: PLR2004 - OK
                        return
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            pass
        tail = "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:])
        raise Unavailable("daemon-not-ready", f"the daemon does not answer {path} with 200: {said}\n{tail}")
