"""What the doctor concludes from what Asterisk plays."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from callrec.app.doctor.findings import Finding, Verdict
from callrec.app.doctor.sound_checks import LANGUAGES, PROMPTS, look_at_sounds
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable
from callrec.domain.prompts import OwnPrompt
from callrec_lab.asterisk import dialplan_folder


class Stage:
    """Plays everything, until a test says otherwise."""

    def __init__(self, *missing: str, language: str = "en") -> None:
        self.language = language
        self.gone = missing
        self.fault: CallrecError | None = None
        self.asked: list[str] = []

    async def tone(self, sound: str) -> None:
        """See ports.SoundStage."""
        assert sound == "callrec/recording-started"
        if self.fault:
            raise self.fault

    async def missing(self, sounds: Sequence[str]) -> list[str]:
        """See ports.SoundStage."""
        if self.fault:
            raise self.fault
        self.asked += sounds
        return [sound for sound in sounds if sound.startswith(self.gone or ("/",))]


async def look(stage: Stage, *languages: str) -> tuple[Finding, Finding]:
    tone, sounds = await look_at_sounds(stage, languages)
    return tone, sounds


def test_the_prompts_are_the_files_of_each_language() -> None:
    folder = dialplan_folder() / "sounds"
    assert {path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"} == LANGUAGES
    for language in LANGUAGES:
        assert sorted(PROMPTS) == sorted(Path(file).stem for file in (folder / language / "callrec").glob("*.wav"))


async def test_each_prompt_is_played_in_each_language_that_somebody_has() -> None:
    stage = Stage()
    tone, sounds = await look(stage, "fr_CA", "de_DE")
    assert (tone.verdict, sounds.verdict) == (Verdict.OK, Verdict.OK)
    assert sounds.says == "Asterisk plays all 43 prompts in de, en, fr"
    assert sorted(stage.asked) == sorted(f"{one}/callrec/{prompt}" for one in ("de", "en", "fr") for prompt in PROMPTS)


async def test_what_is_not_linked_or_of_an_older_version_is_named() -> None:
    _, sounds = await look(Stage("fr/", "en/callrec/dnd-"), "fr_FR")
    assert sounds.verdict is Verdict.WRONG
    assert "cannot play: en: dnd-on, dnd-off; fr: all of them" in sounds.says
    assert "sounds/fr/callrec <data>/sounds/fr/callrec" in sounds.write


async def test_a_language_that_callrec_does_not_speak_is_said() -> None:
    _, sounds = await look(Stage(language="it"), "fr_FR")
    assert (sounds.verdict, sounds.says) == (
        Verdict.OK,
        "Asterisk plays all 43 prompts in fr; callrec has no prompts in it",
    )


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [(Unavailable("ari-not-played", "failed"), Verdict.UNSEEN), (Misconfigured("x", "failed"), Verdict.WRONG)],
)
async def test_a_tone_that_is_not_played_is_wrong(fault: CallrecError, verdict: Verdict) -> None:
    stage = Stage()
    stage.fault = fault
    tone, sounds = await look(stage)
    assert (tone.verdict, sounds.verdict) == (Verdict.WRONG, verdict)
    assert "failed" in tone.says


OWN = [OwnPrompt("dnd-on", "fr", 1.0, "/p/fr/callrec/dnd-on"), OwnPrompt("dnd-on", "it", 1.0, "/p/it/callrec/dnd-on")]


async def test_own_prompts_are_played_too() -> None:
    stage = Stage("nothing")
    *_, own = await look_at_sounds(stage, ["fr"], OWN)
    assert (own.check, own.verdict, own.says) == ("own prompts", Verdict.OK, "Asterisk plays all 2")
    assert stage.asked[:2] == [one.path for one in OWN]


async def test_own_prompts_that_asterisk_cannot_read_are_named() -> None:
    *_, own = await look_at_sounds(Stage("/p/it/"), ["fr"], OWN)
    assert (own.verdict, own.says) == (Verdict.WRONG, "of 2 own prompts Asterisk cannot play: it/dnd-on")
    assert "CALLREC_PROMPTS_DIR" in own.write
