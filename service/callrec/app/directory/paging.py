"""A page of a table: the wanted records in an order, after the last one of the page before.

A page begins at the place where the one before ended, not at a count, so that added or removed records do not repeat or hide
others. It needs no sorted copy of the table. Each of its steps is short, so that a thread that makes a page lets others run.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Generic, TypeVar

from callrec.domain.text_folding import folded

Record = TypeVar("Record")
Place = tuple[str | int, int, str]
"""A record's place in an order: its value, then its id (shorter ids first, so that 9 comes before 10)."""


@dataclass(frozen=True, slots=True)
class Order(Generic[Record]):
    """The value to sort by, and the direction."""

    value: Callable[[Record], object]
    key: Callable[[Record], str]
    backwards: bool = False

    def place(self, record: Record) -> Place:
        """The record's place in this order. Texts are compared without case and accents."""
        value, key = self.value(record), self.key(record)
        return (value if isinstance(value, int) else folded(str(value or ""))), len(key), key


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Records of one page, the place of the last one (None on the last page), and the number of all records."""

    records: tuple[Record, ...]
    ends: Place | None
    total: int


def page(
    records: Collection[Record],
    order: Order[Record],
    *,
    wanted: Callable[[Record], bool],
    limit: int,
    after: Place | None = None,
) -> Page[Record]:
    """At most `limit` of the wanted records, from where `after` ended."""
    found = [(order.place(record), record) for record in records if wanted(record)]
    rest = [entry for entry in found if after is None or (entry[0] < after if order.backwards else entry[0] > after)]
    pick = nlargest if order.backwards else nsmallest
    picked = pick(limit + 1, rest, key=lambda entry: entry[0])
    shown = picked[:limit]
    ends = shown[-1][0] if len(picked) > limit else None
    return Page(tuple(record for _, record in shown), ends, len(found))


def begins(name: str, typed: str) -> bool:
    """Whether a name, or a word in it, begins with the typed text; case and accents are ignored."""
    words, wanted = folded(name).split(), " ".join(folded(typed).split())
    return any(" ".join(words[at:]).startswith(wanted) for at in range(len(words))) or not wanted
