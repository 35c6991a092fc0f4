"""A page of a table: the records that are wanted, in an order, after the last one of the page before.

A page is named by where the former one ended, not by a count: a record that comes or goes meanwhile makes no other one
come twice or be left out. It takes no sorted copy of the table, and it is written so that a thread that does it lets others
run: each step of it is short.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from typing import Generic, TypeVar

from callrec.domain.provisioning.names import folded

Record = TypeVar("Record")
Place = tuple[str | int, int, str]
"""Where a record stands in an order: by its value, then by its id (shorter ones first, so that 9 comes before 10)."""


@dataclass(frozen=True, slots=True)
class Order(Generic[Record]):
    """By which value, and from which end."""

    value: Callable[[Record], object]
    key: Callable[[Record], str]
    backwards: bool = False

    def place(self, record: Record) -> Place:
        """Where this record stands. Texts are compared without case and accents."""
        value, key = self.value(record), self.key(record)
        return (value if isinstance(value, int) else folded(str(value or ""))), len(key), key


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """Some records, where they end (None: these are the last), and how many there are in all."""

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
    """Whether a name, or a word of it, begins as somebody typed it; case and accents do not count."""
    words, wanted = folded(name).split(), " ".join(folded(typed).split())
    return any(" ".join(words[at:]).startswith(wanted) for at in range(len(words))) or not wanted
