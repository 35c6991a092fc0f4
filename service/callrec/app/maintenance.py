"""Periodic work of the daemon."""

import asyncio
import contextlib

from callrec.app.library.catalogue_keeper import CatalogueKeeper
from callrec.app.library.finalize import Finalizer
from callrec.app.ports.calls import JournalFile
from callrec.app.ports.directory import DirectorySource
from callrec.domain.errors import CallrecError

CHECK_S = 2.0


async def reopen_journal(journal: JournalFile) -> None:
    """After a failed write (a full disk), reopen the journal as soon as the disk accepts entries again. Never returns."""
    while True:
        await asyncio.sleep(CHECK_S)
        if journal.broken:
            with contextlib.suppress(CallrecError):  # /readyz shows the reason until it succeeds
                await journal.reopen()


async def index_what_waits(finalizer: Finalizer, tables: DirectorySource, keeper: CatalogueKeeper) -> None:
    """When Redis and the catalogue work again, enter the recordings that were stored without them. Never returns."""
    while True:
        await asyncio.sleep(CHECK_S)
        if finalizer.index_is_behind and tables.fresh and keeper.accepts:
            finalizer.catch_up()
