"""`*3` under other settings, and when the spool cannot be written: who hears what, and what the catalogue says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from arrangement import lamp, tone_of
from conversing import NEWS_S, News, conversation, play
from listening import hears_failed, hears_started, hears_stopped, presence

from callrec.domain.lifecycle import State
from callrec.lab.phones import PhoneCall
from callrec.lab.stack import Stack

TALK_S = 2.2
"""A conversation that is recorded."""
SHORT_S = 0.6
"""A conversation that separates two things."""


async def _press_twice(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(TALK_S)
    await there.press("*3")
    await asyncio.sleep(SHORT_S)


@pytest.mark.parametrize(
    "heard_by",
    [
        pytest.param((True, False), marks=pytest.mark.profile("discreet")),
        pytest.param((False, False), marks=pytest.mark.profile("silent")),
    ],
)
async def test_the_confirmation_is_heard_by_whom_the_setting_says(changed: Stack, heard_by: tuple[bool, bool]) -> None:
    """The tones of start and stop reach the presser only, or nobody."""
    played = await play(changed, "1000", "1002", _press_twice)
    (stored,) = played.stored
    assert (hears_started(played.caller), hears_started(played.called)) == heard_by
    assert (hears_stopped(played.caller), hears_stopped(played.called)) == heard_by
    stored.assert_no_tones()
    stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-start left-end")


@asynccontextmanager
async def spool_away(stack: Stack) -> AsyncIterator[None]:
    """Until the block ends, Asterisk can neither write to the spool nor make it; what is in it is safe."""
    spool, aside = stack.daemon.spool, stack.daemon.spool.with_name("aside")
    disk = spool.readlink()
    aside.symlink_to("/dev/null/nowhere")
    aside.rename(spool)
    try:
        yield
    finally:
        aside.symlink_to(disk)
        aside.rename(spool)


@pytest.mark.profile("fragile")
async def test_a_take_that_cannot_be_written_is_said_and_listed(changed: Stack) -> None:
    """No file, no lamp: the presser hears the failed tone, and the catalogue has an entry that says why there is no audio."""
    lit = set()
    async with News(changed) as news, conversation(changed, "1000", "1002") as (there, here):
        async with spool_away(changed):
            await there.press("*3")
            async with asyncio.timeout(NEWS_S):
                while not news.events("recording-ended"):
                    lit.add(await lamp(changed, "1000", "3"))
                    await news.read()
        failed = await news.one("1000", "1002")
    assert lit == {"NOT_INUSE"}
    assert hears_failed(there)
    assert hears_failed(here)
    assert not hears_started(there)
    assert failed.manifest.state is State.FAILED
    assert failed.manifest.recording.cause == "file-not-opened"
    assert failed.manifest.media is None
    assert len({take.id for take in failed.manifest.recording.takes}) == 2


@pytest.mark.profile("fragile")
async def test_a_take_that_fails_is_tried_again(changed: Stack) -> None:
    """When the spool is back in time, a new take of the same recording holds the rest of the call."""
    async with News(changed) as news:
        async with conversation(changed, "1000", "1002") as (there, here):
            async with spool_away(changed):
                await there.press("*3")
                await asyncio.sleep(SHORT_S)
            await news.event("alarm", cause="file-not-opened")
            await asyncio.sleep(TALK_S)
        stored = await news.one("1000", "1002")
    first, second = stored.manifest.recording.takes
    assert hears_failed(there)
    assert hears_started(there)
    assert hears_started(here)
    assert stored.manifest.state is State.PARTIAL
    assert (first.cause, second.cause) == ("file-not-opened", "")
    for side, hz in ((stored.left, tone_of("1000")), (stored.right, tone_of("1002"))):
        assert presence(side, hz) >= 0.99
    assert stored.length_s == pytest.approx(TALK_S, abs=0.25)
