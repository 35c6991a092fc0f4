"""Those who wait for a leg that the dialplan told of before the manager did: two connections, and either may be the first."""

import asyncio

from callrec.domain.model import LegId


class Arrivals:
    """Who waits for which leg. The waiting is bounded by its asker, and so is their number."""

    def __init__(self) -> None:
        self._waiting: dict[LegId, set[asyncio.Future[None]]] = {}

    def came(self, leg: LegId) -> None:
        """This leg is known from now on."""
        for future in self._waiting.pop(leg, ()):
            if not future.done():
                future.set_result(None)

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
