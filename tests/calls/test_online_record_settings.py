"""Calls under other settings: confirmation, pause, formats and names, and a spool that cannot be written."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from arrangement import lamp, tone_of
from conversing import NEWS_S, News, conversation, play, together
from listening import (
    HEARD,
    TOLERANCE_S,
    Stored,
    assert_heard,
    hears_failed,
    hears_started,
    hears_stopped,
    pauses,
)

from callrec.domain.library.manifest import Format, StoredState
from callrec_lab.audio_checks import heard_s, silence
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

TALK_S = 2.2
"""A conversation that is recorded."""
PAUSED_S = 1.3
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
    stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-end")


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
    assert failed.manifest.state is StoredState.FAILED
    assert failed.manifest.recording.cause == "file-not-opened"
    assert failed.manifest.media is None
    assert len({capture.id for capture in failed.manifest.recording.captures}) == 2


@pytest.mark.profile("fragile")
async def test_a_take_that_fails_is_tried_again(changed: Stack) -> None:
    """When the spool is back in time, a new capture of the same recording holds the rest of the call."""
    async with News(changed) as news:
        async with conversation(changed, "1000", "1002") as (there, here):
            async with spool_away(changed):
                await there.press("*3")
                await asyncio.sleep(SHORT_S)
            await news.event("alarm", cause="file-not-opened")
            await asyncio.sleep(TALK_S)
        stored = await news.one("1000", "1002")
    first, second = stored.manifest.recording.captures
    assert hears_failed(there)
    assert hears_started(there)
    assert hears_started(here)
    assert stored.manifest.state is StoredState.PARTIAL
    assert (first.cause, second.cause) == ("file-not-opened", "")
    for side, hz in ((stored.left, tone_of("1000")), (stored.right, tone_of("1002"))):
        assert_heard(side, hz)
    assert stored.length_s == pytest.approx(there.ended_s - second.from_s, abs=TOLERANCE_S)


async def _pause_and_resume(there: PhoneCall, _here: PhoneCall) -> None:
    await asyncio.sleep(SHORT_S)
    await there.press("*3")
    await asyncio.sleep(PAUSED_S)
    await there.press("*3")
    await asyncio.sleep(SHORT_S)


@pytest.mark.profile("discreet")
async def test_where_the_setting_allows_it_a_press_pauses_and_resumes(changed: Stack) -> None:
    """Between the two presses both sides are silent, before and after them nothing is missing, and the timeline is the call's."""
    played = await play(changed, "1005", "1000", _pause_and_resume)
    (stored,) = played.stored
    first_s, last_s = played.caller.pressed_s
    (muted,) = pauses(stored.right, tone_of("1000"))
    began_s, _ = heard_s(stored.right, tone_of("1000")) or (0.0, 0.0)
    assert stored.length_s == pytest.approx(played.called.heard().length_s, abs=TOLERANCE_S)
    assert muted.length_s == pytest.approx(last_s - first_s, abs=TOLERANCE_S)
    assert stored.length_s - muted.from_s == pytest.approx(played.caller.ended_s - first_s, abs=TOLERANCE_S)
    for side in (stored.left, stored.right):
        assert silence(side.between(muted.from_s, muted.to_s)) >= HEARD
    for part in (stored.right.between(began_s, muted.from_s), stored.right.between(muted.to_s, stored.length_s)):
        assert_heard(part, tone_of("1000"))
    (interval,) = stored.manifest.recording.pauses
    assert (interval.to_s or 0) - interval.from_s == pytest.approx(muted.length_s, abs=TOLERANCE_S)
    assert hears_stopped(played.caller)
    assert hears_started(played.caller)
    assert not hears_stopped(played.called)


async def _record(there: PhoneCall, _here: PhoneCall) -> None:
    await there.press("*3")
    await asyncio.sleep(TALK_S)


async def _recorded(stack: Stack, caller: str, called: str) -> Stored:
    played = await play(stack, caller, called, _record)
    (stored,) = played.stored
    assert stored.length_s == pytest.approx(played.caller.ended_s - played.caller.pressed_s[0], abs=TOLERANCE_S)
    return stored


@pytest.mark.parametrize(
    "media_format",
    [
        pytest.param(Format.FLAC, marks=pytest.mark.profile("discreet")),
        pytest.param(Format.OPUS, marks=pytest.mark.profile("silent")),
        pytest.param(Format.MP3, marks=pytest.mark.profile("fragile")),
    ],
)
async def test_compressed(changed: Stack, media_format: Format) -> None:
    """The same conversation in each compressed format."""
    stored = await _recorded(changed, "1000", "1002")
    stored.assert_holds(media_format, tone_of("1000"), tone_of("1002"))


@pytest.mark.profile("silent")
async def test_names_as_xivo_gave_them(changed: Stack) -> None:
    """Flat, `auto-<epoch>-<presser>-<peer>`; calls between the same numbers in the same second do not overwrite each other."""
    number, other = "1003", "1000"
    async with News(changed) as news:
        calls = [await changed.phone(number).call(other, tone_hz=tone_of(number)) for _ in range(3)]
        await together(*(call.answered() for call in calls))
        await together(*(call.press("*3") for call in calls))
        await asyncio.sleep(TALK_S)
        await together(*(call.hangup() for call in calls))
        recordings = await news.stored(number, other, count=3)
    stems = [stored.path.stem for stored in recordings]
    epochs = [int(stored.manifest.recording.from_s) for stored in recordings]
    assert len(set(epochs)) < len(set(stems)) == 3
    for stored, epoch in zip(recordings, epochs, strict=True):
        assert stored.path.parent == changed.daemon.monitor
        assert re.fullmatch(rf"auto-{epoch}-{number}-{other}(-[23])?", stored.path.stem)
        stored.assert_holds(Format.OPUS, tone_of(number), tone_of(other))
