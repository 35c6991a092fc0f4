"""How many places have a rule: what no rule needs is not asked of Asterisk."""

from collections import Counter
from collections.abc import Iterable

from callrec.domain.directory.edit import TableRecord
from callrec.domain.directory.model import Context, Incall, Place

WHERE_IT_CAME_IN = "number or context"


class RuledPlaces:
    """The counts, by kind; `learn` and `forget` keep them up to date."""

    def __init__(self, table_records: Iterable[TableRecord]) -> None:
        self._counts: Counter[str] = Counter()
        for table_record in table_records:
            self.learn(table_record)

    def learn(self, table_record: TableRecord) -> None:
        """Add a record."""
        if kind := _kind(table_record):
            self._counts[kind] += 1

    def forget(self, table_record: TableRecord | None) -> None:
        """Remove a record; None changes nothing."""
        if kind := _kind(table_record):
            self._counts[kind] -= 1

    def any_of(self, *kinds: str) -> bool:
        """Whether any place of these kinds has a rule."""
        return any(self._counts[kind] for kind in kinds)


def _kind(table_record: TableRecord | None) -> str:
    match table_record:
        case Place(kind):
            return kind
        case Incall() | Context():
            return WHERE_IT_CAME_IN if table_record.record else ""
        case _:
            return ""
