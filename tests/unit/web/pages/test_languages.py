"""The languages of the pages: which one is chosen, and that no sentence lacks its translation."""

import page_words
import pytest

from callrec.domain.directory.model import PAGE_LANGUAGES
from callrec.web.pages.languages import LANGUAGES, preferred_language, translations


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
