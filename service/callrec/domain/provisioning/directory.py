"""The tables turned into look-ups: who is behind an endpoint, an extension, a DID, a name, an id; which digits mean what.

A look-up is a dictionary access and never fails: an unknown key gives None.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from callrec.domain.provisioning.claims import at, endpoint
from callrec.domain.provisioning.difference import Change, CodeChanged, Difference, RecordsChanged, UserChanged
from callrec.domain.provisioning.edit import Noun, Table, place
from callrec.domain.provisioning.indexes import COUNTERPART, Indexes, empty
from callrec.domain.provisioning.model import (
    DEFAULT_CODES,
    Context,
    Entity,
    Feature,
    FeatureCode,
    FunctionKey,
    Incall,
    Line,
    Profile,
    Role,
    Tables,
    User,
    UserId,
    Voicemail,
)

_NOBODY = UserId("")


@dataclass(frozen=True, slots=True)
class Party:
    """A user at one of their lines."""

    user: User
    line: Line


class Directory:
    """Every look-up of the call path. One owner changes it (`apply`); everybody else only reads."""

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

    def codes(self) -> Collection[FeatureCode]:
        """All feature codes."""
        return self._codes.values()

    def function_keys(self) -> Collection[FunctionKey]:
        """All function keys."""
        return self._keys.values()

    def tables(self) -> Tables:
        """All of it, as tables."""
        return Tables(
            tuple(self.users()), tuple(self.lines()), tuple(self.incalls()), tuple(self.voicemails()), tuple(self.codes()),
            tuple(self.contexts()), tuple(self.entities()), tuple(self.profiles()),
            tuple(self.function_keys()), tuple(self.roles()),
        )  # fmt: skip

    def lines_of(self, user: UserId) -> tuple[Line, ...]:
        """A user's lines; none for an unknown user."""
        return self._by.lines_of.get(user, ())

    def incalls_of(self, user: UserId) -> tuple[Incall, ...]:
        """The numbers of the outside world that ring a user."""
        return self._by.incalls_of.get(user, ())

    def voicemails_of(self, user: UserId) -> tuple[Voicemail, ...]:
        """A user's mailboxes; none for an unknown user."""
        return self._by.voicemails_of.get(user, ())

    def keys_of(self, user: UserId) -> tuple[FunctionKey, ...]:
        """A user's function keys."""
        return self._by.keys_of.get(user, ())

    def team(self, user: User) -> list[User]:
        """A boss' secretaries, or a secretary's bosses: those of the same entity; nobody for others."""
        other = COUNTERPART.get(user.bosssecretary, "")
        return [self._users[one] for one in self._by.teams.get((user.entityid, other), ())]

    def partners(self, users: Collection[UserId]) -> Iterator[UserId]:
        """The bosses and secretaries on the other side of any of these users. `users` had best be a set."""
        for (entity, role), members in self._by.teams.items():
            if any(one in users for one in members):
                yield from self._by.teams.get((entity, COUNTERPART[role]), ())

    def by_endpoint(self, name: str) -> Party | None:
        """Who is at `PJSIP/<line name>` (a channel's name without its last dash and what follows)."""
        return self._party(self._lines.get(name))

    def by_extension(self, number: str, context: str) -> Party | None:
        """Who answers when `number` is dialled in `context`."""
        return self._party(self._by.extensions.get(at(number, context)))

    def by_did(self, exten: str, context: str) -> tuple[User, Incall] | None:
        """Whom a number of the outside world rings."""
        incall = self._incalls.get(at(exten, context))
        user = self._users.get(incall.user) if incall else None
        return (user, incall) if user and incall else None

    def by_caller(self, number: str) -> User | None:
        """Whose number a caller shows; nobody's when several users have it."""
        user = self._by.callers.whose(number)
        return self._users.get(user) if user else None

    def by_username(self, username: str) -> User | None:
        """Who logs in under this name."""
        return self._users.get(self._by.usernames.get(username, _NOBODY))

    def by_agent(self, number: str) -> User | None:
        """Whose agent number this is."""
        return self._users.get(self._by.agents.get(number, _NOBODY))

    def named_alike(self, name: str) -> Line | None:
        """The line of that name, whatever its capitals."""
        return self._by.folded.get(name.lower())

    def by_name(self, begins: str, most: int) -> Sequence[User]:
        """Users of whose name a word, or the whole, begins so (case and accents do not count), at most so many, by name."""
        return [self._users[user] for user in self._by.names.beginning(begins, most)]

    def code(self, feature: Feature) -> FeatureCode:
        """A feature's digits and whether they work."""
        return self._codes[feature]

    def by_code(self, digits: str) -> FeatureCode | None:
        """What the digits mean, also when they are switched off."""
        return next((code for code in self._codes.values() if code.code == digits), None)

    def apply(self, change: Change) -> Difference:
        """Take one change in; the difference is empty when nothing is new or the user is unknown."""
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
        """What is other here than it was in `before`."""
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
        """Give everything up, step by step: dropping a large copy in one go holds the interpreter. Nobody may use it any more."""
        for table in Table:
            empty(cast("dict[str, object]", self._of(table)))
        self._by.dismantle()

    def standing(self, user: UserId) -> tuple[User | None, tuple[Line, ...], tuple[FunctionKey, ...]]:
        """All that a mirror of this user depends on: two equal answers mean that nothing is to be done."""
        return self._users.get(user), self.lines_of(user), self.keys_of(user)

    def _edited(self, records: Iterable[tuple[Table, str, Noun | None]]) -> Difference:
        users: set[UserId] = set()
        endpoints: set[str] = set()
        keys: set[FunctionKey] = set()
        others = False
        for table, key, noun in records:
            former = self._of(table).get(key)
            if former == noun:
                continue
            if isinstance(former, User) and not (isinstance(noun, User) and _side(former) == _side(noun)):
                users |= {one.id for one in self.team(former)}
            self._put(table, key, noun)
            for one in (former, noun):
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

    def records(self, table: Table) -> Mapping[str, Noun]:
        """One whole table, by its keys."""
        return self._of(table)

    def _of(self, table: Table) -> dict[str, Noun]:
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
        }
        return cast("dict[str, Noun]", tables[table])

    def _put(self, table: Table, key: str, noun: Noun | None) -> None:
        """This record in the place of the one that stands there, in the table and in all look-ups."""
        records = self._of(table)
        self._by.forget(records.get(key))
        if noun is None:
            records.pop(key, None)
        else:
            records[key] = noun
            self._by.learn(noun)

    def _party(self, line: Line | None) -> Party | None:
        user = self._users.get(line.user) if line else None
        return Party(user, line) if user and line else None


def _side(user: User) -> tuple[int, str]:
    return user.entityid, user.bosssecretary


_OTHERS = tuple(table for table in Table if table not in {Table.USERS, Table.LINES})
