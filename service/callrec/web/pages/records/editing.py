"""Saves and removes records as forms say: the same bodies, rules and permissions as the API's."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel

from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.records import Records
from callrec.app.ports.asterisk import Numbers
from callrec.app.ports.directory import DirectorySource
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.last_changes import LastChange
from callrec.domain.directory.model import User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.api.record_changes import RecordChanges
from callrec.web.api.resources import RESOURCES, Resource
from callrec.web.api.schemas import changes
from callrec.web.auth import log_refusal, principal_of
from callrec.web.pages.forms import Form, validated
from callrec.web.pages.records.fields import Field, Kind, as_text, shown_value, typed_value

REVISION, ONCE = "revision", "once"
"""Hidden fields: the state of the record that the form was made from; a random text by which a form that is sent twice does its
work once."""
RESOURCE = {resource.table: resource for resource in RESOURCES}
MOST_ONCE = 40


@dataclass(frozen=True, slots=True)
class Differs:
    """A field that somebody else has changed since the form was opened: the value in the tables now, and the typed one."""

    label: str
    now: str
    typed: str


@dataclass(frozen=True, slots=True)
class Stale:
    """A form whose record was changed meanwhile: who did it (empty: unknown) and when, and which fields differ."""

    who: str
    at_s: float | None
    differs: Sequence[Differs]


class Editing:
    """The records behind the forms."""

    def __init__(self, records: Records, tables: DirectorySource, numbers: Numbers) -> None:
        self.records, self._tables, self.numbers = records, tables, numbers
        self._changes = RecordChanges(records, numbers)

    @property
    def directory(self) -> Directory:
        """The tables. Raises Unavailable while they were never loaded."""
        return self.records.directory

    def shown(self, table_record: TableRecord, table: Table) -> dict[str, object]:
        """The record by the API's names."""
        return RESOURCE[table].show(table_record, self.directory)

    def revision(self, table_record: TableRecord, table: Table, fields: Iterable[Field]) -> str:
        """The state of these fields. It changes only when one of them does, so that a service that a user changes by phone does
        not disturb the form of their name."""
        shown = self.shown(table_record, table)
        values = [(one.name, shown_value(shown, one.name)) for one in fields if one.kind is not Kind.SECRET]
        return hashlib.blake2b(repr(values).encode("utf-8", "replace"), digest_size=9).hexdigest()

    def texts(self, table_record: TableRecord | None, table: Table, fields: Iterable[Field]) -> dict[str, str]:
        """The present values for a form; the fields' own ones for a new record."""
        tables = self.directory
        if table_record is None:
            return {one.name: as_text(one, one.otherwise, tables) for one in fields}
        shown = self.shown(table_record, table)
        return {
            one.name: "" if one.kind is Kind.SECRET else as_text(one, shown_value(shown, one.name), tables)
            for one in fields
        }

    async def create(
        self, request: web.Request, form: Form, table: Table, fields: Sequence[Field], fixed: Mapping[str, object]
    ) -> TableRecord | None:
        """Add the record of a form; `fixed`: values that no form has. None when something is wrong, which the form then tells."""
        kind = RESOURCE[table]
        given = {**_given(form, fields, self.directory), **fixed}
        given = {name: value for name, value in given.items() if value not in ("", None)}
        body = None if form.is_wrong else validated(form, kind.new, given)
        if body is None:
            return None
        try:
            return await self._changes.create(request, kind, body, change_request(request, form))
        except Refused as refused:
            await tell_refusal(request, form, refused)
            return None

    async def change(
        self, request: web.Request, form: Form, table: Table, key: str, fields: Sequence[Field]
    ) -> TableRecord | None:
        """Change the fields of a record that differ in the form. None when something is wrong or the record was changed by
        somebody else, which the form then tells."""
        kind, before = RESOURCE[table], self.records.read(table, key)
        if form.value(REVISION) != self.revision(before, table, fields):
            form.stale = self.stale(form, table, key, fields)
            return None
        body = self._changed_fields(form, kind, before, fields)
        if body is None:
            return None
        if not body.model_fields_set:
            return before
        try:
            return await self._changes.change(
                request, kind, key, body, change_request(request, form),
                expected=lambda now: form.value(REVISION) == self.revision(now, table, fields),
            )  # fmt: skip
        except Refused as refused:
            if refused.code == "record-changed":
                form.stale = self.stale(form, table, key, fields)
            else:
                await tell_refusal(request, form, refused)
            return None

    async def remove(self, request: web.Request, form: Form, table: Table, key: str) -> bool:
        """Remove a record; False when that is refused, which the form then tells."""
        expected = form.value(REVISION)
        try:
            await self._changes.remove(
                request, RESOURCE[table], key, change_request(request, form),
                expected=lambda now: expected == self.revision(now, table, ALL),
            )  # fmt: skip
        except Refused as refused:
            await tell_refusal(request, form, refused)
            return False
        return True

    def _changed_fields(
        self, form: Form, kind: Resource, before: TableRecord, fields: Sequence[Field]
    ) -> BaseModel | None:
        """The body with what differs: a flag that was not touched is not set again over a later change by phone."""
        editable = [one for one in fields if not one.is_only_new]
        given, shown = _given(form, editable, self.directory), self.shown(before, kind.table)
        changed: dict[str, object] = {}
        for name, value in given.items():
            old = shown.get(name)
            if isinstance(value, dict) and isinstance(old, Mapping):
                if inner := {part: one for part, one in value.items() if _plain(old.get(part)) != _plain(one)}:
                    changed[name] = inner
            elif _plain(old) != _plain(value):
                changed[name] = value
        return None if form.is_wrong else validated(form, changes(kind.new, *kind.fixed), changed)

    def stale(self, form: Form, table: Table, key: str, fields: Sequence[Field]) -> Stale:
        """What a form says whose record has changed since it was opened. Afterwards the form is for the record as it is now, with
        what was typed: who saves it again has seen the differences."""
        now = self.records.read(table, key)
        texts = self.texts(now, table, fields)
        differs = [
            Differs(one.label, texts[one.name], form.value(one.name))
            for one in fields
            if one.kind not in {Kind.SECRET, Kind.FACT, Kind.MANY}
            and _lines(texts[one.name]) != _lines(form.value(one.name))
        ]
        form.values[REVISION] = [self.revision(now, table, fields)]
        last = self._tables.last_change(table, key)
        return Stale(self.who(last.actor) if last else "", last.at_ms / 1000 if last else None, differs)

    def last_change(self, table: str, key: str) -> LastChange | None:
        """Who changed this record last; None when it is not known."""
        return self._tables.last_change(table, key)

    def who(self, actor: str) -> str:
        """The person or program behind an actor of changes."""
        kind, _, identity = actor.partition(":")
        user = self.directory.user(UserId(identity)) if kind == "account" else None
        return user.name if isinstance(user, User) else actor


_SECRETS = {"secret", "password", "password_hash"}
ALL: tuple[Field, ...] = tuple(
    Field(name, "") for name in sorted({name for one in RESOURCES for name in one.new.model_fields} - _SECRETS)
)
"""Every field, for the state of a whole record."""


def change_request(request: web.Request, form: Form) -> ChangeRequest:
    """The request of a form. A form that is sent twice with the same values is one request."""
    once = form.value(ONCE)[:MOST_ONCE]
    said = repr(sorted((name, values) for name, values in form.values.items() if name != ONCE))
    principal = principal_of(request)
    wording = hashlib.blake2b(
        f"{principal.actor} {request.path} {said}".encode("utf-8", "replace"), digest_size=12
    ).hexdigest()
    if not (once and once.isalnum() and once.isascii()):
        return ChangeRequest(f"page-{secrets.token_hex(16)}", principal.actor, wording, by=principal)
    return ChangeRequest(f"page:{once}:{wording}", principal.actor, wording, may_be_repeated=True, by=principal)


async def tell_refusal(request: web.Request, form: Form, refused: Refused) -> None:
    """Say in the form what was refused. That somebody wanted to give more than they have is in the audit log first."""
    if refused.code == "grant-exceeds":
        await log_refusal(request, f"{request.path}: {refused.message}")
    form.refuse(refused)


def new_once() -> str:
    """For the hidden field of a new form."""
    return secrets.token_hex(16)


def _given(form: Form, fields: Iterable[Field], tables: Directory) -> dict[str, object]:
    given: dict[str, object] = {}
    for one in fields:
        if one.kind is Kind.FACT or (one.kind is Kind.SECRET and not form.value(one.name)):
            continue
        value = typed_value(one, form, tables)
        if one.kind is Kind.WHOLE and value == "":
            continue
        outer, _, inner = one.name.partition(".")
        if inner:
            inside = given.setdefault(outer, {})
            assert isinstance(inside, dict), "only its inner fields have this name"  # noqa: S101 - for the type checker
            inside[inner] = value
        else:
            given[outer] = value
    return given


def _plain(value: object) -> object:
    """A value for comparison: what the form has as text, and the record as something else, is the same."""
    if isinstance(value, list | tuple):
        return sorted(map(str, value))
    return value if isinstance(value, bool) else "" if value is None else str(value)


def _lines(text: str) -> list[str]:
    return text.split()
