"""A user who is always recorded talks with a program: by the application AudioSocket, by a dial, and as external media of ARI.
Another user presses `*3` there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from arrangement import phone, set_user, tone_of
from conversing import News, Scenes
from listening import PACKETS_S, Stored, assert_heard, assert_not_heard, hears_started, hears_stopped, presence, voice
from programs import APP, MODULES, PROGRAM_HZ, UUID, AriPrograms, Program, over_audiosocket, over_rtp
from soundness import LOST_TO_LOAD, UNTOLD_S

from callrec.domain.calls.model import ActorKind
from callrec.domain.rules import Rule
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

USER, PRESSER, TALK_S = "1056", "1058", 3.0
KEYS_S = 0.6
"""So long a phone sends no voice while it presses two keys."""
LEAST_S = UNTOLD_S + PACKETS_S
"""What the beginning of a recording may lack without being told."""
APPLICATION, DIALLED, MEDIA, MEDIA_BY_SOCKET, PRESSED = "7010", "7011", "7012", "7013", "7014"
Played = tuple[Stored, PhoneCall, Program]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[Played]]:
    """A call to each of them, at the same time."""
    await set_user(stack, USER, "--rule=out_external=always")
    async with AsyncExitStack() as around:
        programs = {number: await around.enter_async_context(over_audiosocket()) for number in (APPLICATION, DIALLED)}
        programs |= {number: await around.enter_async_context(over_rtp()) for number in (MEDIA, PRESSED)}
        programs[MEDIA_BY_SOCKET] = await around.enter_async_context(over_audiosocket())
        await _lay_extensions(stack, {number: program.address for number, program in programs.items()})
        names = {"rtp": MEDIA, "audiosocket": MEDIA_BY_SOCKET, "rtp-pressed": PRESSED}
        addresses = {name: programs[number].address for name, number in names.items()}
        await around.enter_async_context(AriPrograms(stack.pbx, addresses))
        always = {number: program for number, program in programs.items() if number != PRESSED}
        playing = Scenes(
            **{number: _conversation(stack, number, program) for number, program in always.items()},
            **{PRESSED: _pressed(stack, programs[PRESSED])},
        )
        yield playing
        await playing.ended()


async def _lay_extensions(stack: Stack, address: dict[str, str]) -> None:
    """As dialplans have them. A program that is dialled is asked for 16-bit samples: else it gets the caller's codec."""
    text = f"""
[default](+)
exten => {APPLICATION},1,Answer()
 same => n,AudioSocket({UUID},{address[APPLICATION]})
 same => n,Hangup()
exten => {DIALLED},1,Gosub(callrec-call,s,1())
 same => n,Dial(AudioSocket/{address[DIALLED]}/{UUID}/c(slin),30)
 same => n,Hangup()
exten => {MEDIA},1,Answer()
 same => n,Stasis({APP},rtp)
 same => n,Hangup()
exten => {MEDIA_BY_SOCKET},1,Answer()
 same => n,Stasis({APP},audiosocket)
 same => n,Hangup()
exten => {PRESSED},1,Answer()
 same => n,Stasis({APP},rtp-pressed)
 same => n,Hangup()
"""
    for module in MODULES:
        await stack.pbx.cli(f"module load {module}.so")
    stack.pbx.write_conf("extensions.conf", (stack.pbx.root / "etc/extensions.conf").read_text() + text)
    await stack.pbx.cli("dialplan reload")


async def _conversation(stack: Stack, number: str, program: Program) -> Played:
    async with News(stack) as news:
        call = await phone(stack, USER).call(number, tone_hz=tone_of(USER))
        await call.answered()
        await program.heard(TALK_S)
        await call.hangup()
        return await news.one(USER, number), call, program


async def _pressed(stack: Stack, program: Program) -> Played:
    """`*3`, a while, `*3`, and another while."""
    async with News(stack) as news:
        call = await phone(stack, PRESSER).call(PRESSED, tone_hz=tone_of(PRESSER))
        await call.answered()
        for nth in (1, 2):
            await program.heard(nth * TALK_S)
            await call.press("*3")
        await program.heard(3 * TALK_S)
        await call.hangup()
        return await news.one(PRESSER, PRESSED), call, program


def _assert_talk(call: PhoneCall, program: Program) -> None:
    """Both heard each other, whatever was recorded of it."""
    assert_heard(voice(program.sound, tone_of(USER)), tone_of(USER))
    assert_heard(voice(call.heard(), PROGRAM_HZ), PROGRAM_HZ)


@pytest.mark.parametrize("number", [APPLICATION, DIALLED, MEDIA, MEDIA_BY_SOCKET])
async def test_a_talk_with_a_program_is_recorded(scenes: Scenes[Played], number: str) -> None:
    """Both sides, each on its own; the program has the number that was dialled, and no id of the dial string. It may have a
    channel, or be behind the application AudioSocket, which has none."""
    stored, call, program = await scenes.of(number)
    _assert_talk(call, program)
    assert stored.manifest.recording.rule is Rule.ALWAYS
    assert stored.numbers == [USER, number]
    # Until the phone's first packet neither side says anything; on a busy machine the recorder may begin late, and that is told
    missing = stored.manifest.recording.missing
    assert {one.cause for one in missing} <= LOST_TO_LOAD
    least_s = program.sound.length_s - sum(one.to_s - one.from_s for one in missing) - LEAST_S
    for side, own, other in ((stored.left, tone_of(USER), PROGRAM_HZ), (stored.right, PROGRAM_HZ, tone_of(USER))):
        assert_heard(voice(side, own), own)
        assert_not_heard(side, other)
        assert least_s <= voice(side, own).length_s <= program.sound.length_s + PACKETS_S


async def test_a_user_presses_in_a_bridge_of_another_application(scenes: Scenes[Played]) -> None:
    """features.conf does not work there. The recording lasts from press to press, and both presses are answered by tones."""
    stored, call, program = await scenes.of(PRESSED)
    recording = stored.manifest.recording
    assert (recording.rule, recording.actor.kind) == (Rule.ON_DEMAND, ActorKind.USER)
    assert stored.numbers == [PRESSER, PRESSED]
    for side, own, other in (
        (stored.left, tone_of(PRESSER), PROGRAM_HZ),
        (stored.right, PROGRAM_HZ, tone_of(PRESSER)),
    ):
        assert presence(side, own) * side.length_s >= side.length_s - KEYS_S
        assert_not_heard(side, other)
    assert hears_started(call)
    assert hears_stopped(call)
    length_s = (recording.to_s or 0.0) - recording.from_s
    assert TALK_S - PACKETS_S <= length_s < 2 * TALK_S, "from the first press to the second"
    assert program.sound.length_s >= 3 * TALK_S
