"""The spool probe: Asterisk writes a file into the spool as it writes captures, and callrec reads it back.

The MixMonitor runs on half of a Local channel that is never dialled: it rings no phone and runs no dialplan. Asterisk opens its
files like those of a call, as its user with its umask; they stay empty. Their names begin with a dot, so the daemon ignores them.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from callrec.adapters.disk.spool import refusal_of
from callrec.app.asterisk.spool_health import NOT_WRITTEN, SANDBOX, UMASK, UNREADABLE
from callrec.app.ports.asterisk import Manager
from callrec.domain.errors import CallrecError, Refused
from callrec.domain.library.captures import SpoolTrouble

NOWHERE = "Local/probe@callrec-probe"
WRITTEN_S, LOOK_S = 3.0, 0.02


class Requests(Protocol):
    """The part of the ARI link that is used here."""

    async def request(
        self, method: str, path_parts: Sequence[str], *, params: Mapping[str, str] | None = None
    ) -> object:
        """One request, its JSON."""
        ...

    async def hangup(self, channel_id: str) -> None:
        """Hang this channel up; does nothing when it has ended already."""
        ...


class SpoolProbe:
    """Implements `app.ports.asterisk.Probe`. `app`: the ARI application of the link."""

    def __init__(self, ami: Manager, ari: Requests, folder: Path, app: str) -> None:
        self._ami, self._ari = ami, ari
        self._folder, self._app = folder, app

    async def look(self) -> SpoolTrouble | None:
        """Let Asterisk write a test file, read it and remove it. None when that succeeds. Raises Unavailable, Refused."""
        name = f"callrec-probe-{secrets.token_hex(4)}"
        params = {"endpoint": NOWHERE, "app": self._app, "channelId": name}
        await self._ari.request("POST", ["channels", "create"], params=params)
        files = [self._folder / f".{name}.{side}.sln" for side in ("read", "write")]
        try:
            return await self._written(name, files)
        finally:
            with contextlib.suppress(CallrecError):
                await self._ari.hangup(name)
            for file in files:
                with contextlib.suppress(OSError):
                    file.unlink(missing_ok=True)

    async def _written(self, channel: str, files: Sequence[Path]) -> SpoolTrouble | None:
        read, write = files
        options = f"r({read})t({write})i(CALLREC_PROBE)"
        requested = await self._ami.action("MixMonitor", [("Channel", channel), ("File", ""), ("Options", options)])
        try:
            async with asyncio.timeout(WRITTEN_S):
                while not all(file.exists() for file in files):  # noqa: ASYNC110 - files, which are there in milliseconds
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            says = f"Asterisk was asked to write into {self._folder}, but no file appeared there"
            return SpoolTrouble(NOT_WRITTEN, says, SANDBOX)
        finally:
            with contextlib.suppress(Refused):
                headers = [("Channel", channel), ("MixMonitorID", requested.get("MixMonitorID"))]
                await self._ami.action("StopMixMonitor", headers)
        return next((trouble for file in files if (trouble := _read_back(file))), None)


def _read_back(file: Path) -> SpoolTrouble | None:
    if refusal := refusal_of(file):
        return SpoolTrouble(UNREADABLE, f"Asterisk wrote a probe into {file.parent}, but {refusal}", UMASK)
    try:
        file.unlink()
    except OSError as error:
        says = f"Asterisk's files in {file.parent} cannot be removed: {error.strerror}"
        return SpoolTrouble(
            UNREADABLE, says, f"give callrec's user the right to write in {file.parent}, without a sticky bit"
        )
    return None
