"""A user file's text -> its records and every error in them, by rules that need nothing but the file.

Three stages, each a list that a new rule is added to: the rule of a column (`columns.COLUMNS`), the rules between the columns
of one row (`ROW_RULES`), and what must be unique in the file (`claims`). What only the store or the site knows is asked
later, by `planning`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import attrgetter

from callrec.domain.directory.doubles import Doubles
from callrec.domain.directory.unique_keys import WHY_ONCE, Claim, Kind
from callrec.domain.directory.user_file.columns import BY_NAME, REQUIRED, Section
from callrec.domain.directory.user_file.csv_text import (
    SHOWN_CHARS,
    FileRefused,
    RowError,
    column_of,
    records,
    shown,
    unescaped,
)
from callrec.domain.directory.user_file.rows import Generate, Row
from callrec.domain.directory.user_file.rows import row as build
from callrec.domain.directory.user_file.sheet import Block, Mode, Record, Sheet
from callrec.domain.errors import Refused

__all__ = ["FileRefused", "Generate", "Mode", "Record", "Row", "RowError", "Sheet", "parse", "read"]
TOGETHER = 1000
"""How many rows the rules of the columns are asked of at once."""
MOST_ROWS = 500_000
"""The most rows of a file: each row takes some kilobytes of memory until its user is stored, however short it is."""
MOST_WRONG = 100_000
"""After so many errors in the values of columns the rest of a file is not checked: half a million rows can have ten million."""

RowRule = Callable[[Mapping[str, str], frozenset[Section]], Iterator[tuple[str, str]]]


def parse(text: str, generate: Generate) -> tuple[Row, ...]:
    """All rows of a good file of new users; FileRefused with every error of any other."""
    sheet, doubles = read(text), Doubles()
    errors = list(sheet.errors)
    rows = tuple(rows_of(sheet, generate, errors))
    for row in rows:
        remember(row.claims(), doubles)
    errors += taken_twice(((row.at_line, row.claims()) for row in rows), doubles.suspects())
    if errors:
        raise FileRefused(errors)
    return rows


def rows_of(sheet: Sheet, generate: Generate, errors: list[RowError]) -> Iterator[Row]:
    """The rows of new users without errors. The errors of the other rows are added to `errors`."""
    for record in sheet.records():
        found = list(errors_between(record.at_line, record.values, record.sections))
        errors += found
        if record.sound and not found:
            yield new_row(record, generate)


def new_row(record: Record, generate: Generate) -> Row:
    """The new user that a good record describes."""
    return build(record.at_line, record.values, record.sections, record.given, generate)


def read(text: str, mode: Mode = Mode.ADD) -> Sheet:
    """The rows of a file and what is wrong in them. Raises FileRefused when the header is wrong, Refused for more than MOST_ROWS.

    Broken quoting ends the search early, since what follows could not be understood, and so do more than MOST_WRONG errors.
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
    if not reading.blocks and not reading.errors:
        reading.errors.append(RowError(at_line + 1, "", "", "must be a row: the file has none"))
    return Sheet(mode, reading.names, tuple(reading.blocks), tuple(reading.errors))


class _Reading:
    """A file's columns, and what of it is read. The rules of the columns are asked of many rows at once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.blocks: list[Block] = []
        self.errors: list[RowError] = []
        self._rows = 0
        self._lines: list[int] = []
        self._taken: list[list[str]] = []

    def take(self, at_line: int, cells: list[str]) -> None:
        """Add a row. Raises Refused for one too many, FileRefused after too many errors."""
        self._rows += 1
        if self._rows > MOST_ROWS:
            raise Refused("file-too-large", f"the file has more than {MOST_ROWS:,} rows", hint="split it")
        if len(self.errors) > MOST_WRONG:
            reason = f"was not checked, nor were the lines after it: the lines before it have more than {MOST_WRONG:,} errors"
            raise FileRefused([RowError(at_line, "", "", reason)])
        if len(cells) != len(self.names):
            reason = f"must have as many values as the header: {len(self.names)}, not {len(cells)}"
            self.errors.append(RowError(at_line, "", "", reason))
            return
        if "'" in "".join(cells):
            cells = [unescaped(name, cell) for name, cell in zip(self.names, cells, strict=True)]
        self._lines.append(at_line)
        self._taken.append(cells)
        if len(self._taken) == TOGETHER:
            self.judge()

    def judge(self) -> None:
        """Make a block of the rows that were taken, and errors of what is wrong with them."""
        if not self._taken:
            return
        columns = [
            BY_NAME[name].check.spelt(values)
            for name, values in zip(self.names, zip(*self._taken, strict=True), strict=True)
        ]
        errors = sorted(self._wrong(columns), key=attrgetter("line"))
        self.errors += errors
        self.blocks.append(Block(self._lines, columns, frozenset(error.line for error in errors)))
        self._lines, self._taken = [], []

    def _wrong(self, columns: Sequence[Sequence[str]]) -> Iterator[RowError]:
        for name, values in zip(self.names, columns, strict=True):
            for place in BY_NAME[name].check.refused(values):
                reason = f"must be {BY_NAME[name].check.says}"
                yield RowError(self._lines[place], name, shown(name, values[place]), reason)


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
        # This may be a user's row in place of the header: the message must not repeat its values
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


def remember(claims: Iterable[Claim], doubles: Doubles) -> None:
    """Add the unique keys of a row."""
    for claim in claims:
        doubles.add((claim.kind, claim.key))


def taken_twice(claimed: Iterable[tuple[int, Iterable[Claim]]], suspects: frozenset[int]) -> Iterator[RowError]:
    """Errors for unique keys that two lines of the file have. `claimed` is not iterated when no hash is suspect."""
    first: dict[tuple[Kind, str], int] = {}
    for at_line, claims in claimed if suspects else ():
        for claim in claims:
            key = claim.kind, claim.key
            if hash(key) in suspects and (before := first.setdefault(key, at_line)) != at_line:
                why = WHY_ONCE.get(claim.kind, "")
                yield RowError(at_line, claim.column, claim.value, f"must be unique: line {before} has it already{why}")
