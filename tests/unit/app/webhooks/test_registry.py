"""What the API and the commands do with webhooks."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callrec.adapters.database.outbox import SqliteOutbox
from callrec.app.webhooks.registry import Terms, WebhookRegistry
from callrec.domain.calls.model import Instant
from callrec.domain.errors import Refused
from callrec.domain.webhooks.destinations import networks
from callrec.domain.webhooks.model import MOST_WEBHOOKS, Attempt, Verdict, Webhook
from callrec.protocols.event_messages import EventMessage
from callrec.protocols.standard_webhooks import secret_key, secret_text

URL = "https://crm.example/hook"


class House:
    """A registry and what is around it."""

    def __init__(self, folder: Path) -> None:
        self.outbox, self.sent, self.changes, self.draws = SqliteOutbox(folder, 10_000), [], 0, 0
        terms = Terms(networks(["127.0.0.0/8"]), self.draw, self.changed)
        self.registry = WebhookRegistry(self.outbox, self, self, terms)

    def now(self) -> Instant:
        """See Clock."""
        return Instant(1000.0, 0.0)

    def draw(self, count: int) -> bytes:
        """Other bytes each time."""
        self.draws += 1
        return bytes([self.draws]) * count

    def changed(self) -> None:
        """See Terms."""
        self.changes += 1

    async def send(self, webhook: Webhook, message_id: str, body: str) -> Attempt:
        """See Sender."""
        self.sent.append((webhook.id, message_id, json.loads(body)))
        return Attempt(204, "HTTP 204")


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    one = House(tmp_path)
    yield one
    await one.outbox.close()


async def refused(work) -> str:
    with pytest.raises(Refused) as found:
        await work
    return found.value.code


async def test_a_new_webhook_gets_a_secret_and_a_sender_of_its_own(house: House) -> None:
    crm, is_new = await house.registry.put("crm", URL, ["recording", "alarm"])
    log, _ = await house.registry.put("log", URL)
    assert (is_new, crm.types, crm.enabled) == (True, ("recording", "alarm"), True)
    assert len(secret_key(crm.secret)) == 32
    assert crm.secret != log.secret
    assert crm.sender != log.sender
    assert [one for one, _ in await house.registry.every()] == [crm, log]
    assert house.changes == 2


async def test_a_change_keeps_secret_and_sender(house: House) -> None:
    crm, _ = await house.registry.put("crm", URL)
    changed, is_new = await house.registry.put("crm", URL + "2", ["alarm"], enabled=False)
    assert (is_new, changed.secret, changed.sender, changed.former_secret) == (False, crm.secret, crm.sender, "")
    assert (changed.url, changed.types, changed.enabled) == (URL + "2", ("alarm",), False)
    assert (await house.registry.put("crm", URL + "2", ["alarm"], enabled=False))[0] == changed


async def test_a_new_secret_signs_beside_the_former_one(house: House) -> None:
    crm, _ = await house.registry.put("crm", URL)
    rotated = await house.registry.rotate("crm", 60.0)
    assert rotated.secrets(1059.0) == (rotated.secret, crm.secret)
    assert rotated.secrets(1060.0) == (rotated.secret,)
    own = secret_text(bytes(32))
    given, _ = await house.registry.put("crm", URL, secret=own)
    assert given.secrets(1001.0) == (own, rotated.secret)
    same, _ = await house.registry.put("crm", URL, secret=own)
    assert same == given


@pytest.mark.parametrize(
    ("identity", "url", "types", "secret", "code"),
    [
        ("CRM", URL, [], "", "webhook-id"),
        ("", URL, [], "", "webhook-id"),
        ("x" * 41, URL, [], "", "webhook-id"),
        ("crm", "https://10.0.0.1/", [], "", "webhook-url"),
        ("crm", URL, ["of-tomorrow"], "", "webhook-types"),
        ("crm", URL, ["webhook-test"], "", "webhook-types"),
        ("crm", URL, [], "word", "webhook-secret"),
    ],
)
async def test_a_bad_webhook_is_refused(  # noqa: PLR0917 - a row of the table
    house: House, identity: str, url: str, types: list[str], secret: str, code: str
) -> None:
    assert await refused(house.registry.put(identity, url, types, secret=secret)) == code
    assert (await house.registry.every(), house.changes) == ([], 0)


async def test_there_are_so_many_and_no_more(house: House) -> None:
    for nth in range(MOST_WEBHOOKS):
        await house.registry.put(f"crm-{nth}", URL)
    assert await refused(house.registry.put("one-more", URL)) == "webhooks-too-many"
    await house.registry.put("crm-0", URL + "2")


async def test_an_unknown_webhook_is_refused_by_name(house: House) -> None:
    registry = house.registry
    for work in (
        registry.one("x"),
        registry.rotate("x"),
        registry.remove("x"),
        registry.test("x"),
        registry.resend("x"),
    ):
        assert await refused(work) == "no-such-webhook"
    assert await refused(registry.deliveries("x")) == "no-such-webhook"


async def test_a_removed_webhook_is_gone(house: House) -> None:
    await house.registry.put("crm", URL)
    await house.registry.remove("crm")
    assert await house.registry.every() == []


async def test_a_test_is_one_event_at_once(house: House) -> None:
    crm, _ = await house.registry.put("crm", URL)
    assert (await house.registry.test("crm")).status == 204
    ((webhook, message_id, event),) = house.sent
    assert (webhook, event["type"], event["data"]) == ("crm", "webhook-test", {"webhook": "crm"})
    assert message_id == f"{crm.sender}_{event['id']}"
    assert await house.registry.deliveries("crm") == []


async def test_what_was_given_up_is_sent_again(house: House) -> None:
    await house.registry.put("crm", URL)
    await house.outbox.accept([EventMessage("1-0", "alarm", "{}"), EventMessage("2-0", "alarm", "{}")], "2-0", 1.0)
    first, second = await house.registry.deliveries("crm")
    assert await refused(house.registry.resend("crm", first.id)) == "no-such-delivery"
    for one in (first, second):
        await house.outbox.settle(one, Attempt(422, "HTTP 422"), Verdict(gives_up=True), 2.0)
    assert await house.registry.resend("crm", first.id) == 1
    assert await house.registry.resend("crm") == 1
    assert await house.registry.resend("crm") == 0
