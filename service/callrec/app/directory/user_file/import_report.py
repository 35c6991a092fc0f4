"""The import report as JSON, the same for the command and for HTTP."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice

from callrec.app.directory.user_file.import_users import Imported
from callrec.domain.directory.user_file.csv_text import RowError, shown
from callrec.domain.directory.user_file.file_rules import TOGETHER, Mode
from callrec.domain.directory.user_file.rows import Row, cells
from callrec.domain.directory.user_file.steps import Step
from callrec.domain.directory.user_file.update import changed_columns

MOST_ERRORS = 1000
"""The most errors in a report; all are counted."""

Fields = Mapping[str, object]
EMPTY = "(empty)"
"""What stands for an empty value in what changes of a row."""


def report(imported: Imported, mode: Mode) -> dict[str, object]:
    """The whole report, with the generated secrets, which no later answer contains. Its rows and secrets are iterators."""
    return {
        "dry_run": imported.dry_run,
        "mode": mode.value,
        "format": imported.format.value,
        "left_out": list(imported.left_out),
        "added": map(row_of, imported.added),
        "changed": map(row_of, imported.changed),
        "unchanged_lines": list(imported.unchanged),
        "conflicting_lines": conflicting(imported),
        "secrets": secrets_of(imported),
        **errors_of(imported.errors),
    }


def text_of(document: Fields, indent: int = 0) -> Iterator[str]:
    """The text of `json.dumps` in pieces, of an iterator a thousand items in each, so that the report of a large import is never
    in memory as a whole. With `indent` in ASCII only, so that no text in it can control a terminal."""
    line = "\n" + " " * indent if indent else ""
    comma = "," if indent else ", "

    def dumped(value: object) -> str:
        return json.dumps(value, indent=indent or None, ensure_ascii=bool(indent)).replace("\n", line)

    for nth, (name, value) in enumerate(document.items()):
        yield f"{comma if nth else '{'}{line}{dumped(name)}: "
        if not isinstance(value, Iterator):
            yield dumped(value)
            continue
        before = "["
        while some := list(islice(value, TOGETHER)):
            yield before + dumped(some)[1 : -len(f"{line}]")]
            before = comma
        yield "[]" if before == "[" else f"{line}]"
    yield "\n}" if indent else "}"


def row_of(step: Step) -> Fields:
    """One row of the file: whether its user is new or changed, and the changed fields."""
    row = step.becomes
    return {
        "line": row.at_line,
        "what": "changed" if step.was else "new",
        "id": row.user.id,
        "name": row.user.name,
        "number": row.line.number if row.line else "",
        "fields": list(_changed_fields(step.was, row)) if step.was else [],
    }


def _changed_fields(was: Row, becomes: Row) -> Iterator[str]:
    old, new = cells(was), cells(becomes)
    for name in changed_columns(was, becomes):
        yield f"{name}: {_said(name, old)} -> {_said(name, new)}"


def conflicting(imported: Imported) -> list[int]:
    """The lines of the file that have errors."""
    return sorted({error.line for error in imported.errors})


def secrets_of(imported: Imported) -> Iterator[Fields]:
    """The generated secrets; empty for a dry run, since the import would generate others."""
    for step in () if imported.dry_run else chain(imported.added, imported.changed):
        yield from _secrets_of(step.becomes)


def _secrets_of(row: Row) -> Iterator[Fields]:
    if row.line and row.made_secret:
        yield {"number": row.line.number, "name": row.line.name, "secret": row.line.secret, "what": "line"}
    if row.voicemail and row.made_password:
        box = row.voicemail
        yield {"number": box.mailbox, "name": box.name, "secret": box.password, "what": "voicemail"}


def errors_of(errors: Sequence[RowError]) -> dict[str, object]:
    """The first MOST_ERRORS errors, and the number of all."""
    each = [
        {"line": one.line, "column": one.column, "value": one.value, "reason": one.reason}
        for one in errors[:MOST_ERRORS]
    ]
    return {"errors": each, "count": len(errors)}


def _said(name: str, values: Mapping[str, str]) -> str:
    return shown(name, values.get(name, "")) or EMPTY
