"""What may stand where."""

import pytest
from corpus import HOSTILE

from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf import words


def test_a_value_that_fits_is_given_back() -> None:
    assert words.fits(words.NAME, "1000", "line name") == "1000"


def test_a_refusal_does_not_repeat_a_secret() -> None:
    with pytest.raises(Refused) as caught:
        words.fits(words.SECRET, "hush hush", "secret", secret=True)
    assert "hush" not in str(caught.value)
    with pytest.raises(Refused, match="hush"):
        words.fits(words.SECRET, "hush hush", "word")


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("pattern", [words.NAME, words.NUMBER, words.LANGUAGE, words.PASSWORD])
def test_no_hostile_word_is_a_name_or_a_number(pattern: object, said: str) -> None:
    assert pattern.fullmatch(said) is None  # type: ignore[attr-defined]


def test_sections_and_comments() -> None:
    assert words.section("a", "b = c", template="!") == "[a](!)\nb = c\n\n"
    assert words.section("a") == "[a]\n\n"
    assert words.escaped("a;b\\;c") == "a\\;b\\\\;c"
