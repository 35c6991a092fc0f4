"""Watches the spool, also when its folder is removed and created again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from callrec.adapters.disk.folder_lock import FolderLock
from callrec.adapters.disk.spool import DiskSpool
from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.errors import CallrecError, Unavailable
from callrec.domain.library.captures import SpoolEvent
from callrec.domain.vocabulary import AlarmCause

LOOK_S = 2.0


async def watch_spool(
    spool: DiskSpool, lock: FolderLock, tell: Callable[[SpoolEvent], None], observer: Observer
) -> None:
    """Watch the spool until cancelled. A spool that disappears raises an alarm and the daemon goes on: ended recordings are still
    to be stored.

    The kernel reports a removed folder only when its last open file is closed, which may be hours later, so the path is polled
    too.
    """
    while True:
        try:
            spool.prepare()
            await asyncio.to_thread(lock.take)  # again, when the folder was replaced by another one
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_while_it_is_there(spool.folder))
                tasks.create_task(spool.watch(tell))
        except* CallrecError as errors:
            code = ", ".join(error.code for error in errors.exceptions if isinstance(error, CallrecError))
            observer.alarmed(Alarm(f"{AlarmCause.SPOOL}: {code}", None), "")
        await asyncio.sleep(LOOK_S)


async def _while_it_is_there(folder: Path) -> None:
    """Raises Unavailable as soon as this path leads to another folder, or to none."""
    before = _identity(folder)
    while before == _identity(folder) is not None:  # noqa: ASYNC110 - a file system sends no event for this
        await asyncio.sleep(LOOK_S)
    raise Unavailable("spool-gone", f"the spool {folder} was removed or renamed", hint="restore the folder")


def _identity(folder: Path) -> tuple[int, int] | None:
    """The folder's device and inode, which stay when it is renamed; None when it cannot be read."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
