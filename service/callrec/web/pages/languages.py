"""The languages of the pages: which one a browser asks for, and the sentences in it.

The sentences stand in English in the templates and modules. Their translations are in `web/locales/<language>/<area>.po`, where
an area is a folder of templates and the module of the same name; they are read from there when a language is first asked for.
"""

from functools import cache
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALES = Path(__file__).parent.parent / "locales"
ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "fr": "Français", "de": "Deutsch", "es": "Español"}
"""By code, the name that a language has in itself."""
MOST_HEADER = 200


def N_(sentence: str) -> str:  # noqa: N802 - the name that the extraction of sentences knows
    """Marks a sentence that is translated where it is shown."""
    return sentence


def preferred_language(accept_language: str) -> str:
    """The language of the pages for this header Accept-Language (RFC 9110)."""
    wanted: list[tuple[float, str]] = []
    for part in accept_language[:MOST_HEADER].split(","):
        tag, _, quality = part.strip().partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality else 1.0
        except ValueError:
            continue
        wanted.append((-weight, tag.strip().lower().partition("-")[0]))
    wanted.sort(key=lambda one: one[0])
    return next((code for weight, code in wanted if code in LANGUAGES and weight < 0), ENGLISH)


@cache
def locale_of(language: str) -> Locale:
    """For dates and numbers."""
    return Locale.parse("en_GB" if language == ENGLISH else language)


@cache
def translations(language: str) -> Translations:
    """The sentences in this language; a sentence that its catalogues lack stays English."""
    whole = Translations()
    for file in sorted((LOCALES / language).glob("*.po")):
        made = compiled(catalogue(file, language))
        whole.merge(made)
        whole.plural = made.plural  # merging leaves it as it is, and a language has its own forms
    return whole


def catalogue(file: Path, language: str) -> Catalog:
    """A catalogue as it stands in its file."""
    with file.open("rb") as text:
        return read_po(text, locale=language)


def compiled(content: Catalog) -> Translations:
    """The translations of a catalogue."""
    made = BytesIO()
    write_mo(made, content)
    made.seek(0)
    return Translations(made)
