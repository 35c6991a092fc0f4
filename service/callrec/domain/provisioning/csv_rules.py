"""A user file's text -> its records and every error in them, by rules that need nothing but the file.

Three stages, each a list that a new rule is added to: the rule of a column (`columns.COLUMNS`), the rules between the columns
of one row (`ROW_RULES`), and what must be unique in the file (`claims`). What only the store or the site knows is asked
later, by `planning`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from callrec.domain.provisioning.claims import Claim
from callrec.domain.provisioning.columns import BY_NAME, REQUIRED, Check, Section
from callrec.domain.provisioning.csv_text import SHOWN_CHARS, FileRefused, RowError, records, shown, unescaped
from callrec.domain.provisioning.rows import Generate, Row, tables_of
from callrec.domain.provisioning.rows import row as build

__all__ = ["FileRefused", "Generate", "Mode", "Record", "Row", "RowError", "Sheet", "parse", "read", "tables_of"]
CACHED_VALUES = 1000
"""Of how many values of a column the verdict is kept: enough for contexts and languages, little for a column of numbers."""


class Mode(StrEnum):
    """What rows mean."""

    ADD = "add"
    """Each is a new user, or one that is there already and equal."""
    UPDATE = "update"
    """Each is a user that is there; what the file has columns of becomes what it says."""


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
            rows.append(build(record.at_line, record.values, record.sections, record.given, generate))
    return rows, errors


def read(text: str, mode: Mode = Mode.ADD) -> Sheet:
    """The records of a file and what is wrong in them. Raises FileRefused when the header is wrong.

    Broken quoting ends the search early: what follows could not be understood.
    """
    found = records(text)
    _, header = next(found, (1, []))
    names = _checked_header(header, mode)
    errors: list[RowError] = []
    rows: list[Record] = []
    reading = _Reading(names)
    try:
        for at_line, cells in found:
            if len(cells) == len(names):
                rows.append(reading.record(at_line, cells, errors))
            else:
                reason = f"must have {len(names)} values as the header has, not {len(cells)}"
                errors.append(RowError(at_line, "", "", reason))
    except FileRefused as broken:
        errors += broken.errors
    if not rows and not errors:
        errors.append(RowError(2, "", "", "must be a row: the file has none"))
    return Sheet(mode, names, tuple(rows), tuple(errors))


class Verdicts(dict[str, bool]):
    """What a rule says of a value, asked once for each of the first thousand values."""

    def __init__(self, check: Check) -> None:
        super().__init__({"": True})
        self._accepts = check.accepts

    def __missing__(self, value: str) -> bool:
        verdict = self._accepts(value)
        if len(self) < CACHED_VALUES:
            self[value] = verdict
        return verdict


class _Reading:
    """A file's columns, with what is the same for every row of it looked up once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._verdicts = [Verdicts(BY_NAME[name].check) for name in names]
        self._shapes: dict[tuple[bool, ...], tuple[frozenset[str], frozenset[Section]]] = {}

    def record(self, at_line: int, cells: list[str], errors: list[RowError]) -> Record:
        """The record of these cells; what is wrong with them is added to the errors."""
        if "'" in "".join(cells):
            cells = [unescaped(name, cell) for name, cell in zip(self._names, cells, strict=True)]
        verdicts = [of_column[cell] for of_column, cell in zip(self._verdicts, cells, strict=True)]
        if not (sound := all(verdicts)):
            errors += [
                RowError(at_line, name, shown(name, cell), f"must be {BY_NAME[name].check.says}")
                for name, cell, is_good in zip(self._names, cells, verdicts, strict=True)
                if not is_good
            ]
        given, sections = self._shape(tuple(map(bool, cells)))
        return Record(at_line, dict(zip(self._names, cells, strict=True)), given, sections, sound)

    def _shape(self, filled: tuple[bool, ...]) -> tuple[frozenset[str], frozenset[Section]]:
        """Most rows have values in the same columns as others."""
        if filled not in self._shapes:
            given = frozenset(name for name, there in zip(self._names, filled, strict=True) if there)
            self._shapes[filled] = given, frozenset({Section.USER} | {BY_NAME[name].section for name in given})
        return self._shapes[filled]


def _checked_header(header: list[str], mode: Mode) -> tuple[str, ...]:
    errors = [
        RowError(1, name[:SHOWN_CHARS], name[:SHOWN_CHARS], "is no column of a user file")
        for name in header
        if name not in BY_NAME
    ]
    errors += [RowError(1, name, name, "must be there only once") for name in BY_NAME if header.count(name) > 1]
    if not header:
        errors.append(RowError(1, "", "", "must be a header: the file is empty"))
    elif not errors and mode is Mode.ADD and "firstname" not in header:
        errors.append(RowError(1, "firstname", "", "must be among the columns"))
    elif not errors and mode is Mode.UPDATE and not _finds_users(header):
        reason = "must be among the columns, or username, or phonenumber and context: a row is found by it"
        errors.append(RowError(1, "linename", "", reason))
    if errors:
        raise FileRefused(errors)
    return tuple(header)


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
                yield RowError(at_line, claim.column, claim.value, f"must be unique: line {before} has it already")
