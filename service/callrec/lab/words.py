"""Which prompts are heard, also when packets of them came late or not at all."""

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from callrec.lab.asterisk import dialplan_folder
from callrec.lab.ears import Samples, Sound, load

SOUNDS = dialplan_folder() / "sounds"
SAME, OTHER = 0.6, 0.5
"""`likeness` of what was said, and of what was not. "On" and "off" begin alike, 0.8 like each other: `words` tells which."""
NOTCH_HZ = 60
PIECE_S = 0.3
SLIP_S = 0.1
"""A machine that stops for an instant costs a packet or two, and what follows is shifted by it: so much in all, either way."""
HINT = 0.25
"""Less than this is like nothing anywhere, and its pieces need not be looked at."""
QUIET = 0.5
"""Words are heard about as loud as they are shipped: what is much quieter lacks some of them."""

Prompt = tuple[str, str]
"""(language, file name without its ending)."""
PROMPTS: list[Prompt] = [
    (language.name, file.stem)
    for language in sorted(SOUNDS.iterdir())
    if language.is_dir()
    for file in sorted(language.glob("callrec/call-*.wav"))
]
"""Everything that is said of call recording."""
SERVICES: list[Prompt] = sorted(
    ("en", file.stem) for file in (SOUNDS / "en/callrec").iterdir() if not file.stem.startswith(("call-", "recording-"))
)
"""What is said of the other services."""
ENGLISH = [*SERVICES, *(one for one in PROMPTS if one[0] == "en")]


class Match(NamedTuple):
    """How well words fit, 0 to 1, and where they fit best."""

    likeness: float
    from_s: float


@functools.cache
def prompt(language: str, name: str) -> Sound:
    """A prompt as it is shipped."""
    return load(SOUNDS / language / "callrec" / f"{name}.wav")[0]


def likeness(heard: Sound, spoken: Sound, *, beside_hz: Sequence[int] = ()) -> float:
    """How well the sound contains these words anywhere: normalised correlation, 1.0 is perfect, other words stay below 0.5.

    `beside_hz`: tones that were heard at the same time, and are taken out of both.
    """
    return _match(*(_without(sound, beside_hz) for sound in (heard, spoken))).likeness


def words(heard: Sound, prompts: Iterable[Prompt]) -> list[Prompt]:
    """The prompts that were heard, the clearest one first: each is taken out of the sound before the next is sought."""
    left = Sound(heard.samples.copy(), heard.rate)
    found: list[Prompt] = []
    spoken = {one: prompt(*one) for one in prompts}
    while len(found) < len(spoken):
        match, best = max((_match(left, sound), one) for one, sound in spoken.items() if one not in found)
        if match.likeness < SAME:
            break
        found.append(best)
        first = max(0, round(match.from_s * left.rate))
        left.samples[first : first + round(spoken[best].length_s * left.rate)] = 0
    return found


def _match(heard: Sound, spoken: Sound) -> Match:
    """Where the words fit best as a whole; there, each piece of them may have slipped a little."""
    rate, slip = spoken.rate, round(SLIP_S * spoken.rate)
    short, margin = spoken.samples, len(spoken.samples) // 2 + slip
    long = np.pad(heard.samples[:: heard.rate // rate], margin)  # the words may begin before it, or end after it
    energy = np.concatenate([[0.0], np.cumsum(long**2)])
    wanted = float(np.sum(short**2))
    last = len(long) - len(short) - slip
    if last <= slip or not wanted:
        return Match(0.0, 0.0)
    loudness = np.maximum(energy[len(short) :] - energy[: -len(short)], QUIET * wanted)
    fits = _products(long, short) / np.sqrt(loudness * wanted)
    place = slip + int(np.argmax(fits[slip : last + 1]))
    best = float(fits[place])
    if best >= HINT:
        product, beside = 0.0, 0.0
        for first in range(0, len(short), round(PIECE_S * rate)):
            piece = short[first : first + round(PIECE_S * rate)]
            from_ = place + first - slip
            products = np.correlate(long[from_ : from_ + 2 * slip + len(piece)], piece, "valid")
            at = int(np.argmax(products))
            product += float(products[at])
            beside += float(energy[from_ + at + len(piece)] - energy[from_ + at])
        best = min(1.0, max(best, product / float(np.sqrt(max(beside, loudness[place]) * wanted))))
    return Match(best, (place - margin) / rate)


def _products(long: Samples, short: Samples) -> Samples:
    """The correlation at each place where all of the short one fits."""
    size = 1 << (len(long) - 1).bit_length()
    spectrum = np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size))
    return np.fft.irfft(spectrum, size)[: len(long) - len(short) + 1]


def _without(sound: Sound, tones_hz: Sequence[int]) -> Sound:
    if not tones_hz:
        return sound
    spectrum = np.fft.rfft(sound.samples)
    pitch = np.fft.rfftfreq(len(sound.samples), 1 / sound.rate)
    for hz in tones_hz:
        spectrum[np.abs(pitch - hz) < NOTCH_HZ] = 0
    return Sound(np.fft.irfft(spectrum, len(sound.samples)), sound.rate)
