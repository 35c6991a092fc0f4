"""Delivers events to webhooks: at least once, in order, kept on disk until they are delivered or given up.

One task reads the stream and stores each event for the webhooks that want it, together with its place in the stream: an event is
either in the outbox or still to be read, also after SIGKILL. One task for each webhook sends what is due, one message at a time,
so a receiver that hangs or fails delays its own messages only. A message keeps its id until it is delivered.

The stream keeps so many entries, and a store may lose them. Where the entry that was read last is no longer there when the daemon
reads on after a while, events between may be gone: that is an alarm, and stands with each webhook. How many is not known.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from callrec.app.ports.calls import Clock
from callrec.app.ports.events import EventStream, Outbox, Sender
from callrec.app.ports.observer import Observer
from callrec.domain.backoff import Backoff
from callrec.domain.calls.commands import Alarm
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError
from callrec.domain.vocabulary import AlarmCause
from callrec.domain.webhooks.model import Delivery, Result, Verdict, Webhook, judge
from callrec.protocols.event_messages import EventMessage, event_order

WAIT_S = 1.0
"""How long one read of the stream waits, and how soon a command's change is noticed."""
LONGEST_WAIT_S = 60.0
FAILING = 6
"""After so many failures in a row (about five minutes) there is an alarm."""
CLEAN_S = 3600.0
NOTHING = "0-0"
"""The id of the last event of an empty stream."""
BEHIND = 100
"""So many events at once have waited for a while: the stream may have lost others."""


@dataclass(frozen=True, slots=True)
class DeliveryPorts:
    """What the delivery works with. `attempted` gets the result of each attempt, for metrics."""

    stream: EventStream
    outbox: Outbox
    sender: Sender
    clock: Clock
    observer: Observer
    attempted: Callable[[Result], None]


class WebhookDelivery:
    """All webhooks of this daemon. `keep_s`: how long a message is tried; then it is given up, and kept as long again."""

    def __init__(self, ports: DeliveryPorts, *, keep_s: float, backoff: Backoff) -> None:
        self._ports, self._keep_s, self._backoff = ports, keep_s, backoff
        self._webhooks: dict[str, Webhook] = {}
        self._failures: dict[str, int] = {}
        self._cursor = ""
        self._is_behind = True
        self._alarmed: set[tuple[str, ErrorCode]] = set()
        self._news = asyncio.Event()
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._is_known = False
        self._cleaned_s = 0.0

    def wake(self) -> None:
        """This daemon's API has changed the outbox."""
        self._is_known = False
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again(self._accept))
            tasks.create_task(self._again_and_again(lambda: self._follow_outbox(tasks)))

    async def _again_and_again(self, step: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            try:
                await step()
                failures = 0
                continue
            except CallrecError as error:
                if not error.code.startswith("store-"):  # of which the alarm `store` tells
                    self._alarm("", error.code)
            except Exception as error:  # noqa: BLE001 - a task boundary: a defect must not end the delivery
                self._ports.observer.broke("webhooks", error)
            failures += 1
            self._is_behind = True
            await asyncio.sleep(self._backoff.delay_s(failures))

    async def _follow_outbox(self, tasks: asyncio.TaskGroup) -> None:
        """Notice changes by commands and by the API, and run a worker for each enabled webhook."""
        outbox, now_s = self._ports.outbox, self._ports.clock.now().utc_s
        if await outbox.changed() or not self._is_known:
            self._is_known = True
            found = await outbox.webhooks()
            self._webhooks = {one.id: one for one, _ in found if one.enabled}
            self._failures = {one.id: standing.failures for one, standing in found}
            self._run_workers(tasks)
        if not self._cleaned_s <= now_s < self._cleaned_s + CLEAN_S:
            self._cleaned_s = now_s
            await outbox.forget(now_s - 2 * self._keep_s)
        await _wait(self._news, WAIT_S)

    def _run_workers(self, tasks: asyncio.TaskGroup) -> None:
        for identity in self._workers.keys() - self._webhooks.keys():
            self._workers.pop(identity).cancel()
            del self._wakes[identity]
        for identity in self._webhooks.keys() - self._workers.keys():
            self._wakes[identity] = asyncio.Event()
            self._workers[identity] = tasks.create_task(self._again_and_again(partial(self._deliver, identity)))
        for wake in self._wakes.values():
            wake.set()

    async def _accept(self) -> None:
        """Store the next events of the stream."""
        stream, outbox = self._ports.stream, self._ports.outbox
        if not self._webhooks:
            self._cursor = ""
            await asyncio.sleep(WAIT_S / 10)
            return
        if not self._cursor:
            self._cursor = await outbox.cursor() or await stream.newest()
            await outbox.accept([], self._cursor, self._ports.clock.now().utc_s)
        events, cursor = await stream.after(self._cursor, WAIT_S)
        if cursor == self._cursor:
            newest = await stream.newest()
            if event_order(newest) >= event_order(cursor):
                self._is_behind = False
                return
            cursor, is_missed = newest, True  # the store was flushed, and its clock set back
        else:
            is_missed = self._is_behind and await self._is_cut_off()
        wanted = [event for event in events if not _of_webhooks(event)]
        dropped = await outbox.accept(wanted, cursor, self._ports.clock.now().utc_s, is_missed=is_missed)
        self._cursor, self._is_behind = cursor, len(events) >= BEHIND
        if is_missed:
            self._alarm("", "webhook-missed")
        if dropped:
            self._alarm("", "webhook-overflow")
        for wake in self._wakes.values():
            wake.set()

    async def _is_cut_off(self) -> bool:
        """Whether the stream has lost the event that was read last, and so perhaps later ones. An empty stream had none."""
        oldest = await self._ports.stream.oldest()
        return self._cursor != NOTHING and event_order(oldest) > event_order(self._cursor)

    async def _deliver(self, identity: str) -> None:
        """Send the next message of this webhook that is due, or wait for one."""
        ports, wake = self._ports, self._wakes[identity]
        wake.clear()
        webhook, now_s = self._webhooks[identity], ports.clock.now().utc_s
        delivery, due_s = await ports.outbox.next(identity, now_s)
        if delivery is None:
            await _wait(wake, LONGEST_WAIT_S if due_s is None else min(due_s - now_s, LONGEST_WAIT_S))
            return
        attempt = await ports.sender.send(webhook, delivery.id, delivery.body)
        failures = self._failures.get(identity, 0) + 1 if attempt.result is Result.FAILED else 0
        now_s = ports.clock.now().utc_s
        verdict = judge(attempt, delivery, failures, now_s=now_s, keep_s=self._keep_s, draw=self._backoff.draw)
        await ports.outbox.settle(delivery, attempt, verdict, now_s)
        self._failures[identity] = failures
        ports.attempted(attempt.result)
        self._tell(delivery, verdict, failures)

    def _tell(self, delivery: Delivery, verdict: Verdict, failures: int) -> None:
        if verdict.is_delivered:
            self._alarmed = {one for one in self._alarmed if one[0] not in {"", delivery.webhook}}
        if verdict.gives_up:
            self._alarm(delivery.webhook, "webhook-given-up")
        if failures == FAILING:
            self._alarm(delivery.webhook, "webhook-failing")

    def _alarm(self, webhook: str, code: ErrorCode) -> None:
        """Once for each webhook and code, until it gets a message again."""
        if (webhook, code) not in self._alarmed:
            self._alarmed.add((webhook, code))
            self._ports.observer.alarmed(Alarm(f"{AlarmCause.WEBHOOK}: {code}", None), "")


async def _wait(event: asyncio.Event, limit_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await event.wait()
    event.clear()


def _of_webhooks(event: EventMessage) -> bool:
    """Whether it is an alarm of webhooks: sent to a receiver that fails it would make the next one."""
    if event.type != "alarm":
        return False
    whole: dict[str, dict[str, str]] = json.loads(event.text)
    return whole["data"]["cause"].partition(":")[0] == AlarmCause.WEBHOOK
