"""What is heard: each side of a recording, tones and their pauses. and which words.

A window of 20 ms every 10 ms tells an instant in a sound to about 15 ms; the same error at both ends falls out of a length.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from callrec.domain.lifecycle import Manifest, State
from callrec.lab.ears import (
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
from callrec.lab.ears import presence as presence_of
from callrec.lab.phones import DIGIT_S, PAUSE_S, PhoneCall
from callrec.lab.words import ENGLISH, PROMPTS, words

STARTED_HZ, STARTED_LAST_HZ, FAILED_HZ = 660, 880, 330
"""dialplan/sounds/synthesise.py: two rising notes, two falling ones, three low ones."""
NOTE_S = 0.06
"""Any of their notes lasts longer, a click of a late packet does not."""
TOLERANCE_S = 0.060
HEARD = 0.99
KEYS_S = 2 * (DIGIT_S + PAUSE_S) + 0.16
"""At most so long a phone's tone is away while it presses `*3`: the keys, and what the phone needs before them."""
EDGE_S = 0.05
ANSWER_S = 0.20
"""So soon after its answer a phone speaks."""
RESTART_S = PAUSE_S + 0.06
"""So soon after the last key the tone of the presser is back."""


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

    def assert_sides(self, left_hz: int, right_hz: int, *, keys_at: str = "", first_s: float = EDGE_S) -> None:
        """Each tone is on its own side, from start to end, and nowhere else.

        `keys_at` names sides and ends where keys were pressed, which pause the presser's own tone: `left-start`, `right-end`, ...
        `first_s`: so late a tone may begin otherwise, since a phone needs a moment after its answer.
        """
        assert self.manifest.state is State.SOUND
        assert self.left.length_s == self.right.length_s
        for side, sound, own_hz, other_hz in (
            ("left", self.left, left_hz, right_hz),
            ("right", self.right, right_hz, left_hz),
        ):
            first, last = heard_s(sound, own_hz) or (0.0, 0.0)
            assert first <= (RESTART_S if f"{side}-start" in keys_at else first_s), (side, first)
            assert last >= sound.length_s - (KEYS_S if f"{side}-end" in keys_at else EDGE_S), (side, last)
            assert presence(sound.between(first, last), own_hz) >= HEARD, side
            assert presence(sound, other_hz) <= 1 - HEARD, side

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
    """Whether a confirmation of two notes was heard, in this order, each for at least half of its length."""
    places = [heard_notes(heard, hz) for hz in (first_hz, last_hz)]
    return any(0 < late - early < 0.4 for early in places[0] for late in places[1])


def heard_notes(heard: Sound, hz: int, *, shortest_s: float = 0.08) -> list[float]:
    """The beginnings of all notes of this pitch."""
    where = np.flatnonzero(_amplitude(_windows(heard), heard.rate, hz) >= HEARD_AMPLITUDE)
    runs = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1) if len(where) else []
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


def told(heard: Sound, *names: str) -> bool:
    """Whether all these words were heard, in English, and no other ones."""
    found = {name for _, name in words(heard, ENGLISH)}
    assert found == set(names), found
    return True
