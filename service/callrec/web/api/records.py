"""Users, lines, contexts, roles and all other tables over HTTP: list, read, create, change, remove. One class for all."""

import asyncio
import json
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, create_model

from callrec.app.directory.paging import Order, begins, page
from callrec.app.directory.records import Records
from callrec.app.ports.asterisk import Numbers
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import Permission, User
from callrec.web.api.record_changes import RecordChanges
from callrec.web.api.record_names import FIELDS
from callrec.web.api.resources import RESOURCES, Resource
from callrec.web.api.responses import page_of
from callrec.web.api.schemas import changes
from callrec.web.requests import Cursor, Tags, body_of, change_request_of, query_of
from callrec.web.routes import PREFIX, Answer, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

MOST = 1000
_READ, _MADE, _GONE = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
IN_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)

_AN = dict.fromkeys("aeio", "an")


class Query(BaseModel):
    """Query parameters; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")


def operations(records: Records, tags: Tags, numbers: Numbers) -> list[Operation]:
    """All operations of all kinds of records."""
    return [one for resource in RESOURCES for one in _Kind(resource, records, tags, numbers).operations()]


def shown(body: object, status: HTTPStatus = _READ, **headers: str) -> web.Response:
    """A JSON answer. `headers`: names with underscores in place of dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(text=_dumped(body), status=status, content_type="application/json", headers=named)


def _dumped(body: object) -> str:
    return json.dumps(body, ensure_ascii=False)


class _Kind:
    """One kind of records over HTTP."""

    def __init__(self, resource: Resource, records: Records, tags: Tags, numbers: Numbers) -> None:
        self._kind, self._records, self._tags = resource, records, tags
        self._change, self._changes = changes(resource.new, *resource.fixed), RecordChanges(records, numbers)
        self._query = _list_query(resource)

    def operations(self) -> list[Operation]:
        """The five operations of this kind."""
        needs, changes_it = NEEDS[self._kind.table]
        kind, singular, Name = self._kind, self._kind.singular, self._kind.singular.capitalize()  # noqa: N806 - it names types
        one, one_of, tagged = f"/{kind.name}/{{id}}", f"the {singular}", ("ETag",)
        missing, changed = HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED
        return [
            Operation(
                "GET", f"/{kind.name}", f"list{kind.name.capitalize()}", kind.name, f"List {kind.name} in pages.", self._list,
                {_READ: Answer("A page.", page_of(kind.shown))}, (HTTPStatus.UNPROCESSABLE_ENTITY,),
                query=self._query, needs=(needs,),
            ),
            Operation(
                "POST", f"/{kind.name}", f"create{Name}", kind.name, f"Create {_AN.get(singular[0], 'a')} {singular}.",
                self._create,
                {_MADE: Answer(f"The new {singular}.", kind.shown, ("ETag", "Location"))}, IN_BODY,
                body=kind.new, headers=("Idempotency-Key",), needs=(changes_it,),
            ),
            Operation(
                "GET", one, f"read{Name}", kind.name, f"Read one {singular}.", self._read,
                {_READ: Answer(f"{one_of.capitalize()}.", kind.shown, tagged)}, (missing,),
                id_says=kind.id_says, id_pattern=kind.id_pattern, needs=(needs,),
            ),
            Operation(
                "PATCH", one, f"change{Name}", kind.name, f"Change one {singular}; fields that are left out stay.", self._patch,
                {_READ: Answer(f"{one_of.capitalize()} after the change.", kind.shown, ("ETag", "Content-Location"))},
                (*IN_BODY, missing, changed, HTTPStatus.PRECONDITION_REQUIRED),
                body=self._change, headers=("If-Match", "Idempotency-Key"), id_says=kind.id_says, id_pattern=kind.id_pattern,
                needs=(changes_it,),
            ),
            Operation(
                "DELETE", one, f"delete{Name}", kind.name, _REMOVES.get(kind.table, f"Remove one {singular}."), self._delete,
                {_GONE: Answer("Removed.")}, (missing, HTTPStatus.CONFLICT, changed, HTTPStatus.UNPROCESSABLE_ENTITY),
                headers=("If-Match (optional)", "Idempotency-Key"), id_says=kind.id_says, id_pattern=kind.id_pattern,
                needs=(changes_it,),
            ),
        ]  # fmt: skip

    async def _list(self, request: web.Request) -> web.Response:
        query, tables, stale = query_of(request, self._query), self._records.directory, self._records.stale
        said: dict[str, Any] = query.model_dump(exclude_none=True)
        limit = said.pop("limit", 100)
        if self._kind.table_record is User and set(said) == {"q"}:
            found = tables.by_name(said["q"], limit)
            items = [self._kind.show(user, tables) for user in found]
            return shown({"items": items, "next": None, "total": None, "stale": stale})
        text = await asyncio.to_thread(self._page, tables, said, limit, stale)  # the event loop stays free for calls
        return web.Response(text=text, content_type="application/json")

    def _page(self, tables: Directory, said: dict[str, Any], limit: int, stale: bool) -> str:
        """The page as JSON. Runs in a thread, so it first copies the table (atomically): the table may change meanwhile."""
        table_records: Collection[TableRecord] = list(tables.records(self._kind.table).values())
        sort, typed, cursor = said.pop("sort", ""), said.pop("q", ""), said.pop("cursor", "")
        by, kind = sort.lstrip("-"), self._kind.filters.get(sort.lstrip("-"), str)
        inside = FIELDS[self._kind.table_record]
        value: Callable[[TableRecord], object] = attrgetter(inside[by]) if by else (lambda _: "")
        order = Order(value, self._kind.id_of, backwards=sort.startswith("-"))
        after = Cursor.read(cursor, sort, str if kind is str else int).place if cursor else None

        def wanted(table_record: TableRecord) -> bool:
            same = all(getattr(table_record, inside[name]) == value for name, value in said.items())
            return same and (not typed or begins(cast("User", table_record).name, typed))

        found = page(table_records, order, wanted=wanted, limit=limit, after=after)
        return _dumped(
            {
                "items": [self._kind.show(table_record, tables) for table_record in found.records],
                "next": str(Cursor(sort, found.ends)) if found.ends else None,
                "total": found.total,
                "stale": stale,
            }
        )

    async def _create(self, request: web.Request) -> web.Response:
        body, change_request = await body_of(request, self._kind.new), await change_request_of(request)
        table_record = await self._changes.create(request, self._kind, body, change_request)
        return self._answer(table_record, _MADE, Location=self._address(table_record))

    async def _read(self, request: web.Request) -> web.Response:
        return self._answer(self._records.read(self._kind.table, self._key(request)))

    async def _patch(self, request: web.Request) -> web.Response:
        expected = self._tags.expected(request, self._shown, required=True)
        body, change_request = await body_of(request, self._change), await change_request_of(request)
        table_record = await self._changes.change(
            request, self._kind, self._key(request), body, change_request, expected=expected
        )
        return self._answer(table_record, Content_Location=self._address(table_record))

    async def _delete(self, request: web.Request) -> web.Response:
        expected, change_request = (
            self._tags.expected(request, self._shown, required=False),
            await change_request_of(request),
        )
        await self._changes.remove(request, self._kind, self._key(request), change_request, expected=expected)
        return web.Response(status=_GONE)

    def _answer(self, table_record: TableRecord, status: HTTPStatus = _READ, **headers: str) -> web.Response:
        answer = self._shown(table_record)
        return shown(answer, status, ETag=self._tags.of(table_record, answer), **headers)

    def _shown(self, table_record: TableRecord) -> dict[str, object]:
        return self._kind.show(table_record, self._records.directory)

    def _key(self, request: web.Request) -> str:
        return self._kind.key_of(request.match_info["id"])

    def _address(self, table_record: TableRecord) -> str:
        return f"{PREFIX}/{self._kind.name}/{quote(self._kind.id_of(table_record), safe='@:')}"


_PEOPLE = (Permission.USERS_READ, Permission.USERS_CHANGE)
_SETTINGS = (Permission.USERS_READ, Permission.SETTINGS_CHANGE)
_ACCOUNTS = (Permission.ACCOUNTS_READ, Permission.ACCOUNTS_CHANGE)
NEEDS: "Mapping[Table, tuple[Permission, Permission]]" = {
    **dict.fromkeys((Table.USERS, Table.LINES, Table.INCALLS, Table.VOICEMAILS, Table.KEYS), _PEOPLE),
    **dict.fromkeys((Table.CONTEXTS, Table.ENTITIES, Table.PLACES), _SETTINGS),
    Table.PROFILES: (Permission.USERS_READ, Permission.ACCOUNTS_CHANGE),
    **dict.fromkeys((Table.ROLES, Table.GROUPS), _ACCOUNTS),
}
"""The permissions to read and to change the records of each table. Profiles, roles and groups decide who may do what."""
_REMOVES = {
    Table.USERS: "Remove one user with their lines, incalls and voicemails, and all function keys to them.",
    Table.VOICEMAILS: "Remove one voicemail, and the function keys to it.",
    Table.CONTEXTS: "Remove a context without numbers. The last context cannot be removed.",
    Table.ENTITIES: "Remove an entity without users. The last entity cannot be removed.",
    Table.PROFILES: "Remove a profile that no user has. The last profile cannot be removed.",
    Table.ROLES: "Remove a role. The last role that may change settings cannot be removed.",
    Table.LINES: "Remove a line. A line that its user's mailbox needs cannot be removed.",
}


def _list_query(resource: Resource) -> type[BaseModel]:
    fields: dict[str, Any] = {
        "limit": (int, Field(100, ge=1, le=MOST, description="The most records in the page.")),
        "cursor": (
            str | None,
            Field(None, max_length=6000, pattern="^[A-Za-z0-9_-]+$", description="The `next` of the page before."),
        ),
        "sort": (
            Literal[tuple(f"{sign}{name}" for name in resource.filters for sign in ("", "-"))] | None,
            Field(None, description="The field to sort by, descending with a - before it. Default: by id."),
        ),
    }
    if resource.named:
        says = "The beginning of a name or of a word in it; case and accents are ignored."
        if resource.table_record is User:
            says += " Without other parameters (except `limit`) the search is fastest, and the answer is one page."
        fields["q"] = (str | None, Field(None, max_length=200, description=says))
    for name, kind in resource.filters.items():
        limits: dict[str, Any] = {"max_length": 200} if kind is str else {}
        fields[name] = (kind | None, Field(None, description=f"Only records with exactly this {name}.", **limits))
    made: type[BaseModel] = create_model(f"List{resource.name.capitalize()}", __base__=Query, **fields)
    return made
