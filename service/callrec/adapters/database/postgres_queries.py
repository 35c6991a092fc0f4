"""How the catalogue in PostgreSQL is searched: a filter and a page as one SELECT. Which index is used the server decides by its
statistics; a condition with one term is a join, so that its entries can be read in the order of time.

The server assumes that wanted entries are spread evenly, and would read the newest ones until a page is full. For a rare number
that is all of them. So a search first counts up to FEW; when there are no more, the order is an expression that no index has, and
the server goes through the conditions' indexes and sorts what it finds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from callrec.domain.library.search import Filter
from callrec.domain.library.search_pages import MOST_COUNTED, Cursor, PageRequest, Sort

FEW = 5000
"""So many rows are found and sorted in some milliseconds."""
Value = int | str | list[str]
_HAS = "SELECT 1 FROM callrec.terms t WHERE t.place = r.place"


@dataclass(slots=True)
class Query:
    """A statement and its values, by name."""

    text: str = ""
    values: dict[str, Value] = field(default_factory=dict)

    def value(self, value: Value) -> str:
        """The placeholder of a new value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"


def page_query(wanted: Filter, request: PageRequest, *, are_few: bool = False) -> Query:
    """SELECT place, length_ms, entry: in the direction of the search, one more than the limit. `are_few`: whether no more than
    FEW entries meet the conditions."""
    query = Query()
    backwards = request.cursor is not None and request.cursor.is_back
    word = "DESC" if request.sort.descends is not backwards else "ASC"
    order = f"r.length_ms {word}, r.place {word}" if request.sort.by_length else f"r.place {word}"
    if are_few:
        order = order.replace("r.place", "(r.place + 0)").replace("r.length_ms", "(r.length_ms + 0)")
    tables = _tables(wanted, query)
    where = " AND ".join([*_conditions(wanted, query), *_behind(request.sort, request.cursor, query)])
    limit, skip = query.value(request.limit + 1), query.value(request.skip)
    query.text = (
        f"SELECT r.place, r.length_ms, r.entry FROM {tables} WHERE {where} ORDER BY {order} LIMIT {limit} OFFSET {skip}"  # noqa: S608 - our own words
    )
    return query


def few_query(wanted: Filter) -> Query | None:
    """Counts the entries, up to one more than FEW; None for a filter without a condition that may find few."""
    if not (wanted.clauses or wanted.number_text or wanted.name_text or wanted.lengths_ms):
        return None
    return count_query(wanted, FEW)


def count_query(wanted: Filter, most: int = MOST_COUNTED) -> Query:
    """Counts the entries, up to one more than `most`."""
    query = Query()
    tables = _tables(wanted, query)
    where = " AND ".join(_conditions(wanted, query))
    query.text = f"SELECT count(*) FROM (SELECT 1 FROM {tables} WHERE {where} LIMIT {most + 1}) AS found"  # noqa: S608 - our own words
    return query


def _tables(wanted: Filter, query: Query) -> str:
    tables = "callrec.recordings r"
    for nth, clause in enumerate(one for one in wanted.clauses if len(one) == 1):
        term = query.value(next(iter(clause)))
        tables += f" JOIN callrec.terms t{nth} ON t{nth}.place = r.place AND t{nth}.term = {term}"
    return tables


def _conditions(wanted: Filter, query: Query) -> Iterator[str]:
    lowest, highest = wanted.places
    yield f"r.place BETWEEN {query.value(lowest)} AND {query.value(highest)}"
    if wanted.lengths_ms:
        least, most = wanted.lengths_ms
        yield f"r.length_ms BETWEEN {query.value(least)} AND {query.value(most)}"
    for clause in wanted.clauses:
        if len(clause) != 1:
            terms = query.value(sorted(clause))
            yield f"EXISTS ({_HAS} AND t.term = ANY({terms}))"
    for term in wanted.absent:
        yield f"NOT EXISTS ({_HAS} AND t.term = {query.value(term)})"
    for column, text in (("numbers", wanted.number_text), ("names", wanted.name_text)):
        if text:
            yield f"r.{column} LIKE {query.value(_part(text))}"


def _part(text: str) -> str:
    """A pattern of LIKE for a part that is this text."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _behind(sort: Sort, cursor: Cursor | None, query: Query) -> Iterator[str]:
    if cursor is not None:
        sign = "<" if sort.descends is not cursor.is_back else ">"
        place = query.value(cursor.place)
        if sort.by_length:
            yield f"(r.length_ms, r.place) {sign} ({query.value(cursor.length_ms)}, {place})"
        else:
            yield f"r.place {sign} {place}"
