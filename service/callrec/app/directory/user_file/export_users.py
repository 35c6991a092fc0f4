"""Exports the users as a user file."""

import asyncio

from callrec.app.ports.directory import TableStore
from callrec.domain.directory.user_file.export_rows import Remark, exported


async def export_users(store: TableStore, *, secrets: bool = True) -> tuple[str, list[Remark]]:
    """The file's text, and a remark for each value that it cannot express (see `export_rows`). Raises Unavailable."""
    tables = await store.tables()
    return await asyncio.to_thread(lambda: exported(tables, secrets=secrets))
