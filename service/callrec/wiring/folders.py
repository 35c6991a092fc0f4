"""The locks of the folders that only one daemon may use at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from callrec.adapters.disk.folder_lock import FolderLock
from callrec.config import Settings


@dataclass(frozen=True, slots=True)
class FolderLocks:
    """The spool's lock, which is taken again after the folder was removed and created again."""

    spool: FolderLock


@contextmanager
def folder_locks(settings: Settings) -> Iterator[FolderLocks]:
    """The locks, held until the end of the block. Raises Misconfigured when another daemon uses one of the folders."""
    holder = {"node": settings.node, "state": str(settings.state_dir.absolute())}
    spool = FolderLock(settings.spool_dir, "CALLREC_SPOOL_DIR", holder)
    monitor = FolderLock(settings.monitor_dir, "CALLREC_MONITOR_DIR", holder)
    with ExitStack() as locked:
        for lock in (spool, monitor):
            locked.callback(lock.release)
            lock.take()
        yield FolderLocks(spool)
