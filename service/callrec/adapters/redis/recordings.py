"""The index of recordings and the events. The disk is authoritative: the index can be rebuilt from it."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

from callrec.adapters.redis import keys, scripts
from callrec.adapters.redis.connection import PATIENT_S, USUAL_S, Address, ask, let_go, run, within
from callrec.adapters.redis.events import KEPT
from callrec.domain.errors import CallrecError, Refused, Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

CHUNK = 500
"""Entries per round trip of a rebuild."""
MOST_FIELDS = 200
MOST_BYTES = 65_536


class RedisRecordings:
    """Implements RecordingIndex and EventSink; part of the store."""

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

    async def index_recording(self, entry: Mapping[str, str]) -> None:
        """Add an entry, or replace the one with its id. Refused when its id or start is invalid, or it is too large."""
        recording, start, pairs = _checked(entry)
        names = [keys.recording(recording), keys.RECORDINGS, keys.REBUILDING, keys.EVENTS]
        async with self._within(USUAL_S):
            await run(self._client, scripts.INDEX_RECORDING, names, recording, start, KEPT, *pairs)

    async def recording(self, recording: str) -> dict[str, str] | None:
        """One entry; None when there is none."""
        if not keys.RECORDING_ID.fullmatch(recording):
            return None
        async with self._within(USUAL_S):
            found: dict[str, str] = await ask(self._client, "HGETALL", keys.recording(recording))
        return found or None

    async def recordings(
        self, *, from_s: float | None = None, to_s: float | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[dict[str, str], ...]:
        """Entries by start, newest first; both times are inclusive."""
        latest = "+inf" if to_s is None else repr(to_s)
        earliest = "-inf" if from_s is None else repr(from_s)
        async with self._within(PATIENT_S):
            window = (keys.RECORDINGS, latest, earliest, "LIMIT", offset, limit)
            ids: list[str] = await ask(self._client, "ZREVRANGEBYSCORE", *window)
            pipeline = self._client.pipeline(transaction=False)
            for recording in ids:
                pipeline.hgetall(keys.recording(recording))
            found = await pipeline.execute()
        return tuple(entry for entry in found if entry)

    async def forget(self, recording: str) -> bool:
        """Remove one entry; False when there was none."""
        if not keys.RECORDING_ID.fullmatch(recording):
            return False
        names = [keys.recording(recording), keys.RECORDINGS, keys.REBUILDING, keys.EVENTS]
        async with self._within(USUAL_S):
            return bool(await run(self._client, scripts.FORGET_RECORDING, names, recording, KEPT))

    def refuses(self, entry: Mapping[str, str]) -> str:
        """The reason why the index would refuse this entry; empty when it would not."""
        try:
            _checked(entry)
        except Refused as error:
            return error.message
        return ""

    async def rebuild_index(self, entries: Iterable[Mapping[str, str]]) -> int:
        """Replace the whole index by these entries; returns their number. Entries that the daemon adds or removes meanwhile are
        added to or removed from the new index too.

        After a crash in between the old index is still there, and the next rebuild starts from the beginning.
        """
        async with self._within(PATIENT_S):
            await ask(self._client, "DEL", keys.REBUILDING)
        waiting = iter(entries)
        while chunk := list(islice(waiting, CHUNK)):
            pipeline = self._client.pipeline(transaction=True)
            for recording, start, pairs in map(_checked, chunk):
                pipeline.delete(keys.recording(recording))
                pipeline.hset(keys.recording(recording), items=pairs)
                pipeline.zadd(keys.REBUILDING, {recording: float(start)})
            async with self._within(PATIENT_S):
                await pipeline.execute()
        names = [keys.RECORDINGS, keys.REBUILDING, keys.EVENTS]
        async with self._within(PATIENT_S):
            return int(await run(self._client, scripts.FINISH_REBUILD, names, keys.RECORDING, KEPT))

    async def publish(self, event: Mapping[str, str]) -> None:
        """Append one event to the stream. Refused when the event has no type or is too large."""
        if not event.get("type"):
            raise Refused("event-type", "an event needs a type")
        pairs = _bounded(event)
        async with self._within(USUAL_S):
            await ask(self._client, "XADD", keys.EVENTS, "MAXLEN", "~", KEPT, "*", *pairs)


def _checked(entry: Mapping[str, str]) -> tuple[str, str, list[str]]:
    recording, start = entry.get("id", ""), entry.get("start_s", "")
    if not keys.RECORDING_ID.fullmatch(recording):
        raise Refused("recording-id", "an entry's id is 1 to 128 letters, digits or any of . _ -")
    if not keys.EPOCH.fullmatch(start):
        raise Refused("recording-start", "an entry's start_s is an epoch in seconds, in decimal digits")
    return recording, start, _bounded(entry)


def _bounded(fields: Mapping[str, str]) -> list[str]:
    pairs = [text for pair in fields.items() for text in pair]
    if len(fields) > MOST_FIELDS or sum(map(len, pairs)) > MOST_BYTES:
        raise Refused("entry-too-large", f"more than {MOST_FIELDS} fields or {MOST_BYTES} characters")
    return pairs
