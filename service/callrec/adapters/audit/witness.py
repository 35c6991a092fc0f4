"""A file elsewhere that keeps every checkpoint: who holds it can show that a log was cut off, or replaced as a whole.

The key that signs the log lies on the same machine as the log, so a thief of both can sign another history. They cannot change
what was written to another machine before (a mount on which this one may only append, for example).
"""

import logging
import os
from pathlib import Path

from callrec.adapters.disk.fsync import write_all

log = logging.getLogger(__name__)

_BETWEEN = b"\n"


class Witness:
    """The file at this path: checkpoints, oldest first, an empty line behind each. Blocking."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.why_not = ""
        """Why the newest checkpoint is not in the file; empty when it is."""

    def add(self, note: bytes) -> None:
        """Append a checkpoint. Never fails: the next one speaks of everything that this one does."""
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self.path, flags, 0o644)
            try:
                write_all(descriptor, note + _BETWEEN)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if not self.why_not:
                log.warning("the audit log's witness %s cannot be written: %s", self.path, error.strerror)
            self.why_not = f"{self.path}: {error.strerror}"
        else:
            self.why_not = ""
