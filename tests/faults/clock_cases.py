"""Cases of a phone whose clock runs away: each moment of the file stays where it was said."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from following import TONES_HZ, Scene, case
from sip_caller import SipCaller

from callrec_lab.audio_checks import Sound, Tone, spans, tones
from callrec_lab.phones import PhoneCall

FAST_PPM, SWITCH_S, SWITCHES = 450.0, 15.0, 16
OTHER_HZ = 2500
"""Far from the phones' own tones."""
SAME_HZ = 30.0
NEAR_S = 0.15
"""100 ms, the windows in which a tone is heard, and a packet's way."""


HOUR_S, HOUR_PPM, MARKER_S = 3600.0, 300.0, 30.0
NEARLY_ALL = 0.95
MOST = 20
"""So many markers at the beginning and at the end show whether the time line has run away."""
WORD_S = 0.3
AROUND_S = 1.5
INTAKE_S = 600.0
"""An hour is encoded, beside whatever the machine does."""


@case("clock-fast", length_s=SWITCH_S * SWITCHES + 4)
async def clock_fast(scene: Scene) -> str:
    """The recorded one's phone is 450 ppm fast for four minutes, and the partner's sends nothing: 108 ms at the end."""
    phone = _fast_phone(scene, FAST_PPM)
    switched_s: list[float] = []
    async with phone:
        here = await scene.rings(scene.partner)
        await here.hum(0)
        for nth in range(SWITCHES):
            await asyncio.sleep(SWITCH_S)
            phone.media.say(TONES_HZ[scene.recorded] if nth % 2 else OTHER_HZ)
            switched_s.append(time.time())
        await asyncio.sleep(2.0)
    manifest, left, _ = await scene.entry()
    began_s = manifest.recording.captures[0].from_s
    heard = switches(tones(left), TONES_HZ[scene.recorded], OTHER_HZ)
    assert len(heard) == SWITCHES + 1, heard
    away_s = [tone.from_s - (at_s - began_s) for tone, at_s in zip(heard[1:], switched_s, strict=True)]
    assert max(map(abs, away_s)) < NEAR_S, away_s
    return "kept"


@case("clock-hour", length_s=HOUR_S, alone=True)
async def clock_hour(scene: Scene) -> str:
    """An hour in which both speak, and the recorded one's phone is 300 ppm fast: each marker stands where it was said."""
    phone, turns = _fast_phone(scene, HOUR_PPM), round(HOUR_S / MARKER_S)
    said_s, heard_s = [], []
    async with phone:
        here = await scene.rings(scene.partner)
        for nth in range(turns):
            await asyncio.sleep(MARKER_S / 2)
            phone.media.say(_marker(scene.recorded, nth))
            said_s.append(time.time())
            await asyncio.sleep(MARKER_S / 2)
            heard_s.append(await _hum(here, _marker(scene.partner, nth)))
        await asyncio.sleep(2.0)
    manifest, left, right = await scene.entry(limit_s=INTAKE_S)
    began_s = manifest.recording.captures[0].from_s
    sides = ((left, scene.recorded, said_s), (right, scene.partner, heard_s))
    for sound, number, times_s in sides:
        places_s = [at_s - began_s for at_s in times_s]
        away_s = await asyncio.to_thread(_away_s, sound, number, places_s)
        print(f"clock-hour: {number} {_told(away_s)}", flush=True)
        near = sum(abs(one) < NEAR_S for one in away_s)
        assert near >= NEARLY_ALL * turns, away_s
        assert abs(statistics.median(away_s[-MOST:]) - statistics.median(away_s[:MOST])) < NEAR_S, away_s
    length_s = (manifest.recording.to_s or 0.0) - manifest.recording.from_s
    assert abs(left.length_s - length_s) < NEAR_S, (left.length_s, length_s)
    return "kept"


def _fast_phone(scene: Scene, ppm: float) -> SipCaller:
    phone = scene.caller(scene.recorded, scene.partner)
    phone.media.ppm = ppm
    return phone


def _marker(number: str, nth: int) -> int:
    """In turns another tone, and the phone's own."""
    return TONES_HZ[number] if nth % 2 else OTHER_HZ


async def _hum(here: PhoneCall, hz: int) -> float:
    """From now on this tone; when that was."""
    await here.hum(hz)
    return time.time()


def _away_s(sound: Sound, number: str, places_s: Sequence[float]) -> list[float]:
    """How far from its place each marker begins to be heard; infinitely far where it is not."""
    away_s = []
    for nth, at_s in enumerate(places_s):
        from_s = max(0.0, at_s - AROUND_S)
        heard = spans(sound.between(from_s, at_s + AROUND_S), _marker(number, nth))
        begins_s = next((begin + from_s - at_s for begin, end in heard if end - begin > WORD_S), float("inf"))
        away_s.append(begins_s)
    return away_s


def _told(away_s: Sequence[float]) -> str:
    """What was measured, for people."""
    ordered = sorted(abs(one) for one in away_s)
    first, last = (statistics.median(part) for part in (away_s[:MOST], away_s[-MOST:]))
    return (
        f"{len(away_s)} markers: median {statistics.median(away_s):+.3f} s, "
        f"95 % within {ordered[len(ordered) * 95 // 100]:.3f} s, at most {ordered[-1]:.3f} s; "
        f"at first {first:+.3f} s, at last {last:+.3f} s"
    )


def switches(heard: list[Tone], *pitches: int) -> list[Tone]:
    """Each time that one of these pitches takes the other's place. Late packets click, at any pitch."""
    found: list[Tone] = []
    for tone in heard:
        hz = next((hz for hz in pitches if abs(tone.hz - hz) < SAME_HZ), 0)
        if hz and (not found or hz != found[-1].hz):
            found.append(tone._replace(hz=float(hz)))
    return found
