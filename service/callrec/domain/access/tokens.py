"""Tokens of programs: `callrec_<id>_<secret>`. The store has the id, the permissions and the digest of the secret."""

import re
from dataclasses import dataclass
from hmac import compare_digest

from callrec.domain.access.login_sessions import digest_of
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind, account
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId

PREFIX = "callrec"
_FORM = re.compile(r"callrec_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")
MOST_TOKENS = 1000
PERSONAL = tuple(one for one in Permission if one.startswith(("own.", "group.")))
"""Permissions that mean nothing without a user."""


@dataclass(frozen=True, slots=True)
class ProgramToken:
    """A program's access to the API."""

    id: str
    """12 hexadecimal digits."""
    name: str
    """What it is for."""
    permissions: tuple[Permission, ...]
    digest: str
    """Of its secret, by `digest_of`."""
    made_s: float
    """In Unix time."""
    made_by: str = ""
    """`Principal.actor` of who made it."""
    expires_s: float | None = None
    """When it ends, in Unix time; None: never."""

    def text(self, secret: str) -> str:
        """What the program sends, which is shown once."""
        return f"{PREFIX}_{self.id}_{secret}"

    def is_over(self, now_s: float) -> bool:
        """Whether it has expired, or was made in the future by the clock of now: its age is unknown then."""
        return self.expires_s is not None and (now_s >= self.expires_s or now_s < self.made_s - 86_400)

    def principal(self, secret: str, now_s: float) -> Principal | None:
        """Who asks with this secret; None when it is another token's, or this one has expired."""
        is_right = compare_digest(digest_of(secret), self.digest)
        if not is_right or self.is_over(now_s):
            return None
        return Principal(PrincipalKind.TOKEN, self.id, frozenset(self.permissions))


def permissions_now(token: ProgramToken, tables: Directory) -> frozenset[Permission]:
    """What this token may do now: what it was given, as far as its maker may still give it."""
    return frozenset(token.permissions) & maker_permissions(token.made_by, tables)


def maker_permissions(maker: str, tables: Directory) -> frozenset[Permission]:
    """What this actor (`Principal.actor`) may give to tokens, as the tables are now: the daemon's own token, and a command on
    the machine, everything, an account what it may do itself, or nothing when it may not make tokens. Tokens that it made can do
    no more than that: else an administrator who loses the account, or the role, would come back by a token. A token may not make
    another one."""
    kind, _, identity = maker.partition(":")
    if maker == DAEMON.actor or kind == PrincipalKind.MACHINE:
        return DAEMON.permissions
    user = tables.user(UserId(identity)) if kind == PrincipalKind.ACCOUNT else None
    principal = account(user, tables) if user else None
    may_make = principal is not None and Permission.ACCOUNTS_CHANGE in principal.permissions
    return principal.permissions if principal and may_make else frozenset()


def parts_of(text: str) -> tuple[str, str] | None:
    """Id and secret of a token's text; None when it has another form."""
    match = _FORM.fullmatch(text)
    return (match["id"], match["secret"]) if match else None
