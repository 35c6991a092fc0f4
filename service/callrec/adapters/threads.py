"""Threads for work that may hang (a disk, a codec): a few of them, for which the daemon does not wait at its end."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
BEHIND = 10
"""The nice value of threads whose work may wait for that of the calls."""


class Threads(Executor):
    """At most `most` threads with this name. `is_behind`: they run with a lower priority; on Linux each thread has its own
    (setpriority(2), NOTES)."""

    def __init__(self, most: int, name: str, *, is_behind: bool = False) -> None:
        self._most, self._name, self._is_behind = most, name, is_behind
        self._work: SimpleQueue[tuple[Future[object], Callable[[], object]]] = SimpleQueue()
        self._running = 0
        self._busy = 0
        self._lock = threading.Lock()

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """See Executor.submit. It works after `shutdown`, too."""
        future: Future[T] = Future()
        with self._lock:
            self._busy += 1
            if self._running < min(self._most, self._busy):
                self._running += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
        self._work.put((future, lambda: work(*args, **kwargs)))  # type: ignore[arg-type]  # its own future gets its result
        return future

    def _run(self) -> None:
        if self._is_behind:
            os.nice(BEHIND)
        while True:
            future, work = self._work.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:  # noqa: BLE001 - the boundary of a thread: who asked gets whatever it was
                    future.set_exception(error)
            del future, work
            with self._lock:
                self._busy -= 1
