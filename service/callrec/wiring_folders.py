"""The folders that no other daemon may work in while we do."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from callrec.adapters.disk.folder_lock import FolderLock
from callrec.config import Settings


@dataclass(frozen=True, slots=True)
class FolderLocks:
    """The spool's is taken again when the folder was removed and is made anew."""

    spool: FolderLock


@contextmanager
def folder_locks(settings: Settings) -> Iterator[FolderLocks]:
    """Taken until the end. Raises Misconfigured when another daemon has one of the folders."""
    holder = {"node": settings.node, "state": str(settings.state_dir.absolute())}
    spool = FolderLock(settings.spool_dir, "CALLREC_SPOOL_DIR", holder)
    monitor = FolderLock(settings.monitor_dir, "CALLREC_MONITOR_DIR", holder)
    with ExitStack() as locked:
        for lock in (spool, monitor):
            locked.callback(lock.release)
            lock.take()
        yield FolderLocks(spool)
