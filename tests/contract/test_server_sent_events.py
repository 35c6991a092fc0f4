"""Server-sent events over a real store and real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import jsonschema_rs
import pytest
import pytest_asyncio
from api_door import TOKEN, ServiceUrl, opened

from callrec.adapters.redis.connection import ask
from callrec.app.events.hub import MOST_SUBSCRIBERS, MOST_WAITING
from callrec.web.api import events as sse

FACT = {"type": "recording", "recording": "r-1", "call": "r", "rule": "always", "cause": "", "at_s": "1795899680.250"}


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[ServiceUrl]:
    async with opened(tmp_path) as one:
        yield one


class Follower:
    """One program that follows the events."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def frame(self) -> dict[str, str]:
        """The next event, or comment, by its lines."""
        found: dict[str, str] = {}
        async with asyncio.timeout(10):
            while line := (await self.answer.content.readline()).decode().rstrip("\n"):
                name, _, value = line.partition(":")
                found[name] = value.strip()
        return found

    async def event(self) -> dict[str, str]:
        """The next event."""
        while "event" not in (frame := await self.frame()):
            assert not self.answer.content.at_eof()
        return frame


@asynccontextmanager
async def following(door: ServiceUrl, query: str = "", **headers: str) -> AsyncIterator[Follower]:
    named = {"Authorization": f"Bearer {TOKEN}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    url = f"http://127.0.0.1:{door.port}/api/v1/events{query}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=named) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        follower = Follower(answer)
        assert await follower.frame() == {"retry": "2000"}
        yield follower


async def test_facts_and_changes_of_the_tables_come_in_order_and_as_the_schema_says(door: ServiceUrl) -> None:
    schema = (await door.ask("GET", "/events/schema")).json
    async with following(door) as follower:
        await door.store.publish(FACT)
        assert (await door.change("/users/1", call_record=True)).status == 200
        found = [await follower.event() for _ in range(2)]
    assert [one["event"] for one in found] == ["recording", "tables-changed"]
    for one in found:
        event = json.loads(one["data"])
        assert (event["id"], event["type"]) == (one["id"], one["event"])
        assert jsonschema_rs.Draft202012Validator(schema).is_valid(event)
    assert json.loads(found[0]["data"])["data"] == {"recording": "r-1", "call": "r", "rule": "always", "cause": ""}


async def test_no_secret_of_a_line_is_told(door: ServiceUrl) -> None:
    async with following(door) as follower:
        assert (await door.change("/lines/sip:desk", secret="a-very-secret-word")).status == 200
        found = await follower.event()
    assert found["event"] == "tables-changed"
    assert "a-very-secret-word" not in found["data"]
    assert "line-secret" not in found["data"]


async def test_a_program_that_comes_back_gets_what_it_missed_and_nothing_twice(door: ServiceUrl) -> None:
    async with following(door) as follower:
        await door.store.publish(FACT)
        first = await follower.event()
    await door.store.publish({**FACT, "recording": "r-2"})
    async with following(door, Last_Event_ID=first["id"]) as follower:
        await door.store.publish({**FACT, "recording": "r-3"})
        found = [json.loads((await follower.event())["data"])["data"]["recording"] for _ in range(2)]
    assert found == ["r-2", "r-3"]


async def test_a_program_that_was_away_for_long_is_told_so(door: ServiceUrl) -> None:
    """The events of the seed are two minutes older than the newest one."""
    later = f"{int((time.time() + 120) * 1000)}-0"
    client = door.store.address.client()
    await ask(client, "XADD", "callrec:events", later, *(text for pair in FACT.items() for text in pair))
    await client.aclose()
    async with following(door, Last_Event_ID="1-0") as follower:
        missed, event = await follower.event(), await follower.event()
    assert (missed["event"], "id" in missed) == ("events-missed", False)
    assert json.loads(missed["data"])["data"] == {"after": "1-0"}
    assert (event["event"], event["id"]) == ("recording", later)


async def test_only_the_types_that_are_wanted_come(door: ServiceUrl) -> None:
    async with following(door, "?types=alarm,recording-ended") as follower:
        await door.store.publish(FACT)
        await door.store.publish({"type": "alarm", "cause": "store"})
        assert (await follower.event())["event"] == "alarm"


async def test_an_entry_that_is_no_event_is_left_out_and_the_next_one_comes(door: ServiceUrl) -> None:
    async with following(door) as follower:
        await door.store.publish({"type": "recording-stored", "id": "without a path"})
        await door.store.publish({"type": "of-tomorrow"})
        await door.store.publish(FACT)
        assert (await follower.event())["event"] == "recording"


@pytest.mark.parametrize(
    ("query", "headers", "status", "where"),
    [
        ("?types=of-tomorrow", {}, 422, "types"),
        ("?types=Recording", {}, 422, "types"),
        ("?other=1", {}, 422, "other"),
        ("", {"Last_Event_ID": "yesterday"}, 422, "Last-Event-ID"),
        ("", {"Last_Event_ID": "1-0, 2-0"}, 422, "Last-Event-ID"),
        ("", {"Last_Event_ID": "1-18446744073709551616"}, 422, "Last-Event-ID"),
        ("", {"Last_Event_ID": "18446744073709551616-0"}, 422, "Last-Event-ID"),
        ("", {"Authorization": "Bearer wrong"}, 401, None),
    ],
)
async def test_a_wrong_request_is_told_what_is_wrong(
    door: ServiceUrl, query: str, headers: dict[str, str], status: int, where: str | None
) -> None:
    answer = await door.ask("GET", f"/events{query}", **headers)
    assert answer.status == status
    assert [one["parameter"] for one in answer.json.get("errors", ())] == ([where] if where else [])


async def test_a_silent_connection_has_heartbeats(door: ServiceUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.05)
    async with following(door) as follower:
        assert [await follower.frame() for _ in range(3)] == [{"": ""}] * 3


async def test_a_connection_ends_after_its_time(door: ServiceUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIFE_S", 0.2)
    async with following(door) as follower:
        assert (await follower.answer.content.read()).strip(b":\n") == b""


async def test_a_reader_that_stands_still_is_cut_and_costs_the_others_nothing(
    door: ServiceUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is full after some 6 MB; then the daemon keeps no more for it than a queue."""
    monkeypatch.setattr(sse, "STALL_S", 1.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1024)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    await reader.readuntil(b"retry: 2000")
    writer.transport.pause_reading()  # type: ignore[attr-defined] # a socket's has it
    async with following(door) as follower:
        long = {**FACT, "cause": "x" * 30_000}
        for nth in range(400):
            await door.store.publish({**long, "recording": f"r-{nth}"})
            assert json.loads((await follower.event())["data"])["data"]["recording"] == f"r-{nth}"
        async with asyncio.timeout(20):
            while door.hub.subscribers > 1:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
    writer.close()


async def test_many_follow_at_once_and_one_more_is_refused(door: ServiceUrl) -> None:
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {TOKEN}"}, connector=aiohttp.TCPConnector(limit=0)
    ) as http:
        url = f"http://127.0.0.1:{door.port}/api/v1/events"
        followers = [Follower(await http.get(url)) for _ in range(MOST_SUBSCRIBERS)]
        answer = await door.ask("GET", "/events")
        assert (answer.status, answer.json["code"]) == (503, "too-many-subscribers")
        await door.store.publish(FACT)
        assert [(await one.event())["event"] for one in followers] == ["recording"] * MOST_SUBSCRIBERS
        followers[0].answer.close()
        async with asyncio.timeout(10):
            while door.hub.subscribers == MOST_SUBSCRIBERS:
                await asyncio.sleep(0.05)
                await door.store.publish(FACT)
        async with following(door):
            assert door.hub.subscribers == MOST_SUBSCRIBERS


async def test_a_burst_is_not_lost_on_a_program_that_reads(door: ServiceUrl) -> None:
    async with following(door) as follower:
        for nth in range(MOST_WAITING // 2):
            await door.store.publish({**FACT, "recording": f"r-{nth}"})
        found = [json.loads((await follower.event())["data"])["data"]["recording"] for _ in range(MOST_WAITING // 2)]
    assert found == [f"r-{nth}" for nth in range(MOST_WAITING // 2)]


async def test_the_documents_are_served(door: ServiceUrl) -> None:
    schema, asyncapi = await door.ask("GET", "/events/schema"), await door.ask("GET", "/events/asyncapi")
    assert jsonschema_rs.meta.is_valid(schema.json)
    assert asyncapi.json["asyncapi"] == "3.0.0"
