"""Long work that a request waits for: the same is done once for all who ask, behind the calls, and no more than some may wait."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Executor
from typing import Generic, TypeVar

from callrec.domain.errors import Unavailable

MOST_WAITING = 16
T = TypeVar("T")


class OnDemand(Generic[T]):
    """`threads` do the work. It is finished also when all who asked have gone."""

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def done(self, key: Hashable, work: Callable[[], T]) -> T:
        """The result of `work`, which blocks. Raises Unavailable (`transcoding-busy`), and what it raises."""
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= MOST_WAITING:
                says = f"{MOST_WAITING} recordings are waiting to be encoded or measured"
                raise Unavailable("transcoding-busy", says, hint="try again later, or take the stored format")
            task = self._running[key] = asyncio.create_task(self._in_thread(work), name="on-demand")
            task.add_done_callback(lambda ended: self._ended(key, ended))
        return await asyncio.shield(task)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _ended(self, key: Hashable, task: asyncio.Task[T]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # read, so that asyncio does not report it when all who asked have gone
