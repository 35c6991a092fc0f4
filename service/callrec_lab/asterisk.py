"""A running Asterisk in its own temporary folder: start, stop, kill, restart, and console commands.

It writes only below that folder. It is a child of this process and is stopped by its process id; the kernel ends it when this
process dies first.
"""

import asyncio
import errno
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import callrec
from callrec.domain.errors import Refused, Unavailable
from callrec_lab.guard import ends_with_parent
from callrec_lab.installation import Installation

BOOT_S = 60.0
STOP_S = 10.0
_NO_PLACE = (errno.EAGAIN, errno.EINVAL)
"""The console's queue is full."""
CLI_S = 30.0
_LANGUAGES = ("en", "fr", "de", "es")
_CONTROL_POLL_S = 0.02  # there is no event for the creation of its control socket

_ASTERISK_CONF = """[directories]
astetcdir => {root}/etc
astmoddir => {modules}
astvarlibdir => {root}/lib
astdbdir => {root}/lib
astkeydir => {root}/lib
astdatadir => {root}/share
astagidir => {root}/share/agi-bin
astspooldir => {root}/spool
astrundir => {root}/run
astlogdir => {root}/log
astsbindir => {root}/run
[options]
nocolor = yes
hideconnect = yes
"""


PORTS = range(31_001, 32_768)
"""Between those of Asterisk's RTP (res_rtp_asterisk.c: DEFAULT_RTP_END) and those that Linux gives to clients."""
_reserved: dict[int, socket.socket] = {}


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A free port of 127.0.0.1 that no process of a laboratory has been given and not yet ended: the system soon reuses a closed
    port, and two servers of two PBXs would get the same one. It is reserved by a name of a socket that only this process has."""
    while True:
        port = PORTS[secrets.randbelow(len(PORTS))]
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            reservation.bind(f"\0callrec-port-{port}")
            with socket.socket(socket.AF_INET, kind) as sock:
                sock.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reserved[port] = reservation
        return port


class AsteriskServer:
    """`async with AsteriskServer(installation, conf) as asterisk`: fully booted within the block; its folder is removed at the
    end.

    `conf`: the names and texts of Asterisk's configuration files, except asterisk.conf, which is made here. `files`: the paths
    below the folder and the bytes of further files.
    """

    def __init__(
        self,
        installation: Installation,
        conf: Mapping[str, str],
        *,
        name: str = "asterisk",
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self.name = name
        self._files = dict(files or {})
        self.installation = installation
        self._conf = dict(conf)
        self._root: Path | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def root(self) -> Path:
        """The temporary folder: etc, log, spool, run, lib, share."""
        if self._root is None:
            raise Refused("test-pbx", f"{self.name} was not started")
        return self._root

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    async def __aenter__(self) -> Self:
        self._root = Path(tempfile.mkdtemp(prefix=f"callrec-{self.name}-"))
        try:
            await asyncio.to_thread(self._lay_folders)
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
        """Start, and wait until it is fully booted. Raises Unavailable with the end of its log when it does not boot."""
        if self.pid is not None:
            raise Refused("test-pbx", f"{self.name} is running already")
        (self.root / "run/asterisk.ctl").unlink(missing_ok=True)
        argv = (*ends_with_parent("KILL"), *self.installation.argv, "-C", str(self.root / "etc/asterisk.conf"), "-f")
        with (self.root / "log/console").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,  # Ctrl-C reaches this process only, which then stops Asterisk in order
                cwd=self.root,
            )
        try:
            async with asyncio.timeout(BOOT_S):
                await self._booted(self._process)
        except TimeoutError:
            await self.kill()
            raise self._failure(f"did not boot within {BOOT_S:.0f} s") from None

    async def ended(self) -> int:
        """Wait until it has ended; returns the exit code, or minus the number of the signal."""
        return await self._process.wait() if self._process is not None else 0

    async def stop(self) -> None:
        """SIGTERM, a bounded wait, then SIGKILL. Does nothing when it is not running."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL, as in a crash. The folder stays, so that `start` finds the files."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop in order, and start again with the same folder and ports."""
        await self.stop()
        await self.start()

    async def cli(self, command: str) -> str:
        """The answer of Asterisk's console to one command, as `asterisk -rx` prints it. Raises Unavailable."""
        try:
            async with asyncio.timeout(CLI_S):
                return await self._on_console(command)
        except TimeoutError:
            raise self._failure(f"did not answer '{command}' within {CLI_S:.0f} s") from None
        except OSError as error:
            raise self._failure(f"refused '{command}': {error}") from None

    async def _greeted(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the console, which has said its first line. Asterisk lets two wait for one (asterisk.c:
        ast_makesocket): the kernel refuses more, and asyncio takes that for a connection until it is read."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self.root / "run/asterisk.ctl")
                try:
                    await reader.readline()
                except BaseException:
                    writer.close()
                    raise
            except OSError as error:
                if error.errno not in _NO_PLACE:
                    raise
                await asyncio.sleep(_CONTROL_POLL_S)
            else:
                return reader, writer

    async def _on_console(self, command: str) -> str:
        """The dialogue of a remote console, without a process of its own, which costs more than the command (asterisk.c:
        ast_remotecontrol): a greeting, the command with a NUL, the answer to the end of the stream. Lines that begin with DEL
        are not the answer's."""
        reader, writer = await self._greeted()
        try:
            writer.write(f"cli quit after {command}\0".encode())
            lines = (await reader.read()).split(b"\n")
        finally:
            writer.close()
        return b"\n".join(line for line in lines if not line.startswith(b"\x7f")).decode(errors="replace")

    def write_conf(self, name: str, text: str) -> None:
        """Replace one configuration file; Asterisk reads it at its next reload."""
        self._conf[name] = text
        (self.root / "etc" / name).write_text(text)

    def log(self) -> str:
        """Asterisk's whole log so far: notices, warnings, errors, and its output."""
        files = (self.root / "log/console", self.root / "log/messages.log")
        return "".join(file.read_text(errors="replace") for file in files if file.is_file())

    def complaints(self) -> list[str]:
        """The lines of the log that are warnings or errors."""
        return [line for line in self.log().splitlines() if "WARNING[" in line or "ERROR[" in line]

    async def _booted(self, process: asyncio.subprocess.Process) -> None:
        """Wait until Asterisk reports that it is fully booted. Raises Unavailable as soon as its process has ended."""
        while not (self.root / "run/asterisk.ctl").exists():
            if process.returncode is not None:
                raise self._failure(f"ended at its start with code {process.returncode}")
            await asyncio.sleep(_CONTROL_POLL_S)
        while "fully booted" not in await self._ask_booted():
            if process.returncode is not None:
                raise self._failure(f"ended while booting with code {process.returncode}")
            await asyncio.sleep(_CONTROL_POLL_S)

    async def _ask_booted(self) -> str:
        try:
            return await self.cli("core waitfullybooted")
        except Unavailable:
            return ""  # the socket exists, and Asterisk does not listen on it yet

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _leave(self) -> None:
        try:
            await self.stop()
        finally:
            if self._root is not None:
                await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    def _failure(self, what: str) -> Unavailable:
        tail = "\n".join(self.log().splitlines()[-15:])
        return Unavailable("test-pbx", f"{self.name} {what}", hint=f"the end of its log: {tail or 'empty'}")

    def _lay_folders(self) -> None:
        for folder in ("etc", "log", "spool", "run", "lib/keys", "share/sounds"):
            (self.root / folder).mkdir(parents=True)
        for folder in ("spool/monitor", "spool/voicemail", "spool/recording", "share/moh"):
            (self.root / folder).mkdir()
        conf = _ASTERISK_CONF.format(root=self.root, modules=self.installation.modules)
        for name, text in {**self._conf, "asterisk.conf": conf}.items():
            content = self._present_modules(text) if name == "modules.conf" else text
            (self.root / "etc" / name).write_text(content)
        for path, data in self._files.items():
            (self.root / path).write_bytes(data)
        lay_sounds(self.installation.data, self.root / "share")

    def _present_modules(self, text: str) -> str:
        """modules.conf without modules that this Asterisk does not have, since versions and packages differ."""
        lines = text.splitlines(keepends=True)
        present = self.installation.modules
        return "".join(
            line for line in lines if not line.startswith("load = ") or (present / line[7:].strip()).exists()
        )


def dialplan_folder() -> Path:
    """The folder of the dialplan files that a PBX includes: CALLREC_DIALPLAN_DIR, otherwise that of this checkout."""
    return Path(os.environ.get("CALLREC_DIALPLAN_DIR") or Path(callrec.__file__).parents[2] / "dialplan")


def lay_sounds(data: Path, share: Path) -> None:
    """Make a data folder of links: to the installation's data, and to callrec's prompts as `sounds/<language>/callrec`.

    The link `en` is made here in any case: unpacked sounds do not have it, since the package's install script would make it.
    """
    for entry in data.iterdir():
        if entry.name not in {"sounds", "moh"}:
            (share / entry.name).symlink_to(entry)
    core = next((p for p in (data / "sounds/en", *sorted(data.glob("sounds/en_*"))) if p.is_dir()), None)
    for language in _LANGUAGES:
        folder = share / "sounds" / language
        folder.mkdir()
        for entry in core.iterdir() if core and language == "en" else ():
            if entry.name != "callrec":
                (folder / entry.name).symlink_to(entry)
        ours = dialplan_folder() / "sounds" / language / "callrec"
        (folder / "callrec").symlink_to(ours)
