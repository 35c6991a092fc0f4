"""A file elsewhere that keeps every checkpoint: who holds it can show that a log was cut off, or replaced as a whole.

The key that signs the log lies on the same machine as the log, so a thief of both can sign another history. They cannot change
what was written to another machine before (a mount on which this one may only append, for example).
"""

import logging
import os
import queue
import threading
import time
from contextlib import suppress
from pathlib import Path

from callrec.adapters.disk.fsync import write_all

log = logging.getLogger(__name__)

_BETWEEN = b"\n"
_MOST = 100
"""Checkpoints that wait for the file. Further ones are left out: the next speaks of everything that they do."""
_LATE = 10


class Witness:
    """The file at this path: checkpoints, oldest first, an empty line behind each.

    It is written by a thread of its own: a mount that hangs keeps no entry of the log waiting, and not the end of the process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._error = ""
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_MOST)
        self._thread: threading.Thread | None = None

    @property
    def why_not(self) -> str:
        """Why the newest checkpoint is not in the file; empty when it is, or was added just now."""
        late = self._waiting.qsize()
        return f"{self.path}: {late} checkpoints wait for it" if late > _LATE else self._error

    def add(self, note: bytes) -> None:
        """Have a checkpoint appended. Never waits, never fails."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="audit-witness", daemon=True)
            self._thread.start()
        with suppress(queue.Full):
            self._waiting.put_nowait(note)

    def close(self, timeout_s: float) -> None:
        """Wait for what was added, but not longer than this. Blocking."""
        if self._thread is not None:
            until_s = time.monotonic() + timeout_s
            with suppress(queue.Full):
                self._waiting.put(None, timeout=timeout_s)
            self._thread.join(max(0.0, until_s - time.monotonic()))
            self._thread = None

    def _work(self) -> None:
        while (note := self._waiting.get()) is not None:
            try:
                self._append(note)
            except OSError as error:
                if not self._error:
                    log.warning("the audit log's witness %s cannot be written: %s", self.path, error.strerror)
                self._error = f"{self.path}: {error.strerror}"
            else:
                self._error = ""

    def _append(self, note: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self.path, flags, 0o644)
        try:
            write_all(descriptor, note + _BETWEEN)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
