"""Programs outside hear of a real call: the same events, in order, by server-sent events and by webhook."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import jsonschema_rs
import pytest
from conversing import play
from laboratory import BOUND_S
from receivers import Received, receiving

from callrec.protocols.event_documents import event_schema
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

TALK_S = 2.5
CALL = ("press-started", "recording", "press-stopped", "recording-ended", "recording-stored")
WANTED = frozenset(CALL)


@asynccontextmanager
async def following(stack: Stack) -> AsyncIterator[list[dict[str, object]]]:
    """The events of the call as they come in, by server-sent events."""
    found: list[dict[str, object]] = []
    async with (
        aiohttp.ClientSession(headers=stack.daemon.authorization) as http,
        http.get(f"http://127.0.0.1:{stack.daemon.http}/api/v1/events") as answer,
    ):
        assert answer.status == 200

        async def read() -> None:
            while line := await answer.content.readline():
                if line.startswith(b"data: "):
                    found.append(json.loads(line[6:]))

        reading = asyncio.create_task(read())
        yield found
        reading.cancel()
        await asyncio.wait([reading])


@pytest.mark.profile("webhooks")
async def test_a_real_call_is_told_in_order_and_alike_by_both_ways(changed: Stack) -> None:
    async def press_twice(there: PhoneCall, _here: PhoneCall) -> None:
        await there.press("*3")
        await asyncio.sleep(TALK_S)
        await there.press("*3")
        await asyncio.sleep(0.5)

    async with receiving() as there, following(changed) as told:
        ended, said = await changed.daemon.callrec("webhooks", "add", "crm", there.url, "--json")
        assert ended == 0, said
        secret = json.loads(said)["secret"]
        await asyncio.sleep(1.5)  # the daemon looks for changes each second
        played = await play(changed, "1000", "1002", press_twice)
        (stored,) = played.stored
        posted = await there.until(lambda got: any(one.event["type"] == "recording-stored" for one in got), BOUND_S)
        async with asyncio.timeout(BOUND_S):
            while told[-1]["id"] < posted[-1].event["id"]:  # noqa: ASYNC110 - the reader tells nobody
                await asyncio.sleep(0.05)
        await changed.daemon.callrec("webhooks", "remove", "crm")
    _check(told, posted, stored.id, secret)


def _check(told: list[dict[str, object]], posted: list[Received], recording: str, secret: str) -> None:
    ours = [one.event for one in posted if one.event["type"] in WANTED]
    kinds = [one["type"] for one in ours]
    assert sorted(kinds) == sorted(CALL), ([one["type"] for one in told], kinds)
    assert kinds.index("recording") < kinds.index("recording-ended") < kinds.index("recording-stored")
    assert kinds.index("press-started") < kinds.index("press-stopped")
    assert [one for one in told if one["type"] in WANTED] == ours
    assert {one["data"].get("recording", one["data"].get("id")) for one in ours} == {recording}
    assert ours[-1]["data"]["numbers"] == ["1000", "1002"]
    assert all(one.is_signed_with(secret) for one in posted)
    schema = jsonschema_rs.Draft202012Validator(event_schema())
    assert all(schema.is_valid(one) for one in [*told, *(each.event for each in posted)])
