"""`*3`: real calls between real phones; what their recordings hold, and what the people heard, is listened to."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from laboratory import until
from listening import (
    FAILED_HZ,
    KEYS_S,
    OUTSIDE,
    TOLERANCE_S,
    News,
    Stored,
    conversation,
    heard_notes,
    hears_failed,
    hears_started,
    hears_stopped,
    lamp,
    pauses,
    phone,
    presence,
    settle,
    together,
    tone_of,
    until_lamp,
    user_id,
)

from callrec.domain.lifecycle import State
from callrec.domain.model import ActorKind
from callrec.domain.provisioning.model import Rule
from callrec.lab.ears import Sound, heard_s
from callrec.lab.phones import PAUSE_S, Answer, PhoneCall
from callrec.lab.stack import Stack

TALK_S = 2.2
"""A conversation that is recorded."""
SHORT_S = 0.6
"""A conversation that separates two things."""
PROVEN_S = 3.2
"""A conversation long enough for the file to be seen growing: Asterisk writes after 2.05 s at 8 kHz."""
WIDE_HZ = 5000


def assert_between_presses(stored: Stored, listener: Sound, presser_hz: int, nth: int = 0) -> None:
    """The recording is as long as the time between two presses of one phone, by what the other phone heard."""
    first, last = pauses(listener, presser_hz)[nth : nth + 2]
    assert stored.length_s == pytest.approx(last.to_s - first.to_s, abs=TOLERANCE_S)


async def press_twice(call: PhoneCall, talk_s: float = TALK_S) -> None:
    """`*3`, talk, `*3`, with some conversation before and after."""
    await asyncio.sleep(SHORT_S)
    await call.press("*3")
    await asyncio.sleep(talk_s)
    await call.press("*3")
    await asyncio.sleep(SHORT_S)


@pytest.mark.parametrize("presser", ["caller", "called"])
async def test_either_party_records(stack: Stack, presser: str) -> None:
    """From the presser's keys to the presser's keys: both sides are in the file, in full, at the rate of the presser's leg."""

    async def one(caller: str, called: str, rate_hz: int) -> None:
        async with News(stack) as news:
            async with conversation(stack, caller, called) as calls:
                await press_twice(calls[0 if presser == "caller" else 1])
            stored = await news.one(caller, called)
        own, other = (caller, called) if presser == "caller" else (called, caller)
        listener = calls[1 if presser == "caller" else 0]
        stored.assert_sides(tone_of(own), tone_of(other), keys_at="left-start left-end")
        stored.assert_no_tones()
        assert_between_presses(stored, listener.heard(), tone_of(own))
        assert stored.numbers == [own, other]
        assert stored.manifest.media is not None
        assert stored.manifest.media.rate_hz == rate_hz
        for call in calls:
            assert hears_started(call)
            assert hears_stopped(call)

    if presser == "caller":
        await together(one("1000", "1002", 8000), one("1001", "1010", 16000), one("1003", "1011", 8000))
    else:
        await together(one("1000", "1002", 8000), one("1001", "1010", 16000), one("1003", "1011", 16000))


async def test_wide_band_is_kept(stack: Stack) -> None:
    """Two G.722 phones: what is above 4 kHz is in the file."""
    bank = stack.bank
    assert bank is not None
    wave = 6000 * np.sin(2 * np.pi * WIDE_HZ * np.arange(16000 * 20) / 16000)
    (bank.root / "share/sounds/wide.sln16").write_bytes(wave.astype("<i2").tobytes())
    await bank.cli("module load app_playback.so")
    await bank.cli("dialplan add extension wide,1,Playback,wide into phone")
    async with News(stack) as news:
        async with conversation(stack, "1001", "1010") as (there, here):
            await there.press("*3")
            await here._go("wide")
            await asyncio.sleep(TALK_S)
        stored = await news.one("1001", "1010")
    from_s, to_s = heard_s(stored.right, WIDE_HZ) or (0.0, 0.0)
    assert to_s - from_s == pytest.approx(TALK_S, abs=0.2)
    assert presence(stored.right.between(from_s, to_s), WIDE_HZ) >= 0.99


async def test_one_party_starts_and_the_other_stops(stack: Stack) -> None:
    """There is one state per call: the callee stops what the caller started, and the file ends with the callee's keys."""
    async with News(stack) as news:
        async with conversation(stack, "1000", "1002") as (there, here):
            await asyncio.sleep(SHORT_S)
            await there.press("*3")
            await asyncio.sleep(TALK_S)
            await here.press("*3")
            await asyncio.sleep(SHORT_S)
        stored = await news.one("1000", "1002")
    stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-start right-end")
    (keys,) = pauses(there.heard(), tone_of("1002"))
    _, fell_silent_s = heard_s(stored.right, tone_of("1002")) or (0.0, 0.0)
    assert stored.length_s - fell_silent_s == pytest.approx(keys.length_s - PAUSE_S, abs=TOLERANCE_S)
    assert stored.numbers == ["1000", "1002"]


async def test_a_third_press_makes_a_second_recording(stack: Stack) -> None:
    """Start, stop, start, stop: two recordings of one call, each from its own press to its own press."""
    async with News(stack) as news:
        async with conversation(stack, "1000", "1002") as (there, here):
            await press_twice(there, SHORT_S + 0.6)
            await press_twice(there, TALK_S)
        first, second = await news.stored("1000", "1002", count=2)
    assert first.manifest.recording.call == second.manifest.recording.call
    assert (first.id[-2:], second.id[-2:]) == ("-1", "-2")
    for stored, nth in ((first, 0), (second, 2)):
        stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-start left-end")
        assert_between_presses(stored, here.heard(), tone_of("1000"), nth)


async def test_a_second_press_within_a_second_is_absorbed(stack: Stack) -> None:
    """`*3*3` in one go starts a recording and does not stop it: the presser cannot have heard the tone yet."""
    async with News(stack) as news:
        async with conversation(stack, "1000", "1002") as (there, here):
            await asyncio.sleep(SHORT_S)
            await there.press("*3*3")
            await asyncio.sleep(TALK_S)
            await there.press("*3")
            await asyncio.sleep(SHORT_S)
        stored = await news.one("1000", "1002")
        assert len(news.events("press-absorbed", user=user_id(stack, "1000"))) == 1
    first, last = pauses(here.heard(), tone_of("1000"))
    second_keys_s = first.length_s - (KEYS_S - PAUSE_S)
    assert presence(stored.right, tone_of("1002")) >= 0.99
    assert stored.length_s == pytest.approx(last.to_s - first.to_s + second_keys_s, abs=0.15)


async def test_both_parties_press_at_once(stack: Stack) -> None:
    """Two presses in the same moment are one start: one recording, which goes on until the hangup."""
    async with News(stack) as news:
        async with conversation(stack, "1000", "1002") as (there, here):
            await asyncio.sleep(SHORT_S)
            await asyncio.gather(there.press("*3"), here.press("*3"))
            await asyncio.sleep(TALK_S)
        stored = await news.one("1000", "1002")
        assert len(news.events("press-absorbed")) == 1
    left, right = (tone_of(number) for number in stored.numbers)
    stored.assert_sides(left, right, keys_at="left-start right-start")
    assert stored.length_s == pytest.approx(TALK_S, abs=0.25)


async def test_who_may_not_record_is_refused(stack: Stack) -> None:
    """A user without permission hears so, alone, and neither starts a recording nor stops the other's."""
    async with News(stack) as news:
        async with conversation(stack, "1004", "1000") as (there, here):
            await there.press("*3")
            await news.event("press-refused", user=user_id(stack, "1004"))
            assert not list(stack.daemon.spool.iterdir())
            await asyncio.sleep(SHORT_S)
            await here.press("*3")
            await asyncio.sleep(SHORT_S + 0.6)
            await there.press("*3")
            await asyncio.sleep(SHORT_S + 0.6)
        stored = await news.one("1000", "1004")
    assert hears_failed(there)
    assert heard_notes(here.heard(), FAILED_HZ) == []
    assert stored.numbers == ["1000", "1004"]
    assert stored.length_s == pytest.approx(2 * (SHORT_S + 0.6) + KEYS_S, abs=0.25)


async def test_a_strangers_keys_go_through(stack: Stack) -> None:
    """`*3` of a caller from outside reaches the user's phone as digits and records nothing; the user's own `*3` records."""
    async with News(stack) as news:
        async with conversation(stack, OUTSIDE, "1000", dialled="2050", shown="0612345678") as (there, here):
            await there.press("*3")
            await until(lambda: here.digits == "*3")
            assert not list(stack.daemon.spool.iterdir())
            await here.press("*3")
            await asyncio.sleep(TALK_S)
        stored = await news.one("1000", "0612345678")
    stored.assert_sides(tone_of("1000"), tone_of(OUTSIDE), keys_at="left-start")
    assert [event["type"] for event in news.seen if event["type"].startswith("press-")] == []


async def test_a_press_before_the_answer_does_nothing(stack: Stack) -> None:
    """While the other's phone still rings, `*3` neither records nor waits to record: only the presses after the answer count."""
    await phone(stack, "1002").behave(Answer(after_s=1.5, tone_hz=tone_of("1002")))
    async with News(stack) as news:
        there = await phone(stack, "1000").call("7002", tone_hz=tone_of("1000"))
        here = await phone(stack, "1002").rings()
        await there.answered()
        await there.press("*3")
        await here.answered()
        await press_twice(there)
        await there.hangup()
        await here.ended()
        stored = await news.one("1000", "1002")
        assert [event["type"] for event in news.seen if event["type"].startswith("press-")] == []
    await phone(stack, "1002").behave(Answer(tone_hz=tone_of("1002")))
    stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-start left-end")
    assert_between_presses(stored, here.heard(), tone_of("1000"))


async def test_a_hangup_ends_the_recording_sound(stack: Stack) -> None:
    """Who hangs up instead of pressing again loses nothing."""
    async with News(stack) as news:
        async with conversation(stack, "1000", "1002") as (there, here):
            await asyncio.sleep(SHORT_S)
            await there.press("*3")
            await asyncio.sleep(TALK_S)
        stored = await news.one("1000", "1002")
    stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-start")
    (keys,) = pauses(here.heard(), tone_of("1000"))
    assert stored.length_s == pytest.approx(here.heard().length_s - keys.to_s + PAUSE_S, abs=TOLERANCE_S)


async def test_the_lamps_say_recording_when_the_file_grows(stack: Stack) -> None:
    """Both users' `*3` lamps are lit from the file's first growth to its end, and never before."""
    users = ("1000", "1001")
    before: list[str] = []
    async with News(stack) as news:
        async with conversation(stack, *users) as (there, _):
            assert [await lamp(stack, user, "3") for user in users] == ["NOT_INUSE", "NOT_INUSE"]
            await there.press("*3")
            async with asyncio.timeout(PROVEN_S + 1):
                while (state := await lamp(stack, "1000", "3")) != "INUSE":
                    before += [state] if written(stack) == 0 else []
            assert written(stack) > 0
            await until_lamp(stack, "1001", "3", "INUSE")
            hints = await stack.pbx.cli("core show hints")
            await there.press("*3")
            for user in users:
                await until_lamp(stack, user, "3", "NOT_INUSE")
        stored = await news.one(*users)
    assert set(before) == {"NOT_INUSE"}
    for user in users:
        hint = next(line for line in hints.splitlines() if f"*735{user_id(stack, user)}***23@" in line)
        assert "State:InUse" in hint
    stored.assert_sides(tone_of("1000"), tone_of("1001"), keys_at="left-start left-end")


def written(stack: Stack) -> int:
    """How many bytes of the only open take are on the disk."""
    return min((file.stat().st_size for file in stack.daemon.spool.iterdir()), default=0)


async def test_the_sidecar_says_who_why_and_when(stack: Stack) -> None:
    """Who pressed, under which rule, who was there under which number and name, and from when to when."""
    async with News(stack) as news:
        async with conversation(stack, OUTSIDE, "1000", dialled="2050", shown="0612345678") as (_, here):
            instants = [time.time()]
            for _ in range(2):
                await here.press("*3")
                instants.append(time.time())
                await asyncio.sleep(SHORT_S + 0.6)
        stored = await news.one("1000", "0612345678")
    recording = stored.manifest.recording
    user = user_id(stack, "1000")
    assert (recording.actor.kind, recording.actor.user) == (ActorKind.USER, user)
    assert recording.rule is Rule.ON_DEMAND
    assert instants[0] <= recording.from_s <= instants[1] <= (recording.to_s or 0) <= instants[2]
    presser, stranger = recording.parties
    assert (presser.user, presser.name, presser.leg) == (user, "John Doe", recording.actor.leg)
    assert (stranger.user, stranger.number) == (None, "0612345678")
    assert recording.takes[0].leg == presser.leg
    assert recording.node == "lab"
    assert len(recording.announcements) >= 1


@pytest.mark.parametrize(("confirm", "heard_by"), [("presser", (True, False)), ("none", (False, False))])
async def test_the_confirmation_is_heard_by_whom_the_setting_says(
    changeable: Stack, confirm: str, heard_by: tuple[bool, bool]
) -> None:
    """The tones of start and stop reach the presser only, or nobody."""
    await settle(changeable, confirm=confirm)
    async with News(changeable) as news:
        async with conversation(changeable, "1000", "1002") as (there, here):
            await press_twice(there)
        stored = await news.one("1000", "1002")
    assert (hears_started(there), hears_started(here)) == heard_by
    assert (hears_stopped(there), hears_stopped(here)) == heard_by
    stored.assert_no_tones()
    stored.assert_sides(tone_of("1000"), tone_of("1002"), keys_at="left-start left-end")


@asynccontextmanager
async def spool_away(stack: Stack) -> AsyncIterator[None]:
    """Asterisk cannot write to the spool, nor make it, until the block ends."""
    spool, aside = stack.daemon.spool, stack.daemon.spool.with_name("aside")
    disk = spool.readlink()
    for target in ("/dev/null/nowhere", disk):
        aside.symlink_to(target)
        aside.rename(spool)
        if target != disk:
            try:
                yield
            except BaseException:
                aside.symlink_to(disk)
                aside.rename(spool)
                raise


async def test_a_take_that_cannot_be_written_is_said_and_listed(changeable: Stack) -> None:
    """No file, no lamp: the presser hears the failed tone, and the catalogue has an entry that says why there is no audio."""
    await settle(changeable)
    lit = set()
    async with News(changeable) as news:
        async with conversation(changeable, "1000", "1002") as (there, _), spool_away(changeable):
            await there.press("*3")
            while not news.events("recording-ended"):
                lit.add(await lamp(changeable, "1000", "3"))
                await news.read()
        failed = await news.one("1000", "1002")
    assert lit == {"NOT_INUSE"}
    assert hears_failed(there)
    assert not hears_started(there)
    assert failed.manifest.state is State.FAILED
    assert failed.manifest.recording.cause == "file-not-opened"
    assert failed.manifest.media is None
    assert len({take.id for take in failed.manifest.recording.takes}) == 2


async def test_a_take_that_fails_is_tried_again(changeable: Stack) -> None:
    """When the spool is back in time, a new take of the same recording holds the rest of the call."""
    await settle(changeable)
    async with News(changeable) as news:
        async with conversation(changeable, "1000", "1002") as (there, here):
            async with spool_away(changeable):
                await there.press("*3")
                await asyncio.sleep(1)
            await news.event("alarm", cause="file-not-opened")
            await asyncio.sleep(TALK_S)
        stored = await news.one("1000", "1002")
    first, second = stored.manifest.recording.takes
    assert hears_failed(there)
    assert hears_started(there)
    assert stored.manifest.state is State.PARTIAL
    assert (first.cause, second.cause) == ("file-not-opened", "")
    for side, hz in ((stored.left, tone_of("1000")), (stored.right, tone_of("1002"))):
        assert presence(side, hz) >= 0.99
    assert stored.length_s == pytest.approx(TALK_S, abs=0.25)
