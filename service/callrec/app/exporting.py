"""The tables in the store -> a user file."""

import asyncio

from callrec.app.store_port import TableStore
from callrec.domain.provisioning.csv_export import Remark, exported


async def export_users(store: TableStore, *, secrets: bool = True) -> tuple[str, list[Remark]]:
    """(the file, what it leaves out): see `csv_export`. Raises Unavailable."""
    tables = await store.tables()
    return await asyncio.to_thread(lambda: exported(tables, secrets=secrets))
