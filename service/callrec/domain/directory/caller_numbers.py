"""Finds the user of a caller's number: a line's, an incoming or a mobile number."""

import re
from collections.abc import Iterable, Iterator

from callrec.domain.directory.model import Incall, Line, User
from callrec.domain.rules import UserId

_NOT_DIALLED = re.compile(r"[^0-9*#]")


def dialled(number: str) -> str:
    """A number in its dialled form, without separators: `+49 (30) 12-34`, `0049301234` and `49301234` are equal."""
    digits = _NOT_DIALLED.sub("", number)
    return digits.removeprefix("00") or digits


class Callers:
    """The numbers of all users. For a number of several users the user is unknown, so that no wrong name is shown."""

    def __init__(self, table_records: Iterable[User | Line | Incall]) -> None:
        self._users: dict[str, tuple[UserId, ...]] = {}
        for table_record in table_records:
            self.learn(table_record)

    def learn(self, table_record: User | Line | Incall) -> None:
        """Add the number of a record."""
        for number, user in _numbers(table_record):
            self._users[number] = (*self._users.get(number, ()), user)

    def forget(self, table_record: User | Line | Incall) -> None:
        """Remove the number of a record, which must be as it was added."""
        for number, user in _numbers(table_record):
            left = list(self._users.get(number, ()))
            if user in left:
                left.remove(user)
            if left:
                self._users[number] = tuple(left)
            else:
                self._users.pop(number, None)

    def dismantle(self) -> None:
        """Empty it step by step (`Directory.dismantle`)."""
        while self._users:
            self._users.popitem()

    def whose(self, number: str) -> UserId | None:
        """The only user with this number; None when no user or more than one has it."""
        users = set(self._users.get(dialled(number), ()))
        return users.pop() if len(users) == 1 else None


def _numbers(table_record: User | Line | Incall) -> Iterator[tuple[str, UserId]]:
    match table_record:
        case User():
            found, user = table_record.mobilephonenumber, table_record.id
        case Line():
            found, user = table_record.number, table_record.user
        case Incall():  # pragma: no branch - the last kind
            found, user = table_record.exten, table_record.user
    if digits := dialled(found):
        yield digits, user
