"""A stream of events that a test fills."""

import asyncio
from collections.abc import Sequence

from callrec.protocols.event_messages import EventMessage, event_order

T = 1_795_899_680_000
"""Its time zero, in ms."""


class Stream:
    """See app.ports.events.EventStream: entries that a test adds."""

    def __init__(self) -> None:
        self.entries: list[EventMessage] = []
        self.fault: Exception | None = None
        self._added = asyncio.Event()

    def add(self, ms: int, kind: str = "recording") -> EventMessage:
        """One more event, at so many ms."""
        event = EventMessage(f"{T + ms}-0", kind, "{}")
        self.entries.append(event)
        self._added.set()
        return event

    async def newest(self) -> str:
        """See the port."""
        return self.entries[-1].id if self.entries else "0-0"

    async def oldest(self) -> str:
        """See the port."""
        return self.entries[0].id if self.entries else "0-0"

    async def after(self, event_id: str, wait_s: float) -> tuple[Sequence[EventMessage], str]:
        """See the port; it waits a hundredth of the time."""
        if self.fault:
            raise self.fault
        if not (found := [one for one in self.entries if event_order(one.id) > event_order(event_id)]):
            self._added.clear()
            try:
                async with asyncio.timeout(wait_s / 100):
                    await self._added.wait()
            except TimeoutError:
                return [], event_id
            return await self.after(event_id, wait_s)
        return found, found[-1].id

    async def between(self, after: str, until: str, most: int) -> tuple[Sequence[EventMessage], str]:
        """See the port."""
        found = [one for one in self.entries if event_order(after) < event_order(one.id) <= event_order(until)]
        return found[:most], found[most - 1].id if len(found) >= most else ""
