"""The fields of a form of a record: how each is shown, and how what was typed becomes a value of the API's body."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from callrec.app.directory.find_user import find_user_or_name
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.pages.forms import Form
from callrec.web.pages.languages import N_

_BETWEEN = re.compile(r"[\s,;]+")
_NAMED = re.compile(r"(?P<name>.*?)\s*(?:\((?P<number>[0-9*#]{1,40})\)|<(?P<id>[0-9]{1,20})>)\s*")
MOST_NAMED = 10_000


class Kind(StrEnum):
    """How a field is typed."""

    TEXT = "text"
    WHOLE = "whole"
    """A whole number."""
    SECRET = "secret"  # noqa: S105 - a kind
    """Never shown; left empty, it stays as it is."""
    BOX = "box"
    CHOICE = "choice"
    LIST = "list"
    """Several values in an area, one a line."""
    MANY = "many"
    """Several of the choices, each with a box."""
    USERS = "users"
    """Several users in an area, one a line."""
    FACT = "fact"
    """Shown, and not changed."""


Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `label` and `hint` are in English, marked for translation; `name` is the API's, `rules.in_internal` for a value
    inside another one."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    hint: str = ""
    needed: bool = False
    choices: Choices | Callable[[Directory], Choices] = ()
    more: Mapping[str, object] = field(default_factory=dict)
    """Further attributes of the element."""
    group: str = ""
    """The heading of the fields that belong together, on the first of them."""
    is_only_new: bool = False
    """Whether only a new record has the field in its form."""
    otherwise: object = ""
    """The value in the form of a new record."""

    def choices_in(self, tables: Directory) -> Choices:
        """The values and texts to choose from, as the tables are now. Texts are in English where they are ours."""
        return self.choices(tables) if callable(self.choices) else self.choices


def shown_value(shown: Mapping[str, object], name: str) -> object:
    """The value of a field in a record as the API shows it."""
    value: object = shown
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def as_text(one: Field, value: object, tables: Directory) -> str:
    """A value as its form has it."""
    if one.kind is Kind.USERS:
        users = (tables.user(UserId(str(each))) for each in _listed(value))
        return "\n".join(named(user, tables) for user in users if user)
    if one.kind is Kind.LIST:
        return "\n".join(map(str, _listed(value)))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    return "" if value is None else str(value)


def typed_value(one: Field, form: Form, tables: Directory) -> object:
    """What was typed, as a value for the body of the API; errors are told at the field."""
    text = form.value(one.name).strip()
    match one.kind:
        case Kind.BOX:
            return form.is_on(one.name)
        case Kind.LIST:
            return [part for part in _BETWEEN.split(text) if part]
        case Kind.MANY:
            return [value for value in form.values.get(one.name, ()) if value]
        case Kind.USERS:
            return _users(one, form, tables)
        case Kind.CHOICE:
            return text or None
        case _:
            return text


def _users(one: Field, form: Form, tables: Directory) -> list[str]:
    lines = [line.strip() for line in form.value(one.name).splitlines() if line.strip()]
    found: list[str] = []
    for line in lines[:MOST_NAMED]:
        try:
            found.append(user_meant(line, tables))
        except Refused as refused:
            form.refuse_at(one.name, refused)
    return found


def named(user: User, tables: Directory) -> str:
    """A user as forms name them: `John Doe (1000)`; with the id in place of a number when there is none."""
    numbers = [line.number for line in tables.lines_of(user.id)]
    return f"{user.name} ({numbers[0]})" if numbers else f"{user.name} <{user.id}>"


def user_meant(typed: str, tables: Directory) -> UserId:
    """The user that somebody names as `named` does, by number, id, or the beginning of a name. Raises Refused."""
    if told := _NAMED.fullmatch(typed):
        by_id = tables.user(UserId(told["id"])) if told["id"] else None
        if by_id and by_id.name == told["name"]:
            return by_id.id
        parties = [tables.by_extension(told["number"] or "", context.name) for context in tables.contexts()]
        numbered = {party.user.id for party in parties if party}
        fits = [one for one in numbered if (user := tables.user(one)) and user.name == told["name"]]
        if len(fits) == 1:
            return fits[0]
    return find_user_or_name(tables.tables(), typed.strip())


def _listed(value: object) -> Sequence[Any]:
    return list(value) if isinstance(value, list | tuple) else []


LANGUAGES: Choices = (
    ("", N_("none")),
    ("de_DE", "Deutsch (de_DE)"),
    ("en_US", "English (en_US)"),
    ("es_ES", "Español (es_ES)"),
    ("fr_FR", "Français (fr_FR)"),
    ("fr_CA", "Français canadien (fr_CA)"),
    ("it_IT", "Italiano (it_IT)"),
    ("nl_NL", "Nederlands (nl_NL)"),
)
