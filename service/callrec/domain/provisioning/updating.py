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
from callrec.domain.provisioning.model import Incall, Line, UserId, Voicemail
from callrec.domain.provisioning.rows import Generate, Row
from callrec.domain.provisioning.standing import Owned, Standing

KEPT_WHEN_EMPTY = frozenset(name for name, column in BY_NAME.items() if column.secret) | {"linename"}
_OPTIONAL = (Section.LINE, Section.INCALL, Section.VOICEMAIL)


def found_by(record: Record, standing: Standing) -> dict[UserId, str]:
    """Whom the record means: each user with the column that leads there."""
    values = record.values
    found: dict[UserId, str] = {}
    name, number, context = (values.get(column, "") for column in ("linename", "phonenumber", "context"))
    if name and (line := standing.by_name(name)):
        found[line.user] = "linename"
    if number and context and (line := standing.by_number(number, context)):
        found.setdefault(line.user, "phonenumber")
    if user := standing.username(values.get("username", "")):
        found.setdefault(user, "username")
    return {user: column for user, column in found.items() if user in standing.users}


def before(record: Record, standing: Standing) -> Row | list[RowError]:
    """The user whom the record means, with the sections that it is about; or why nobody can say who that is."""
    found = found_by(record, standing)
    keys = [name for name in ("linename", "phonenumber", "username") if record.values.get(name)]
    column = keys[0] if keys else "linename"
    value = record.values.get(column, "")[:80]
    if not found:
        reason = "must lead to a user: nobody has this line name, number in its context, or user name"
        return [RowError(record.at_line, column, value, reason)]
    if len(found) > 1:
        each = " or ".join(f"{standing.named(user)} (by {by})" for user, by in found.items())
        return [RowError(record.at_line, column, value, f"must lead to one user, not to {each}")]
    (user,) = found
    errors: list[RowError] = []
    row = Row(
        record.at_line,
        standing.users[user],
        _line(record, standing, user, errors),
        _incall(record, standing, user, errors),
        _voicemail(record, standing, user, errors),
    )
    return errors or row


def after(record: Record, was: Row, generate: Generate) -> Row | list[RowError]:
    """What the record makes of this user, or what would be wrong with it."""
    cells, sections = _cells(record, was)
    errors = list(errors_between(record.at_line, cells, sections))
    if errors or not record.sound:
        return errors
    row = rows.row(record.at_line, cells, sections, record.given, generate, of=was.user)
    # A password is asked after all else: until then the stored one stands.
    kept = was.user.password_hash if row.password else row.user.password_hash
    return row if kept == row.user.password_hash else replace(row, user=replace(row.user, password_hash=kept))


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
    theirs = standing.voicemails.get(user, [])
    meant = [box for box in theirs if box.mailbox == record.values.get("voicemailmailbox", "")]
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
