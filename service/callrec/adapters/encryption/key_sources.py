"""Where master keys are read: a file, the output of a command, or a variable of the environment.

What is read is text: a line for each key, `ID KEY`, the key as 32 bytes in base64 or hexadecimal digits. A comma stands for the
end of a line, `#` begins a comment. The first key is the one that new recordings are encrypted with; the others are there for
older ones.
"""

import base64
import binascii
import os
import selectors
import shlex
import signal
import stat
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from callrec.adapters.disk.setting_files import refuse_others
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.protocols.encrypted_file import KEY_BYTES
from callrec.protocols.key_file import MASTER_ID

COMMAND_S = 10.0
"""How long the command may take."""
_MOST_BYTES = 1 << 16
_MOST_SAID = 200
_LEAST_DIFFERENT = 8
"""Of 32 random bytes fewer than this are different in no case that anybody will see."""
_SETTING = "CALLREC_ENCRYPTION_KEYS"


class KeySource:
    """The source that the setting names: `file:PATH`, `command:WORDS` or `env:NAME`."""

    def __init__(self, setting: str, apart_from: Collection[Path] = ()) -> None:
        """`apart_from`: folders that a key file must not lie in, because backups copy them with the recordings."""
        self._kind, _, self._where = setting.partition(":")
        self._apart_from = apart_from

    def read(self) -> dict[str, bytes]:
        """The keys by their ids, in their order; at least one. Blocking. Raises Misconfigured (`encryption-keys`), Unavailable
        (`encryption-keys-away`)."""
        text = {"file": self._file, "command": self._command, "env": self._variable}[self._kind]()
        return parsed(text)

    def version(self) -> object:
        """Another value when what `read` returns may be another. Blocking, and quick."""
        if self._kind != "file":
            return None
        try:
            found = Path(self._where).stat()
        except OSError:
            return None  # what was read stays valid: a key may be on a medium that is taken away again
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode

    def _file(self) -> str:
        path = Path(self._where)
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - a descriptor
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(_MOST_BYTES) if stat.S_ISREG(mode) else b""
        except OSError as error:
            says = f"{_SETTING}: the file {path} cannot be read: {error.strerror}"
            raise Unavailable("encryption-keys-away", says, hint="put it there, readable by callrec's user") from error
        try:
            refuse_others(path, mode)
        except Misconfigured as error:
            raise Misconfigured("encryption-keys", error.message, hint=error.hint) from error
        real = path.resolve()
        if inside := next((one for one in self._apart_from if real.is_relative_to(one.resolve())), None):
            says = f"{_SETTING}: {path} lies in {inside}, which backups copy together with the recordings"
            raise Misconfigured("encryption-keys", says, hint="put it elsewhere, e.g. into /etc/callrec")
        return _text(content)

    def _variable(self) -> str:
        value = os.environ.get(self._where)
        if value is None:
            says = f"{_SETTING}: the environment has no variable {self._where}"
            raise Unavailable("encryption-keys-away", says, hint="set it where callrec is started")
        return value

    def _command(self) -> str:
        words = shlex.split(self._where)
        try:
            process = subprocess.Popen(  # noqa: S603 - an operator's command, without a shell
                words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )
        except (OSError, ValueError) as error:
            _no_keys(words[0], f"cannot be run: {error}")
        with process:
            try:
                said, complained = _outputs(process)
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode:
            last = (complained.decode("utf-8", "replace").strip().splitlines() or [""])[-1][:_MOST_SAID]
            _no_keys(words[0], f"ended with {process.returncode}{f': {last!a}' if last else ''}")
        return _text(said)


def _outputs(process: "subprocess.Popen[bytes]") -> tuple[bytes, bytes]:
    """What it writes until it ends. Raises Unavailable when that takes too long or is too much."""
    assert process.stdout is not None  # noqa: S101 - for the type checker: both are pipes
    assert process.stderr is not None  # noqa: S101
    name, ends_s = str(process.args[0]) if isinstance(process.args, list) else "", time.monotonic() + COMMAND_S
    said = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as waiting:
        for pipe in said:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0.0, ends_s - time.monotonic()))
            if not ready:
                _no_keys(name, f"has not ended after {COMMAND_S:g} s")
            for one, _ in ready:
                pipe = process.stdout if one.fileobj is process.stdout else process.stderr
                content = os.read(pipe.fileno(), _MOST_BYTES)
                said[pipe] += content
                if not content:
                    waiting.unregister(pipe)
                if len(said[pipe]) > _MOST_BYTES:
                    _no_keys(name, f"writes more than {_MOST_BYTES} bytes")
    try:
        process.wait(max(0.1, ends_s - time.monotonic()))
    except subprocess.TimeoutExpired:
        _no_keys(name, f"has not ended after {COMMAND_S:g} s")
    return bytes(said[process.stdout]), bytes(said[process.stderr])


def _no_keys(command: str, what: str) -> NoReturn:
    says = f"{_SETTING}: the command {command} {what}"
    raise Unavailable("encryption-keys-away", says, hint="run it by hand, as callrec's user")


def _text(content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise _wrong("there are other characters than ASCII") from None


def parsed(text: str) -> dict[str, bytes]:
    """The keys of this text. Raises Misconfigured; its message has nothing of a key."""
    keys: dict[str, bytes] = {}
    for nth, line in enumerate(text.replace(",", "\n").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not MASTER_ID.fullmatch(words[0]):  # noqa: PLR2004 - id and key
            raise _wrong(f"line {nth} is not `ID KEY`: an id has 1 to 40 letters, digits or . _ -")
        name, key = words[0], _key(words[1], nth)
        if name in keys:
            raise _wrong(f"two keys have the id {name}")
        keys[name] = key
    if not keys:
        raise _wrong("there is no key")
    return keys


def _key(text: str, nth: int) -> bytes:
    try:
        if len(text) == 2 * KEY_BYTES:
            key = bytes.fromhex(text)
        else:
            key = base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (ValueError, binascii.Error):
        raise _wrong(f"the key in line {nth} is neither base64 nor hexadecimal digits") from None
    if len(key) != KEY_BYTES:
        raise _wrong(f"the key in line {nth} has {len(key)} bytes in place of {KEY_BYTES}")
    if len(set(key)) < _LEAST_DIFFERENT:
        raise _wrong(f"the key in line {nth} is not random")
    return key


def _wrong(what: str) -> Misconfigured:
    return Misconfigured(
        "encryption-keys", f"{_SETTING}: {what}", hint="callrec encryption new-key makes a line with one"
    )
