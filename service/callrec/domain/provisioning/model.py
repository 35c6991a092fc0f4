"""The nouns of the tables: users, lines, incalls, voicemails, function keys, feature codes, contexts, entities, profiles, roles.

A *user* is a person; a *line* is the phone line that Asterisk knows by an endpoint name; an *incall* is a number of the
outside world (DID) that rings a user; a *context* is where numbers live, and says which numbers may be given to whom.
Values are already valid here: the rules that make them so are in `columns`, `csv_rules` and `function_keys`.
"""

import re
from dataclasses import field
from enum import StrEnum
from typing import NewType

from callrec.domain.provisioning.nouns import noun

UserId = NewType("UserId", str)
"""Decimal digits, given once and never again; text because it becomes part of keys and of hint names."""

LANGUAGES = ("de_DE", "en_US", "es_ES", "fr_FR", "fr_CA", "it_IT", "nl_NL")
FEATURE_CODE = re.compile(r"[0-9*#]{1,40}")


class Rule(StrEnum):
    """What a policy can say of one kind of call. `policy.decide` holds the precedence."""

    NEVER = "never"
    ALWAYS = "always"
    ON_DEMAND = "on_demand"


@noun(frozen=True, slots=True)
class RecordRules:
    """One user's standing rules by direction and realm; None where nothing was said."""

    in_internal: Rule | None = None
    in_external: Rule | None = None
    out_internal: Rule | None = None
    out_external: Rule | None = None


@noun(frozen=True, slots=True)
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
    rules: RecordRules = RecordRules()
    outcallerid: str = "default"
    mobilephonenumber: str = ""
    agentnumber: str = ""
    bosssecretary: str = "no"
    enablehint: bool = True
    enablexfer: bool = True
    enableclient: bool = False
    username: str = ""
    password_hash: str = field(default="", repr=False)
    """The client's password as argon2 keeps it; empty when there is none."""
    profileclient: str = ""
    entityid: int = 1
    dnd: bool = False
    """Do not disturb: the phone does not ring; callers hear busy, or the mailbox."""
    forward_unconditional: str = ""
    """Where all calls go instead; empty: nowhere."""
    forward_no_answer: str = ""
    """Where calls go that nobody answers."""
    forward_busy: str = ""
    """Where calls go while the phone is busy."""
    voicemail_enabled: bool = True
    """Whether calls that go nowhere else go to the user's mailbox."""
    filter_enabled: bool = False
    """Of a boss: the secretaries answer first."""
    agent_logged_in: bool = False
    """Whether queues ring this user's agent number."""

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


@noun(frozen=True, slots=True)
class Line:
    """A phone line. `name` is the endpoint's name in Asterisk: PJSIP/<name>, SCCP/<name>."""

    name: str
    user: UserId
    number: str
    context: str
    protocol: str = "sip"
    secret: str = field(default="", repr=False)


@noun(frozen=True, slots=True)
class Incall:
    """A number of the outside world that rings a user, for `ring_s` seconds."""

    exten: str
    context: str
    user: UserId
    ring_s: int = 30


@noun(frozen=True, slots=True)
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
    """What a feature code does. `features.FEATURES` says how it is dialled."""

    CALL_RECORD = "call_record"
    """Toggles the calling user's always-record flag."""
    ONLINE_RECORD = "online_record"
    """Starts and stops the recording of the live call: pressed in it, not dialled."""
    PICKUP = "pickup"
    """Takes the call that rings at a number."""
    PHONE_STATUS = "phone_status"
    """Says which services are active."""
    FORWARDS_OFF = "forwards_off"
    FORWARD_UNCONDITIONAL = "forward_unconditional"
    FORWARD_NO_ANSWER = "forward_no_answer"
    FORWARD_BUSY = "forward_busy"
    DND = "dnd"
    AGENT_TOGGLE = "agent_toggle"
    AGENT_LOGIN = "agent_login"
    AGENT_LOGOFF = "agent_logoff"
    SECRETARY_FILTER = "secretary_filter"
    VOICEMAIL_ENABLE = "voicemail_enable"
    VOICEMAIL_LEAVE = "voicemail_leave"
    """Leaves a message in a mailbox without ringing anybody."""
    VOICEMAIL_CONSULT = "voicemail_consult"
    """The calling user's own mailbox."""


@noun(frozen=True, slots=True)
class FeatureCode:
    """The digits of a feature and whether they work."""

    feature: Feature
    code: str
    enabled: bool = False


DEFAULT_CODES = (
    FeatureCode(Feature.CALL_RECORD, "*26"),
    *(
        FeatureCode(feature, code, enabled=True)
        for feature, code in {
            Feature.ONLINE_RECORD: "*3",
            Feature.PICKUP: "*8",
            Feature.PHONE_STATUS: "*10",
            Feature.FORWARDS_OFF: "*20",
            Feature.FORWARD_UNCONDITIONAL: "*21",
            Feature.FORWARD_NO_ANSWER: "*22",
            Feature.FORWARD_BUSY: "*23",
            Feature.DND: "*25",
            Feature.AGENT_TOGGLE: "*30",
            Feature.AGENT_LOGIN: "*31",
            Feature.AGENT_LOGOFF: "*32",
            Feature.SECRETARY_FILTER: "*37",
            Feature.VOICEMAIL_ENABLE: "*90",
            Feature.VOICEMAIL_LEAVE: "*97",
            Feature.VOICEMAIL_CONSULT: "*98",
        }.items()
    ),
)
"""XiVO's digits. The recording of all calls is shipped off, as the specification's extension is."""


class ContextKind(StrEnum):
    """Whose numbers a context holds."""

    INTERNAL = "internal"
    """Users' own."""
    INCALL = "incall"
    """Those that the outside world dials."""


@noun(frozen=True, slots=True)
class Range:
    """Numbers of as many digits as `first` and `last` have, both included."""

    first: str
    last: str

    def holds(self, number: str) -> bool:
        """Whether this number is one of them."""
        same = len(number) == len(self.first) == len(self.last)
        return same and number.isascii() and number.isdecimal() and self.first <= number <= self.last

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


@noun(frozen=True, slots=True)
class Context:
    """A context of the dialplan. A number that is to be given to a user or an incall must lie in one of its ranges."""

    name: str
    kind: ContextKind
    ranges: tuple[Range, ...] = ()

    def holds(self, number: str) -> bool:
        """Whether this number may be given here."""
        return any(one.holds(number) for one in self.ranges)


DEFAULT_CONTEXTS = (
    Context("default", ContextKind.INTERNAL, (Range("1000", "1999"),)),
    Context("from-extern", ContextKind.INCALL, (Range("2000", "2999"),)),
)
"""The contexts of a store in which nobody has set any: those of the specification's examples."""


@noun(frozen=True, slots=True)
class Entity:
    """An organisation that users belong to."""

    id: int
    name: str


DEFAULT_ENTITIES = (Entity(1, "default"),)


@noun(frozen=True, slots=True)
class Profile:
    """What a client program offers to its user: `profileclient` names one."""

    name: str


DEFAULT_PROFILES = tuple(Profile(name) for name in ("agent", "client", "supervisor", "switchboard"))


class Permission(StrEnum):
    """What somebody with an account may be allowed to do."""

    USERS_READ = "users.read"
    """Users, lines, incalls, voicemails, function keys, look-ups."""
    USERS_CHANGE = "users.change"
    SETTINGS_CHANGE = "settings.change"
    """Contexts, entities, profiles, feature codes and roles."""
    CALLS_READ = "calls.read"
    CALLS_RECORD = "calls.record"
    """Start, stop and pause the recording of a live call."""
    RECORDINGS_LISTEN = "recordings.listen"
    RECORDINGS_EXPORT = "recordings.export"
    RECORDINGS_HOLD = "recordings.hold"
    RECORDINGS_ERASE = "recordings.erase"
    AUDIT_READ = "audit.read"


@noun(frozen=True, slots=True)
class Role:
    """A name for what somebody may do. Accounts, which will have them, are still to come: until then no role forbids anything."""

    name: str
    permissions: tuple[Permission, ...] = ()
    """Each once, in the order of `Permission`."""


DEFAULT_ROLES = (
    Role("administrator", tuple(Permission)),
    Role("listener", (Permission.RECORDINGS_LISTEN,)),
    Role("operator", (Permission.USERS_READ, Permission.CALLS_READ, Permission.CALLS_RECORD, Permission.AUDIT_READ)),
)


@noun(frozen=True, slots=True)
class FunctionKey:
    """A programmable key of a user's phone. `type` is one of `function_keys.KEY_TYPES`, which say what `destination` is."""

    user: UserId
    number: int
    type: str
    destination: str = ""
    label: str = ""
    supervision: bool = False


@noun(frozen=True, slots=True)
class Tables:
    """All tables at one instant: what an import adds, what the store gives, what the local copy holds."""

    users: tuple[User, ...] = ()
    lines: tuple[Line, ...] = ()
    incalls: tuple[Incall, ...] = ()
    voicemails: tuple[Voicemail, ...] = ()
    codes: tuple[FeatureCode, ...] = DEFAULT_CODES
    contexts: tuple[Context, ...] = DEFAULT_CONTEXTS
    entities: tuple[Entity, ...] = DEFAULT_ENTITIES
    profiles: tuple[Profile, ...] = DEFAULT_PROFILES
    keys: tuple[FunctionKey, ...] = ()
    roles: tuple[Role, ...] = DEFAULT_ROLES
