"""The tables that Asterisk's files are written from, straight from the store: for a run that follows no copy of them."""

import asyncio

from callrec.app.ports.directory import MarkFile, OperatorStore
from callrec.domain.directory.tables_mark import SEEN_LAST, WRITTEN_FROM, Marked, TablesMark, judge


class StoredTables:
    """A `Source`. `seen` is the mark of the tables that the daemon saw last; None when that does not matter."""

    def __init__(self, store: OperatorStore, seen: MarkFile | None) -> None:
        self._store, self._seen = store, seen

    async def __call__(self, written_from: TablesMark | None) -> Marked:
        """The tables. Raises Unavailable; Corrupt when they do not come after those that were seen last, or after those that
        the files were written from."""
        seen = await asyncio.to_thread(self._seen.read) if self._seen else None
        snapshot = await self._store.snapshot(seen.event if seen else "")
        judge(seen, snapshot.standing, SEEN_LAST)
        if written_from:
            judge(written_from, await self._store.standing(written_from.event), WRITTEN_FROM)
        return Marked(snapshot.tables, snapshot.standing.mark)
