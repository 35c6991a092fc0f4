"""Adds, changes and removes records for the API and for the pages: the same permissions and entries of the audit log."""

from collections.abc import Callable

from aiohttp import web
from pydantic import BaseModel

from callrec.app.directory.dialled_numbers import check_number
from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.records import Records
from callrec.app.ports.asterisk import Numbers
from callrec.domain.access.decisions import may
from callrec.domain.access.grants import ACCOUNT_FIELDS
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import FunctionKey, Permission, User
from callrec.domain.rules import UserId
from callrec.web.api.access_changes import log_record_change
from callrec.web.api.resources import Resource
from callrec.web.auth import not_permitted, principal_of


class RecordChanges:
    """The three changes of one record. All raise BadRequest (403) without the permission for accounts where it is needed,
    Refused, Unavailable."""

    def __init__(self, records: Records, numbers: Numbers) -> None:
        self._records, self._numbers = records, numbers

    async def create(
        self, request: web.Request, kind: Resource, body: BaseModel, change_request: ChangeRequest
    ) -> TableRecord:
        """Add the record that the body describes."""
        may_set(request, kind, body)
        if kind.table is Table.KEYS:
            await self._check_key(kind.make(body, self._records.directory, UserId("")))
        await log_record_change(request, kind.table, "create", fields=_stated(body))
        return await self._records.create(
            kind.table, lambda tables, identity: kind.make(body, tables, identity), change_request
        )

    async def change(
        self,
        request: web.Request,
        kind: Resource,
        key: str,
        body: BaseModel,
        change_request: ChangeRequest,
        *,
        expected: Callable[[TableRecord], bool],
    ) -> TableRecord:
        """Change the fields that the body has of the record with this key."""
        may_set(request, kind, body)
        if kind.table is Table.KEYS and (before := self._records.directory.records(kind.table).get(key)):
            await self._check_key(kind.become(before, body))
        await log_record_change(request, kind.table, "change", key, _stated(body))
        return await self._records.change(
            kind.table,
            key,
            lambda table_record: kind.become(table_record, body),
            expected,
            change_request,
            stated=body.model_fields_set,
        )

    async def remove(
        self,
        request: web.Request,
        kind: Resource,
        key: str,
        change_request: ChangeRequest,
        *,
        expected: Callable[[TableRecord], bool],
    ) -> None:
        """Remove the record with this key. A user with an account is removed by those who may change accounts."""
        user = self._records.directory.records(kind.table).get(key)
        if isinstance(user, User) and user.enableclient and not may(principal_of(request), Permission.ACCOUNTS_CHANGE):
            raise not_permitted(Permission.ACCOUNTS_CHANGE)
        await log_record_change(request, kind.table, "delete", key)
        await self._records.remove(kind.table, key, expected, change_request)

    async def _check_key(self, key: TableRecord) -> None:
        if isinstance(key, FunctionKey):
            await check_number(key, self._records.directory, self._numbers)


def may_set(request: web.Request, kind: Resource, body: BaseModel) -> None:
    """Raises BadRequest for fields of a user's account without the permission for accounts: with a name, a password and a profile
    everybody could be an administrator."""
    of_account = kind.table is Table.USERS and not body.model_fields_set.isdisjoint(ACCOUNT_FIELDS)
    if of_account and not may(principal_of(request), Permission.ACCOUNTS_CHANGE):
        raise not_permitted(Permission.ACCOUNTS_CHANGE)


def _stated(body: BaseModel) -> dict[str, object]:
    """The fields that the request names."""
    return body.model_dump(mode="json", include=body.model_fields_set)
