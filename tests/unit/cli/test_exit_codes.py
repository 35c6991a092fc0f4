"""From an error to an exit code and a line that a terminal may be shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrec.cli.app import _first_of_ours
from callrec.cli.exit_codes import exit_code, plain, sentence
from callrec.cli.print_formats import print_fields, print_rows
from callrec.domain.directory.user_file.file_rules import FileRefused, RowError
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Refused, Unavailable


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("x", "x"), 1),
        (FileRefused([RowError(1, "x", "y", "z")]), 1),
        (Corrupt("x", "x"), 1),
        (Misconfigured("x", "x"), 2),
        (Unavailable("x", "x"), 3),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: CallrecError, code: int) -> None:
    assert exit_code(error) == code


def test_the_sentence_has_the_hint_and_is_one_line() -> None:
    assert sentence(Refused("x", "no\nsuch \x1b[31muser", hint="look")) == r"no\nsuch \x1b[31muser (look)"


@given(st.text(st.characters()))
def test_no_text_moves_the_cursor_or_turns_the_writing_round(text: str) -> None:
    assert plain(text).isprintable()


def test_text_that_is_harmless_stays() -> None:
    assert plain("Zoë Müller, 北京") == "Zoë Müller, 北京"


def test_ours_is_found_in_a_group_that_holds_nothing_else() -> None:
    ours = Unavailable("spool-gone", "gone")
    assert _first_of_ours(ExceptionGroup("", [ExceptionGroup("", [ours])])) is ours
    assert _first_of_ours(ExceptionGroup("", [ours, RuntimeError()])) is None
    assert _first_of_ours(KeyError()) is None


def test_a_table_in_a_pipe_is_lines_of_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"a": "x\ty\n", "b": True, "c": ["1", "2"], "d": None}], ("a", "b", "c", "d"), as_json=False)
    assert capsys.readouterr().out == "a\tb\tc\td\nx\\ty\\n\ton\t1, 2\t\n"


def test_json_is_ascii_and_holds_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"a": "\u202eé", "more": 1}], ("a",), as_json=True)
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == [{"a": "\u202eé", "more": 1}]


def test_a_terminal_gets_a_table_in_which_nothing_is_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_rows([{"name": "[red]\x1b[2J"}], ("name",), as_json=False)
    assert r"[red]\x1b[2J" in capsys.readouterr().out


def test_one_thing_is_a_field_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"id": "7", "call_record": False}, as_json=False)
    assert capsys.readouterr().out == "id           7\ncall_record  off\n"


def test_records_in_a_record_are_words_and_not_python(capsys: pytest.CaptureFixture[str]) -> None:
    holds = [{"id": "h1", "reason": "law\x1bsuit"}, {"id": "h2", "reason": "tax"}]
    print_fields({"tags": ["old", "sale"], "holds": holds}, as_json=False)
    tags, shown = capsys.readouterr().out.splitlines()
    assert tags == "tags   old, sale"
    assert shown.startswith("holds  id h1, reason law")
    assert shown.endswith("; id h2, reason tax")
    assert "\x1b" not in shown
