"""A recording lasts while somebody is there whom it is for: it ends when the last of them has left by a transfer, goes on while
they consult or wait, and when one comes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable

import pytest
import pytest_asyncio
from arrangement import phone, set_user, tone_of
from conversing import News, Scenes
from listening import PACKETS_S, Stored, assert_heard, pauses, voice
from soundness import assert_sound

from callrec.domain.calls.model import WaitingKind
from callrec.domain.errors import Unavailable
from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import heard_s, longest_s
from callrec_lab.phones import Answer, PhoneCall
from callrec_lab.stack import Stack

TALK_S = 1.5
CONSULT_S = 2.5
HEARD_FROM_S = 0.4
"""A shorter piece of a tone, at the end of a further capture, is not known for one."""
PROMPT_S = 1.0
LEFT = "recorded-user-left"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[list[Stored]]]:
    """All calls, at the same time, each between phones of its own. 1057 and 1058 may not press."""
    await asyncio.gather(*(set_user(stack, number, "--online-record=off") for number in ("1058", "1057")))
    await set_user(stack, "1029", "--rule=in_internal=never")
    playing = Scenes(
        blind=_blind(stack, "1036", "1040", "1041", recordings=[("1036", "1040")]),
        to_flagged=_blind(stack, "1038", "1042", "1039", recordings=[("1038", "1042", "1039")]),
        pressed=_blind(stack, "1043", "1058", "1057", presses=True, recordings=[("1043", "1058")]),
        may_press=_blind(stack, "1051", "1052", "1060", presses=True, recordings=[("1051", "1052", "1060")]),
        returns=_returns(stack, "1046", "1053", "1054"),
        joins=_blind(stack, "1030", "1031", "1039", recordings=[("1031", "1039")]),
        never=_to_never(stack, "1050", "1035", "1029"),
        attended=_attended(stack, "1037", "1048", "1008"),
    )
    yield playing
    await playing.ended()
    await asyncio.gather(*(set_user(stack, number, "--online-record=on") for number in ("1058", "1057")))
    await set_user(stack, "1029", "--rule=in_internal=none")


async def _answer(stack: Stack, *numbers: str) -> None:
    """Other calls of these tests had their phones do something else."""
    await asyncio.gather(*(phone(stack, number).behave(Answer(tone_hz=tone_of(number))) for number in numbers))


async def _blind(
    stack: Stack, caller: str, called: str, third: str, *, recordings: list[tuple[str, str]], presses: bool = False
) -> list[Stored]:
    """`*1` by the caller; those who stay talk on. Returns the recordings between these numbers, of which there is one each."""
    await _answer(stack, called, third)
    async with News(stack) as news:
        there = await phone(stack, caller).call(called, tone_hz=tone_of(caller))
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        if presses:
            await there.press("*3")
        await asyncio.sleep(TALK_S)
        await _send_to(there, third)
        await _talk_on(phone(stack, third).rings(), here)
        return [await news.one(*numbers) for numbers in recordings]


async def _returns(stack: Stack, caller: str, called: str, third: str) -> list[Stored]:
    """`*1` by the caller, those who stay talk, and `*1` by the third sends the call back to the first one. Its phone answers."""
    await _answer(stack, caller, called, third)
    async with News(stack) as news:
        there = await phone(stack, caller).call(called, tone_hz=tone_of(caller))
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)
        await _send_to(there, third)
        other = await phone(stack, third).rings()
        await other.answered()
        await asyncio.sleep(TALK_S)
        await _send_to(other, caller)
        back = await phone(stack, caller).rings()
        await back.answered()
        await asyncio.sleep(TALK_S)
        await here.hangup()
        await back.ended()
        return await news.stored(caller, called)


async def _to_never(stack: Stack, caller: str, called: str, third: str) -> list[Stored]:
    """`*1` by the called one, who sends the flagged caller to somebody who must not be recorded."""
    await _answer(stack, called, third)
    async with News(stack) as news:
        there = await phone(stack, caller).call(called, tone_hz=tone_of(caller))
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        await asyncio.sleep(TALK_S)
        await _send_to(here, third)
        await _talk_on(phone(stack, third).rings(), there)
        return [await news.one(caller, called)]


async def _send_to(call: PhoneCall, number: str) -> None:
    await call.press("*1")
    await asyncio.sleep(PROMPT_S)  # "transfer"
    with contextlib.suppress(Unavailable):  # the PBX lets the phone go with the last key
        await call.press(number)


async def _talk_on(rings: Awaitable[PhoneCall], here: PhoneCall) -> None:
    other = await rings
    await other.answered()
    await asyncio.sleep(TALK_S)
    await here.hangup()
    await other.ended()


async def _attended(stack: Stack, caller: str, called: str, third: str) -> list[Stored]:
    """`*2` by the caller, who talks to the third while the called one is on hold, and hangs up: those two talk on."""
    await _answer(stack, called)
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
    assert_sound(stored.manifest)
    assert stored.numbers[0] == user
    assert {capture.leg for capture in recording.captures} == {recording.parties[0].leg}
    talk = voice(stored.right, tone_of(partner)).between(0, TALK_S - 0.5)
    assert talk.length_s > TALK_S - 0.6
    assert_heard(talk, tone_of(partner))
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
    assert_only_with_its_user(stored, "1043", "1058", "1057")


def assert_goes_on_without_its_user(stored: Stored, user: str, partner: str, third: str) -> None:
    """Left is the user, and silent after they have left; both who talk on are on the right, from then to the end."""
    recording = stored.manifest.recording
    assert recording.end_reason == ""
    assert_sound(stored.manifest)
    assert [capture.of_others for capture in recording.captures] == [False, True]
    assert longest_s(stored.left, tone_of(user)) > TALK_S - 0.6
    for number in (partner, third):
        assert longest_s(stored.left, tone_of(number)) < 0.1, number
    first, last = recording.captures
    talk = stored.right.between(last.from_s - first.from_s + PACKETS_S, stored.length_s - PACKETS_S)
    assert talk.length_s > TALK_S - 0.6
    for number in (partner, third):
        assert_heard(talk, tone_of(number))


async def test_a_recording_on_demand_goes_on_with_another_who_may_press(scenes: Scenes[list[Stored]]) -> None:
    """It ends with the last of them, who can stop it by `*3`."""
    (stored,) = await scenes.of("may_press")
    assert stored.manifest.recording.rule is Rule.ON_DEMAND
    assert_goes_on_without_its_user(stored, "1051", "1052", "1060")


async def test_another_flagged_user_who_comes_by_the_transfer_is_on_the_right_of_the_same_recording(
    scenes: Scenes[list[Stored]],
) -> None:
    """One entry of the call. The left channel does not become another person's."""
    (stored,) = await scenes.of("to_flagged")
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert_goes_on_without_its_user(stored, "1038", "1042", "1039")


async def test_a_recorded_user_who_comes_back_is_in_the_same_recording(scenes: Scenes[list[Stored]]) -> None:
    """Of those who talked meanwhile there is no word, and no gap: the file is silent for that time, which stands as `absent`."""
    (stored,) = await scenes.of("returns")
    recording = stored.manifest.recording
    assert_sound(stored.manifest)
    (absent,) = [wait for wait in recording.waiting if wait.kind is WaitingKind.ABSENT]
    assert absent.to_s is not None
    assert absent.to_s - absent.from_s > TALK_S
    assert recording.end_reason == ""
    first, last = heard_s(stored.left, tone_of("1046")) or (0.0, 0.0)
    assert last - first > absent.to_s - absent.from_s + TALK_S
    silent = [pause for pause in pauses(stored.left, tone_of("1046")) if pause.length_s > TALK_S]
    assert len(silent) == 1, silent
    for number, sound in (("1053", stored.left), ("1054", stored.left), ("1054", stored.right)):
        assert longest_s(sound, tone_of(number)) < 0.1, number


async def test_a_flagged_user_who_comes_by_a_transfer_starts_a_recording(scenes: Scenes[list[Stored]]) -> None:
    """Of those who talked before nobody has a rule: nothing of that is in the file."""
    (stored,) = await scenes.of("joins")
    assert stored.manifest.recording.rule is Rule.ALWAYS
    stored.assert_sides(tone_of("1039"), tone_of("1031"))


async def test_a_recording_ends_when_its_user_is_sent_to_one_who_must_not_be_recorded(
    scenes: Scenes[list[Stored]],
) -> None:
    """Never wins at any moment: the file ends with the first conversation."""
    (stored,) = await scenes.of("never")
    assert_sound(stored.manifest)
    assert longest_s(stored.left, tone_of("1050")) > TALK_S - 0.6
    assert longest_s(stored.right, tone_of("1035")) > TALK_S - 0.6
    for side in (stored.left, stored.right):
        assert longest_s(side, tone_of("1029")) < 0.1


@pytest.mark.profile("silent")
async def test_with_a_setting_the_recording_goes_on_to_the_end_of_the_call(changed: Stack) -> None:
    """CALLREC_FOLLOW=call: those who stay are on the right, though no rule records them. The file is opus."""
    (stored,) = await _blind(changed, "1036", "1040", "1041", recordings=[("1036", "1040", "1041")])
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert_goes_on_without_its_user(stored, "1036", "1040", "1041")


async def test_a_consultation_is_recorded_and_what_follows_the_attended_transfer_is_not(
    scenes: Scenes[list[Stored]],
) -> None:
    """`*2`: both conversations of 1037 are in the one recording, one after the other."""
    (stored,) = await scenes.of("attended")
    recording = stored.manifest.recording
    assert recording.end_reason == LEFT
    assert {capture.leg for capture in recording.captures} == {recording.parties[0].leg}
    first, last = (heard_s(stored.right, tone_of(number)) for number in ("1048", "1008"))
    assert first is not None
    assert last is not None
    assert first[1] < last[0], "they are never heard together"
    assert last[1] - last[0] >= CONSULT_S - HEARD_FROM_S - 0.5, recording
    assert stored.manifest.state is StoredState.SOUND, recording
    assert longest_s(stored.left, tone_of("1048")) < 0.1
