"""Changes of the tables, and the records that a change affects."""

from dataclasses import dataclass

from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import Feature, FeatureCode, FunctionKey, User
from callrec.domain.rules import UserId


@dataclass(frozen=True, slots=True)
class UserChanged:
    """An existing user's new values."""

    user: User


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """A feature code's new values."""

    code: FeatureCode


@dataclass(frozen=True, slots=True)
class RecordsChanged:
    """An edit: table, key and new record (None: removed) of each changed record."""

    records: tuple[tuple[Table, str, TableRecord | None], ...]


Change = UserChanged | CodeChanged | RecordsChanged


@dataclass(frozen=True, slots=True)
class Difference:
    """The records that a change affects. A copy of the tables looks up each again, and drops those that are gone."""

    users: frozenset[UserId] = frozenset()
    """Users who are new, removed or changed, also by a line, a key, or the loss of a boss or secretary."""
    codes: frozenset[Feature] = frozenset()
    endpoints_gone: frozenset[str] = frozenset()
    keys_gone: frozenset[FunctionKey] = frozenset()
    """Function keys that were removed or changed, as they were before."""
    others: bool = False
    """Whether another table changed: incalls, voicemails, contexts, entities, profiles, keys, roles, places, groups."""

    def __bool__(self) -> bool:
        return bool(self.users or self.codes or self.endpoints_gone or self.keys_gone or self.others)
