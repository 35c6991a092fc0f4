"""`callrec` as a process: by the command server where the environment names one, else by a Python of its own."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from callrec_lab import command_server

LIMIT_S = 60.0


class Started:
    """A process of the command server, with what `subprocess.Popen` has of one."""

    def __init__(self, connection: socket.socket, arguments: tuple[str, ...]) -> None:
        self._connection, self._arguments = connection, arguments
        self._said = b""
        while b"\n" not in self._said:
            if not self._receive():
                raise ConnectionResetError("the command server has ended")
        pid, _, self._said = self._said.partition(b"\n")
        self.pid = int(pid)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises TimeoutExpired."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                while self._receive():
                    pass
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self._arguments, timeout or 0.0) from None
            self._connection.close()
            self.returncode = int(self._said or -signal.SIGKILL)  # without an exit code the server was killed
        return self.returncode

    def send_signal(self, how: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, how)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _receive(self) -> bytes:
        data = self._connection.recv(64)
        self._said += data
        return data


Process = subprocess.Popen[bytes] | Started


def start(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path,
    out: BinaryIO | None = None,
    err: BinaryIO | None = None,
    stdin: BinaryIO | None = None,
) -> Process:
    """The command in a session of its own, with these files; by default it reads and says nothing."""
    with Path(os.devnull).open("r+b") as nothing:
        files = [(file or nothing).fileno() for file in (stdin, out, err)]
        if server := env.get(command_server.VARIABLE):
            connection = command_server.request(
                server, arguments, env, cwd, standard_input=files[0], output=files[1], error=files[2], is_daemon=True
            )
            return Started(connection, arguments)
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "callrec", *arguments],
            env=dict(env),
            cwd=cwd,
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
            start_new_session=True,
        )


def run(
    *arguments: str, env: Mapping[str, str], cwd: Path, stdin: bytes = b"", limit_s: float = LIMIT_S
) -> subprocess.CompletedProcess[bytes]:
    """The command from its beginning to its end."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(stdin)
        given.seek(0)
        process = start(*arguments, env=env, cwd=cwd, stdin=given, out=out, err=err)
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())
