"""Records of the tables, read from the local copy, and changed through the store: optimistically, and once per request.

A change is planned on the copy and done by the store only when the tables are still of that edition. When somebody else was
first, the copy catches up and the plan is made anew, a few times. So a plan may run more than once, in a thread; it
only reads.
"""

import asyncio
from collections.abc import Callable

from callrec.app.asked import Asked
from callrec.app.receipts import still_there, written
from callrec.app.store_port import DirectorySource, TableStore, tables_busy
from callrec.domain.errors import Conflict, Refused, Unavailable
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Edit, Noun, Table, place
from callrec.domain.provisioning.features import code_checked
from callrec.domain.provisioning.model import Feature, FeatureCode, UserId
from callrec.domain.provisioning.record_edits import changing, creating, removing

ATTEMPTS = 5
CATCH_UP_S = 2.0
SEEN_S = 1.0
"""How long an answer waits until reads show the change."""
_NOBODY = UserId("")

Plan = Callable[[Directory], tuple[Edit, Noun | None]]


class Records:
    """Read and change one record at a time."""

    def __init__(self, store: TableStore, tables: DirectorySource) -> None:
        self._store = store
        self._tables = tables
        self._turn = asyncio.Lock()

    @property
    def directory(self) -> Directory:
        """The copy. Raises Unavailable while it was never loaded."""
        if self._tables.edition < 0:
            raise Unavailable(
                "tables-unknown", "the tables were never loaded", hint="/readyz says why; try again later"
            )
        return self._tables.directory

    @property
    def stale(self) -> bool:
        """Whether the copy does not follow the store now."""
        return not self._tables.fresh

    def read(self, table: Table, key: str) -> Noun:
        """One record. Refused: there is none."""
        return _found(self.directory, table, key)

    async def create(self, table: Table, make: Callable[[Directory, UserId], Noun], asked: Asked) -> Noun:
        """Add what `make` makes; it gets the id that a new user has. Raises Refused (`record-gone-since` when
        this was done before, and what it made is not there any more), Unavailable."""
        identity = _NOBODY

        def plan(tables: Directory) -> tuple[Edit, Noun | None]:
            noun = make(tables, identity)
            return creating(noun, tables), noun

        async with self._turn:
            if (done := await asked.done_before(self._store)) is not None:
                return await self._again(done)
            if table is Table.USERS:
                identity = (await self._store.reserve_user_ids(1))[0]
            return self._shown(await self._write(plan, asked))

    async def change(
        self, table: Table, key: str, become: Callable[[Noun], Noun], expected: Callable[[Noun], bool], asked: Asked
    ) -> Noun:
        """Make one record another. Raises Refused (`record-changed` when it is not as the asker expected), Unavailable."""

        def plan(tables: Directory) -> tuple[Edit, Noun | None]:
            before = _expected(_found(tables, table, key), expected)
            after = become(before)
            return changing(before, after, tables), after

        async with self._turn:
            if (done := await asked.done_before(self._store)) is not None:
                return await self._again(done)
            return self._shown(await self._write(plan, asked))

    async def remove(self, table: Table, key: str, expected: Callable[[Noun], bool], asked: Asked) -> None:
        """Take one record away, with what belongs to it. Raises Refused, Unavailable."""

        def plan(tables: Directory) -> tuple[Edit, Noun | None]:
            return removing(_expected(_found(tables, table, key), expected), tables), None

        async with self._turn:
            if await asked.done_before(self._store) is None:
                await self._write(plan, asked)

    async def set_code(
        self,
        feature: Feature,
        become: Callable[[FeatureCode], FeatureCode],
        expected: Callable[[FeatureCode], bool],
        asked: Asked,
    ) -> FeatureCode:
        """Change a feature's digits, or whether they work. Raises Refused, Unavailable."""
        async with self._turn:
            if await asked.done_before(self._store) is not None:
                return self.directory.code(feature)
            before = self.directory.code(feature)
            if not expected(before):
                raise _changed()
            after = become(before)
            if after != before or asked.may_be_repeated:
                self._writable()
                if after != before:
                    code_checked(after, self.directory.codes(), self.directory.lines())
                done = await self._store.set_code(
                    feature,
                    after.code,
                    after.enabled,
                    actor=asked.actor,
                    before=before,
                    request_id=asked.request_id,
                    receipt=asked.receipt(""),
                )
                await self.seen()
                if done is not None:
                    return self.directory.code(feature)
            return after

    async def _write(self, plan: Plan, asked: Asked) -> Noun | None:
        """Also what changes nothing, when it may be asked again: by then somebody may have made it a change."""
        for _ in range(ATTEMPTS):
            self._writable()
            edition, directory = self._tables.edition, self.directory
            edit, noun = await asyncio.to_thread(plan, directory)
            if not (edit or asked.may_be_repeated):
                return noun
            receipt = asked.receipt(written(noun) if noun else "")
            try:
                done = await self._store.edit(
                    edit, asked.request_id, based_on=edition, actor=asked.actor, receipt=receipt
                )
            except Conflict:
                await self._tables.catch_up(CATCH_UP_S)
                continue
            if done:  # by another process, since we asked: the record is that one's
                return await self._again(done)
            await self.seen()
            return noun
        raise tables_busy()

    async def _again(self, done: str) -> Noun:
        """The record of a request that was done before. A copy that does not follow must not say that it has gone."""
        await self.seen()
        try:
            return still_there(done, self.directory)
        except Refused:
            self._writable()
            raise

    def _writable(self) -> None:
        if self.stale:
            raise Unavailable("tables-stale", "the store does not answer, so nothing can be changed now")

    async def seen(self) -> None:
        """Wait a moment until reads show what was just changed."""
        try:
            await self._tables.catch_up(SEEN_S)
        except Unavailable:
            return  # the change is done; that it cannot be read yet is told by `stale`

    def _shown(self, noun: Noun | None) -> Noun:
        """The record as the copy has it now: a flag that its owner turned meanwhile is as they turned it."""
        assert noun is not None, "a plan that adds or changes has a record"  # noqa: S101 - a defect of ours
        table, key = place(noun)
        return self._tables.directory.records(table).get(key, noun)


def _found(tables: Directory, table: Table, key: str) -> Noun:
    noun = tables.records(table).get(key)
    if noun is None:
        raise Refused("no-such-record", f"there is no such record among the {table}")
    return noun


def _expected(noun: Noun, expected: Callable[[Noun], bool]) -> Noun:
    if not expected(noun):
        raise _changed()
    return noun


def _changed() -> Refused:
    return Refused("record-changed", "the record is not as you have read it", hint="read it again: nothing was changed")
