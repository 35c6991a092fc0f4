"""Text and records: separators, quotes, and the apostrophe before what a spreadsheet takes for a formula."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.domain.directory.user_file.csv_text import (
    FileRefused,
    RowError,
    escaped,
    records,
    shown,
    unescaped,
    written,
)


@pytest.mark.parametrize("separator", ["|", ",", ";", "\t"])
def test_the_header_says_what_separates(separator: str) -> None:
    text = f"firstname{separator}lastname\n\nJohn{separator}Doe\n"
    assert [(1, ["firstname", "lastname"]), (3, ["John", "Doe"])] == list(records(text))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("firstname\nA,B;C;D\n", ["firstname"]),
        ("firstname|last,name,language\n", ["firstname", "last,name,language"]),
        ("a,b\nfirstname,lastname\n", ["a,b"]),
    ],
)
def test_rows_are_never_asked_what_separates(text: str, header: list[str]) -> None:
    """Nor is a header in which no separator makes more columns than the bar."""
    assert (1, header) == next(records(text))


def test_a_header_that_cannot_be_read_is_refused() -> None:
    assert [] == list(records(""))
    with pytest.raises(FileRefused, match="line 1: cannot be read"):
        list(records('"firstname;lastname\n'))


def test_every_kind_of_line_end_ends_a_line() -> None:
    text = 'firstname\nA\r\nB\r"C\rD"\n\r\nE'
    assert [(1, ["firstname"]), (2, ["A"]), (3, ["B"]), (4, ["C\rD"]), (7, ["E"])] == list(records(text))


@pytest.mark.parametrize(
    ("value", "in_the_file"),
    [
        ("=1+1", "'=1+1"),
        ("+331", "'+331"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("'=1", "''=1"),
        ("'Hooft", "'Hooft"),
        ("1-1", "1-1"),
        ("", ""),
    ],
)
def test_a_formula_stands_behind_an_apostrophe(value: str, in_the_file: str) -> None:
    assert (in_the_file, value) == (escaped("firstname", value), unescaped("firstname", in_the_file))


def test_a_password_is_taken_as_it_was_typed() -> None:
    assert ("'=hush", "=hush") == (unescaped("password", "'=hush"), escaped("password", "=hush"))


@given(st.text())
def test_any_value_comes_back(value: str) -> None:
    assert value == unescaped("firstname", escaped("firstname", value))


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs"])), min_size=2, max_size=4))
def test_what_is_written_is_read(cells: list[str]) -> None:
    """But for rows of empty cells, and empty cells behind the header's last, as spreadsheets add them."""
    expected = cells if any(cells[2:]) else cells[:2]
    rows = [(2, expected)] if any(cells) else []
    assert [(1, ["firstname", "lastname"]), *rows] == list(records(written([("firstname", "lastname"), cells])))


@pytest.mark.parametrize("line", ["sep=;\r\n", '"SEP=;"\n', "sep=;;;;\n"])
def test_the_line_that_names_the_separator_is_no_row(line: str) -> None:
    """It decides also when the header would not, and the lines of the file are still counted from it."""
    assert [(2, ["a|b", "c"]), (3, ["1", "2"])] == list(records(f"{line}a|b;c\n1;2\n"))


def test_what_a_spreadsheet_adds_is_taken_away() -> None:
    """Columns without a name behind the last, and rows of nothing; a value there is kept, and so is refused."""
    text = "firstname;lastname;;\r\nA;B;;\r\n;;;\r\nC;;;x\r\n"
    assert [(1, ["firstname", "lastname"]), (2, ["A", "B"]), (4, ["C", "", "", "x"])] == list(records(text))


def test_an_error_repeats_no_secret_and_little_else() -> None:
    assert ("***", "", "x" * 80, "y") == (
        shown("linesecret", "hush"),
        shown("linesecret", ""),
        shown("lastname", "x" * 99),
        shown("no column", "y"),
    )
    assert "line 1: must be" == str(RowError(1, "", "", "must be"))
