"""What can happen to the tables, and what that is to those who keep something in line with them."""

from dataclasses import dataclass

from callrec.domain.provisioning.edit import Noun, Table
from callrec.domain.provisioning.model import Feature, FeatureCode, FunctionKey, User, UserId


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A known user as they are from now on."""

    user: User


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """A feature code as it is from now on."""

    code: FeatureCode


@dataclass(frozen=True, slots=True)
class RecordsChanged:
    """What an edit did: table, key, and what stands there from now on (None: nothing)."""

    records: tuple[tuple[Table, str, Noun | None], ...]


Change = UserChanged | CodeChanged | RecordsChanged


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change did, for those who mirror it: look each up again, and drop what is gone."""

    users: frozenset[UserId] = frozenset()
    """Users who came, went or changed, also by one of their lines or keys, or by losing a boss or secretary."""
    codes: frozenset[Feature] = frozenset()
    endpoints_gone: frozenset[str] = frozenset()
    keys_gone: frozenset[FunctionKey] = frozenset()
    """Function keys that are not there any more, or others than they were."""
    others: bool = False
    """Whether anything else is other than it was: incalls, voicemails, contexts, entities, profiles, keys, roles."""

    def __bool__(self) -> bool:
        return bool(self.users or self.codes or self.endpoints_gone or self.keys_gone or self.others)
