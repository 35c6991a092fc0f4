"""What hears prompts in real calls: it knows each, damaged as a busy machine damages it, and hears no other one."""

import numpy as np
import pytest

from callrec_lab.audio_checks import Sound
from callrec_lab.prompt_checks import ENGLISH, PROMPTS, SAME, SERVICES, Prompt, likeness, prompt, words

PACKET_S = 0.02
SILENCE_S = 0.5
GROUPS = pytest.mark.parametrize("prompts", [PROMPTS, SERVICES], ids=["recording", "services"])


def damaged(sound: Sound, seed: int, times: int) -> Sound:
    """A call with these words, in which packets were lost, or came so late that silence was heard instead."""
    random, samples = np.random.default_rng(seed), sound.samples
    for _ in range(times):
        at, length = random.integers(len(samples)), round(random.integers(1, 4) * PACKET_S * sound.rate)
        hole = np.zeros(length if random.random() < 0.5 else 0)
        samples = np.concatenate([samples[:at], hole, samples[at + (0 if len(hole) else length) :]])
    quiet = np.zeros(round(SILENCE_S * sound.rate))
    return Sound(np.concatenate([quiet, samples, quiet]), sound.rate)


@GROUPS
def test_each_prompt_is_known_and_no_other_one_is_heard(prompts: list[Prompt]) -> None:
    """Though up to 60 ms are lost or late in three places of it."""
    for seed, one in enumerate(prompts[::4]):
        assert words(damaged(prompt(*one), seed, times=3), prompts) == [one]


def test_words_one_after_the_other_are_all_heard() -> None:
    """Each once, in any order."""
    parts = [prompt("en", name).samples for name in ("dnd-on", "voicemail-off", "forward-busy-on", "call-recording-on")]
    sound = Sound(np.concatenate(parts), prompt("en", "dnd-on").rate)
    assert ["call-recording-on", "dnd-on", "forward-busy-on", "voicemail-off"] == sorted(
        name for _, name in words(sound, ENGLISH)
    )


def test_silence_noise_and_a_third_of_a_prompt_say_nothing() -> None:
    """What nobody said is not heard."""
    spoken = prompt("en", "call-recording-unavailable")
    noise = Sound(np.random.default_rng(0).normal(0, 0.1, 3 * spoken.rate), spoken.rate)
    third = Sound(spoken.samples[: len(spoken.samples) // 3], spoken.rate)
    for sound in (Sound(np.zeros(3 * spoken.rate), spoken.rate), noise, third):
        assert likeness(sound, spoken) < SAME
        assert [] == words(sound, PROMPTS)
