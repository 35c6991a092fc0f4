"""Whose number a caller shows: a line's, an incoming number's or a mobile phone's."""

import re
from collections.abc import Iterable, Iterator

from callrec.domain.provisioning.model import Incall, Line, User, UserId

_NOT_DIALLED = re.compile(r"[^0-9*#]")


def dialled(number: str) -> str:
    """A number without what is only written: `+49 (30) 12-34`, `0049301234` and `49301234` are one."""
    digits = _NOT_DIALLED.sub("", number)
    return digits.removeprefix("00") or digits


class Callers:
    """The numbers of all users. One that several users have is nobody's: a guess would be a wrong name."""

    def __init__(self, nouns: Iterable[User | Line | Incall]) -> None:
        self._users: dict[str, tuple[UserId, ...]] = {}
        for noun in nouns:
            self.learn(noun)

    def learn(self, noun: User | Line | Incall) -> None:
        """One more record."""
        for number, user in _numbers(noun):
            self._users[number] = (*self._users.get(number, ()), user)

    def forget(self, noun: User | Line | Incall) -> None:
        """One less; the record as it was learnt."""
        for number, user in _numbers(noun):
            left = list(self._users.get(number, ()))
            if user in left:
                left.remove(user)
            if left:
                self._users[number] = tuple(left)
            else:
                self._users.pop(number, None)

    def dismantle(self) -> None:
        """Give everything up, step by step."""
        while self._users:
            self._users.popitem()

    def whose(self, number: str) -> UserId | None:
        """The one user who has it."""
        users = set(self._users.get(dialled(number), ()))
        return users.pop() if len(users) == 1 else None


def _numbers(noun: User | Line | Incall) -> Iterator[tuple[str, UserId]]:
    match noun:
        case User():
            found, user = noun.mobilephonenumber, noun.id
        case Line():
            found, user = noun.number, noun.user
        case Incall():  # pragma: no branch - the last kind
            found, user = noun.exten, noun.user
    if digits := dialled(found):
        yield digits, user
