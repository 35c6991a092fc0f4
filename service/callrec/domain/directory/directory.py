"""Look-ups in the tables: the user of an endpoint, an extension, a DID, a name or an id; the feature of dialled digits.

A look-up is a dictionary access and never fails: an unknown key gives None.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from callrec.domain.directory.edit import Table, TableRecord, place
from callrec.domain.directory.indexes import COUNTERPART, Indexes, empty
from callrec.domain.directory.model import (
    DEFAULT_CODES,
    Context,
    Entity,
    Feature,
    FeatureCode,
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
    sound_folder,
)
from callrec.domain.directory.ruled_places import WHERE_IT_CAME_IN
from callrec.domain.directory.table_changes import Change, CodeChanged, Difference, RecordsChanged, UserChanged
from callrec.domain.directory.unique_keys import at, endpoint, place_key
from callrec.domain.rules import PlaceKind, PlaceRule, Rule, UserId


@dataclass(frozen=True, slots=True)
class Party:
    """A user at one of their lines."""

    user: User
    line: Line


class Directory:
    """All look-ups of the call path. Only its owner changes it (`apply`); all others only read."""

    def __init__(self, tables: Tables) -> None:
        self._users = {user.id: user for user in tables.users}
        self._lines = {endpoint(line): line for line in tables.lines}
        self._incalls = {at(incall.exten, incall.context): incall for incall in tables.incalls}
        self._voicemails = {at(box.mailbox, box.context): box for box in tables.voicemails}
        self._contexts = {context.name: context for context in tables.contexts}
        self._entities = {str(entity.id): entity for entity in tables.entities}
        self._profiles = {profile.name: profile for profile in tables.profiles}
        self._keys = {f"{key.user}:{key.number}": key for key in tables.keys}
        self._roles = {role.name: role for role in tables.roles}
        self._places = {place_key(one.kind, one.name): one for one in tables.places}
        self._groups = {group.name: group for group in tables.groups}
        self._codes = {code.feature: code for code in (*DEFAULT_CODES, *tables.codes)}
        self._by = Indexes(tables)

    def user(self, user: UserId) -> User | None:
        """The user of that id."""
        return self._users.get(user)

    def users(self) -> Collection[User]:
        """All users, in the order of the tables; those that came later are last."""
        return self._users.values()

    def lines(self) -> Collection[Line]:
        """All lines."""
        return self._lines.values()

    def incalls(self) -> Collection[Incall]:
        """All incalls."""
        return self._incalls.values()

    def voicemails(self) -> Collection[Voicemail]:
        """All mailboxes."""
        return self._voicemails.values()

    def contexts(self) -> Collection[Context]:
        """All contexts."""
        return self._contexts.values()

    def entities(self) -> Collection[Entity]:
        """All entities."""
        return self._entities.values()

    def profiles(self) -> Collection[Profile]:
        """All client profiles."""
        return self._profiles.values()

    def roles(self) -> Collection[Role]:
        """All roles."""
        return self._roles.values()

    def places(self) -> Collection[Place]:
        """All trunks, queues and conferences with a rule."""
        return self._places.values()

    def groups(self) -> Collection[Group]:
        """All groups."""
        return self._groups.values()

    def codes(self) -> Collection[FeatureCode]:
        """All feature codes."""
        return self._codes.values()

    def function_keys(self) -> Collection[FunctionKey]:
        """All function keys."""
        return self._keys.values()

    def tables(self) -> Tables:
        """All records, as tables."""
        return Tables(
            tuple(self.users()), tuple(self.lines()), tuple(self.incalls()), tuple(self.voicemails()), tuple(self.codes()),
            tuple(self.contexts()), tuple(self.entities()), tuple(self.profiles()),
            tuple(self.function_keys()), tuple(self.roles()), tuple(self.places()),
            tuple(self.groups()),
        )  # fmt: skip

    def lines_of(self, user: UserId) -> tuple[Line, ...]:
        """A user's lines; none for an unknown user."""
        return self._by.lines_of.get(user, ())

    def incalls_of(self, user: UserId) -> tuple[Incall, ...]:
        """The incoming numbers that call a user."""
        return self._by.incalls_of.get(user, ())

    def voicemails_of(self, user: UserId) -> tuple[Voicemail, ...]:
        """A user's mailboxes; none for an unknown user."""
        return self._by.voicemails_of.get(user, ())

    def keys_of(self, user: UserId) -> tuple[FunctionKey, ...]:
        """A user's function keys."""
        return self._by.keys_of.get(user, ())

    def team(self, user: User) -> list[User]:
        """A boss' secretaries, or a secretary's bosses, of the same entity; empty for other users."""
        other = COUNTERPART.get(user.bosssecretary, "")
        return [self._users[one] for one in self._by.teams.get((user.entityid, other), ())]

    def partners(self, users: Collection[UserId]) -> Iterator[UserId]:
        """The secretaries of these users who are bosses, and the bosses of those who are secretaries. `users` should be a set:
        every member of every team is looked up in it."""
        for (entity, role), members in self._by.teams.items():
            if any(one in users for one in members):
                yield from self._by.teams.get((entity, COUNTERPART[role]), ())

    def by_endpoint(self, name: str) -> Party | None:
        """The user and line of `PJSIP/<line name>` (a channel's name without its last dash and the text after it)."""
        return self._party(self._lines.get(name))

    def by_extension(self, number: str, context: str) -> Party | None:
        """The user and line of `number` in `context`."""
        return self._party(self._by.extensions.get(at(number, context)))

    def by_did(self, exten: str, context: str) -> tuple[User, Incall] | None:
        """The user that an incoming number calls."""
        incall = self._incalls.get(at(exten, context))
        user = self._users.get(incall.user) if incall else None
        return (user, incall) if user and incall else None

    def language_at(self, context: str, exten: str) -> str:
        """The language of an incoming number, its own or its user's, as Asterisk names its sound folders; empty where it has
        none."""
        incall = self._incalls.get(at(exten, context))
        user = self._users.get(incall.user) if incall else None
        return sound_folder((incall.language if incall else None) or (user.language if user else None))

    def rules_at(self, context: str, exten: str) -> tuple[PlaceRule, ...]:
        """What is said of calls that come to this number, and to its context, for their recording."""
        incall, place_context = self._incalls.get(at(exten, context)), self._contexts.get(context)
        found = [PlaceRule(incall.record, f"incall:{exten}@{context}")] if incall and incall.record else []
        if place_context and place_context.record:
            found.append(PlaceRule(place_context.record, f"context:{context}"))
        return tuple(found)

    def place_rules(self) -> dict[str, Rule]:
        """All rules of places, by kind and key: `incall/2050@from-extern`, `context/from-extern`, `queue/support`."""
        numbers = {f"incall/{key}": one.record for key, one in self._incalls.items()}
        contexts = {f"context/{key}": one.record for key, one in self._contexts.items()}
        others = {key.replace(":", "/", 1): one.record for key, one in self._places.items()}
        return {key: rule for key, rule in (*numbers.items(), *contexts.items(), *others.items()) if rule}

    def has_rules_at(self) -> bool:
        """Whether any number or context has a rule."""
        return self._by.ruled.any_of(WHERE_IT_CAME_IN)

    def rule_of(self, kind: PlaceKind, name: str) -> PlaceRule | None:
        """What is said of calls at this trunk, queue or conference."""
        found = self._places.get(place_key(kind, name))
        return PlaceRule(found.record, f"{kind}:{found.name}") if found else None

    def has_rule_of(self, *kinds: PlaceKind) -> bool:
        """Whether any place of these kinds has a rule."""
        return self._by.ruled.any_of(*kinds)

    def by_username(self, username: str) -> User | None:
        """The user with this name of a client account; upper and lower case differ."""
        user = self._by.usernames.get(username)
        return self._users.get(user) if user else None

    def role_of(self, user: User) -> Role | None:
        """The role that the user's profile names; None when there is no such profile or role."""
        profile = self._profiles.get(user.profileclient)
        return self._roles.get(profile.role) if profile and profile.role else None

    def supervised(self, user: UserId) -> frozenset[UserId]:
        """The members of the groups that this user supervises."""
        return frozenset(one for group in self.groups() if user in group.supervisors for one in group.members)

    def by_caller(self, number: str) -> User | None:
        """The user with a caller's number; None when several users have it."""
        user = self._by.callers.whose(number)
        return self._users.get(user) if user else None

    def named_alike(self, name: str) -> Line | None:
        """The line with this name, ignoring case."""
        return self._by.folded.get(name.lower())

    def by_name(self, begins: str, most: int) -> Sequence[User]:
        """At most `most` users whose name, or a word of it, begins with this text, by name; case and accents are ignored."""
        return [self._users[user] for user in self._by.names.beginning(begins, most)]

    def code(self, feature: Feature) -> FeatureCode:
        """A feature's digits and whether they work."""
        return self._codes[feature]

    def apply(self, change: Change) -> Difference:
        """Apply one change. The difference is empty when the change has nothing new, or its user is unknown."""
        match change:
            case CodeChanged(code):
                if self._codes[code.feature] == code:
                    return Difference()
                self._codes[code.feature] = code
                return Difference(codes=frozenset({code.feature}))
            case UserChanged(user):
                if self._users.get(user.id, user) == user:
                    return Difference()
                self._put(Table.USERS, user.id, user)
                return Difference(users=frozenset({user.id}))
            case RecordsChanged(records):  # pragma: no branch - the last kind
                return self._edited(records)

    def difference(self, before: "Directory") -> Difference:
        """The differences between `before` and this directory."""
        ids = {user.id for directory in (self, before) for user in directory.users()}
        users = {user for user in ids if self.standing(user) != before.standing(user)}
        return Difference(
            users=frozenset(users.union(before.partners(users))),
            codes=frozenset(feature for feature in Feature if self.code(feature) != before.code(feature)),
            endpoints_gone=frozenset(name for name in before.records(Table.LINES) if name not in self._lines),
            keys_gone=frozenset(before.function_keys()) - frozenset(self.function_keys()),
            others=any(self.records(table) != before.records(table) for table in _OTHERS),
        )

    def dismantle(self) -> None:
        """Free everything step by step, since freeing a large copy at once blocks the interpreter. It must not be used after."""
        for table in Table:
            empty(cast("dict[str, object]", self._of(table)))
        self._by.dismantle()

    def standing(self, user: UserId) -> tuple[User | None, tuple[Line, ...], tuple[FunctionKey, ...]]:
        """Everything that Asterisk's copy of this user depends on: while it is equal, the copy is up to date."""
        return self._users.get(user), self.lines_of(user), self.keys_of(user)

    def _edited(self, records: Iterable[tuple[Table, str, TableRecord | None]]) -> Difference:
        users: set[UserId] = set()
        endpoints: set[str] = set()
        keys: set[FunctionKey] = set()
        others = False
        for table, key, table_record in records:
            former = self._of(table).get(key)
            if former == table_record:
                continue
            if isinstance(former, User) and not (
                isinstance(table_record, User) and _side(former) == _side(table_record)
            ):
                users |= {one.id for one in self.team(former)}
            self._put(table, key, table_record)
            for one in (former, table_record):
                if isinstance(one, User | Line | FunctionKey):
                    users.add(one.id if isinstance(one, User) else one.user)
            if table is Table.LINES:
                endpoints.add(key)
            if isinstance(former, FunctionKey):
                keys.add(former)
            others = others or table in _OTHERS
        gone = frozenset(one for one in endpoints if one not in self._lines)
        keys_gone = frozenset(key for key in keys if self._keys.get(place(key)[1]) != key)
        return Difference(frozenset(users), frozenset(), gone, keys_gone, others)

    def records(self, table: Table) -> Mapping[str, TableRecord]:
        """One whole table, by its keys."""
        return self._of(table)

    def _of(self, table: Table) -> dict[str, TableRecord]:
        tables = {
            Table.USERS: self._users,
            Table.LINES: self._lines,
            Table.INCALLS: self._incalls,
            Table.VOICEMAILS: self._voicemails,
            Table.CONTEXTS: self._contexts,
            Table.ENTITIES: self._entities,
            Table.PROFILES: self._profiles,
            Table.KEYS: self._keys,
            Table.ROLES: self._roles,
            Table.PLACES: self._places,
            Table.GROUPS: self._groups,
        }
        return cast("dict[str, TableRecord]", tables[table])

    def _put(self, table: Table, key: str, table_record: TableRecord | None) -> None:
        """Replace the record with this key by this one (None: remove it), in the table and in all indexes."""
        records = self._of(table)
        self._by.forget(records.get(key))
        if table_record is None:
            records.pop(key, None)
        else:
            records[key] = table_record
            self._by.learn(table_record)

    def _party(self, line: Line | None) -> Party | None:
        user = self._users.get(line.user) if line else None
        return Party(user, line) if user and line else None


def _side(user: User) -> tuple[int, str]:
    return user.entityid, user.bosssecretary


_OTHERS = tuple(table for table in Table if table not in {Table.USERS, Table.LINES})
