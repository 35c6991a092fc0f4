"""The directory's indexes besides the records' own keys: by number, name, owner and team."""

from collections.abc import Iterable
from typing import TypeVar, cast

from callrec.domain.directory.caller_numbers import Callers
from callrec.domain.directory.edit import TableRecord, place
from callrec.domain.directory.model import FunctionKey, Incall, Line, Tables, User, Voicemail
from callrec.domain.directory.name_search import Names
from callrec.domain.directory.ruled_places import RuledPlaces
from callrec.domain.directory.unique_keys import at
from callrec.domain.rules import UserId

Owned = TypeVar("Owned", bound=Line | Incall | Voicemail | FunctionKey)
COUNTERPART = {"boss": "secretary", "secretary": "boss"}


class Indexes:
    """The indexes of one directory, which alone changes them: `learn` and `forget` keep them up to date."""

    def __init__(self, tables: Tables) -> None:
        self.extensions = {at(line.number, line.context): line for line in tables.lines}
        self.folded = {line.name.lower(): line for line in tables.lines}
        self.lines_of = _by_user(tables.lines)
        self.incalls_of = _by_user(tables.incalls)
        self.voicemails_of = _by_user(tables.voicemails)
        self.keys_of = _by_user(tables.keys)
        self.ruled = RuledPlaces((*tables.incalls, *tables.contexts, *tables.places))
        self.names = Names(tables.users)
        self.usernames = {user.username: user.id for user in tables.users if user.username}
        self.teams: dict[tuple[int, str], dict[UserId, None]] = {}
        """(entity, boss or secretary) -> the users with this role."""
        for user in tables.users:
            self._join(user)
        self.callers = Callers((*tables.users, *tables.lines, *tables.incalls))

    def learn(self, table_record: TableRecord) -> None:
        """Add a record."""
        if isinstance(table_record, User | Line | Incall):
            self.callers.learn(table_record)
        self.ruled.learn(table_record)
        match table_record:
            case User():
                self._join(table_record)
                self.names.learn(table_record)
                if table_record.username:
                    self.usernames[table_record.username] = table_record.id
            case Line():
                self.extensions[at(table_record.number, table_record.context)] = table_record
                self.folded[table_record.name.lower()] = table_record
                _add(self.lines_of, table_record)
            case Incall():
                _add(self.incalls_of, table_record)
            case Voicemail():
                _add(self.voicemails_of, table_record)
            case FunctionKey():
                _add(self.keys_of, table_record)

    def forget(self, table_record: TableRecord | None) -> None:
        """Remove a record; None changes nothing."""
        if isinstance(table_record, User | Line | Incall):
            self.callers.forget(table_record)
        self.ruled.forget(table_record)
        match table_record:
            case User():
                self.teams.get((table_record.entityid, table_record.bosssecretary), {}).pop(table_record.id, None)
                self.names.forget(table_record)
                if self.usernames.get(table_record.username) == table_record.id:
                    del self.usernames[table_record.username]
            case Line():
                if self.extensions.get(at(table_record.number, table_record.context)) == table_record:
                    del self.extensions[at(table_record.number, table_record.context)]
                if self.folded.get(table_record.name.lower()) == table_record:
                    del self.folded[table_record.name.lower()]
                _drop(self.lines_of, table_record)
            case Incall():
                _drop(self.incalls_of, table_record)
            case Voicemail():
                _drop(self.voicemails_of, table_record)
            case FunctionKey():
                _drop(self.keys_of, table_record)

    def dismantle(self) -> None:
        """Empty all indexes step by step (`Directory.dismantle`)."""
        for index in (self.extensions, self.folded, self.lines_of, self.incalls_of, self.voicemails_of, self.usernames):
            empty(cast("dict[str, object]", index))
        self.callers.dismantle()
        self.names.dismantle()

    def _join(self, user: User) -> None:
        if user.bosssecretary in COUNTERPART:
            self.teams.setdefault((user.entityid, user.bosssecretary), {})[user.id] = None


def empty(index: dict[str, object]) -> None:
    """Empty an index step by step, so that other threads can run between the steps."""
    while index:
        index.popitem()


def _by_user(table_records: Iterable[Owned]) -> dict[UserId, tuple[Owned, ...]]:
    owned: dict[UserId, tuple[Owned, ...]] = {}
    for table_record in table_records:
        _add(owned, table_record)
    return owned


def _add(owned: dict[UserId, tuple[Owned, ...]], table_record: Owned) -> None:
    """Add it in the order of the keys, so that a user's first line does not depend on which line was added first."""
    before = owned.get(table_record.user, ())
    owned[table_record.user] = tuple(sorted((*before, table_record), key=_key)) if before else (table_record,)


def _key(table_record: Owned) -> tuple[int, str]:
    return table_record.number if isinstance(table_record, FunctionKey) else 0, place(table_record)[1]


def _drop(owned: dict[UserId, tuple[Owned, ...]], table_record: Owned) -> None:
    left = tuple(one for one in owned.get(table_record.user, ()) if one != table_record)
    if left:
        owned[table_record.user] = left
    else:
        owned.pop(table_record.user, None)
