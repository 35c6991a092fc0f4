"""The sifted tables as the files need them: who has which mailbox, and which line rings."""

from callrec.domain.provisioning.model import Context, Feature, FeatureCode, Line, Tables, User, UserId, Voicemail


class House:
    """Look-ups in tables in which every line has its user. `tables` comes from `sifting.sift`."""

    def __init__(self, tables: Tables) -> None:
        self.lines, self.voicemails, self.incalls = tables.lines, tables.voicemails, tables.incalls
        self.contexts: tuple[Context, ...] = tables.contexts
        self.users: tuple[User, ...] = tables.users
        self.codes: dict[Feature, FeatureCode] = {code.feature: code for code in tables.codes}
        self._users = {user.id: user for user in tables.users}
        self._boxes = {box.user: box for box in reversed(tables.voicemails)}
        self._secretaries: dict[int, list[UserId]] = {}
        for user in tables.users:
            if user.bosssecretary == "secretary":
                self._secretaries.setdefault(user.entityid, []).append(user.id)
        self._first = {line.user: line for line in reversed(tables.lines)}

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

    def rings(self, user: UserId) -> Line | None:
        """The line that a call from outside rings: a user's first."""
        return self._first.get(user)

    def secretaries(self, boss: User) -> tuple[Line, ...]:
        """The lines that answer first for a boss: the first of each secretary of the same entity."""
        if boss.bosssecretary != "boss":
            return ()
        return tuple(line for user in self._secretaries.get(boss.entityid, ()) if (line := self.rings(user)))
