"""The pages of a list: its order, and the cursors by which pages follow each other.

A cursor is the place where a page ended, not a count: entries that come or go meanwhile repeat and hide no others.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.errors import Refused
from callrec.domain.library.search_keys import Entry

MOST_COUNTED = 10_000
MOST_LIMIT = 10_000
_CURSOR_VERSION = 1


class Sort(StrEnum):
    """The order of a list. Entries with the same value are sorted by their start."""

    NEWEST = "-start"
    OLDEST = "start"
    LONGEST = "-length"
    SHORTEST = "length"

    @property
    def by_length(self) -> bool:
        """Whether the audio's length decides; entries without audio have length 0."""
        return self in {Sort.LONGEST, Sort.SHORTEST}

    @property
    def descends(self) -> bool:
        """Whether the largest comes first."""
        return self in {Sort.NEWEST, Sort.LONGEST}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a page in an order, and whether the page behind it is wanted, or the one before."""

    sort: Sort
    length_ms: int
    place: int
    is_back: bool = False

    def __str__(self) -> str:
        said = json.dumps([_CURSOR_VERSION, self.sort.value, self.length_ms, self.place, int(self.is_back)])
        return urlsafe_b64encode(said.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, sort: Sort) -> "Cursor":
        """The cursor that `str` wrote for this order. Raises Refused (`search-cursor`)."""
        try:
            found: object = json.loads(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        except (ValueError, RecursionError):  # RecursionError: JSON with very many brackets
            found = None
        match found:
            case [1, str(said), int(length_ms), int(place), 0 | 1 as back] if said == sort.value and _are_whole(found):
                return cls(sort, length_ms, place, bool(back))
        hint = "take `next` or `previous` of a page in the same order, or begin with the first page"
        raise Refused("search-cursor", "the cursor is not that of a page in this order", hint=hint)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page: at most `limit` entries behind (or before) the cursor, without the first `skip` of them."""

    sort: Sort = Sort.NEWEST
    limit: int = 100
    cursor: Cursor | None = None
    skip: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_LIMIT or self.skip < 0:
            raise ValueError(f"a page has 1 to {MOST_LIMIT} entries, and skips none or more")


@dataclass(frozen=True, slots=True)
class Row:
    """One found entry with its place in the order."""

    place: int
    length_ms: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in the wanted order, and the cursors of the pages around it; None where there is none."""

    entries: tuple[Entry, ...]
    next: Cursor | None
    previous: Cursor | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries a filter finds: exact up to 10,000; above that `number` is 10,000 and `is_exact` false."""

    number: int
    is_exact: bool

    @classmethod
    def of(cls, found: int) -> "Count":
        """Of so many that were counted, of which the engine looks for one more than MOST_COUNTED."""
        return cls(min(found, MOST_COUNTED), found <= MOST_COUNTED)


def page_of(request: PageRequest, rows: Iterable[Row]) -> Page:
    """The page of the rows that an engine found for this request: in the direction of its search, and one more than the
    limit when the search goes on."""
    found = list(rows)
    goes_on, kept = len(found) > request.limit, found[: request.limit]
    cursor = request.cursor
    is_back = cursor is not None and cursor.is_back
    if is_back:
        kept.reverse()
    has_next, has_previous = (True, goes_on) if is_back else (goes_on, cursor is not None or request.skip > 0)

    def end(row: Row, *, back: bool) -> Cursor:
        return Cursor(request.sort, row.length_ms, row.place, back)

    return Page(
        tuple(row.entry for row in kept),
        end(kept[-1], back=False) if kept and has_next else None,
        end(kept[0], back=True) if kept and has_previous else None,
    )


def _are_whole(found: Iterable[object]) -> bool:
    """JSON's true and false are whole numbers for Python."""
    return not any(isinstance(one, bool) or (isinstance(one, int) and not 0 <= one < 1 << 63) for one in found)
