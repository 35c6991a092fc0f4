"""What the tables hold already, asked by what is taken, and by user: what a user file is compared with."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import TypeVar

from callrec.domain.provisioning.claims import Claim, Kind, at, claims, endpoint
from callrec.domain.provisioning.model import Incall, Line, Tables, User, UserId, Voicemail
from callrec.domain.provisioning.rows import UNSAID, Row

Key = tuple[Kind, str]
Owned = TypeVar("Owned", Line, Incall, Voicemail)


class Standing:
    """The store's tables at one instant."""

    def __init__(self, there: Tables) -> None:
        self.users = {user.id: user for user in there.users}
        self.lines = by_user(there.lines)
        self.incalls = by_user(there.incalls)
        self.voicemails = by_user(there.voicemails)
        self.holder: dict[Key, UserId] = {(claim.kind, claim.key): claim.user for claim in claims(there)}
        self._line_of = {at(line.number, line.context): line for line in there.lines}
        self._named = {endpoint(line): line for line in there.lines}
        self.folded = {line.name.lower(): line for line in there.lines}
        """Lines by their names in small letters."""
        self._bare: dict[tuple[object, ...], list[User]] = {}
        for user in there.users:
            if not (user.id in self.lines or user.id in self.incalls or user.id in self.voicemails):
                self._bare.setdefault(_USER(user), []).append(user)

    def by_name(self, name: str) -> Line | None:
        """The SIP line of that name: SCCP lines are named after their numbers."""
        return self._named.get(f"PJSIP/{name}")

    def by_number(self, number: str, context: str) -> Line | None:
        """The line of that number; an incall's number is nobody's line."""
        return self._line_of.get(at(number, context))

    def username(self, name: str) -> UserId | None:
        """Whose user name that is."""
        return self.holder.get((Kind.USERNAME, name))

    def taken(self, row_claims: Iterable[Claim]) -> list[tuple[Claim, UserId]]:
        """What of this is somebody's already, and whose."""
        return [
            (claim, self.holder[claim.kind, claim.key])
            for claim in row_claims
            if (claim.kind, claim.key) in self.holder
        ]

    def named(self, user: UserId) -> str:
        """Who that is, in words."""
        return f"user {user}, {self.users[user].name}" if user in self.users else f"user {user}, nobody"

    def same(self, row: Row, holders: set[UserId], *, besides: Collection[UserId]) -> User | None:
        """The one user who is all that the row says, if there is one. What the row left to chance or to the phone is not
        compared, nor is a password. Users who have nothing but names may be alike: none of those `besides` is meant again."""
        if not holders:
            if row.line or row.incall or row.voicemail:
                return None
            said = _comparable(row.user, row.given)
            others = (user for user in self._bare.get(_USER(row.user), ()) if user.id not in besides)
            return next((user for user in others if _comparable(user, row.given) == said), None)
        user = self.users.get(next(iter(holders)))
        if len(holders) > 1 or user is None:
            return None
        sections: tuple[Line | Incall | Voicemail, ...] = (
            *self.lines.get(user.id, ()),
            *self.incalls.get(user.id, ()),
            *self.voicemails.get(user.id, ()),
        )
        theirs = {_unowned(section, row.given) for section in sections}
        ours = {_unowned(section, row.given) for section in (row.line, row.incall, row.voicemail) if section}
        alike = ours <= theirs and _comparable(user, row.given) == _comparable(row.user, row.given)
        return user if alike else None


def by_user(nouns: Iterable[Owned]) -> dict[UserId, list[Owned]]:
    """What each user has, in the order of the tables."""
    found: dict[UserId, list[Owned]] = {}
    for noun in nouns:
        found.setdefault(noun.user, []).append(noun)
    return found


def _all_but(kind: type, *names: str) -> Callable[[object], tuple[object, ...]]:
    """The values of all other fields."""
    return attrgetter(*(one.name for one in fields(kind) if one.name not in names))


_USER = _all_but(User, "id", "call_record", "online_record", "password_hash", *UNSAID)
_LINE = _all_but(Line, "user", "name", "secret")
_INCALL, _VOICEMAIL = _all_but(Incall, "user"), _all_but(Voicemail, "user", "password")


def _comparable(user: User, given: frozenset[str]) -> tuple[object, ...]:
    return (
        *_USER(user),
        user.call_record and "callrecord" in given,
        user.online_record and "onlinerecord" in given,
        user.password_hash if "passwordhash" in given else "",
    )


def _unowned(section: Line | Incall | Voicemail, given: frozenset[str]) -> tuple[object, ...]:
    match section:
        case Line():
            name = section.name if "linename" in given else ""
            return Line, *_LINE(section), name, section.secret if "linesecret" in given else ""
        case Incall():
            return Incall, *_INCALL(section)
        case Voicemail():  # pragma: no branch - the last kind
            return Voicemail, *_VOICEMAIL(section), section.password if "voicemailpassword" in given else ""
