"""What must be true of each recording that followed a call, whatever became of the call.

- There is one entry.
- Its user is covered: what they say is in the file from the first conversation to their last hang-up.
- The gap of a voice, in which a tone that is really sent is not in the file, is at most `WIDEST_S`, and at most `GAP_S` in 19
  of 20 runs (`ROUGH` is the word of a run with a wider one; `make faults` counts them).
- It names those who talked with its user, with from and to, and nobody else; nobody else is heard in it.
"""

import asyncio
import math
from dataclasses import dataclass

from following import NEAR_S, TONES_HZ, Scene, seconds, told_s
from free_cpu import FEWEST, calls_at_once
from soundness import TOLD_UNDER_LOAD, file_begins_s, told_away
from trouble import KEYS_S

from callrec.domain.calls.model import Heard, Party, WaitingKind
from callrec.domain.library.manifest import Manifest, StoredState
from callrec.domain.library.spans import length_s, without
from callrec_lab.audio_checks import Sound, interruptions, spans
from callrec_lab.phones import PhoneCall

GAP_S, WIDEST_S = 0.1, 0.3
MET_S = 1.2
"""By how much the first word of somebody may come after the moment at which they are named: a phone speaks in its own time."""
CLICK_S = 0.15
"""A late packet clicks at any pitch, for some 50 ms; syllables of a prompt are a little longer."""
KEPT, ROUGH, TOLD = "kept", "nearly kept", "told"


FIRST_PACKETS_S = 0.2
"""Where a phone's silence may begin that is no gap: see `Excused.starts_s`."""


@dataclass(frozen=True, slots=True)
class Excused:
    """What a case knows of: keys that the recorded one pressed, other causes that the entry may name, who of those that it names
    is not in the file, and the number of an application with which they talked before anybody came."""

    presses: int = 0
    application: str = ""
    causes: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    stays_s: float = 0.0
    """How long Asterisk may keep the recorded one's leg after it has left the conversation."""
    starts_s: float = 0.0
    """How long the recorded one's phone itself may be silent behind its first packets."""


async def followed(scene: Scene, *others: str, excused: Excused = Excused()) -> str:
    """The checks above. `others`: all who talked with the recorded one, in any order.

    `kept`, `nearly kept`, with `phone mute` beside it where that phone did not get a voice; `told`: little CPU was free, and
    the entry says what is missing."""
    return await asyncio.to_thread(_judge, scene, await scene.entry(), others, excused)


def _judge(scene: Scene, entry: tuple[Manifest, Sound, Sound], others: tuple[str, ...], excused: Excused) -> str:
    """Listens for so long that the phones of this process would falter."""
    manifest, left, right = entry
    recording = manifest.recording
    assert (manifest.state is StoredState.SOUND) == (not recording.missing), recording
    causes = {one.cause for one in recording.missing} - excused.causes
    assert causes <= (TOLD_UNDER_LOAD if calls_at_once() <= FEWEST else set()), recording
    voices = [number for number in others if number not in excused.silent]
    gaps_s = {number: _gap_s(scene, manifest, right, number) for number in voices}
    assert max(gaps_s.values()) <= WIDEST_S, (gaps_s, recording)
    gaps_s[scene.recorded] = _own_gap_s(scene, manifest, left, others, excused)
    _assert_named(scene, manifest, (*others, *filter(None, [excused.application])), excused.stays_s)
    if not recording.missing:  # what follows what is missing may stand too early in the file
        _assert_in_time(manifest, right, voices)
    _assert_alone(scene, left, right, voices)
    return (TOLD if causes else KEPT if max(gaps_s.values()) <= GAP_S else ROUGH) + _mute(scene, voices)


def talked_s(call: PhoneCall, others: tuple[str, ...]) -> float:
    """How long the recorded one was in this call since they heard one of the others first, by the stamps of the phones'
    Asterisk."""
    if not call.answered_s:
        return 0.0
    heard = call.heard()
    first_s = [from_s for other in others for from_s, to_s in spans(heard, TONES_HZ[other]) if to_s - from_s > CLICK_S]
    return call.ended_s - call.answered_s - min(first_s) if first_s else 0.0


def _own_gap_s(scene: Scene, manifest: Manifest, left: Sound, others: tuple[str, ...], excused: Excused) -> float:
    """The widest interruption of the recorded one's tone, or what it lacks in all, but for keys, for waits without music, and for
    what the entry tells."""
    calls = scene.calls_of(scene.recorded)
    if excused.application:
        due_s = sum(call.ended_s - call.answered_s for call in calls if call.answered_s)
    else:
        due_s = sum(talked_s(call, others) for call in calls)
    waited_s = sum(
        (one.to_s or one.from_s) - one.from_s for one in manifest.recording.waiting if one.kind is not WaitingKind.MUSIC
    )
    held_s = seconds(left, scene.recorded)
    short_s = due_s - held_s - waited_s - excused.presses * KEYS_S
    if not excused.application:  # a phone on a busy machine begins late: what the others' phones heard of it is due
        short_s = min(short_s, _said_to_others_s(scene) - held_s)
    held, began_s = spans(left, TONES_HZ[scene.recorded]), file_begins_s(manifest)
    told = told_away(manifest, Heard.SAYS, held)
    short_s -= length_s(told)
    found = interruptions(left, TONES_HZ[scene.recorded])
    if found and found[0][0] < FIRST_PACKETS_S and found[0][1] - found[0][0] < excused.starts_s:
        found = found[1:]
    found = without([(began_s + from_s, began_s + to_s) for from_s, to_s in found], told)
    widths_s = sorted((to_s - from_s for from_s, to_s in found), reverse=True)
    keys_s, rest_s = widths_s[: excused.presses], widths_s[excused.presses :]
    assert all(width_s <= KEYS_S + WIDEST_S for width_s in keys_s), widths_s
    gap_s = max(short_s, *rest_s, 0.0)
    assert gap_s <= WIDEST_S, (short_s, rest_s, manifest.recording)
    return gap_s


def _said_to_others_s(scene: Scene) -> float:
    """How much all others have heard of the recorded one: at least as much as was said, as long as no phone is mute."""
    others = [call for call in scene.calls if call.phone is not scene.stack.phone(scene.recorded)]
    if _mute(scene, [number for number in scene.people if scene.said.get(number)]):
        return math.inf
    return sum(_spoken_s(call.heard(), scene.recorded) for call in others)


def _gap_s(scene: Scene, manifest: Manifest, right: Sound, number: str) -> float:
    """How much less of this voice is in the file than the recorded one's phones heard, without a word in the entry. A phone that
    Asterisk gave nothing (docs/decisions/0017-the-deaf-leg.md) is no measure: then what the other has said is due."""
    heard_s = max(_heard_s(scene, number), scene.said.get(number, 0.0) - MET_S)
    return heard_s - _spoken_s(right, number) - told_s(manifest, Heard.HEARS, right, number)


def _heard_s(scene: Scene, number: str) -> float:
    return sum(_spoken_s(call.heard(), number) for call in scene.calls_of(scene.recorded))


def _mute(scene: Scene, voices: list[str]) -> str:
    """Beside the word, when the recorded one's phone did not get a voice."""
    is_mute = any(_heard_s(scene, number) < scene.said.get(number, 0.0) - MET_S for number in voices)
    return ", phone mute" if is_mute else ""


def _spoken_s(sound: Sound, number: str) -> float:
    """How long this one's tone is heard; prompts have all pitches for a moment."""
    return sum(to_s - from_s for from_s, to_s in spans(sound, TONES_HZ[number]) if to_s - from_s > CLICK_S)


def _assert_named(scene: Scene, manifest: Manifest, others: tuple[str, ...], stays_s: float) -> None:
    """Those who talked, and nobody else; the recorded one from the first to the last."""
    recording = manifest.recording
    assert {party.number for party in recording.parties} == {scene.recorded, *others}, recording.parties
    own = [party for party in recording.parties if party.number == scene.recorded]
    assert all(party.to_s is not None and party.from_s <= party.to_s for party in recording.parties)
    first_s, last_s = _span(own)
    assert first_s - recording.from_s <= NEAR_S, own
    # A busy machine closes the files late; what was written behind the end of the recording is not in the file (`assessment`).
    stored_to_s = min(recording.captures[-1].to_s or 0.0, recording.to_s or math.inf)
    assert stored_to_s - last_s <= max(NEAR_S, stays_s), (own, recording.to_s, recording.captures)


def _assert_in_time(manifest: Manifest, right: Sound, voices: list[str]) -> None:
    """Each is heard from when they came to when they left. Where Asterisk wrote nothing in a wait, what follows stands
    earlier."""
    recording = manifest.recording
    waited_s = sum((one.to_s or one.from_s) - one.from_s for one in recording.waiting)
    for number in voices:
        heard = [(from_s, to_s) for from_s, to_s in spans(right, TONES_HZ[number]) if to_s - from_s > CLICK_S]
        assert heard, f"{number} is not in the file"
        from_s, to_s = (at_s - recording.captures[0].from_s for at_s in _span(_of(recording.parties, number)))
        assert -NEAR_S - waited_s <= heard[0][0] - from_s <= MET_S, (number, heard, from_s)
        assert heard[-1][1] - to_s <= NEAR_S, (number, heard, to_s)


def _of(parties: tuple[Party, ...], number: str) -> list[Party]:
    return [party for party in parties if party.number == number]


def _span(parties: list[Party]) -> tuple[float, float]:
    return min(party.from_s for party in parties), max(party.to_s or party.from_s for party in parties)


def _assert_alone(scene: Scene, left: Sound, right: Sound, voices: list[str]) -> None:
    """Nobody is on the other side, and no stranger in the file."""
    for number in scene.people:
        if number != scene.recorded:
            assert seconds(left, number) < NEAR_S, f"{number} is on the left"
        if number not in voices:
            assert seconds(right, number) < NEAR_S, f"{number} is on the right"
