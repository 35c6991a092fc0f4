"""Starts pytests, each in a fork of a process that has imported what they import.

Reading the modules of pytest, of callrec and of what both need takes more CPU than the rest of most files. `make test` starts
one such server (`pytest_server()`), with one end of a pair of sockets (SOCK_SEQPACKET) as its standard input. A message is a
`Request` in JSON, and its answers are two: the process id of the pytest, in the order of the requests, and `Ended`. The server
also runs the command server (`callrec_lab.command_server`), which needs the same modules, and ends with it when there are no
more requests.
"""

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypedDict

from callrec_lab.guard import ends_with_parent

ROOT = Path(__file__).parents[2]
MESSAGE_BYTES = 1 << 17
COMMANDS = "LAB_COMMAND_SERVER"
"""The variable with the name of the command server, for those who use it."""
_MODULES = ("aiohttp", "av", "hypothesis", "numpy", "pytest", "pytest_asyncio.plugin", "callrec_lab.stack")
_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG."""


class Request(TypedDict):
    """A pytest that is to be started."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    out: str
    """The file that it prints to."""
    niceness: int


class Ended(TypedDict):
    """What became of one."""

    pid: int
    code: int
    """The exit code, or minus the number of the signal."""
    cpu_s: float
    """What it took, with all children that it waited for."""


# -- the side of `make test` -------------------------------------------------------------------------------------------


class Pytest:
    """One that was started."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.pid: asyncio.Future[int] = loop.create_future()
        self.over: asyncio.Future[Ended] = loop.create_future()

    async def ended(self) -> tuple[int, float]:
        """Wait for its end: the exit code, and the CPU seconds that it and its children took."""
        await asyncio.wait([self.over])
        return self.over.result()["code"], self.over.result()["cpu_s"]

    async def signal(self, how: signal.Signals) -> None:
        """If it has not ended."""
        await asyncio.wait([self.pid])
        if not self.over.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid.result(), how)


class PytestServer:
    """A running server."""

    def __init__(self, asked: socket.socket) -> None:
        self._socket = asked
        self._starting: deque[Pytest] = deque()
        self._running: dict[int, Pytest] = {}
        self.cpu_s = 0.0
        """After its end: what it and all pytests, commands and daemons took."""

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], out: Path, niceness: int) -> Pytest:
        """A pytest with this environment, which prints into this file."""
        request = Request(arguments=arguments, environment=environment, out=str(out), niceness=niceness)
        self._socket.send(json.dumps(request).encode())
        self._starting.append(Pytest())
        return self._starting[-1]

    async def answered(self) -> None:
        """Take its answers until it has ended."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionResetError):
            while message := await loop.sock_recv(self._socket, MESSAGE_BYTES):
                answer: int | Ended = json.loads(message)
                if isinstance(answer, int):
                    self._running[answer] = self._starting.popleft()
                    self._running[answer].pid.set_result(answer)
                else:
                    self._running.pop(answer["pid"]).over.set_result(answer)
        ended = ConnectionResetError("the server of pytests has ended")
        for pytest in self._starting:
            pytest.pid.set_exception(ended)
        for pytest in (*self._starting, *self._running.values()):
            pytest.over.set_exception(ended)


@contextlib.asynccontextmanager
async def pytest_server(*, warm: bool = True) -> AsyncIterator[PytestServer]:
    """A server, which waits at its end for the pytests. Not `warm`: it has imported nothing, and runs no command server."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    name = f"callrec-tests-{os.getpid()}" if warm else ""
    with theirs:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own words
            [*ends_with_parent("KILL"), sys.executable, __file__, name],
            cwd=ROOT,
            stdin=theirs,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # a process with threads must not fork
            start_new_session=True,
        )
    server = PytestServer(ours)
    answers = asyncio.create_task(server.answered())
    if warm:
        os.environ[COMMANDS] = name
    try:
        yield server
    finally:
        os.environ.pop(COMMANDS, None)
        with contextlib.suppress(OSError):  # it has ended
            ours.shutdown(socket.SHUT_WR)
        await answers
        ours.close()
        _, _, usage = os.wait4(process.pid, 0)  # noqa: ASYNC222 - it has closed its socket
        process.returncode = 0
        server.cpu_s = usage.ru_utime + usage.ru_stime


# -- the server --------------------------------------------------------------------------------------------------------


def serve(requests: socket.socket, name: str) -> None:
    """Until there are no more requests, and no pytest runs."""
    command_server = _with_command_server(requests, name) if name else 0
    running: dict[int, int] = {}
    """Process ids, by the file descriptors that tell of their ends."""
    is_open = True
    while is_open or running:
        for ready in select.select([*([requests] if is_open else []), *running], [], [])[0]:
            if ready is not requests:
                os.close(ready)
                requests.send(_ended(running.pop(ready)))
            elif message := requests.recv(MESSAGE_BYTES):
                pid = _started(json.loads(message), requests)
                running[os.pidfd_open(pid)] = pid
                requests.send(str(pid).encode())
            else:
                is_open = False
    if command_server:
        os.kill(command_server, signal.SIGKILL)
        os.waitpid(command_server, 0)


def _with_command_server(requests: socket.socket, name: str) -> int:
    """Import all that pytests and commands need, except the tests' own modules, which pytest rewrites. The process id of the
    command server."""
    from callrec_lab import command_server

    for module in _MODULES:
        importlib.import_module(module)
    command_server.import_all()
    gc.collect()
    gc.freeze()  # what is shared by all stays shared
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), requests.detach())
        _die_with_parent(signal.SIGKILL)
        command_server.answer(name)
    return pid


def _started(request: Request, requests: socket.socket) -> int:
    """The process id of a pytest."""
    pid = os.fork()
    if pid == 0:
        requests.detach()  # file 0, which is replaced
        _run(request)
    return pid


def _run(request: Request) -> NoReturn:
    """Become the process that `python -m pytest` would be, in a session of its own. It is interrupted when the server dies."""
    os.setsid()
    _die_with_parent(signal.SIGINT)
    os.nice(request["niceness"])
    for place, file, how in ((0, os.devnull, os.O_RDONLY), (1, request["out"], os.O_WRONLY | os.O_APPEND)):
        opened = os.open(file, how)
        if opened != place:
            os.dup2(opened, place)
            os.close(opened)
    os.dup2(1, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0] = str(ROOT)
    sys.argv = ["pytest", *request["arguments"]]
    import pytest

    sys.exit(pytest.main(request["arguments"]))


def _die_with_parent(how: signal.Signals) -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, how)
    if os.getppid() != parent:
        os.kill(os.getpid(), how)


def _ended(pid: int) -> bytes:
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return json.dumps(Ended(pid=pid, code=code, cpu_s=usage.ru_utime + usage.ru_stime)).encode()


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError), socket.socket(fileno=0) as asked:  # who asked has gone
        serve(asked, sys.argv[1])
