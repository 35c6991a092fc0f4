"""Cases of RTP that is not as a phone should send it: long packets, time stamps and sources that jump, packets that are held back
and then come all at once. In the file each moment stands where it was said, and the entry has no cause that is not true."""

import asyncio
import time
from collections.abc import Callable, Sequence

from clock_cases import OTHER_HZ, switches
from following import NEAR_S, TONES_HZ, Scene, case
from free_cpu import FEWEST, calls_at_once
from rtp_sender import unsent
from sip_caller import SipCaller
from soundness import assert_explained

from callrec.domain.calls.model import Heard
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.missing_time import LATE_PACKETS
from callrec.domain.library.spans import length_s, without
from callrec_lab.audio_checks import Sound, interruptions, tones

SWITCH_S, SWITCHES = 3.0, 5
LONG_PACKET_S = 0.06
HOUR_S, STEP_S = 3600.0, 1.0
BURST_S, BURSTS = 0.6, 20
SHIFTED_S = 0.1
EDGE_S = 0.05
"""Windows in which a tone is heard, and a packet's way."""
STEP_OF_A_FILE_S = 2.1
"""To a step of Asterisk's buffer it is known where packets came late."""

Act = Callable[[], None]


async def _speak(scene: Scene, phone: SipCaller, acts: Sequence[Act]) -> tuple[Manifest, Sound, list[float]]:
    """The recorded one's phone does these one after another, and from each on it says another tone; when that was."""
    async with phone:
        await scene.rings(scene.partner)
        await asyncio.sleep(SWITCH_S)
        for nth, act in enumerate(acts):
            act()
            phone.media.say(TONES_HZ[scene.recorded] if nth % 2 else OTHER_HZ)
            await asyncio.sleep(SWITCH_S)
    manifest, left, _ = await scene.entry()
    return manifest, left, phone.media.said_s


def _assert_as_long(manifest: Manifest, side: Sound) -> None:
    recording = manifest.recording
    length_s = (recording.to_s or 0.0) - recording.from_s
    assert abs(side.length_s - length_s) < _exact_s(manifest) + EDGE_S, (side.length_s, length_s)


def _exact_s(manifest: Manifest) -> float:
    """How far from its time a moment of the file may stand: on a busy machine the entry may say more."""
    return max(SHIFTED_S, manifest.recording.timeline_exact_s or 0.0) if calls_at_once() <= FEWEST else SHIFTED_S


def _away_s(scene: Scene, manifest: Manifest, left: Sound, switched_s: list[float]) -> list[float]:
    """How far from its time each switch to another tone is heard."""
    began_s = manifest.recording.captures[0].from_s
    heard = switches(tones(left), TONES_HZ[scene.recorded], OTHER_HZ)
    assert len(heard) == len(switched_s) + 1, heard
    return [tone.from_s - (at_s - began_s) for tone, at_s in zip(heard[1:], switched_s, strict=True)]


async def _nothing_shifts(scene: Scene, phone: SipCaller, acts: Sequence[Act]) -> str:
    manifest, left, switched_s = await _speak(scene, phone, acts)
    away_s = _away_s(scene, manifest, left, switched_s)
    assert max(map(abs, away_s)) < _exact_s(manifest) + EDGE_S, (away_s, manifest)
    _assert_as_long(manifest, left)
    assert_explained(manifest, unsent=phone.media.unsent)
    return "told" if manifest.recording.missing else "kept"


def _nothing() -> None:
    """Only another tone."""


@case("long-packets", length_s=SWITCH_S * (SWITCHES + 1))
async def long_packets(scene: Scene) -> str:
    """The recorded one's phone sends packets of 60 ms."""
    phone = scene.caller(scene.recorded, scene.partner, packet_s=LONG_PACKET_S)
    return await _nothing_shifts(scene, phone, [_nothing] * SWITCHES)


@case("stamps-jump", length_s=SWITCH_S * 8)
async def stamps_jump(scene: Scene) -> str:
    """The phone's time stamps jump by an hour and by a second, forth and back, with a marker and without; then it has another
    source, with a marker and without. Its packets are numbered on."""
    phone = scene.caller(scene.recorded, scene.partner)
    jump = phone.media.jump
    acts: list[Act] = [
        lambda: jump(by_s=HOUR_S),
        lambda: jump(by_s=-HOUR_S),
        lambda: jump(by_s=STEP_S, marker=True),
        lambda: jump(by_s=-STEP_S, marker=True),
        lambda: jump(source=True),
        lambda: jump(source=True, marker=True, by_s=HOUR_S),
    ]
    return await _nothing_shifts(scene, phone, acts)


@case("delay-once", length_s=3 * SWITCH_S)
async def delay_once(scene: Scene) -> str:
    """Once the phone's packets are held back for 600 ms, and then come all at once: the entry tells when."""
    async with scene.caller(scene.recorded, scene.partner) as phone:
        await scene.rings(scene.partner)
        await asyncio.sleep(SWITCH_S)
        held_s, phone.media.holds_back_s = time.time(), BURST_S
        await asyncio.sleep(BURST_S + EDGE_S)
        phone.media.holds_back_s = 0.0
        await asyncio.sleep(2 * SWITCH_S)
    manifest, left, _ = await scene.entry()
    recording = manifest.recording
    began_s = recording.captures[0].from_s
    heard = interruptions(left, TONES_HZ[scene.recorded])
    away = without([(began_s + from_s, began_s + to_s) for from_s, to_s in heard], unsent(phone.media))
    away = [(from_s, to_s) for from_s, to_s in away if to_s - from_s > BURST_S / 2]
    if not away:  # a recorder that was held up as long has lost nothing, and the entry may doubt that
        assert {one.cause for one in recording.missing} <= {LATE_PACKETS}, recording
        return "kept"
    told = [(one.from_s - NEAR_S, one.to_s + NEAR_S) for one in recording.missing if one.side is not Heard.HEARS]
    untold = without(away, told)
    if (
        untold and calls_at_once() <= FEWEST
    ):  # beside another delay of a busy machine it may not be told from a phone's silence
        assert length_s(untold) <= (recording.may_lack_s or 0.0) + EDGE_S, (untold, held_s, recording)
        return "told"
    assert not untold, (away, held_s, recording)
    assert manifest.state is StoredState.PARTIAL, recording
    assert LATE_PACKETS in {one.cause for one in recording.missing}, recording
    return "told"


@case("bursts", length_s=BURST_S * BURSTS + 3 * SWITCH_S)
async def bursts(scene: Scene) -> str:
    """For a while the phone's packets are held back for 600 ms, and then come all at once: the file is no longer than the call,
    what follows stands right, and the entry says when Asterisk's recorder may have dropped some."""
    phone = scene.caller(scene.recorded, scene.partner)

    def hold_back(seconds: float) -> Act:
        return lambda: setattr(phone.media, "holds_back_s", seconds)

    held = round(BURST_S * BURSTS / SWITCH_S)
    acts = [hold_back(BURST_S), *[_nothing] * (held - 1), hold_back(0.0), _nothing]
    manifest, left, switched_s = await _speak(scene, phone, acts)
    away_s = _away_s(scene, manifest, left, switched_s)
    # The first packets of a tone may be among those that are dropped: then it is heard from the next burst on. The last burst
    # comes as the phone holds nothing back any more.
    exact_s = _exact_s(manifest) + EDGE_S
    assert all(-exact_s < away < 2 * BURST_S + exact_s for away in away_s[: held + 1]), (away_s, manifest)
    assert max(map(abs, away_s[held + 1 :])) < exact_s, (away_s, manifest)
    _assert_as_long(manifest, left)
    recording = manifest.recording
    assert (manifest.state, recording.cause) == (StoredState.PARTIAL, LATE_PACKETS), recording
    missing = [one for one in recording.missing if one.cause == LATE_PACKETS]
    from_s, to_s = min(one.from_s for one in missing), max(one.to_s for one in missing)
    assert abs(from_s - switched_s[0]) < 2 * STEP_OF_A_FILE_S, (recording.missing, switched_s)
    # That packets come in time again is known at the next question that is answered: on a busy machine some seconds later.
    assert -2 * STEP_OF_A_FILE_S < to_s - switched_s[held] < 4 * STEP_OF_A_FILE_S, (recording.missing, switched_s)
    return "kept"
