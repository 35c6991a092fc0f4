"""Function keys as a file: one row for each key, of any number of users, for `callrec keys import` and `export`."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.function_keys import KEY_TYPES, Takes
from callrec.domain.directory.key_sets import KeysRefused, replacing
from callrec.domain.directory.model import FunctionKey, Tables
from callrec.domain.directory.user_file.columns import FLAG
from callrec.domain.directory.user_file.csv_text import SEPARATORS, FileRefused, RowError, escaped, unescaped, written
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

COLUMNS = ("user", "number", "type", "destination", "label", "supervision")
NEEDED = COLUMNS[:3]
MOST_ROWS = 100_000
_NOTHING: Mapping[FunctionKey, str] = MappingProxyType({})
Find = Callable[[str], UserId]
"""The user that a text names. Raises Refused."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key, and the line of the file that has it."""

    at_line: int
    key: FunctionKey


def exported_keys(tables: Tables) -> str:
    """All keys as a file. A user is named by number and context, without a line by id."""
    name = _names(tables)
    keys = sorted(tables.keys, key=lambda key: (len(key.user), key.user, key.number))
    rows = ([escaped(column, text) for column, text in zip(COLUMNS, _cells(key, name), strict=True)] for key in keys)
    return written([COLUMNS, *rows])


def readable_keys(text: str, find: Find) -> list[FunctionKey]:
    """The keys of the rows that can be read. Raises FileRefused for a file that cannot be read at all."""
    return [row.key for row in _rows(text, find, [])]


def imported_keys(
    text: str, tables: Directory, find: Find, *, replace: bool = False, refused: Mapping[FunctionKey, str] = _NOTHING
) -> Edit:
    """The edit that gives users the keys of a file. A key with the same number is replaced; the user's other keys stay, but with
    `replace` they go. Users without a row are left alone. `refused`: keys whose destination is wrong for a reason that the tables
    do not have. Raises FileRefused with every error."""
    errors: list[RowError] = []
    by_user: defaultdict[UserId, list[KeyRow]] = defaultdict(list)
    for row in _rows(text, find, errors):
        by_user[row.key.user].append(row)
        if reason := refused.get(row.key):
            errors.append(RowError(row.at_line, "destination", row.key.destination, reason))
    changes: list[Change] = []
    for user, rows in by_user.items():
        numbers = {row.key.number for row in rows}
        stay = [] if replace else [key for key in tables.keys_of(user) if key.number not in numbers]
        try:
            changes += replacing(user, [*stay, *(row.key for row in rows)], tables).changes
        except KeysRefused as error:
            for fault in error.faults:
                row = rows[max(0, fault.at - len(stay))]
                errors.append(RowError(row.at_line, fault.field, str(getattr(row.key, fault.field)), fault.reason))
    if errors:
        raise FileRefused(errors)
    return Edit(tuple(changes))


def _names(tables: Tables) -> Mapping[str, str]:
    """How a file names each user."""
    found: dict[str, str] = {user.id: f"id:{user.id}" for user in tables.users}
    for line in reversed(tables.lines):
        found[line.user] = f"{line.number}@{line.context}"
    return found


def _cells(key: FunctionKey, name: Mapping[str, str]) -> Sequence[str]:
    is_user = KEY_TYPES[key.type].takes is Takes.USER
    leads = name.get(key.destination, key.destination) if is_user else key.destination
    return name.get(key.user, key.user), str(key.number), key.type, leads, key.label, str(int(key.supervision))


def _rows(text: str, find: Find, errors: list[RowError]) -> Iterator[KeyRow]:
    found = _records(text)
    at_line, header = next(found, (1, []))
    names = ["".join(cell.lower().split()) for cell in header]
    errors += _header_errors(at_line, names)
    if errors:
        return
    count = 0
    for at_line, cells in found:
        count += 1
        if count > MOST_ROWS:
            raise Refused("file-too-large", f"the file has more than {MOST_ROWS:,} rows", hint="split it")
        if len(cells) != len(names):
            reason = f"must have as many values as the header: {len(names)}, not {len(cells)}"
            errors.append(RowError(at_line, "", "", reason))
            continue
        values = {name: unescaped(name, cell.strip()) for name, cell in zip(names, cells, strict=True)}
        key = _key(at_line, values, find, errors)
        if key is not None:
            yield KeyRow(at_line, key)
    if not count:
        errors.append(RowError(at_line, "", "", "must be a row: the file has none"))


def _header_errors(at_line: int, names: Sequence[str]) -> Iterator[RowError]:
    for name in names:
        if name not in COLUMNS:
            yield RowError(
                at_line, name[:80], name[:80], f"is no column of a file of keys; they are {', '.join(COLUMNS)}"
            )
        elif names.count(name) > 1:
            yield RowError(at_line, name, name, "must be there only once")
    for name in NEEDED:
        if name not in names:
            yield RowError(at_line, name, "", "must be among the columns")


def _key(at_line: int, values: Mapping[str, str], find: Find, errors: list[RowError]) -> FunctionKey | None:
    """The key of a row; None when a value cannot be read, which is then among the errors."""
    before = len(errors)
    number, lit = values["number"], FLAG.spelt([values.get("supervision", "")])[0]
    if not (number.isascii() and number.isdecimal() and len(number) <= len("250")):
        errors.append(RowError(at_line, "number", number[:80], "must be a number from 1 to 250"))
    if lit not in {"", "0", "1"}:
        errors.append(RowError(at_line, "supervision", lit[:80], f"must be {FLAG.says}"))
    user = _found(at_line, "user", values["user"], find, errors)
    kind, leads = KEY_TYPES.get(values["type"]), values.get("destination", "")
    if kind and kind.takes is Takes.USER:
        leads = _found(at_line, "destination", leads, find, errors)
    if len(errors) > before:
        return None
    return FunctionKey(UserId(user), int(number), values["type"], leads, values.get("label", ""), lit == "1")


def _found(at_line: int, column: str, text: str, find: Find, errors: list[RowError]) -> str:
    try:
        return find(text)
    except Refused as refused:
        errors.append(RowError(at_line, column, text[:80], f"must be a user: {refused.message}"))
        return ""


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The records that are not blank, each with its line. The separator is the one with which the header has most columns."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    at_line = 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield at_line, cells
            at_line = reader.line_num + 1
    except csv.Error as error:
        raise FileRefused([RowError(at_line, "", "", f"cannot be read: {error}")]) from None
