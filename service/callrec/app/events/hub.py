"""Passes the stream's events on to subscribers. Each has a queue of its own, so a slow one costs the others nothing.

One reader follows the stream for all. Events are not copied: a subscriber's queue holds references to at most MOST_WAITING of the
newest ones. A subscriber whose queue is full is ended, and may come back with the id of its last event (`replay`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager

from callrec.app.ports.calls import Clock
from callrec.app.ports.events import EventStream
from callrec.app.ports.observer import Observer
from callrec.domain.backoff import Backoff
from callrec.domain.errors import CallrecError, Unavailable
from callrec.domain.vocabulary import DropReason
from callrec.protocols.event_messages import EventMessage, event_order, message
from callrec.protocols.event_types import MISSED

MOST_SUBSCRIBERS = 100
MOST_WAITING = 1000
REPLAY_MS = 60_000
BATCH = 500
WAIT_S = 1.0
"""How long one read of the stream waits; after a quiet one the stream is checked for a flush."""


class Subscription:
    """The events of one subscriber."""

    def __init__(self, types: Collection[str]) -> None:
        self._types = types
        self._waiting: deque[EventMessage] = deque()
        self._news = asyncio.Event()
        self.over = False
        """Whether no more events come: the subscriber was too slow, or the daemon ends."""

    def put(self, event: EventMessage) -> bool:
        """Add an event; False when the subscriber is too slow, which ends the subscription."""
        if not self.wants(event):
            return True
        if len(self._waiting) >= MOST_WAITING:
            self.end()
            return False
        self._waiting.append(event)
        self._news.set()
        return True

    def end(self) -> None:
        """No more events. Those that wait are dropped: the subscriber comes back and replays them."""
        self.over = True
        self._waiting.clear()
        self._news.set()

    def wants(self, event: EventMessage) -> bool:
        """Whether the subscriber wants this type."""
        return not self._types or event.type in self._types

    async def next(self, wait_s: float) -> list[EventMessage]:
        """All events that wait; empty when none came within `wait_s`, or the subscription is over."""
        if not self._waiting and not self.over:
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                return []
        self._news.clear()
        found = list(self._waiting)
        self._waiting.clear()
        return found


class EventHub:
    """The subscribers of this daemon."""

    def __init__(self, stream: EventStream, clock: Clock, observer: Observer, backoff: Backoff) -> None:
        self._stream, self._clock, self._observer, self._backoff = stream, clock, observer, backoff
        self._subscriptions: set[Subscription] = set()
        self._cursor = ""
        """The id of the last event that was passed on; empty before the stream was read."""
        self._follows = asyncio.Event()
        self._failures = 0

    @property
    def subscribers(self) -> int:
        """How many there are now."""
        return len(self._subscriptions)

    async def ready(self, limit_s: float) -> None:
        """Wait until the stream is followed: a subscriber misses no event from then on. Raises Unavailable after `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._follows.wait()
        except TimeoutError:
            raise Unavailable("store-unavailable", "the stream of events is not followed yet") from None

    @contextmanager
    def subscribed(self, types: Collection[str] = ()) -> Iterator[Subscription]:
        """A subscription to these types (none: all) within the block. Raises Unavailable when there are too many."""
        if len(self._subscriptions) >= MOST_SUBSCRIBERS:
            hint = "close connections that are not needed, or try again later"
            raise Unavailable(
                "too-many-subscribers", f"{MOST_SUBSCRIBERS} programs follow the events already", hint=hint
            )
        one = Subscription(types)
        self._subscriptions.add(one)
        try:
            yield one
        finally:
            self._subscriptions.discard(one)

    async def run(self) -> None:
        """Follow the stream until cancelled; then all subscriptions end."""
        try:
            while True:
                try:
                    await self._follow()
                except CallrecError:  # readiness and the alarm `store` tell of it
                    pass
                except Exception as error:  # noqa: BLE001 - a task boundary: a defect must not silence the events for ever
                    self._observer.broke("events", error)
                self._failures += 1
                await asyncio.sleep(self._backoff.delay_s(self._failures))
        finally:
            for one in self._subscriptions:
                one.end()

    async def _follow(self) -> None:
        if not self._cursor:
            self._cursor = await self._stream.newest()
            self._follows.set()
        while True:
            events, self._cursor = await self._stream.after(self._cursor, WAIT_S)
            self._failures = 0
            for event in events:
                for one in list(self._subscriptions):
                    if not one.over and not one.put(event):
                        self._observer.dropped(DropReason.SUBSCRIBER)
            if not events:
                newest = await self._stream.newest()
                if event_order(newest) < event_order(self._cursor):  # flushed, and the server's clock was set back
                    self._cursor = newest

    async def replay(self, last: str, one: Subscription) -> AsyncIterator[EventMessage]:
        """The events after `last` that the stream has: at most those of one minute. The first one is `events-missed` when there
        may have been more. Events that come meanwhile wait in the subscription; some of them may be in both. Raises Unavailable,
        and ValueError for an id that is none."""
        newest = await self._stream.newest()
        at, order = event_order(newest), event_order(last)
        earliest = (max(at[0] - REPLAY_MS, 0), 0)
        if order > at or (order < earliest and await self._has_between(last, earliest)):
            yield message("", MISSED, self._clock.now().utc_s, {"after": last})
        cursor = "{}-{}".format(*max(order, earliest))
        while cursor and order <= at:
            events, cursor = await self._stream.between(cursor, newest, BATCH)
            for event in events:
                if one.wants(event):
                    yield event

    async def _has_between(self, last: str, earliest: tuple[int, int]) -> bool:
        events, cursor = await self._stream.between(last, "{}-{}".format(*earliest), 1)
        return bool(events or cursor)
