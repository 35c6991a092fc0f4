"""The nouns of the tables: users, lines, incalls, voicemails and feature codes.

A *user* is a person; a *line* is the phone line that Asterisk knows by an endpoint name; an *incall* is a number of the
outside world (DID) that rings a user. Values are already valid here: the rules that make them so are in `csv_rules`.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

UserId = NewType("UserId", str)
"""Decimal digits, given once and never again; text because it becomes part of keys and of hint names."""

LANGUAGES = ("de_DE", "en_US", "es_ES", "fr_FR", "fr_CA", "it_IT", "nl_NL")
FEATURE_CODE = re.compile(r"[0-9*#]{1,40}")


class Rule(StrEnum):
    """What a policy can say of one kind of call. `policy.decide` holds the precedence."""

    NEVER = "never"
    ALWAYS = "always"
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, slots=True)
class RecordRules:
    """One user's standing rules by direction and realm; None where nothing was said."""

    in_internal: Rule | None = None
    in_external: Rule | None = None
    out_internal: Rule | None = None
    out_external: Rule | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person who makes and receives calls."""

    id: UserId
    firstname: str
    lastname: str = ""
    language: str | None = None
    call_record: bool = False
    """The `*26` flag: all calls made to or by this user are recorded."""
    online_record: bool = False
    """This user may press `*3`."""
    rules: RecordRules = field(default_factory=RecordRules)
    outcallerid: str = "default"
    mobilephonenumber: str = ""
    agentnumber: str = ""
    bosssecretary: str = "no"
    enablehint: bool = True
    enablexfer: bool = True
    enableclient: bool = False
    username: str = ""
    profileclient: str = ""
    entityid: int = 1

    @property
    def may_be_recorded(self) -> bool:
        """Whether policy could record a call of this user without anybody's press."""
        return self.call_record or Rule.ALWAYS in (
            self.rules.in_internal,
            self.rules.in_external,
            self.rules.out_internal,
            self.rules.out_external,
        )

    @property
    def name(self) -> str:
        """First and last name, as a display shows them."""
        return f"{self.firstname} {self.lastname}".strip()


@dataclass(frozen=True, slots=True)
class Line:
    """A phone line. `name` is the endpoint's name in Asterisk: PJSIP/<name>, SCCP/<name>."""

    name: str
    user: UserId
    number: str
    context: str
    protocol: str = "sip"
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Incall:
    """A number of the outside world that rings a user, for `ring_s` seconds."""

    exten: str
    context: str
    user: UserId
    ring_s: int = 30


@dataclass(frozen=True, slots=True)
class Voicemail:
    """A mailbox of a user, in the context of the user's line."""

    mailbox: str
    context: str
    user: UserId
    name: str
    password: str = field(default="", repr=False)
    email: str = ""
    attach: bool = False
    delete: bool = False
    skippass: bool = False


class Feature(StrEnum):
    """What a feature code does."""

    CALL_RECORD = "call_record"
    """`*26`: toggles the calling user's always-record flag."""
    ONLINE_RECORD = "online_record"
    """`*3`: starts and stops the recording of the live call."""


@dataclass(frozen=True, slots=True)
class FeatureCode:
    """The digits of a feature and whether they work. Shipped off, as the specification's extensions are."""

    feature: Feature
    code: str
    enabled: bool = False


DEFAULT_CODES = (FeatureCode(Feature.CALL_RECORD, "*26"), FeatureCode(Feature.ONLINE_RECORD, "*3", enabled=True))


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables at one instant: what an import adds, what the store gives, what the local copy holds."""

    users: tuple[User, ...] = ()
    lines: tuple[Line, ...] = ()
    incalls: tuple[Incall, ...] = ()
    voicemails: tuple[Voicemail, ...] = ()
    codes: tuple[FeatureCode, ...] = DEFAULT_CODES
