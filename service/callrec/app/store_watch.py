"""Whether the store takes changes: asked all the time, since a store that only answers questions looks well to who only asks."""

import asyncio
from collections.abc import Awaitable, Callable

from callrec.app.call_actor import Observer
from callrec.domain import messages as m
from callrec.domain.errors import CallrecError
from callrec.domain.vocabulary import AlarmCause

LOOK_S = 2.0
AWAY = "store-unavailable"


class StoreWatch:
    """One task. `why_not`: a sentence for readiness, empty while the store takes changes and keeps them."""

    def __init__(self, probe: Callable[[], Awaitable[None]], observer: Observer) -> None:
        """`probe` asks for a change that changes nothing. It raises an error of ours when a change would be refused or lost."""
        self._probe, self._observer = probe, observer
        self.why_not = "the store was not asked yet whether it takes changes"

    async def run(self) -> None:
        """Look for ever. A store that answers, and takes no changes, is an alarm; one that is away is seen by its tables."""
        told = ""
        while True:
            try:
                await self._probe()
            except CallrecError as error:
                self.why_not = str(error)
                if error.code not in {told, AWAY}:
                    self._observer.alarmed(m.Alarm(f"{AlarmCause.STORE}: {error.code}", None), "")
                told = error.code
            else:
                self.why_not = told = ""
            await asyncio.sleep(LOOK_S)
