"""The stream of events, as the daemon and commands write to it, and what earlier versions kept of recordings in Redis."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import PATIENT_S, USUAL_S, Address, ask, let_go, within
from callrec.adapters.redis.events import KEPT
from callrec.domain.errors import CallrecError, Refused, Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

MOST_FIELDS = 200
MOST_CHARACTERS = 65_536
_SCANNED = 1000
"""Keys for each step of a scan: the server is busy with it for well below a millisecond."""


class RedisEvents:
    """Implements EventSink; part of the store."""

    address: Address
    _client: "Redis"
    let_go = 0
    """How often all idle connections were closed, since the address may lead to another server."""

    @asynccontextmanager
    async def _within(self, limit_s: float) -> AsyncIterator[None]:
        """As `within`, but after an error that another server might not have it closes all connections: the next call resolves
        the address again, and may reach another server."""
        try:
            async with within(limit_s, self.address.shown):
                yield
        except Unavailable as error:
            await self._after(error)
            raise

    async def _after(self, error: CallrecError) -> None:
        if error.code in {"store-read-only", "store-unavailable"}:
            self.let_go += 1
            await let_go(self._client)

    async def publish(self, event: Mapping[str, str]) -> None:
        """Append one event to the stream. Refused when the event has no type or is too large."""
        if not event.get("type"):
            raise Refused("event-type", "an event needs a type")
        pairs = [text for pair in event.items() for text in pair]
        if len(event) > MOST_FIELDS or sum(map(len, pairs)) > MOST_CHARACTERS:
            raise Refused("entry-too-large", f"more than {MOST_FIELDS} fields or {MOST_CHARACTERS} characters")
        async with self._within(USUAL_S):
            await ask(self._client, "XADD", keys.EVENTS, "MAXLEN", "~", KEPT, "*", *pairs)

    async def drop_former_index(self) -> int:
        """Remove the index of recordings that earlier versions kept here; the number of removed keys. May be repeated: the key
        that shows that there is an index goes last."""
        async with self._within(USUAL_S):
            if not await ask(self._client, "EXISTS", keys.FORMER_RECORDINGS):
                return 0
        removed, cursor = 0, "0"
        while True:
            async with self._within(PATIENT_S):
                step = ("SCAN", cursor, "MATCH", f"{keys.FORMER_RECORDING}*", "COUNT", _SCANNED)
                cursor, found = await ask(self._client, *step)
                if found:
                    removed += int(await ask(self._client, "UNLINK", *found))
            if str(cursor) == "0":
                break
        async with self._within(USUAL_S):
            gone = ("UNLINK", keys.FORMER_REBUILDING, keys.FORMER_RECORDINGS)
            return removed + int(await ask(self._client, *gone))
