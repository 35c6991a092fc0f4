"""Cases of following a call whose media or signalling differ: mixed codecs, direct media, a codec that changes in the call,
keys by SIP INFO, the key Record."""

import asyncio

from deaf_cases import TOLD_S
from followed import MET_S, followed
from following import NEAR_S, TALK_S, TONES_HZ, Scene, case, seconds
from sip_caller import SipCaller
from soundness import assert_sound

from callrec_lab.audio_checks import interruptions

SENT_ON_S = 4.0


@case("codecs-mixed", length_s=14)
async def codecs_mixed(scene: Scene) -> str:
    """PCMU, then a partner with PCMA, then one with G.722: the recorded one is sent on twice."""
    there, _ = await scene.connect()
    await there.send_to(scene.alaw)
    narrow = await scene.rings(scene.alaw)
    await scene.talk(scene.alaw, seconds=SENT_ON_S)
    await narrow.send_to(scene.wide)
    await scene.rings(scene.wide)
    await scene.talk(scene.wide, seconds=SENT_ON_S)
    return await followed(scene, scene.partner, scene.alaw, scene.wide)


@case("direct-media")
async def direct_media(scene: Scene) -> str:
    """Both phones may send their media to each other, past the PBX: a recorder keeps it there."""
    for number in (scene.recorded, scene.direct):
        shown = await scene.stack.pbx.cli(f"pjsip show endpoint {scene.stack.line(number)}")
        assert "direct_media                       : true" in shown
    there = await scene.dial(scene.direct, scene.recorded)
    await scene.rings(scene.recorded)
    await there.answered()
    await scene.talk(scene.direct)
    return await followed(scene, scene.direct)


@case("codec-changes", length_s=12)
async def codec_changes(scene: Scene) -> str:
    """The partner's phone goes on with PCMA in the middle of the call: a re-INVITE."""
    async with scene.caller(scene.partner, scene.recorded) as there:
        await scene.rings(scene.recorded)
        await scene.talk(scene.partner, seconds=SENT_ON_S)
        await there.change_codec("PCMA")
        await scene.talk(scene.partner, seconds=SENT_ON_S)
        return await followed(scene, scene.partner)


async def _pauses(scene: Scene, call: SipCaller, by_key: bool) -> str:
    """The recorded one pauses the recording, and lets it go on."""

    async def press(*, on: bool) -> None:
        await (call.press_record_key(on=on) if by_key else call.press("*3"))
        await asyncio.sleep(TOLD_S)

    await scene.rings(scene.partner)
    await scene.talk(scene.partner, seconds=TALK_S)
    await press(on=True)
    await scene.talk(seconds=TALK_S)
    await press(on=False)
    await scene.talk(scene.partner, seconds=TALK_S)
    ((manifest, left, right),) = await scene.entries(1)
    assert_sound(manifest, unsent=call.media.unsent)
    ((pause),) = manifest.recording.pauses
    paused_s = (pause.to_s or 0.0) - pause.from_s
    assert paused_s > TALK_S - NEAR_S
    for side, number in ((left, scene.recorded), (right, scene.partner)):
        quiet_s = max(to_s - from_s for from_s, to_s in interruptions(side, TONES_HZ[number]))
        assert paused_s - NEAR_S < quiet_s < paused_s + 2 * TOLD_S, (number, quiet_s, paused_s)
        assert seconds(side, number) > 2 * TALK_S - MET_S, (number, seconds(side, number))
    return "kept"


@case("keys-by-info", length_s=3 * TALK_S)
async def keys_by_info(scene: Scene) -> str:
    """`*3` comes as SIP INFO: a pause."""
    async with scene.caller(scene.recorded, scene.partner) as call:
        return await _pauses(scene, call, by_key=False)


@case("record-key", length_s=3 * TALK_S)
async def record_key(scene: Scene) -> str:
    """The phone's key Record does what `*3` does: a pause."""
    async with scene.caller(scene.recorded, scene.partner) as call:
        return await _pauses(scene, call, by_key=True)
