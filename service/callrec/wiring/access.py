"""Constructs what people and programs log in with."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from callrec.adapters.passwords import Argon2Passwords
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.logins import RedisLogins
from callrec.app.access.link_makers import LinkMakers
from callrec.app.access.logins import Logins
from callrec.app.access.program_tokens import ProgramTokens
from callrec.app.ports.access import AuditLog
from callrec.app.ports.directory import TableCopy


@dataclass(frozen=True, slots=True)
class Access:
    """The use cases, and the log that they write to."""

    logins: Logins
    tokens: ProgramTokens
    audit: AuditLog
    link_makers: LinkMakers


def keep_access(address: Address, tables: TableCopy, audit: AuditLog, stack: AsyncExitStack) -> Access:
    """The use cases; their connections are closed at the end of the stack."""
    store = RedisLogins(address)
    stack.push_async_callback(store.close)
    logins = Logins(store, tables, Argon2Passwords(), audit, time.time)
    tokens = ProgramTokens(store, tables, audit, time.time)
    return Access(logins, tokens, audit, LinkMakers(tables, store, time.time))
