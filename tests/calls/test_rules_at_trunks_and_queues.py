"""Rules that hang at a trunk, a queue or a conference of Asterisk, though its users have others or none. Each test listens.

Callers, agents and participants are chosen so that no rule of a user explains what is recorded here.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from arrangement import NAMED_TRUNK, OUTSIDE, phone, tone_of
from conversing import News, Scenes, conversation, from_outside
from laboratory import BOUND_S
from listening import Stored, assert_heard, assert_not_heard, voice

from callrec.domain.rules import Rule
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

PLAIN_AGENT, FLAGGED_AGENT, LOCAL_AGENT = "1007", "1005", "1008"
QUEUES = {
    "Always 1": ("2070", PLAIN_AGENT, Rule.ALWAYS),
    "never": ("2071", FLAGGED_AGENT, Rule.NEVER),
    "local": ("2072", f"Local/{LOCAL_AGENT}@default", Rule.ALWAYS),
}
"""By name: the number that leads there, its member, and its rule. No user with a rule is in the first and the last."""
TALKERS = ("1009", "1012", "1013")
ROOM, EMPTY_ROOM = "7004", "7006"
FLAGGED = "1036"
BEHIND = "2073"
"""Dials a Local channel that leads to the queue that is never recorded."""
CALLERS = ("0611223301", "0611223302", "0611223303", "0611223304")
TALK_S = 2.5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scenes(stack: Stack) -> AsyncIterator[Scenes[list[Stored]]]:
    """All at the same time."""
    await _lay(stack)
    rules = [("queue", name, rule) for name, (_, _, rule) in QUEUES.items()]
    rules += [("conference", ROOM, Rule.ALWAYS), ("conference", EMPTY_ROOM, Rule.NEVER)]
    rules += [("trunk", NAMED_TRUNK, Rule.NEVER)]
    for kind, name, rule in rules:
        await _callrec(stack, "places", "set", kind, name, "--record", rule.value)
    playing = Scenes(
        queue=from_outside(stack, "2070", PLAIN_AGENT, CALLERS[0], talk_s=TALK_S, recordings=1),
        local=from_outside(stack, "2072", LOCAL_AGENT, CALLERS[1], talk_s=TALK_S, recordings=1),
        never=from_outside(stack, "2071", FLAGGED_AGENT, CALLERS[2], talk_s=TALK_S, recordings=0, presses=True),
        behind=from_outside(stack, BEHIND, FLAGGED_AGENT, CALLERS[3], talk_s=TALK_S, recordings=0),
        conference=_conference(stack),
        never_conference=_alone_in_a_conference(stack),
        trunk=_through_the_trunk(stack),
    )
    yield playing
    await playing.ended()
    for kind, name, _ in rules:
        await _callrec(stack, "places", "remove", kind, name)


async def _lay(stack: Stack) -> None:
    """The queues and the conferences."""
    queues, numbers = ["[general]\n"], [f"\n[from-extern](+)\nexten => {BEHIND},1,Gosub(callrec-call,s,1())\n"]
    numbers.append(" same => n,Dial(Local/2071@from-extern,30)\n")
    for name, (number, member, _) in QUEUES.items():
        channel = member if member.startswith("Local/") else f"PJSIP/{stack.line(member)}"
        queues.append(f"[{name}]\nstrategy = ringall\nmember => {channel}\n")
        numbers.append(f"exten => {number},1,Gosub(callrec-call,s,1())\n same => n,Queue({name})\n")
    numbers.append("\n[default](+)\n")
    numbers += [f"exten => {one},1,Answer()\n same => n,ConfBridge({one})\n" for one in (ROOM, EMPTY_ROOM)]
    stack.pbx.write_conf("queues.conf", "".join(queues))
    conf = (stack.pbx.root / "etc/extensions.conf").read_text()
    stack.pbx.write_conf("extensions.conf", conf + "".join(numbers))
    for what in ("queue reload all", "dialplan reload"):
        await stack.pbx.cli(what)


async def _callrec(stack: Stack, *words: str) -> None:
    """A command, and until the daemon has it."""
    code, said = await stack.daemon.callrec(*words)
    assert code == 0, said
    await asyncio.sleep(0.3)


@asynccontextmanager
async def _in_the_room(stack: Stack, *numbers: str) -> AsyncIterator[list[PhoneCall]]:
    """They join one after the other."""
    calls = []
    for number in numbers:
        calls.append(call := await phone(stack, number).call(ROOM, tone_hz=tone_of(number)))
        await call.answered()
        async with asyncio.timeout(BOUND_S):
            while not await _are_together(stack, numbers[: len(calls)]):  # noqa: ASYNC110 - the PBX sends no event to us
                await asyncio.sleep(0.05)
    yield calls


async def _are_together(stack: Stack, numbers: Sequence[str]) -> bool:
    """Whether their channels are in one bridge: the first one hears a prompt before."""
    names = tuple(f"PJSIP/{stack.line(number)}-" for number in numbers)
    shown = (await stack.pbx.cli("core show channels concise")).splitlines()
    bridges = [line.split("!")[-2] for line in shown if line.startswith(names)]
    return len(bridges) == len(numbers) and len(set(bridges)) == 1 and bool(bridges[0])


async def _conference(stack: Stack) -> list[Stored]:
    """Three without a rule; the first one leaves in the middle."""
    async with News(stack) as news, _in_the_room(stack, *TALKERS) as calls:
        await asyncio.sleep(TALK_S)
        await calls[0].hangup()
        await asyncio.sleep(TALK_S)
        for call in calls[1:]:
            await call.hangup()
        return await news.stored(*TALKERS)


async def _alone_in_a_conference(stack: Stack) -> list[Stored]:
    async with News(stack) as news:
        call = await phone(stack, FLAGGED).call(EMPTY_ROOM, tone_hz=tone_of(FLAGGED))
        await call.answered()
        await asyncio.sleep(TALK_S)
        await call.hangup()
        await call.ended()
        return await news.stored(FLAGGED, EMPTY_ROOM, count=0)


async def _through_the_trunk(stack: Stack) -> list[Stored]:
    """A flagged user, while the trunk is never recorded; then a user without a rule, while it always is."""
    async with News(stack) as news:
        for caller, rule in (("1006", Rule.NEVER), ("1014", Rule.ALWAYS)):
            await _callrec(stack, "places", "set", "trunk", NAMED_TRUNK, "--record", rule.value)
            number = f"07{caller}"
            async with conversation(stack, caller, OUTSIDE, dialled=f"77{number}"):
                await asyncio.sleep(TALK_S)
            recorded = await news.stored(caller, number, count=1 if rule is Rule.ALWAYS else 0)
    return recorded


@pytest.mark.parametrize(
    ("scene", "agent", "queue"), [("queue", PLAIN_AGENT, "Always 1"), ("local", LOCAL_AGENT, "local")]
)
async def test_a_call_of_a_queue_that_is_always_recorded_is_recorded_though_its_agent_has_no_rule(
    scenes: Scenes[list[Stored]], scene: str, agent: str, queue: str
) -> None:
    """From the agent's answer on: the agent is on the left, the caller on the right, and the entry names the queue. Also with a
    member behind a Local channel, which Asterisk optimises away."""
    (stored,) = await scenes.of(scene)
    recording = stored.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"queue:{queue}")
    assert stored.numbers[0] == agent or recording.captures[0].channel.startswith("PJSIP/")
    stored.assert_sides(tone_of(agent), tone_of(OUTSIDE))


@pytest.mark.parametrize("scene", ["never", "behind"])
async def test_a_call_of_a_queue_that_is_never_recorded_is_not_though_its_agent_is_flagged(
    scenes: Scenes[list[Stored]], scene: str
) -> None:
    """Nor when the agent presses, nor when the caller is led to the queue by a Local channel."""
    assert await scenes.of(scene) == []


async def test_a_conference_that_is_always_recorded_is_recorded_though_nobody_in_it_has_a_rule(
    scenes: Scenes[list[Stored]],
) -> None:
    """Who joined first is on the left, all others on the right. When that one has left, the others are recorded on, on the
    right."""
    (stored,) = await scenes.of("conference")
    recording = stored.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"conference:{ROOM}")
    first, second, third = TALKERS
    assert_heard(voice(stored.left, tone_of(first)), tone_of(first))
    for other in (second, third):
        assert_not_heard(stored.left, tone_of(other))
        assert_heard(voice(stored.right, tone_of(other)), tone_of(other))
    assert_not_heard(stored.right, tone_of(first))


async def test_who_waits_alone_in_a_conference_that_is_never_recorded_is_not_though_flagged(
    scenes: Scenes[list[Stored]],
) -> None:
    assert await scenes.of("never_conference") == []


async def test_a_trunk_that_is_never_recorded_wins_over_always_of_its_caller(scenes: Scenes[list[Stored]]) -> None:
    """And one that is always recorded records a user without a rule."""
    (stored,) = await scenes.of("trunk")
    recording = stored.manifest.recording
    assert (recording.rule, recording.rule_origin) == (Rule.ALWAYS, f"trunk:{NAMED_TRUNK}")
    stored.assert_sides(tone_of("1014"), tone_of(OUTSIDE))
