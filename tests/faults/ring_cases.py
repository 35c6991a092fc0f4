"""Cases of following a call that rings several phones, or another than was dialled: queues, ring groups, forwards, Local
channels, and calls that Asterisk makes by itself (click-to-call)."""

import asyncio
from contextlib import AbstractAsyncContextManager

from followed import Excused, followed
from following import TONES_HZ, Scene, case
from numbers_to_dial import RING_S, Number, channels, dial, manager
from trouble import until

from callrec_lab.phones import Answer, Busy, Forward, PhoneCall, RingForever

TALK_S = 4.0
OFF = "off"
LATE_S = 1.0
"""The winner of a race of ringing phones answers so much later than they begin to ring."""


async def _answer(scene: Scene, here: PhoneCall, winner: str, *losers: str) -> str:
    """The winner answers what the recorded one has dialled; the losers' phones have rung, and nobody has heard them."""
    called = [await scene.rung(loser) for loser in losers]
    await scene.rings(winner)
    await here.answered()
    await scene.talk(winner, seconds=TALK_S)
    for call in called:
        await call.ended()
    return await followed(scene, winner)


def _late(scene: Scene, who: str) -> AbstractAsyncContextManager[None]:
    """This one answers after the others' phones have begun to ring."""
    return scene.behaving(Answer(LATE_S, TONES_HZ[who]), who)


async def _call_in_race(scene: Scene, number: Number) -> str:
    losers = (scene.partner, scene.fourth)
    async with scene.behaving(RingForever(), *losers), _late(scene, scene.third):
        here = await scene.dial(scene.recorded, dial(scene.seat, number))
        return await _answer(scene, here, scene.third, *losers)


@case("queue-ring-all")
async def ring_all(scene: Scene) -> str:
    """A queue rings three members at once, and one answers."""
    return await _call_in_race(scene, Number.RING_ALL)


@case("queue-second-round", length_s=RING_S + 9)
async def second_round(scene: Scene) -> str:
    """No member of a ring-all queue answers in the first round; the third does in the second."""
    async with scene.behaving(RingForever(), scene.partner, scene.third):
        here = await scene.dial(scene.recorded, dial(scene.seat, Number.SECOND_ROUND))
        first = [await scene.rung(number) for number in (scene.partner, scene.third)]
        await asyncio.gather(*(call.ended() for call in first))
        await scene.rung(scene.partner)
        third = await scene.rung(scene.third)
        await third.answer(TONES_HZ[scene.third])
        await here.answered()
        await scene.talk(scene.third, seconds=TALK_S)
        return await followed(scene, scene.third)


@case("queue-penalties", length_s=RING_S + 9)
async def penalties(scene: Scene) -> str:
    """The member without a penalty is busy; then the queue rings the one who has one."""
    async with scene.behaving(Busy(), scene.partner):
        here = await scene.dial(scene.recorded, dial(scene.seat, Number.PENALTIES))
        return await _answer(scene, here, scene.third)


@case("queue-local-member")
async def local_member(scene: Scene) -> str:
    """The member is behind a Local channel, which Asterisk optimises away after the answer."""
    here = await scene.dial(scene.recorded, dial(scene.seat, Number.LOCAL_MEMBER))
    return await _answer(scene, here, scene.third)


async def _agent(scene: Scene, number: Number) -> str:
    there = await scene.dial(scene.partner, dial(scene.seat, number))
    await scene.rings(scene.recorded)
    await there.answered()
    await scene.talk(scene.partner, seconds=TALK_S)
    return await followed(scene, scene.partner)


@case("agent-local")
async def agent_behind_local(scene: Scene) -> str:
    """The recorded one is the agent of a queue, behind a Local channel that Asterisk optimises away."""
    return await _agent(scene, Number.LOCAL_AGENT)


@case("agent-local-kept")
async def agent_behind_kept_local(scene: Scene) -> str:
    """The recorded one is the agent of a queue, behind a Local channel that stays (/n)."""
    return await _agent(scene, Number.LOCAL_AGENT_KEPT)


@case("group-of-phones")
async def group(scene: Scene) -> str:
    """The recorded one calls a ring group (Dial with three phones); two of them lose."""
    return await _call_in_race(scene, Number.GROUP)


@case("group-won")
async def group_won(scene: Scene) -> str:
    """The recorded one is in a ring group, and answers before the third does."""
    async with scene.behaving(RingForever(), scene.third), _late(scene, scene.recorded):
        there = await scene.dial(scene.partner, dial(scene.seat, Number.GROUP_OF_RECORDED))
        lost = await scene.rung(scene.third)
        await scene.rings(scene.recorded)
        await there.answered()
        await lost.ended()
        await scene.talk(scene.partner, seconds=TALK_S)
        return await followed(scene, scene.partner)


@case("group-lost", length_s=8)
async def group_lost(scene: Scene) -> str:
    """The recorded one is in a ring group, and the third answers: no recording, but that of their next call."""
    async with scene.behaving(RingForever(), scene.recorded), _late(scene, scene.third):
        there = await scene.dial(scene.partner, dial(scene.seat, Number.GROUP_OF_RECORDED))
        lost = await scene.rung(scene.recorded)
        await scene.rings(scene.third)
        await asyncio.gather(there.answered(), lost.ended())
        await asyncio.sleep(LATE_S)
        await scene.end()
    await scene.connect()
    return await followed(scene, scene.partner)


@case("forward-by-phone")
async def forward_by_phone(scene: Scene) -> str:
    """The partner's phone sends the call of the recorded one on to the third: 302."""
    async with scene.behaving(Forward(scene.third), scene.partner):
        here = await scene.dial(scene.recorded, scene.partner)
        return await _answer(scene, here, scene.third)


@case("forwarded-to-recorded")
async def forwarded_to_recorded(scene: Scene) -> str:
    """The third's phone sends the call of the partner on to the recorded one: 302."""
    async with scene.behaving(Forward(scene.recorded), scene.third):
        there = await scene.dial(scene.partner, scene.third)
        await scene.rings(scene.recorded)
        await there.answered()
        await scene.talk(scene.partner, seconds=TALK_S)
        return await followed(scene, scene.partner)


async def _forward(scene: Scene, number: str, to: str) -> None:
    """All calls to this number go there (`off`: no more), as soon as Asterisk's own copy says so."""
    code, said = await scene.stack.daemon.callrec("users", "set", number, f"--forward-unconditional={to}")
    assert code == 0, said
    line = next(line for line in scene.stack.pbx.tables.lines if line.number == number)
    wanted = "" if to == OFF else to

    async def is_known() -> bool:
        said = await scene.stack.pbx.cli(f"database get callrec/services {line.user}")
        return said.strip().partition("Value: ")[2].split("|")[1:2] == [wanted]

    await until(is_known, hint=f"Asterisk forwards {number} to {to}")


@case("forward-by-service", length_s=14)
async def forward_by_service(scene: Scene) -> str:
    """All calls to the partner are forwarded to the third (a service of the user, as `*21` sets it)."""
    await _forward(scene, scene.partner, scene.third)
    try:
        here = await scene.dial(scene.recorded, scene.partner)
        return await _answer(scene, here, scene.third)
    finally:
        await _forward(scene, scene.partner, OFF)


@case("local-optimised")
async def local_optimised(scene: Scene) -> str:
    """The recorded one's call goes through a Local channel, which is gone after the answer."""
    here = await scene.dial(scene.recorded, dial(scene.seat, Number.LOCAL))
    await scene.rings(scene.third)
    await here.answered()
    await scene.talk(scene.third, seconds=TALK_S)
    assert not await channels(scene.stack, f"Local/{scene.third}@")
    return await followed(scene, scene.third)


async def _click(scene: Scene, channel: str) -> str:
    """As a web page does it: the recorded one's phone rings, then the third's."""
    where = {"Context": "default", "Exten": scene.third, "Priority": "1"}
    await manager(scene.stack, "Originate", Channel=channel, Async="true", CallerID=scene.recorded, **where)
    here = await scene.rings(scene.recorded)
    await scene.rings(scene.third)
    await here.answered()
    await scene.talk(scene.third, seconds=TALK_S)
    # Until somebody answers, and until a Local channel is gone, these phones get no packet, and without one send none.
    # After some first packets Asterisk's Answer, which is the phone, waits half a second for the other side's.
    return await followed(scene, scene.third, excused=Excused(causes=frozenset({"timeline"}), starts_s=0.6))


@case("click-to-call")
async def click_to_call(scene: Scene) -> str:
    """AMI Originate to the recorded one's phone, and then to the third."""
    return await _click(scene, f"PJSIP/{scene.stack.line(scene.recorded)}")


@case("click-to-call-local")
async def click_to_call_local(scene: Scene) -> str:
    """The same through a Local channel."""
    return await _click(scene, f"Local/{scene.recorded}@default")
