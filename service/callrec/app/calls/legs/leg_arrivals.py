"""Legs of which the dialplan told before the manager's Newchannel: the two come over different connections, in any order.

A request that needs the leg's call waits for it here, and what the dialplan said of the leg is kept for that call.
"""

import asyncio

from callrec.domain.calls.events import DialplanRecords, DialStarted, FeatureCodeDialled
from callrec.domain.calls.ids import LegId

DialplanNews = DialStarted | FeatureCodeDialled | DialplanRecords
MAX_KEPT = 1000
"""Legs that the manager has not told of, for which something is kept; of more, the oldest is dropped."""


class Arrivals:
    """What is kept, and who waits, for each leg. Those who wait have a time limit of their own."""

    def __init__(self) -> None:
        self._waiting: dict[LegId, set[asyncio.Future[None]]] = {}
        self._kept: dict[LegId, dict[type[DialplanNews], DialplanNews]] = {}

    def keep(self, leg: LegId, event: DialplanNews) -> None:
        """What the dialplan said of a leg that has not come yet; of each kind of event the last one counts."""
        self._kept.setdefault(leg, {})[type(event)] = event
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def came(self, leg: LegId) -> tuple[DialplanNews, ...]:
        """This leg is known from now on. Returns what was kept for it."""
        for future in self._waiting.pop(leg, ()):
            if not future.done():
                future.set_result(None)
        return tuple(self._kept.pop(leg, {}).values())

    def forget(self, kind: type[DialplanNews]) -> None:
        """Of no leg that has not come yet this is true any more."""
        for leg, kept in list(self._kept.items()):
            kept.pop(kind, None)
            if not kept:
                del self._kept[leg]

    async def wait(self, leg: LegId, within_s: float) -> bool:
        """Whether it came within this time."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(leg, set()).add(future)
        try:
            async with asyncio.timeout(within_s):
                await future
        except TimeoutError:
            return False
        finally:
            if waiting := self._waiting.get(leg):
                waiting.discard(future)
                if not waiting:
                    del self._waiting[leg]
        return True
