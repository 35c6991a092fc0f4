"""Rules that hang at an incoming number: calls that come in there are recorded, or are not, whoever takes them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio
from arrangement import OUTSIDE, tone_of
from conversing import Scenes, from_outside
from laboratory import BOUND_S
from listening import Stored

from callrec.domain.rules import Rule
from callrec_lab.stack import Stack

ALWAYS, PLAIN_USER = "2050", "1000"
NEVER, FLAGGED = "2055", "1005"
CALLER, OTHER = "0611223344", "0622334455"
TALK_S = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[list[Stored]]]:
    """A call to each number, at the same time."""
    await _set(stack, ALWAYS, "always")
    await _set(stack, NEVER, "never")
    playing = Scenes(
        always=from_outside(stack, ALWAYS, PLAIN_USER, CALLER, talk_s=TALK_S, recordings=1),
        never=from_outside(stack, NEVER, FLAGGED, OTHER, talk_s=TALK_S, recordings=0, presses=True),
    )
    yield playing
    await playing.ended()
    for number in (ALWAYS, NEVER):
        await _set(stack, number, None)


async def _set(stack: Stack, number: str, record: str | None) -> None:
    """As a program does it, and until the daemon's own copy of the tables has it."""
    url = f"http://127.0.0.1:{stack.daemon.http}/api/v1/incalls/{number}@from-extern"
    async with aiohttp.ClientSession(headers=stack.daemon.authorization) as http, asyncio.timeout(BOUND_S):
        async with http.get(url) as read:
            etag = read.headers["ETag"]
        async with http.patch(url, json={"record": record}, headers={"If-Match": etag}) as said:
            assert said.status == 200, await said.text()
            assert (await said.json())["record"] == record


async def test_a_call_to_a_number_that_is_always_recorded_is_recorded_though_its_user_has_no_rule(
    scenes: Scenes[list[Stored]],
) -> None:
    """The user is on the left, the caller on the right, and the entry names the number."""
    (stored,) = await scenes.of("always")
    recording = stored.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"incall:{ALWAYS}@from-extern")
    stored.assert_sides(tone_of(PLAIN_USER), tone_of(OUTSIDE))
    assert {party.number for party in recording.parties} == {CALLER, PLAIN_USER}


async def test_a_call_to_a_number_that_is_never_recorded_is_not_though_its_user_is_flagged_and_presses(
    scenes: Scenes[list[Stored]],
) -> None:
    """Never wins over all."""
    assert await scenes.of("never") == []
