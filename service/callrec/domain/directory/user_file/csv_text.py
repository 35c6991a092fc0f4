"""Text of a user file <-> records of cells: separators, quotes, blank lines, and cells that a spreadsheet takes for formulas.

The separator is `|`; it is `,`, `;` or a tab when the header says so, or a line `sep=;` before it. The rows are never asked,
which may hold anything. What spreadsheets add is taken away: such a line, rows of nothing but separators, and empty columns
behind the last one that has a name.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from callrec.domain.directory.user_file.columns import BY_NAME
from callrec.domain.errors import Refused

if TYPE_CHECKING:
    from _csv import Reader  # what `csv.reader` gives: it has no public name

SEPARATORS = ("|", ",", ";", "\t")
SHOWN_CHARS = 80
"""How much of a wrong value an error repeats."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SUSPECT = re.compile(r"^['=+\-@\t\r]", re.MULTILINE)
_NEVER_ESCAPED = frozenset({"password"})
"""Never exported: what stands there is what somebody typed."""
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[|,;\t])"?[|,;\t ]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
"""What Excel writes or wants to be told: the first line of the file, never a record."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")

Record = tuple[int, list[str]]
"""The line at which it begins, from 1, and its cells."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One thing wrong: where (line of the file from 1, column), what was there, and why it cannot be."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}" + (f", {self.column}: {self.value!r}" if self.column else ":") + f" {self.reason}"


class FileRefused(Refused):
    """The file has errors: nothing of it is taken. `errors` holds them all, in the order of the file."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: error.line))
        more = f", and {len(self.errors) - 1} more" if len(self.errors) > 1 else ""
        super().__init__(
            "file-refused", f"{self.errors[0]}{more}", hint="nothing was changed; correct these lines first"
        )


def shown(column: str, value: str) -> str:
    """As much of a value as an error may repeat: nothing of a secret."""
    return "***" if value and column in BY_NAME and BY_NAME[column].secret else value[:SHOWN_CHARS]


def escaped(column: str, value: str) -> str:
    """The value behind an apostrophe when a spreadsheet would take it for a formula, or when it looks so escaped already."""
    return f"'{value}" if column not in _NEVER_ESCAPED and _FORMULA.match(value) else value


def escaped_column(column: str, values: Sequence[str]) -> Sequence[str]:
    """All values of a column, each `escaped`: looked at as one text first, since of millions nearly none is suspect."""
    return [escaped(column, value) for value in values] if _SUSPECT.search("\n".join(values)) else values


def unescaped(column: str, value: str) -> str:
    """The other way: `'=1+1` is `=1+1`, and `'Hooft` stays."""
    return value[1:] if value[:1] == "'" and column not in _NEVER_ESCAPED and _FORMULA.match(value) else value


def records(text: str, columns: Collection[str] = tuple(BY_NAME)) -> Iterator[Record]:
    """Every record that is not blank, the header first, blanks around cells taken away. `columns`: the names that a header may
    have, by which the separator is known. FileRefused where quoting is broken."""
    told = _SEPARATOR_LINE.match(text)
    begins = told.end() if told else 0
    separator = separator_of(text, columns)
    reader, before = _reader(text, separator, begins), 1 if told else 0
    at_line, width = before + 1, 0
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                width = width or len(_without_empty_end([cell.strip() for cell in cells]))
                # A row with too many values is refused, and may have millions of them: no part of it is copied
                if not any(map(str.strip, islice(cells, width, None))):
                    del cells[width:]
                yield at_line, [cell.strip() for cell in cells] if len(cells) <= width else cells
            at_line = before + reader.line_num + 1
    except csv.Error as error:
        raise FileRefused([RowError(at_line, "", "", f"cannot be read: {error}")]) from None


def separator_of(text: str, columns: Collection[str] = tuple(BY_NAME)) -> str:
    """The separator that the file names in its first line, or with which its header has most known columns; the first of those
    that do equally well."""
    told = _SEPARATOR_LINE.match(text)
    return told["separator"] if told else max(SEPARATORS, key=lambda one: _known_in_header(text, one, columns))


def column_of(header: str) -> str:
    """The name of a column as the table has it: neither capitals nor blanks count, which spreadsheets and people change."""
    return "".join(header.lower().split())


def _without_empty_end(cells: list[str]) -> list[str]:
    end = max(at for at, cell in enumerate(cells) if cell) + 1
    return cells[:end]


class _Lines(list[str]):
    """What is written, line by line: all that the csv module asks of a file."""

    def write(self, line: str, /) -> None:
        """Keep one line."""
        self.append(line)


def written(rows: Iterable[Sequence[str]]) -> str:
    """A file with these rows, `|` between cells."""
    lines = _Lines()
    csv.writer(lines, delimiter=SEPARATORS[0], quotechar='"', lineterminator="\n").writerows(rows)
    return "".join(lines)


def _known_in_header(text: str, separator: str, columns: Collection[str]) -> int:
    try:
        for cells in _reader(text, separator):
            if names := {column_of(cell) for cell in cells} - {""}:
                return len(names & set(columns))
    except csv.Error:
        pass
    return 0


def _reader(text: str, separator: str, begins: int = 0) -> "Reader":
    # A generator and no StringIO, which would hold the text once more with four bytes for each character.
    lines = (line[0] for line in _LINE.finditer(text, begins))
    return csv.reader(lines, delimiter=separator, quotechar='"', skipinitialspace=True, strict=True)
