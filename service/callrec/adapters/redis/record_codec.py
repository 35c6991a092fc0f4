"""Converts records between the domain's names of fields and those in Redis: one line for each field, so that a field can be
renamed on one side alone.

A large import writes half a million users. Their fields are passed by position, which takes a third less time than by name, in
the order of the class.

Text that many records have in common (ids, contexts, languages, first names) is one object, not one for each record (`intern`):
that saves a quarter of the memory of whole tables.
"""

from collections.abc import Mapping
from sys import intern

from callrec.adapters.redis.record_formats import (
    NO_RULES,
    CodeRecord,
    ContextRecord,
    EntityRecord,
    GroupRecord,
    IncallRecord,
    KeyRecord,
    LineRecord,
    PlaceRecord,
    ProfileRecord,
    RangeRecord,
    RoleRecord,
    RulesRecord,
    UserRecord,
    VoicemailRecord,
)
from callrec.domain.directory.model import (
    BEFORE_ACCOUNTS,
    Context,
    Entity,
    FeatureCode,
    FunctionKey,
    Group,
    Incall,
    Line,
    Permission,
    Place,
    Profile,
    Range,
    Role,
    User,
    Voicemail,
)
from callrec.domain.rules import RecordRules, UserId

_NO_RULES = RecordRules()
"""The rules of most users: one object for all of them."""


def rules_out(rules: RecordRules) -> RulesRecord:
    """Standing rules as the store has them."""
    if rules is _NO_RULES or rules == _NO_RULES:
        return NO_RULES
    return RulesRecord(rules.in_internal, rules.in_external, rules.out_internal, rules.out_external)


def rules_in(found: RulesRecord) -> RecordRules:
    """Standing rules as the store says."""
    if found is NO_RULES:
        return _NO_RULES
    return RecordRules(found.in_internal, found.in_external, found.out_internal, found.out_external)


def user_out(user: User) -> UserRecord:
    """A user as the store has it."""
    return UserRecord(
        user.id,
        user.firstname,
        user.lastname,
        user.language,
        user.call_record,
        user.online_record,
        rules_out(user.rules),
        user.outcallerid,
        user.mobilephonenumber,
        user.agentnumber,
        user.bosssecretary,
        user.enablehint,
        user.enablexfer,
        user.enableclient,
        user.username,
        user.password_hash,
        user.profileclient,
        user.entityid,
        user.dnd,
        user.forward_unconditional,
        user.forward_no_answer,
        user.forward_busy,
        user.voicemail_enabled,
        user.filter_enabled,
        user.agent_logged_in,
        user.page_language,
    )


def user_in(found: UserRecord) -> User:
    """A user as the store says."""
    return User(
        UserId(intern(found.id)),
        intern(found.firstname),
        found.lastname,
        found.language and intern(found.language),
        found.call_record,
        found.online_record,
        rules_in(found.rules),
        found.outcallerid,
        found.mobilephonenumber,
        found.agentnumber,
        found.bosssecretary,
        found.enablehint,
        found.enablexfer,
        found.enableclient,
        found.username,
        found.password_hash,
        found.profileclient,
        found.entityid,
        found.dnd,
        found.forward_unconditional,
        found.forward_no_answer,
        found.forward_busy,
        found.voicemail_enabled,
        found.filter_enabled,
        found.agent_logged_in,
        found.page_language,
    )


_FIELDS = {
    "firstname": "firstname",
    "lastname": "lastname",
    "language": "language",
    "call_record": "call_record",
    "online_record": "online_record",
    "rules": "rules",
    "outcallerid": "outcallerid",
    "mobilephonenumber": "mobilephonenumber",
    "bosssecretary": "bosssecretary",
    "enablehint": "enablehint",
    "enablexfer": "enablexfer",
    "dnd": "dnd",
    "forward_unconditional": "forward_unconditional",
    "forward_no_answer": "forward_no_answer",
    "forward_busy": "forward_busy",
    "voicemail_enabled": "voicemail_enabled",
    "filter_enabled": "filter_enabled",
    "agent_logged_in": "agent_logged_in",
}
"""The user's fields that can be set one by one: the domain's name -> the name in the store."""


def fields_out(fields: Mapping[str, object]) -> dict[str, object]:
    """Some fields of a user as the store has them."""
    return {
        _FIELDS[name]: _rules_json(value) if isinstance(value, RecordRules) else value for name, value in fields.items()
    }


def _rules_json(rules: RecordRules) -> dict[str, object]:
    return {
        "in_internal": rules.in_internal,
        "in_external": rules.in_external,
        "out_internal": rules.out_internal,
        "out_external": rules.out_external,
    }


def line_out(line: Line) -> LineRecord:
    """A line as the store has it."""
    return LineRecord(
        name=line.name,
        user=line.user,
        number=line.number,
        context=line.context,
        protocol=line.protocol,
        secret=line.secret,
    )


def line_in(found: LineRecord) -> Line:
    """A line as the store says."""
    return Line(
        name=found.name,
        user=UserId(intern(found.user)),
        number=found.number,
        context=intern(found.context),
        protocol=found.protocol,
        secret=found.secret,
    )


def incall_out(incall: Incall) -> IncallRecord:
    """An incall as the store has it."""
    return IncallRecord(
        exten=incall.exten,
        context=incall.context,
        user=incall.user,
        ring_s=incall.ring_s,
        record=incall.record,
        language=incall.language,
    )


def incall_in(found: IncallRecord) -> Incall:
    """An incall as the store says."""
    return Incall(
        exten=found.exten,
        context=intern(found.context),
        user=UserId(intern(found.user)),
        ring_s=found.ring_s,
        record=found.record,
        language=found.language and intern(found.language),
    )


def voicemail_out(box: Voicemail) -> VoicemailRecord:
    """A voicemail as the store has it."""
    return VoicemailRecord(
        mailbox=box.mailbox,
        context=box.context,
        user=box.user,
        name=box.name,
        password=box.password,
        email=box.email,
        attach=box.attach,
        delete=box.delete,
        skippass=box.skippass,
    )


def voicemail_in(found: VoicemailRecord) -> Voicemail:
    """A voicemail as the store says."""
    return Voicemail(
        mailbox=found.mailbox,
        context=intern(found.context),
        user=UserId(intern(found.user)),
        name=found.name,
        password=found.password,
        email=found.email,
        attach=found.attach,
        delete=found.delete,
        skippass=found.skippass,
    )


def code_out(code: FeatureCode) -> CodeRecord:
    """A feature code as the store has it."""
    return CodeRecord(feature=code.feature, code=code.code, enabled=code.enabled)


def code_in(found: CodeRecord) -> FeatureCode:
    """A feature code as the store says."""
    return FeatureCode(feature=found.feature, code=found.code, enabled=found.enabled)


def context_out(context: Context) -> ContextRecord:
    """A context as the store has it."""
    ranges = tuple(RangeRecord(first=one.first, last=one.last) for one in context.ranges)
    return ContextRecord(name=context.name, kind=context.kind, ranges=ranges, record=context.record)


def context_in(found: ContextRecord) -> Context:
    """A context as the store says."""
    ranges = tuple(Range(first=one.first, last=one.last) for one in found.ranges)
    return Context(name=found.name, kind=found.kind, ranges=ranges, record=found.record)


def entity_out(entity: Entity) -> EntityRecord:
    """An entity as the store has it."""
    return EntityRecord(id=entity.id, name=entity.name)


def entity_in(found: EntityRecord) -> Entity:
    """An entity as the store says."""
    return Entity(id=found.id, name=found.name)


def profile_out(profile: Profile) -> ProfileRecord:
    """A profile as the store has it."""
    return ProfileRecord(name=profile.name, role=profile.role)


def profile_in(found: ProfileRecord) -> Profile:
    """A profile as the store says."""
    return Profile(name=found.name, role=found.role)


def key_out(key: FunctionKey) -> KeyRecord:
    """A function key as the store has it."""
    return KeyRecord(
        user=key.user,
        number=key.number,
        type=key.type,
        destination=key.destination,
        label=key.label,
        supervision=key.supervision,
    )


def key_in(found: KeyRecord) -> FunctionKey:
    """A function key as the store says."""
    return FunctionKey(
        user=UserId(intern(found.user)),
        number=found.number,
        type=found.type,
        destination=found.destination,
        label=found.label,
        supervision=found.supervision,
    )


def role_out(role: Role) -> RoleRecord:
    """A role as the store has it."""
    return RoleRecord(name=role.name, permissions=role.permissions, for_accounts=True, second_factor=role.second_factor)


def role_in(found: RoleRecord) -> Role:
    """A role as the store says. One that had every permission before there were accounts has every permission."""
    had_all = not found.for_accounts and set(found.permissions) == BEFORE_ACCOUNTS
    permissions = tuple(Permission) if had_all else found.permissions
    return Role(name=found.name, permissions=permissions, second_factor=found.second_factor)


def place_out(place: Place) -> PlaceRecord:
    """A place as the store has it."""
    return PlaceRecord(kind=place.kind, name=place.name, record=place.record)


def place_in(found: PlaceRecord) -> Place:
    """A place as the store says."""
    return Place(kind=found.kind, name=found.name, record=found.record)


def group_out(group: Group) -> GroupRecord:
    """A group as the store has it."""
    return GroupRecord(name=group.name, members=group.members, supervisors=group.supervisors)


def group_in(found: GroupRecord) -> Group:
    """A group as the store says."""
    return Group(
        name=found.name, members=tuple(map(UserId, found.members)), supervisors=tuple(map(UserId, found.supervisors))
    )
