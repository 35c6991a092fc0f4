"""A recording is its user's: it ends when they have left by a transfer, and goes on while they consult or wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable

import pytest_asyncio
from arrangement import phone, tone_of
from conversing import News, Scenes
from listening import HEARD, Stored, presence, voice

from callrec.app.deaf_legs import CAUSE as DEAF_LEG
from callrec.domain.errors import Unavailable
from callrec.domain.lifecycle import State
from callrec.domain.model import Heard
from callrec.domain.provisioning.model import Rule
from callrec.lab.ears import heard_s, longest_s
from callrec.lab.phones import Answer, PhoneCall
from callrec.lab.stack import Stack

TALK_S = 1.5
CONSULT_S = 2.5
HEARD_FROM_S = 0.4
"""A shorter piece of a tone, at the end of a further take, is not known for one."""
PROMPT_S = 1.0
LEFT = "recorded-user-left"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[list[Stored]]]:
    """All calls, at the same time, each between phones of its own."""
    playing = Scenes(
        blind=_blind(stack, "1036", "1040", "1041", recordings=[("1036", "1040")]),
        to_flagged=_blind(stack, "1038", "1042", "1039", recordings=[("1038", "1042"), ("1042", "1039")]),
        pressed=_blind(stack, "1043", "1044", "1045", presses=True, recordings=[("1043", "1044")]),
        attended=_attended(stack, "1037", "1048", "1008"),
    )
    yield playing
    await playing.ended()


async def _blind(
    stack: Stack, caller: str, called: str, third: str, *, recordings: list[tuple[str, str]], presses: bool = False
) -> list[Stored]:
    """`*1` by the caller; those who stay talk on. Returns the recordings between these numbers, of which there is one each."""
    async with News(stack) as news:
        there = await phone(stack, caller).call(called, tone_hz=tone_of(caller))
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        if presses:
            await there.press("*3")
        await asyncio.sleep(TALK_S)
        await there.press("*1")
        await asyncio.sleep(PROMPT_S)  # "transfer"
        with contextlib.suppress(Unavailable):  # the PBX lets the phone go with the last key
            await there.press(third)
        await _talk_on(phone(stack, third).rings(), here)
        return [await news.one(*numbers) for numbers in recordings]


async def _talk_on(rings: Awaitable[PhoneCall], here: PhoneCall) -> None:
    other = await rings
    await other.answered()
    await asyncio.sleep(TALK_S)
    await here.hangup()
    await other.ended()


async def _attended(stack: Stack, caller: str, called: str, third: str) -> list[Stored]:
    """`*2` by the caller, who talks to the third while the called one is on hold, and hangs up: those two talk on."""
    await phone(stack, called).behave(
        Answer(tone_hz=tone_of(called))
    )  # other calls of these tests had it ring for ever
    async with News(stack) as news:
        there = await phone(stack, caller).call(called, tone_hz=tone_of(caller))
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)
        await there.press("*2")
        await asyncio.sleep(PROMPT_S)
        await there.press(third)
        other = await phone(stack, third).rings()
        await other.answered()
        await asyncio.sleep(CONSULT_S)
        await there.hangup()
        await asyncio.sleep(TALK_S)
        await here.hangup()
        await other.ended()
        return await news.stored(caller, called, third)


def assert_only_with_its_user(stored: Stored, user: str, partner: str, stranger: str) -> None:
    """Left is the user; the partner is heard while they talk; what those who stay say afterwards is not in the file."""
    recording = stored.manifest.recording
    assert recording.end_reason == LEFT
    assert stored.manifest.state is State.SOUND, recording
    assert stored.numbers[0] == user
    assert {take.leg for take in recording.takes} == {recording.parties[0].leg}
    talk = voice(stored.right, tone_of(partner)).between(0, TALK_S - 0.5)
    assert talk.length_s > TALK_S - 0.6
    assert presence(talk, tone_of(partner)) >= HEARD
    for sound in (stored.left, stored.right):
        assert longest_s(sound, tone_of(stranger)) < 0.1
    assert longest_s(stored.left, tone_of(partner)) < 0.1


async def test_what_is_said_after_the_flagged_user_has_transferred_the_call_is_not_recorded(
    scenes: Scenes[list[Stored]],
) -> None:
    """`*1`: 1036 goes, 1040 and 1041 talk on. Before, the file went on with 1040 on the left."""
    (stored,) = await scenes.of("blind")
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert_only_with_its_user(stored, "1036", "1040", "1041")


async def test_a_recording_on_demand_ends_when_its_presser_has_transferred_the_call(
    scenes: Scenes[list[Stored]],
) -> None:
    """The one who pressed is gone, and nobody else has asked for it."""
    (stored,) = await scenes.of("pressed")
    assert stored.manifest.recording.rule is Rule.ON_DEMAND
    assert_only_with_its_user(stored, "1043", "1044", "1045")


async def test_another_flagged_user_who_comes_by_the_transfer_has_a_recording_of_their_own(
    scenes: Scenes[list[Stored]],
) -> None:
    """Two entries, each with its own user on the left."""
    first, second = await scenes.of("to_flagged")
    assert_only_with_its_user(first, "1038", "1042", "1039")
    recording = second.manifest.recording
    assert (recording.rule, recording.end_reason) == (Rule.ALWAYS, "")
    assert recording.call == first.manifest.recording.call
    assert presence(voice(second.left, tone_of("1039")), tone_of("1039")) >= HEARD
    assert longest_s(second.left, tone_of("1042")) < 0.1


async def test_a_consultation_is_recorded_and_what_follows_the_attended_transfer_is_not(
    scenes: Scenes[list[Stored]],
) -> None:
    """`*2`: both conversations of 1037 are in the one recording, one after the other."""
    (stored,) = await scenes.of("attended")
    recording = stored.manifest.recording
    assert recording.end_reason == LEFT
    assert {take.leg for take in recording.takes} == {recording.parties[0].leg}
    first, last = (heard_s(stored.right, tone_of(number)) for number in ("1048", "1008"))
    assert first is not None
    # The leg may be deaf in the consultation until a further take heals it (docs/decisions/0017-the-deaf-leg.md): then the entry
    # says which part is missing, and the file holds the rest.
    lost_s = sum(each.to_s - each.from_s for each in recording.missing)
    consulted_s = 0.0
    if last is not None:
        assert first[1] < last[0], "they are never heard together"
        consulted_s = last[1] - last[0]
    assert consulted_s + lost_s >= CONSULT_S - HEARD_FROM_S - 0.5, recording
    assert (stored.manifest.state is State.SOUND) == (not recording.missing), recording
    if recording.missing:
        assert (recording.missing[0].cause, recording.missing[0].side) == (DEAF_LEG, Heard.HEARS)
    assert longest_s(stored.left, tone_of("1048")) < 0.1
