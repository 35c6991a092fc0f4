"""Each prompt is listed by what it says, in the words that are spoken."""

import ast
from pathlib import Path

import pytest

from callrec.domain.prompts import SPOKEN, TONES
from callrec.web.pages.languages import LANGUAGES, translations
from callrec.web.pages.system.prompt_words import PROMPTS

SCRIPT = Path(__file__).parents[4] / "dialplan/sounds/synthesise.py"


def spoken() -> dict[str, dict[str, str]]:
    """By language and prompt the sentence that was synthesised."""
    for node in ast.parse(SCRIPT.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SENTENCES":
            found: dict[str, dict[str, str]] = ast.literal_eval(node.value)
            return found
    raise AssertionError("the script has no sentences")


def test_each_prompt_and_each_tone_has_words() -> None:
    assert PROMPTS.keys() == {*SPOKEN, *TONES}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_prompt_is_listed_by_the_sentence_that_it_says(language: str) -> None:
    said = spoken()[language]
    assert {name: translations(language).gettext(PROMPTS[name]) for name in SPOKEN} == {
        name: said[name] for name in SPOKEN
    }
