"""Cases of media that no recorder can hear: a codec that Asterisk passes on between two phones, and a fax (T.38). The entry says
so, nobody is told that they are recorded, and both phones get every packet of each other."""

import asyncio
import time
from itertools import pairwise

from following import NEAR_S, TALK_S, TONES_HZ, Scene, case
from rtp_sender import CODECS, FAX
from sip_caller import SipPhone

from callrec.app.calls.watches.undecodable_watch import AGAIN_S, LOOK_S
from callrec.domain.calls.model import Missing
from callrec.domain.library.manifest import Manifest, StoredState
from callrec_lab.audio_checks import Sound, interruptions

PASSED_S = 12.0
"""The recorder's files do not grow for so long that Asterisk is asked why."""
AGAIN_MOST_S = AGAIN_S + LOOK_S + NEAR_S
"""So late a recorder may begin behind such a time."""
ON_THE_WAY = 50
"""Packets that a phone sent before the other one was there, or while it hung up: a second, for a busy machine."""
PLACED_S = 0.15
"""100 ms, the windows in which a tone is heard, and a packet's way."""
KEYS_S = 0.6
"""Two keys by SIP INFO, and the answer to them."""
ECHO = "*43"


async def _passed_on(scene: Scene, codec: str) -> str:
    """Both phones have this codec alone."""
    async with scene.called(scene.partner, codec) as there, scene.caller(scene.recorded, scene.partner, codec) as here:
        await there.answered()
        await asyncio.sleep(PASSED_S)
    _assert_passed(here, there, codec)
    ((_, manifest),) = await scene.stored(1)
    _assert_failed(manifest, f"no-decoder: {codec.lower()}")
    assert {party.number for party in manifest.recording.parties} == {scene.recorded, scene.partner}
    return "kept"


@case("codec-passed-on", length_s=PASSED_S)
async def codec_passed_on(scene: Scene) -> str:
    """Two phones talk G.729, which this Asterisk only passes on."""
    return await _passed_on(scene, "G729")


@case("opus-passed-on", length_s=PASSED_S)
async def opus_passed_on(scene: Scene) -> str:
    """Two phones talk Opus, likewise."""
    return await _passed_on(scene, "opus")


@case("codec-passed-on-press", length_s=TALK_S)
async def codec_passed_on_press(scene: Scene) -> str:
    """One who is not recorded always presses `*3` in such a call: during the keys and their answer nothing is heard, as ever."""
    scene.recorded, other = scene.third, scene.partner
    async with scene.called(other, "G729") as there, scene.caller(scene.recorded, other, "G729") as here:
        await there.answered()
        await asyncio.sleep(TALK_S / 2)
        await here.press("*3")
        await asyncio.sleep(TALK_S / 2)
    _assert_passed(here, there, "G729", missed_s=KEYS_S)
    ((_, manifest),) = await scene.stored(1)
    _assert_failed(manifest, "no-decoder: g729")
    return "kept"


@case("codec-changes-to-passed-on", length_s=PASSED_S + 2 * TALK_S)
async def codec_changes_to_passed_on(scene: Scene) -> str:
    """The recorded one's phone goes on with G.729 and comes back to PCMU, by re-INVITEs. Beside it is an echo: where two phones
    have different codecs for a moment, Asterisk hangs up."""
    async with scene.caller(scene.recorded, ECHO) as here:
        await asyncio.sleep(TALK_S)
        await here.change_codec("G729")
        from_s = time.time()
        await asyncio.sleep(PASSED_S)
        got = {one.payload for one in here.media.came}
        assert set(here.media.sent[ON_THE_WAY:-ON_THE_WAY]) <= got, "not echoed"
        await here.change_codec("PCMU")
        to_s = time.time()
        await asyncio.sleep(TALK_S)
    manifest, left, right = await scene.entry()
    missing = _assert_told(manifest, "no-decoder: g729", from_s, to_s)
    for side in (left, right):
        _assert_placed(manifest, side, scene.recorded, missing, here)
    return "kept"


@case("fax", length_s=PASSED_S + 2 * TALK_S)
async def fax(scene: Scene) -> str:
    """In the middle of a call the phones go on with a fax, and talk again after it."""
    async with scene.called(scene.partner) as there, scene.caller(scene.recorded, scene.partner) as here:
        await there.answered()
        await asyncio.sleep(TALK_S)
        await here.fax()
        from_s = time.time()
        await asyncio.sleep(PASSED_S)
        to_s = time.time()
        await asyncio.gather(here.end_fax(), there.end_fax())
        await asyncio.sleep(TALK_S)
    due = PASSED_S / here.media.packet_s - ON_THE_WAY
    for phone in (here, there):
        assert sum(one.payload_type == FAX for one in phone.media.came) > due, "the fax is disturbed"
    manifest, left, right = await scene.entry()
    missing = _assert_told(manifest, "t38", from_s, to_s)
    _assert_placed(manifest, left, scene.recorded, missing, here)
    _assert_placed(manifest, right, scene.partner, missing, there)
    return "kept"


def _assert_passed(one: SipPhone, other: SipPhone, codec: str, missed_s: float = 0.0) -> None:
    """Each got what the other has sent, as it was, but for so much."""
    for sender, receiver in ((one, other), (other, one)):
        assert {came.payload_type for came in receiver.media.came} == {CODECS[codec].payload}
        got = {came.payload for came in receiver.media.came}
        assert got <= set(sender.media.sent)
        missed = set(sender.media.sent[ON_THE_WAY:-ON_THE_WAY]) - got
        assert len(missed) * sender.media.packet_s <= missed_s, len(missed)


def _assert_failed(manifest: Manifest, cause: str) -> None:
    """Nobody was told that they are recorded, and there is no file."""
    recording = manifest.recording
    assert (manifest.state, recording.cause, manifest.media) == (StoredState.FAILED, cause, None), recording
    assert recording.announcements == ()
    assert len(recording.captures) == 1


def _assert_told(manifest: Manifest, cause: str, from_s: float, to_s: float) -> Missing:
    """The time that is missing, and why."""
    recording = manifest.recording
    assert (manifest.state, recording.cause) == (StoredState.PARTIAL, cause), recording
    missing = max(recording.missing, key=lambda one: one.to_s - one.from_s)
    assert missing.cause == cause
    assert abs(missing.from_s - from_s) < NEAR_S, (missing, from_s)
    assert 0 <= missing.to_s - to_s + NEAR_S < AGAIN_MOST_S + NEAR_S, (missing, to_s)
    return missing


def _assert_placed(manifest: Manifest, side: Sound, number: str, missing: Missing, speaker: SipPhone) -> None:
    """Both voices stand before and behind what is missing, and nothing else is away for more than a moment without a word, but
    when the phone sent nothing itself because the tests stood still."""
    began_s = manifest.recording.captures[0].from_s
    gaps = sorted(interruptions(side, TONES_HZ[number]), key=lambda gap: gap[0] - gap[1])
    (from_s, to_s), *others = gaps
    assert abs(began_s + from_s - missing.from_s) < PLACED_S, (gaps, missing)
    assert abs(began_s + to_s - missing.to_s) < PLACED_S + NEAR_S, (gaps, missing)
    unsent = [(before[1], after[0]) for before, after in pairwise(speaker.media.spurts)]
    away = [*((one.from_s, one.to_s) for one in manifest.recording.missing), *unsent]
    told = [(start - began_s - PLACED_S, end - began_s + PLACED_S) for start, end in away]
    untold = [(start, end) for start, end in others if not any(first < start and end < last for first, last in told)]
    assert all(end - start < NEAR_S for start, end in untold), (gaps, away)
