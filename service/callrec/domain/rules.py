"""How calls may be recorded: the three rules, and what the core of calls needs to know of a user."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Protocol

UserId = NewType("UserId", str)
"""Decimal digits, never reused; a string, since it becomes part of keys and of the names of hints."""


class Rule(StrEnum):
    """How calls of one kind are recorded. `calls.policy.decide` has the precedence."""

    NEVER = "never"
    ALWAYS = "always"
    ON_DEMAND = "on_demand"


class PlaceKind(StrEnum):
    """Places of Asterisk's own that have a rule, besides incoming numbers and contexts."""

    TRUNK = "trunk"
    """Calls over an endpoint that is no user's, in both directions."""
    QUEUE = "queue"
    CONFERENCE = "conference"


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """What is said of all calls at a place: an incoming number, a context of the dialplan, a trunk, a queue, a conference."""

    rule: Rule
    origin: str
    """Which place it is: `incall:2050@from-extern`, `context:from-extern`, `trunk:provider`, `queue:support`."""


@dataclass(frozen=True, slots=True)
class RecordRules:
    """One user's rules by direction and realm; None: the user has no rule for these calls."""

    in_internal: Rule | None = None
    in_external: Rule | None = None
    out_internal: Rule | None = None
    out_external: Rule | None = None


class CallUser(Protocol):
    """The part of a user that decides about recording; `directory.model.User` has it."""

    @property
    def id(self) -> UserId:
        """Never changes, and is never reused."""
        ...

    @property
    def name(self) -> str:
        """First and last name, as a display shows them."""
        ...

    @property
    def call_record(self) -> bool:
        """The `*26` flag: all calls made to or by this user are recorded."""
        ...

    @property
    def online_record(self) -> bool:
        """This user may press `*3`."""
        ...

    @property
    def rules(self) -> RecordRules:
        """The rules by direction and realm."""
        ...
