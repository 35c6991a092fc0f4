"""The names and shapes that the tables' records have in Redis.

These classes are the format. A field that an older version did not write has the default that is declared here. `record_codec`
converts to the domain's names, so renaming a field there changes nothing in a store. How to change a format on purpose:
docs/TESTING.md, *Formats that are frozen*.
"""

from callrec.domain.directory.frozen_record import frozen_record
from callrec.domain.directory.model import ContextKind, Feature, Permission
from callrec.domain.rules import PlaceKind, Rule


@frozen_record(frozen=True, slots=True)
class RulesRecord:
    """A user's standing rules."""

    in_internal: Rule | None = None
    in_external: Rule | None = None
    out_internal: Rule | None = None
    out_external: Rule | None = None


NO_RULES = RulesRecord()


@frozen_record(frozen=True, slots=True)
class UserRecord:
    """A user."""

    id: str
    firstname: str
    lastname: str = ""
    language: str | None = None
    call_record: bool = False
    online_record: bool = False
    rules: RulesRecord = NO_RULES
    outcallerid: str = "default"
    mobilephonenumber: str = ""
    agentnumber: str = ""
    bosssecretary: str = "no"
    enablehint: bool = True
    enablexfer: bool = True
    enableclient: bool = False
    username: str = ""
    password_hash: str = ""
    profileclient: str = ""
    entityid: int = 1
    dnd: bool = False
    forward_unconditional: str = ""
    forward_no_answer: str = ""
    forward_busy: str = ""
    voicemail_enabled: bool = True
    filter_enabled: bool = False
    agent_logged_in: bool = False
    page_language: str = ""


@frozen_record(frozen=True, slots=True)
class LineRecord:
    """A line."""

    name: str
    user: str
    number: str
    context: str
    protocol: str = "sip"
    secret: str = ""


@frozen_record(frozen=True, slots=True)
class IncallRecord:
    """A number of the outside world."""

    exten: str
    context: str
    user: str
    ring_s: int = 30
    record: Rule | None = None
    language: str | None = None


@frozen_record(frozen=True, slots=True)
class VoicemailRecord:
    """A mailbox."""

    mailbox: str
    context: str
    user: str
    name: str
    password: str = ""
    email: str = ""
    attach: bool = False
    delete: bool = False
    skippass: bool = False


@frozen_record(frozen=True, slots=True)
class CodeRecord:
    """A feature code."""

    feature: Feature
    code: str
    enabled: bool = False


@frozen_record(frozen=True, slots=True)
class RangeRecord:
    """Numbers from first to last."""

    first: str
    last: str


@frozen_record(frozen=True, slots=True)
class ContextRecord:
    """A context."""

    name: str
    kind: ContextKind
    ranges: tuple[RangeRecord, ...] = ()
    record: Rule | None = None


@frozen_record(frozen=True, slots=True)
class EntityRecord:
    """An entity."""

    id: int
    name: str


@frozen_record(frozen=True, slots=True)
class ProfileRecord:
    """A client profile."""

    name: str
    role: str | None = None


@frozen_record(frozen=True, slots=True)
class KeyRecord:
    """A function key."""

    user: str
    number: int
    type: str
    destination: str = ""
    label: str = ""
    supervision: bool = False


@frozen_record(frozen=True, slots=True)
class RoleRecord:
    """A role. Without `for_accounts` it was written before there were accounts, and fewer permissions."""

    name: str
    permissions: tuple[Permission, ...] = ()
    for_accounts: bool = False
    second_factor: bool = False


@frozen_record(frozen=True, slots=True)
class PlaceRecord:
    """A trunk, a queue or a conference with a rule."""

    kind: PlaceKind
    name: str
    record: Rule


@frozen_record(frozen=True, slots=True)
class GroupRecord:
    """A group of users with supervisors."""

    name: str
    members: tuple[str, ...] = ()
    supervisors: tuple[str, ...] = ()
