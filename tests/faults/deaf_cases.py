"""Cases of the deaf leg (docs/decisions/0032-partner-captures.md): each transfer as the small PBX is, listened to in the file
and on both phones; by REFER with PLC on equal codecs as well, where a phone may hear nothing; and what is no deaf leg."""

import asyncio
from collections.abc import Awaitable, Callable

from followed import TOLD
from following import NEAR_S, TONES_HZ, Scene, case, press, seconds
from free_cpu import FEWEST, calls_at_once
from soundness import LOST_TO_LOAD, missing_s
from trouble import KEYS_S

from callrec.domain.library import missing_time
from callrec.domain.library.missing_time import PACKET_LOSS
from callrec_lab.phones import Answer, PhoneCall

MUTED_S = 10.0
CONSULT_S = 0.7
TOLD_S = 0.6
"""So long what a pause is confirmed with may play."""
Transfer = Callable[[Scene, PhoneCall], Awaitable[PhoneCall]]
FEATURE_S = 1.2
"""From a transfer's code to the number: the PBX says "transfer"."""


async def by_refer(scene: Scene, there: PhoneCall) -> PhoneCall:
    """The partner's phone sends the recorded one on: REFER."""
    await there.send_to(scene.third)
    return await scene.rings(scene.third)


async def by_replaces(scene: Scene, there: PhoneCall) -> PhoneCall:
    """The partner asks the third first, on a second line, and connects them: REFER with Replaces."""
    consultation = await scene.dial(scene.partner, scene.third)
    third = await scene.rings(scene.third)
    await consultation.answered()
    await asyncio.sleep(CONSULT_S)
    await there.hand_over(consultation)
    return third


async def by_star_1(scene: Scene, there: PhoneCall) -> PhoneCall:
    """The partner dials the blind transfer of the PBX."""
    await there.press("*1")
    await asyncio.sleep(FEATURE_S)
    await press(there, scene.third)
    return await scene.rings(scene.third)


async def by_star_2(scene: Scene, there: PhoneCall) -> PhoneCall:
    """The partner dials the attended transfer of the PBX, asks, and hangs up."""
    await there.press("*2")
    await asyncio.sleep(FEATURE_S)
    await press(there, scene.third)
    third = await scene.rings(scene.third)
    await asyncio.sleep(CONSULT_S)
    await there.hangup()
    return third


async def by_parking(scene: Scene, there: PhoneCall) -> PhoneCall:
    """The partner parks the recorded one, and the third fetches them."""
    await there.send_to("*70")
    slot = await scene.parked_at()
    await asyncio.sleep(CONSULT_S)
    return await (await scene.dial(scene.third, slot)).answered()


TRANSFERS: dict[str, Transfer] = {
    "refer": by_refer, "replaces": by_replaces, "star-1": by_star_1, "star-2": by_star_2, "parking": by_parking,
}  # fmt: skip


def _transferred(transfer: Transfer) -> Callable[[Scene], Awaitable[str]]:
    async def play(scene: Scene) -> str:
        there, _ = await scene.connect()
        await transfer(scene, there)
        await scene.talk(scene.third)
        return await scene.voices(scene.third)

    play.__doc__ = transfer.__doc__
    return play


for _name, _transfer in TRANSFERS.items():
    case(f"deaf-{_name}")(_transferred(_transfer))


@case("plc-refer", plc=True)
async def with_plc(scene: Scene) -> str:
    """As deaf-refer, with PLC on equal codecs: the file keeps both voices, the phone may lose one."""
    there, _ = await scene.connect()
    await by_refer(scene, there)
    await scene.talk(scene.third)
    return await scene.voices(scene.third, plc=True)


@case("deaf-twice", length_s=12)
async def twice(scene: Scene) -> str:
    """The third sends the recorded one on again: each voice is there."""
    there, _ = await scene.connect()
    third = await by_refer(scene, there)
    await scene.talk(scene.third, seconds=2.5)
    await third.send_to(scene.fourth)
    await scene.rings(scene.fourth)
    await scene.talk(scene.fourth)
    return await scene.voices(scene.third, scene.fourth)


@case("deaf-hold", length_s=12)
async def hold(scene: Scene) -> str:
    """The third speaks, puts the recorded one on hold with music, and speaks again: the music is no proof of hearing."""
    there, _ = await scene.connect()
    third = await by_refer(scene, there)
    await scene.talk(scene.third, seconds=2.5)
    await third.hold()
    await scene.talk(seconds=2.0)
    await third.hum(TONES_HZ[scene.third])
    await scene.talk(scene.third)
    return await scene.voices(scene.third)


@case("deaf-three", length_s=10)
async def three(scene: Scene) -> str:
    """The partner asks the third and brings all three together (`*2`, then `*7`)."""
    there, _ = await scene.connect()
    await there.press("*2")
    await asyncio.sleep(FEATURE_S)
    await there.press(scene.third)
    await scene.rings(scene.third)
    await asyncio.sleep(CONSULT_S)
    await there.press("*7")
    await scene.talk(scene.partner, scene.third)
    return await scene.voices(scene.third)


@case("muted", length_s=MUTED_S + 4)
async def muted(scene: Scene) -> str:
    """A new partner whose microphone is off sends zeros for ten seconds: nothing is missing."""
    await _silent_third(scene)
    await scene.talk(seconds=MUTED_S)
    return await scene.voices()


@case("muted-then-speaks", length_s=10)
async def muted_then_speaks(scene: Scene) -> str:
    """A new partner whose microphone is off for six seconds, and then on."""
    third = await _silent_third(scene)
    await scene.talk()
    await third.hum(TONES_HZ[scene.third])
    await scene.talk(scene.third)
    return await scene.voices(scene.third)


@case("pause", length_s=12)
async def pause(scene: Scene) -> str:
    """The third speaks in a pause of the recording only: the silence in the file is the pause."""
    third = await _silent_third(scene)
    here = scene.on_phone[scene.recorded]
    await here.press("*3")
    await asyncio.sleep(TOLD_S)
    await third.hum(TONES_HZ[scene.third])
    await scene.talk()
    await third.mute()
    await here.press("*3")
    await scene.talk(seconds=2.0)
    manifest, _, right = await scene.entry()
    assert len(manifest.recording.pauses) == 1
    missing = manifest.recording.missing
    # To a deaf recorder nothing comes, and while the phone presses keys nothing goes: then it has no time to count. Beside that
    # a start is told that alone would be none: the sum counts.
    keys_s = sum(one.to_s - one.from_s for one in missing if one.cause in {missing_time.TIMELINE, PACKET_LOSS})
    is_little = missing_s(manifest) - keys_s <= missing_time.TOLD_S and keys_s <= 2 * KEYS_S
    assert {one.cause for one in missing} <= LOST_TO_LOAD | {PACKET_LOSS}, manifest.recording
    assert is_little or calls_at_once() <= FEWEST, manifest.recording
    assert seconds(right, scene.third) < NEAR_S
    return ("kept, but for the keys" if is_little else TOLD) if missing else "sound"


async def _silent_third(scene: Scene) -> PhoneCall:
    """The recorded one is sent on to the third, whose microphone is off from the answer on."""
    phone = scene.stack.phone(scene.third)
    await phone.behave(Answer(tone_hz=0))
    try:
        there, _ = await scene.connect()
        third = await by_refer(scene, there)
    finally:
        await phone.behave(Answer(tone_hz=TONES_HZ[scene.third]))
    await third.mute()
    return third
