"""Who did what: the audit log. Who may ask: sessions, and tokens of programs.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.x509 import Certificate

from callrec.domain.access.audit import AuditEntry, WaitingEntry
from callrec.domain.access.login_limits import Counter
from callrec.domain.access.login_sessions import LoginSession
from callrec.domain.access.second_factor import SecondFactor
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.rules import UserId
from callrec.protocols.checkpoints import VerifierKey
from callrec.protocols.key_changes import KeyChange
from callrec.protocols.log_tiles import TileName


class AuditLog(Protocol):
    """The log of who did what. It sets each entry's time."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Return when all entries are on disk (fsync), in this order. Entries of several callers share a flush. Of many entries
        (100 or more) some are on disk before others, and other callers' may stand between them.

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
        """Store that the session was used at `seen_s`, or that a code was shown. Changes nothing when it was ended meanwhile."""
        ...

    async def sessions(self) -> Sequence[LoginSession]:
        """All sessions, oldest first."""
        ...

    async def end_sessions(self, user: UserId, session: str = "", keep: str = "") -> int:
        """End this user's session with this id, or all (empty), but for the one with the digest `keep`; how many that were. They
        are gone for good (on disk) on return."""
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


class AdoptionMark(Protocol):
    """Says that recordings from before the log have their entries. Blocking. Raises Unavailable."""

    def is_set(self) -> bool:
        """Whether it was done."""
        ...

    def set(self) -> None:
        """It is done; on disk on return."""
        ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """A checkpoint that an authority has stamped, as it was then, and the authority's answer (RFC 3161, DER)."""

    note: bytes
    answer: bytes


class LogReader(Protocol):
    """The files of an audit log, which a daemon may be writing. Blocking; called in a worker thread. Every method raises
    Unavailable for an error of the disk."""

    def key(self) -> VerifierKey:
        """The log's public key. Raises Misconfigured when there is no log, Corrupt."""
        ...

    def key_changes(self) -> Sequence[KeyChange]:
        """The changes of the log's key, oldest first. Raises Corrupt when they do not lead to `key`."""
        ...

    def key_notes(self) -> bytes:
        """The same as their signed notes, an empty line behind each."""
        ...

    def note(self) -> bytes | None:
        """The newest checkpoint with its signatures; None when it is missing."""
        ...

    def hashes(self, name: TileName) -> Sequence[bytes]:
        """A tile's hashes. Raises Corrupt."""
        ...

    def entries(self, name: TileName) -> Sequence[bytes]:
        """A bundle's entries. Raises Corrupt."""
        ...

    def bundle(self, name: TileName) -> tuple[bytes, TileName]:
        """A bundle's bytes, and its name: that of the full one, when it is full meanwhile. Raises Corrupt when it is missing."""
        ...

    def names(self) -> Iterator[str]:
        """All files below `tile/`, by their paths in the log's folder."""
        ...

    def waiting(self) -> Sequence[WaitingEntry]:
        """Entries that no checkpoint spoke of when they were written; it may do so meanwhile. Raises Corrupt."""
        ...

    def adopted(self) -> bool:
        """Whether recordings from before the log have their entries."""
        ...

    def witnessed(self) -> Sequence[bytes]:
        """The checkpoints that a witness has, oldest first."""
        ...

    def stamps(self) -> Sequence[int]:
        """Of how many entries each stamped checkpoint speaks, in their order."""
        ...

    def stamp(self, size: int) -> Stamp:
        """The stamped checkpoint of so many entries. Raises Corrupt (`audit-stamp`) when a file of it is missing."""
        ...

    def authorities(self) -> Sequence[Certificate]:
        """To which the certificates of stamps must lead; none when there is no list. Raises Misconfigured."""
        ...

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        """The texts of these digests that still stand beside the log. Raises Corrupt."""
        ...
