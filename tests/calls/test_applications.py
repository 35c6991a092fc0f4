"""A user who is always recorded talks with applications of the PBX: a mailbox, a queue before its agent answers, an echo test."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from arrangement import phone, set_user, tone_of
from conversing import News, Scenes
from listening import PACKETS_S, Stored, assert_heard, presence, voice
from soundness import assert_sound, lacks_s

from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import heard_s, longest_s
from callrec_lab.phones import Answer, RingForever
from callrec_lab.stack import Stack

USER, CALM, QUEUER, BUSY = "1046", "1047", "1050", "1056"
AGENT, SLEEPER = "1057", "1060"
LEAVE, OWN, QUEUE, ANSWERED = "7021", "7022", "7023", "7024"
TALK_S, RINGS_S = 3.0, 2.5
MENU_HZ = 620
STARTS_S = 1.2
"""How long Answer() and the first look at what follows may take on a busy machine."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[list[Stored]]]:
    """A call to each of them, at the same time."""
    await _lay(stack)
    await set_user(stack, BUSY, "--call-record=on")
    playing = Scenes(
        leave=_talk(stack, USER, LEAVE),
        own=_talk(stack, CALM, OWN, entries=0),
        queue=_queue(stack),
        unanswered=_unanswered(stack),
    )
    yield playing
    await playing.ended()
    await set_user(stack, BUSY, "--call-record=off")


async def _lay(stack: Stack) -> None:
    """As dialplans have them: a mailbox of somebody else, one's own, a queue, and a phone behind an Answer()."""
    text = f"""
[default](+)
exten => {LEAVE},1,VoiceMail(7021@post,s)
 same => n,Hangup()
exten => {OWN},1,Answer(300)
 same => n,VoiceMailMain(7021@post)
 same => n,Hangup()
exten => {QUEUE},1,Answer()
 same => n,Playtones({MENU_HZ}/2000)
 same => n,Wait(1)
 same => n,StopPlaytones()
 same => n,Queue(applications,c)
 same => n,Hangup()
exten => {ANSWERED},1,Answer()
 same => n,Gosub(callrec-call,s,1({stack.line(SLEEPER)}))
 same => n,Dial(PJSIP/{stack.line(SLEEPER)},2)
 same => n,Hangup()
"""
    voicemail = (stack.pbx.root / "etc/voicemail.conf").read_text()
    stack.pbx.write_conf("voicemail.conf", f"{voicemail}\n[post]\n7021 => 1234,Post\n")
    queues = f"[general]\n[applications]\nstrategy = ringall\nmember => PJSIP/{stack.line(AGENT)}\n"
    stack.pbx.write_conf("queues.conf", queues)
    stack.pbx.write_conf("extensions.conf", (stack.pbx.root / "etc/extensions.conf").read_text() + text)
    for command in ("module reload app_voicemail.so", "queue reload all", "dialplan reload"):
        await stack.pbx.cli(command)


async def _talk(stack: Stack, caller: str, dialled: str, *, entries: int = 1) -> list[Stored]:
    async with News(stack) as news:
        call = await phone(stack, caller).call(dialled, tone_hz=tone_of(caller))
        await call.answered()
        await asyncio.sleep(TALK_S)
        await call.hangup()
        return await news.stored(caller, dialled, count=entries)


async def _queue(stack: Stack) -> list[Stored]:
    """Its agent's phone rings for a while; then they talk."""
    await phone(stack, AGENT).behave(Answer(after_s=RINGS_S, tone_hz=tone_of(AGENT)))
    async with News(stack) as news:
        call = await phone(stack, QUEUER).call(QUEUE, tone_hz=tone_of(QUEUER))
        await call.answered()
        here = await phone(stack, AGENT).rings()
        await here.answered()
        await asyncio.sleep(TALK_S)
        await call.hangup()
        await here.ended()
        return await news.stored(QUEUER, QUEUE, AGENT)


async def _unanswered(stack: Stack) -> list[Stored]:
    """The PBX answers, and the phone behind it does not."""
    await phone(stack, SLEEPER).behave(RingForever())
    try:
        async with News(stack) as news:
            call = await phone(stack, BUSY).call(ANSWERED, tone_hz=tone_of(BUSY))
            await call.ended()
            return await news.stored(BUSY, SLEEPER)
    finally:
        await phone(stack, SLEEPER).behave(Answer(tone_hz=tone_of(SLEEPER)))


async def test_a_message_that_is_left_for_somebody_else_is_recorded(scenes: Scenes[list[Stored]]) -> None:
    """From the answer on: the mailbox' beep on the right, the user on the left, and the number that was dialled."""
    (stored,) = await scenes.of("leave")
    assert_sound(stored.manifest)
    assert (stored.manifest.recording.rule, len(stored.manifest.recording.captures)) == (Rule.ALWAYS, 1)
    assert stored.numbers == [USER, LEAVE]
    own = voice(stored.left, tone_of(USER))
    assert own.length_s > TALK_S - STARTS_S - lacks_s(stored.manifest)
    assert_heard(own, tone_of(USER))
    assert longest_s(stored.right, tone_of(USER)) < PACKETS_S
    assert stored.right.samples.any(), "the mailbox says nothing"


async def test_the_own_mailbox_is_neither_recorded_nor_an_entry(scenes: Scenes[list[Stored]]) -> None:
    """Also where the dialplan answers first."""
    assert await scenes.of("own") == []


async def test_a_queue_is_recorded_before_its_agent_answers_and_goes_on_with_them(scenes: Scenes[list[Stored]]) -> None:
    """The announcement, the time of ringing, and the talk: one recording, one capture, nothing missing."""
    (stored,) = await scenes.of("queue")
    recording = stored.manifest.recording
    assert_sound(stored.manifest)
    assert (len(recording.captures), recording.end_reason) == (1, "")
    assert stored.numbers == [QUEUER, QUEUE, AGENT]
    announced = heard_s(stored.right, MENU_HZ)
    answered = heard_s(stored.right, tone_of(AGENT))
    assert announced is not None
    assert answered is not None
    assert announced[0] < STARTS_S
    assert answered[0] - announced[1] > RINGS_S / 2
    assert answered[1] - answered[0] > TALK_S - PACKETS_S - lacks_s(stored.manifest)
    assert presence(stored.left.between(announced[0] + PACKETS_S, stored.length_s - PACKETS_S), tone_of(QUEUER)) > 0.9


async def test_a_phone_that_does_not_answer_behind_an_answer_is_no_application(scenes: Scenes[list[Stored]]) -> None:
    """The entry says that nobody answered; ringing is not recorded."""
    (stored,) = await scenes.of("unanswered")
    assert (stored.manifest.state, stored.manifest.media) == (StoredState.UNANSWERED, None)


@pytest.mark.profile("discreet")
async def test_with_a_setting_no_application_is_recorded_and_each_call_has_an_entry(changed: Stack) -> None:
    """CALLREC_RECORD_APPLICATIONS=none."""
    (stored,) = await _talk(changed, USER, "*43")
    assert (stored.manifest.state, stored.manifest.recording.cause) == (StoredState.FAILED, "not-covered")


@pytest.mark.profile("silent")
async def test_with_a_setting_feature_codes_are_recorded_too(changed: Stack) -> None:
    """CALLREC_RECORD_APPLICATIONS=all: the prompt of a code that is switched off."""
    (stored,) = await _talk(changed, USER, "*26")
    assert_sound(stored.manifest)
    assert stored.right.samples.any(), "the prompt is missing"
