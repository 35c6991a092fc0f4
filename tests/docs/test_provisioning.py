"""The page about user files says what the table of columns says."""

import re

from documents import fences, text

from callrec.app.directory.user_file.file_text import LARGEST_BYTES
from callrec.app.directory.user_file.import_users import ATTEMPTS
from callrec.domain.directory.user_file.columns import COLUMNS
from callrec.domain.directory.user_file.csv_text import SEPARATORS
from callrec.domain.directory.user_file.file_rules import MOST_ROWS, Generate, Mode, parse
from callrec.domain.directory.user_file.update import KEPT_WHEN_EMPTY

PAGE = "docs/provisioning.md"
_ROW = re.compile(r"^\| `(\w+)`(\*?) \| (\w+) \| (.*) \| (?:`(\w+)`)? ?\| .+ \|$", re.MULTILINE)


def test_every_column_has_its_row_with_section_rule_and_default() -> None:
    expected = [(one.name, "*" * one.required, one.section.value, one.check.says, one.default) for one in COLUMNS]
    assert expected == _ROW.findall(text(PAGE))


def test_the_example_is_a_good_file() -> None:
    (row,) = parse(
        fences(PAGE)[0], Generate(line_name=lambda: "made", secret=lambda: "made", mailbox_password=lambda: "739184")
    )
    assert ("John", "1000") == (row.user.firstname, row.voicemail and row.voicemail.mailbox)


def test_modes_separators_and_limits_are_named() -> None:
    page = text(PAGE)
    for said in (
        *(f"`--mode {mode}`" for mode in Mode),
        *(f"`{one}`" for one in SEPARATORS if one != "\t"),
        "or a tab",
    ):
        assert said in page
    assert f"At most {LARGEST_BYTES // 1024 // 1024} MiB, {MOST_ROWS:,} rows" in page
    assert {5: "up to five times"}[ATTEMPTS] in page


def test_what_an_empty_cell_keeps_is_named() -> None:
    (row,) = re.findall(r"^\| an empty (`.*`) \| what is stored stays \|$", text(PAGE), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == KEPT_WHEN_EMPTY
