"""`make words`: finds the sentences of the pages, and brings each language's catalogues up to date.

An area is a folder of templates and the module or package of pages of the same name; sentences of all other modules belong to
`layout`. Each area has a catalogue in each language, so that work on two pages does not meet in one file. A new sentence comes
without a translation: the file's next reader adds it. A sentence that is gone, goes.
"""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract, extract_python
from babel.messages.pofile import write_po
from jinja2.ext import babel_extract

from callrec.web.pages.languages import ENGLISH, LANGUAGES, LOCALES, catalogue
from callrec.web.pages.site import TEMPLATES

PAGES = Path(__file__).parents[2] / "service/callrec/web/pages"
SHARED = "layout"
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
OTHERS = [language for language in LANGUAGES if language != ENGLISH]
HEADER = "# {language} sentences of the pages below `{area}`. `make words` finds them; the translations are written by hand.\n"
Sentence = str | tuple[str, ...]


def areas() -> dict[str, set[Sentence]]:
    """By area its sentences; one with a plural is a pair."""
    found: dict[str, set[Sentence]] = {}
    folders = {folder.name for folder in TEMPLATES.iterdir() if folder.is_dir()}
    for file in sorted(TEMPLATES.rglob("*.html")):
        found.setdefault(file.relative_to(TEMPLATES).parts[0], set()).update(_sentences(file))
    for file in sorted(PAGES.rglob("*.py")):
        area = file.relative_to(PAGES).parts[0].removesuffix(".py")
        found.setdefault(area if area in folders else SHARED, set()).update(_sentences(file))
    return found


def _sentences(file: Path) -> Iterator[Sentence]:
    method = extract_python if file.suffix == ".py" else babel_extract
    options = {} if file.suffix == ".py" else {"trimmed": "true", "silent": "false", "trim_blocks": "true"}
    with file.open("rb") as text:
        for _, said, _, _ in extract(method, text, keywords=KEYWORDS, options=options):
            yield said if isinstance(said, str) else tuple(said)


def file_of(language: str, area: str) -> Path:
    """Where a catalogue stands."""
    return LOCALES / language / f"{area}.po"


def renewed(language: str, area: str, sentences: set[Sentence]) -> str:
    """The catalogue's text, with the translations that it has."""
    file = file_of(language, area)
    old = catalogue(file, language) if file.is_file() else Catalog(language)
    new = Catalog(language, fuzzy=False)
    for said in sorted(sentences, key=str):
        before = old.get(said if isinstance(said, str) else said[0])
        kept = before.string if before and before.id == said else ""
        new.add(said, kept or (("",) * new.num_plurals if isinstance(said, tuple) else ""))
    text = BytesIO()
    write_po(text, new, omit_header=True, width=130, no_location=True)
    plural = (
        f'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Plural-Forms: {new.plural_forms}\\n"\n\n'
    )
    return HEADER.format(language=LANGUAGES[language], area=area) + plural + text.getvalue().decode()


def lacking(language: str, area: str) -> list[Message]:
    """The sentences of a catalogue that have no translation, or a doubtful one, or one with other values in it."""
    return [one for one in catalogue(file_of(language, area), language) if one.id and not _is_done(one)]


def _is_done(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
    ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
    values = {value for one in ids for value in re.findall(r"%\((\w+)\)", one)}
    return (
        bool(strings)
        and all(strings)
        and not message.fuzzy
        and all(set(re.findall(r"%\((\w+)\)", one)) <= values for one in strings)
        and values == {value for one in strings for value in re.findall(r"%\((\w+)\)", one)}
    )


def main() -> int:
    """1 when a sentence waits for its translation."""
    waiting = 0
    for area, sentences in areas().items():
        for language in OTHERS:
            file = file_of(language, area)
            if not sentences:
                file.unlink(missing_ok=True)
                continue
            file.parent.mkdir(exist_ok=True)
            file.write_text(renewed(language, area, sentences), "utf-8")
            found = lacking(language, area)
            waiting += len(found)
            for one in found:
                sys.stdout.write(f"{file.name} {language}: {one.id!r}\n")
    for language in OTHERS:
        for file in (LOCALES / language).glob("*.po"):
            if file.stem not in areas():
                file.unlink()
    sys.stdout.write(f"{waiting} sentences wait for a translation\n")
    return 1 if waiting else 0


if __name__ == "__main__":
    sys.exit(main())
