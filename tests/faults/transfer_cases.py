"""Cases of following a call through transfers beside those of `deaf_cases` and `leaving_cases`: by a switchboard (AMI), twice
in a row; attended ones that are cancelled, refused, not answered, or completed while the target rings; pickup, and a parked
call that comes back. The partner is the one who transfers, and the recorded user the one who is transferred."""

import asyncio

from deaf_cases import CONSULT_S, FEATURE_S, by_star_1
from followed import followed
from following import TONES_HZ, Scene, case, press
from numbers_to_dial import ASKED_S, PARK, PARKED_S, channels_of, manager, together
from trouble import until

from callrec_lab.phones import Answer, Busy, PhoneCall, RingForever

RINGS_S = 2.5
TALK_S = 4.0


async def _ask(scene: Scene, there: PhoneCall) -> None:
    """The partner dials the attended transfer of the PBX, and the third's number."""
    await there.press("*2")
    await asyncio.sleep(FEATURE_S)
    await press(there, scene.third)


async def _ask_on_second_line(scene: Scene, there: PhoneCall) -> PhoneCall:
    """The partner holds the recorded one, and calls the third."""
    await there.hold()
    return await scene.dial(scene.partner, scene.third)


async def _back(scene: Scene, there: PhoneCall) -> str:
    """The partner takes the recorded one back, and nobody else was there."""

    async def is_back() -> bool:
        return await together(scene.stack, scene.recorded, scene.partner)

    await until(is_back, hint="the partner is back")
    await there.hum(TONES_HZ[scene.partner])
    await scene.talk(scene.partner, seconds=TALK_S)
    return await followed(scene, scene.partner)


@case("blind-manager")
async def blind_by_manager(scene: Scene) -> str:
    """A switchboard sends the recorded one on from the partner to the third: AMI BlindTransfer."""
    await scene.connect()
    (channel,) = await channels_of(scene.stack, scene.partner)
    await manager(scene.stack, "BlindTransfer", Channel=channel, Exten=scene.third, Context="default")
    await scene.rings(scene.third)
    await scene.talk(scene.third, seconds=TALK_S)
    return await followed(scene, scene.partner, scene.third)


@case("blind-star-1-twice", length_s=14)
async def blind_by_star_1_twice(scene: Scene) -> str:
    """The partner dials `*1` and the third, the third `*1` and the fourth."""
    there, _ = await scene.connect()
    third = await by_star_1(scene, there)
    await scene.talk(scene.third, seconds=TALK_S)
    await third.press("*1")
    await asyncio.sleep(FEATURE_S)
    await press(third, scene.fourth)
    await scene.rings(scene.fourth)
    await scene.talk(scene.fourth, seconds=TALK_S)
    return await followed(scene, scene.partner, scene.third, scene.fourth)


@case("attended-cancelled", length_s=14)
async def attended_cancelled(scene: Scene) -> str:
    """`*2`: the third answers, and the partner comes back to the recorded one (`*1`)."""
    there, _ = await scene.connect()
    await _ask(scene, there)
    await scene.rings(scene.third)
    await asyncio.sleep(CONSULT_S)
    await there.press("*1")
    return await _back(scene, there)


@case("attended-target-leaves", length_s=14)
async def attended_target_leaves(scene: Scene) -> str:
    """`*2`: the third answers, and hangs up: the partner is back with the recorded one."""
    there, _ = await scene.connect()
    await _ask(scene, there)
    third = await scene.rings(scene.third)
    await asyncio.sleep(CONSULT_S)
    await third.hangup()
    return await _back(scene, there)


@case("attended-busy", length_s=14)
async def attended_busy(scene: Scene) -> str:
    """`*2`: the third is busy, and the partner is back with the recorded one."""
    there, _ = await scene.connect()
    async with scene.behaving(Busy(), scene.third):
        await _ask(scene, there)
        await scene.refuses(scene.third)
        return await _back(scene, there)


@case("attended-silent", length_s=ASKED_S + 12)
async def attended_silent(scene: Scene) -> str:
    """`*2`: the third does not answer, and the PBX brings the partner back to the recorded one."""
    there, _ = await scene.connect()
    async with scene.behaving(RingForever(), scene.third):
        await _ask(scene, there)
        await (await scene.rung(scene.third)).ended()
        return await _back(scene, there)


@case("attended-while-ringing", length_s=14)
async def attended_while_ringing(scene: Scene) -> str:
    """`*2`: the partner hangs up while the third's phone rings; then the third answers."""
    there, _ = await scene.connect()
    async with scene.behaving(Answer(RINGS_S, TONES_HZ[scene.third]), scene.third):
        await _ask(scene, there)
        third = await scene.rung(scene.third)
        await there.hangup()
        await third.answered()
    await scene.talk(scene.third, seconds=TALK_S)
    return await followed(scene, scene.partner, scene.third)


@case("consultation-cancelled", length_s=12)
async def consultation_cancelled(scene: Scene) -> str:
    """On a second line the third answers, the partner hangs up there, and takes the recorded one back."""
    there, _ = await scene.connect()
    consultation = await _ask_on_second_line(scene, there)
    await scene.rings(scene.third)
    await consultation.answered()
    await asyncio.sleep(CONSULT_S)
    await consultation.hangup()
    return await _back(scene, there)


@case("consultation-busy", length_s=12)
async def consultation_busy(scene: Scene) -> str:
    """On a second line the third is busy, and the partner takes the recorded one back."""
    there, _ = await scene.connect()
    async with scene.behaving(Busy(), scene.third):
        await (await _ask_on_second_line(scene, there)).ended()
        return await _back(scene, there)


@case("consultation-silent", length_s=12)
async def consultation_silent(scene: Scene) -> str:
    """On a second line the third does not answer; the partner gives up, and takes the recorded one back."""
    there, _ = await scene.connect()
    async with scene.behaving(RingForever(), scene.third):
        consultation = await _ask_on_second_line(scene, there)
        await scene.rung(scene.third)
        await asyncio.sleep(RINGS_S)
        await consultation.hangup()
        return await _back(scene, there)


@case("consultation-while-ringing", length_s=12)
async def consultation_while_ringing(scene: Scene) -> str:
    """The partner connects the two lines while the third's phone rings: REFER with Replaces; then the third answers."""
    there, _ = await scene.connect()
    async with scene.behaving(Answer(RINGS_S, TONES_HZ[scene.third]), scene.third):
        consultation = await _ask_on_second_line(scene, there)
        third = await scene.rung(scene.third)

        async def hears_ringing() -> bool:
            """Before that the partner's phone does not know the dialogue that is to be replaced."""
            return bool(await consultation.get("CHANNEL(pjsip,remote_tag)"))

        await until(hears_ringing, hint="the partner's phone rings out")
        await there.hand_over(consultation)
        await third.answered()
    await scene.talk(scene.third, seconds=TALK_S)
    return await followed(scene, scene.partner, scene.third)


@case("pickup", length_s=8)
async def pickup(scene: Scene) -> str:
    """The recorded one calls the partner; the third takes the call from there: `*8`."""
    async with scene.behaving(RingForever(), scene.partner):
        here = await scene.dial(scene.recorded, scene.partner)
        await scene.rung(scene.partner)
        third = await scene.dial(scene.third, f"*8{scene.partner}")
        await asyncio.gather(here.answered(), third.answered())
    await scene.talk(scene.third, seconds=TALK_S)
    return await followed(scene, scene.third)


@case("parked-too-long", length_s=PARKED_S + 10)
async def parked_too_long(scene: Scene) -> str:
    """Nobody fetches the recorded one from the parking lot, which calls the partner again."""
    there, _ = await scene.connect()
    await there.send_to(PARK)
    await asyncio.sleep(CONSULT_S)
    await there.hangup()
    await scene.rings(scene.partner)
    await scene.talk(scene.partner, seconds=TALK_S)
    return await followed(scene, scene.partner)
