"""What the tables hold already, asked by what is taken, and by user: what a user file is compared with."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import fields
from itertools import chain
from operator import attrgetter
from typing import TypeVar

from callrec.domain.directory.model import Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.unique_keys import TECHNOLOGY, Claim, Kind, at, claims
from callrec.domain.directory.user_file.rows import UNSAID, Row
from callrec.domain.rules import UserId

Owned = TypeVar("Owned", Line, Incall, Voicemail)
Section = Line | Incall | Voicemail
TableRecord = TypeVar("TableRecord", bound=Section)


class Standing:
    """The store's tables at one instant."""

    def __init__(self, there: Tables) -> None:
        self.users = {user.id: user for user in there.users}
        self._sections = by_user(chain[Section](there.lines, there.incalls, there.voicemails))
        self._holders: dict[tuple[Kind, str], dict[str, UserId]] = {}
        """By the space in which a number or name must be unique, and by itself: its text is that of the tables, no copy."""
        for claim in claims(there):
            self._holders.setdefault(_within(claim.kind, claim.key, claim.value), {})[claim.value] = claim.user
        self.capitals = {line.name.lower(): line for line in there.lines if line.name != line.name.lower()}
        """The lines that have capital letters in their names, by the names in small letters."""
        self._bare: dict[tuple[object, ...], list[User]] = {}
        for user in there.users:
            if user.id not in self._sections:
                self._bare.setdefault(_USER(user), []).append(user)

    def sections(self, kind: type[Owned], user: UserId) -> list[Owned]:
        """The user's lines, incalls or voicemails, in the order of the tables."""
        return [section for section in self._sections.get(user, ()) if isinstance(section, kind)]

    def endpoint(self, technology: str, name: str) -> UserId | None:
        """The user of an endpoint of PJSIP or SCCP."""
        return self._holder(Kind.ENDPOINT, f"{technology}/{name}", name)

    def _holder(self, kind: Kind, key: str, value: str) -> UserId | None:
        return self._holders.get(_within(kind, key, value), _NOTHING).get(value)

    def by_name(self, name: str) -> UserId | None:
        """The user of the SIP line with this name: SCCP lines are named after their numbers."""
        return self.endpoint("PJSIP", name)

    def by_number(self, number: str, context: str) -> UserId | None:
        """The user of the line with this number; None for the number of an incall."""
        user = self._holder(Kind.EXTENSION, at(number, context), number)
        theirs = self.sections(Line, user) if user is not None else ()
        return user if any((line.number, line.context) == (number, context) for line in theirs) else None

    def named_alike(self, name: str) -> Line | None:
        """A line with this name in any case."""
        small = name.lower()
        users = (self.endpoint(technology, small) for technology in TECHNOLOGY.values())
        theirs = (line for user in users if user is not None for line in self.sections(Line, user))
        return self.capitals.get(small) or next((line for line in theirs if line.name == small), None)

    def username(self, name: str) -> UserId | None:
        """Whose user name that is."""
        return self._holder(Kind.USERNAME, name, name)

    def taken(self, row_claims: Iterable[Claim]) -> list[tuple[Claim, UserId]]:
        """What of this is somebody's already, and whose."""
        return [
            (claim, holder)
            for claim in row_claims
            if (holder := self._holder(claim.kind, claim.key, claim.value)) is not None
        ]

    def named(self, user: UserId) -> str:
        """The user's id and name, for messages."""
        return f"user {user}, {self.users[user].name}" if user in self.users else f"user {user}, who does not exist"

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
        theirs = {_unowned(section, row.given) for section in self._sections.get(user.id, ())}
        ours = {_unowned(section, row.given) for section in (row.line, row.incall, row.voicemail) if section}
        alike = ours <= theirs and _comparable(user, row.given) == _comparable(row.user, row.given)
        return user if alike else None


_NOTHING: dict[str, UserId] = {}


def _within(kind: Kind, key: str, value: str) -> tuple[Kind, str]:
    """The space in which a value must be unique: the rest of its key, a context (`@default`) or a technology (`PJSIP/`)."""
    return kind, key.removesuffix(value) if kind is Kind.ENDPOINT else key.removeprefix(value)


def by_user(table_records: Iterable[TableRecord]) -> dict[UserId, tuple[TableRecord, ...]]:
    """What each user has, in the order of the tables."""
    found: dict[UserId, tuple[TableRecord, ...]] = {}
    for table_record in table_records:
        found[table_record.user] = (*found.get(table_record.user, ()), table_record)
    return found


def _all_but(kind: type, *names: str) -> Callable[[object], tuple[object, ...]]:
    """The values of all other fields."""
    return attrgetter(*(one.name for one in fields(kind) if one.name not in names))


_USER = _all_but(User, "id", "call_record", "online_record", "password_hash", *UNSAID)
_LINE = _all_but(Line, "user", "name", "secret")
_INCALL, _VOICEMAIL = _all_but(Incall, "user", "record", "language"), _all_but(Voicemail, "user", "password")


def _comparable(user: User, given: frozenset[str]) -> tuple[object, ...]:
    return (
        *_USER(user),
        user.call_record and "callrecord" in given,
        user.online_record and "onlinerecord" in given,
        user.password_hash if "passwordhash" in given else "",
    )


def _unowned(section: Section, given: frozenset[str]) -> tuple[object, ...]:
    match section:
        case Line():
            name = section.name if "linename" in given else ""
            return Line, *_LINE(section), name, section.secret if "linesecret" in given else ""
        case Incall():
            return Incall, *_INCALL(section)
        case Voicemail():  # pragma: no branch - the last kind
            return Voicemail, *_VOICEMAIL(section), section.password if "voicemailpassword" in given else ""
