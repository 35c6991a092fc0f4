"""Has Asterisk write a probe into the spool, the way it writes legs, and reads it back.

The recorder stands on half of a Local channel that is never dialled: it rings nowhere and runs no dialplan. Its files are opened
as those of a call are, by Asterisk's user with its umask, and stay empty. Their names are hidden: no legs to the daemon.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from callrec.adapters.disk.spool import refusal_of
from callrec.app.spool_health import NOT_WRITTEN, SANDBOX, UMASK, UNREADABLE, Trouble
from callrec.domain.errors import CallrecError, Refused
from callrec.protocols.ami import Message

NOWHERE = "Local/probe@callrec-probe"
WRITTEN_S, LOOK_S = 3.0, 0.02
HANGUP_S = 2.0


class Actions(Protocol):
    """The part of the AMI link that is used here."""

    async def action(self, name: str, headers: Sequence[tuple[str, str]] = (), *, timeout_s: float = 1.0) -> Message:
        """One action, one answer."""
        ...


class Requests(Protocol):
    """The part of the ARI link that is used here."""

    async def request(
        self, method: str, path_parts: Sequence[str], *, params: Mapping[str, str] | None = None
    ) -> object:
        """One request, its JSON."""
        ...

    async def hangup(self, channel_id: str) -> None:
        """Hang this channel up; one that is gone already is what was wanted."""
        ...


class SpoolProbe:
    """Keeps the promise of `app.spool_health.Probe`. `app`: the ARI application of the link."""

    def __init__(self, ami: Actions, ari: Requests, folder: Path, app: str) -> None:
        self._ami, self._ari = ami, ari
        self._folder, self._app = folder, app

    async def look(self) -> Trouble | None:
        """See Probe."""
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

    async def _written(self, channel: str, files: Sequence[Path]) -> Trouble | None:
        read, write = files
        options = f"r({read})t({write})i(CALLREC_PROBE)"
        asked = await self._ami.action("MixMonitor", [("Channel", channel), ("File", ""), ("Options", options)])
        try:
            async with asyncio.timeout(WRITTEN_S):
                while not all(file.exists() for file in files):  # noqa: ASYNC110 - files, which are there in milliseconds
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            says = f"Asterisk was asked to write into {self._folder}, and no file came there"
            return Trouble(NOT_WRITTEN, says, SANDBOX)
        finally:
            with contextlib.suppress(Refused):
                headers = [("Channel", channel), ("MixMonitorID", asked.get("MixMonitorID"))]
                await self._ami.action("StopMixMonitor", headers)
        return next((trouble for file in files if (trouble := _read_back(file))), None)


def _read_back(file: Path) -> Trouble | None:
    if refusal := refusal_of(file):
        return Trouble(UNREADABLE, f"Asterisk wrote a probe into {file.parent}, and {refusal}", UMASK)
    try:
        file.unlink()
    except OSError as error:
        says = f"Asterisk's files in {file.parent} cannot be removed: {error.strerror}"
        return Trouble(
            UNREADABLE, says, f"give callrec's user the right to write in {file.parent}, without a sticky bit"
        )
    return None
