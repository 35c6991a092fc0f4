"""A local process plays Asterisk at the FastAGI port: it changes nothing, and learns nothing."""

import asyncio
import re
from contextlib import suppress

import pytest
from soundness import assert_sound
from trouble import BOUND_S, conversation, one, settled, stored

from callrec.adapters.redis.store import open_store
from callrec.app.dialplan.leg_authentication import VARIABLE
from callrec.domain.directory.model import Tables
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

OUTSIDE = "0690001122"
ANSWER_S = 0.5
TALK_S = 1.2
SAID = re.compile(rb'SET VARIABLE "([A-Z_]+)" "(.*)"\n')
NOTHING = {"CALLREC_RESULT": "unavailable"}
GUESSES = (b"200 result=0\n", b"200 result=1 (" + b"0" * 32 + b")\n", b"200 result=1 ()\n", b"200 result=1\n")


async def forge(stack: Stack, leg: str, channel: str, script: str, *arguments: str, guess: bytes) -> dict[str, str]:
    """A dialogue as Asterisk writes it, but not from Asterisk; returns the variables that the daemon set."""
    told: dict[str, str] = {}
    headers = {
        "network": "yes",
        "network_script": script,
        "request": f"agi://127.0.0.1/{script}",
        **dict.fromkeys(("language", "callerid", "calleridname", "dnid", "rdnis", "context"), "en"),
        "extension": "s",
        "channel": channel,
        "uniqueid": leg,
        **{f"arg_{place}": argument for place, argument in enumerate(arguments, start=1)},
    }
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.pbx.ports.agi)
    with suppress(ConnectionError):
        writer.write("".join(f"agi_{name}: {value}\n" for name, value in headers.items()).encode() + b"\n")
        async with asyncio.timeout(BOUND_S):
            while line := await reader.readline():
                if found := SAID.fullmatch(line):
                    told[found[1].decode()] = found[2].decode()
                    writer.write(b"200 result=1\n")
                else:
                    assert line == f'GET VARIABLE "{VARIABLE}"\n'.encode(), line
                    writer.write(guess)
    writer.transport.abort()
    return told


async def everything(stack: Stack, leg: str, channel: str, endpoint: str) -> None:
    """Every script, with what a thief would ask: each is told that nothing can be done."""
    asked = (
        ("service", "forward_unconditional", OUTSIDE, "0", ""),
        ("service", "dnd", "", "0", ""),
        ("always-record", "*26", "0"),
        ("toggle", "(ulaw)"),
        ("call", endpoint),
        ("lookup", "endpoint", f"PJSIP/{endpoint}"),
        ("lookup", "extension", "1000", "default"),
        ("lookup", "did", "2050", "from-extern"),
        ("lookup", "callerid", "1001"),
    )
    forging = [forge(stack, leg, channel, *words, guess=guess) for words in asked for guess in GUESSES]
    assert await asyncio.gather(*forging) == [NOTHING] * len(forging)


async def tables(stack: Stack) -> Tables:
    """Everything about users."""
    async with open_store("embedded:", stack.daemon.state, join=True) as store:
        return await store.tables()


async def _leg_of(stack: Stack, endpoint: str) -> tuple[str, str]:
    """Name and Uniqueid of this phone's only channel."""
    rows = [line.split("!") for line in (await stack.pbx.cli("core show channels concise")).splitlines() if line]
    ((name, leg),) = [(row[0], row[-1]) for row in rows if row[0].startswith(f"PJSIP/{endpoint}-")]
    return name, leg


@pytest.mark.parametrize("leg", ["1795388400.1", "", "PJSIP/nobody-00000001"])
async def test_p8_a_made_up_leg_changes_nothing_and_learns_nothing(whole: Stack, leg: str) -> None:
    """An outside number as a user's forward, a user's flag, everybody's names and mobile numbers."""
    before = await tables(whole)
    endpoint = whole.line("1001")
    await everything(whole, leg, f"PJSIP/{endpoint}-00000001", endpoint)
    assert await tables(whole) == before


async def test_p8_a_living_leg_cannot_be_spoken_for(whole: Stack) -> None:
    """Its channel's name and id are no secret. The leg itself goes on being believed: its `*3` records."""
    before = await tables(whole)
    async with conversation(whole, "1000", "1001") as (there, _):
        for number in ("1000", "1001"):
            endpoint = whole.line(number)
            name, leg = await _leg_of(whole, endpoint)
            await everything(whole, leg, name, endpoint)
        assert stored(whole, "1000", "1001") == []
        await there.press("*3")
        await asyncio.sleep(TALK_S)  # the length of the recording
        name, leg = await _leg_of(whole, whole.line("1000"))
        await everything(whole, leg, name, whole.line("1000"))
        await there.press("*3")
    assert await tables(whole) == before
    await settled(whole)
    assert_sound(one(whole, "1000", "1001").manifest)


async def test_p8_a_forged_dialogue_waits_no_longer_than_a_true_one_for_its_answer(whole: Stack) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await forge(whole, "1795388400.1", "PJSIP/x-00000001", "lookup", "did", "2050", guess=GUESSES[0]) == NOTHING
    assert loop.time() - began_s < ANSWER_S * 4, "the daemon answers within 450 ms; a busy machine has its part in it"
