"""The mark in the spool by which the dialplan knows that the daemon is alive: a folder whose time is the end of its lease.

Why not a global variable over AMI: docs/decisions/0026-the-dialplan-knows-that-we-live.md.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from callrec.adapters.disk.fsync import on_disk

NAME: Final = ".alive"
LEASE_S: Final = 1.0
"""How long a mark is valid. The dialplan reads whole seconds (func_env.c: stat_read), so it may be up to 1 s longer."""


class AliveMark:
    """The mark `<spool>/.alive`, written in a thread of its own, so that other disk work cannot delay it."""

    def __init__(self, spool: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path = spool / NAME
        self._now_s = now_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="callrec-alive")

    def last_s(self) -> float:
        """When a daemon last renewed the mark, in Unix time; two seconds before its end when it ended in order; 0 when there was
        none. Blocking."""
        try:
            return self._path.stat().st_mtime - LEASE_S
        except OSError:
            return 0.0

    async def renew(self) -> None:
        """Renew the mark. Raises Unavailable; the mark then expires, and the dialplan changes to fallback mode."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._set, LEASE_S)

    async def end(self) -> None:
        """The daemon ends: the dialplan changes to fallback mode at once. Raises Unavailable."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._set, -LEASE_S)

    def close(self) -> None:
        """End the thread, without waiting for a disk that does not answer."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _set(self, lease_s: float) -> None:
        with on_disk(f"mark {self._path}"):
            try:
                folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except FileNotFoundError:
                self._path.mkdir(mode=0o755)
                folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                until_s = self._now_s() + lease_s
                os.utime(folder, (until_s, until_s))
            finally:
                os.close(folder)
