"""What may stand where."""

import pytest
from corpus import HOSTILE

from callrec.domain.errors import Refused
from callrec.protocols.asterisk_conf import lexical


def test_a_value_that_fits_is_given_back() -> None:
    assert lexical.fits(lexical.NAME, "1000", "line name") == "1000"


def test_a_refusal_does_not_repeat_a_secret() -> None:
    with pytest.raises(Refused) as caught:
        lexical.fits(lexical.SECRET, "hush hush", "secret", secret=True)
    assert "hush" not in str(caught.value)
    with pytest.raises(Refused, match="hush"):
        lexical.fits(lexical.SECRET, "hush hush", "word")


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("pattern", [lexical.NAME, lexical.NUMBER, lexical.LANGUAGE, lexical.PASSWORD])
def test_no_hostile_word_is_a_name_or_a_number(pattern: object, said: str) -> None:
    assert pattern.fullmatch(said) is None  # type: ignore[attr-defined]


def test_sections_and_comments() -> None:
    assert lexical.section("a", "b = c", template="!") == "[a](!)\nb = c\n\n"
    assert lexical.section("a") == "[a]\n\n"
    assert lexical.escaped("a;b\\;c") == "a\\;b\\\\;c"


@pytest.mark.parametrize(
    ("name", "quoted", "plain", "listed"),
    [
        ("Zoë O'Brien", "Zoë O'Brien", "Zoë O'Brien", "Zoë O'Brien"),
        ('Jo "JJ" Doe', 'Jo \\"JJ\\" Doe', "Jo JJ Doe", "Jo JJ Doe"),
        ("Doe, Jr.; \\", "Doe, Jr.\\; \\\\", "Doe, Jr.\\;", "Doe Jr.\\;"),
        ("\\;", "\\\\\\;", "\\;", "\\;"),
        ("${A} <1>\t\ud800\u2028x", "A 1 x", "A 1 x", "A 1 x"),
        ("$", "", "", ""),
        ("é" * 40, "é" * 39, "é" * 39, "é" * 39),
        ('"' * 80, '\\"' * 79, "", ""),
    ],
)
def test_of_a_name_is_written_what_asterisk_reads_back(name: str, quoted: str, plain: str, listed: str) -> None:
    assert (lexical.quoted(name), lexical.plain(name), lexical.listed(name)) == (quoted, plain, listed)


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_name_ends_nothing(said: str) -> None:
    bare = lexical.quoted(said).replace("\\\\", "").replace('\\"', "").replace("\\;", "")
    for written in (bare, lexical.plain(said).replace("\\;", ""), lexical.listed(said).replace("\\;", "")):
        assert written.isprintable() or "\u202e" in written
        assert not set(written) & set(';"\\<>${}')
    assert "," not in lexical.listed(said)
