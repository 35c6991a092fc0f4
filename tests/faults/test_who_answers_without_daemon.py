"""While the daemon is dead another one answers than the hook before Dial names: the dialplan records by their rules.

One of several phones that ring, one of a queue, one who picks up the call, one whose phone rings alone.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
import pytest_asyncio
from following import TALK_S, TONES_HZ, Scene, following_stack, seconds
from numbers_to_dial import Number, dial
from ring_cases import LATE_S
from soundness import assert_sound
from test_transfers_without_daemon import CLIPPED_S, Played
from trouble import aftermath, leave_alone, until

from callrec_lab.phones import Answer, PhoneCall, RingForever
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

GROUP, QUEUE = "76{seat}1", "76{seat}2"
"""Ring the recorded one and the third at once; the hook names none of them."""
TURNS, LEFT_TURNS, LEFT_GROUP = "76{seat}3", "76{seat}4", "76{seat}5"
"""A queue that rings the third and then the recorded one; the same, and a group of the third and the fourth, both with a hook
that leaves the decision to who answers."""
TURN_S = 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A product whose daemon dies."""
    async with following_stack(tmp_path_factory.mktemp("answers")) as running:
        await _lay(running)
        yield running


async def _lay(stack: Stack) -> None:
    etc = stack.pbx.root / "etc"
    extensions, queues = (
        [(etc / "extensions.conf").read_text(), "\n[default](+)\n"],
        [(etc / "queues.conf").read_text()],
    )
    for seat in range(len(SCENES)):
        phones = [f"PJSIP/{stack.line(f'1{seat}0{who}')}" for who in (0, 2)]
        group, queue = GROUP.format(seat=seat), QUEUE.format(seat=seat)
        extensions.append(f"exten => {group},1,Gosub(callrec-call,s,1())\n same => n,Dial({'&'.join(phones)},30)\n")
        extensions.append(f"exten => {queue},1,Gosub(callrec-call,s,1())\n same => n,Queue(both-{seat})\n")
        members = "".join(f"member => {phone}\n" for phone in phones)
        queues.append(f"[both-{seat}]\nstrategy = ringall\ntimeout = 30\n{members}")
        members = "".join(f"member => {phone}\n" for phone in phones[::-1])
        queues.append(f"[turns-{seat}]\nstrategy = linear\ntimeout = {TURN_S}\nretry = 1\n{members}")
        for number, hook in ((TURNS, ""), (LEFT_TURNS, ",,answered")):
            extensions.append(f"exten => {number.format(seat=seat)},1,Gosub(callrec-call,s,1({hook}))\n")
            extensions.append(f" same => n,Queue(turns-{seat},,,,,,callrec-answered)\n")
        phones = [f"PJSIP/{stack.line(f'1{seat}0{who}')}" for who in (2, 3)]
        extensions.append(f"exten => {LEFT_GROUP.format(seat=seat)},1,Gosub(callrec-call,s,1(,,answered))\n")
        extensions.append(f" same => n,Dial({'&'.join(phones)},30,U(callrec-answered))\n")
    stack.pbx.write_conf("extensions.conf", "".join(extensions))
    stack.pbx.write_conf("queues.conf", "".join(queues))
    for command in ("dialplan reload", "queue reload all"):
        await stack.pbx.cli(command)


async def _one_of_two(scene: Scene, number: str, *, answers: str, loses: str) -> None:
    answers_late = Answer(LATE_S, TONES_HZ[answers])
    async with scene.behaving(RingForever(), loses), scene.behaving(answers_late, answers):
        there = await scene.dial(scene.partner, number.format(seat=scene.seat))
        lost = await scene.rung(loses)
        await scene.rings(answers)
        await there.answered()
        await lost.ended()
    await scene.talk(scene.partner, seconds=TALK_S)


async def in_a_group(scene: Scene) -> None:
    """Two phones ring by one Dial."""
    await _one_of_two(scene, GROUP, answers=scene.recorded, loses=scene.third)


async def in_a_queue(scene: Scene) -> None:
    """Two phones ring by one Queue."""
    await _one_of_two(scene, QUEUE, answers=scene.recorded, loses=scene.third)


async def behind_local(scene: Scene) -> None:
    """A queue's member behind a Local channel, whose extension has a hook of its own."""
    await scene.put_through(scene.partner, scene.recorded, dial(scene.seat, Number.LOCAL_AGENT))
    await scene.talk(scene.partner, seconds=TALK_S)


async def by_pickup(scene: Scene) -> None:
    """The fourth is called, whom the hook names."""
    async with scene.behaving(RingForever(), scene.fourth):
        there = await scene.dial(scene.partner, scene.fourth)
        await scene.rung(scene.fourth)
        here = await scene.dial(scene.recorded, f"*8{scene.fourth}")
        await asyncio.gather(there.answered(), here.answered())
    await scene.talk(scene.partner, seconds=TALK_S)


async def by_the_other(scene: Scene) -> None:
    """The third answers, and the recorded one's phone has only rung: this is not recorded, but their next call."""
    await _one_of_two(scene, GROUP, answers=scene.third, loses=scene.recorded)
    await scene.end()
    await scene.connect()
    await scene.talk(scene.partner, seconds=TALK_S)


async def _alone(scene: Scene, number: str) -> PhoneCall:
    async with scene.behaving(RingForever(), scene.third):
        there = await scene.dial(scene.partner, number.format(seat=scene.seat))
        lost = await scene.rung(scene.third)
        await scene.rings(scene.recorded)
        await there.answered()
        await lost.ended()
    await scene.talk(scene.partner, seconds=TALK_S)
    return there


async def alone_in_a_queue(scene: Scene) -> None:
    """The phones of a queue ring one after the other."""
    await _alone(scene, TURNS)


async def left_to_the_agent(scene: Scene) -> None:
    """The same, and the hook has left the decision to who answers. Then the caller sends the agent on to the fourth."""
    there = await _alone(scene, LEFT_TURNS)
    await there.send_to(scene.fourth)
    await scene.rings(scene.fourth)
    await scene.talk(scene.fourth, seconds=TALK_S)


async def left_to_one_of_never(scene: Scene) -> None:
    """The recorded one calls a group, where one answers who must not be recorded, and then the other one."""
    for answers, loses in ((scene.fourth, scene.third), (scene.third, scene.fourth)):
        answers_late = Answer(LATE_S, TONES_HZ[answers])
        async with scene.behaving(RingForever(), loses), scene.behaving(answers_late, answers):
            here = await scene.dial(scene.recorded, LEFT_GROUP.format(seat=scene.seat))
            await scene.rung(loses)
            await scene.rings(answers)
            await here.answered()
            await scene.talk(answers, seconds=TALK_S)
            await scene.end()


SCENES: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "in a group": in_a_group, "in a queue": in_a_queue, "behind Local": behind_local, "by pickup": by_pickup,
    "by the other": by_the_other, "alone in a queue": alone_in_a_queue, "left to the agent": left_to_the_agent,
    "left to one of never": left_to_one_of_never,
}  # fmt: skip
"""By seat."""
OTHERS: dict[str, Callable[[Scene], list[str]]] = {
    "left to the agent": lambda scene: [scene.partner, scene.fourth],
    "left to one of never": lambda scene: [scene.third],
}
"""Whom the recorded one is recorded with, one after the other; else the partner alone."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(stack: Stack) -> AsyncIterator[Mapping[str, Played]]:
    """The daemon is dead from the first call to the end of the last."""
    scenes = {name: Scene(stack, seat) for seat, name in enumerate(SCENES)}
    await _never(stack, scenes["left to one of never"].fourth)
    await leave_alone(stack)
    for scene in scenes.values():
        scene.began_s -= 1.0  # the names of these captures have whole seconds
    outcome = await asyncio.gather(*(SCENES[name](scene) for name, scene in scenes.items()), return_exceptions=True)
    for scene in scenes.values():
        await scene.end()
    await stack.daemon.start()
    await stack.daemon.ready()
    for error in outcome:
        if isinstance(error, BaseException):
            raise error
    await aftermath(stack)
    yield {name: Played(scene, await scene.entries(len(_others(name, scene)))) for name, scene in scenes.items()}


def _others(name: str, scene: Scene) -> list[str]:
    return OTHERS[name](scene) if name in OTHERS else [scene.partner]


async def _never(stack: Stack, number: str) -> None:
    """Calls from users to this one are never recorded, and the dialplan knows it."""
    code, said = await stack.daemon.callrec("users", "set", number, "--rule=in_internal=never")
    assert code == 0, said

    async def is_copied() -> bool:
        return ": n---" in await stack.pbx.cli("database show callrec/rules")

    await until(is_copied, hint="the rule is in Asterisk's database")


@pytest.mark.parametrize("name", SCENES)
async def test_p1_who_answers_is_recorded_by_their_own_rules_without_the_daemon(
    played: Mapping[str, Played], name: str
) -> None:
    """One sound entry for each partner, with what both have heard of each other, from the first word on."""
    one = played[name]
    for (manifest, left, right), other in zip(one.entries, _others(name, one.scene), strict=True):
        recording, heard_s = manifest.recording, one.heard_s(other)
        assert_sound(manifest)
        assert [party.number for party in recording.parties] == [one.scene.recorded, other]
        assert heard_s >= TALK_S - CLIPPED_S
        assert seconds(right, other) >= heard_s - CLIPPED_S, recording
        assert seconds(left, one.scene.recorded) >= heard_s - CLIPPED_S, recording
