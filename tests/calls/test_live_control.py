"""Operators start and stop recordings of real calls over the API: an answer says what is proven, and the file holds it."""

import asyncio
from typing import Any

import aiohttp
from arrangement import tone_of
from conversing import News, conversation
from laboratory import BOUND_S
from listening import voice
from soundness import assert_sound

from callrec.domain.calls.model import ActorKind, Control
from callrec_lab.stack import Stack

TALK_S = 2.0
STARTING, RECORDING, IDLE = "starting", "recording", "idle"


async def ask(stack: Stack, method: str, path: str = "", **body: object) -> tuple[int, Any]:
    """Status and answer."""
    url = f"http://127.0.0.1:{stack.daemon.http}/api/v1/calls{path}"
    async with (
        aiohttp.ClientSession(headers=stack.daemon.authorization) as http,
        http.request(method, url, json=body or None) as answer,
    ):
        return answer.status, await answer.json()


async def live(stack: Stack, *numbers: str) -> Any:
    """The live call in which these talk."""
    async with asyncio.timeout(BOUND_S):
        while True:
            _, said = await ask(stack, "GET")
            for one in said["items"]:
                if {who["number"] for who in one["participants"]} == {*numbers}:
                    return one
            await asyncio.sleep(0.05)


async def until(stack: Stack, state: str, *numbers: str) -> Any:
    """The same when its recording does this; on the way there *recording* is never said of what does not grow."""
    async with asyncio.timeout(BOUND_S):
        while (one := await live(stack, *numbers))["state"] != state:
            assert one["state"] != RECORDING or one["recording"]["written_bytes"]
            await asyncio.sleep(0.05)
    return one


async def test_a_recording_that_an_operator_starts_is_proven_by_its_files_before_that_is_said(stack: Stack) -> None:
    """Two ask at the same time: they get one recording, and it is *recording* for both when its files have grown. The stop is
    proven when they are closed. The entry names who did it, and why."""
    numbers = ("1009", "1012")
    async with News(stack) as news:
        async with conversation(stack, *numbers):
            call = (await live(stack, *numbers))["id"]
            answers = await asyncio.gather(
                *(ask(stack, "POST", f"/{call}/recording/start", reason=f"complaint {nth}") for nth in range(2))
            )
            for status, said in answers:
                assert (status, said["state"]) in {(200, RECORDING), (202, STARTING)}
                assert status == 202 or (said["recording"]["grows"] and said["recording"]["written_bytes"])
            assert len({said["recording"]["id"] for _, said in answers}) == 1
            await until(stack, RECORDING, *numbers)
            await asyncio.sleep(TALK_S)
            status, said = await ask(stack, "POST", f"/{call}/recording/stop", reason="done")
            assert (status, said["state"]) == (200, IDLE)
            assert (await ask(stack, "POST", f"/{call}/recording/stop"))[0] == 200, "a repeated one changes nothing"
        (stored,) = await news.stored(*numbers)
    assert_sound(stored.manifest)
    controls = stored.manifest.recording.controls
    assert [(one.control, one.actor.kind) for one in controls] == [
        (Control.START, ActorKind.OPERATOR),
        (Control.STOP, ActorKind.OPERATOR),
    ]
    assert controls[0].reason in {"complaint 0", "complaint 1"}
    assert controls[1].reason == "done"
    for side, number in zip((stored.left, stored.right), numbers, strict=True):
        assert voice(side, tone_of(number)).length_s >= TALK_S


async def test_in_a_call_in_which_nothing_is_sent_a_start_is_on_its_way_and_no_more(stack: Stack) -> None:
    """Asterisk writes nothing then, so nothing is proven: 202, *starting*, for as long as that lasts. What is said then is
    recorded."""
    numbers = ("1013", "1014")
    async with News(stack) as news:
        async with conversation(stack, *numbers) as (there, here):
            await there.hum(0)
            await here.hum(0)
            call = (await live(stack, *numbers))["id"]
            status, said = await ask(stack, "POST", f"/{call}/recording/start")
            assert (status, said["state"]) == (202, STARTING)
            assert not said["recording"]["grows"]
            await there.hum(tone_of(numbers[0]))
            await here.hum(tone_of(numbers[1]))
            said = await until(stack, RECORDING, *numbers)
            assert said["recording"]["grows"]
            await asyncio.sleep(TALK_S)
        (stored,) = await news.stored(*numbers)
    for side, number in zip((stored.left, stored.right), numbers, strict=True):
        assert voice(side, tone_of(number)).length_s >= TALK_S
