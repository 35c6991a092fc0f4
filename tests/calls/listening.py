"""What is heard: each side of a recording, tones and their pauses. and which words.

A window of 20 ms every 10 ms tells an instant in a sound to about 15 ms; the same error at both ends falls out of a length.
"""

import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from free_cpu import is_starved
from soundness import UNTOLD_S, assert_sound, missing_s

from callrec.domain.library.manifest import Format, Manifest
from callrec_lab.audio_checks import (
    HEARD_AMPLITUDE,
    NOTHING,
    STEP_S,
    WINDOW_S,
    Sound,
    _amplitude,
    _windows,
    heard_s,
    load,
    longest_s,
)
from callrec_lab.audio_checks import presence as presence_of
from callrec_lab.phones import DIGIT_S, PAUSE_S, PhoneCall
from callrec_lab.prompt_checks import ENGLISH, PROMPTS, words

STARTED_HZ, STARTED_LAST_HZ, FAILED_HZ = 660, 880, 330
"""dialplan/sounds/synthesise.py: two rising notes, two falling ones, three low ones."""
NOTE_S = 0.06
"""Any of their notes lasts longer, a click of a late packet does not."""
TOLERANCE_S = UNTOLD_S + 0.060
"""A start or an end may be late by what a recording need not tell; an instant in a sound is known to three packets."""
LATE_S = 0.045
"""A note is away for so long where a packet came late, or a leg goes on in its midst; the three low notes are 60 ms apart."""
PACKETS_S = 0.1
"""Five packets: so much may come late, or not at all."""
HEARD = 0.99
KEYS_S = 2 * (DIGIT_S + PAUSE_S) + 0.16
"""At most so long a phone's tone is away while it presses `*3`: the keys, and what the phone needs before them."""


class Pause(NamedTuple):
    """When a tone was away."""

    from_s: float
    to_s: float

    @property
    def length_s(self) -> float:
        """How long."""
        return self.to_s - self.from_s


def pauses(sound: Sound, hz: float, *, shortest_s: float = 0.2) -> list[Pause]:
    """When this tone was away between its first and its last moment, for at least so long."""
    where = np.flatnonzero(_amplitude(_windows(sound), sound.rate, hz) >= HEARD_AMPLITUDE)
    gaps = itertools.pairwise(where)
    found = [Pause(float(one * STEP_S + WINDOW_S), float(other * STEP_S)) for one, other in gaps]
    return [gap for gap in found if gap.length_s >= shortest_s]


def presence(sound: Sound, hz: float) -> float:
    """See ears; here nothing at all is no proof of anything."""
    assert sound.length_s > 0, "nothing to listen to"
    return presence_of(sound, hz)


def voice(sound: Sound, hz: float) -> Sound:
    """From the first to the last moment of this tone."""
    return sound.between(*(heard_s(sound, hz) or (0.0, 0.0)))


def late_s() -> float:
    """So much of a voice may be away: five packets, and on a starved machine what a recording need not tell."""
    return UNTOLD_S if is_starved() else PACKETS_S


def away_for_keys_s() -> float:
    """So long the tone of a phone that presses `*3` may be away for its partner."""
    return KEYS_S + late_s() - PACKETS_S


def assert_heard(sound: Sound, hz: float, *, missing_s: float = 0.0) -> None:
    """The tone is heard in all of it, but for a hundredth, a few packets, and what the entry says is missing."""
    silent_s = (1 - presence(sound, hz)) * sound.length_s
    assert silent_s <= late_s() + missing_s + (1 - HEARD) * sound.length_s, (hz, silent_s, missing_s, sound.length_s)


def assert_not_heard(sound: Sound, hz: float) -> None:
    """The tone is in none of it, but for a hundredth, and the clicks of a few packets, which are of every pitch."""
    foreign_s = presence(sound, hz) * sound.length_s
    assert foreign_s <= PACKETS_S + (1 - HEARD) * sound.length_s, (hz, foreign_s, sound.length_s)


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording as the library has it: the sidecar, and both channels when there is a file."""

    manifest: Manifest
    path: Path
    left: Sound = NOTHING
    right: Sound = NOTHING

    @property
    def id(self) -> str:
        """The recording's."""
        return self.manifest.recording.id

    @property
    def length_s(self) -> float:
        """How long it plays."""
        return self.left.length_s

    @property
    def numbers(self) -> list[str]:
        """The parties', in their order: the first one is on the left."""
        return [party.number for party in self.manifest.recording.parties]

    def assert_sides(self, left_hz: int, right_hz: int, *, keys_at: str = "") -> None:
        """Each tone is on its own side, from start to end, and nowhere else.

        `keys_at` names sides that end with keys, which pause the presser's own tone: `left-end`. A phone speaks at once after its
        answer and after its keys.
        """
        assert_sound(self.manifest)
        assert self.left.length_s == self.right.length_s
        for side, sound, own_hz, other_hz in (
            ("left", self.left, left_hz, right_hz),
            ("right", self.right, right_hz, left_hz),
        ):
            first, last = heard_s(sound, own_hz) or (0.0, 0.0)
            lacks_s = missing_s(self.manifest)
            assert first <= UNTOLD_S + PACKETS_S + lacks_s, (side, first)
            keys_s = KEYS_S if f"{side}-end" in keys_at else 0
            assert last >= sound.length_s - keys_s - late_s() - lacks_s, (side, last, sound.length_s)
            keys = [gap for gap in pauses(sound, own_hz) if keys_s and sound.length_s - gap.to_s <= UNTOLD_S]
            if keys and keys[-1].length_s <= keys_s:  # a busy daemon ends it when the phone speaks again
                last = keys[-1].from_s
            assert_heard(sound.between(first, last), own_hz, missing_s=lacks_s)
            assert_not_heard(sound, other_hz)

    def assert_holds(self, media_format: Format, left_hz: int, right_hz: int) -> None:
        """The file is of this format, decodes to what the sidecar says, and holds each tone on its side alone."""
        media = self.manifest.media
        assert media is not None
        assert media.format is media_format
        assert self.path.suffix == f".{media_format.value}"
        assert self.path.stat().st_size == media.bytes
        assert self.length_s == pytest.approx(media.length_s, abs=0.06)
        for sound, own_hz, other_hz in ((self.left, left_hz, right_hz), (self.right, right_hz, left_hz)):
            assert_heard(voice(sound, own_hz), own_hz)
            assert_not_heard(sound, other_hz)

    def assert_no_tones(self) -> None:
        """The confirmation is for people: the file does not hold it."""
        for sound in (self.left, self.right):
            assert max(longest_s(sound, hz) for hz in (STARTED_HZ, STARTED_LAST_HZ, FAILED_HZ)) < NOTE_S


def listen(sidecar: Path, manifest: Manifest) -> Stored:
    """What the library has under this sidecar."""
    if manifest.media is None:
        return Stored(manifest, sidecar)
    path = sidecar.parent / manifest.media.name
    left, right = load(path) if path.suffix == ".wav" else decoded(path)
    return Stored(manifest, path, left, right)


def decoded(path: Path) -> list[Sound]:
    """The channels of a compressed file."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
        return [Sound(samples[channel].astype(np.float64), stream.rate) for channel in range(2)]


def is_told(heard: Sound, first_hz: int, last_hz: int) -> bool:
    """Whether a confirmation of two notes was heard, in this order, each for two thirds of its length, or where programs wait for
    a core for half: a few packets in their midst may come late."""
    shortest_s = NOTE_S if is_starved() else 0.08
    places = [heard_notes(heard, hz, shortest_s=shortest_s, apart_s=PACKETS_S) for hz in (first_hz, last_hz)]
    return any(0 < late - early < 0.4 for early in places[0] for late in places[1])


def heard_notes(heard: Sound, hz: int, *, shortest_s: float = 0.08, apart_s: float = LATE_S) -> list[float]:
    """The beginnings of all notes of this pitch that were heard for so long, a packet that came late or not at all left out.
    What is further apart than `apart_s` is two notes."""
    where = np.flatnonzero(_amplitude(_windows(heard), heard.rate, hz) >= HEARD_AMPLITUDE)
    runs = np.split(where, np.flatnonzero(np.diff(where) * STEP_S > apart_s) + 1) if len(where) else []
    return [float(run[0] * STEP_S) for run in runs if len(run) * STEP_S >= shortest_s]


def hears_started(call: PhoneCall) -> bool:
    """Whether this phone heard that a recording started."""
    return is_told(call.heard(), STARTED_HZ, STARTED_LAST_HZ)


def hears_stopped(call: PhoneCall) -> bool:
    """Whether this phone heard that a recording stopped."""
    return is_told(call.heard(), STARTED_LAST_HZ, STARTED_HZ)


def hears_failed(call: PhoneCall) -> bool:
    """Whether this phone heard the three low notes."""
    return len(heard_notes(call.heard(), FAILED_HZ)) >= 3


def said(heard: Sound) -> tuple[str, str]:
    """(language, what) of the one prompt about call recording that was heard."""
    found = words(heard, PROMPTS)
    assert len(found) == 1, found
    language, name = found[0]
    return language, name.removeprefix("call-recording-")


async def tells(call: PhoneCall, *names: str) -> bool:
    """Whether the phone heard all these words, in English, and no other ones; other calls go on while we listen."""
    return await asyncio.to_thread(told, call.heard(), *names)


def told(heard: Sound, *names: str) -> bool:
    """Whether all these words were heard, in English, and no other ones."""
    found = {name for _, name in words(heard, ENGLISH)}
    assert found == set(names), found
    return True
