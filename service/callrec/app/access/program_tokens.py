"""Tokens of programs: make, list, remove, and find the principal of one."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from callrec.app.access.current_tables import current
from callrec.app.ports.access import AuditLog, TokenStore
from callrec.app.ports.directory import TableCopy
from callrec.domain.access.audit import Action, Actor, AuditEntry
from callrec.domain.access.grants import check_permissions
from callrec.domain.access.login_sessions import digest_of
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind
from callrec.domain.access.tokens import (
    MOST_TOKENS,
    PERSONAL,
    ProgramToken,
    maker_permissions,
    parts_of,
)
from callrec.domain.directory.model import Permission
from callrec.domain.directory.value_checks import text
from callrec.domain.errors import Refused

USED_S = 60.0
"""A use is noted at most so often."""
NAME = text(64, least=1)
MOST_DAYS = 3650


class ProgramTokens:
    """The use cases. `now`: the system clock."""

    def __init__(self, store: TokenStore, tables: TableCopy, audit: AuditLog, now: Callable[[], float]) -> None:
        self._store, self._tables, self._audit, self._now = store, tables, audit, now
        self._used: dict[str, float] = {}

    async def principal(self, said: str) -> Principal | None:
        """Who asks with this token; None for one that is wrong, removed, has expired, or whose maker may not make tokens any
        more. Raises Unavailable."""
        parts = parts_of(said)
        token = await self._store.token(parts[0]) if parts else None
        now_s = self._now()
        principal = token.principal(parts[1], now_s) if token and parts else None
        if token and principal:
            held = principal.permissions & self._held(token.made_by)
            if not held:
                return None
            principal = replace(principal, permissions=held)
        if principal and abs(now_s - self._used.get(principal.id, 0.0)) >= USED_S:
            self._used[principal.id] = now_s
            await self._store.token_used(principal.id, now_s)
        return principal

    async def make(
        self, name: str, permissions: Sequence[Permission], days: float | None, actor: Actor, made_by: str
    ) -> tuple[ProgramToken, str]:
        """A new token and its text, which is told once. `days`: until it expires; None: never. `made_by`: `Principal.actor`, of
        an account or the daemon's own token. Raises Refused (`token-maker`, `token-name`, `token-permissions`,
        `grant-exceeds`, `tokens-too-many`), Unavailable."""
        await self._check_maker(actor, made_by)
        if not NAME.accepts(name):
            raise Refused("token-name", f"a token's name must be {NAME.says}", hint="say which program it is for")
        personal = [one for one in permissions if one in PERSONAL]
        if personal or not permissions:
            says = f"{personal[0]} needs a user, and a token has none" if personal else "a token needs a permission"
            raise Refused("token-permissions", says, hint="callrec roles list shows permissions")
        check_permissions(Principal(PrincipalKind.TOKEN, permissions=self._held(made_by)), permissions)
        now_s, secret = self._now(), secrets.token_urlsafe(32)
        token = ProgramToken(
            id=secrets.token_hex(6),
            name=name,
            permissions=tuple(one for one in Permission if one in permissions),
            digest=digest_of(secret),
            made_s=now_s,
            made_by=made_by,
            expires_s=None if days is None else now_s + days * 86_400,
        )
        details = f"{name}: {', '.join(token.permissions)}"
        await self._audit.append([AuditEntry(Action.TOKEN_MADE, actor, subject=f"token:{token.id}", details=details)])
        await self._store.put_token(token, MOST_TOKENS)
        return token, token.text(secret)

    async def _check_maker(self, actor: Actor, made_by: str) -> None:
        """Raises Refused for an actor who may not make tokens, when that is in the log."""
        if not self._held(made_by):
            await self._audit.append([AuditEntry(Action.REFUSED, actor, details="a token does not make tokens")])
            hint = "log in with an account that may change accounts, or use callrec accounts token"
            raise Refused("token-maker", "a token cannot make another one", hint=hint)

    def _held(self, maker: str) -> frozenset[Permission]:
        """What this maker may give to tokens now."""
        if maker == DAEMON.actor or maker.startswith(
            f"{PrincipalKind.MACHINE}:"
        ):  # also while the tables are not known
            return DAEMON.permissions
        return maker_permissions(maker, current(self._tables))

    async def every(self) -> Sequence[tuple[ProgramToken, float | None]]:
        """All tokens by age, and when each was last used. Raises Unavailable."""
        return await self._store.tokens()

    async def remove(self, identity: str, actor: Actor) -> None:
        """Remove a token: it ends at once. Raises Refused, Unavailable."""
        if await self._store.token(identity) is None:
            raise Refused(
                "no-such-token", f"there is no token {identity[:20]!r}", hint="callrec accounts tokens shows all"
            )
        await self._audit.append([AuditEntry(Action.TOKEN_REVOKED, actor, subject=f"token:{identity}")])
        await self._store.remove_token(identity)
