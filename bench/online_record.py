"""`*3`: audio missing between the last digit and the first recorded sample, ours against Asterisk's automixmon.

Both on the same PBX, in calls between the same phones: ours by `*3` (Gosub, FastAGI, mailbox, journal, AMI MixMonitor), the
peer by `automixmon = *4` and Dial's `x`, which starts the recorder inside Asterisk, with nobody to ask. They take turns.

How it is measured: as soon as the presser's phone has sent the last digit, it plays a known sequence of tones, a new one every
20 ms (`PATTERN_HZ`), while the other phone says one steady tone. Correlating a recording with the sequence tells to a tenth of
a millisecond which instant of the presser's stream each sample is; the digit's end lies `AFTER_DIGIT_MS` before the sequence.
Two numbers for each recording: what is missing of the presser's voice and what of the other party's, after the digit's end.
Media comes in packets of 20 ms, so the second is known to one packet. `--verify` tests the method on synthetic recordings.
"""

import asyncio
import json
import random
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench import quiet
from bench.calls import ACTION_S, CALLED, CALLED_HZ, add_extension, bank_of, end, place, stack
from callrec_lab.audio_checks import Samples, Sound, load
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

GOAL_BEHIND_MS = 5.0
AFTER_DIGIT_MS = 1.6
"""From the end of the digit to the first sample of the sequence: its first packet, which holds 20 ms, was captured on the wire
21.6 ms (median) after the packet that ends the digit."""
STEP_MS, RATE_HZ = 20, 8000
_FRAME = RATE_HZ * STEP_MS // 1000
_CHOICE = random.Random(3)  # noqa: S311 - a test signal, the same in each run
PATTERN_HZ = [_CHOICE.choice([hz for hz in range(400, 3400, 50) if hz != CALLED_HZ]) for _ in range(90)]
"""Multiples of 50 Hz: none of them shows at the other party's frequency in a frame of 20 ms."""
LOOK_S = 3.0
LEAST_MATCH = 0.3
OURS, THEIRS = "*3", "*4"
AUTOMIXMON = "88"
_DIALPLAN = f"""
exten => {AUTOMIXMON},1,Set(TOUCH_MIXMONITOR=${{UNIQUEID}})
 same => n,Dial(PJSIP/@CALLED@,60,xX)
"""
RECORDED_S = 1.7
"""How long each recording lasts at least: the sequence is 1.8 s long, and a press within a second of another is absorbed."""
BETWEEN_PRESSES_S = 0.25
STORED_S = 30.0


class Gap(NamedTuple):
    """What one recording misses, in ms of audio after the end of the digit; 0 when it begins before that."""

    presser_ms: float
    other_ms: float


class Stage(NamedTuple):
    """How often each was pressed, and what the recordings miss in which the sequence was found."""

    pressed: int
    ours: list[Gap]
    theirs: list[Gap]


def pattern() -> Samples:
    """The sequence as a phone plays it: each tone begins at phase 0 (indications.c: playtones_generator)."""
    at = np.arange(_FRAME) / RATE_HZ
    return np.concatenate([np.sin(2 * np.pi * hz * at) for hz in PATTERN_HZ])


def measure(presser: Sound, other: Sound) -> Gap | None:
    """What a recording misses; both are the same sound for a mix. None when the sequence is not in it."""
    begin = begins_at(presser.between(0, LOOK_S).samples)
    if begin is None:
        return None
    start_ms = AFTER_DIGIT_MS - begin * 1000 / RATE_HZ
    frames = other.samples[: len(other.samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    tone = np.exp(-2j * np.pi * CALLED_HZ * np.arange(_FRAME) / RATE_HZ)
    heard = np.flatnonzero(np.abs(frames @ tone) * 2 / _FRAME > 0.05)
    if not len(heard):
        return None
    return Gap(max(0.0, -begin * 1000 / RATE_HZ), max(0.0, start_ms + float(heard[0]) * STEP_MS))


def begins_at(samples: Samples) -> float | None:
    """The sample at which the sequence begins: negative when the recording begins after it; None when it is not there."""
    sequence = pattern()
    size = 1 << (len(samples) + len(sequence)).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(sequence, size))
    match = np.fft.irfft(spectrum, size)
    peak = int(np.argmax(match))
    begin = peak if peak < len(samples) else peak - size
    held = samples[max(0, begin) : begin + len(sequence)]
    part = sequence[max(0, -begin) : max(0, -begin) + len(held)]
    energy = float(np.linalg.norm(held) * np.linalg.norm(part))
    return float(begin) if energy and match[peak] / energy > LEAST_MATCH else None


async def _press(running: Stack, call: PhoneCall, code: str) -> None:
    where = [("Channel", call.leg), ("Context", "phone"), ("Exten", f"mark{code}"), ("Priority", "1")]
    await bank_of(running).ami.action("Redirect", where, timeout_s=ACTION_S)


async def _teach(running: Stack) -> None:
    """Two digits as a thumb makes them, and at once the sequence."""
    bank = bank_of(running)
    tones = ",".join(f"!{hz}/{STEP_MS}" for hz in PATTERN_HZ)
    steps = (
        ("SendDTMF", "${EXTEN:4:1},60,110"),
        ("SendDTMF", "${EXTEN:5},1,110"),
        ("Playtones", tones),
        ("Wait", "7200"),
    )
    for priority, (application, data) in enumerate(steps, start=1):
        await add_extension(bank, "_mark!", application, data, priority)


async def _rounds(running: Stack, calls: list[tuple[PhoneCall, str]], rounds: int) -> None:
    """Press in each call in turn to start, and in the same order to stop."""
    for _ in range(2 * rounds):
        for call, code in calls:
            await _press(running, call, code)
            await asyncio.sleep(BETWEEN_PRESSES_S)
        await asyncio.sleep(max(0.0, RECORDED_S + 0.3 - len(calls) * BETWEEN_PRESSES_S))


def _recordings(running: Stack) -> dict[str, list[Path]]:
    """Whole files only: ours appear whole, theirs are whole when their call is over."""
    ours = [path for path in running.daemon.monitor.rglob("*.wav") if ".incoming" not in path.parts]
    return {OURS: ours, THEIRS: list((running.pbx.root / "spool/monitor").glob("auto-*.wav"))}


async def _stage(running: Stack, live: int, rounds: int) -> Stage:
    """Half of the calls are ours and half theirs; with one live call they take turns."""
    before = {path for paths in _recordings(running).values() for path in paths}
    if live == 1:
        for _ in range(rounds):
            for code, number in ((OURS, CALLED), (THEIRS, AUTOMIXMON)):
                calls = await place(running, 1, number)
                await _rounds(running, [(calls[0], code)], 1)
                await end(calls)
    else:
        mine, theirs = await place(running, live // 2, CALLED), await place(running, live // 2, AUTOMIXMON)
        turns = [pair for two in zip(mine, theirs, strict=True) for pair in zip(two, (OURS, THEIRS), strict=True)]
        await _rounds(running, turns, rounds)
        await end([*mine, *theirs])
    expected = rounds * max(1, live // 2)
    for _ in range(round(STORED_S / 0.2)):
        found = {code: [path for path in paths if path not in before] for code, paths in _recordings(running).items()}
        if all(len(paths) >= expected for paths in found.values()):
            break
        await asyncio.sleep(0.2)
    gaps = {code: _gaps(paths) for code, paths in found.items()}
    return Stage(expected, gaps[OURS], gaps[THEIRS])


def _gaps(paths: list[Path]) -> list[Gap]:
    gaps = []
    for path in paths:
        channels = load(path)
        gap = measure(channels[0], channels[-1])
        if gap is not None:
            gaps.append(gap)
    return gaps


async def measure_all(live: tuple[int, ...], rounds: tuple[int, ...]) -> dict[str, object]:
    """For each number of live calls: medians and 99th percentiles of both, and how far we are behind."""
    found: dict[str, object] = {"goal_behind_ms": GOAL_BEHIND_MS}
    async with stack(_DIALPLAN, {"automixmon": THEIRS}) as running:
        await _teach(running)
        await _stage(running, 1, 1)  # the first call of a process is never like the others
        for calls, times in zip(live, rounds, strict=True):
            found[f"{calls}_calls"] = _compared(await _stage(running, calls, times))
    return found


def _compared(stage: Stage) -> dict[str, float]:
    pressed, ours, theirs = stage
    found: dict[str, float] = {
        "presses_of_each": pressed,
        "measured_ours": len(ours),
        "measured_automixmon": len(theirs),
    }
    if not ours or not theirs:
        return found
    for field in Gap._fields:
        mine, peer = (sorted(getattr(gap, field) for gap in gaps) for gaps in (ours, theirs))
        name = field.removesuffix("_ms")
        for who, values in (("ours", mine), ("automixmon", peer)):
            found[f"{name}_{who}_median_ms"] = round(statistics.median(values), 1)
            found[f"{name}_{who}_mean_ms"] = round(statistics.mean(values), 1)
            found[f"{name}_{who}_p99_ms"] = round(float(np.percentile(values, 99)), 1)
        found[f"{name}_behind_median_ms"] = round(statistics.median(mine) - statistics.median(peer), 1)
        found[f"{name}_behind_mean_ms"] = round(statistics.mean(mine) - statistics.mean(peer), 1)
        found[f"{name}_behind_p99_ms"] = round(float(np.percentile(mine, 99) - np.percentile(peer, 99)), 1)
    return found


def verify() -> None:
    """The method finds what synthetic recordings miss, within 2 ms, through mu-law's noise and with the other party mixed in."""
    noise = np.random.default_rng(1)
    for offset in (-1200, -167, -1, 0, 1, 80, 333, 1600):  # samples from the recording's begin to the sequence's
        sequence = pattern() * 0.15
        presser = np.concatenate([np.zeros(max(0, offset)), sequence[max(0, -offset) :], np.zeros(RATE_HZ)])
        other = 0.15 * np.sin(2 * np.pi * CALLED_HZ * np.arange(len(presser)) / RATE_HZ)
        rough = presser + noise.normal(scale=0.004, size=len(presser))
        for parts in ((rough, other), (rough + other, rough + other)):
            gap = measure(*(Sound(part, RATE_HZ) for part in parts))
            assert gap is not None
            assert abs(gap.presser_ms - max(0.0, -offset / 8)) < 2, (offset, gap)
            assert abs(gap.other_ms - max(0.0, AFTER_DIGIT_MS - offset / 8)) < 2, (offset, gap)
    assert measure(Sound(noise.normal(scale=0.1, size=RATE_HZ), RATE_HZ), Sound(np.zeros(RATE_HZ), RATE_HZ)) is None


def run() -> dict[str, object]:
    """The results at 1 and at 60 live calls."""
    quiet()
    verify()
    return asyncio.run(measure_all((1, 60), (12, 2)))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--verify"]:
            verify()
        case [*numbers] if len(numbers) == 2:
            quiet()
            print(json.dumps(asyncio.run(measure_all((int(numbers[0]),), (int(numbers[1]),))), indent=2))
        case _:
            print(json.dumps(run(), indent=2))
