"""A new user with a line, an incoming number and a voicemail, in one form and one change."""

from dataclasses import replace

from aiohttp import web

from callrec.app.directory.user_file.import_users import GENERATE
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Edit, Table
from callrec.domain.directory.model import Permission, User
from callrec.domain.directory.user_file.csv_text import FileRefused
from callrec.domain.directory.user_file.one_user import new_user
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.api.access_changes import log_record_change
from callrec.web.auth import principal_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import ONCE, Editing, change_request, new_once
from callrec.web.pages.records.fields import Field, Kind
from callrec.web.pages.records.one_time_secrets import TICKET, OnceShown, Secret
from callrec.web.pages.routes import Page
from callrec.web.pages.rule_sentences import in_words
from callrec.web.pages.site import page, see_other
from callrec.web.pages.users.fields import GENERAL, INCALL, LINE, SERVICES, VOICEMAIL

NEW = "/users/new"
_COLUMNS = {
    **{one.name: one.name for one in GENERAL},
    "enablehint": "enablehint",
    "enablexfer": "enablexfer",
    "online_record": "onlinerecord",
    "call_record": "callrecord",
    "number": "phonenumber",
    "line_context": "context",
    "protocol": "protocol",
    "name": "linename",
    "secret": "linesecret",
    "exten": "incallexten",
    "incall_context": "incallcontext",
    "ring_s": "incallringseconds",
    "box_name": "voicemailname",
    "mailbox": "voicemailmailbox",
    "password": "voicemailpassword",
    "email": "voicemailemail",
}
"""The fields of the form, each with the column of a user file that has its rule."""
_FIELD_OF = {column: field for field, column in _COLUMNS.items()}


def _renamed(fields: tuple[Field, ...], group: str, **names: str) -> tuple[Field, ...]:
    """The fields of another form, under other names, none of them needed, the first one with a heading."""
    found = [replace(one, name=names.get(one.name, one.name), needed=False, group="") for one in fields]
    return (replace(found[0], group=group), *found[1:])


def _only(fields: object, *names: str) -> tuple[Field, ...]:
    return tuple(one for one in fields if one.name in names)  # type: ignore[attr-defined]


FIELDS: tuple[Field, ...] = (
    *_only(GENERAL, "firstname", "lastname", "language", "mobilephonenumber", "entityid"),
    *_renamed(tuple(LINE.fields), N_("Line"), context="line_context"),
    *_renamed(_only(SERVICES, "enablehint", "enablexfer", "online_record", "call_record"), N_("Services")),
    *_renamed(_only(INCALL.fields, "exten", "context", "ring_s"), N_("Incoming number"), context="incall_context"),
    *_renamed(_only(VOICEMAIL.fields, "name", "mailbox", "password", "email"), N_("Voicemail"), name="box_name"),
)
_ON_AT_FIRST = {"enablehint", "enablexfer"}


class NewUser:
    """The handlers."""

    def __init__(self, editing: Editing, once: OnceShown) -> None:
        self._editing, self._once = editing, once

    def pages(self) -> list[Page]:
        """The table of pages."""
        needs = (Permission.USERS_READ, Permission.USERS_CHANGE)
        return [
            Page("GET", NEW, "newUser", self.show, needs=needs),
            Page("POST", NEW, "makeUser", self.make, needs=needs),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The empty form."""
        return self._form(request, blank(request))

    async def make(self, request: web.Request) -> web.Response:
        """Add the user, with all that the form says, or nothing."""
        form = await typed(request)
        values = _values(form)

        def made(tables: Directory, identity: UserId) -> tuple[Edit, User]:
            edit, row = new_user(values, tables.tables(), identity, GENERATE)
            return edit, row.user

        stated = {name: values[column] for name, column in _COLUMNS.items() if values.get(column)}
        await log_record_change(request, Table.USERS, "create", fields=stated)
        try:
            user = await self._editing.records.create_user(made, change_request(request, form))
        except FileRefused as refused:
            for error in refused.errors:
                form.add(_FIELD_OF.get(error.column, ""), in_words(error.reason, form.language))
            return self._form(request, form)
        except Refused as refused:
            form.refuse_at("", refused)
            return self._form(request, form)
        secrets = self._secrets(user, values)
        address = f"/users/{user.id}"
        if secrets:
            address += f"?{TICKET}={self._once.keep(principal_of(request).actor, secrets)}"
        return see_other(address, "made")

    def _secrets(self, user: User, values: dict[str, str]) -> list[Secret]:
        """What was generated for this user, and has to be told."""
        tables = self._editing.directory
        lines = () if values.get("linesecret") else tables.lines_of(user.id)
        boxes = () if values.get("voicemailpassword") else tables.voicemails_of(user.id)
        return [
            *(Secret(N_("Line secret"), line.name, line.secret) for line in lines if line.secret),
            *(Secret(N_("Voicemail password"), box.mailbox, box.password) for box in boxes),
        ]

    def _form(self, request: web.Request, form: Form) -> web.Response:
        tables = self._editing.directory
        texts = self._editing.texts(None, LINE.table, FIELDS)
        return page(
            request, "users/new.html", form=form, fields=FIELDS, once=form.value(ONCE) or new_once(),
            texts=texts | dict.fromkeys(_ON_AT_FIRST, "true"),
            choices={one.name: one.choices_in(tables) for one in FIELDS},
        )  # fmt: skip


def _values(form: Form) -> dict[str, str]:
    """The form as columns of a user file. A choice alone makes no section: a line is there when its number is."""
    values: dict[str, str] = {}
    for field in FIELDS:
        column = _COLUMNS[field.name]
        text = form.value(field.name)
        values[column] = ("1" if form.is_on(field.name) else "0") if field.kind is Kind.BOX else text.strip()
    if not any(values[name] for name in ("phonenumber", "linename", "linesecret")):
        values |= dict.fromkeys(("context", "protocol"), "")
    if not values["incallexten"]:
        values |= dict.fromkeys(("incallcontext", "incallringseconds"), "")
    return values
