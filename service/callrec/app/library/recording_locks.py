"""One change of a recording at a time: who adds a hold and who erases never do it side by side."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager


class RecordingLocks:
    """A lock for each recording that somebody changes now. One process, the daemon, changes recordings."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, recordings: Collection[str]) -> AsyncIterator[None]:
        """Hold the locks of these, taken in one order by all, so that two that want several never wait for each other."""
        async with AsyncExitStack() as stack:
            for recording in sorted(set(recordings)):
                await stack.enter_async_context(self._one(recording))
            yield

    @asynccontextmanager
    async def _one(self, recording: str) -> AsyncIterator[None]:
        lock, users = self._locks.get(recording, (asyncio.Lock(), 0))
        self._locks[recording] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(recording)
            if users > 1:
                self._locks[recording] = lock, users - 1
