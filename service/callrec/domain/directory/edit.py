"""Edits of the tables: a list of new, removed and changed records, which is carried out completely or not at all.

Of a changed user only the fields that differ are written, so that a flag that the user changes by phone at the same time stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from callrec.domain.directory import unique_keys as c
from callrec.domain.directory.frozen_record import frozen_record
from callrec.domain.directory.model import (
    Context,
    Entity,
    FunctionKey,
    Group,
    Incall,
    Line,
    Place,
    Profile,
    Role,
    Tables,
    User,
    Voicemail,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TableRecord = User | Line | Incall | Voicemail | Context | Entity | Profile | FunctionKey | Role | Place | Group
"""A record of a table that edits can change."""


class Table(StrEnum):
    """The tables, as their hashes and events name them."""

    USERS = "users"
    LINES = "lines"
    INCALLS = "incalls"
    VOICEMAILS = "voicemails"
    CONTEXTS = "contexts"
    ENTITIES = "entities"
    PROFILES = "profiles"
    KEYS = "keys"
    ROLES = "roles"
    PLACES = "places"
    GROUPS = "groups"


@frozen_record(frozen=True, slots=True)
class Change:
    """One record that is new (`before` is None), removed (`after` is None) or changed; both are of one type."""

    before: TableRecord | None
    after: TableRecord | None

    def claims_before(self) -> tuple[c.Claim, ...]:
        """The unique keys that the record had."""
        return claims_of(self.before)

    def claims_after(self) -> tuple[c.Claim, ...]:
        """The unique keys that the record has after the change."""
        return claims_of(self.after)


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes that belong together, in any order."""

    changes: Iterable[Change]
    """Asked for more than once: no iterator."""

    def __bool__(self) -> bool:
        return any(True for _ in self.changes)


def place(table_record: TableRecord) -> tuple[Table, str]:
    """A record's table, and its key there."""
    table, key = _PLACES[type(table_record)]
    return table, key(table_record)


def in_order(tables: Tables) -> Tables:
    """The same tables, sorted: users by id, feature codes by feature, all other records by key."""

    def key(table_record: TableRecord) -> str:
        return place(table_record)[1]

    return replace(
        tables,
        users=tuple(sorted(tables.users, key=lambda user: (len(user.id), user.id))),
        lines=tuple(sorted(tables.lines, key=key)),
        incalls=tuple(sorted(tables.incalls, key=key)),
        voicemails=tuple(sorted(tables.voicemails, key=key)),
        codes=tuple(sorted(tables.codes, key=lambda code: code.feature)),
    )


def claims_of(table_record: TableRecord | None) -> tuple[c.Claim, ...]:
    """The unique keys of this record; none for None."""
    found = _CLAIMS.get(type(table_record))
    return found(table_record) if found and table_record else ()


# Tables by type, not `match`: a large file needs a million look-ups. Each function gets records of its own type only.
_PLACES = cast(
    "Mapping[type[TableRecord], tuple[Table, Callable[[TableRecord], str]]]",
    {
        User: (Table.USERS, lambda user: user.id),
        Line: (Table.LINES, c.endpoint),
        Incall: (Table.INCALLS, lambda incall: c.at(incall.exten, incall.context)),
        Voicemail: (Table.VOICEMAILS, lambda box: c.at(box.mailbox, box.context)),
        Context: (Table.CONTEXTS, lambda context: context.name),
        Entity: (Table.ENTITIES, lambda entity: str(entity.id)),
        Profile: (Table.PROFILES, lambda profile: profile.name),
        FunctionKey: (Table.KEYS, lambda key: f"{key.user}:{key.number}"),
        Role: (Table.ROLES, lambda role: role.name),
        Place: (Table.PLACES, lambda one: c.place_key(one.kind, one.name)),
        Group: (Table.GROUPS, lambda group: group.name),
    },
)
_CLAIMS = cast(
    "Mapping[type, Callable[[TableRecord], tuple[c.Claim, ...]]]",
    {
        User: c.claims_of_user,
        Line: c.claims_of_line,
        Incall: c.claims_of_incall,
        Voicemail: c.claims_of_voicemail,
        FunctionKey: c.claims_of_key,
    },
)
