"""A user file's text -> its records and every error in them, by rules that need nothing but the file.

Three stages, each a list that a new rule is added to: the rule of a column (`columns.COLUMNS`), the rules between the columns
of one row (`ROW_RULES`), and what must be unique in the file (`claims`). What only the store or the site knows is asked
later, by `planning`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import NamedTuple

from callrec.domain.provisioning.claims import WHY_ONCE, Claim
from callrec.domain.provisioning.columns import BY_NAME, REQUIRED, Section
from callrec.domain.provisioning.csv_text import (
    SHOWN_CHARS,
    FileRefused,
    RowError,
    column_of,
    records,
    shown,
    unescaped,
)
from callrec.domain.provisioning.rows import Generate, Row, tables_of
from callrec.domain.provisioning.rows import row as build

__all__ = ["FileRefused", "Generate", "Mode", "Record", "Row", "RowError", "Sheet", "parse", "read", "tables_of"]
FEW = 100
"""So many values of a column are kept once for all rows."""
TOGETHER = 1000
"""How many rows the rules of the columns are asked of at once."""


class Mode(StrEnum):
    """What rows mean."""

    ADD = "add"
    """Each is a new user, or one that is there already and equal."""
    UPDATE = "update"
    """Each is a user that is there; what the file has columns of becomes what it says."""
    MERGE = "merge"
    """Each is a user that is there, and becomes what it says, or a new one."""


class Record(NamedTuple):
    """One row as it stands in the file."""

    at_line: int
    values: dict[str, str]
    """By column, without the blanks around and the apostrophe before a formula."""
    given: frozenset[str]
    """The columns that have a value in it."""
    sections: frozenset[Section]
    """Those of which any column has a value; the user's always."""
    sound: bool
    """No rule of a column is broken."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole file: its records, and the errors in them that the rules of the columns found."""

    mode: Mode
    names: tuple[str, ...]
    records: tuple[Record, ...]
    errors: tuple[RowError, ...]


RowRule = Callable[[Mapping[str, str], frozenset[Section]], Iterator[tuple[str, str]]]


def parse(text: str, generate: Generate) -> tuple[Row, ...]:
    """All rows of a good file of new users; FileRefused with every error of any other."""
    sheet = read(text)
    rows, errors = rows_of(sheet, generate)
    errors += taken_twice((row.at_line, row.claims()) for row in rows)
    if errors:
        raise FileRefused(errors)
    return tuple(rows)


def rows_of(sheet: Sheet, generate: Generate) -> tuple[list[Row], list[RowError]]:
    """(the rows of new users in which nothing is wrong, every error of the others)."""
    errors = list(sheet.errors)
    rows: list[Row] = []
    for record in sheet.records:
        found = list(errors_between(record.at_line, record.values, record.sections))
        errors += found
        if record.sound and not found:
            rows.append(new_row(record, generate))
    return rows, errors


def new_row(record: Record, generate: Generate) -> Row:
    """The new user that a good record describes."""
    return build(record.at_line, record.values, record.sections, record.given, generate)


def read(text: str, mode: Mode = Mode.ADD) -> Sheet:
    """The records of a file and what is wrong in them. Raises FileRefused when the header is wrong.

    Broken quoting ends the search early: what follows could not be understood.
    """
    found = records(text)
    at_line, header = next(found, (1, []))
    reading = _Reading(_checked_header(at_line, header, mode))
    try:
        for at_line, cells in found:
            reading.take(at_line, cells)
    except FileRefused as broken:
        reading.errors += broken.errors
    reading.judge()
    if not reading.records and not reading.errors:
        reading.errors.append(RowError(at_line + 1, "", "", "must be a row: the file has none"))
    return Sheet(mode, reading.names, tuple(reading.records), tuple(reading.errors))


class _Reading:
    """A file's columns, and what of it is read. The rules of the columns are asked of many rows at once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.records: list[Record] = []
        self.errors: list[RowError] = []
        self._spelt = [(place, name) for place, name in enumerate(names) if BY_NAME[name].check.spellings]
        self._taken: list[tuple[int, list[str]]] = []
        self._common: list[dict[str, str]] = [{} for _ in names]
        self._shapes: dict[tuple[bool, ...], tuple[frozenset[str], frozenset[Section]]] = {}

    def take(self, at_line: int, cells: list[str]) -> None:
        """One more row."""
        if len(cells) != len(self.names):
            reason = f"must have {len(self.names)} values as the header has, not {len(cells)}"
            self.errors.append(RowError(at_line, "", "", reason))
            return
        if "'" in "".join(cells):
            cells = [unescaped(name, cell) for name, cell in zip(self.names, cells, strict=True)]
        self._taken.append((at_line, cells))
        if len(self._taken) == TOGETHER:
            self.judge()

    def judge(self) -> None:
        """Make records of the rows that were taken, and errors of what is wrong with them."""
        self._spell()
        errors = sorted(self._wrong(), key=attrgetter("line"))
        unsound = {error.line for error in errors}
        self.errors += errors
        for at_line, cells in self._taken:
            given, sections = self._shape(tuple(map(bool, cells)))
            values = dict(zip(self.names, map(_one_of, self._common, cells), strict=True))
            self.records.append(Record(at_line, values, given, sections, at_line not in unsound))
        self._taken.clear()

    def _spell(self) -> None:
        """Put words in the place of their other spellings."""
        for place, name in self._spelt:
            values = [cells[place] for _, cells in self._taken]
            spelt = BY_NAME[name].check.spelt(values)
            if spelt is not values:
                for (_, cells), value in zip(self._taken, spelt, strict=True):
                    cells[place] = value

    def _wrong(self) -> Iterator[RowError]:
        for name, values in zip(self.names, zip(*(cells for _, cells in self._taken), strict=True), strict=False):
            for place in BY_NAME[name].check.refused(values):
                at_line, _ = self._taken[place]
                yield RowError(at_line, name, shown(name, values[place]), f"must be {BY_NAME[name].check.says}")

    def _shape(self, filled: tuple[bool, ...]) -> tuple[frozenset[str], frozenset[Section]]:
        """Most rows have values in the same columns as others."""
        if filled not in self._shapes:
            given = frozenset(name for name, there in zip(self.names, filled, strict=True) if there)
            self._shapes[filled] = given, frozenset({Section.USER} | {BY_NAME[name].section for name in given})
        return self._shapes[filled]


def _one_of(common: dict[str, str], cell: str) -> str:
    """The same text, as one object in all rows where a column has few values: of a large file that is a third of its cells."""
    if len(common) < FEW:
        return common.setdefault(cell, cell)
    return common.get(cell, cell)


def _checked_header(at_line: int, header: list[str], mode: Mode) -> tuple[str, ...]:
    def error(column: str, reason: str) -> RowError:
        return RowError(at_line, column, column, reason)

    names = tuple(map(column_of, header))
    errors = [
        error(said[:SHOWN_CHARS], "is no column of a user file")
        for said, name in zip(header, names, strict=True)
        if said and name not in BY_NAME
    ]
    errors += [error(name, "must be there only once") for name in BY_NAME if names.count(name) > 1]
    if header and not errors and "" in names:
        reason = f"must have a name in column {names.index('') + 1}: name it, or delete the column"
        errors.append(error("", reason))
    elif not header:
        errors.append(error("", "must be a header: the file is empty"))
    elif len([name for name in names if name]) == len(errors) > 1:
        # A row of a user stands here, perhaps: its values are nobody's to repeat
        errors = [error("", "must be a header: none of its values is the name of a column")]
    elif not errors and mode is Mode.ADD and "firstname" not in names:
        errors.append(RowError(at_line, "firstname", "", "must be among the columns"))
    elif not errors and mode is not Mode.ADD and not _finds_users(names):
        reason = "must be among the columns, or username, or phonenumber and context: a row is found by it"
        errors.append(RowError(at_line, "linename", "", reason))
    if errors:
        raise FileRefused(errors)
    return names


def _finds_users(header: Sequence[str]) -> bool:
    return bool({"linename", "username"} & set(header)) or {"phonenumber", "context"} <= set(header)


def errors_between(at_line: int, values: Mapping[str, str], sections: frozenset[Section]) -> Iterator[RowError]:
    """What is missing in a row, and what does not go together in it."""
    for name, section in _required(sections):
        if not values.get(name):
            yield RowError(at_line, name, "", f"must have a value: it is required for a {section}")
    for rule in ROW_RULES:
        for name, reason in rule(values, sections):
            yield RowError(at_line, name, shown(name, values.get(name, "")), reason)


@cache
def _required(sections: frozenset[Section]) -> tuple[tuple[str, Section], ...]:
    return tuple((column.name, column.section) for column in REQUIRED if column.section in sections)


def _client_needs_a_login(values: Mapping[str, str], _: frozenset[Section]) -> Iterator[tuple[str, str]]:
    if values.get("enableclient") == "1":
        if not values.get("username"):
            yield "username", "must have a value when enableclient is 1"
        if not (values.get("password") or values.get("passwordhash")):
            yield "password", "must have a value when enableclient is 1"


def _one_password(values: Mapping[str, str], _: frozenset[Section]) -> Iterator[tuple[str, str]]:
    if values.get("password") and values.get("passwordhash"):
        yield "password", "must be empty when there is a passwordhash: give one of them"


def _voicemail_needs_language_and_line(
    values: Mapping[str, str], sections: frozenset[Section]
) -> Iterator[tuple[str, str]]:
    if Section.VOICEMAIL not in sections:
        return
    if not values.get("language"):
        yield "language", "must have a value when a voicemail is added"
    if Section.LINE not in sections:
        yield "phonenumber", "must have a value when a voicemail is added: it belongs to a line"


def _only_sip_has_names(values: Mapping[str, str], _: frozenset[Section]) -> Iterator[tuple[str, str]]:
    if values.get("protocol") == "sccp":
        for name in ("linename", "linesecret"):
            if values.get(name):
                yield name, "must be empty for an SCCP line: it is named after its number"


ROW_RULES: tuple[RowRule, ...] = (
    _client_needs_a_login,
    _one_password,
    _voicemail_needs_language_and_line,
    _only_sip_has_names,
)
"""(values, sections) -> (column, reason) of each broken rule between the columns of one row."""


def taken_twice(claimed: Iterable[tuple[int, Iterable[Claim]]]) -> Iterator[RowError]:
    """What two lines of the file take, named with the first of them."""
    first: dict[tuple[str, str], int] = {}
    for at_line, claims in claimed:
        for claim in claims:
            before = first.setdefault((claim.kind, claim.key), at_line)
            if before != at_line:
                why = WHY_ONCE.get(claim.kind, "")
                yield RowError(at_line, claim.column, claim.value, f"must be unique: line {before} has it already{why}")
