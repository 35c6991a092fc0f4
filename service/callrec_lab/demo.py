"""`make demo`: a real call between two simulated phones, recorded by `*3`, and one recorded by always-record; then the check.

1000 calls 1001 and presses `*3` twice; 1002 dials `*26` and calls 1000. Each recording is measured: it must have the tone of each
phone on its own side, for as long as the presses (or the call) lasted. What a recording says itself that it lacks (*partial*) is
told, and the demo ends with exit code 0: so it is on a machine that is too busy for calls. Any other difference, and a recording
that is missing or has no file, end it with exit code 1.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from callrec.domain.calls.model import Heard, Missing
from callrec.domain.errors import CallrecError
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.observe.logs import set_up_logs
from callrec.protocols.json_documents import decode_manifest
from callrec_lab.audio_checks import heard_s, load, presence
from callrec_lab.phones import DIGIT_S, PAUSE_S
from callrec_lab.stack import Stack, Wishes, start

CONVERSATION_S = 5.0
KEYS_S = 2 * (DIGIT_S + PAUSE_S) + 0.16
"""The longest time for which a phone's tone pauses while it presses `*3`."""
STORED_S = 60.0
TONES_HZ = {"1000": 440, "1001": 1000, "1002": 620}
LEAST_HEARD = 0.97
MOST_DIFFERENCE_S = 0.25
"""The allowed difference between the phones' timestamps and the recording; tests/calls measure it more closely."""
EDGE_S = 0.05
BUSY = (
    "The recordings say this themselves, so nothing is lost unseen. The usual cause here is a machine that is too busy: the\n"
    "phones, Asterisk and callrec share its processors. Run make demo again when it has less to do."
)


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected content of one recording."""

    title: str
    left_hz: int
    right_hz: int
    length_s: float
    keys_s: float = 0.0
    """How long keys were pressed at its end: the presser's own tone pauses meanwhile."""


def main() -> int:
    """Run the demo; returns 0 only when the files have the expected tones, or say themselves what they lack."""
    set_up_logs(level="error", personal=False)
    try:
        return asyncio.run(_demo())
    except CallrecError as error:
        print(f"make demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _demo() -> int:
    folder = Path(tempfile.mkdtemp(prefix="callrec-demo-"))
    async with start(folder, Wishes(tones_hz=TONES_HZ), print) as stack:
        expected = [await _on_demand(stack), await _always(stack)]
        found = await _stored(stack, len(expected))
    print()
    faults, told = judge(expected, found)
    for loss in told:
        print(f"PARTIAL: {loss}")
    if told:
        print(BUSY)
    for fault in faults:
        print(f"WRONG: {fault}")
    for media, _ in found:
        print(f"recording: {media}")
    return 1 if faults else 0


def judge(expected: Sequence[Expected], found: Sequence[tuple[Path, Manifest]]) -> tuple[list[str], list[str]]:
    """The faults of all recordings, and what they lack and say themselves; prints what was heard in each."""
    faults = [] if len(found) == len(expected) else [f"{len(found)} recordings have a file, {len(expected)} were made"]
    told = []
    for one, (media, manifest) in zip(expected, found, strict=False):
        if manifest.state not in {StoredState.SOUND, StoredState.PARTIAL}:
            faults.append(f"{media.name}: it is {manifest.state.value} ({manifest.recording.cause})")
            continue
        losses = manifest.recording.missing
        told += [f"{media.name}: {_loss(loss, manifest.recording.from_s)}" for loss in losses]
        if manifest.state is StoredState.PARTIAL and not losses:
            told.append(f"{media.name}: {manifest.recording.cause}")
        # While keys are pressed the phone's own tone is silent: that silence is known here
        unsure_s = max(0.0, (manifest.recording.may_lack_s or 0.0) - one.keys_s)
        if unsure_s > MOST_DIFFERENCE_S:
            told.append(f"{media.name}: {unsure_s:.2f} s of silence more, a phone's own or missing")
        left_s, right_s = (_lost_s(losses, side) + unsure_s for side in (Heard.SAYS, Heard.HEARS))
        faults += listen(one, media, left_s, right_s)
    return faults, told


def _loss(loss: Missing, from_s: float) -> str:
    sides = {Heard.SAYS: "left", Heard.HEARS: "right", Heard.BOTH: "both sides"}
    return f"{loss.cause} from {loss.from_s - from_s:.2f} s to {loss.to_s - from_s:.2f} s, {sides[loss.side]}"


def _lost_s(losses: Iterable[Missing], side: Heard) -> float:
    """How long one side lacks sound by what the recording says itself."""
    return sum(one.to_s - one.from_s for one in losses if one.side in {side, Heard.BOTH})


async def _on_demand(stack: Stack) -> Expected:
    print("-- 1000 calls 1001 and presses *3")
    call = await (await stack.phone("1000").call("1001", tone_hz=TONES_HZ["1000"])).answered()
    await call.press("*3")
    await asyncio.sleep(CONVERSATION_S)
    print("-- 1000 presses *3 again, and hangs up")
    await call.press("*3")
    await asyncio.sleep(1)  # the call goes on, unrecorded
    await call.hangup()
    began_s, stopped_s = call.pressed_s
    return Expected("*3, pressed by 1000", TONES_HZ["1000"], TONES_HZ["1001"], stopped_s - began_s, KEYS_S)


async def _always(stack: Stack) -> Expected:
    print("-- 1002 presses *26 and hears that recording is on")
    code = await stack.phone("1002").call("*26")
    await code.answered()
    await code.ended()
    print(f"   the prompt was {code.heard().length_s:.1f} s long")
    print("-- 1002 calls 1000")
    call = await (await stack.phone("1002").call("1000", tone_hz=TONES_HZ["1002"])).answered()
    await asyncio.sleep(CONVERSATION_S)
    await call.hangup()
    return Expected("*26, every call of 1002", TONES_HZ["1002"], TONES_HZ["1000"], call.ended_s - call.answered_s)


async def _stored(stack: Stack, count: int) -> list[tuple[Path, Manifest]]:
    """The media and sidecars of all recordings, by id, as soon as so many are stored."""
    deadline = time.monotonic() + STORED_S
    while True:
        sidecars = sorted(stack.daemon.monitor.glob("[!.]*/**/*.json"))
        if len(sidecars) >= count or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    manifests: list[tuple[Path, Manifest]] = [(path, decode_manifest(path.read_bytes())) for path in sidecars]
    return [(path.parent / manifest.media.name, manifest) for path, manifest in manifests if manifest.media]


def listen(expected: Expected, media: Path, left_lost_s: float = 0.0, right_lost_s: float = 0.0) -> list[str]:
    """The faults of a file, of which so much may lack on each side; prints what was heard."""
    left, right = load(media)
    faults = []
    print(f"{expected.title}: {media.name}, {left.length_s:.2f} s, {left.rate} Hz, two channels")
    for side, whole, own, other, lost_s in (
        ("left", left, expected.left_hz, expected.right_hz, left_lost_s),
        ("right", right, expected.right_hz, expected.left_hz, right_lost_s),
    ):
        sound = whole.between(0, whole.length_s - expected.keys_s)
        heard, foreign = presence(sound, own), presence(sound, other)
        first, last = heard_s(sound, own) or (0.0, 0.0)
        print(
            f"   {side:5} {own:4} Hz heard {heard:6.1%} of the time, from {first:.2f} s to {last:.2f} s; {other} Hz {foreign:.1%}"
        )
        least = LEAST_HEARD - lost_s / max(sound.length_s, lost_s, EDGE_S)
        if not heard or heard < least or foreign > 1 - LEAST_HEARD:
            faults.append(f"{media.name}: {own} Hz must be on the {side}, alone")
    shorter_s = expected.length_s - left.length_s
    if not -MOST_DIFFERENCE_S <= shorter_s <= MOST_DIFFERENCE_S + max(left_lost_s, right_lost_s):
        faults.append(f"{media.name}: lasts {left.length_s:.2f} s, {expected.length_s:.2f} s were said")
    return faults


if __name__ == "__main__":
    sys.exit(main())
