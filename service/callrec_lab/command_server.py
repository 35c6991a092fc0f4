"""`python -m callrec_lab.command_server NAME`: runs commands of `callrec`, each in a fork of a process with all imports.

Starting Python and importing callrec takes more CPU than most commands. Tests that run hundreds of commands share one such
process, at the abstract Unix socket NAME (without its leading NUL); VARIABLE names it to `Daemon.callrec`. A request is one
line of JSON, `{"arguments": [...], "environment": {...}}`; the answer is what the command printed, a NUL, and its exit code. A
client that closes the connection ends its command by SIGTERM.
"""

import asyncio
import contextlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from typing import NoReturn

VARIABLE = "LAB_COMMAND_SERVER"
_BACKLOG = 64
_END = b"\0"


async def run_there(name: str, arguments: tuple[str, ...], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command in that server; returns its exit code and output. Raises ConnectionRefusedError when no server listens."""
    reader, writer = await asyncio.open_unix_connection(f"\0{name}")
    try:
        writer.write(json.dumps({"arguments": arguments, "environment": environment}).encode() + b"\n")
        printed, _, code = (await reader.read()).rpartition(_END)
    finally:
        writer.close()
    return int(code), printed.decode("utf-8", "replace")


def serve(name: str) -> NoReturn:
    """Answer requests until killed."""
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel removes ended handlers; their exit codes are not needed
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen(_BACKLOG)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _handle(connection)
            connection.close()


def _import_all() -> None:
    import callrec.cli
    import callrec.wiring  # the commands import it only when they are used

    for module in pkgutil.iter_modules(callrec.cli.__path__, "callrec.cli."):
        importlib.import_module(module.name)


def _handle(connection: socket.socket) -> NoReturn:
    """One request, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection, connection.makefile("rb") as lines:
        request = json.loads(lines.readline())
        command = os.fork()
        if command == 0:
            _run(connection, request["arguments"], request["environment"])
        ended = os.pidfd_open(command)
        ready, _, _ = select.select([ended, connection.fileno()], [], [])
        if ended not in ready:  # the client has gone
            os.kill(command, signal.SIGTERM)
        _, status = os.waitpid(command, 0)
        with contextlib.suppress(OSError):
            connection.sendall(_END + str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _run(connection: socket.socket, arguments: list[str], environment: dict[str, str]) -> NoReturn:
    """Become the process that `python -m callrec` would be."""
    from callrec.cli.app import main

    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for place in (1, 2):
        os.dup2(connection.fileno(), place)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["callrec", *arguments]
    sys.modules["__main__"].__package__ = None  # the help text takes the program's name from it
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve(sys.argv[1])
