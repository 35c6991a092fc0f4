"""The pages of one table: list, new record, form, removal. What differs between tables is in `RecordKind`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote

from aiohttp import web

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord, place
from callrec.domain.directory.model import Entity, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.api.records import NEEDS
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import ALL, ONCE, RESOURCE, REVISION, Editing, new_once
from callrec.web.pages.records.fields import Field, Kind, as_text, shown_value
from callrec.web.pages.records.one_time_secrets import TICKET, OnceShown, Secret
from callrec.web.pages.records.removal import removal
from callrec.web.pages.routes import Page
from callrec.web.pages.site import SITE, page, see_other

MADE = "make_"
"""A box with this before a field's name: make a new secret."""
SAYS = {"saved": N_("Saved."), "made": N_("Added."), "removed": N_("Removed.")}
MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class Makes:
    """A secret that is generated when the field is left empty in a new record, or when the box says so."""

    field: str
    label: str
    make: Callable[[], str]
    inside: str
    """The name of the record's field."""
    named: str
    """The record's field that says for what it is."""
    when: Callable[[Form], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class RecordKind:
    """What the pages of one table show. Texts are in English, marked for translation."""

    table: Table
    path: str
    """Without the records' keys, e.g. `/settings/contexts`; with `{user}` for records of a user."""
    title: str
    new_title: str
    about: str
    fields: Sequence[Field]
    columns: Sequence[str]
    """The names of the fields in the list."""
    makes: Makes | None = None
    none_yet: str = ""
    above: str = ""
    """The path of the page that leads here."""
    above_title: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_owned(self) -> bool:
        """Whether the records belong to a user."""
        return "{user}" in self.path

    @property
    def route(self) -> str:
        """The path in aiohttp's notation."""
        return self.path.replace("{user}", "{user:[0-9]+}")


class RecordPages:
    """The pages of one kind of records. `around`: what the template gets besides, for the page of a user."""

    def __init__(
        self,
        kind: RecordKind,
        editing: Editing,
        once: OnceShown,
        around: Callable[[web.Request, str], dict[str, Any]] = lambda _request, _path: {},
    ) -> None:
        self._kind, self._editing, self._once, self._around = kind, editing, once, around
        self._reads, self._changes = NEEDS[kind.table]

    def pages(self) -> list[Page]:
        """The table of pages."""
        path, name = self._kind.route, self._kind.table.value.capitalize()
        one = f"{path}/{{key}}"
        reads, changes = (self._reads,), (self._reads, self._changes)
        return [
            Page("GET", path, f"show{name}", self.listed, needs=reads, says=SAYS),
            Page("GET", f"{path}/new", f"newOf{name}", self.new, needs=changes),
            Page("POST", f"{path}/new", f"makeOf{name}", self.make, needs=changes),
            Page("GET", f"{one}/remove", f"askToRemoveOf{name}", self.ask, needs=changes),
            Page("POST", f"{one}/remove", f"removeOf{name}", self.remove, needs=changes),
            Page("GET", one, f"showOneOf{name}", self.show, needs=reads, says=SAYS),
            Page("POST", one, f"changeOf{name}", self.change, needs=changes),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """All records, or those of the user."""
        tables, owner = self._editing.directory, self._owner(request)
        words = request.app[SITE].view(request).words
        rows = await asyncio.to_thread(self._rows, tables, owner, words)
        return self._page(request, "records/list.html", rows=rows[:MOST_LISTED], count=len(rows))

    async def new(self, request: web.Request) -> web.Response:
        """The empty form."""
        self._owner(request)
        form = blank(request)
        form.values.update({name: [value] for name, value in request.query.items() if self._knows(name)})
        return self._form(request, form, None)

    async def make(self, request: web.Request) -> web.Response:
        """Add a record."""
        owner, form = self._owner(request), await typed(request)
        fixed: dict[str, object] = {} if owner is None else {"user": owner.id}
        makes = self._kind.makes
        if makes and not form.value(makes.field) and makes.when(form):
            fixed[makes.field] = makes.make()
        made = await self._editing.create(request, form, self._kind.table, self._kind.fields, fixed)
        if made is None:
            return self._form(request, form, None)
        return self._done(request, made, "made", told=bool(makes and makes.field in fixed))

    async def show(self, request: web.Request) -> web.Response:
        """The form of a record."""
        return self._form(request, blank(request), self._record(request))

    async def change(self, request: web.Request) -> web.Response:
        """Change a record as the form says."""
        table_record, form, makes = self._record(request), await typed(request), self._kind.makes
        told = bool(makes and form.is_on(MADE + makes.field))
        if makes and told:
            form.values[makes.field] = [makes.make()]
        fields = self._fields(table_record)
        done = await self._editing.change(request, form, self._kind.table, place(table_record)[1], fields)
        if done is None:
            return self._form(request, form, table_record)
        return self._done(request, done, "saved", told=told)

    async def ask(self, request: web.Request) -> web.Response:
        """What the removal takes with it."""
        return await self._confirmation(request, blank(request))

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a record."""
        form, table_record = await typed(request), self._record(request)
        if not await self._editing.remove(request, form, self._kind.table, place(table_record)[1]):
            return await self._confirmation(request, form)
        return see_other(self._path(request), "removed")

    async def _confirmation(self, request: web.Request, form: Form) -> web.Response:
        table_record = self._record(request)
        found = await asyncio.to_thread(removal, table_record, self._editing.directory, form.language)
        revision = self._editing.revision(table_record, self._kind.table, ALL)
        return self._page(
            request, "records/remove.html", form=form, removal=found, revision=revision, once=new_once(),
            name=self._name(table_record), back=self._address(request, table_record),
        )  # fmt: skip

    def _done(self, request: web.Request, table_record: TableRecord, word: str, *, told: bool) -> web.Response:
        address, makes = self._address(request, table_record), self._kind.makes
        if makes and told:
            value, name = getattr(table_record, makes.inside), str(getattr(table_record, makes.named))
            secret = Secret(makes.label, name, value)
            address += f"?{TICKET}={self._once.keep(principal_of(request).actor, [secret])}"
        return see_other(address, word)

    def _form(self, request: web.Request, form: Form, table_record: TableRecord | None) -> web.Response:
        kind, tables = self._kind, self._editing.directory
        fields = self._fields(table_record)
        revision = self._editing.revision(table_record, kind.table, fields) if table_record else ""
        makes = kind.makes
        return self._page(
            request, "records/form.html", form=form, fields=fields, is_new=table_record is None,
            choices={one.name: one.choices_in(tables) for one in fields},
            texts=self._editing.texts(table_record, kind.table, fields),
            many={one.name: self._many(form, one, table_record) for one in fields if one.kind is Kind.MANY},
            revision=form.value(REVISION, revision), once=form.value(ONCE) or new_once(),
            name=self._name(table_record) if table_record else "",
            may_change=may_somewhere(principal_of(request), self._changes),
            makes=makes.field if makes else "", make_box=MADE + makes.field if makes else "",
            secrets=self._once.take(request.query.get(TICKET, ""), principal_of(request).actor),
            address=self._address(request, table_record) if table_record else f"{self._path(request)}/new",
        )  # fmt: skip

    def _many(self, form: Form, one: Field, table_record: TableRecord | None) -> list[str]:
        """The values of a field with many boxes that are ticked."""
        if form.values:
            return form.values.get(one.name, [])
        shown = self._editing.shown(table_record, self._kind.table) if table_record else {}
        found = shown_value(shown, one.name)
        return [str(value) for value in found] if isinstance(found, list | tuple) else []

    def _page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        path = self._path(request)
        around: dict[str, Any] = {"tabs": (), "user": None, "lead": "", **self._around(request, path)}
        may_change = may_somewhere(principal_of(request), self._changes)
        return page(request, template, kind=self._kind, path=path, **{"may_change": may_change, **around, **values})

    def _rows(self, tables: Directory, owner: User | None, words: Callable[[str], str]) -> list[dict[str, object]]:
        """The records as the list has them, by name or number. `words` translates."""
        kind = RESOURCE[self._kind.table]
        found = [
            one for one in list(tables.records(kind.table).values())
            if owner is None or getattr(one, "user", None) == owner.id
        ]  # fmt: skip
        columns = [one for name in self._kind.columns for one in self._kind.fields if one.name == name]
        rows: list[dict[str, object]] = []

        def order(one: TableRecord) -> tuple[int, str]:
            return one.id if isinstance(one, Entity) else 0, kind.id_of(one).lower()

        for one in sorted(found, key=order):
            shown = kind.show(one, tables)
            cells = [(column, _cell(column, shown, tables, words)) for column in columns]
            rows.append({"id": quote(kind.id_of(one), safe="@:"), "name": self._name(one), "cells": cells})
        return rows

    def _fields(self, table_record: TableRecord | None) -> Sequence[Field]:
        return [one for one in self._kind.fields if table_record is None or not one.is_only_new]

    def _knows(self, name: str) -> bool:
        return any(one.name == name and one.kind is not Kind.SECRET for one in self._kind.fields)

    def _owner(self, request: web.Request) -> User | None:
        if not self._kind.is_owned:
            return None
        user = self._editing.directory.user(UserId(request.match_info["user"]))
        return user or _missing()

    def _record(self, request: web.Request) -> TableRecord:
        kind, owner = RESOURCE[self._kind.table], self._owner(request)
        found = self._editing.directory.records(kind.table).get(kind.key_of(request.match_info["key"]))
        if found is None or (owner and getattr(found, "user", None) != owner.id):
            _missing()
        return found

    def _path(self, request: web.Request) -> str:
        return self._kind.path.replace("{user}", request.match_info.get("user", ""))

    def _address(self, request: web.Request, table_record: TableRecord) -> str:
        return f"{self._path(request)}/{quote(RESOURCE[self._kind.table].id_of(table_record), safe='@:')}"

    def _name(self, table_record: TableRecord) -> str:
        for name in ("number", "exten", "mailbox"):
            if found := getattr(table_record, name, ""):
                return str(found)
        return str(getattr(table_record, "name", ""))


def _cell(column: Field, shown: Mapping[str, object], tables: Directory, words: Callable[[str], str]) -> object:
    """What the list shows of a field: a text, or for boxes whether it is ticked. The name of a record is never translated."""
    value = shown_value(shown, column.name)
    if column.kind is Kind.BOX:
        return bool(value)
    if column.kind in {Kind.MANY, Kind.USERS} and isinstance(value, list | tuple):
        return len(value)
    text = as_text(column, value, tables)
    if column.kind is Kind.CHOICE:
        return next((words(says) for known, says in column.choices_in(tables) if known == text != says), text)
    return text.replace("\n", ", ")


def _missing() -> NoReturn:
    raise Refused("no-such-record", "this record does not exist")
