"""Webhooks of a whole daemon: a real store, a real file, real receivers; and over the API and by command."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import jsonschema_rs
import pytest
import pytest_asyncio
from api_door import ServiceUrl, opened
from lone_daemon import House
from receivers import Receiver, answer, receiving

from callrec.adapters.redis.connection import Address, ask
from callrec.protocols.event_documents import event_schema

HERE = {"CALLREC_WEBHOOK_NETWORKS": "127.0.0.0/8"}
SCHEMA = jsonschema_rs.Draft202012Validator(event_schema())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, settings=HERE)
    yield made
    made.stop()


async def callrec(house: House, *words: str) -> dict[str, object]:
    """A command beside the daemon; its answer."""
    done = await asyncio.to_thread(house.command, *words, state="s")
    assert done.returncode in {0, 1}, done.stderr
    return (
        json.loads(done.stdout) if "--json" in words else {"exit": done.returncode, "said": done.stdout + done.stderr}
    )


async def tell(house: House, **fields: str) -> str:
    """One more event in the daemon's store; its id."""
    client = Address.of_socket(house.folder / "s/valkey/valkey.sock").client()
    event_id = await ask(client, "XADD", "callrec:events", "*", *(text for pair in fields.items() for text in pair))
    await client.aclose()
    return str(event_id)


async def standing(house: House) -> dict[str, object]:
    (found,) = await callrec(house, "webhooks", "list", "--json")
    return found


async def until(house: House, **expected: object) -> None:
    """Wait until `callrec webhooks list` shows these."""
    async with asyncio.timeout(30):
        while {name: (await standing(house))[name] for name in expected} != expected:
            pass


async def test_a_killed_daemon_delivers_after_its_start_under_the_same_id(house: House) -> None:
    """Killed between the acceptance and the delivery: what was tried before, and what was not."""
    daemon = await asyncio.to_thread(house.start)
    async with receiving(Receiver([answer(500)])) as failing:
        made = await callrec(house, "webhooks", "add", "crm", failing.url, "--json")
        await until(house, waiting=0)
        await asyncio.sleep(1.5)  # the daemon looks for changes each second
        for nth in range(3):
            await tell(house, type="recording", recording=f"r-{nth}")
        await until(house, waiting=3)
        (first, *_) = await failing.until(1)
    daemon.kill()
    daemon.wait()
    async with receiving(port=failing.port) as there:
        await asyncio.to_thread(house.start)
        received = await there.until(3)
        await until(house, waiting=0, delivered=3)
    assert [one.event["data"]["recording"] for one in received] == ["r-0", "r-1", "r-2"]
    assert received[0].id == first.id
    assert received[0].body == first.body
    assert len({one.id for one in received}) == 3
    assert all(one.is_signed_with(str(made["secret"])) for one in received)
    assert all(SCHEMA.is_valid(one.event) for one in received)


async def test_events_that_the_stream_lost_while_the_daemon_was_away_are_told(house: House) -> None:
    """The rest is delivered, and the list says that some are missing."""
    daemon = await asyncio.to_thread(house.start)
    async with receiving() as there:
        await callrec(house, "webhooks", "add", "crm", there.url, "--json")
        await asyncio.sleep(1.5)  # the daemon looks for changes each second
        await tell(house, type="recording", recording="r-0")
        await there.until(1)
        await until(house, delivered=1)
        daemon.kill()  # its store outlives it
        daemon.wait()
        for nth in range(1, 4):
            await tell(house, type="recording", recording=f"r-{nth}")
        client = Address.of_socket(house.folder / "s/valkey/valkey.sock").client()
        await ask(client, "XTRIM", "callrec:events", "MAXLEN", "=", 2)
        await client.aclose()
        await asyncio.to_thread(house.start)
        received = await there.until(3)
        await until(house, missed=1, waiting=0)
    assert [one.event["data"]["recording"] for one in received] == ["r-0", "r-2", "r-3"]
    assert "webhook: webhook-missed" in house.log("s").read_text()


async def test_a_secret_is_rotated_without_loss(house: House) -> None:
    await asyncio.to_thread(house.start)
    async with receiving() as there:
        old = await callrec(house, "webhooks", "add", "crm", there.url, "--json")
        await asyncio.sleep(1.5)
        await tell(house, type="recording", recording="before")
        await there.until(1)
        new = await callrec(house, "webhooks", "set", "crm", "--rotate", "--json")
        await asyncio.sleep(1.5)
        await tell(house, type="recording", recording="after")
        before, after = await there.until(2)
    signed = [[one.is_signed_with(str(secret["secret"])) for secret in (old, new)] for one in (before, after)]
    assert signed == [[True, False], [True, True]]


async def test_hostile_receivers_hold_up_no_other(house: House) -> None:
    """One hangs, one redirects, one fails, one sends without end: the good one has everything in order meanwhile."""
    await asyncio.to_thread(house.start)
    endless = Receiver([b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n"], endless=b"x" * 65536)
    async with (
        receiving() as good,
        receiving(Receiver([b""])) as hanging,
        receiving(Receiver([answer(302, Location=good.url)])) as leading,
        receiving(Receiver([answer(500)])) as failing,
        receiving(endless),
    ):
        for name, one in (
            ("hangs", hanging),
            ("leads", leading),
            ("fails", failing),
            ("endless", endless),
            ("good", good),
        ):
            await callrec(house, "webhooks", "add", name, one.url, "--json")
        await asyncio.sleep(1.5)
        for nth in range(20):
            await tell(house, type="recording", recording=f"r-{nth}")
        received = await good.until(20)
        assert [one.event["data"]["recording"] for one in received] == [f"r-{nth}" for nth in range(20)]
        assert {len(one.received) for one in (hanging, leading, failing)} == {1}
        await endless.until(2)
        assert endless.sent_bytes / endless.connections < 8 << 20, "the buffers of both sockets"


async def test_commands_without_a_daemon(house: House) -> None:
    async with receiving(Receiver([answer(204), answer(500)])) as there:
        assert (await callrec(house, "webhooks", "add", "crm", there.url, "--type", "alarm", "--json"))["id"] == "crm"
        assert (await callrec(house, "webhooks", "test", "crm", "--json"))["result"] == "delivered"
        failed = await callrec(house, "webhooks", "test", "crm", "--json")
        assert (failed["result"], failed["says"]) == ("failed", "HTTP 500")
        assert [one.event["type"] for one in there.received] == ["webhook-test"] * 2
    assert (await callrec(house, "webhooks", "add", "crm", there.url))["exit"] == 1
    assert (await standing(house))["types"] == ["alarm"]
    assert (await callrec(house, "webhooks", "set", "crm", "--all-types", "--disable"))["exit"] == 0
    assert [(await standing(house))[name] for name in ("types", "enabled")] == [[], False]
    assert (await callrec(house, "webhooks", "resend", "crm"))["said"] == b"sent again: 0\n"
    assert await callrec(house, "webhooks", "show", "crm", "--json") == []
    assert (await callrec(house, "webhooks", "remove", "crm"))["exit"] == 0
    gone = await callrec(house, "webhooks", "remove", "crm")
    assert (gone["exit"], b"there is no webhook 'crm'" in gone["said"]) == (1, True)
    refused = await callrec(house, "webhooks", "add", "crm", "https://169.254.169.254/")
    assert (refused["exit"], b"CALLREC_WEBHOOK_NETWORKS" in refused["said"]) == (1, True)


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[ServiceUrl]:
    async with opened(tmp_path) as one:
        yield one


async def test_the_api_adds_changes_tests_and_removes(door: ServiceUrl) -> None:
    async with receiving() as there:
        made = await door.ask("PUT", "/webhooks/crm", {"url": there.url, "types": ["recording"]})
        assert (made.status, made.json["secrets"], made.json["delivered"]) == (200, 1, 0)
        again = await door.ask("PUT", "/webhooks/crm", {"url": there.url, "types": ["recording"]})
        assert again.json == {**made.json, "secret": None}
        tested = await door.ask("POST", "/webhooks/crm/test")
        assert (tested.status, tested.json["result"]) == (200, "delivered")
        assert there.received[0].is_signed_with(made.json["secret"])
        await asyncio.sleep(1.5)
        await door.store.publish({"type": "recording", "recording": "r-1"})
        received = await there.until(2)
        assert received[1].event["data"] == {"recording": "r-1"}
        rotated = await door.ask("POST", "/webhooks/crm/rotate", {"overlap_h": 1})
        assert (rotated.json["secrets"], rotated.json["secret"] != made.json["secret"]) == (2, True)
        assert (await door.ask("POST", "/webhooks/crm/resend", {})).json == {"deliveries": 0}
        assert (await door.ask("GET", "/webhooks/crm/deliveries")).json == {"items": []}
        listed = (await door.ask("GET", "/webhooks")).text
        assert made.json["secret"] not in listed
        assert rotated.json["secret"] not in listed
        assert (await door.ask("DELETE", "/webhooks/crm")).status == 204
        assert (await door.ask("GET", "/webhooks/crm")).status == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "https://192.168.0.1/"}, "/url"),
        ({"url": "https://crm.example", "types": ["of-tomorrow"]}, "/types"),
        ({"url": "https://crm.example", "secret": "word"}, "/secret"),
        ({"url": "https://crm.example", "other": 1}, "/other"),
        ({}, "/url"),
    ],
)
async def test_a_bad_webhook_is_told_where(door: ServiceUrl, body: dict[str, object], pointer: str) -> None:
    refused = await door.ask("PUT", "/webhooks/crm", body)
    assert (refused.status, [one["pointer"] for one in refused.json["errors"]]) == (422, [pointer])
