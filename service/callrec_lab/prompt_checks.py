"""Finds the prompts in a sound, even when some of their packets came late or were lost."""

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from callrec_lab.asterisk import dialplan_folder
from callrec_lab.audio_checks import Samples, Sound, load

SOUNDS = dialplan_folder() / "sounds"
SAME, OTHER = 0.6, 0.5
"""`likeness` from SAME on: the prompt was played; below OTHER: it was not. Prompts for "on" and "off" begin alike (0.8), and
`words` tells which one it was."""
NOTCH_HZ = 60
PIECE_S = 0.3
SLIP_S = 0.1
"""The greatest shift of a prompt's parts, either way: a machine that stops for an instant loses a packet or two."""
BLOCK = 1 << 17
"""Samples that are searched at once."""
HINT = 0.25
"""With a lower likeness of the whole the pieces are not compared."""
QUIET = 0.5
"""The least loudness relative to the prompt's file: a match that is much quieter lacks some of its words."""

Prompt = tuple[str, str]
"""(language, file name without its ending)."""
PROMPTS: list[Prompt] = [
    (language.name, file.stem)
    for language in sorted(SOUNDS.iterdir())
    if language.is_dir()
    for file in sorted(language.glob("callrec/call-*.wav"))
]
"""The prompts about call recording."""
SERVICES: list[Prompt] = sorted(
    ("en", file.stem) for file in (SOUNDS / "en/callrec").iterdir() if not file.stem.startswith(("call-", "recording-"))
)
"""The prompts about other services."""
ENGLISH = [*SERVICES, *(one for one in PROMPTS if one[0] == "en")]


class Match(NamedTuple):
    """How well a prompt fits, 0 to 1, and where it fits best."""

    likeness: float
    from_s: float


@functools.cache
def prompt(language: str, name: str) -> Sound:
    """The prompt in its file."""
    return load(SOUNDS / language / "callrec" / f"{name}.wav")[0]


@functools.lru_cache(maxsize=2 * len(PROMPTS))
def _spectrum(short: Sound, size: int) -> NDArray[np.complex64]:
    found: NDArray[np.complex64] = np.conj(np.fft.rfft(short.samples.astype(np.float32), size))
    return found


class Listened:
    """A sound prepared for the search of prompts: with silence before and after it, its energy, and the spectra of its blocks.

    The blocks overlap by the longest prompt, so that each place is whole in one of them, and they all have one size, so that the
    spectrum of a prompt is computed once.
    """

    def __init__(self, samples: Samples, rate: int, longest: int) -> None:
        self.rate = rate
        self.margin = longest // 2 + round(SLIP_S * rate)
        self.samples = np.pad(samples, self.margin)  # a prompt may begin before the sound, or end after it
        self.energy = np.concatenate([[0.0], np.cumsum(self.samples**2)])
        self.size = max(BLOCK, 1 << longest.bit_length())
        self._places = self.size - longest + 1
        count = -(-(len(self.samples) - self.margin) // self._places)  # at most half of a prompt is after the sound
        padded = np.zeros((count - 1) * self._places + self.size, np.float32)
        padded[: len(self.samples)] = self.samples[: len(padded)]
        blocks = np.lib.stride_tricks.sliding_window_view(padded, self.size)[:: self._places]
        self.spectra = np.fft.rfft(blocks, axis=1)

    def products(self, short: Sound) -> Samples:
        """The correlation with a prompt at each place where it may begin."""
        found = np.fft.irfft(self.spectra * _spectrum(short, self.size), self.size, axis=1)
        products: Samples = found[:, : self._places].reshape(-1).astype(np.float64)
        return products


def likeness(heard: Sound, spoken: Sound, *, beside_hz: Sequence[int] = ()) -> float:
    """How well the sound contains this prompt anywhere: normalised correlation, 1.0 is perfect; other prompts stay below 0.5.

    `beside_hz`: tones that were heard at the same time; they are removed from both.
    """
    heard, spoken = _without(heard, tuple(beside_hz)), _without(spoken, tuple(beside_hz))
    samples = heard.samples[:: heard.rate // spoken.rate]
    return _match(Listened(samples, spoken.rate, len(spoken.samples)), spoken).likeness


def words(heard: Sound, prompts: Iterable[Prompt]) -> list[Prompt]:
    """The prompts in the sound, the clearest one first: each is removed from the sound before the next is searched."""
    spoken = {one: prompt(*one) for one in prompts}
    (rate,) = {sound.rate for sound in spoken.values()}
    left = heard.samples[:: heard.rate // rate].copy()
    longest = max(len(sound.samples) for sound in spoken.values())
    found: list[Prompt] = []
    while len(found) < len(spoken):
        listened = Listened(left, rate, longest)
        match, best = max((_match(listened, sound), one) for one, sound in spoken.items() if one not in found)
        if match.likeness < SAME:
            break
        found.append(best)
        first = max(0, round(match.from_s * rate))
        left[first : first + len(spoken[best].samples)] = 0
    return found


def _match(heard: Listened, spoken: Sound) -> Match:
    """Where the prompt fits best as a whole; there each piece of it may be shifted a little."""
    rate, short = heard.rate, spoken.samples
    slip = round(SLIP_S * rate)
    long, energy, wanted = heard.samples, heard.energy, float(np.sum(short**2))
    spare = heard.margin - len(short) // 2 - slip  # at most half of the prompt is before the sound, or after it
    first, last = spare + slip, len(long) - spare - len(short) - slip
    if last <= first or not wanted:
        return Match(0.0, 0.0)
    loudness = energy[len(short) :] - energy[: -len(short)]
    if float(loudness[first : last + 1].max()) < HINT**2 * QUIET * wanted:
        return Match(0.0, 0.0)  # too quiet everywhere: no correlation could be above HINT (Cauchy and Schwarz)
    loudness = np.maximum(loudness, QUIET * wanted)
    fits = heard.products(spoken)[first : last + 1] / np.sqrt(loudness[first : last + 1] * wanted)
    place = int(np.argmax(fits))
    best, place = float(fits[place]), first + place
    if best >= HINT:
        product, beside = 0.0, 0.0
        for start in range(0, len(short), round(PIECE_S * rate)):
            piece = short[start : start + round(PIECE_S * rate)]
            from_ = place + start - slip
            products = np.correlate(long[from_ : from_ + 2 * slip + len(piece)], piece, "valid")
            at = int(np.argmax(products))
            product += float(products[at])
            beside += float(energy[from_ + at + len(piece)] - energy[from_ + at])
        best = min(1.0, max(best, product / float(np.sqrt(max(beside, loudness[place]) * wanted))))
    return Match(best, (place - heard.margin) / rate)


@functools.lru_cache(maxsize=16)
def _without(sound: Sound, tones_hz: tuple[int, ...]) -> Sound:
    if not tones_hz:
        return sound
    spectrum = np.fft.rfft(sound.samples)
    pitch = np.fft.rfftfreq(len(sound.samples), 1 / sound.rate)
    for hz in tones_hz:
        spectrum[np.abs(pitch - hz) < NOTCH_HZ] = 0
    return Sound(np.fft.irfft(spectrum, len(sound.samples)), sound.rate)
