"""Compares a row of an update file with its user: what the user is to become.

An empty cell means its column's default. Columns that the file does not have leave their values unchanged. A section is removed
when all its columns are in the file and empty. An empty secret or line name keeps the stored value, since it could not be
recovered.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from callrec.domain.directory.field_rules import FORWARDS
from callrec.domain.directory.model import Incall, Line, User, Voicemail
from callrec.domain.directory.services import TO_ITSELF
from callrec.domain.directory.user_file import rows
from callrec.domain.directory.user_file.columns import BY_NAME, NAMES_OF, Section
from callrec.domain.directory.user_file.csv_text import RowError, shown
from callrec.domain.directory.user_file.existing_records import Owned, Standing
from callrec.domain.directory.user_file.file_rules import Record, errors_between
from callrec.domain.directory.user_file.rows import Generate, Row
from callrec.domain.rules import UserId

KEPT_WHEN_EMPTY = frozenset(name for name, column in BY_NAME.items() if column.secret) | {"linename"}
Kept = TypeVar("Kept", User, Line | None, Incall | None, Voicemail | None)
_OPTIONAL = (Section.LINE, Section.INCALL, Section.VOICEMAIL)


def found_by(record: Record, standing: Standing) -> UserId | None:
    """The user of a row: the one with its line name, else with its user name, else with its number.

    The first of them that leads to a user decides. Rows may swap their numbers, and a name stays with its user. When another user
    has one of the row's other values, that is a conflict as for any row (`plan`).
    """
    name, number, context = (record.values.get(column, "") for column in ("linename", "phonenumber", "context"))
    found = (
        standing.by_name(name),
        standing.username(record.values.get("username", "")),
        standing.by_number(number, context),
    )
    return next((user for user in found if user in standing.users), None)


def before(record: Record, standing: Standing) -> Row | list[RowError]:
    """The row's user with the sections that it changes, or the errors when no user or several users match."""
    user = found_by(record, standing)
    if user is None:
        keys = [name for name in ("linename", "username", "phonenumber") if record.values.get(name)]
        column = keys[0] if keys else "linename"
        reason = "must lead to a user: no user has this line name, user name, or number in its context"
        return [RowError(record.at_line, column, record.values.get(column, "")[:80], reason)]
    errors: list[RowError] = []
    row = Row(
        record.at_line,
        standing.users[user],
        _line(record, standing, user, errors),
        _incall(record, standing, user, errors),
        _voicemail(record, standing, user, errors),
    )
    return errors or row


def after(record: Record, was: Row, standing: Standing, generate: Generate) -> Row | list[RowError]:
    """What the record makes of this user, or what would be wrong with it."""
    cells, sections = _cells(record, was)
    errors = list(errors_between(record.at_line, cells, sections))
    if errors or not record.sound:
        return errors
    row = rows.row(record.at_line, cells, sections, record.given, generate, of=was.user)
    user, box = row.user, row.voicemail
    # A password is asked after all else: until then the stored one stands.
    if row.password and user.password_hash != was.user.password_hash:
        user = replace(user, password_hash=was.user.password_hash)
    if box and was.voicemail and box.context != was.voicemail.context and not _goes_along(was.voicemail, was, standing):
        box = replace(box, context=was.voicemail.context)
    incall = row.incall
    if incall and was.incall and (was.incall.record or was.incall.language):  # no file can say it
        incall = replace(incall, record=was.incall.record, language=was.incall.language)
    return replace(
        row,
        user=_same(user, was.user),
        line=_same(row.line, was.line),
        incall=_same(incall, was.incall),
        voicemail=_same(box, was.voicemail),
    )


def _same(now: Kept, before: Kept) -> Kept:
    """The stored record when the two are equal, as most records of a large update are: so they take no memory."""
    return before if now == before else now


def _goes_along(box: Voicemail, was: Row, standing: Standing) -> bool:
    """Whether a mailbox is where the row's line is, which may go elsewhere, and none of the user's other lines is there."""
    there = [line for line in standing.sections(Line, was.user.id) if line.context == box.context]
    return there == [was.line]


def called_back(was: Row, becomes: Row) -> Iterator[RowError]:
    """The error for a number to which the user's own calls are forwarded: such a number could not be reached."""
    line = becomes.line
    is_new = line and not (was.line and was.line.number == line.number)
    if line and is_new and line.number in (getattr(becomes.user, name) for name in FORWARDS):
        yield RowError(becomes.at_line, "phonenumber", line.number, TO_ITSELF)


def stranded(was: Row, becomes: Row, standing: Standing) -> Iterator[RowError]:
    """Mailboxes of the user, beside the row's own, that would be where the user has no line any more."""
    if was.line is None or (becomes.line and becomes.line.context == was.line.context):
        return
    user, context = was.user.id, was.line.context
    boxes = [
        box.mailbox for box in standing.sections(Voicemail, user) if box != was.voicemail and box.context == context
    ]
    if boxes and not any(line != was.line and line.context == context for line in standing.sections(Line, user)):
        column, value = ("context", becomes.line.context) if becomes.line else ("phonenumber", "")
        reason = f"must leave a line in {context}: this user's mailbox {', '.join(boxes)} stays there, since no row moves two"
        yield RowError(becomes.at_line, column, value, reason)


def _cells(record: Record, was: Row) -> tuple[dict[str, str], frozenset[Section]]:
    """The stored values with the record's over them, and the sections that there are then."""
    there, values = rows.cells(was), record.values
    cells = there | {
        name: value
        for name, value in values.items()
        if (value or name not in KEPT_WHEN_EMPTY) and value != there.get(name, "")  # equal text is one object
    }
    if values.get("password"):
        cells["passwordhash"] = values.get("passwordhash", "")
    sections = {Section.USER}
    for section in _OPTIONAL:
        names = NAMES_OF[section]
        removed = not any(values.get(name, "x") for name in names)
        if section in record.sections or (names[0] in there and not removed):
            sections.add(section)
        else:
            cells |= dict.fromkeys(names, "")
    if cells.get("protocol") == "sccp":
        cells |= {name: values.get(name, "") for name in ("linename", "linesecret")}
    return cells, frozenset(sections)


def _line(record: Record, standing: Standing, user: UserId, errors: list[RowError]) -> Line | None:
    values, theirs = record.values, standing.sections(Line, user)
    name, number, context = (values.get(column, "") for column in ("linename", "phonenumber", "context"))
    meant = [line for line in theirs if name and line.name == name]
    meant = meant or [line for line in theirs if (line.number, line.context) == (number, context)]
    return _the_one(record, "linename", meant or theirs, "line", errors)


def _incall(record: Record, standing: Standing, user: UserId, errors: list[RowError]) -> Incall | None:
    values, theirs = record.values, standing.sections(Incall, user)
    wanted = values.get("incallexten", ""), values.get("incallcontext", "")
    meant = [incall for incall in theirs if (incall.exten, incall.context) == wanted]
    return _the_one(record, "incallexten", meant or theirs, "incoming number", errors)


def _voicemail(record: Record, standing: Standing, user: UserId, errors: list[RowError]) -> Voicemail | None:
    values, theirs = record.values, standing.sections(Voicemail, user)
    meant = [box for box in theirs if box.mailbox == values.get("voicemailmailbox", "")]
    meant = [box for box in meant if box.context == values.get("context", "")] or meant
    return _the_one(record, "voicemailmailbox", meant or theirs, "voicemail", errors)


def _the_one(
    record: Record, column: str, theirs: list[Owned], table_record: str, errors: list[RowError]
) -> Owned | None:
    """The section that the record is about. One of several must be meant only when the file has columns of it."""
    several = len(theirs) > 1
    if several and any(name in record.values for name in NAMES_OF[BY_NAME[column].section]):
        value = shown(column, record.values.get(column, ""))
        errors.append(
            RowError(
                record.at_line, column, value, f"must be one of this user's: there is more than one {table_record}"
            )
        )
    return theirs[0] if theirs else None


def changed_columns(was: Row, becomes: Row) -> Iterator[str]:
    """The columns in which the two differ, in the order of the table."""
    old, new = rows.cells(was), rows.cells(becomes)
    for name in BY_NAME:
        if old.get(name, "") != new.get(name, ""):
            yield name
