"""Constructs what passes events on to programs outside."""

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from callrec.adapters.backoff import jittered
from callrec.adapters.database.outbox import SqliteOutbox
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.event_stream import RedisEventStream
from callrec.adapters.system import SystemClock
from callrec.adapters.webhooks.sender import HttpSender
from callrec.app.events.hub import EventHub
from callrec.app.ports.observer import Observer
from callrec.app.webhooks.delivery import DeliveryPorts, WebhookDelivery
from callrec.app.webhooks.registry import Terms, WebhookRegistry
from callrec.config import Settings
from callrec.domain.vocabulary import DropReason
from callrec.domain.webhooks.destinations import networks
from callrec.observe.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhooks of this daemon: what sends to them, and what changes them."""

    delivery: WebhookDelivery
    registry: WebhookRegistry
    outbox: SqliteOutbox


async def event_hub(address: Address, observer: Observer, stack: AsyncExitStack) -> EventHub:
    """The subscribers of the events of this store. Its connections are closed with the stack."""
    stream = RedisEventStream(address, lambda: observer.dropped(DropReason.EVENT_UNREADABLE))
    await stack.enter_async_context(stream)
    return EventHub(stream, SystemClock(), observer, jittered(first_s=0.05, limit_s=5.0))


def outbox_and_sender(settings: Settings) -> tuple[SqliteOutbox, HttpSender]:
    """Where webhooks are kept, and what sends to them. Both must be closed."""
    outbox = SqliteOutbox(settings.state_dir, settings.webhook_queue_mb << 20)
    return outbox, HttpSender(networks(settings.webhook_networks))


def webhook_registry(
    settings: Settings, outbox: SqliteOutbox, sender: HttpSender, changed: Callable[[], None] = lambda: None
) -> WebhookRegistry:
    """What commands and the API do with webhooks."""
    terms = Terms(networks(settings.webhook_networks), os.urandom, changed)
    return WebhookRegistry(outbox, sender, SystemClock(), terms)


async def keep_webhooks(
    settings: Settings, address: Address, observer: Observer, metrics: Metrics, stack: AsyncExitStack
) -> Webhooks:
    """The webhooks of these settings. Their file and connections are closed with the stack."""
    outbox, sender = outbox_and_sender(settings)
    stack.push_async_callback(outbox.close)
    stack.push_async_callback(sender.close)
    stream = await stack.enter_async_context(RedisEventStream(address))
    ports = DeliveryPorts(stream, outbox, sender, SystemClock(), observer, metrics.webhook)
    delivery = WebhookDelivery(
        ports, keep_s=settings.webhook_keep_h * 3600, backoff=jittered(first_s=0.5, limit_s=30.0)
    )
    return Webhooks(delivery, webhook_registry(settings, outbox, sender, delivery.wake), outbox)
