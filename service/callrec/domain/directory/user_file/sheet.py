"""The rows of a user file as they were read.

A file of 50 MiB has millions of cells, which take ten times as much memory as separate objects. So they are stored as text,
column by column, and become records one at a time, each time that the rows are iterated.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from callrec.domain.directory.user_file.columns import BY_NAME, Section
from callrec.domain.directory.user_file.csv_text import RowError

FEW = 100
"""When a column of a block has at most so many different values, equal values are one object."""
_BETWEEN = "\0"
"""Between the values of a column. No file contains it: `file_text` refuses it."""


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


class Block:
    """Consecutive rows: their line numbers in the file, and the values of each column."""

    def __init__(self, at_lines: Sequence[int], columns: Sequence[Sequence[str]], unsound: frozenset[int]) -> None:
        self.at_lines, self.unsound = array("L", at_lines), unsound
        self._columns = tuple(map(_packed, columns))

    def rows(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The line number and the cells of each row."""
        return zip(self.at_lines, zip(*map(_unpacked, self._columns), strict=True), strict=True)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole file: its rows, and the errors that the rules of the columns found in them."""

    mode: Mode
    names: tuple[str, ...]
    blocks: tuple[Block, ...]
    errors: tuple[RowError, ...]

    def records(self) -> Iterator[Record]:
        """All rows, in the order of the file."""
        shapes: dict[tuple[bool, ...], tuple[frozenset[str], frozenset[Section]]] = {}
        for block in self.blocks:
            for at_line, cells in block.rows():
                filled = tuple(map(bool, cells))
                if filled not in shapes:  # most rows have values in the same columns
                    shapes[filled] = self._shape(filled)
                values = dict(zip(self.names, cells, strict=True))
                yield Record(at_line, values, *shapes[filled], at_line not in block.unsound)

    def _shape(self, filled: Sequence[bool]) -> tuple[frozenset[str], frozenset[Section]]:
        given = frozenset(name for name, there in zip(self.names, filled, strict=True) if there)
        return given, frozenset({Section.USER} | {BY_NAME[name].section for name in given})


def _packed(values: Sequence[str]) -> str | Sequence[str]:
    """The values as one text. When one of them contains the separator, which only a refused value does: as they are."""
    text = _BETWEEN.join(values)
    return text if text.count(_BETWEEN) == len(values) - 1 else values


def _unpacked(column: str | Sequence[str]) -> Sequence[str]:
    """The values of a column. Where few differ, equal ones are one object: a third of the cells of a large file."""
    values = column.split(_BETWEEN) if isinstance(column, str) else column
    different = dict(zip(values, values, strict=True))
    return list(map(different.__getitem__, values)) if len(different) <= FEW else values
