"""The stream of events, as its readers see it."""

from collections.abc import Sequence
from typing import Protocol

from callrec.protocols.event_messages import EventMessage


class EventStream(Protocol):
    """The store's stream, of which many may read. Ids are those of its entries; events of unknown types are left out."""

    async def newest(self) -> str:
        """The id of the last entry; `0-0` for an empty stream. Raises Unavailable."""
        ...

    async def oldest(self) -> str:
        """The id of the first entry that is still there; `0-0` for an empty stream. Raises Unavailable."""
        ...

    async def after(self, event_id: str, wait_s: float) -> tuple[Sequence[EventMessage], str]:
        """The next events, and the id to go on from. Without any it waits for `wait_s`. Raises Unavailable."""
        ...

    async def between(self, after: str, until: str, most: int) -> tuple[Sequence[EventMessage], str]:
        """The first `most` entries after one id, up to and with another, and the id to go on from: empty when these were all.
        Raises Unavailable."""
        ...
