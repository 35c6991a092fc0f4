"""Records that a test's store begins with, and those of a user file."""

from collections.abc import Sequence

from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Tables
from callrec.domain.directory.user_file.rows import Row


def adding(tables: Tables) -> Edit:
    """These users, lines, incalls and voicemails are new."""
    records = (*tables.users, *tables.lines, *tables.incalls, *tables.voicemails)
    return Edit(tuple(Change(None, record) for record in records))


def tables_of(rows: Sequence[Row]) -> Tables:
    """The rows as tables. Feature codes are no part of a user file."""
    return Tables(
        users=tuple(row.user for row in rows),
        lines=tuple(row.line for row in rows if row.line),
        incalls=tuple(row.incall for row in rows if row.incall),
        voicemails=tuple(row.voicemail for row in rows if row.voicemail),
        codes=(),
    )
