"""Conditional and range requests (RFC 9110, 13 and 14): what of a file a request asks for, by its headers.

A file's entity tag is strong: two answers with the same tag have the same bytes. Ranges are counted in bytes; `last` belongs to
a range.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

MOST_RANGES = 8
"""More ranges in one request are refused: an answer has a head for each."""
_TAG = re.compile(r'(?P<weak>W/)?"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)"')
_RANGE = re.compile(r"(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")
_UNIT = "bytes"


class Condition(Enum):
    """What the conditions of a request lead to."""

    SEND = auto()
    NOT_MODIFIED = auto()
    """304: the client has this version already."""
    FAILED = auto()
    """412: the client wants another version."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """From byte `first` to byte `last`."""

    first: int
    last: int

    @property
    def bytes(self) -> int:
        """How many these are."""
        return self.last - self.first + 1

    def of(self, size_bytes: int) -> str:
        """As Content-Range has it."""
        return f"{_UNIT} {self.first}-{self.last}/{size_bytes}"


def condition(tag: str, if_match: Sequence[str], if_none_match: Sequence[str]) -> Condition:
    """For GET and HEAD of a file with this tag (without its quotes): If-Match first, then If-None-Match (13.2.2). Each is the
    list of the header's lines; empty when there is none. If-Match compares strongly, If-None-Match weakly (8.8.3.2)."""
    if if_match and not _names(tag, if_match, is_strong=True):
        return Condition.FAILED
    if if_none_match and _names(tag, if_none_match, is_strong=False):
        return Condition.NOT_MODIFIED
    return Condition.SEND


def is_same_file(tag: str, if_range: Sequence[str]) -> bool:
    """Whether Range counts under this If-Range: there is none, or it is this strong tag. A date never is (13.1.5)."""
    return not if_range or (len(if_range) == 1 and if_range[0].strip() == f'"{tag}"')


def ranges(lines: Sequence[str], size_bytes: int) -> tuple[ByteRange, ...] | None:
    """The ranges that the lines of a Range header ask for of a file with this size, in the order of the request.

    None: the whole file is asked for. So it is without the header, with another unit, and for text that is no range (14.2).
    Empty: 416, because no range lies in the file, there are more than `MOST_RANGES`, or two of them overlap.
    """
    unit, _, listed = lines[0].partition("=") if len(lines) == 1 else ("", "", "")
    parts = [part.strip(" \t") for part in listed.split(",")]
    parts = [part for part in parts if part]
    if unit.strip().lower() != _UNIT or not parts:
        return None
    if len(parts) > MOST_RANGES:
        return () if all(map(_is_range, parts)) else None
    found = []
    for part in parts:
        one = _RANGE.fullmatch(part)
        if one is None or not _is_range(part):
            return None
        found.append(_within(one["first"], one["last"], size_bytes))
    satisfied = [one for one in found if one is not None]
    ordered = sorted(satisfied, key=lambda one: one.first)
    if any(behind.first <= one.last for one, behind in pairwise(ordered)):
        return ()
    return tuple(satisfied)


def _within(first: str, last: str, size_bytes: int) -> ByteRange | None:
    """The part of the file that is meant; None when that is outside of it."""
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes - 1
    else:
        start, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
    return ByteRange(start, end) if start <= end else None


def _is_range(part: str) -> bool:
    """Whether this is `first-last`, `first-` or `-length`, and does not end before it begins."""
    one = _RANGE.fullmatch(part)
    if one is None or part == "-":
        return False
    return not (one["first"] and one["last"]) or int(one["first"]) <= int(one["last"])


def _names(tag: str, lines: Sequence[str], *, is_strong: bool) -> bool:
    said = ",".join(lines)
    return said.strip() == "*" or any(found == tag and not (is_weak and is_strong) for found, is_weak in _tags(said))


def _tags(said: str) -> Iterator[tuple[str, bool]]:
    """Each tag of a list, and whether it is weak."""
    return ((one["tag"], one["weak"] is not None) for one in _TAG.finditer(said))
