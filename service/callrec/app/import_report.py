"""What an import has done or would do, as JSON says it: the same to whoever imports by command and over HTTP."""

from collections.abc import Iterator, Mapping, Sequence

from callrec.app.importing import Imported
from callrec.domain.provisioning.csv_rules import Mode
from callrec.domain.provisioning.csv_text import RowError, shown
from callrec.domain.provisioning.planning import Step
from callrec.domain.provisioning.rows import Row, cells

MOST_ERRORS = 1000
"""How many errors are told; all are counted."""

Fields = Mapping[str, object]


def report(imported: Imported, mode: Mode) -> dict[str, object]:
    """All of it, with what was generated: nobody is told those secrets a second time."""
    return {
        "dry_run": imported.dry_run,
        "mode": mode.value,
        "added": [row_of(step) for step in imported.added],
        "changed": [row_of(step) for step in imported.changed],
        "unchanged_lines": list(imported.unchanged),
        "conflicting_lines": conflicting(imported),
        "secrets": secrets_of(imported),
        **errors_of(imported.errors),
    }


def row_of(step: Step) -> Fields:
    """One row of the file: what it makes, and the fields of a user that become others."""
    row, columns = step.becomes, step.columns()
    was, becomes = cells(step.was) if step.was else {}, cells(row)
    return {
        "line": row.at_line,
        "what": "changed" if step.was else "new",
        "id": row.user.id,
        "name": row.user.name,
        "number": row.line.number if row.line else "",
        "fields": [f"{name}: {_said(name, was)} -> {_said(name, becomes)}" for name in columns],
    }


def conflicting(imported: Imported) -> list[int]:
    """The lines of the file that have errors."""
    return sorted({error.line for error in imported.errors})


def secrets_of(imported: Imported) -> list[Fields]:
    """What was generated, once. A dry run's would be others: it has none."""
    steps = () if imported.dry_run else (*imported.added, *imported.changed)
    return [secret for step in steps for secret in _secrets_of(step.becomes)]


def _secrets_of(row: Row) -> Iterator[Fields]:
    if row.line and row.made_secret:
        yield {"number": row.line.number, "name": row.line.name, "secret": row.line.secret, "what": "line"}
    if row.voicemail and row.made_password:
        box = row.voicemail
        yield {"number": box.mailbox, "name": box.name, "secret": box.password, "what": "voicemail"}


def errors_of(errors: Sequence[RowError]) -> dict[str, object]:
    """The first of them, and how many there are."""
    each = [
        {"line": one.line, "column": one.column, "value": one.value, "reason": one.reason}
        for one in errors[:MOST_ERRORS]
    ]
    return {"errors": each, "count": len(errors)}


def _said(name: str, values: Mapping[str, str]) -> str:
    return shown(name, values.get(name, "")) or "(empty)"
