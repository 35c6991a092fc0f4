"""Constructs what people and programs log in with."""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.logins import RedisLogins
from callrec.app.access.logins import Logins
from callrec.app.access.program_tokens import ProgramTokens
from callrec.app.ports.access import AuditLog
from callrec.app.ports.directory import TableCopy
from callrec.domain.access.audit import AuditEntry

log = structlog.get_logger(__name__)


class LoggedAudit:
    """Implements `AuditLog` with the daemon's own log, until there is a log that proves what stands in it."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Write the entries to the log, without what may name a person."""
        for one in entries:
            log.info(
                "audit",
                action=one.action.value,
                actor=f"{one.actor.kind}:{one.actor.id}",
                subject=one.subject,
            )


@dataclass(frozen=True, slots=True)
class Access:
    """The use cases, and the log that they write to."""

    logins: Logins
    tokens: ProgramTokens
    audit: AuditLog


def keep_access(address: Address, tables: TableCopy, audit: AuditLog, stack: AsyncExitStack) -> Access:
    """The use cases; their connections are closed at the end of the stack."""
    store = RedisLogins(address)
    stack.push_async_callback(store.close)
    logins = Logins(store, tables, Argon2Passwords(), audit, time.time)
    return Access(logins, ProgramTokens(store, audit, time.time), audit)
