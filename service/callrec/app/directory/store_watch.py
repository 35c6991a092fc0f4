"""Checks regularly whether the store accepts changes: a store that is read-only answers all reads."""

import asyncio
from collections.abc import Awaitable, Callable

from callrec.app.ports.observer import Observer
from callrec.domain.calls.commands import Alarm
from callrec.domain.errors import CallrecError
from callrec.domain.throttle import LastTold
from callrec.domain.vocabulary import AlarmCause

LOOK_S = 2.0
AWAY = "store-unavailable"


class StoreWatch:
    """One task. `why_not`: the reason for `/readyz`, empty while the store accepts changes and keeps them on disk."""

    def __init__(self, probe: Callable[[], Awaitable[None]], observer: Observer) -> None:
        """`probe` writes to the store without changing a value. Raises a CallrecError when a change would be refused or lost."""
        self._probe, self._observer = probe, observer
        self.why_not = "not checked yet whether the store accepts changes"

    async def run(self) -> None:
        """Check until cancelled. A store that refuses changes raises an alarm; an unavailable one fails the check `tables`."""
        told = LastTold()
        while True:
            try:
                await self._probe()
            except CallrecError as error:
                self.why_not = str(error)
                if told.is_news(error.code) and error.code != AWAY:
                    self._observer.alarmed(Alarm(f"{AlarmCause.STORE}: {error.code}", None), "")
            else:
                self.why_not = ""
                told.over()
            await asyncio.sleep(LOOK_S)
