"""The rules for one record: those of the import file's columns for its fields, and the records that it needs in other tables.

Of a changed record only the changed fields are checked: a line whose number is outside the ranges that its context got later can
still get a new secret.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from callrec.domain.directory import line_clashes
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.feature_codes import claimed_fault
from callrec.domain.directory.field_rules import FORWARD, FORWARDS
from callrec.domain.directory.function_keys import checked_key
from callrec.domain.directory.model import (
    PAGE_LANGUAGES,
    Context,
    ContextKind,
    Entity,
    FunctionKey,
    Group,
    Incall,
    Line,
    Permission,
    Place,
    Profile,
    Role,
    User,
    Voicemail,
    by_number,
)
from callrec.domain.directory.services import TO_ITSELF, forward_fault
from callrec.domain.directory.unique_keys import TECHNOLOGY
from callrec.domain.directory.user_file.columns import BY_NAME, LINE_NAME, MAILBOX_PASSWORD
from callrec.domain.directory.user_file.site_rules import context_fault, number_fault
from callrec.domain.directory.value_checks import Check, between, matching, one_of, text
from callrec.domain.errors import Refused
from callrec.domain.rules import PlaceKind, Rule, UserId


@dataclass(frozen=True, slots=True)
class Fault:
    """One wrong field, and why ("must be ...")."""

    field: str
    reason: str


class RecordRefused(Refused):
    """A record with wrong fields: `faults` has all of them."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        more = f", and {len(self.faults) - 1} more" if len(self.faults) > 1 else ""
        first = self.faults[0]
        super().__init__("record-refused", f"{first.field} {first.reason}{more}", hint="nothing was changed")


@dataclass(frozen=True, slots=True)
class Field:
    """The rule of one field; `empty`: whether an empty text is accepted."""

    name: str
    check: Check
    empty: bool = False


PASSWORD_HASH = matching(r"\$argon2id\$[A-Za-z0-9$+/=,]{20,400}", "an argon2id hash of a password ($argon2id$...)")
ENTITY_ID = between(1, 999_999_999)
NAME = text(64, least=1)
PLACE_NAME = matching(
    r"[A-Za-z0-9_.@+*#-]([A-Za-z0-9_.@+*# -]{0,78}[A-Za-z0-9_.@+*#-])?",
    "letters, digits, blanks and any of _ . @ + * # -, at most 80, the first and the last no blank",
)
"""Of a trunk, a queue or a conference. Other characters have a meaning in Asterisk's dialplan (`,` `(` `$`), or in a path of the
API (`/`)."""


def _fields(**columns: str) -> tuple[Field, ...]:
    """Fields by the columns of the import file that have the same rule."""
    found = ((name, BY_NAME[column]) for name, column in columns.items())
    return tuple(Field(name, one.check, not (one.required or one.default)) for name, one in found)


_SAME = (
    *("firstname", "lastname", "language", "username", "profileclient", "outcallerid"),
    *("agentnumber", "mobilephonenumber", "bosssecretary"),
)
FIELDS: Mapping[type[TableRecord], tuple[Field, ...]] = {
    User: (
        *_fields(**{name: name for name in _SAME}),
        Field("password_hash", PASSWORD_HASH, empty=True),
        *(Field(name, FORWARD, empty=True) for name in sorted(FORWARDS)),
        Field("page_language", one_of(*PAGE_LANGUAGES), empty=True),
    ),
    Line: _fields(number="phonenumber", protocol="protocol", secret="linesecret"),  # noqa: S106 - a column's name
    Incall: (*_fields(exten="incallexten", ring_s="incallringseconds"), *_fields(language="language")),
    Voicemail: (
        *_fields(mailbox="voicemailmailbox", name="voicemailname"),
        Field("password", MAILBOX_PASSWORD),
        *_fields(email="voicemailemail"),
    ),
    Entity: (Field("id", ENTITY_ID), Field("name", text(128, least=1))),
    Profile: (Field("name", NAME),),
    Role: (Field("name", NAME),),
    Place: (Field("name", PLACE_NAME),),
    Group: (Field("name", NAME),),
    Context: (),
    FunctionKey: (),
}
"""Contexts and function keys have rules of their own, in `contexts` and `function_keys`."""


def checked(before: TableRecord | None, after: TableRecord, tables: Directory) -> None:
    """Raises Refused when `after` cannot replace `before` (None: it is new); RecordRefused when fields have wrong values."""
    if isinstance(after, FunctionKey):
        checked_key(before if isinstance(before, FunctionKey) else None, after, tables)
    former = set(_faults(before, tables)) if before else set()
    found = [fault for fault in _faults(after, tables) if fault not in former or not _same(before, after, fault.field)]
    if isinstance(after, Line) and (
        reason := line_clashes.fault(
            before if isinstance(before, Line) else None,
            after,
            tables.records(Table.LINES),
            tables.named_alike(after.name),
        )
    ):
        found.append(Fault("number" if after.protocol == "sccp" else "name", reason))
    if found:
        raise RecordRefused(found)


def _same(before: TableRecord | None, after: TableRecord, field: str) -> bool:
    return bool(getattr(before, field) == getattr(after, field))


def _faults(table_record: TableRecord, tables: Directory) -> Iterator[Fault]:
    for field in FIELDS[type(table_record)]:
        value = getattr(table_record, field.name)
        written = "" if value is None else str(value)
        if not (field.check.accepts(written) if written else field.empty):
            yield Fault(field.name, f"must be {field.check.says}" if written else "must have a value")
    match table_record:
        case User():
            yield from _user(table_record, tables)
        case Line():
            yield from _line(table_record, tables)
        case Incall():
            yield from _owner(table_record.user, tables)
            yield from _number(tables, ("exten", table_record.exten), table_record.context, ContextKind.INCALL)
        case Voicemail():
            yield from _voicemail(table_record, tables)
        case Place():
            yield from _place(table_record, tables)
        case Role() | Profile() | Group():
            yield from _of_accounts(table_record, tables)


def _of_accounts(table_record: Role | Profile | Group, tables: Directory) -> Iterator[Fault]:
    match table_record:
        case Role(permissions=()):
            yield Fault("permissions", "must be at least one")
        case Role(permissions=permissions) if permissions != tuple(one for one in Permission if one in permissions):
            yield Fault("permissions", "must be in the order of the list of permissions, each once")
        case Profile(role=role) if role is not None and role not in tables.records(Table.ROLES):
            yield Fault("role", "must be a role's name")
        case Group():
            yield from _group(table_record, tables)


def _user(user: User, tables: Directory) -> Iterator[Fault]:
    if str(user.entityid) not in tables.records(Table.ENTITIES):
        yield Fault("entityid", "must be an entity's id")
    if user.profileclient and user.profileclient not in tables.records(Table.PROFILES):
        yield Fault("profileclient", "must be a profile's name")
    if user.enableclient and not user.username:
        yield Fault("username", "must have a value when enableclient is true")
    if not user.language and tables.voicemails_of(user.id):
        yield Fault("language", "must have a value: the user has a voicemail")
    for name in sorted(FORWARDS):
        number = getattr(user, name)
        if FORWARD.accepts(number) and (reason := forward_fault(number, user.id, tables)):
            yield Fault(name, reason)


def _line(line: Line, tables: Directory) -> Iterator[Fault]:
    yield from _owner(line.user, tables)
    yield from _number(tables, ("number", line.number), line.context, ContextKind.INTERNAL)
    if reason := claimed_fault(line.number, tables.codes()):
        yield Fault("number", reason)
    owner = tables.user(line.user)
    if owner and line.number in (getattr(owner, name) for name in FORWARDS):
        yield Fault("number", TO_ITSELF)
    if line.protocol == "sccp":
        if line.name != line.number:
            yield Fault("name", "must be the number: an SCCP line is named after it")
        if line.secret:
            yield Fault("secret", "must be empty for an SCCP line")
        return
    if not LINE_NAME.accepts(line.name):
        yield Fault("name", f"must be {LINE_NAME.says}")
    if not line.secret:
        yield Fault("secret", "must have a value: a SIP line logs in with it")


def _voicemail(box: Voicemail, tables: Directory) -> Iterator[Fault]:
    yield from _owner(box.user, tables)
    user = tables.user(box.user)
    if user and box.context not in {line.context for line in tables.lines_of(box.user)}:
        yield Fault("context", "must be the context of one of the user's lines")
    if user and not user.language:
        yield Fault("user", "must have a language: the mailbox speaks it")


def _place(one: Place, tables: Directory) -> Iterator[Fault]:
    lines = tables.records(Table.LINES)
    if one.kind is PlaceKind.TRUNK and any(f"{technology}/{one.name}" in lines for technology in TECHNOLOGY.values()):
        yield Fault("name", "must be a trunk's endpoint, and is a user's line: set the rules of the user")
    if one.record not in {Rule.ALWAYS, Rule.NEVER}:
        yield Fault("record", "must be always or never: *3 is a permission of users")


def _group(group: Group, tables: Directory) -> Iterator[Fault]:
    for name in ("members", "supervisors"):
        users: tuple[UserId, ...] = getattr(group, name)
        if unknown := [user for user in users if tables.user(user) is None]:
            yield Fault(name, f"must be ids of users, and {unknown[0][:20]!r} is not")
        elif users != by_number(users):
            yield Fault(name, "must be in the order of the ids, each once")


def _owner(user: UserId, tables: Directory) -> Iterator[Fault]:
    if tables.user(user) is None:
        yield Fault("user", "must be a user's id")


def _number(tables: Directory, number: tuple[str, str], where: str, kind: ContextKind) -> Iterator[Fault]:
    contexts = cast("Mapping[str, Context]", tables.records(Table.CONTEXTS))
    if reason := context_fault(contexts, where, kind):
        yield Fault("context", reason)
    elif reason := number_fault(contexts[where], number[1]):
        yield Fault(number[0], reason)
