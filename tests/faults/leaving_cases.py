"""Cases of following a call beyond the deaf leg: the recorded user leaves by REFER, holds or is held with music, fetches a call
and sends it on; a real queue with a second round."""

import asyncio

from following import NEAR_S, SLOW_S, TALK_S, TONES_HZ, Scene, case, seconds
from numbers_to_dial import QUEUE
from soundness import assert_sound, longest, missing_s
from trouble import alarms

from callrec.domain.library.manifest import Manifest
from callrec_lab.audio_checks import Sound
from callrec_lab.phones import Answer, PhoneCall, RingForever

LEFT = "recorded-user-left"
HOLD_S, LOST_S, SILENT_S = 4.0, 1.5, 9.0
ROUGH_S = 0.4
"""Keys, re-INVITEs and packets on their way, at the edges of a hold or a silence."""


def _whole(scene: Scene, entry: tuple[Manifest, Sound, Sound], *heard: str) -> str:
    """Nothing is missing: the recorded one on the left, from start to end, these on the right, for as long as they have talked.
    `told`: where little CPU was free, the entry may say that something is missing, and then no more is."""
    manifest, left, right = entry
    assert_sound(manifest)
    recording = manifest.recording
    own = {party.leg for party in recording.parties if party.number == scene.recorded}
    assert {capture.leg for capture in recording.captures} <= own, "captured on a leg of others"
    assert seconds(left, scene.recorded) > 0
    for number in heard:
        assert seconds(right, number) >= scene.said[number] - NEAR_S - missing_s(manifest), number
        assert seconds(left, number) < NEAR_S, number
    return "told" if recording.missing else "kept"


def _gone(scene: Scene, entry: tuple[Manifest, Sound, Sound], heard: str, *strangers: str) -> str:
    """The recording ended with its user: of those who talk on there is no word in it."""
    word = _whole(scene, entry, heard)
    manifest, left, right = entry
    assert manifest.recording.end_reason == LEFT
    for number in strangers:
        assert seconds(left, number) + seconds(right, number) < NEAR_S, number
    return word


@case("leave-refer")
async def leave_by_refer(scene: Scene) -> str:
    """The recorded one's phone sends the partner on: REFER."""
    _, here = await scene.connect()
    await here.send_to(scene.third)
    await scene.rings(scene.third)
    await asyncio.sleep(TALK_S)
    return _gone(scene, await scene.entry(), scene.partner, scene.third)


@case("leave-replaces", length_s=10)
async def leave_by_replaces(scene: Scene) -> str:
    """The recorded one asks the third on a second line, and connects the two: REFER with Replaces. Two calls, two recordings."""
    _, here = await scene.connect()
    consultation = await scene.dial(scene.recorded, scene.third)
    await scene.rings(scene.third)
    await consultation.answered()
    await scene.talk(scene.partner, scene.third, seconds=1.5)
    await here.hand_over(consultation)
    await asyncio.sleep(TALK_S)
    both = await scene.entries(2)
    words = set()
    for number, other in ((scene.partner, scene.third), (scene.third, scene.partner)):
        (one,) = [entry for entry in both if number in {party.number for party in entry[0].recording.parties[:2]}]
        words.add(_whole(scene, one, number))
        _, left, right = one
        assert seconds(left, other) + seconds(right, other) < NEAR_S, other
    return max(words)


@case("leave-after-pickup", length_s=10)
async def leave_after_pickup(scene: Scene) -> str:
    """The recorded one fetches a call of the third's that rings at the fourth's, and sends it on to the partner."""
    phone = scene.stack.phone(scene.fourth)
    await phone.behave(RingForever())
    try:
        there = await scene.dial(scene.third, scene.fourth)
        await asyncio.sleep(1.0)
        here = await scene.dial(scene.recorded, f"*8{scene.fourth}")
        await asyncio.gather(there.answered(), here.answered())
    finally:
        await phone.behave(Answer(tone_hz=TONES_HZ[scene.fourth]))
    await scene.talk(scene.third)
    await here.send_to(scene.partner)
    await scene.rings(scene.partner)
    await asyncio.sleep(TALK_S)
    return _gone(scene, await scene.entry(), scene.third, scene.partner)


async def _hold(by: PhoneCall, number: str) -> None:
    await by.hold()
    await asyncio.sleep(HOLD_S)
    await by.hum(TONES_HZ[number])


@case("holds", length_s=10)
async def holds(scene: Scene) -> str:
    """The recorded one puts the partner on hold, and takes them back: one capture, nothing missing."""
    _, here = await scene.connect()
    await _hold(here, scene.recorded)
    await scene.talk(scene.partner)
    entry = await scene.entry()
    word = _whole(scene, entry, scene.partner)
    assert [wait.kind.value for wait in entry[0].recording.waiting] == ["hold"]
    return word


@case("held", length_s=12)
async def held(scene: Scene) -> str:
    """The partner puts the recorded one on hold, with music: it is in the file, and hides no silence elsewhere in it."""
    there, here = await scene.connect()
    await _hold(there, scene.partner)
    await scene.talk(scene.partner)
    await asyncio.gather(there.hum(0), here.hum(0))
    await asyncio.sleep(LOST_S)
    await asyncio.gather(there.hum(TONES_HZ[scene.partner]), here.hum(TONES_HZ[scene.recorded]))
    await scene.talk(scene.partner)
    manifest, _, right = await scene.entry()
    recording = manifest.recording
    assert seconds(right, scene.partner) >= scene.said[scene.partner] - NEAR_S
    (wait,) = recording.waiting
    assert wait.kind.value == "music"
    assert HOLD_S - ROUGH_S < (wait.to_s or 0.0) - wait.from_s < HOLD_S + SLOW_S
    missing = longest(manifest)
    assert (manifest.state.value, missing.cause) == ("partial", "timeline"), recording
    assert LOST_S - ROUGH_S < missing.to_s - missing.from_s < LOST_S + SLOW_S
    return "kept"


@case("silent-start", length_s=14)
async def silent_start(scene: Scene) -> str:
    """Neither phone sends anything for nine seconds from the answer on: missing time, one capture, and no dead recorder."""
    phone = scene.stack.phone(scene.recorded)
    await phone.behave(Answer(tone_hz=0))
    try:
        there = await scene.dial(scene.partner, scene.recorded, is_mute=True)
        here = await scene.rings(scene.recorded)
    finally:
        await phone.behave(Answer(tone_hz=TONES_HZ[scene.recorded]))
    await there.answered()
    await asyncio.sleep(SILENT_S)
    await asyncio.gather(there.hum(TONES_HZ[scene.partner]), here.hum(TONES_HZ[scene.recorded]))
    await scene.talk(scene.partner)
    manifest, _, right = await scene.entry()
    recording = manifest.recording
    assert seconds(right, scene.partner) >= scene.said[scene.partner] - NEAR_S
    missing = longest(manifest)
    assert (manifest.state.value, missing.cause, len(recording.captures)) == ("partial", "timeline", 1), recording
    assert SILENT_S - TALK_S < missing.to_s - missing.from_s < SILENT_S + SLOW_S
    assert abs(right.length_s - (recording.to_s or 0.0) + recording.from_s) < NEAR_S
    assert not alarms(scene.stack, "file-not-growing")
    return "kept"


@case("queue", length_s=12)
async def queue(scene: Scene) -> str:
    """The recorded one calls a queue: a member answers and hangs up, and in the second round one behind a Local channel does."""
    here = await scene.dial(scene.recorded, QUEUE.format(seat=scene.seat))
    first = await scene.rings(scene.partner)
    await here.answered()
    await scene.talk(scene.partner)
    await first.hangup()
    await scene.rings(scene.third)
    await scene.talk(scene.third)
    word = await scene.voices(scene.third)
    ((manifest, _, _),) = await scene.entries(1)
    numbers = [party.number for party in manifest.recording.parties]
    assert numbers[0] == scene.recorded
    assert set(numbers) == {scene.recorded, scene.partner, scene.third}, "before the answer it was no call"
    return word


@case("menu", length_s=8)
async def menu(scene: Scene) -> str:
    """The recorded one hears a menu, which sends the call on to the partner: recorded from their answer on, one entry."""
    here = await scene.dial(scene.recorded, f"{QUEUE.format(seat=scene.seat)}9")
    await scene.rings(scene.partner)
    await here.answered()
    await scene.talk(scene.partner)
    return _whole(scene, await scene.entry(), scene.partner)
