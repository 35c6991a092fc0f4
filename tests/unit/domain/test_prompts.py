"""Which prompts may be replaced, for which languages, and in which order own ones are looked for."""

from collections.abc import Callable

import pytest

from callrec.domain.errors import Refused
from callrec.domain.prompts import LONGEST_S, PLAYED, SHORTEST_S, check_length, check_replaceable, folders
from callrec_lab.asterisk import dialplan_folder


def code_of(check: Callable[[], None]) -> str:
    """The code of the refusal; empty when it is accepted."""
    try:
        check()
    except Refused as refused:
        return refused.code
    return ""


@pytest.mark.parametrize(
    ("name", "language"),
    [("call-is-recorded", "fr"), ("dnd-on", "it"), ("call-is-recorded", "default"), ("recording-started", "default")],
)
def test_what_callrec_plays_may_be_replaced(name: str, language: str) -> None:
    assert code_of(lambda: check_replaceable(name, language)) == ""


@pytest.mark.parametrize(
    ("name", "language", "code"),
    [
        ("recording-silence-1s", "default", "prompt-name"),
        ("../etc/passwd", "en", "prompt-name"),
        ("", "en", "prompt-name"),
        ("call-is-recorded", "", "prompt-language"),
        ("call-is-recorded", "fr_FR", "prompt-language"),
        ("call-is-recorded", "..", "prompt-language"),
        ("recording-started", "fr", "prompt-language"),
    ],
)
def test_nothing_else_may(name: str, language: str, code: str) -> None:
    """No text of a request becomes a path: a name is one of the list, a language two letters."""
    assert code_of(lambda: check_replaceable(name, language)) == code


@pytest.mark.parametrize("length_s", [0.0, SHORTEST_S - 0.01, LONGEST_S + 0.01])
def test_a_length_that_no_prompt_has_is_refused(length_s: float) -> None:
    with pytest.raises(Refused, match=r"a prompt lasts 0\.1 to 30 seconds"):
        check_length(length_s)


@pytest.mark.parametrize("length_s", [SHORTEST_S, LONGEST_S])
def test_the_shortest_and_the_longest_prompt(length_s: float) -> None:
    assert code_of(lambda: check_length(length_s)) == ""


@pytest.mark.parametrize(
    ("language", "looked_for"), [("", ("default",)), ("fr", ("fr",)), ("fr_CA", ("fr",)), ("it", ("it", "default"))]
)
def test_where_own_prompts_are_looked_for(language: str, looked_for: tuple[str, ...]) -> None:
    """In a language that callrec speaks its own words come before those for everybody else."""
    assert folders(language) == looked_for


@pytest.mark.parametrize("language", ["de", "en", "es", "fr"])
def test_all_that_is_played_is_in_the_folder_of_each_language(language: str) -> None:
    there = {file.stem for file in (dialplan_folder() / "sounds" / language / "callrec").glob("*.wav")}
    assert there == set(PLAYED)
