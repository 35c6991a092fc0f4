"""What an import leaves out of another program's file, and what it changes, is told in each language of the pages."""

import ast
from pathlib import Path

import pytest
from source_sentences import text_of

from callrec.domain.directory.user_file import foreign_files
from callrec.web.pages.languages import LANGUAGES
from callrec.web.pages.users.file import LEFT_OUT, changed_words, left_out_words

REMARKS = "_remarks"
"""The function that says what is left out besides columns."""
LINES = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10"


def remarks() -> list[str]:
    """The sentences of the function, with an `X` for each value."""
    tree = ast.parse(Path(foreign_files.__file__).read_text())
    (function,) = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == REMARKS]
    yields = [node for node in ast.walk(function) if isinstance(node, ast.Yield | ast.YieldFrom)]
    return [text_of(node.value) if node.value else "" for node in yields]


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_each_remark_on_a_file_is_told_in_the_language(language: str) -> None:
    assert remarks()
    column = left_out_words("X", language).removesuffix("X")
    told = [left_out_words(one, language) for one in remarks()]
    assert [one for one in told if not one or one.startswith(column) or one in LEFT_OUT] == []


def test_lines_and_columns_stay_as_the_file_has_them() -> None:
    said = (
        f"the rules of some kinds of calls only (line {LINES} and more): set them by the API, or by callrec users set"
    )
    assert f"(Zeile {LINES} und weitere)" in left_out_words(said, "de")
    assert left_out_words("call_permissions", "de") == "die Spalte call_permissions"
    assert left_out_words("call_permissions", "en") == "the column call_permissions"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("mobilephonenumber: (empty) -> 0170", "mobilephonenumber: (leer) -> 0170"),
        ("email: a@b -> (empty)", "email: a@b -> (leer)"),
        ("linesecret: *** -> ***", "linesecret: *** -> ***"),
        ("firstname: (empty) x -> y (empty)", "firstname: (empty) x -> y (empty)"),
    ],
)
def test_what_changes_in_a_field_is_told_in_the_language(said: str, told: str) -> None:
    assert changed_words(said, "de") == told
    assert changed_words(said, "en") == said
