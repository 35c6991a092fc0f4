"""The tables -> a user file that makes the same users again, and what no such file can say."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, islice, product

from callrec.domain.directory.model import Tables
from callrec.domain.directory.services import has_services
from callrec.domain.directory.user_file import rows
from callrec.domain.directory.user_file.columns import BY_NAME, COLUMNS, Section
from callrec.domain.directory.user_file.csv_text import escaped_column, written
from callrec.domain.directory.user_file.existing_records import Owned, by_user
from callrec.domain.directory.user_file.file_rules import TOGETHER, errors_between
from callrec.domain.directory.user_file.rows import Row
from callrec.domain.rules import RecordRules, UserId

_NOT_STORED = frozenset({"password", "callerid"})
NAMES = tuple(column.name for column in COLUMNS if column.name not in _NOT_STORED)
PUBLIC_NAMES = tuple(name for name in NAMES if not BY_NAME[name].secret)
_NO_RULES = RecordRules()
_SECTIONS = {
    there: frozenset({Section.USER, *compress((Section.LINE, Section.INCALL, Section.VOICEMAIL), there)})
    for there in product((False, True), repeat=3)
}
"""By whether there is a line, an incall, a voicemail."""
_EXAMPLE = {
    "entityid": "1", "firstname": "John", "lastname": "Doe", "language": "en_US", "enableclient": "0", "username": "john.doe",
    "profileclient": "client", "outcallerid": "default", "mobilephonenumber": "00123456789", "bosssecretary": "no",
    "enablehint": "1", "enablexfer": "1", "phonenumber": "1000", "context": "default", "protocol": "sip", "linename": "jdoe",
    "incallexten": "2050", "incallcontext": "from-extern", "incallringseconds": "30", "voicemailname": "John Doe",
    "voicemailmailbox": "1000", "voicemailpassword": "1234", "voicemailemail": "john@example.com", "voicemailattach": "0",
    "voicemaildelete": "0", "voicemailskippass": "0", "callrecord": "0", "onlinerecord": "1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remark:
    """What of a user the file does not say."""

    user: UserId
    name: str
    says: str


def template() -> str:
    """A file with every column and one row as an example."""
    names = tuple(column.name for column in COLUMNS)
    return written([names, [_EXAMPLE.get(name, "") for name in names]])


def exported(tables: Tables, *, secrets: bool = True) -> tuple[str, list[Remark]]:
    """(the file, what it leaves out). Without secrets it says no password of any kind."""
    names = NAMES if secrets else PUBLIC_NAMES
    lines: list[Sequence[str]] = [names]
    remarks: list[Remark] = []
    blank = dict.fromkeys(NAMES, "")
    every = _rows(tables)
    while some := list(islice(every, TOGETHER)):  # what is asked of a value is asked of all of its column at once
        cells = [blank | rows.cells(row) for row, _ in some]
        columns = dict(zip(NAMES, zip(*map(dict.values, cells), strict=True), strict=True))
        lines += zip(*(escaped_column(name, columns[name]) for name in names), strict=True)
        wrong = _wrong(columns)
        for place, ((row, beyond), of_row) in enumerate(zip(some, cells, strict=True)):
            said = _remarks(row, of_row, beyond, wrong.get(place, ()))
            remarks += [Remark(row.user.id, row.user.name, says) for says in said]
    return written(lines), remarks


def _wrong(columns: Mapping[str, Sequence[str]]) -> dict[int, list[str]]:
    """By row the columns whose values an import would not take as they are."""
    found: dict[int, list[str]] = {}
    for name, values in columns.items():
        refused = set(BY_NAME[name].check.refused(values))
        stripped = tuple(map(str.strip, values))
        if values != stripped:
            refused |= {
                place for place, (value, bare) in enumerate(zip(values, stripped, strict=True)) if value != bare
            }
        for place in sorted(refused):
            found.setdefault(place, []).append(name)
    return found


def _rows(tables: Tables) -> Iterator[tuple[Row, list[str]]]:
    """Each user with the first of each section, and what there is more that no row holds."""
    of_lines, of_incalls, of_boxes = by_user(tables.lines), by_user(tables.incalls), by_user(tables.voicemails)
    with_keys = {key.user for key in tables.keys}
    for nth, user in enumerate(tables.users, start=2):
        lines = of_lines.get(user.id, ())
        incalls = of_incalls.get(user.id, ())
        boxes = of_boxes.get(user.id, ())
        row = Row(nth, user, _first(lines), _first(incalls), _first(boxes))
        named: tuple[tuple[str, Sequence[object]], ...] = (("line", lines), ("incall", incalls), ("voicemail", boxes))
        beyond = [f"{table_record}s but the first" for table_record, all_ in named if len(all_) > 1]
        yield row, beyond + ["function keys"] * (user.id in with_keys)


def _first(table_records: Sequence[Owned]) -> Owned | None:
    return table_records[0] if table_records else None


def _remarks(row: Row, cells: Mapping[str, str], beyond: list[str], wrong: Sequence[str]) -> Iterator[str]:
    """What is left out, and what an import would refuse or make otherwise."""
    at, line, incall, box = f"line {row.at_line}", row.line, row.incall, row.voicemail
    left_out = beyond + ["rules"] * (row.user.rules != _NO_RULES) + ["services"] * has_services(row.user)
    left_out += ["record of the incall"] * (incall is not None and incall.record is not None)
    if left_out:
        yield f"left out: {', '.join(left_out)}"
    for error in errors_between(row.at_line, cells, _SECTIONS[line is not None, incall is not None, box is not None]):
        yield f"{at}, {error.column} {error.reason}"
    for name in wrong:
        yield f"{at}, {name} must be {BY_NAME[name].check.says}"
    if line and box and box.context != line.context:
        yield f"{at}, voicemailmailbox is not in the line's context"
    if line and line.protocol == "sip" and not line.secret:
        yield f"{at}, linesecret is empty: an import makes one"
