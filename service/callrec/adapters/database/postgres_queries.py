"""How the catalogue in PostgreSQL is searched: a filter and a page as one SELECT. Places come first, texts afterwards: what is
sorted and skipped is a number or two for each entry.

The server assumes that wanted entries are spread evenly, and would read the newest ones until a page is full. For a rare number
that is all of them. So:

- A filter with single terms goes through the entries of the rarest one, which its index has in the order of time.
- Any other condition finds up to FEW entries by its own index, which are sorted. When there are more, the search goes through all
  entries in the order of the list: they are dense then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from callrec.domain.library.search import Filter
from callrec.domain.library.search_pages import MOST_COUNTED, PageRequest

FEW = 5000
"""So many rows are found and sorted in some milliseconds."""
Value = int | str | list[str]


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


def single_terms(wanted: Filter) -> Sequence[str]:
    """The terms that every wanted entry has."""
    return [next(iter(clause)) for clause in wanted.clauses if len(clause) == 1]


def is_found_by_terms(wanted: Filter, request: PageRequest | None = None) -> bool:
    """Whether the index of terms answers this, in the order of the list (None: in no order)."""
    in_order = request is None or not request.sort.by_length
    return bool(in_order and single_terms(wanted) and not (wanted.number_text or wanted.name_text or wanted.lengths_ms))


def frequencies_query(wanted: Filter) -> Query:
    """Counts the entries of each single term in the wanted time, up to one more than FEW."""
    query = Query()
    lowest, highest = map(query.value, wanted.places)
    counts = (
        f"(SELECT count(*) FROM (SELECT 1 FROM callrec.terms WHERE term = {query.value(term)}"  # noqa: S608 - our own words
        f" AND place BETWEEN {lowest} AND {highest} LIMIT {FEW + 1}) AS found)"
        for term in single_terms(wanted)
    )
    query.text = f"SELECT {', '.join(counts)}"
    return query


def terms_query(wanted: Filter, request: PageRequest, term: str) -> Query:
    """SELECT place, length_ms, entry by way of the entries of this term: in the direction of the search, one more than the
    limit."""
    query = Query()
    where = " AND ".join([*_of_term(wanted, term, query), *_behind(request, query, "d")])
    word = _direction(request)
    places = f"SELECT d.place FROM callrec.terms d WHERE {where} ORDER BY d.place {word} {_limit(request, query)}"  # noqa: S608 - our own words
    query.text = (
        f"SELECT r.place, r.length_ms, r.entry FROM ({places}) p JOIN callrec.recordings r ON r.place = p.place"  # noqa: S608 - our own words
        f" ORDER BY p.place {word}"
    )
    return query


def few_query(wanted: Filter, request: PageRequest) -> Query | None:
    """The same by way of the conditions' own indexes, with how many entries were found as a fourth column: when these are more
    than FEW, the page is not the right one. A page without entries is a row without a place. None for a filter without a
    condition that may find few."""
    if not (wanted.clauses or wanted.number_text or wanted.name_text or wanted.lengths_ms):
        return None
    query = Query()
    found = f"{_places(wanted, request, query)} LIMIT {FEW + 1}"
    page = f"SELECT place FROM found p ORDER BY {_order(request, 'p')} {_limit(request, query)}"  # noqa: S608 - our own words
    query.text = (
        f"WITH found AS MATERIALIZED ({found}) SELECT r.place, r.length_ms, r.entry, c.number"  # noqa: S608 - our own words
        f" FROM (SELECT count(*) AS number FROM found) c"
        f" LEFT JOIN (({page}) p JOIN callrec.recordings r ON r.place = p.place) ON true ORDER BY {_order(request, 'r')}"
    )
    return query


def page_query(wanted: Filter, request: PageRequest) -> Query:
    """The same by way of all entries, in the order of the list."""
    query = Query()
    page = f"{_places(wanted, request, query)} ORDER BY {_order(request, 'r')} {_limit(request, query)}"
    query.text = (
        f"SELECT r.place, r.length_ms, r.entry FROM ({page}) p JOIN callrec.recordings r ON r.place = p.place"  # noqa: S608 - our own words
        f" ORDER BY {_order(request, 'r')}"
    )
    return query


def count_query(wanted: Filter, term: str = "", most: int = MOST_COUNTED) -> Query:
    """Counts the entries, up to one more than `most`; by way of the entries of this term, if one is named."""
    query = Query()
    if term:
        tables, where = "callrec.terms d", " AND ".join(_of_term(wanted, term, query))
    else:
        tables = _tables(wanted, query, with_length=bool(wanted.lengths_ms))
        where = " AND ".join(_conditions(wanted, query))
    query.text = f"SELECT count(*) FROM (SELECT 1 FROM {tables} WHERE {where} LIMIT {most + 1}) AS found"  # noqa: S608 - our own words
    return query


def _places(wanted: Filter, request: PageRequest, query: Query) -> str:
    """SELECT place, and length_ms in its order, of the entries that meet all conditions."""
    with_length = request.sort.by_length or bool(wanted.lengths_ms)
    columns = "r.place, r.length_ms" if with_length else "r.place"
    where = " AND ".join([*_conditions(wanted, query), *_behind(request, query, "r")])
    return f"SELECT {columns} FROM {_tables(wanted, query, with_length=with_length)} WHERE {where}"  # noqa: S608 - our own words


def _tables(wanted: Filter, query: Query, *, with_length: bool) -> str:
    """Texts without lengths are in `parts` alone, whose rows are a tenth as large. A single term is a join, so that the server
    may begin with its entries."""
    has_text = wanted.number_text or wanted.name_text
    tables = "callrec.recordings r" if with_length or not has_text else "callrec.parts r"
    if has_text and with_length:
        tables += " JOIN callrec.parts m ON m.place = r.place"
    for nth, term in enumerate(single_terms(wanted)):
        tables += f" JOIN callrec.terms t{nth} ON t{nth}.place = r.place AND t{nth}.term = {query.value(term)}"
    return tables


def _of_term(wanted: Filter, term: str, query: Query) -> Iterator[str]:
    """All conditions, for the rows of this term in `callrec.terms d`."""
    lowest, highest = wanted.places
    yield f"d.term = {query.value(term)}"
    yield f"d.place BETWEEN {query.value(lowest)} AND {query.value(highest)}"
    for other in single_terms(wanted):
        if other != term:
            yield f"EXISTS ({_has('d')} AND t.term = {query.value(other)})"
    yield from _other_terms(wanted, query, "d")


def _conditions(wanted: Filter, query: Query) -> Iterator[str]:
    """All conditions but those that `_tables` has."""
    lowest, highest = wanted.places
    yield f"r.place BETWEEN {query.value(lowest)} AND {query.value(highest)}"
    if wanted.lengths_ms:
        least, most = wanted.lengths_ms
        yield f"r.length_ms BETWEEN {query.value(least)} AND {query.value(most)}"
    yield from _other_terms(wanted, query, "r")
    for column, text in (("numbers", wanted.number_text), ("names", wanted.name_text)):
        if text:
            yield f"{column} LIKE {query.value(_part(text))}"


def _other_terms(wanted: Filter, query: Query, table: str) -> Iterator[str]:
    """Clauses of several terms, and terms that an entry must not have."""
    for clause in wanted.clauses:
        if len(clause) != 1:
            yield f"EXISTS ({_has(table)} AND t.term = ANY({query.value(sorted(clause))}))"
    for term in wanted.absent:
        yield f"NOT EXISTS ({_has(table)} AND t.term = {query.value(term)})"


def _has(table: str) -> str:
    return f"SELECT 1 FROM callrec.terms t WHERE t.place = {table}.place"  # noqa: S608 - our own words


def _part(text: str) -> str:
    """A pattern of LIKE for a part that is this text."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _direction(request: PageRequest) -> str:
    backwards = request.cursor is not None and request.cursor.is_back
    return "DESC" if request.sort.descends is not backwards else "ASC"


def _order(request: PageRequest, table: str) -> str:
    word = _direction(request)
    by_length = f"{table}.length_ms {word}, " if request.sort.by_length else ""
    return f"{by_length}{table}.place {word}"


def _limit(request: PageRequest, query: Query) -> str:
    return f"LIMIT {query.value(request.limit + 1)} OFFSET {query.value(request.skip)}"


def _behind(request: PageRequest, query: Query, table: str) -> Iterator[str]:
    sort, cursor = request.sort, request.cursor
    if cursor is not None:
        sign = "<" if sort.descends is not cursor.is_back else ">"
        place = query.value(cursor.place)
        if sort.by_length:
            yield f"({table}.length_ms, {table}.place) {sign} ({query.value(cursor.length_ms)}, {place})"
        else:
            yield f"{table}.place {sign} {place}"
