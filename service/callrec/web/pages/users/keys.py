"""Function keys of a user: the form, the picture of the phone, the sheet to print, and copying to others."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from aiohttp import web

from callrec.app.directory.dialled_numbers import absent, number_of, undialled
from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit, Table
from callrec.domain.directory.function_keys import KEY_TYPES, NUMBERS, Takes
from callrec.domain.directory.key_sets import Copied, KeyFault, KeysRefused, Unfit, copied, replacing
from callrec.domain.directory.model import FunctionKey, Permission, User
from callrec.domain.errors import Refused
from callrec.web.api.access_changes import log_change, log_changes
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_, translations
from callrec.web.pages.records.editing import ONCE, REVISION, Editing, Stale, change_request, new_once
from callrec.web.pages.records.fields import Field, Kind, typed_value, user_meant
from callrec.web.pages.refusals import refusal_line
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.pages.users.key_words import (
    DESTINATIONS,
    KeyRow,
    KeyShown,
    choices,
    left_out_words,
    refused_key,
    row_of,
    shown,
)
from callrec.web.pages.users.page_frame import AroundUser

KEYS = "/users/{user:[0-9]+}/keys"
SAYS = {"saved": N_("The keys are saved."), "copied": N_("The keys are copied.")}
DO = "do"
"""The button that was pressed: `save`, `add`, or `up`, `down`, `remove` and the row behind a dot."""
MOST_DRAWN = 60
_READ, _CHANGE = (Permission.USERS_READ,), (Permission.USERS_READ, Permission.USERS_CHANGE)
TARGETS = Field("targets", N_("To these users"), Kind.USERS, N_("One user a line: a name, a number, or Name (number)."))


class KeyPages:
    """The handlers."""

    def __init__(self, editing: Editing, around: AroundUser) -> None:
        self._editing, self._around = editing, around

    def pages(self) -> list[Page]:
        """The table of pages."""
        return [
            Page("GET", KEYS, "keys", self.show, needs=_READ, says=SAYS),
            Page("POST", KEYS, "changeKeys", self.change, needs=_CHANGE),
            Page("GET", f"{KEYS}/sheet", "sheetOfKeys", self.sheet, needs=_READ),
            Page("GET", f"{KEYS}/copy", "askToCopyKeys", self.ask_to_copy, needs=_CHANGE),
            Page("POST", f"{KEYS}/copy", "copyKeys", self.copy, needs=_CHANGE),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The keys of a user."""
        user, tables = self._around.user(request), self._editing.directory
        rows = [row_of(key, tables) for key in _sorted(tables.keys_of(user.id))]
        return await self._shown(request, blank(request), rows or [KeyRow("1")])

    async def change(self, request: web.Request) -> web.Response:
        """Save the form, or change its rows without saving."""
        form, user = await typed(request), self._around.user(request)
        rows = _rows(form)
        action, _, at = form.value(DO, "save").partition(".")
        if action != "save":
            return await self._shown(request, form, _rearranged(rows, action, at), is_unsaved=True)
        rows = [row for row in rows if not row.is_empty]
        keys = [_key(form, row, user, self._editing.directory) for row in rows]
        if form.value(REVISION) != _revision(user, self._editing.directory):
            return await self._stale(request, form, rows)
        if any(row.faults for row in rows):
            return await self._wrong(request, form, rows, ())

        def plan(tables: Directory) -> Edit:
            if form.value(REVISION) != _revision(user, tables):
                raise Refused("record-changed", "the keys have changed")
            return replacing(user.id, [key for key in keys if key], tables)

        wanted = [key for key in keys if key]
        if faults := await undialled(wanted, self._editing.directory, self._editing.numbers):
            return await self._wrong(request, form, rows, faults)
        said = [f"{key.number} {key.type} {key.destination}" for key in wanted]
        await log_change(request, f"user:{user.id}", "keys", keys=said)
        try:
            await self._editing.records.edit(plan, change_request(request, form))
        except KeysRefused as refused:
            return await self._wrong(request, form, rows, refused.faults)
        except Refused as refused:
            if refused.code == "record-changed":
                return await self._stale(request, form, rows)
            form.refuse_at("", refused)
            return await self._shown(request, form, rows, is_unsaved=True)
        return see_other(f"/users/{user.id}/keys", "saved")

    async def sheet(self, request: web.Request) -> web.Response:
        """A page to print: key, label, what to dial, what to watch."""
        user, tables = self._around.user(request), self._editing.directory
        return page(
            request, "users/sheet.html", **self._around(request), lines=tables.lines_of(user.id),
            keys=[shown(key, tables) for key in _sorted(tables.keys_of(user.id))],
        )  # fmt: skip

    async def ask_to_copy(self, request: web.Request) -> web.Response:
        """The users to which the keys are to be copied."""
        return self._copying(request, blank(request), [])

    async def copy(self, request: web.Request) -> web.Response:
        """Show what copying does, and do it when that was seen."""
        form, user = await typed(request), self._around.user(request)
        found = await self._targets(form, user)
        if not found and not form.is_wrong:
            form.add("targets", N_("Name one user at least."))
        if form.is_wrong or form.value(DO) != "copy":
            return self._copying(request, form, found)
        keep = form.is_on("keep", otherwise=True)
        users = [one.user.id for one in found]
        absent_now = {left.key for one in found for left in one.left_out if left.why is Unfit.NO_NUMBER}

        def plan(tables: Directory) -> Edit:
            keys = tables.keys_of(user.id)
            changes: list[Change] = []
            for one in users:
                if target := tables.user(one):
                    new = copied(keys, target, tables, keep=keep, absent=absent_now).keys
                    changes += replacing(one, new, tables).changes
            return Edit(tuple(changes))

        await log_changes(request, [f"user:{one}" for one in users], "copy keys", of=user.id, keep=keep)
        try:
            await self._editing.records.edit(plan, change_request(request, form))
        except Refused as refused:
            form.refuse(refused)
            return self._copying(request, form, found)
        return see_other(f"/users/{user.id}/keys", "copied")

    async def _targets(self, form: Form, user: User) -> list[Copied]:
        """What copying does to each user that the form names; Asterisk is asked for the numbers of the keys that come."""
        tables, found = self._editing.directory, []
        ids = typed_value(TARGETS, form, tables)
        wanted = [tables.user(one) for one in dict.fromkeys(ids if isinstance(ids, list) else []) if one != user.id]
        keys, keep = tables.keys_of(user.id), form.is_on("keep", otherwise=True)
        for target in filter(None, wanted):
            come = copied(keys, target, tables, keep=keep).come
            missing = await absent(come, tables, self._editing.numbers)
            found.append(copied(keys, target, tables, keep=keep, absent=missing))
        return found

    def _copying(self, request: web.Request, form: Form, found: Sequence[Copied]) -> web.Response:
        tables, user = self._editing.directory, self._around.user(request)
        return page(
            request, "users/copy.html", **self._around(request), form=form, target=TARGETS, found=found, once=new_once(),
            why=lambda one: left_out_words(one, form.language),
            keys=[shown(key, tables) for key in _sorted(tables.keys_of(user.id))],
        )  # fmt: skip

    async def _stale(self, request: web.Request, form: Form, rows: list[KeyRow]) -> web.Response:
        user, tables = self._around.user(request), self._editing.directory
        changes = [self._editing.last_change(Table.KEYS, f"{user.id}:{number}") for number in NUMBERS]
        last = max((one for one in changes if one), key=lambda one: one.at_ms, default=None)
        form.stale = Stale(self._editing.who(last.actor) if last else "", last.at_ms / 1000 if last else None, ())
        form.values[REVISION] = [_revision(user, tables)]
        return await self._shown(request, form, rows, is_unsaved=True)

    async def _wrong(
        self, request: web.Request, form: Form, rows: Sequence[KeyRow], faults: Sequence[KeyFault]
    ) -> web.Response:
        """The form with what was refused, in the language of the page where its code has words of ours."""
        for fault in faults:
            rows[fault.at].faults.setdefault(fault.field, refused_key(fault, rows[fault.at], form.language))
        form.add("", N_("Something is wrong with these keys: it is said at each."))
        return await self._shown(request, form, rows, is_unsaved=True)

    async def _shown(
        self, request: web.Request, form: Form, rows: Sequence[KeyRow], *, is_unsaved: bool = False
    ) -> web.Response:
        user, tables = self._around.user(request), self._editing.directory
        stored = [
            shown(key, tables, await number_of(key, tables, self._editing.numbers))
            for key in _sorted(tables.keys_of(user.id))
        ]
        return page(
            request, "users/keys.html", **self._around(request), form=form, rows=rows, stored=stored,
            picture=_picture(stored), types=choices(user, tables), is_unsaved=is_unsaved, unsaved=_drawn(rows),
            destinations={name: DESTINATIONS[kind.takes] for name, kind in KEY_TYPES.items()},
            supervised_types=[name for name, kind in KEY_TYPES.items() if kind.supervised],
            revision=form.value(REVISION, _revision(user, tables)), once=form.value(ONCE) or new_once(),
            may_change=may_somewhere(principal_of(request), Permission.USERS_CHANGE),
        )  # fmt: skip


def _sorted(keys: Sequence[FunctionKey]) -> list[FunctionKey]:
    return sorted(keys, key=lambda key: key.number)


def _revision(user: User, tables: Directory) -> str:
    return hashlib.blake2b(repr(_sorted(tables.keys_of(user.id))).encode("utf-8", "replace"), digest_size=9).hexdigest()


def _rows(form: Form) -> list[KeyRow]:
    """The rows as they were typed. The form says how many there are, and at most one for each key is read."""
    text = form.value("rows")
    count = min(int(text) if text.isascii() and text.isdecimal() and len(text) < len("1000") else 0, len(NUMBERS))
    return [
        KeyRow(
            form.value(f"number.{at}").strip(), form.value(f"type.{at}"), form.value(f"destination.{at}").strip(),
            form.value(f"label.{at}").strip(), form.is_on(f"supervision.{at}"),
        )
        for at in range(count)
    ]  # fmt: skip


def _rearranged(rows: list[KeyRow], action: str, text: str) -> list[KeyRow]:
    """The rows after a button that does not save: two rows change places and keep the numbers where they stood."""
    at = int(text) if text.isascii() and text.isdecimal() and len(text) < len("1000") else -1
    if action == "add":
        used = {row.number for row in rows}
        free = next((str(number) for number in NUMBERS if str(number) not in used), "")
        return [*rows, KeyRow(free)] if len(rows) < len(NUMBERS) else rows
    if action == "remove" and 0 <= at < len(rows):
        return rows[:at] + rows[at + 1 :]
    other = at + {"up": -1, "down": 1}.get(action, 0)
    if 0 <= at < len(rows) and 0 <= other < len(rows) and at != other:
        first, second = rows[at], rows[other]
        rows[at], rows[other] = replace(second, number=first.number), replace(first, number=second.number)
    return rows


def _key(form: Form, row: KeyRow, user: User, tables: Directory) -> FunctionKey | None:
    """The key of a row; None when a field cannot be read, which the row then tells."""
    words = translations(form.language).gettext
    if not (row.number.isascii() and row.number.isdecimal() and int(row.number[:9]) in NUMBERS):
        row.faults["number"] = words(N_("A number from 1 to 250.")) if row.number else words(N_("This is needed."))
    kind, destination = KEY_TYPES.get(row.type), row.destination
    if kind and kind.takes is Takes.USER:
        try:
            destination = user_meant(row.destination, tables) if row.destination else ""
        except Refused as refused:
            row.faults["destination"] = refusal_line(refused, form.language)
        if not row.destination:
            row.faults["destination"] = words(N_("Type the beginning of a name, or a number."))
    if row.faults:
        return None
    return FunctionKey(user.id, int(row.number), row.type, destination, row.label, row.supervision)


def _picture(stored: Sequence[KeyShown]) -> list[tuple[int, KeyShown | None]]:
    """The keys of the phone as they will look, free ones as None."""
    by = {one.key.number: one for one in stored}
    return [(number, by.get(number)) for number in range(1, min(max(by, default=0), MOST_DRAWN) + 1)]


def _drawn(rows: Sequence[KeyRow]) -> list[KeyRow]:
    """The rows of a form that was not saved yet, in the order of their numbers."""
    return sorted((row for row in rows if row.number.isdecimal()), key=lambda row: int(row.number[:9]))[:MOST_DRAWN]
