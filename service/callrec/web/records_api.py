"""Users, lines, contexts, roles and all other tables: list, read, make, change, remove. One class for all."""

import asyncio
import json
from http import HTTPStatus
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, create_model

from callrec.app.listing import Order, begins, page
from callrec.app.records import Records
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Noun, Table
from callrec.domain.provisioning.model import User
from callrec.web.answers import page_of
from callrec.web.asking import Cursor, Tags, asked_of, body_of, query_of
from callrec.web.operations import PREFIX, Answer, Operation
from callrec.web.record_names import FIELDS
from callrec.web.resources import RESOURCES, Resource
from callrec.web.schemas import changes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MOST = 1000
_READ, _MADE, _GONE = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
IN_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


class Query(BaseModel):
    """Parameters: nothing but these."""

    model_config = ConfigDict(extra="forbid")


def operations(records: Records, tags: Tags) -> list[Operation]:
    """All of all kinds."""
    return [one for resource in RESOURCES for one in _Kind(resource, records, tags).operations()]


def shown(body: object, status: HTTPStatus = _READ, **headers: str) -> web.Response:
    """An answer in JSON; a header's dashes are written as underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.Response(text=_dumped(body), status=status, content_type="application/json", headers=named)


def _dumped(body: object) -> str:
    return json.dumps(body, ensure_ascii=False)


class _Kind:
    """One kind of records over HTTP."""

    def __init__(self, resource: Resource, records: Records, tags: Tags) -> None:
        self._kind, self._records, self._tags = resource, records, tags
        self._change = changes(resource.new, *resource.fixed)
        self._query = _list_query(resource)

    def operations(self) -> list[Operation]:
        """Five of them."""
        kind, word, Name = self._kind, self._kind.word, self._kind.word.capitalize()  # noqa: N806 - it names types
        one, one_of, tagged = f"/{kind.name}/{{id}}", f"the {word}", ("ETag",)
        missing, changed = HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED
        return [
            Operation(
                "GET", f"/{kind.name}", f"list{kind.name.capitalize()}", kind.name, f"List {kind.name} in pages.", self._list,
                {_READ: Answer("A page.", page_of(kind.shown))}, (HTTPStatus.UNPROCESSABLE_ENTITY,), query=self._query,
            ),
            Operation(
                "POST", f"/{kind.name}", f"create{Name}", kind.name, f"Make a new {word}.", self._create,
                {_MADE: Answer(f"The new {word}.", kind.shown, ("ETag", "Location"))}, IN_BODY,
                body=kind.new, headers=("Idempotency-Key",),
            ),
            Operation(
                "GET", one, f"read{Name}", kind.name, f"Read one {word}.", self._read,
                {_READ: Answer(f"{one_of.capitalize()}.", kind.shown, tagged)}, (missing,),
                id_says=kind.id_says, id_pattern=kind.id_pattern,
            ),
            Operation(
                "PATCH", one, f"change{Name}", kind.name, f"Change one {word}; what is left out stays.", self._patch,
                {_READ: Answer(f"{one_of.capitalize()} as it is now.", kind.shown, ("ETag", "Content-Location"))},
                (*IN_BODY, missing, changed, HTTPStatus.PRECONDITION_REQUIRED),
                body=self._change, headers=("If-Match", "Idempotency-Key"), id_says=kind.id_says, id_pattern=kind.id_pattern,
            ),
            Operation(
                "DELETE", one, f"delete{Name}", kind.name, _REMOVES.get(kind.table, f"Remove one {word}."), self._delete,
                {_GONE: Answer("Removed.")}, (missing, HTTPStatus.CONFLICT, changed, HTTPStatus.UNPROCESSABLE_ENTITY),
                headers=("If-Match (optional)", "Idempotency-Key"), id_says=kind.id_says, id_pattern=kind.id_pattern,
            ),
        ]  # fmt: skip

    async def _list(self, request: web.Request) -> web.Response:
        query, tables, stale = query_of(request, self._query), self._records.directory, self._records.stale
        said: dict[str, Any] = query.model_dump(exclude_none=True)
        limit = said.pop("limit", 100)
        if self._kind.noun is User and set(said) == {"q"}:
            found = tables.by_name(said["q"], limit)
            items = [self._kind.show(user, tables) for user in found]
            return shown({"items": items, "next": None, "total": None, "stale": stale})
        text = await asyncio.to_thread(self._page, tables, said, limit, stale)  # calls go on meanwhile
        return web.Response(text=text, content_type="application/json")

    def _page(self, tables: Directory, said: dict[str, Any], limit: int, stale: bool) -> str:
        """In a thread: the table is copied in one step, since it changes meanwhile."""
        nouns: Collection[Noun] = list(tables.records(self._kind.table).values())
        sort, typed, cursor = said.pop("sort", ""), said.pop("q", ""), said.pop("cursor", "")
        by, kind = sort.lstrip("-"), self._kind.filters.get(sort.lstrip("-"), str)
        inside = FIELDS[self._kind.noun]
        value: Callable[[Noun], object] = attrgetter(inside[by]) if by else (lambda _: "")
        order = Order(value, self._kind.id_of, backwards=sort.startswith("-"))
        after = Cursor.read(cursor, sort, str if kind is str else int).place if cursor else None

        def wanted(noun: Noun) -> bool:
            same = all(getattr(noun, inside[name]) == value for name, value in said.items())
            return same and (not typed or begins(cast("User", noun).name, typed))

        found = page(nouns, order, wanted=wanted, limit=limit, after=after)
        return _dumped(
            {
                "items": [self._kind.show(noun, tables) for noun in found.records],
                "next": str(Cursor(sort, found.ends)) if found.ends else None,
                "total": found.total,
                "stale": stale,
            }
        )

    async def _create(self, request: web.Request) -> web.Response:
        body, asked = await body_of(request, self._kind.new), await asked_of(request)
        noun = await self._records.create(
            self._kind.table, lambda tables, identity: self._kind.make(body, tables, identity), asked
        )
        return self._answer(noun, _MADE, Location=self._address(noun))

    async def _read(self, request: web.Request) -> web.Response:
        return self._answer(self._records.read(self._kind.table, self._key(request)))

    async def _patch(self, request: web.Request) -> web.Response:
        expected = self._tags.expected(request, self._shown, required=True)
        body, asked = await body_of(request, self._change), await asked_of(request)
        noun = await self._records.change(
            self._kind.table, self._key(request), lambda noun: self._kind.become(noun, body), expected, asked
        )
        return self._answer(noun, Content_Location=self._address(noun))

    async def _delete(self, request: web.Request) -> web.Response:
        expected, asked = self._tags.expected(request, self._shown, required=False), await asked_of(request)
        await self._records.remove(self._kind.table, self._key(request), expected, asked)
        return web.Response(status=_GONE)

    def _answer(self, noun: Noun, status: HTTPStatus = _READ, **headers: str) -> web.Response:
        answer = self._shown(noun)
        return shown(answer, status, ETag=self._tags.of(noun, answer), **headers)

    def _shown(self, noun: Noun) -> dict[str, object]:
        return self._kind.show(noun, self._records.directory)

    def _key(self, request: web.Request) -> str:
        return self._kind.key_of(request.match_info["id"])

    def _address(self, noun: Noun) -> str:
        return f"{PREFIX}/{self._kind.name}/{quote(self._kind.id_of(noun), safe='@:')}"


_REMOVES = {
    Table.USERS: "Remove one user with their lines, incalls and voicemails, and all function keys that lead there.",
    Table.VOICEMAILS: "Remove one voicemail, and the function keys that lead there.",
    Table.CONTEXTS: "Remove a context that nobody has a number in. The last one stays.",
    Table.ENTITIES: "Remove an entity that no user belongs to. The last one stays.",
    Table.PROFILES: "Remove a profile that no user has. The last one stays.",
    Table.ROLES: "Remove a role. The last one that may change settings stays.",
    Table.LINES: "Remove a line. One that a mailbox belongs to stays.",
}


def _list_query(resource: Resource) -> type[BaseModel]:
    fields: dict[str, Any] = {
        "limit": (int, Field(100, ge=1, le=MOST, description="At most so many.")),
        "cursor": (
            str | None,
            Field(None, max_length=6000, pattern="^[A-Za-z0-9_-]+$", description="The `next` of the page before."),
        ),
        "sort": (
            Literal[tuple(f"{sign}{name}" for name in resource.filters for sign in ("", "-"))] | None,
            Field(None, description="By this field, from the end with a - before it; by id when it is left out."),
        ),
    }
    if resource.named:
        says = "The beginning of a name or of a word of it; case and accents do not count."
        if resource.noun is User:
            says += " Alone (with `limit`) it completes names, fastest and in one page."
        fields["q"] = (str | None, Field(None, max_length=200, description=says))
    for name, kind in resource.filters.items():
        limits: dict[str, Any] = {"max_length": 200} if kind is str else {}
        fields[name] = (kind | None, Field(None, description=f"Only those with exactly this {name}.", **limits))
    made: type[BaseModel] = create_model(f"List{resource.name.capitalize()}", __base__=Query, **fields)
    return made
