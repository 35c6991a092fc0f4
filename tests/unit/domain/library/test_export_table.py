"""The table of an export: for spreadsheets, in which no text from outside becomes a formula."""

import csv
import io
import json
from collections.abc import Iterable, Mapping

from callrec.domain.library.export_table import COLUMNS, HEAD, absent_row, line, row

ENTRY = {
    "id": "c1-1",
    "start_s": "1795341600.250",
    "length_s": "3.000",
    "state": "sound",
    "cause": "",
    "rule": "always",
    "numbers": json.dumps(["+33123", '=cmd|"x"', "a\r\nb"]),
    "users": '["7"]',
    "media": "2026/11/22/c1-1.wav",
    "bytes": "44",
    "sha256": "ab",
}


def table(rows: Iterable[Mapping[str, str]]) -> str:
    """A whole table."""
    return HEAD + "".join(map(line, rows))


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_tells_what_and_when_and_where() -> None:
    (found,) = read(table([row(ENTRY)]))
    assert found == {
        "recording": "c1-1",
        "start_utc": "2026-11-22T10:00:00Z",
        "length_s": "3.000",
        "state": "sound",
        "cause": "",
        "rule": "always",
        "numbers": '\'+33123 =cmd|"x" a\r\nb',
        "users": "7",
        "tags": "",
        "held": "no",
        "file": "2026/11/22/c1-1.wav",
        "bytes": "44",
        "sha256": "ab",
        "not_exported": "",
    }
    assert tuple(found) == COLUMNS


def test_tags_and_holds_are_told() -> None:
    added = ENTRY | {"tags": json.dumps(["sale", "vip"]), "holds": json.dumps(["lawsuit"])}
    (found,) = read(table([row(added, "why")]))
    assert (found["tags"], found["held"], found["not_exported"]) == ("sale vip", "yes", "why")


def test_what_is_not_exported_has_a_row_with_the_reason() -> None:
    (found,) = read(table([absent_row("=1+1", "no-such-recording")]))
    assert (found["recording"], found["not_exported"], found["state"]) == ("'=1+1", "no-such-recording", "")


def test_no_cell_begins_a_formula() -> None:
    for hostile in ("=1", "+1", "-1", "@x", "\t=1", "\r=1", "'=1"):
        (found,) = read(table([absent_row(hostile, hostile)]))
        assert found["recording"] == f"'{hostile}" == found["not_exported"]


def test_an_empty_table_has_its_head() -> None:
    assert table([]) == ",".join(COLUMNS) + "\r\n"
