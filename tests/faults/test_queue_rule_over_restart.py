"""The rule of a queue goes with its caller: through a transfer, the death of the daemon, its return, and another transfer.

No user here has a rule: only the queue explains what is recorded.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from trouble import TONES_HZ, Stored, aftermath, connect, phone, stored, until

from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec_lab.audio_checks import presence
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

QUEUE, NUMBER = "sales", "2070"
AGENT, SECOND, THIRD, OUTSIDE = "1001", "1002", "1003", "outside"
CALLER = "0600203041"
TALK_S = 3.0
NEAR_S = 0.5
"""By how much a voice in the file may be shorter than the talk that the test counts."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(stack: Stack) -> AsyncIterator[list[Stored]]:
    """What is stored of the call: queue and agent, the second user, a daemon that dies and returns, the third user."""
    await _lay(stack)
    there, here = await connect(stack, OUTSIDE, AGENT, dialled=NUMBER, shown=CALLER)
    await asyncio.sleep(TALK_S)
    second = await _sent_on(stack, here, SECOND)
    await asyncio.sleep(TALK_S)
    await stack.daemon.kill()
    await asyncio.sleep(TALK_S)
    await stack.daemon.start()
    await stack.daemon.ready()
    await asyncio.sleep(TALK_S)
    await _sent_on(stack, second, THIRD)
    await asyncio.sleep(TALK_S)
    await there.hangup()
    await aftermath(stack)
    yield [one for one in stored(stack) if CALLER in {party.number for party in one.manifest.recording.parties}]


async def _lay(stack: Stack) -> None:
    """The queue and its rule, when Asterisk and the daemon know of it."""
    stack.pbx.write_conf("queues.conf", f"[general]\n[{QUEUE}]\nmember => PJSIP/{stack.line(AGENT)}\n")
    conf = (stack.pbx.root / "etc/extensions.conf").read_text()
    conf += (
        f"\n[from-extern](+)\nexten => {NUMBER},1,Gosub(callrec-call,s,1(,queue:{QUEUE}))\n same => n,Queue({QUEUE})\n"
    )
    stack.pbx.write_conf("extensions.conf", conf)
    for what in ("queue reload all", "dialplan reload"):
        await stack.pbx.cli(what)
    code, said = await stack.daemon.callrec("places", "set", "queue", QUEUE, "--record", "always")
    assert code == 0, said

    async def is_copied() -> bool:
        return "1 results" in await stack.pbx.cli("database show callrec/place")

    await until(is_copied, hint="the rule is in Asterisk's database")


async def _sent_on(stack: Stack, by: PhoneCall, to: str) -> PhoneCall:
    """This phone sends the caller on to another user: REFER."""
    await by.send_to(to)
    return await (await phone(stack, to).rings()).answered()


async def test_p1_a_queues_rule_outlasts_transfers_and_the_death_of_the_daemon(recorded: list[Stored]) -> None:
    """One recording, by the rule of the queue."""
    (one,) = recorded
    recording = one.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"queue:{QUEUE}")
    assert {CALLER, AGENT, SECOND, THIRD} <= {party.number for party in recording.parties}
    assert (one.manifest.state is StoredState.SOUND) == (not recording.missing)


async def test_p1_each_voice_of_a_queues_call_is_in_the_file(recorded: list[Stored]) -> None:
    """Whoever talks with the caller, and the caller from first to last; each on one side."""
    (one,) = recorded
    due_s = {OUTSIDE: 5 * TALK_S, AGENT: TALK_S, SECOND: 3 * TALK_S, THIRD: TALK_S}
    lacks_s = sum(missing.to_s - missing.from_s for missing in one.manifest.recording.missing)
    for who, talked_s in due_s.items():
        heard_s = [presence(side, TONES_HZ[who]) * side.length_s for side in (one.left, one.right)]
        assert max(heard_s) >= talked_s - lacks_s - NEAR_S, (who, heard_s, one.manifest.recording)
        assert min(heard_s) <= NEAR_S, (who, heard_s)
