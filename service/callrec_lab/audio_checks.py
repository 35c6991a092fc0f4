"""Measures recordings: which tone is heard when, and where there is silence.

A sound is mono, with float samples in [-1, 1]. It is measured in windows of 20 ms, every 10 ms, so a boundary is known to about
15 ms. The thresholds allow for the changes that mu-law, A-law and G.722 make to a tone.
"""

import wave
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.020
STEP_S = 0.010
HEARD_AMPLITUDE = 0.02
"""A tone counts as heard above -34 dB of full scale; a Playtones tone is at about -13 dB, its leakage far below."""
QUIET_RMS = 0.003
"""Below -50 dB it is silence: comfort noise and coding noise of a silent leg stay under it."""
_PURE = 0.6  # of a window's energy near one frequency: it is a tone, not speech
_SAME_HZ = 20.0
_SHORTEST_S = 0.04

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Mono samples in [-1, 1] at `rate` Hz."""

    samples: Samples
    rate: int

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / self.rate

    def between(self, from_s: float, to_s: float) -> "Sound":
        """The part from one instant to another."""
        return Sound(self.samples[round(from_s * self.rate) : round(to_s * self.rate)], self.rate)


NOTHING = Sound(np.zeros(0), 16000)


class Tone(NamedTuple):
    """One tone, heard without interruption."""

    from_s: float
    to_s: float
    hz: float


def load(path: Path) -> list[Sound]:
    """The channels of a .wav (16 bit), or the one of a headerless .sln (8 kHz) or .sln16 (16 kHz), s16le."""
    if path.suffix != ".wav":
        rates = {".sln": 8000, ".sln16": 16000}
        return [Sound(_scaled(path.read_bytes()), rates[path.suffix])]
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:  # noqa: PLR2004 - bytes of a 16-bit sample
            raise ValueError(f"{path.name} does not hold 16-bit samples")
        samples = _scaled(file.readframes(file.getnframes()))
        channels, rate = file.getnchannels(), file.getframerate()
    return [Sound(samples[channel::channels], rate) for channel in range(channels)]


def presence(sound: Sound, hz: float) -> float:
    """The fraction of the sound in which this tone is heard, also beside others: 0.0 to 1.0; 0.0 for no sound."""
    windows = _windows(sound)
    if not len(windows):
        return 0.0
    return float(np.mean(_amplitude(windows, sound.rate, hz) >= HEARD_AMPLITUDE))


def longest_s(sound: Sound, hz: float) -> float:
    """The longest time for which this tone is heard without interruption. A late packet is a click that contains every pitch, for
    some 50 ms."""
    windows = _windows(sound)
    if not len(windows):
        return 0.0
    heard = _amplitude(windows, sound.rate, hz) >= HEARD_AMPLITUDE
    quiet = np.flatnonzero(~np.concatenate([[False], heard, [False]]))
    run = int(np.max(np.diff(quiet))) - 1
    return run * STEP_S + (WINDOW_S - STEP_S if run else 0.0)


def spans(sound: Sound, hz: float) -> list[tuple[float, float]]:
    """From when to when this tone is heard, each time, whatever else is."""
    where = np.flatnonzero(_amplitude(_windows(sound), sound.rate, hz) >= HEARD_AMPLITUDE)
    runs = np.split(where, np.flatnonzero(np.diff(where) > 1) + 1) if len(where) else []
    return [(float(run[0] * STEP_S + WINDOW_S / 2), float(run[-1] * STEP_S + WINDOW_S / 2)) for run in runs]


def interruptions(sound: Sound, hz: float) -> list[tuple[float, float]]:
    """From when to when this tone is not heard, between the first and the last moment at which it is."""
    heard = spans(sound, hz)
    return [(before[1], after[0]) for before, after in pairwise(heard)]


def silence(sound: Sound) -> float:
    """The fraction of the sound that is silent: 0.0 to 1.0; 1.0 for no sound."""
    windows = _windows(sound)
    if not len(windows):
        return 1.0
    return float(np.mean(np.sqrt(np.mean(windows**2, axis=1)) < QUIET_RMS))


def tones(sound: Sound) -> list[Tone]:
    """The tones one after another, the strongest of each window; without speech, noise, and tones shorter than 40 ms."""
    found: list[Tone] = []
    for number, hz in enumerate(_pitches(sound)):
        from_s = number * STEP_S
        last = found[-1] if found else None
        if hz <= 0:
            continue
        if last and from_s - last.to_s <= STEP_S and abs(last.hz - hz) <= _SAME_HZ:
            found[-1] = last._replace(to_s=from_s + WINDOW_S)
        else:
            found.append(Tone(from_s, from_s + WINDOW_S, hz))
    return [tone for tone in found if tone.to_s - tone.from_s >= _SHORTEST_S]


def heard_s(sound: Sound, hz: float) -> tuple[float, float] | None:
    """From when to when this tone is heard, first to last window; None when never."""
    where = np.flatnonzero(_amplitude(_windows(sound), sound.rate, hz) >= HEARD_AMPLITUDE)
    if not len(where):
        return None
    return float(where[0] * STEP_S), float(where[-1] * STEP_S + WINDOW_S)


def _scaled(data: bytes) -> Samples:
    whole = data[: len(data) // 2 * 2]
    return np.frombuffer(whole, dtype="<i2").astype(np.float64) / 32768.0


def _windows(sound: Sound) -> Samples:
    """The windows as rows, without the incomplete one at the end."""
    size, step = round(WINDOW_S * sound.rate), round(STEP_S * sound.rate)
    if len(sound.samples) < size:
        return np.empty((0, size))
    return np.lib.stride_tricks.sliding_window_view(sound.samples, size)[::step]


def _amplitude(windows: Samples, rate: int, hz: float) -> Samples:
    """The amplitude of one frequency in each window."""
    size = windows.shape[1]
    taper = np.hanning(size)
    wave_ = taper * np.exp(-2j * np.pi * hz * np.arange(size) / rate)
    amplitude: Samples = np.abs(windows @ wave_) * 2 / taper.sum()
    return amplitude


def _pitches(sound: Sound) -> list[float]:
    """The pitch of each window in Hz, 0 for a window without a clear one."""
    windows = _windows(sound)
    if not len(windows):
        return []
    length = 8 * windows.shape[1]
    bin_hz = sound.rate / length
    power = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]), n=length)) ** 2
    peaks = np.argmax(power, axis=1)
    reach = round(2 / WINDOW_S / bin_hz)  # the main lobe of a Hann window
    loud = np.sqrt(np.mean(windows**2, axis=1)) >= QUIET_RMS
    pitches = []
    for row, peak, is_loud in zip(power, peaks, loud, strict=True):
        near = row[max(0, peak - reach) : peak + reach + 1].sum()
        pitches.append(float(peak * bin_hz) if is_loud and near >= _PURE * row.sum() else 0.0)
    return pitches
