"""Who uses the embedded store of another process: a lock on a file beside it, which any number of them hold together.

An owner that is a command of a moment lets its guests finish before it takes the store away. The kernel drops the lock with its
process.
"""

import asyncio
import fcntl
import os
from pathlib import Path

GUESTS_S = 30.0
"""So long an owner waits for them."""
POLL_S = 0.01


class Guests:
    """One process's part in it: a guest's or the owner's."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "guests"
        self._lock: int | None = None

    def enter(self) -> bool:
        """Be a guest until `leave`; False while the owner is about to close."""
        return self._hold(fcntl.LOCK_SH)

    async def gone(self) -> None:
        """For the owner: wait until no guest is left, and let nobody in until `leave`. Who stays for longer than GUESTS_S is not
        waited for."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + GUESTS_S
        while not self._hold(fcntl.LOCK_EX) and loop.time() < deadline_s:  # noqa: ASYNC110 - other processes tell nobody
            await asyncio.sleep(POLL_S)

    def leave(self) -> None:
        """Be a guest, or closed to guests, no longer; nothing when it is neither."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _hold(self, how: int) -> bool:
        self.leave()
        lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True
