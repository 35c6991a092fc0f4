"""The other users of an embedded store: a lock on a file beside it, which all of them share.

A command that owns the store lets these guests finish before it stops the store.
"""

import asyncio
from pathlib import Path

from callrec.adapters.lock import FileLock

GUESTS_S = 30.0
"""How long an owner waits for them."""
POLL_S = 0.01


class Guests:
    """One process's view of the lock, as a guest or as the owner."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "guests")

    def enter(self) -> bool:
        """Become a guest until `leave`; False while the owner is about to stop the store."""
        return self._lock.take(shared=True)

    async def gone(self) -> None:
        """For the owner: wait at most GUESTS_S until no guest is left, and admit none until `leave`."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + GUESTS_S
        while not self._lock.take() and loop.time() < deadline_s:  # noqa: ASYNC110 - the kernel sends no event for this
            await asyncio.sleep(POLL_S)

    def leave(self) -> None:
        """End being a guest, or refusing guests; without either it does nothing."""
        self._lock.release()
