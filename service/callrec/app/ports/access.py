"""Who did what: the audit log. Who may ask: sessions, and tokens of programs.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Sequence
from typing import Protocol

from callrec.domain.access.audit import AuditEntry
from callrec.domain.access.login_limits import Counter
from callrec.domain.access.login_sessions import LoginSession
from callrec.domain.access.second_factor import SecondFactor
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.rules import UserId


class AuditLog(Protocol):
    """The log of who did what. It sets each entry's time."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Return when all entries are on disk (fsync), in this order. Entries of several callers share a flush.

        Raises Unavailable when they are not, or it is not known: then nothing may be handed out, changed or removed.
        """
        ...


class LoginStore(Protocol):
    """Sessions, counters of login attempts, and browsers that have logged in before. Any method raises Unavailable."""

    async def open_session(self, session: LoginSession, most: int) -> None:
        """Keep this session; of its user's sessions only the newest `most` stay."""
        ...

    async def session(self, digest: str) -> LoginSession | None:
        """The session with this digest."""
        ...

    async def touch_session(self, session: LoginSession) -> None:
        """Store that the session was used at `seen_s`. Changes nothing when it was ended meanwhile."""
        ...

    async def sessions(self) -> Sequence[LoginSession]:
        """All sessions, oldest first."""
        ...

    async def end_sessions(self, user: UserId, session: str = "") -> int:
        """End this user's session with this id, or all; how many that were. They are gone for good (on disk) on return."""
        ...

    async def attempt(self, counters: Sequence[Counter]) -> float:
        """Count one attempt at each counter; 0.0. When one is full, none is counted: the seconds until its window ends."""
        ...

    async def succeeded(self, counters: Sequence[Counter]) -> None:
        """Forget the attempts of the first counter, and this one attempt of the others."""
        ...

    async def locked_s(self, counter: Counter) -> float:
        """The seconds for which this counter is full; 0.0 when it is not."""
        ...

    async def unlock(self, counter: Counter) -> None:
        """Empty this counter."""
        ...

    async def second_factor(self, user: UserId) -> SecondFactor | None:
        """The second factor of this user's account."""
        ...

    async def put_second_factor(self, user: UserId, factor: SecondFactor | None, before: SecondFactor | None) -> bool:
        """Replace `before` by this one (None: there is none); False when it is another one by now. On disk on return."""
        ...

    async def device_user(self, digest: str) -> UserId | None:
        """The user who has logged in from the browser with this secret."""
        ...

    async def remember_device(self, digest: str, user: UserId) -> None:
        """Keep that this user has logged in from this browser."""
        ...


class TokenStore(Protocol):
    """Tokens of programs. Any method raises Unavailable; a change is on disk when it returns."""

    async def put_token(self, token: ProgramToken, most: int) -> None:
        """Keep this token. Raises Refused (`tokens-too-many`) when there are `most` already."""
        ...

    async def token(self, identity: str) -> ProgramToken | None:
        """The token with this id."""
        ...

    async def tokens(self) -> Sequence[tuple[ProgramToken, float | None]]:
        """All tokens by age, and when each was last used, in Unix time."""
        ...

    async def remove_token(self, identity: str) -> bool:
        """Whether there was one with this id; it is gone."""
        ...

    async def token_used(self, identity: str, at_s: float) -> None:
        """Store that it was used."""
        ...
