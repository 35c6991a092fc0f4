"""The table in an export: one row for each recording, for spreadsheets. Text from outside is never a formula there."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

COLUMNS = (
    *("recording", "start_utc", "length_s", "state", "cause", "rule", "numbers", "users", "tags", "held"),
    *("file", "bytes", "sha256", "not_exported"),
)
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""As spreadsheets take them; an apostrophe in front makes them text."""
_QUOTED = re.compile(r'[",\r\n]')


def row(entry: Mapping[str, str], not_exported: str = "") -> dict[str, str]:
    """A recording's row, of its index entry. `not_exported`: why its files are not in the export."""
    start_s = float(entry.get("start_s") or 0)
    return {
        "recording": entry["id"],
        "start_utc": f"{datetime.fromtimestamp(start_s, UTC):%Y-%m-%dT%H:%M:%SZ}",
        **{name: entry.get(name, "") for name in ("length_s", "state", "cause", "rule", "bytes", "sha256")},
        **{name: " ".join(json.loads(entry.get(name) or "[]")) for name in ("numbers", "users", "tags")},
        "held": "yes" if json.loads(entry.get("holds") or "[]") else "no",
        "file": entry.get("media", ""),
        "not_exported": not_exported,
    }


def absent_row(recording: str, why: str) -> dict[str, str]:
    """The row of a recording of which nothing can be told but why."""
    return dict.fromkeys(COLUMNS, "") | {"recording": recording, "not_exported": why}


HEAD = f"{','.join(COLUMNS)}\r\n"
"""The first line of the table (RFC 4180)."""


def line(cells: Mapping[str, str]) -> str:
    """One row as a line of the table."""
    return f"{','.join(_cell(cells[name]) for name in COLUMNS)}\r\n"


def _cell(text: str) -> str:
    text = f"'{text}" if _FORMULA.match(text) else text
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text
