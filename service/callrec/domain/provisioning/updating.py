"""A record of an update file against the user whom it means: what the user is to become.

The columns of the file are authoritative: an empty cell means its column's default. Columns that the file has not got leave
what is there. A section is removed when all its columns are in the file and empty. What is given up and never shown again
would be lost for good, so an empty secret or line name keeps what is stored.
"""

from collections.abc import Iterator
from dataclasses import replace

from callrec.domain.provisioning import rows
from callrec.domain.provisioning.columns import BY_NAME, NAMES_OF, Section
from callrec.domain.provisioning.csv_rules import Record, errors_between
from callrec.domain.provisioning.csv_text import RowError, shown
from callrec.domain.provisioning.fields import FORWARDS
from callrec.domain.provisioning.model import Incall, Line, UserId, Voicemail
from callrec.domain.provisioning.rows import Generate, Row
from callrec.domain.provisioning.services import TO_ITSELF
from callrec.domain.provisioning.standing import Owned, Standing

KEPT_WHEN_EMPTY = frozenset(name for name, column in BY_NAME.items() if column.secret) | {"linename"}
_OPTIONAL = (Section.LINE, Section.INCALL, Section.VOICEMAIL)


def found_by(record: Record, standing: Standing) -> UserId | None:
    """Whom the record means: whose line name it has, else whose user name, else whose number.

    The first that leads to somebody decides. Rows may swap their numbers, and a name stays with its user; whoever has by then
    what the row says besides is in its way, as in any other (`planning`).
    """
    name, number, context = (record.values.get(column, "") for column in ("linename", "phonenumber", "context"))
    by_line = (line := standing.by_name(name)) and line.user
    by_number = (line := standing.by_number(number, context)) and line.user
    found = (by_line, standing.username(record.values.get("username", "")), by_number)
    return next((user for user in found if user in standing.users), None)


def before(record: Record, standing: Standing) -> Row | list[RowError]:
    """The user whom the record means, with the sections that it is about; or why nobody can say who that is."""
    user = found_by(record, standing)
    if user is None:
        keys = [name for name in ("linename", "username", "phonenumber") if record.values.get(name)]
        column = keys[0] if keys else "linename"
        reason = "must lead to a user: nobody has this line name, user name, or number in its context"
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
    # A password is asked after all else: until then the stored one stands.
    kept = was.user.password_hash if row.password else row.user.password_hash
    if kept != row.user.password_hash:
        row = replace(row, user=replace(row.user, password_hash=kept))
    if row.voicemail and was.voicemail and not _goes_along(was.voicemail, was, standing):
        row = replace(row, voicemail=replace(row.voicemail, context=was.voicemail.context))
    return row


def _goes_along(box: Voicemail, was: Row, standing: Standing) -> bool:
    """Whether a mailbox is where the row's line is, which may go elsewhere, and none of the user's other lines is there."""
    there = [line for line in standing.lines.get(was.user.id, ()) if line.context == box.context]
    return there == [was.line]


def called_back(was: Row, becomes: Row) -> Iterator[RowError]:
    """A number that is where the user's calls are forwarded to: nobody could call it."""
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
        box.mailbox for box in standing.voicemails.get(user, ()) if box != was.voicemail and box.context == context
    ]
    if boxes and not any(line != was.line and line.context == context for line in standing.lines[user]):
        column, value = ("context", becomes.line.context) if becomes.line else ("phonenumber", "")
        reason = f"must leave a line in {context}: this user's mailbox {', '.join(boxes)} stays there, since no row moves two"
        yield RowError(becomes.at_line, column, value, reason)


def _cells(record: Record, was: Row) -> tuple[dict[str, str], frozenset[Section]]:
    """The stored values with the record's over them, and the sections that there are then."""
    there, values = rows.cells(was), record.values
    cells = there | {name: value for name, value in values.items() if value or name not in KEPT_WHEN_EMPTY}
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
    values, theirs = record.values, standing.lines.get(user, [])
    name, number, context = (values.get(column, "") for column in ("linename", "phonenumber", "context"))
    meant = [line for line in theirs if name and line.name == name]
    meant = meant or [line for line in theirs if (line.number, line.context) == (number, context)]
    return _the_one(record, "linename", meant or theirs, "line", errors)


def _incall(record: Record, standing: Standing, user: UserId, errors: list[RowError]) -> Incall | None:
    values, theirs = record.values, standing.incalls.get(user, [])
    wanted = values.get("incallexten", ""), values.get("incallcontext", "")
    meant = [incall for incall in theirs if (incall.exten, incall.context) == wanted]
    return _the_one(record, "incallexten", meant or theirs, "incoming number", errors)


def _voicemail(record: Record, standing: Standing, user: UserId, errors: list[RowError]) -> Voicemail | None:
    values, theirs = record.values, standing.voicemails.get(user, [])
    meant = [box for box in theirs if box.mailbox == values.get("voicemailmailbox", "")]
    meant = [box for box in meant if box.context == values.get("context", "")] or meant
    return _the_one(record, "voicemailmailbox", meant or theirs, "voicemail", errors)


def _the_one(record: Record, column: str, theirs: list[Owned], noun: str, errors: list[RowError]) -> Owned | None:
    """The section that the record is about. One of several must be meant only when the file has columns of it."""
    several = len(theirs) > 1
    if several and any(name in record.values for name in NAMES_OF[BY_NAME[column].section]):
        value = shown(column, record.values.get(column, ""))
        errors.append(
            RowError(record.at_line, column, value, f"must be one of this user's: there is more than one {noun}")
        )
    return theirs[0] if theirs else None


def changed_columns(was: Row, becomes: Row) -> Iterator[str]:
    """The columns in which the two differ, in the order of the table."""
    old, new = rows.cells(was), rows.cells(becomes)
    for name in BY_NAME:
        if old.get(name, "") != new.get(name, ""):
            yield name
