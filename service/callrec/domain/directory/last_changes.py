"""Who changed each record last, of the newest changes: what a form says whose record was changed meanwhile."""

from collections import OrderedDict
from dataclasses import dataclass

from callrec.domain.directory.edit import Table
from callrec.domain.directory.table_changes import Change, CodeChanged, RecordsChanged, UserChanged

MOST = 2000
"""The most records that are remembered; the oldest changes are forgotten first."""
CODES = "codes"
"""The table's name of feature codes, which no edit changes."""


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last change of a record: by which actor (empty: unknown), and when in Unix milliseconds."""

    actor: str
    at_ms: int


class LastChanges:
    """The last changes by table and key, since the copy of the tables was loaded."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._by: OrderedDict[tuple[str, str], LastChange] = OrderedDict()

    def note(self, change: Change, actor: str, at_ms: int) -> None:
        """Remember this change. Of a change of very many records only the last ones are remembered."""
        made = LastChange(actor, at_ms)
        match change:
            case UserChanged(user):
                self._keep(Table.USERS, user.id, made)
            case CodeChanged(code):
                self._keep(CODES, code.feature, made)
            case RecordsChanged(records):  # pragma: no branch - the last kind
                for table, key, _ in records[-self._most :]:
                    self._keep(table, key, made)

    def of(self, table: str, key: str) -> LastChange | None:
        """The last change of this record; None when it is not remembered."""
        return self._by.get((table, key))

    def _keep(self, table: str, key: str, made: LastChange) -> None:
        self._by.pop((table, key), None)
        self._by[table, key] = made
        if len(self._by) > self._most:
            self._by.popitem(last=False)
