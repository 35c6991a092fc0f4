"""`make demo`: a real call between two simulated phones, recorded by `*3`, and one recorded always; then listen.

1000 calls 1001 and presses `*3` twice; 1002 presses `*26` and calls 1000. What each recording holds is measured: the tone
of each phone on its own channel, for as long as the presses (or the call) say. Any difference ends the demo with exit 1.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from callrec.domain.errors import CallrecError
from callrec.domain.lifecycle import Manifest, State
from callrec.lab.ears import heard_s, load, presence
from callrec.lab.stack import Stack, Wishes, start
from callrec.observe.logs import set_up_logs
from callrec.protocols.documents import decode_manifest

TALK_S = 5.0
STORED_S = 15.0
TONES_HZ = {"1000": 440, "1001": 1000, "1002": 620}
LEAST_HEARD = 0.97
MOST_DIFFERENCE_S = 0.25
"""Between the presses as the demo timed them and the recording; tests/calls measure it closer."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one recording has to hold."""

    title: str
    left_hz: int
    right_hz: int
    length_s: float
    keys_s: float = 0.0
    """How long the keys were pressed at its end: the presser's own tone pauses for them."""


def main() -> int:
    """Run the demo; 0 only when the files hold what was said."""
    set_up_logs(level="error", personal=False)
    try:
        return asyncio.run(_demo())
    except CallrecError as error:
        print(f"callrec demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _demo() -> int:
    folder = Path(tempfile.mkdtemp(prefix="callrec-demo-"))
    async with start(folder, Wishes(tones_hz=TONES_HZ), print) as stack:
        expected = [await _on_demand(stack), await _always(stack)]
        found = await _stored(stack, len(expected))
    print()
    faults = [fault for one, media in zip(expected, found, strict=True) for fault in listen(one, media)]
    for fault in faults:
        print(f"WRONG: {fault}")
    for media in found:
        print(f"recording: {media}")
    return 1 if faults else 0


async def _on_demand(stack: Stack) -> Expected:
    print("-- 1000 calls 1001 and presses *3")
    call = await (await stack.phone("1000").call("1001", tone_hz=TONES_HZ["1000"])).answered()
    await call.press("*3")
    began = time.monotonic()
    await asyncio.sleep(TALK_S)
    print("-- 1000 presses *3 again, and hangs up")
    before_keys = time.monotonic()
    await call.press("*3")
    stopped = time.monotonic()
    await asyncio.sleep(1)  # the parties talk on, unrecorded
    await call.hangup()
    return Expected("*3, pressed by 1000", TONES_HZ["1000"], TONES_HZ["1001"], stopped - began, stopped - before_keys)


async def _always(stack: Stack) -> Expected:
    print("-- 1002 presses *26 and hears that recording is on")
    code = await stack.phone("1002").call("*26")
    await code.answered()
    await code.ended()
    print(f"   the prompt was {code.heard().length_s:.1f} s long")
    print("-- 1002 calls 1000")
    call = await (await stack.phone("1002").call("1000", tone_hz=TONES_HZ["1002"])).answered()
    began = time.monotonic()
    await asyncio.sleep(TALK_S)
    await call.hangup()
    return Expected("*26, every call of 1002", TONES_HZ["1002"], TONES_HZ["1000"], time.monotonic() - began)


async def _stored(stack: Stack, count: int) -> list[Path]:
    """The media of all recordings, in the order of their ids, as soon as they are there."""
    deadline = time.monotonic() + STORED_S
    while True:
        sidecars = sorted(stack.daemon.monitor.rglob("*.json"))
        if len(sidecars) >= count or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    manifests: list[tuple[Path, Manifest]] = [(path, decode_manifest(path.read_bytes())) for path in sidecars]
    return [
        path.parent / manifest.media.name
        for path, manifest in manifests
        if manifest.media and manifest.state is State.SOUND
    ]


def listen(expected: Expected, media: Path) -> list[str]:
    """What is wrong with a file; prints what was heard."""
    left, right = load(media)
    faults = []
    print(f"{expected.title}: {media.name}, {left.length_s:.2f} s, {left.rate} Hz, two channels")
    for side, whole, own, other in (
        ("left", left, expected.left_hz, expected.right_hz),
        ("right", right, expected.right_hz, expected.left_hz),
    ):
        sound = whole.between(0, whole.length_s - expected.keys_s)
        heard, foreign = presence(sound, own), presence(sound, other)
        first, last = heard_s(sound, own) or (0.0, 0.0)
        print(
            f"   {side:5} {own:4} Hz heard {heard:6.1%} of the time, from {first:.2f} s to {last:.2f} s; {other} Hz {foreign:.1%}"
        )
        if heard < LEAST_HEARD or foreign > 1 - LEAST_HEARD:
            faults.append(f"{media.name}: {own} Hz must be on the {side}, alone")
    if abs(left.length_s - expected.length_s) > MOST_DIFFERENCE_S:
        faults.append(f"{media.name}: lasts {left.length_s:.2f} s, {expected.length_s:.2f} s were said")
    return faults
