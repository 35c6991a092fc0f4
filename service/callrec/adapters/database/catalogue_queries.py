"""How the catalogue in SQLite is searched: a filter and a page as one SELECT.

A page of the newest entries must not cost more when the catalogue is large. So the search goes through one condition's entries in
the order of the list, looks the others up for each, and stops when the page is full. Which condition that is decides the time:

- one with few entries (`FEW`), if there is any: they are all read and sorted;
- else a part of a number or a name, whose index is in the order of time;
- else a single term, whose entries are in the order of time;
- else all entries, in the order of the list.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from callrec.domain.library.search import Filter
from callrec.domain.library.search_pages import MOST_COUNTED, PageRequest

FEW = 5000
"""So many rows are read and sorted in a few milliseconds."""
_OF_TERMS = "SELECT DISTINCT place FROM terms WHERE term IN (SELECT value FROM json_each(?)) AND place BETWEEN ? AND ?"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement and its values."""

    text: str
    values: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """What a search goes through: the FROM clause with `recordings` as r, and the conditions that it needs. `place`: the column
    by which its rows are in the order of time. `meets`: the clause of the filter that it fulfils by itself."""

    tables: str
    where: tuple[Query, ...] = ()
    place: str = "r.place"
    meets: frozenset[str] | None = None


Counted = Callable[[Query], int]
"""Runs a query that counts."""


def page_query(wanted: Filter, request: PageRequest, counted: Counted) -> Query:
    """SELECT place, length_ms, entry: in the direction of the search, one more than the limit."""
    source = _source(wanted, counted, by_length=request.sort.by_length)
    backwards = request.cursor is not None and request.cursor.is_back
    word = "DESC" if request.sort.descends is not backwards else "ASC"
    length = (f"r.length_ms {word}, ", f"p.length_ms {word}, ") if request.sort.by_length else ("", "")
    where, values = _joined([*_conditions(wanted, source, _span(wanted, request)), *_behind(request)])
    # Places first, texts afterwards: what is sorted and skipped is two numbers for each entry
    order = f"{length[0]}{source.place} {word} LIMIT ? OFFSET ?"
    found = f"SELECT r.place, r.length_ms FROM {source.tables}{where} ORDER BY {order}"  # noqa: S608 - our own words
    columns = f"p.place, p.length_ms, e.entry FROM ({found}) p JOIN entries e ON e.place = p.place"
    text = f"SELECT {columns} ORDER BY {length[1]}p.place {word}"
    return Query(text, (*values, request.limit + 1, request.skip))


def count_query(wanted: Filter, counted: Counted) -> Query:
    """Counts the entries, up to one more than MOST_COUNTED."""
    source = _source(wanted, counted, by_length=False)
    where, values = _joined(list(_conditions(wanted, source, wanted.places)))
    return _up_to(MOST_COUNTED + 1, Query(f"FROM {source.tables}{where}", values))


def _source(wanted: Filter, counted: Counted, *, by_length: bool) -> _Source:
    """The best one, as the module says."""
    every = "recordings r INDEXED BY by_length" if by_length else "recordings r"
    few, dense, least = None, None, FEW + 1
    for source, count in _counted_sources(wanted, counted):
        if count < least:
            few, least = source, count
        if source.meets is not None and len(source.meets) == 1 and dense is None:
            dense = source
    if few is not None:
        return few
    if parts := _matching(wanted):
        source = _Source("parts d CROSS JOIN recordings r ON r.place = d.rowid", (parts,), "d.rowid")
        if not by_length or counted(_up_to(FEW + 1, Query(f"FROM parts d WHERE {parts.text}", parts.values))) <= FEW:
            return source
    return dense if dense is not None and not by_length else _Source(every)


def _counted_sources(wanted: Filter, counted: Counted) -> Iterator[tuple[_Source, int]]:
    """Each index that one condition has, and how many of its entries are in the wanted time, up to FEW + 1."""
    span = wanted.places
    for clause in wanted.clauses:
        terms = json.dumps(sorted(clause))
        count = counted(_up_to(FEW + 1, Query(f"FROM ({_OF_TERMS})", (terms, *span))))
        if len(clause) == 1:
            one = Query("d.term = ?", tuple(clause))
            yield _Source("terms d CROSS JOIN recordings r ON r.place = d.place", (one,), "d.place", clause), count
        else:
            few = Query(f"r.place IN ({_OF_TERMS})", (terms, *span))
            yield _Source("recordings r", (few,), meets=clause), count
    if wanted.lengths_ms:
        between = Query("FROM recordings WHERE length_ms BETWEEN ? AND ?", wanted.lengths_ms)
        yield _Source("recordings r INDEXED BY by_length"), counted(_up_to(FEW + 1, between))
    if wanted.from_s is not None or wanted.to_s is not None:
        yield (
            _Source("recordings r"),
            counted(_up_to(FEW + 1, Query("FROM recordings WHERE place BETWEEN ? AND ?", span))),
        )


def _conditions(wanted: Filter, source: _Source, span: tuple[int, int]) -> Iterator[Query]:
    """`span`: the lowest and the highest place that is wanted."""
    yield from source.where
    yield Query(f"{source.place} BETWEEN ? AND ?", span)
    if wanted.lengths_ms:
        yield Query("r.length_ms BETWEEN ? AND ?", wanted.lengths_ms)
    for clause in wanted.clauses:
        if clause != source.meets:
            has = (
                "EXISTS (SELECT 1 FROM terms t WHERE t.place = r.place AND t.term IN (SELECT value FROM json_each(?)))"
            )
            yield Query(has, (json.dumps(sorted(clause)),))
    for term in wanted.absent:
        yield Query("NOT EXISTS (SELECT 1 FROM terms t WHERE t.term = ? AND t.place = r.place)", (term,))
    if not source.tables.startswith("parts"):
        for column, text in _parts(wanted):
            found = f"EXISTS (SELECT 1 FROM parts p WHERE p.rowid = r.place AND instr(p.{column}, ?) > 0)"  # noqa: S608 - our own words
            yield Query(found, (text,))


def _parts(wanted: Filter) -> Iterator[tuple[str, str]]:
    if wanted.number_text:
        yield "numbers", wanted.number_text
    if wanted.name_text:
        yield "names", wanted.name_text


def _matching(wanted: Filter) -> Query | None:
    """Searches the full-text index of groups of three characters, which finds exactly the texts with this part."""
    said = [f'{column} : "{text.replace(chr(34), chr(34) * 2)}"' for column, text in _parts(wanted)]
    return Query("d.parts MATCH ?", (" AND ".join(said),)) if said else None


def _span(wanted: Filter, request: PageRequest) -> tuple[int, int]:
    """The lowest and the highest place that may be in this page. In the order of time the cursor is one of the bounds, so that
    the search begins there."""
    lowest, highest = wanted.places
    cursor = request.cursor
    if cursor is None or request.sort.by_length:
        return lowest, highest
    if request.sort.descends is not cursor.is_back:
        return lowest, min(highest, cursor.place - 1)
    return max(lowest, cursor.place + 1), highest


def _behind(request: PageRequest) -> Iterator[Query]:
    """In the order of length: behind the cursor."""
    sort, cursor = request.sort, request.cursor
    if cursor is not None and sort.by_length:
        sign = "<" if sort.descends is not cursor.is_back else ">"
        yield Query(f"(r.length_ms, r.place) {sign} (?, ?)", (cursor.length_ms, cursor.place))


def _joined(conditions: list[Query]) -> tuple[str, tuple[str | int, ...]]:
    text = " AND ".join(one.text for one in conditions)
    return f" WHERE {text}", tuple(value for one in conditions for value in one.values)


def _up_to(most: int, rows: Query) -> Query:
    """Counts these rows, but no more than `most`."""
    return Query(f"SELECT count(*) FROM (SELECT 1 {rows.text} LIMIT {most})", rows.values)  # noqa: S608 - our own words
