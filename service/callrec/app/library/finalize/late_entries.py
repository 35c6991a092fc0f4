"""Recordings that were stored while Redis or the catalogue was away get their entry later."""

import asyncio

from callrec.app.library.catalogue_keeper import CatalogueKeeper
from callrec.app.library.finalize.finalizer import Finalizer
from callrec.app.ports.directory import DirectorySource

CHECK_S = 2.0


async def enter_late(finalizer: Finalizer, tables: DirectorySource, keeper: CatalogueKeeper) -> None:
    """When both work again, enter the recordings that were stored without them. Never returns."""
    while True:
        await asyncio.sleep(CHECK_S)
        if finalizer.index_is_behind and tables.fresh and keeper.accepts:
            finalizer.catch_up()
