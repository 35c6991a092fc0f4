"""The languages of the pages: which one is chosen, and that no sentence lacks its translation."""

import page_words
import pytest

from callrec.domain.directory.model import PAGE_LANGUAGES
from callrec.web.pages.languages import LANGUAGES, catalogue, compiled, preferred_language, translations


def test_an_account_can_have_each_language_of_the_pages() -> None:
    assert set(PAGE_LANGUAGES) == set(LANGUAGES)


AREAS = page_words.areas()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.4, es;q=0.9", "es"),
        ("ja, fr;q=0.1", "fr"),
        ("fr;q=0, en", "en"),
        ("fr;q=none, de", "de"),
        ("*", "en"),
        ("x" * 10_000 + ",fr", "en"),
    ],
)
def test_the_language_is_the_one_that_the_browser_likes_best(header: str, language: str) -> None:
    assert preferred_language(header) == language


@pytest.mark.parametrize("language", page_words.OTHERS)
@pytest.mark.parametrize("area", sorted(AREAS))
def test_every_sentence_is_translated_and_no_catalogue_has_others(language: str, area: str) -> None:
    """`make words` brings them up to date."""
    file = page_words.file_of(language, area)
    if not AREAS[area]:
        assert not file.exists()
        return
    assert file.read_text("utf-8") == page_words.renewed(language, area, AREAS[area])
    assert [] == [one.id for one in page_words.lacking(language, area)]


@pytest.mark.parametrize("language", page_words.OTHERS)
def test_there_is_no_catalogue_of_an_area_that_is_gone(language: str) -> None:
    assert {file.stem for file in page_words.file_of(language, "x").parent.glob("*.po")} <= set(AREAS)


def test_a_sentence_is_found_in_its_language() -> None:
    assert {language: translations(language).gettext("Log in") for language in LANGUAGES} == {
        "en": "Log in", "fr": "Se connecter", "de": "Anmelden", "es": "Iniciar sesión",
    }  # fmt: skip


def test_an_unfinished_translation_is_noticed() -> None:
    catalogue = page_words.Catalog("de")
    for said, translated in (("Done", "Fertig"), ("Open", ""), ("%(n)s left", "%(m)s übrig"), ("%(n)s more", "mehr")):
        catalogue.add(said, translated)
    catalogue.add("Sure", "Sicher?", flags=["fuzzy"])
    assert [one.id for one in catalogue if one.id and not page_words._is_done(one)] == [
        "Open",
        "%(n)s left",
        "%(n)s more",
        "Sure",
    ]


@pytest.mark.parametrize("language", page_words.OTHERS)
def test_each_number_has_the_form_that_its_language_has_for_it(language: str) -> None:
    """Nothing, one and many; the catalogue of each area says the same of a number."""
    one, many = "%(num)s recording", "%(num)s recordings"
    strings = catalogue(page_words.file_of(language, "recordings"), language)[one].string
    for number in (0, 1, 2, 9, 1_000_000):
        form = compiled(catalogue(page_words.file_of(language, "recordings"), language)).plural(number)
        assert translations(language).ngettext(one, many, number) == strings[form], number


def test_french_counts_nothing_as_one_and_speaks_of_millions_with_a_preposition() -> None:
    say = translations("fr").ngettext
    said = [say("%(num)s recording", "%(num)s recordings", number) % {"num": number} for number in (0, 1, 9, 1_000_000)]
    assert said == ["0 enregistrement", "1 enregistrement", "9 enregistrements", "1000000 d'enregistrements"]


@pytest.mark.parametrize("language", page_words.OTHERS)
def test_a_sentence_has_the_same_translation_on_every_page(language: str) -> None:
    """The catalogues become one: of two translations one would stand in the other's place, as a phone's key for a signature's."""
    found: dict[str, set[str]] = {}
    for area in AREAS:
        for one in catalogue(page_words.file_of(language, area), language) if AREAS[area] else ():
            if one.id:
                found.setdefault(str(one.id if isinstance(one.id, str) else one.id[0]), set()).add(str(one.string))
    assert {said: strings for said, strings in found.items() if len(strings) > 1} == {}
