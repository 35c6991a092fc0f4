"""What the directory is asked by, besides a record's own key: numbers, names, owners, teams."""

from collections.abc import Iterable
from typing import TypeVar, cast

from callrec.domain.provisioning.callers import Callers
from callrec.domain.provisioning.claims import at
from callrec.domain.provisioning.edit import Noun, place
from callrec.domain.provisioning.model import FunctionKey, Incall, Line, Tables, User, UserId, Voicemail
from callrec.domain.provisioning.names import Names

Owned = TypeVar("Owned", bound=Line | Incall | Voicemail | FunctionKey)
COUNTERPART = {"boss": "secretary", "secretary": "boss"}


class Indexes:
    """Of the tables of one directory, which alone changes them; `learn` and `forget` keep them true."""

    def __init__(self, tables: Tables) -> None:
        self.extensions = {at(line.number, line.context): line for line in tables.lines}
        self.folded = {line.name.lower(): line for line in tables.lines}
        self.usernames = {user.username: user.id for user in tables.users if user.username}
        self.agents = {user.agentnumber: user.id for user in tables.users if user.agentnumber}
        self.lines_of = _by_user(tables.lines)
        self.incalls_of = _by_user(tables.incalls)
        self.voicemails_of = _by_user(tables.voicemails)
        self.keys_of = _by_user(tables.keys)
        self.names = Names(tables.users)
        self.teams: dict[tuple[int, str], dict[UserId, None]] = {}
        """By entity and role: its bosses, its secretaries."""
        for user in tables.users:
            self._join(user)
        self.callers = Callers((*tables.users, *tables.lines, *tables.incalls))

    def learn(self, noun: Noun) -> None:
        """A record that is there from now on."""
        if isinstance(noun, User | Line | Incall):
            self.callers.learn(noun)
        match noun:
            case User():
                if noun.username:
                    self.usernames[noun.username] = noun.id
                if noun.agentnumber:
                    self.agents[noun.agentnumber] = noun.id
                self._join(noun)
                self.names.learn(noun)
            case Line():
                self.extensions[at(noun.number, noun.context)] = noun
                self.folded[noun.name.lower()] = noun
                _add(self.lines_of, noun)
            case Incall():
                _add(self.incalls_of, noun)
            case Voicemail():
                _add(self.voicemails_of, noun)
            case FunctionKey():
                _add(self.keys_of, noun)

    def forget(self, noun: Noun | None) -> None:
        """A record that is no longer there; None: there was none."""
        if isinstance(noun, User | Line | Incall):
            self.callers.forget(noun)
        match noun:
            case User():
                _give_up(self.usernames, noun.username, noun.id)
                _give_up(self.agents, noun.agentnumber, noun.id)
                self.teams.get((noun.entityid, noun.bosssecretary), {}).pop(noun.id, None)
                self.names.forget(noun)
            case Line():
                if self.extensions.get(at(noun.number, noun.context)) == noun:
                    del self.extensions[at(noun.number, noun.context)]
                if self.folded.get(noun.name.lower()) == noun:
                    del self.folded[noun.name.lower()]
                _drop(self.lines_of, noun)
            case Incall():
                _drop(self.incalls_of, noun)
            case Voicemail():
                _drop(self.voicemails_of, noun)
            case FunctionKey():
                _drop(self.keys_of, noun)

    def dismantle(self) -> None:
        """See Directory."""
        for index in (
            self.extensions, self.folded, self.lines_of, self.incalls_of, self.voicemails_of, self.usernames, self.agents,
        ):  # fmt: skip
            empty(cast("dict[str, object]", index))
        self.callers.dismantle()
        self.names.dismantle()

    def _join(self, user: User) -> None:
        if user.bosssecretary in COUNTERPART:
            self.teams.setdefault((user.entityid, user.bosssecretary), {})[user.id] = None


def empty(index: dict[str, object]) -> None:
    """Step by step, so that nobody is kept waiting."""
    while index:
        index.popitem()


def _give_up(index: dict[str, UserId], key: str, user: UserId) -> None:
    """Unless another user has it by now: of two who swap, the first has learnt it before the second one gives it up."""
    if index.get(key) == user:
        del index[key]


def _by_user(nouns: Iterable[Owned]) -> dict[UserId, tuple[Owned, ...]]:
    owned: dict[UserId, tuple[Owned, ...]] = {}
    for noun in nouns:
        _add(owned, noun)
    return owned


def _add(owned: dict[UserId, tuple[Owned, ...]], noun: Owned) -> None:
    """By their keys, so that a user's first line stays the first, whichever came first."""
    before = owned.get(noun.user, ())
    owned[noun.user] = tuple(sorted((*before, noun), key=_key)) if before else (noun,)


def _key(noun: Owned) -> tuple[int, str]:
    return noun.number if isinstance(noun, FunctionKey) else 0, place(noun)[1]


def _drop(owned: dict[UserId, tuple[Owned, ...]], noun: Owned) -> None:
    left = tuple(one for one in owned.get(noun.user, ()) if one != noun)
    if left:
        owned[noun.user] = left
    else:
        owned.pop(noun.user, None)
