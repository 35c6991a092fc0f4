"""The tables turned into look-ups: who is behind an endpoint, an extension, a DID, an id; which digits mean what.

A look-up is a dictionary access and never fails: an unknown key gives None.
"""

from collections.abc import Collection
from dataclasses import dataclass

from callrec.domain.provisioning.claims import at, endpoint
from callrec.domain.provisioning.model import (
    DEFAULT_CODES,
    Feature,
    FeatureCode,
    Incall,
    Line,
    Tables,
    User,
    UserId,
    Voicemail,
)


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A known user as they are from now on."""

    user: User


@dataclass(frozen=True, slots=True)
class CodeChanged:
    """A feature code as it is from now on."""

    code: FeatureCode


Change = UserChanged | CodeChanged


@dataclass(frozen=True, slots=True)
class Difference:
    """What a change did, for those who mirror it: look each up again, and drop what is gone."""

    users: frozenset[UserId] = frozenset()
    """Users who came, went or changed, also by one of their lines."""
    codes: frozenset[Feature] = frozenset()
    endpoints_gone: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.users or self.codes or self.endpoints_gone)


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
        self._extensions = {at(line.number, line.context): line for line in tables.lines}
        self._incalls = {at(incall.exten, incall.context): incall for incall in tables.incalls}
        self._codes = {code.feature: code for code in (*DEFAULT_CODES, *tables.codes)}
        self._lines_of: dict[UserId, tuple[Line, ...]] = {}
        self._voicemails_of: dict[UserId, tuple[Voicemail, ...]] = {}
        for line in tables.lines:
            self._lines_of[line.user] = (*self._lines_of.get(line.user, ()), line)
        for box in tables.voicemails:
            self._voicemails_of[box.user] = (*self._voicemails_of.get(box.user, ()), box)

    def user(self, user: UserId) -> User | None:
        """The user of that id."""
        return self._users.get(user)

    def users(self) -> Collection[User]:
        """All users, in the order of the tables."""
        return self._users.values()

    def lines(self) -> Collection[Line]:
        """All lines, in the order of the tables."""
        return self._lines.values()

    def incalls(self) -> Collection[Incall]:
        """All incalls, in the order of the tables."""
        return self._incalls.values()

    def lines_of(self, user: UserId) -> tuple[Line, ...]:
        """A user's lines; none for an unknown user."""
        return self._lines_of.get(user, ())

    def voicemails_of(self, user: UserId) -> tuple[Voicemail, ...]:
        """A user's mailboxes; none for an unknown user."""
        return self._voicemails_of.get(user, ())

    def by_endpoint(self, name: str) -> Party | None:
        """Who is at `PJSIP/<line name>` (a channel's name without its last dash and what follows)."""
        return self._party(self._lines.get(name))

    def by_extension(self, number: str, context: str) -> Party | None:
        """Who answers when `number` is dialled in `context`."""
        return self._party(self._extensions.get(at(number, context)))

    def by_did(self, exten: str, context: str) -> tuple[User, Incall] | None:
        """Whom a number of the outside world rings."""
        incall = self._incalls.get(at(exten, context))
        user = self._users.get(incall.user) if incall else None
        return (user, incall) if user and incall else None

    def code(self, feature: Feature) -> FeatureCode:
        """A feature's digits and whether they work."""
        return self._codes[feature]

    def by_code(self, digits: str) -> FeatureCode | None:
        """What the digits mean, also when they are switched off."""
        return next((code for code in self._codes.values() if code.code == digits), None)

    def apply(self, change: Change) -> Difference:
        """Take one change in; the difference is empty when nothing is new or the user is unknown."""
        if isinstance(change, CodeChanged):
            code = change.code
            if self._codes[code.feature] == code:
                return Difference()
            self._codes[code.feature] = code
            return Difference(codes=frozenset({code.feature}))
        user = change.user
        if self._users.get(user.id, user) == user:
            return Difference()
        self._users[user.id] = user
        return Difference(users=frozenset({user.id}))

    def difference(self, before: "Directory") -> Difference:
        """What is other here than it was in `before`."""
        ids = {user.id for directory in (self, before) for user in directory.users()}
        ours, theirs = ({endpoint(line) for line in directory.lines()} for directory in (self, before))
        return Difference(
            users=frozenset(user for user in ids if self.standing(user) != before.standing(user)),
            codes=frozenset(feature for feature in Feature if self.code(feature) != before.code(feature)),
            endpoints_gone=frozenset(theirs - ours),
        )

    def standing(self, user: UserId) -> tuple[User | None, tuple[Line, ...]]:
        """All that a mirror of this user depends on: two equal answers mean that nothing is to be done."""
        return self._users.get(user), self.lines_of(user)

    def _party(self, line: Line | None) -> Party | None:
        user = self._users.get(line.user) if line else None
        return Party(user, line) if user and line else None
