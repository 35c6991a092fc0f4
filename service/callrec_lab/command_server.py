"""`python -m callrec_lab.command_server NAME`: runs commands of `callrec`, each in a fork of a process with all imports.

Starting Python and importing callrec takes more CPU than most commands, and than a daemon needs otherwise in most tests. Tests
that run hundreds of them share one such process, at the abstract Unix socket NAME (without its leading NUL); VARIABLE names it
to `Daemon`. A request is one line of JSON, a `_Request`, with the command's files, such as standard input, output and error
(SCM_RIGHTS). The answer is its process id and a newline, and at its end the exit code. A client that closes the connection, or
dies, ends its command by SIGTERM.
"""

import asyncio
import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypedDict

VARIABLE = "LAB_COMMAND_SERVER"
CPU_FILE = "LAB_CPU_FILE"
"""The variable of a client with a file that gets a line for each ended command: the CPU seconds that it and its children took."""
_BACKLOG = 64
_REQUEST_BYTES = 1 << 17
_FILES = 8
_ABOVE = 1 << 9
"""Numbers of files that no place has."""


class _Request(TypedDict):
    """What a client asks for."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    niceness: int
    is_daemon: bool
    """It gets a session of its own."""
    module: str
    """Its function `main` is called."""
    places: Sequence[int]
    """Under which numbers the command has the files."""


def request(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    output: int,
    error: int,
    standard_input: int | None = None,
    is_daemon: bool = False,
) -> socket.socket:
    """Have that server run a command in this folder, with these files, and by default without an input; returns the connection.
    Raises ConnectionRefusedError when no server listens."""
    wanted = _Request(
        arguments=arguments,
        environment=environment,
        folder=str(folder),
        niceness=os.nice(0),
        is_daemon=is_daemon,
        module="callrec.cli.app",
        places=(0, 1, 2),
    )
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(f"\0{name}")
        with Path(os.devnull).open("rb") as nothing:
            files = (nothing.fileno() if standard_input is None else standard_input, output, error)
            socket.send_fds(connection, [json.dumps(wanted).encode() + b"\n"], files)
    except BaseException:
        connection.close()
        raise
    return connection


async def run_there(name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command in that server; returns its exit code and output. Raises ConnectionRefusedError when no server listens."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = theirs.fileno()
        served = await _served(request(name, arguments, environment, Path.cwd(), output=out, error=out))
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            printed = await reader.read()
            return await served.wait(), printed.decode("utf-8", "replace")
        finally:
            writer.close()
            served.close()


async def start_there(name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> "Served":
    """Start a command in that server, in a session of its own; it prints into the log, and works in its folder. It ends with this
    process. Raises ConnectionRefusedError when no server listens."""
    with log.open("ab") as file:
        out, folder = file.fileno(), log.parent
        return await _served(request(name, arguments, environment, folder, output=out, error=out, is_daemon=True))


async def _served(connection: socket.socket) -> "Served":
    connection.setblocking(False)
    _, served = await asyncio.get_running_loop().create_unix_connection(Served, sock=connection)
    await served.begun()
    return served


class Served(asyncio.Protocol):
    """A process of the server, with what `asyncio.subprocess.Process` has of one."""

    def __init__(self) -> None:
        self.pid = 0
        self.returncode: int | None = None
        """The exit code, or minus the number of the signal; None while it runs."""
        self._said = b""
        self._begun, self._over = asyncio.Event(), asyncio.Event()
        self._transport: asyncio.BaseTransport | None = None

    async def begun(self) -> None:
        """Wait for its process id. Raises ConnectionResetError when the server ended."""
        await self._begun.wait()
        if not self.pid:
            raise ConnectionResetError("the command server has ended")

    async def wait(self) -> int:
        """Wait until it has ended; returns its exit code."""
        await self._over.wait()
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """End it by SIGTERM if it has not ended."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio has it."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The process id; the exit code."""
        self._said += data
        if not self.pid and b"\n" in self._said:
            pid, _, self._said = self._said.partition(b"\n")
            self.pid = int(pid)
            self._begun.set()

    def connection_lost(self, _error: Exception | None) -> None:
        """It has ended. Without an exit code the server was killed."""
        self.returncode = int(self._said or -signal.SIGKILL)
        self._begun.set()
        self._over.set()


def serve(name: str) -> NoReturn:
    """Import all, then answer requests until killed."""
    import_all()
    gc.collect()
    gc.freeze()  # what is shared by all stays shared
    answer(name)


def answer(name: str) -> NoReturn:
    """Answer requests until killed, in a process that has imported all."""
    signal.signal(signal.SIGCHLD, _reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen(_BACKLOG)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _handle(connection)
            connection.close()


def _reap(*_: object) -> None:
    """Take leave of ended handlers, so that what they used is counted as used by the server's children."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def import_all() -> None:
    """All modules that a command or the daemon may use."""
    import callrec.adapters.user_files.__main__
    import callrec.cli
    import callrec.daemon  # the commands import what they need of these only when they are used
    import callrec.wiring

    for module in pkgutil.iter_modules(callrec.cli.__path__, "callrec.cli."):
        importlib.import_module(module.name)


def _handle(connection: socket.socket) -> NoReturn:
    """One request, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    line, files, _, _ = socket.recv_fds(connection, _REQUEST_BYTES, _FILES)
    while not line.endswith(b"\n"):
        line += connection.recv(_REQUEST_BYTES) or b"\n"
    wanted: _Request = json.loads(line)
    command = os.fork()
    if command == 0:
        connection.close()
        _run(wanted, files)
    for file in files:
        os.close(file)
    ended = os.pidfd_open(command)
    with contextlib.suppress(OSError):
        connection.sendall(b"%d\n" % command)
    ready, _, _ = select.select([ended, connection.fileno()], [], [])
    if ended not in ready:  # the client has gone
        os.kill(command, signal.SIGTERM)
    _, status, usage = os.wait4(command, 0)
    if cpu_file := wanted["environment"].get(CPU_FILE):
        with contextlib.suppress(OSError), Path(cpu_file).open("a", encoding="ascii") as counted:
            counted.write(f"{usage.ru_utime + usage.ru_stime:.3f}\n")
    with contextlib.suppress(OSError):
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run(wanted: _Request, files: Sequence[int]) -> NoReturn:
    """Become the process that `python -m callrec` would be, or that of another module."""
    main = importlib.import_module(wanted["module"]).main
    if wanted["is_daemon"]:
        os.setsid()
    os.nice(max(0, wanted["niceness"] - os.nice(0)))
    os.chdir(wanted["folder"])
    above = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for file in files]
    for file in files:
        os.close(file)
    for place, file in zip(wanted["places"], above, strict=True):
        os.dup2(file, place)
        os.close(file)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    tempfile.tempdir = None  # as TMPDIR says now
    sys.argv = ["callrec", *wanted["arguments"]]
    sys.modules["__main__"].__package__ = None  # the help text takes the program's name from it
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        sys.excepthook(*sys.exc_info())
        code = 1
    for printed in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError):  # the command has closed it
            printed.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
