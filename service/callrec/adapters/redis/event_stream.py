"""The stream `callrec:events` for programs outside: its entries as messages of the schema, without what only daemons may see."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import USUAL_S, Address, ask, let_go, within
from callrec.domain.errors import Corrupt, Unavailable
from callrec.protocols.event_messages import EventMessage, message_of

BATCH = 500
LEADS_S = 5.0
"""How often the server is asked whether it is still the primary. One that becomes a replica ends reads that wait at that moment
only; a read that begins later would follow the replica for as long as it runs."""
Entries = Sequence[tuple[str, dict[str, str]]]


class RedisEventStream:
    """Implements `app.ports.events.EventStream`, with connections of its own: a read that waits keeps its connection.

    `on_unreadable` is called for each entry that is no event of the schema; the entry is left out.
    """

    def __init__(self, address: Address, on_unreadable: Callable[[], None] = lambda: None) -> None:
        self._address, self._on_unreadable = address, on_unreadable
        self._client = address.client()
        self._role_known_s = 0.0

    async def __aenter__(self) -> "RedisEventStream":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def newest(self) -> str:
        """The id of the last entry; `0-0` for an empty stream."""
        found = await self._ask(USUAL_S, "XREVRANGE", keys.EVENTS, "+", "-", "COUNT", 1)
        return str(found[0][0]) if found else "0-0"

    async def oldest(self) -> str:
        """The id of the first entry; `0-0` for an empty stream."""
        found = await self._ask(USUAL_S, "XRANGE", keys.EVENTS, "-", "+", "COUNT", 1)
        return str(found[0][0]) if found else "0-0"

    async def after(self, event_id: str, wait_s: float) -> tuple[Sequence[EventMessage], str]:
        """The next events, and the id to go on from. Raises Unavailable (`store-read-only`) at a server that has become a
        replica; the next call goes to where the address leads then."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._role_known_s > LEADS_S:
            await self._ask_role()
            self._role_known_s = now_s
        reading = ("COUNT", BATCH, "BLOCK", int(wait_s * 1000), "STREAMS", keys.EVENTS, event_id)
        found = await self._ask(wait_s + USUAL_S, "XREAD", *reading)
        entries: Entries = found[0][1] if found else ()
        return self._messages(entries), entries[-1][0] if entries else event_id

    async def _ask_role(self) -> None:
        facts: dict[str, object] = await self._ask(USUAL_S, "INFO", "replication")
        if facts.get("role", "master") != "master":
            await let_go(self._client)
            raise Unavailable("store-read-only", f"{self._address.shown} is a replica now")

    async def between(self, after: str, until: str, most: int) -> tuple[Sequence[EventMessage], str]:
        """The first `most` entries in between, and the id to go on from."""
        entries: Entries = await self._ask(USUAL_S, "XRANGE", keys.EVENTS, f"({after}", until, "COUNT", most) or ()
        return self._messages(entries), entries[-1][0] if len(entries) == most else ""

    def _messages(self, entries: Entries) -> list[EventMessage]:
        found = []
        for event_id, fields in entries:
            try:
                message = message_of(event_id, fields)
            except Corrupt:
                self._on_unreadable()
                continue
            if message:
                found.append(message)
        return found

    async def _ask(self, limit_s: float, *command: str | int) -> Any:
        try:
            async with within(limit_s, self._address.shown):
                return await ask(self._client, *command)
        except Unavailable:
            await let_go(self._client)
            raise
