"""Records of the tables: users, lines, incalls, voicemails, function keys, feature codes, contexts, entities, profiles, roles,
places, groups.

A *user* is a person; a *line* is the phone line that Asterisk knows by an endpoint name; an *incall* is a number of the
outside world (DID) that calls a user; a *context* contains numbers, and has the ranges in which users may get numbers.
Values are valid here: `user_file.columns`, `record_rules` and `function_keys` have the rules.
"""

import re
from collections.abc import Iterable
from dataclasses import field
from enum import StrEnum
from typing import Final

from callrec.domain.directory.frozen_record import frozen_record
from callrec.domain.rules import PlaceKind, RecordRules, Rule, UserId

LANGUAGES = ("de_DE", "en_US", "es_ES", "fr_FR", "fr_CA", "it_IT", "nl_NL")
FEATURE_CODE = re.compile(r"[0-9*#]{1,40}")


def sound_folder(language: str | None) -> str:
    """The folder of this language's prompts, as Asterisk names it; empty for the PBX's default."""
    return (language or "")[:2]


PAGE_LANGUAGES: Final = ("en", "fr", "de", "es")


@frozen_record(frozen=True, slots=True)
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
    """The destination of all calls; empty for none."""
    forward_no_answer: str = ""
    """The destination of unanswered calls; empty for none."""
    forward_busy: str = ""
    """The destination of calls while the phone is busy; empty for none."""
    voicemail_enabled: bool = True
    """Whether calls that are not answered or forwarded go to the user's mailbox."""
    filter_enabled: bool = False
    """For a boss: calls ring at the secretaries first."""
    agent_logged_in: bool = False
    """Whether queues ring this user's agent number."""
    page_language: str = ""
    """In which of PAGE_LANGUAGES this user's account reads the pages; empty: the one that the browser asks for."""

    @property
    def name(self) -> str:
        """First and last name, as a phone displays them."""
        return f"{self.firstname} {self.lastname}".strip()


@frozen_record(frozen=True, slots=True)
class Line:
    """A phone line. `name` is the endpoint's name in Asterisk: PJSIP/<name>, SCCP/<name>."""

    name: str
    user: UserId
    number: str
    context: str
    protocol: str = "sip"
    secret: str = field(default="", repr=False)


@frozen_record(frozen=True, slots=True)
class Incall:
    """An incoming number that calls a user, for `ring_s` seconds."""

    exten: str
    context: str
    user: UserId
    ring_s: int = 30
    record: Rule | None = None
    """Whether calls to it are recorded, with any user who answers: always, never, or as the users' rules say (None)."""
    language: str | None = None
    """Of what is played to those who call it; None: its user's."""


@frozen_record(frozen=True, slots=True)
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
    """What a feature code does. `feature_codes.FEATURES` says how it is dialled."""

    CALL_RECORD = "call_record"
    """Toggles the calling user's always-record flag."""
    ONLINE_RECORD = "online_record"
    """Starts and stops the recording of the live call: pressed in it, not dialled."""
    PAUSE_RECORD = "pause_record"
    """Pauses the recording of the live call, and resumes it: pressed in it, not dialled."""
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
    """Leaves a message in a mailbox without ringing a phone."""
    VOICEMAIL_CONSULT = "voicemail_consult"
    """The calling user's own mailbox."""


@frozen_record(frozen=True, slots=True)
class FeatureCode:
    """The digits of a feature and whether they work."""

    feature: Feature
    code: str
    enabled: bool = False


DEFAULT_CODES = (
    FeatureCode(Feature.CALL_RECORD, "*26"),
    FeatureCode(Feature.PAUSE_RECORD, "*4"),
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
"""XiVO's digits; XiVO has no code for pauses. Always-record is disabled at first, as in the specification, and so are pauses: an
administrator decides whether these digits are taken from menus."""


class ContextKind(StrEnum):
    """Whose numbers a context holds."""

    INTERNAL = "internal"
    """Users' own."""
    INCALL = "incall"
    """Those that the outside world dials."""


@frozen_record(frozen=True, slots=True)
class Range:
    """Numbers of as many digits as `first` and `last` have, both included."""

    first: str
    last: str

    def holds(self, number: str) -> bool:
        """Whether the range contains this number."""
        same = len(number) == len(self.first) == len(self.last)
        return same and number.isascii() and number.isdecimal() and self.first <= number <= self.last

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}-{self.last}"


@frozen_record(frozen=True, slots=True)
class Context:
    """A context of the dialplan. A number that is to be given to a user or an incall must lie in one of its ranges."""

    name: str
    kind: ContextKind
    ranges: tuple[Range, ...] = ()
    record: Rule | None = None
    """Whether calls that come in here are recorded, with any user who answers: always, never, or (None) as the users' rules
    say."""

    def holds(self, number: str) -> bool:
        """Whether one of the ranges contains this number."""
        return any(one.holds(number) for one in self.ranges)


@frozen_record(frozen=True, slots=True)
class Place:
    """A trunk, a queue or a conference of Asterisk whose calls have a rule of their own."""

    kind: PlaceKind
    name: str
    record: Rule
    """Always or never."""


DEFAULT_CONTEXTS = (
    Context("default", ContextKind.INTERNAL, (Range("1000", "1999"),)),
    Context("from-extern", ContextKind.INCALL, (Range("2000", "2999"),)),
)
"""The contexts of a new store: those of the specification's examples."""


@frozen_record(frozen=True, slots=True)
class Entity:
    """An organisation that users belong to."""

    id: int
    name: str


DEFAULT_ENTITIES = (Entity(1, "default"),)


@frozen_record(frozen=True, slots=True)
class Profile:
    """What a client program offers to its user, and what the user may do here: `profileclient` names one."""

    name: str
    role: str | None = None
    """The role of the accounts with this profile. Without one they may log in, and nothing else."""


DEFAULT_PROFILES = (
    Profile("agent", "user"),
    Profile("client", "user"),
    Profile("supervisor", "supervisor"),
    Profile("switchboard", "user"),
)


class Permission(StrEnum):
    """What a role may allow an account to do."""

    USERS_READ = "users.read"
    """Users, lines, incalls, voicemails, function keys, look-ups; contexts, entities, profiles, feature codes, places."""
    USERS_CHANGE = "users.change"
    """Users without their accounts, lines, incalls, voicemails, function keys."""
    SETTINGS_READ = "settings.read"
    """Webhooks, own prompts."""
    SETTINGS_CHANGE = "settings.change"
    """Contexts, entities, feature codes, places, webhooks, own prompts."""
    ACCOUNTS_READ = "accounts.read"
    """Accounts with their sessions, tokens of programs, roles, groups."""
    ACCOUNTS_CHANGE = "accounts.change"
    """User names, passwords and profiles of users; tokens of programs, sessions, profiles, roles, groups; exports with
    secrets: as far as they give nothing that one does not have oneself (`domain.access.grants`)."""
    CALLS_READ = "calls.read"
    CALLS_RECORD = "calls.record"
    """Start, stop and pause the recording of a live call."""
    EVENTS_READ = "events.read"
    """Follow the events of all calls and recordings."""
    RECORDINGS_LIST = "recordings.list"
    """See that a recording exists, and what it is: numbers, times, state."""
    RECORDINGS_LISTEN = "recordings.listen"
    RECORDINGS_DOWNLOAD = "recordings.download"
    RECORDINGS_ANNOTATE = "recordings.annotate"
    """Notes and tags."""
    RECORDINGS_SHARE = "recordings.share"
    """Make links to a recording that need no login."""
    RECORDINGS_EXPORT = "recordings.export"
    RECORDINGS_HOLD = "recordings.hold"
    """Put a legal hold on recordings."""
    RECORDINGS_RELEASE = "recordings.release"
    """End legal holds. Apart from `recordings.hold`, so that who is held back by a hold cannot end it."""
    RECORDINGS_ERASE = "recordings.erase"
    GROUP_LIST = "group.list"
    """As `recordings.list`, for the recordings of members of the groups that the user supervises."""
    GROUP_LISTEN = "group.listen"
    GROUP_DOWNLOAD = "group.download"
    GROUP_ANNOTATE = "group.annotate"
    GROUP_CALLS = "group.calls"
    """As `calls.read`, for the calls in which a member of the groups that the user supervises is."""
    GROUP_RECORD = "group.record"
    """As `calls.record`, for the same calls."""
    OWN_LIST = "own.list"
    """As `recordings.list`, for the user's own recordings."""
    OWN_LISTEN = "own.listen"
    OWN_DOWNLOAD = "own.download"
    OWN_ANNOTATE = "own.annotate"
    OWN_ERASE = "own.erase"
    OWN_AUDIT = "own.audit"
    """See who has heard the user's own recordings."""
    AUDIT_READ = "audit.read"


@frozen_record(frozen=True, slots=True)
class Role:
    """A named set of permissions. An account has the role that the profile of its user names."""

    name: str
    permissions: tuple[Permission, ...] = ()
    """Each once, in the order of `Permission`."""
    second_factor: bool = False
    """Whether accounts with this role may do nothing before they have a second factor."""


BEFORE_ACCOUNTS = frozenset(
    {
        *(Permission.USERS_READ, Permission.USERS_CHANGE, Permission.SETTINGS_CHANGE, Permission.CALLS_READ),
        *(Permission.CALLS_RECORD, Permission.RECORDINGS_LISTEN, Permission.RECORDINGS_EXPORT),
        *(Permission.RECORDINGS_HOLD, Permission.RECORDINGS_ERASE, Permission.AUDIT_READ),
    }
)
"""All permissions that there were before there were accounts."""
ADMINISTRATOR = "administrator"
DEFAULT_ROLES = (
    Role(ADMINISTRATOR, tuple(Permission)),
    Role("listener", (Permission.RECORDINGS_LIST, Permission.RECORDINGS_LISTEN)),
    Role("operator", (Permission.USERS_READ, Permission.CALLS_READ, Permission.CALLS_RECORD, Permission.AUDIT_READ)),
    Role(
        "auditor",
        (
            *(Permission.USERS_READ, Permission.SETTINGS_READ, Permission.ACCOUNTS_READ, Permission.CALLS_READ),
            *(Permission.EVENTS_READ, Permission.RECORDINGS_LIST, Permission.RECORDINGS_LISTEN),
            *(Permission.RECORDINGS_DOWNLOAD, Permission.AUDIT_READ),
        ),
    ),
    Role(
        "supervisor",
        (
            *(Permission.GROUP_LIST, Permission.GROUP_LISTEN, Permission.GROUP_CALLS),
            *(Permission.OWN_LIST, Permission.OWN_LISTEN),
        ),
    ),
    Role("user", (Permission.OWN_LIST, Permission.OWN_LISTEN)),
)
"""The roles of a new store. The auditor reads everything and changes nothing."""


@frozen_record(frozen=True, slots=True)
class Group:
    """Users whose recordings others look after: the supervisors, as far as their role allows."""

    name: str
    members: tuple[UserId, ...] = ()
    """Each once, in the order of `by_number`."""
    supervisors: tuple[UserId, ...] = ()
    """The same. A supervisor need not be a member."""


def by_number(users: Iterable[UserId]) -> tuple[UserId, ...]:
    """These users, each once, in the order of their ids, which are numbers."""
    return tuple(sorted(set(users), key=lambda user: (len(user), user)))


@frozen_record(frozen=True, slots=True)
class FunctionKey:
    """A programmable key of a user's phone. `type` is one of `function_keys.KEY_TYPES`, which say what `destination` is."""

    user: UserId
    number: int
    type: str
    destination: str = ""
    label: str = ""
    supervision: bool = False


@frozen_record(frozen=True, slots=True)
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
    places: tuple[Place, ...] = ()
    groups: tuple[Group, ...] = ()
