"""Without the daemon, too, an entry accounts for the time of its conversation: the dialplan notes its beginning and its end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from soundness import assert_sound, missing_s
from trouble import NEAR_S, TONES_HZ, aftermath, connect, leave_alone, one, phone, product, until

from callrec.domain.library.manifest import StoredState
from callrec_lab.phones import PhoneCall, RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

TALK_S, SILENT_S, MUSIC_S, SOON_S = 2.0, 3.0, 3.0, 1.0
STAYS_ON = "7100"
"""Here the caller stays in the dialplan after the conversation."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product with an extension that goes on after the conversation."""
    async with product(tmp_path_factory.mktemp("times")) as running:
        agent = next(line.name for line in running.pbx.tables.lines if line.number == "1002")
        text = (running.pbx.root / "etc/extensions.conf").read_text()
        text += f"""
[default](+)
exten => {STAYS_ON},1,Gosub(callrec-call,s,1({agent}))
 same => n,Dial(PJSIP/{agent},30,gU(callrec-answered))
 same => n,MusicOnHold(default,{MUSIC_S:g})
 same => n,Hangup()
"""
        running.pbx.write_conf("extensions.conf", text)
        await running.pbx.cli("dialplan reload")
        yield running


async def _silent_for_a_while(stack: Stack, caller: str, called: str, *, press: bool = False) -> PhoneCall:
    """They talk, both send nothing for a while, and they talk again."""
    there, here = await connect(stack, caller, called)
    if press:
        await there.press("*3")
    await asyncio.sleep(TALK_S)
    await asyncio.gather(there.hum(0), here.hum(0))
    await asyncio.sleep(SILENT_S)
    await asyncio.gather(there.hum(TONES_HZ[caller]), here.hum(TONES_HZ[called]))
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await here.ended()
    return there


async def _stays_on(stack: Stack) -> PhoneCall:
    there = await phone(stack, "1013").call(STAYS_ON, tone_hz=TONES_HZ["1013"])
    here = await phone(stack, "1002").rings()
    await asyncio.gather(there.answered(), here.answered())
    await asyncio.sleep(TALK_S)
    await here.hangup()
    await there.ended()
    return here


async def test_p1_time_in_which_nobody_sent_is_told_without_the_daemon(stack: Stack) -> None:
    """Of a caller's recording, of a called user's, and of one that a press has begun. A caller who hears music after the
    conversation lacks nothing."""
    await leave_alone(stack)
    always = (("1006", "1003"), ("1008", "1005"))
    *calls, _, stayed = await asyncio.gather(
        *(_silent_for_a_while(stack, *two) for two in always),
        _silent_for_a_while(stack, "1000", "1001", press=True),
        _stays_on(stack),
    )
    await stack.daemon.start()
    await stack.daemon.ready()
    await aftermath(stack)
    for two, call in zip(always, calls, strict=True):
        found = one(stack, *(two if two[0] == "1006" else two[::-1]))
        assert found.manifest.state is StoredState.PARTIAL, found.manifest
        assert missing_s(found.manifest) == pytest.approx(SILENT_S, abs=NEAR_S)
        assert found.length_s == pytest.approx(call.heard().length_s + missing_s(found.manifest), abs=NEAR_S)
    pressed = one(stack, "1000", "1001")
    assert missing_s(pressed.manifest) == pytest.approx(SILENT_S, abs=NEAR_S)
    assert_sound(one(stack, "1013", "1002").manifest)
    assert one(stack, "1013", "1002").length_s == pytest.approx(stayed.heard().length_s, abs=NEAR_S)


async def test_p1_what_asterisk_took_with_it_is_told_from_the_first_second_on(stack: Stack) -> None:
    """Of a conversation of a second nothing was written yet: it counted as unanswered. Nobody knows of one that rang."""
    await stack.daemon.ready()
    await phone(stack, "1003").behave(RingForever())
    await leave_alone(stack)
    ringing = await phone(stack, "1005").call("1003", tone_hz=TONES_HZ["1005"])
    await phone(stack, "1003").rings()
    there, here = await connect(stack, "1013", "1001")
    await asyncio.sleep(SOON_S)
    await stack.pbx.kill()
    await asyncio.gather(*(call.hangup() for call in (there, here, ringing)))
    await stack.pbx.start()
    assert stack.bank is not None
    await stack.bank.register()
    await stack.daemon.start()
    await stack.daemon.ready()
    await aftermath(stack)
    for number, other in (("1013", "1001"), ("1005", "1003")):
        await until(lambda number=number, other=other: bool(one(stack, number, other)))  # type: ignore[misc]
        found = one(stack, number, other)
        assert (found.manifest.state, found.manifest.recording.cause) == (StoredState.FAILED, "asterisk-died")
