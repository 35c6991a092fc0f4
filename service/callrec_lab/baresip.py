"""baresip, a phone of another project: Debian's package, unpacked into the user's cache as Asterisk is.

Each `Baresip` is a process with one account. It answers by itself, says a tone from a file, and takes commands as JSON in
netstrings over TCP (its module ctrl_tcp). What it hears its filter sndfile writes as it decodes it; its player plays nothing:
the player aufile crashes when a hold replaces it before its thread runs (baresip 1.1.0, aufile_play.c).
"""

import array
import asyncio
import contextlib
import json
import math
import os
import shutil
import signal
import socket
import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from callrec.domain.errors import Unavailable
from callrec_lab.apt import Archive, fetch_packages
from callrec_lab.asterisk import free_port
from callrec_lab.audio_checks import Sound, load
from callrec_lab.guard import ends_with_parent
from callrec_lab.installation import SUITE, cache_folder, need_tools, one_at_a_time, run_tool

Progress = Callable[[str], None]
PACKAGES = ("baresip-core",)
READY_S, ANSWER_S, STOP_S = 20.0, 15.0, 5.0
_POLL_S = 0.05
_TRIES, _IN_USE = 5, "Address already in use"
"""It takes the port behind its own for TLS, which another may have got meanwhile."""
_RATE_HZ, _TONE_S, _AMPLITUDE = 8000, 10, 6000


@dataclass(frozen=True, slots=True)
class Program:
    """How to start it: the unpacked loader and the binary; `modules` is a folder."""

    argv: tuple[str, ...]
    modules: Path


def find_baresip(progress: Progress) -> Program:
    """The unpacked program; the first time it is downloaded. Raises Unavailable, Misconfigured, with the remedy."""
    place = cache_folder() / f"baresip-{SUITE}-{os.uname().machine}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(place.with_suffix(".lock"), progress):
        if not place.is_dir():
            _unpack(place, progress)
    return _program(place)


def _unpack(place: Path, progress: Progress) -> None:
    """The place gets its name in one rename, when all is there."""
    need_tools("apt-get", "dpkg-deb")
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="baresip-unpacking-") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        for package in fetch_packages(Archive.of_this_machine(SUITE), PACKAGES, Path(folder) / "apt", progress):
            run_tool("dpkg-deb", "-x", str(package), str(root))
        _program(root)
        root.rename(place)


def _program(root: Path) -> Program:
    loader = next((path for path in sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    modules = root / "usr/lib/baresip/modules"
    if loader is None or not modules.is_dir():
        hint = f"remove {root} and repeat"
        raise Unavailable("test-pbx", "The unpacked packages hold no baresip that could start", hint=hint)
    return Program((str(loader), "--library-path", str(loader.parent), str(root / "usr/bin/baresip")), modules)


class Baresip:
    """`async with Baresip(program, folder, account, tone_hz=440) as phone`: registered inside, gone after.

    `account`: as baresip writes it, `<sip:name@host:port>;auth_pass=secret`.
    """

    def __init__(self, program: Program, folder: Path, account: str, *, tone_hz: int) -> None:
        self._program, self._folder, self._tone_hz = program, folder, tone_hz
        self._account = f"{account};regint=3600;answermode=auto;audio_codecs=pcmu/8000\n"
        self._port = 0
        self._seen: list[str] = []
        self._news = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for _ in range(_TRIES):
            self._lay()
            await self._start()
            try:
                async with asyncio.timeout(READY_S):
                    await self._connect()
                    await self._registered()
            except BaseException as error:
                await self.__aexit__(None, None, None)
                if isinstance(error, Unavailable) and _IN_USE in self._printed():
                    continue
                if isinstance(error, TimeoutError):
                    raise Unavailable("test-pbx", f"baresip did not register: {self._said()}") from None
                raise
            return self
        raise Unavailable("test-pbx", f"baresip found no free port: {self._said()}")

    async def _start(self) -> None:
        with (self._folder / "out").open("wb") as out:
            argv = (*ends_with_parent("KILL"), *self._program.argv, "-f", str(self._folder))
            self._process = await asyncio.create_subprocess_exec(
                *argv, cwd=self._folder, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out
            )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def call(self, number: str) -> None:
        """Dial, and wait until both can hear each other."""
        await self._do("dial", number)
        await self.until("CALL_ESTABLISHED")

    async def hangup(self) -> None:
        """End the call."""
        await self._do("hangup")

    async def hold(self) -> None:
        """Put the other side on hold."""
        await self._do("hold")

    async def resume(self) -> None:
        """Take them back."""
        await self._do("resume")

    async def send_to(self, number: str) -> None:
        """Send the other side on: REFER. Its own call ends then."""
        await self._do("transfer", number)
        await self.until("CALL_CLOSED")

    async def until(self, event: str) -> None:
        """Wait for this event, which may have come already; it counts once."""
        async with asyncio.timeout(ANSWER_S), self._news:
            await self._news.wait_for(lambda: event in self._seen)
            self._seen.remove(event)

    def heard(self) -> Sound:
        """What it heard of its last conversation: the packets as they came, without the time between them. After the end."""
        return load(max(self._folder.glob("dump-*-dec.wav")))[0]

    async def _do(self, command: str, parameters: str = "") -> None:
        if self._process.returncode is not None:
            raise Unavailable("test-pbx", f"baresip ended with {self._process.returncode}: {self._said()}")
        request = json.dumps({"command": command, "params": parameters, "token": command}).encode()
        self._writer.write(b"%d:%s," % (len(request), request))
        await self._writer.drain()

    async def _connect(self) -> None:
        while True:
            if self._process.returncode is not None:
                raise Unavailable("test-pbx", f"baresip ended at its start: {self._said()}")
            with contextlib.suppress(OSError):
                reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
                self._reading = asyncio.create_task(self._read(reader))
                return
            await asyncio.sleep(_POLL_S)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        """Netstrings: a length, a colon, JSON, a comma."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int((await reader.readuntil(b":"))[:-1])
                message = json.loads((await reader.readexactly(length + 1))[:-1])
                if message.get("event"):
                    async with self._news:
                        self._seen.append(message["type"])
                        self._news.notify_all()

    async def _registered(self) -> None:
        """It registers before anybody is connected who could be told: it prints that as well."""
        while "binding]" not in self._printed():  # noqa: ASYNC110 - a file sends no event
            await asyncio.sleep(_POLL_S)

    def _printed(self) -> str:
        return (self._folder / "out").read_text(errors="replace")

    def _said(self) -> str:
        return self._printed()[-500:]

    def _lay(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._port = free_port()
        says = self._folder / "says.wav"
        _write_tone(says, self._tone_hz)
        modules = {
            "module": ("g711", "aufile", "aubridge", "sndfile"),
            "module_tmp": ("uuid",),
            "module_app": ("account", "contact", "menu", "ctrl_tcp"),
        }
        lines = [
            f"sip_listen 127.0.0.1:{_sip_port()}",
            f"audio_source aufile,{says}",
            "audio_player aubridge,unused",
            "audio_alert aufile,/dev/null",
            f"module_path {self._program.modules}",
            *(f"{kind} {name}.so" for kind, names in modules.items() for name in names),
            f"ctrl_tcp_listen 127.0.0.1:{self._port}",
        ]
        for name, text in (("config", "\n".join([*lines, ""])), ("accounts", self._account), ("contacts", "")):
            (self._folder / name).write_text(text)


def _sip_port() -> int:
    """It takes the port by UDP and by TCP, and the one behind it for TLS."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError), contextlib.ExitStack() as taken:
            for kind, number in ((socket.SOCK_DGRAM, port), (socket.SOCK_STREAM, port), (socket.SOCK_STREAM, port + 1)):
                taken.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", number))
            return port


def _write_tone(path: Path, hz: int) -> None:
    """Whole periods, so that it repeats without a click."""
    samples = (int(_AMPLITUDE * math.sin(2 * math.pi * hz * n / _RATE_HZ)) for n in range(_RATE_HZ * _TONE_S))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(array.array("h", samples).tobytes())
