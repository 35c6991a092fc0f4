"""Takes what is said of erased recordings out of the stream of events, and out of the server's files."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from callrec.adapters.redis import keys, scripts
from callrec.adapters.redis.connection import Address, ask, run, within
from callrec.domain.errors import Unavailable
from callrec.domain.library.erasure import mentioned

PAGE = 500
"""Entries that are read or copied at once: the server does nothing else for one or two milliseconds."""
LIMIT_S = 5.0
REWRITTEN_S = 120.0
"""How long the server may take to rewrite its files."""
_LOOK_S = 0.05
_PLAIN = frozenset({"recording-forgotten", "recording-indexed"})
"""Types of events that have the id of a recording and nothing else."""


class ErasedEvents:
    """Part of what an erasure does. Raises Unavailable, Misconfigured (`store-login`) when the server's rights forbid it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = address.client()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def forget(self, recordings: Collection[str], words: Collection[str]) -> None:
        """Return when neither the stream nor the server's files have events about these recordings, or with one of these words.
        Changes of the tables stay: they are no recordings."""
        known = frozenset(recordings)
        gone = await self._about(known, words)
        for at in range(0, len(gone), PAGE):
            await self._ask("XDEL", keys.EVENTS, *gone[at : at + PAGE])
        if gone:
            await self._copy()
        await self._rewrite()

    async def _about(self, recordings: frozenset[str], words: Collection[str]) -> list[str]:
        """The ids of these events."""
        found: list[str] = []
        after = "-"
        while entries := await self._ask("XRANGE", keys.EVENTS, after, "+", "COUNT", PAGE):
            found += [event_id for event_id, fields in entries if _is_about(fields, recordings, words)]
            after = f"({entries[-1][0]}"
        return found

    async def _copy(self) -> None:
        after = ""
        while True:
            async with within(LIMIT_S, self._address.shown):
                names = [keys.EVENTS, keys.EVENTS_REWRITTEN]
                after = str(await run(self._client, scripts.COPY_EVENTS, names, after, PAGE))
            if not after:
                return

    async def _rewrite(self) -> None:
        """Have the server rewrite its files: they hold each command since the last time."""
        facts = await self._facts()
        command, under_way, status = (
            ("BGREWRITEAOF", ("aof_rewrite_in_progress", "aof_rewrite_scheduled"), "aof_last_bgrewrite_status")
            if int(str(facts.get("aof_enabled", 0)))
            else ("BGSAVE", ("rdb_bgsave_in_progress",), "rdb_last_bgsave_status")
        )
        loop = asyncio.get_running_loop()
        until_s = loop.time() + REWRITTEN_S
        await self._until_idle(under_way, until_s)  # one that began before does not know of this
        await self._ask(command)
        facts = await self._until_idle(under_way, until_s)
        if facts.get(status, "ok") != "ok":
            says = f"{self._address.shown} could not rewrite its files"
            raise Unavailable("store-unavailable", says, hint="look at its log and its disk")

    async def _until_idle(self, under_way: Sequence[str], until_s: float) -> Mapping[str, object]:
        while True:
            facts = await self._facts()
            if not any(int(str(facts.get(name, 0))) for name in under_way):
                return facts
            if asyncio.get_running_loop().time() > until_s:
                raise Unavailable("store-unavailable", f"{self._address.shown} does not finish writing its files")
            await asyncio.sleep(_LOOK_S)

    async def _facts(self) -> Mapping[str, object]:
        found: Mapping[str, object] = await self._ask("INFO", "persistence")
        return found

    async def _ask(self, *command: str | int) -> Any:
        async with within(LIMIT_S, self._address.shown):
            return await ask(self._client, *command)


def _is_about(fields: Mapping[str, str], recordings: frozenset[str], words: Collection[str]) -> bool:
    if "revision" in fields or fields.get("type") in _PLAIN:
        return False
    if fields.get("recording") in recordings or fields.get("id") in recordings:
        return True
    return any(next(mentioned(text, words), None) is not None for text in fields.values()) if words else False
