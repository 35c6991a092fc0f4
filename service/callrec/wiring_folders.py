"""The folders that no other daemon may work in while we do, and a spool that may disappear."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from callrec.adapters.disk.folder_lock import FolderLock
from callrec.adapters.disk.spool import DiskSpool
from callrec.app.call_actor import Observer
from callrec.app.ports import SpoolEvent
from callrec.config import Settings
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError, Unavailable
from callrec.domain.vocabulary import AlarmCause

LOOK_S = 2.0


@dataclass(frozen=True, slots=True)
class FolderLocks:
    """The spool's lock, which is taken again when the folder was removed and made again."""

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


async def watch_spool(
    spool: DiskSpool, lock: FolderLock, tell: Callable[[SpoolEvent], None], observer: Observer
) -> None:
    """A spool that disappears is an alarm, not the end: recordings on other calls' legs wait to be stored.

    The kernel tells of a removed folder only when the last file in it is closed, which may be hours later: so we look, too.
    """
    while True:
        try:
            spool.prepare()
            await asyncio.to_thread(lock.take)  # also of a folder that was put in its place
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_while_it_is_there(spool.folder))
                tasks.create_task(spool.watch(tell))
        except* CallrecError as errors:
            code = ", ".join(error.code for error in errors.exceptions if isinstance(error, CallrecError))
            observer.alarmed(m.Alarm(f"{AlarmCause.SPOOL}: {code}", None), "")
        await asyncio.sleep(LOOK_S)


async def _while_it_is_there(folder: Path) -> None:
    """Raises Unavailable as soon as this path is another folder, or none."""
    before = _identity(folder)
    while before == _identity(folder) is not None:  # noqa: ASYNC110 - a file system sends no event for this
        await asyncio.sleep(LOOK_S)
    raise Unavailable("spool-gone", f"{folder} was removed or renamed", hint="put it back")


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which folder it is, whatever its name; None when it cannot be looked at."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
