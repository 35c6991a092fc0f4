"""Who asks: the daemon's own token, an account, a token of a program, or an operator on this machine."""

from dataclasses import dataclass, replace
from enum import StrEnum

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission, User
from callrec.domain.rules import UserId

_NO_USERS: frozenset[UserId] = frozenset()


class PrincipalKind(StrEnum):
    """How somebody has shown who they are."""

    DAEMON = "daemon"
    """By the token in the state folder."""
    ACCOUNT = "account"
    """By a session."""
    TOKEN = "token"  # noqa: S105 - no password
    """By a program's own token."""
    MACHINE = "machine"
    """By the daemon's token, over the socket in its state folder: a command, whose system user the kernel tells."""
    LINK = "link"
    """By a link to one recording that needs no login."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what they may do now."""

    kind: PrincipalKind
    id: str = ""
    """The user's id of an account, the id of a token, the number of a system user; empty for the daemon's own token."""
    permissions: frozenset[Permission] = frozenset()
    user: UserId | None = None
    """Whose own recordings the permissions `own.` are about."""
    supervised: frozenset[UserId] = _NO_USERS
    """The members of the groups that the user supervises."""

    @property
    def actor(self) -> str:
        """The actor of changes, in events and receipts: `api` for the daemon's own token, as before there were others."""
        return "api" if self.kind is PrincipalKind.DAEMON else f"{self.kind}:{self.id}"


DAEMON = Principal(PrincipalKind.DAEMON, permissions=frozenset(Permission))
"""The daemon's own token: it may do everything. Who can read it could also use the commands."""


def machine(user: int) -> Principal:
    """A command of the system user with this number, who has read the daemon's token: it may do everything, too."""
    return Principal(PrincipalKind.MACHINE, str(user), frozenset(Permission))


def account(user: User, tables: Directory) -> Principal | None:
    """The principal of a user's account, as the tables are now; None when the account is disabled. Without a role it may do
    nothing."""
    if not (user.enableclient and user.username):
        return None
    role = tables.role_of(user)
    permissions = frozenset(role.permissions) if role else frozenset[Permission]()
    return Principal(PrincipalKind.ACCOUNT, user.id, permissions, user.id, tables.supervised(user.id))


def without_permissions(principal: Principal) -> Principal:
    """The same account, which may only look after itself: it lacks the second factor that its role wants."""
    return replace(principal, permissions=frozenset())
