"""What rules refuse is told in each language of the pages, with the values that the English sentence has."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_sentences import texts

from callrec.domain import directory
from callrec.domain.directory.record_rules import FIELDS, Fault, RecordRefused
from callrec.domain.directory.unique_keys import WHY_ONCE
from callrec.domain.directory.user_file.columns import COLUMNS
from callrec.web.pages.forms import Form
from callrec.web.pages.languages import LANGUAGES
from callrec.web.pages.rule_sentences import in_words

RULES = Path(directory.__file__).parent
OTHERS = sorted(set(LANGUAGES) - {"en"})
ELSEWHERE = {
    "key_file.py": "files of keys are read by the command only",
    "function_keys.py": "key_words has its sentences",
}
IMPOSSIBLE = {
    "must be in the order of the list of permissions, each once": "forms are read in this order",
    "must be in the order of the ids, each once": "likewise",
    "must be an argon2id hash of a password ($argon2id$...)": "forms make it of the password",
}
"""What a page cannot be told."""
JOINED = {
    "must be a context X; there are: X": [
        f"must be a context of {kind}; there are: X" for kind in ("users", "incoming numbers")
    ],
    "must be unique: line X has it alreadyX": [
        f"must be unique: line X has it already{why}" for why in ("", *WHY_ONCE.values())
    ],
    "is taken already: by XX": [f"is taken already: by X{why}" for why in ("", *WHY_ONCE.values())],
}
"""What is joined of several sentences, with all that can come of it."""


def told() -> Iterator[str]:
    """What the modules say of a wrong value, with an `X` for each value in it."""
    for file in sorted(RULES.rglob("*.py")):
        if file.name not in ELSEWHERE:
            yield from (one for one in texts(ast.parse(file.read_text())) if one.startswith(("must ", "is taken ")))


@pytest.mark.parametrize("language", OTHERS)
def test_each_sentence_of_the_rules_is_told_in_the_language(language: str) -> None:
    checks = {f"must be {column.check.says}" for column in COLUMNS}
    checks |= {f"must be {field.check.says}" for fields in FIELDS.values() for field in fields}
    said = set(told())
    assert {"must have a value", *JOINED} <= said
    said = {one for each in said for one in JOINED.get(each, [each])} | checks
    said -= {"must be X", *IMPOSSIBLE}
    assert [one for one in sorted(said) if in_words(one, language) == one] == []


def test_the_values_of_a_sentence_stay() -> None:
    assert in_words("must be in a range of the context default: 1000-1999, 3000", "de") == (
        "Nötig: in einem Bereich des Kontexts default: 1000-1999, 3000"
    )
    assert in_words("must be at most 128 characters, none of them a control character", "fr").startswith(
        "Il faut : au plus 128 caractères"
    )
    assert in_words("must be 4 to 64 characters, none of them a control character", "es").startswith(
        "Debe ser: de 4 a 64"
    )


def test_english_and_what_has_no_sentence_stay_as_they_are() -> None:
    assert in_words("must have a value", "en") == "must have a value"
    assert in_words("100 % wrong", "de") == "100 % wrong"


def test_a_form_tells_at_its_field_what_the_rules_refuse_in_the_language_of_the_page() -> None:
    form = Form(language="de")
    form.refuse(RecordRefused([Fault("number", "must be in a range of the context default: 1000-1999")]))
    assert form.error("number") == "Nötig: in einem Bereich des Kontexts default: 1000-1999"
