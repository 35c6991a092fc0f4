"""The stream of events, as its readers see it; webhooks: what waits on disk, and how a message is sent."""

from collections.abc import Sequence
from typing import Protocol

from callrec.domain.webhooks.model import Attempt, Delivery, Standing, Verdict, Webhook
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


class Outbox(Protocol):
    """Webhooks and their deliveries, on disk. The daemon and commands use it at the same time. All methods raise Unavailable and
    Corrupt."""

    async def webhooks(self) -> Sequence[tuple[Webhook, Standing]]:
        """All webhooks, by id."""
        ...

    async def put(self, webhook: Webhook) -> None:
        """Add or replace a webhook."""
        ...

    async def remove(self, webhook: str) -> bool:
        """Remove a webhook with its deliveries; False when there was none."""
        ...

    async def cursor(self) -> str:
        """The id of the last event that was accepted; empty before the first."""
        ...

    async def accept(
        self, events: Sequence[EventMessage], cursor: str, now_s: float, *, is_missed: bool = False
    ) -> int:
        """Store these events for each enabled webhook that wants them, and the cursor, at once. `is_missed`: events before them
        were lost, in a number that is not known; stored with each enabled webhook. Returns how many deliveries were dropped,
        since a webhook had too many."""
        ...

    async def next(self, webhook: str, now_s: float) -> tuple[Delivery | None, float | None]:
        """The oldest delivery that is due; without one, when the next will be due (None: none waits)."""
        ...

    async def settle(self, delivery: Delivery, attempt: Attempt, verdict: Verdict, now_s: float) -> None:
        """Store what became of an attempt."""
        ...

    async def resend(self, webhook: str, delivery: str | None, now_s: float) -> int:
        """Make deliveries that were given up (one, or all) due again; returns how many."""
        ...

    async def deliveries(self, webhook: str, most: int) -> Sequence[Delivery]:
        """Deliveries that wait or were given up, oldest first."""
        ...

    async def forget(self, before_s: float) -> int:
        """Remove deliveries that were given up and accepted before this time; returns how many."""
        ...

    async def changed(self) -> bool:
        """Whether another process has changed the file since the last call."""
        ...


class Sender(Protocol):
    """Sends messages to receivers."""

    async def send(self, webhook: Webhook, message_id: str, body: str) -> Attempt:
        """One attempt. Never raises."""
        ...
