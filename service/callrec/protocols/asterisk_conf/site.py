"""The sifted tables as the files need them: who has which mailbox and keys, whose calls one may take, and which line rings."""

import re
from collections import defaultdict

from callrec.domain.directory.model import Context, Feature, FeatureCode, FunctionKey, Line, Tables, User, Voicemail
from callrec.domain.directory.unique_keys import endpoint
from callrec.domain.rules import UserId
from callrec.protocols.asterisk_conf.validation import LeftOut

MOST_RUNG_BYTES = 3500
"""So much of the phones of a boss' secretaries: Asterisk cuts a variable at 4 KiB where it is expanded (pbx_variables.c:
VAR_BUF_SIZE), and skips a line of 8 KiB (config.c)."""


class Site:
    """Look-ups in tables in which every line has its user. `tables` comes from `sifting.sift`."""

    def __init__(self, tables: Tables) -> None:
        self.lines, self.voicemails, self.incalls = tables.lines, tables.voicemails, tables.incalls
        self.contexts: tuple[Context, ...] = tables.contexts
        self.users: tuple[User, ...] = tables.users
        self.codes: dict[Feature, FeatureCode] = {code.feature: code for code in tables.codes}
        self._users = {user.id: user for user in tables.users}
        self._boxes = {box.user: box for box in reversed(tables.voicemails)}
        self._first = {line.user: line for line in reversed(tables.lines)}
        self._keys: defaultdict[UserId, list[FunctionKey]] = defaultdict(list)
        for key in sorted(tables.keys, key=lambda one: one.number):
            self._keys[key.user].append(key)
        self._groups: defaultdict[UserId, list[str]] = defaultdict(list)
        for group in tables.groups:
            for member in group.members:
                self._groups[member].append(_written(group.name))
        self.left_out: list[LeftOut] = []
        """Secretaries that have no boss whose calls could ring at their phones."""
        self._secretaries = self._teams()

    def user(self, line: Line) -> User:
        """Whose line it is."""
        return self._users[line.user]

    def box(self, user: UserId) -> Voicemail | None:
        """A user's first mailbox."""
        return self._boxes.get(user)

    def mailbox(self, user: UserId) -> str:
        """The same as Asterisk writes it, `1000@default`; empty when there is none."""
        box = self.box(user)
        return f"{box.mailbox}@{box.context}" if box else ""

    def keys(self, user: UserId) -> list[FunctionKey]:
        """A user's function keys, in the order of their numbers."""
        return self._keys.get(user, [])

    def groups(self, user: UserId) -> str:
        """The groups of which a user is a member, as Asterisk lists named groups; empty for none. Who is in one of them may take
        the calls that ring at the others."""
        return ",".join(self._groups.get(user, ()))

    def rings(self, user: UserId) -> Line | None:
        """The line that a call from outside rings: a user's first."""
        return self._first.get(user)

    def secretaries(self, boss: User) -> tuple[Line, ...]:
        """The lines that answer first for a boss: the first of each secretary of the same entity, as many as can be rung."""
        if boss.bosssecretary != "boss":
            return ()
        return tuple(self._secretaries.get(boss.entityid, ()))

    def _teams(self) -> dict[int, list[Line]]:
        """By entity that has a boss: the first lines of its secretaries, as many as a call can ring."""
        teams: dict[int, list[Line]] = {user.entityid: [] for user in self.users if user.bosssecretary == "boss"}
        length = dict.fromkeys(teams, 0)
        for user in self.users:
            line = self.rings(user.id)
            if user.bosssecretary != "secretary" or user.entityid not in teams or line is None:
                continue
            length[user.entityid] += len(endpoint(line)) + 1
            if length[user.entityid] <= MOST_RUNG_BYTES:
                teams[user.entityid].append(line)
            else:
                self.left_out.append(_not_rung(user))
        return teams


def _written(group: str) -> str:
    """A group's name without characters that a file or Asterisk reads as its own; no two groups become one."""
    return re.sub("[^A-Za-z0-9_-]", lambda one: f".{ord(one.group()):04x}", group)


def _not_rung(user: User) -> LeftOut:
    reason = f"A call to a boss of entity {user.entityid} cannot ring so many secretaries: this one it does not"
    hint = f"the names of their lines fill {MOST_RUNG_BYTES} bytes: have fewer secretaries in an entity"
    return LeftOut("users", user.id, "bosssecretary", "secretaries-too-many", reason, hint, str(user.id))
