"""Sessions, counters and tokens in memory, as the store has them: tests/contract/test_redis_logins.py runs the same on Valkey."""

from collections.abc import Sequence

from callrec.app.ports.access import LoginStore, TokenStore
from callrec.domain.access.audit import AuditEntry
from callrec.domain.access.login_limits import WINDOW_S, Counter
from callrec.domain.access.login_sessions import LoginSession
from callrec.domain.access.second_factor import SecondFactor
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.errors import Unavailable
from callrec.domain.rules import UserId


class Clock:
    """Shows what a test sets."""

    def __init__(self, now_s: float = 1_790_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        """Unix time."""
        return self.now_s


class KeptAudit:
    """Implements `AuditLog`: what was told, in order."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.broken = False

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Keep them. Raises Unavailable while `broken`."""
        if self.broken:
            raise Unavailable("disk", "the audit log is full")
        self.entries += entries

    def actions(self) -> list[str]:
        """What was done."""
        return [one.action.value for one in self.entries]


class MemoryLogins(LoginStore, TokenStore):
    """Implements both ports."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.kept: dict[str, LoginSession] = {}
        self.counted: dict[str, tuple[int, float]] = {}
        self.devices: dict[str, UserId] = {}
        self.programs: dict[str, ProgramToken] = {}
        self.used: dict[str, float] = {}
        self.factors: dict[UserId, SecondFactor] = {}
        self.away = False

    def _there(self) -> None:
        if self.away:
            raise Unavailable("store-unavailable", "the store does not answer")

    async def open_session(self, session: LoginSession, most: int) -> None:
        """As the port says."""
        self._there()
        own = [one for one in self.kept.values() if one.user == session.user]
        for one in own[: max(0, len(own) + 1 - most)]:
            del self.kept[one.digest]
        self.kept[session.digest] = session

    async def session(self, digest: str) -> LoginSession | None:
        """As the port says."""
        self._there()
        return self.kept.get(digest)

    async def touch_session(self, session: LoginSession) -> None:
        """As the port says."""
        if session.digest in self.kept:
            self.kept[session.digest] = session

    async def sessions(self) -> Sequence[LoginSession]:
        """As the port says."""
        self._there()
        return list(self.kept.values())

    async def end_sessions(self, user: UserId, session: str = "", keep: str = "") -> int:
        """As the port says."""
        self._there()
        own = [one for one in self.kept.values() if one.user == user and one.digest.startswith(session)]
        gone = [one for one in own if one.digest != keep]
        for one in gone:
            del self.kept[one.digest]
        return len(gone)

    def _count(self, counter: Counter) -> tuple[int, float]:
        count, until_s = self.counted.get(counter.name, (0, 0.0))
        return (count, until_s) if until_s > self._clock() else (0, self._clock() + WINDOW_S)

    async def attempt(self, counters: Sequence[Counter]) -> float:
        """As the port says."""
        self._there()
        waits = [
            until_s - self._clock() for one in counters for count, until_s in [self._count(one)] if count >= one.limit
        ]
        if waits:
            return max(waits)
        for one in counters:
            count, until_s = self._count(one)
            self.counted[one.name] = (count + 1, until_s)
        return 0.0

    async def succeeded(self, counters: Sequence[Counter]) -> None:
        """As the port says."""
        self.counted.pop(counters[0].name, None)
        for one in counters[1:]:
            count, until_s = self._count(one)
            self.counted[one.name] = (max(0, count - 1), until_s)

    async def locked_s(self, counter: Counter) -> float:
        """As the port says."""
        count, until_s = self._count(counter)
        return until_s - self._clock() if count >= counter.limit else 0.0

    async def unlock(self, counter: Counter) -> None:
        """As the port says."""
        self.counted.pop(counter.name, None)

    async def second_factor(self, user: UserId) -> SecondFactor | None:
        """As the port says."""
        return self.factors.get(user)

    async def put_second_factor(self, user: UserId, factor: SecondFactor | None, before: SecondFactor | None) -> bool:
        """As the port says."""
        if self.factors.get(user) != before:
            return False
        self.factors.pop(user, None)
        if factor:
            self.factors[user] = factor
        return True

    async def device_user(self, digest: str) -> UserId | None:
        """As the port says."""
        self._there()
        return self.devices.get(digest)

    async def remember_device(self, digest: str, user: UserId) -> None:
        """As the port says."""
        self.devices[digest] = user

    async def put_token(self, token: ProgramToken, most: int) -> None:
        """As the port says."""
        assert len(self.programs) < most
        self.programs[token.id] = token

    async def token(self, identity: str) -> ProgramToken | None:
        """As the port says."""
        self._there()
        return self.programs.get(identity)

    async def tokens(self) -> Sequence[tuple[ProgramToken, float | None]]:
        """As the port says."""
        return [(one, self.used.get(one.id)) for one in self.programs.values()]

    async def remove_token(self, identity: str) -> bool:
        """As the port says."""
        return self.programs.pop(identity, None) is not None

    async def token_used(self, identity: str, at_s: float) -> None:
        """As the port says."""
        self.used[identity] = at_s
