"""A call that rings at one phone and is taken at another: for Asterisk two calls that meet, for people one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest_asyncio
from arrangement import phone, tone_of
from conversing import News, Scenes
from listening import Stored
from soundness import assert_sound

from callrec.domain.rules import Rule
from callrec_lab.phones import PhoneCall, RingForever
from callrec_lab.stack import Stack

TALK_S = 2.4
RING_S = 0.7
FLAGGED, RUNG, TAKER = "1005", "1051", "1052"
CALLER, RUNG_TOO, PRESSER = "1041", "1054", "1055"
Play = Callable[[PhoneCall], Coroutine[None, None, None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[Stored]]:
    """Both calls at the same time."""
    playing = Scenes(
        flagged=_taken(stack, FLAGGED, RUNG, TAKER, _conversation),
        pressed=_taken(stack, CALLER, RUNG_TOO, PRESSER, _press),
    )
    yield playing
    await playing.ended()


async def _taken(stack: Stack, caller: str, rung: str, taker: str, what: Play) -> Stored:
    """The one recording of a call to `rung` that `taker` takes with `*8` and the number."""
    await phone(stack, rung).behave(RingForever())
    async with News(stack) as news:
        there = await phone(stack, caller).call(rung, tone_hz=tone_of(caller))
        await asyncio.sleep(RING_S)
        here = await phone(stack, taker).call(f"*8{rung}", tone_hz=tone_of(taker))
        try:
            await asyncio.gather(there.answered(), here.answered())
            await what(here)
        finally:
            await there.hangup()
        await here.ended()
        return await news.one(caller, taker)


async def _conversation(_taker: PhoneCall) -> None:
    await asyncio.sleep(TALK_S)


async def _press(taker: PhoneCall) -> None:
    await taker.press("*3")
    await asyncio.sleep(TALK_S)
    await taker.press("*3")
    await asyncio.sleep(RING_S)


async def test_a_flagged_users_call_is_recorded_whoever_takes_it(scenes: Scenes[Stored]) -> None:
    """From the moment in which it is taken; and nobody says that it was not answered."""
    stored = await scenes.of("flagged")
    stored.assert_sides(tone_of(FLAGGED), tone_of(TAKER))
    assert_sound(stored.manifest)
    assert stored.manifest.recording.rule is Rule.ALWAYS


async def test_who_took_a_call_may_record_it(scenes: Scenes[Stored]) -> None:
    """`*3` on the taker's leg starts and stops."""
    stored = await scenes.of("pressed")
    assert_sound(stored.manifest)
    assert stored.manifest.recording.rule is Rule.ON_DEMAND
    assert stored.numbers[0] == PRESSER
    assert TALK_S - 0.5 < stored.length_s < TALK_S + 1
