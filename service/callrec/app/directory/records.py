"""Records of the tables: read from the local copy, changed through the store, with optimistic locking and idempotency keys.

A change is planned on the copy, and the store executes it only when the tables still have the same edit revision. After another
edit the copy catches up and the plan is made again, a few times. So a plan may run more than once, in a thread; it only reads.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import TypeVar, cast

from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.receipts import still_there, written
from callrec.app.ports.directory import TableCopy, TableStore, tables_busy
from callrec.domain.access.grants import check_edit
from callrec.domain.access.principals import Principal
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Edit, Table, TableRecord, place
from callrec.domain.directory.feature_codes import code_checked
from callrec.domain.directory.model import Feature, FeatureCode, User
from callrec.domain.directory.record_edits import changing, creating, removing
from callrec.domain.errors import Conflict, Refused, Unavailable
from callrec.domain.rules import UserId

ATTEMPTS = 20
"""How often a change is planned again. Next to a client that edits without a pause, about every second attempt is too late."""
CATCH_UP_S = 2.0
SEEN_S = 1.0
"""How long an answer waits until the copy has the change."""
_NOBODY = UserId("")

T = TypeVar("T")
Plan = Callable[[Directory], tuple[Edit, TableRecord | None]]


class Records:
    """Read and change one record at a time."""

    def __init__(self, store: TableStore, tables: TableCopy) -> None:
        self._store = store
        self._tables = tables
        self._turn = asyncio.Lock()

    @property
    def directory(self) -> Directory:
        """The copy. Raises Unavailable while it was never loaded."""
        if self._tables.edit_revision < 0:
            raise Unavailable(
                "tables-unknown", "the tables were never loaded", hint="/readyz says why; try again later"
            )
        return self._tables.directory

    @property
    def stale(self) -> bool:
        """Whether the copy may be behind the store now."""
        return not self._tables.fresh

    def read(self, table: Table, key: str) -> TableRecord:
        """One record. Raises Refused when it does not exist."""
        return _found(self.directory, table, key)

    async def create(
        self, table: Table, make: Callable[[Directory, UserId], TableRecord], change_request: ChangeRequest
    ) -> TableRecord:
        """Add the record that `make` returns; `make` gets the id for a new user. Raises Refused (`record-gone-since` when the
        request was executed before, and its record does not exist any more), Unavailable."""
        identity = _NOBODY

        def plan(tables: Directory) -> tuple[Edit, TableRecord | None]:
            table_record = make(tables, identity)
            return creating(table_record, tables), table_record

        async with self._turn:
            if (done := await change_request.done_before(self._store)) is not None:
                return await self._again(done)
            if table is Table.USERS:
                identity = (await self._store.reserve_user_ids(1))[0]
            return self._shown(await self._write(plan, change_request))

    async def create_user(
        self, make: Callable[[Directory, UserId], tuple[Edit, User]], change_request: ChangeRequest
    ) -> User:
        """Add a new user together with other records: `make` gets the user's id, and returns the whole edit. Raises as
        `create`."""
        identity = _NOBODY

        def plan(tables: Directory) -> tuple[Edit, TableRecord | None]:
            return make(tables, identity)

        async with self._turn:
            if (done := await change_request.done_before(self._store)) is not None:
                return cast("User", await self._again(done))
            identity = (await self._store.reserve_user_ids(1))[0]
            return cast("User", self._shown(await self._write(plan, change_request)))

    async def edit(self, plan: Callable[[Directory], Edit], change_request: ChangeRequest) -> None:
        """Make the edit that `plan` returns: several records in one change. Raises Refused, Unavailable."""
        async with self._turn:
            if await change_request.done_before(self._store) is None:
                await self._write(lambda tables: (plan(tables), None), change_request)

    async def change(
        self,
        table: Table,
        key: str,
        become: Callable[[TableRecord], TableRecord],
        expected: Callable[[TableRecord], bool],
        change_request: ChangeRequest,
        *,
        stated: Collection[str] = (),
    ) -> TableRecord:
        """Change one record. `stated` are the fields that the request has a value for, also when it is the same as before: an
        always-record flag among them is set again, so that an older `*26` in fallback mode does not win. Raises Refused
        (`record-changed` when the record is not as the client expected), Unavailable."""

        def plan(tables: Directory) -> tuple[Edit, TableRecord | None]:
            before = _expected(_found(tables, table, key), expected)
            after = become(before)
            if isinstance(after, User) and isinstance(before, User) and "call_record" in stated:
                before = replace(before, call_record=not after.call_record)
            return changing(before, after, tables), after

        return await self._stored(plan, change_request)

    async def put(
        self, table: Table, key: str, become: Callable[[TableRecord | None], TableRecord], change_request: ChangeRequest
    ) -> TableRecord:
        """Replace the record with this key by the one that `become` returns, or add it (`become` gets None). Raises Refused,
        Unavailable."""

        def plan(tables: Directory) -> tuple[Edit, TableRecord | None]:
            before = tables.records(table).get(key)
            after = become(before)
            return (creating(after, tables) if before is None else changing(before, after, tables)), after

        return await self._stored(plan, change_request)

    async def remove(
        self, table: Table, key: str, expected: Callable[[TableRecord], bool], change_request: ChangeRequest
    ) -> None:
        """Remove one record, with the records that belong to it. Raises Refused, Unavailable."""

        def plan(tables: Directory) -> tuple[Edit, TableRecord | None]:
            return removing(_expected(_found(tables, table, key), expected), tables), None

        async with self._turn:
            if await change_request.done_before(self._store) is None:
                await self._write(plan, change_request)

    async def set_code(
        self,
        feature: Feature,
        become: Callable[[FeatureCode], FeatureCode],
        expected: Callable[[FeatureCode], bool],
        change_request: ChangeRequest,
    ) -> FeatureCode:
        """Change a feature code's digits, enable or disable it. Raises Refused, Unavailable."""

        async def attempt() -> FeatureCode:
            before = self.directory.code(feature)
            if not expected(before):
                raise _changed()
            after = become(before)
            if after == before and not change_request.may_be_repeated:
                return after
            self._writable()
            if after != before:
                code_checked(after, self.directory.codes(), self.directory.lines())
            done = await self._store.set_code(
                feature,
                after.code,
                after.enabled,
                actor=change_request.actor,
                before=before,
                request_id=change_request.request_id,
                receipt=change_request.receipt(""),
            )
            await self.seen()
            return after if done is None else self.directory.code(feature)

        async with self._turn:
            if await change_request.done_before(self._store) is not None:
                return self.directory.code(feature)
            return await self._retried(attempt)

    async def _stored(self, plan: Plan, change_request: ChangeRequest) -> TableRecord:
        async with self._turn:
            if (done := await change_request.done_before(self._store)) is not None:
                return await self._again(done)
            return self._shown(await self._write(plan, change_request))

    async def _write(self, plan: Plan, change_request: ChangeRequest) -> TableRecord | None:
        """Store a plan. A plan without a change is stored too when its request may be repeated: it could be a change by then."""

        async def attempt() -> TableRecord | None:
            self._writable()
            edit_revision, directory = self._tables.edit_revision, self.directory
            edit, table_record = await asyncio.to_thread(_permitted, plan, directory, change_request.by)
            if not (edit or change_request.may_be_repeated):
                return table_record
            receipt = change_request.receipt(written(table_record) if table_record else "")
            done = await self._store.edit(
                edit, change_request.request_id, based_on=edit_revision, actor=change_request.actor, receipt=receipt
            )
            if done:  # by another process, after the receipt was looked up: the record is that one's
                return await self._again(done)
            await self.seen()
            return table_record

        return await self._retried(attempt)

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Attempt a change; when another edit was first, attempt it again on a copy that has caught up. Raises Unavailable after
        several attempts."""
        for _ in range(ATTEMPTS):
            try:
                return await attempt()
            except Conflict:
                await self._tables.catch_up(CATCH_UP_S)
        raise tables_busy()

    async def _again(self, done: str) -> TableRecord:
        """The record of a request that was executed before. An out-of-date copy must not report it as removed."""
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
        """Wait up to SEEN_S until the copy has the last change."""
        try:
            await self._tables.catch_up(SEEN_S)
        except Unavailable:
            return  # the change is stored; `stale` shows that it cannot be read yet

    def _shown(self, table_record: TableRecord | None) -> TableRecord:
        """The record in the copy now, with flags that its user has changed by phone meanwhile."""
        assert table_record is not None, "a plan that adds or changes has a record"  # noqa: S101 - a defect of ours
        table, key = place(table_record)
        return self._tables.directory.records(table).get(key, table_record)


def _permitted(plan: Plan, tables: Directory, by: Principal | None) -> tuple[Edit, TableRecord | None]:
    """The plan. Raises Refused (`grant-exceeds`) when it gives more than the one who asks has."""
    edit, table_record = plan(tables)
    if by is not None:
        check_edit(by, edit.changes, tables)
    return edit, table_record


def as_it_is(_table_record: TableRecord) -> bool:
    """The expectation of a client that has not read the record: it may be in any state."""
    return True


def _found(tables: Directory, table: Table, key: str) -> TableRecord:
    table_record = tables.records(table).get(key)
    if table_record is None:
        raise Refused("no-such-record", f"this record does not exist in {table}")
    return table_record


def _expected(table_record: TableRecord, expected: Callable[[TableRecord], bool]) -> TableRecord:
    if not expected(table_record):
        raise _changed()
    return table_record


def _changed() -> Refused:
    return Refused(
        "record-changed", "the record has changed since you read it", hint="nothing was changed: read it again"
    )
