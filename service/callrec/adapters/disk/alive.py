"""The mark in the spool that says until when the dialplan takes the daemon for living: the time of a folder.

Why no global variable over AMI: docs/decisions/0026-the-dialplan-knows-that-we-live.md.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from callrec.adapters.disk.durable import on_disk

NAME: Final = ".alive"
LEASE_S: Final = 1.0
"""How long a mark holds. The dialplan reads whole seconds (func_env.c: stat_read), so one more may go by."""


class AliveMark:
    """`<spool>/.alive`. It has a thread of its own: other work on a disk must not keep it waiting."""

    def __init__(self, spool: Path, now_s: Callable[[], float] = time.time) -> None:
        self._path = spool / NAME
        self._now_s = now_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="callrec-alive")

    async def renew(self) -> None:
        """Say that the daemon lives. Raises Unavailable; a mark that is old then says that it does not."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._renew)

    def close(self) -> None:
        """Let go of the thread, also of one that a disk holds."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _renew(self) -> None:
        with on_disk(f"mark {self._path}"):
            try:
                folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except FileNotFoundError:
                self._path.mkdir(mode=0o755)
                folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                until_s = int(self._now_s() + LEASE_S)
                os.utime(folder, (until_s, until_s))
            finally:
                os.close(folder)
