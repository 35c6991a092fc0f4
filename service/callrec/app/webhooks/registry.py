"""What the API and the commands do with webhooks. Both work on the outbox, with and without a daemon."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from callrec.app.ports.calls import Clock
from callrec.app.ports.events import Outbox, Sender
from callrec.domain.errors import Refused
from callrec.domain.webhooks.destinations import Network, checked_url
from callrec.domain.webhooks.model import MOST_WEBHOOKS, OVERLAP_S, Attempt, Delivery, Standing, Webhook
from callrec.protocols.event_messages import message
from callrec.protocols.event_types import TEST, TYPES
from callrec.protocols.standard_webhooks import SECRET_BYTES, secret_key, secret_text

WEBHOOK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MOST_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """What webhooks may be. `draw` gives so many random bytes; `changed` is called after each change."""

    networks: Sequence[Network]
    draw: Callable[[int], bytes]
    changed: Callable[[], None] = lambda: None


class WebhookRegistry:
    """The webhooks of this daemon."""

    def __init__(self, outbox: Outbox, sender: Sender, clock: Clock, terms: Terms) -> None:
        self._outbox, self._sender, self._clock, self._terms = outbox, sender, clock, terms

    async def every(self) -> Sequence[tuple[Webhook, Standing]]:
        """All webhooks, by id."""
        return await self._outbox.webhooks()

    async def one(self, identity: str) -> tuple[Webhook, Standing]:
        """One webhook. Raises Refused."""
        found = {each.id: (each, standing) for each, standing in await self._outbox.webhooks()}
        if identity not in found:
            hint = "callrec webhooks list shows all"
            raise Refused("no-such-webhook", f"there is no webhook {identity[:80]!r}", hint=hint)
        return found[identity]

    async def put(
        self, identity: str, url: str, types: Sequence[str] = (), *, enabled: bool = True, secret: str = ""
    ) -> tuple[Webhook, bool]:
        """Add a webhook, or change it; and whether it is new. Without a secret a new one gets one, and another keeps its own; a
        secret that differs replaces the present one as `rotate` does. Raises Refused."""
        present = {each.id: each for each, _ in await self._outbox.webhooks()}
        former = present.get(identity)
        if former is None:
            self._check_new(identity, len(present))
            key = secret or secret_text(self._terms.draw(SECRET_BYTES))
            former = Webhook(identity, url, key, f"msg_{self._terms.draw(8).hex()}")
        changed = replace(former, url=checked_url(url, self._terms.networks), types=_types(types), enabled=enabled)
        if secret_key(secret or changed.secret) and secret not in {"", changed.secret}:
            changed = changed.rotated(secret, self._clock.now().utc_s)
        await self._outbox.put(changed)
        self._terms.changed()
        return changed, identity not in present

    async def rotate(self, identity: str, overlap_s: float = OVERLAP_S) -> Webhook:
        """Make a new secret; the present one signs as well for `overlap_s`. Raises Refused."""
        present, _ = await self.one(identity)
        secret = secret_text(self._terms.draw(SECRET_BYTES))
        changed = present.rotated(secret, self._clock.now().utc_s, overlap_s)
        await self._outbox.put(changed)
        self._terms.changed()
        return changed

    async def remove(self, identity: str) -> None:
        """Remove a webhook and what waits for it. Raises Refused."""
        await self.one(identity)
        await self._outbox.remove(identity)
        self._terms.changed()

    async def test(self, identity: str) -> Attempt:
        """Send an event `webhook-test` once, now. Raises Refused."""
        webhook, _ = await self.one(identity)
        now_s = self._clock.now().utc_s
        event_id = f"{int(now_s * 1000)}-{int.from_bytes(self._terms.draw(4), 'big')}"
        event = message(event_id, TEST, now_s, {"webhook": identity})
        return await self._sender.send(webhook, f"{webhook.sender}_{event_id}", event.text)

    async def resend(self, identity: str, delivery: str | None = None) -> int:
        """Send what was given up again: one delivery, or all; returns how many. Raises Refused."""
        await self.one(identity)
        count = await self._outbox.resend(identity, delivery, self._clock.now().utc_s)
        if delivery is not None and not count:
            hint = f"callrec webhooks show {identity} lists those that were given up"
            raise Refused("no-such-delivery", f"no delivery {delivery[:100]!r} was given up", hint=hint)
        self._terms.changed()
        return count

    async def deliveries(self, identity: str) -> Sequence[Delivery]:
        """The first deliveries that wait or were given up, oldest first. Raises Refused."""
        await self.one(identity)
        return await self._outbox.deliveries(identity, MOST_SHOWN)

    @staticmethod
    def _check_new(identity: str, present: int) -> None:
        if not WEBHOOK_ID.fullmatch(identity):
            raise Refused("webhook-id", "a webhook's id is 1 to 40 small letters, digits or hyphens")
        if present >= MOST_WEBHOOKS:
            raise Refused("webhooks-too-many", f"there are {present} webhooks already", hint="remove one first")


def _types(types: Sequence[str]) -> tuple[str, ...]:
    known = [one.name for one in TYPES if one.in_stream]
    if unknown := sorted(set(types) - set(known)):
        hint = f"there are {', '.join(known)}"
        raise Refused("webhook-types", f"there is no type of event {unknown[0][:80]!r}", hint=hint)
    return tuple(one for one in known if one in types)
