"""Who asks for something of a recording, and the audit log's entry for it: on disk before anything of it is handed out."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from callrec.app.ports.access import AuditLog
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry, FileDigest
from callrec.domain.access.decisions import may
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.calls.model import Recording
from callrec.domain.directory.model import Permission
from callrec.domain.library.recorded_user import recorded_user

ONE_LOOK_S = 600.0
"""A player asks for a file in many pieces, a page for all that it shows: for so long one entry stands for all of a kind that one
asker gets of one recording."""
_MOST_KNOWN = 4096
_REPEATED = frozenset({Action.LISTENED, Action.SHOWN})
"""The kinds of which one entry stands for several requests. All others have an entry each."""


_KINDS = {
    PrincipalKind.DAEMON: ActorKind.TOKEN,
    PrincipalKind.ACCOUNT: ActorKind.ACCOUNT,
    PrincipalKind.TOKEN: ActorKind.TOKEN,
    PrincipalKind.MACHINE: ActorKind.MACHINE,
    PrincipalKind.LINK: ActorKind.LINK,
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. `address`: the client's IP address."""

    principal: Principal
    address: str = ""

    @property
    def actor(self) -> Actor:
        """As the audit log names them."""
        return Actor(_KINDS[self.principal.kind], self.principal.id or self.principal.kind.value)

    @property
    def name(self) -> str:
        """As what they write is signed: `account:12`, `token:daemon`."""
        return f"{self.actor.kind}:{self.actor.id}"

    def may(self, permission: Permission, recording: Recording) -> bool:
        """Whether they have this permission for this recording."""
        return may(self.principal, permission, recorded_user(recording))


class Looks:
    """The audit log, as requests for recordings use it."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._known: OrderedDict[AuditEntry, float] = OrderedDict()

    async def told(
        self,
        asker: Asker,
        action: Action,
        recording: str,
        subject: str = "",
        *,
        reason: str = "",
        details: str = "",
        files: tuple[FileDigest, ...] = (),
    ) -> None:
        """Return when the audit log has it. Raises Unavailable: then nothing may be handed out or changed."""
        entry = AuditEntry(action, asker.actor, recording, subject, asker.address, reason, details, files)
        now_s = asyncio.get_running_loop().time()
        if action in _REPEATED and now_s - self._known.get(entry, -ONE_LOOK_S) < ONE_LOOK_S:
            return
        await self._audit.append([entry])
        self._known[entry] = now_s
        self._known.move_to_end(entry)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    async def told_each(self, asker: Asker, action: Action, recordings: Sequence[str], subject: str = "") -> None:
        """The same for many recordings: each has an entry, and all are on disk on return. Raises Unavailable."""
        entries = [AuditEntry(action, asker.actor, one, subject, asker.address) for one in recordings]
        if entries:
            await self._audit.append(entries)
