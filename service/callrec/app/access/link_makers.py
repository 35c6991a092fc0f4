"""Whether who made a link to a recording may still share recordings: with them the link loses its use."""

from collections.abc import Callable

from callrec.app.ports.access import TokenStore
from callrec.app.ports.directory import TableCopy
from callrec.domain.access import principals
from callrec.domain.access.audit import ActorKind
from callrec.domain.access.decisions import may
from callrec.domain.access.tokens import permissions_now
from callrec.domain.directory.model import Permission
from callrec.domain.rules import UserId


class LinkMakers:
    """The use case. `now`: the system clock."""

    def __init__(self, tables: TableCopy, tokens: TokenStore, now: Callable[[], float]) -> None:
        self._tables, self._tokens, self._now = tables, tokens, now

    async def may_share(self, maker: str) -> bool:
        """Whether the maker of a link, as the link names them (`account:12`, `token:ab12`, `token:daemon`), has
        `recordings.share` now. Raises Unavailable while the store cannot be asked for a token."""
        kind, _, identity = maker.partition(":")
        if maker == f"{ActorKind.TOKEN}:{principals.PrincipalKind.DAEMON}":
            return True
        if kind == ActorKind.MACHINE:
            return True
        if kind == ActorKind.TOKEN:
            token = await self._tokens.token(identity)
            return (
                token is not None
                and not token.is_over(self._now())
                and Permission.RECORDINGS_SHARE in permissions_now(token, self._tables.directory)
            )
        tables = self._tables.directory
        user = tables.user(UserId(identity)) if kind == ActorKind.ACCOUNT else None
        principal = principals.account(user, tables) if user else None
        return principal is not None and may(principal, Permission.RECORDINGS_SHARE)
