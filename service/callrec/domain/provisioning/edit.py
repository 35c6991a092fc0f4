"""What changes the tables: a list of records that come, go, or become others. Done as a whole or not at all.

Of a user who becomes another only the fields that differ are changed: a flag that its owner turns over by phone at the
same time stays as it was turned.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from callrec.domain.provisioning import claims as c
from callrec.domain.provisioning.model import (
    Context,
    Entity,
    FunctionKey,
    Incall,
    Line,
    Profile,
    Role,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.provisioning.nouns import noun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Noun = User | Line | Incall | Voicemail | Context | Entity | Profile | FunctionKey | Role
"""What stands in a table that edits change."""


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


@noun(frozen=True, slots=True)
class Change:
    """One record: new (`before` is None), removed (`after` is None), or another than it was; never of another kind."""

    before: Noun | None
    after: Noun | None

    def claims_before(self) -> tuple[c.Claim, ...]:
        """What the record had taken for itself."""
        return claims_of(self.before)

    def claims_after(self) -> tuple[c.Claim, ...]:
        """What it takes from now on."""
        return claims_of(self.after)


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes that belong together, in any order."""

    changes: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.changes)

    @classmethod
    def adding(cls, tables: Tables) -> "Edit":
        """These users, lines, incalls and voicemails are new."""
        nouns: Iterable[Noun] = (*tables.users, *tables.lines, *tables.incalls, *tables.voicemails)
        return cls(tuple(Change(None, noun) for noun in nouns))


def place(noun: Noun) -> tuple[Table, str]:
    """The table and the key under which a record stands there."""
    table, key = _PLACES[type(noun)]
    return table, key(noun)


def in_order(tables: Tables) -> Tables:
    """The same in an order that does not depend on what came when: users by id, codes by feature, all else by its key."""

    def key(noun: Noun) -> str:
        return place(noun)[1]

    return replace(
        tables,
        users=tuple(sorted(tables.users, key=lambda user: (len(user.id), user.id))),
        lines=tuple(sorted(tables.lines, key=key)),
        incalls=tuple(sorted(tables.incalls, key=key)),
        voicemails=tuple(sorted(tables.voicemails, key=key)),
        codes=tuple(sorted(tables.codes, key=lambda code: code.feature)),
    )


def claims_of(noun: Noun | None) -> tuple[c.Claim, ...]:
    """What this record takes for itself; nothing for no record."""
    found = _CLAIMS.get(type(noun))
    return found(noun) if found and noun else ()


# By type and not by `match`: a large file asks a million times. Each function only meets its own type.
_PLACES = cast(
    "Mapping[type[Noun], tuple[Table, Callable[[Noun], str]]]",
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
    },
)
_CLAIMS = cast(
    "Mapping[type, Callable[[Noun], tuple[c.Claim, ...]]]",
    {
        User: c.claims_of_user,
        Line: c.claims_of_line,
        Incall: c.claims_of_incall,
        Voicemail: c.claims_of_voicemail,
        FunctionKey: c.claims_of_key,
    },
)
