"""The tables for one run of confgen: those that the store has, when they come after the ones that were seen."""

from dataclasses import dataclass

import pytest

from callrec.app.asterisk.config_source import StoredTables
from callrec.app.ports.directory import Snapshot
from callrec.domain.directory.model import Tables
from callrec.domain.directory.tables_mark import Marked, Standing, TablesMark
from callrec.domain.errors import Corrupt

TABLES = Tables()
NOW = Standing(7, "7-0")


@dataclass
class Store:
    """Its tables are of revision 7, and follow from the marks with these events."""

    known: tuple[str, ...] = ("", "3-0")

    async def snapshot(self, event: str = "") -> Snapshot:
        """The tables."""
        return Snapshot(TABLES, 7, "7-0", standing=await self.standing(event))

    async def standing(self, event: str) -> Standing:
        """Where they stand."""
        return Standing(7, "7-0", follows=event in self.known)


@dataclass
class Seen:
    """The mark of the tables that the daemon saw last."""

    mark: TablesMark | None

    def read(self) -> TablesMark | None:
        """It."""
        return self.mark


@pytest.mark.parametrize("written_from", [None, TablesMark(3, "3-0")])
@pytest.mark.parametrize("seen", [None, Seen(None), Seen(TablesMark(3, "3-0"))])
async def test_tables_that_come_after_both_marks_are_used(seen: Seen | None, written_from: TablesMark | None) -> None:
    assert await StoredTables(Store(), seen)(written_from) == Marked(TABLES, NOW.mark)  # type: ignore[arg-type] # a part of a store


@pytest.mark.parametrize(
    ("seen", "written_from", "code", "says"),
    [
        (TablesMark(8, "8-0"), None, "store-went-back", "revision 8 was seen last"),
        (TablesMark(5, "5-0"), None, "store-other-history", "revision 5 was seen last"),
        (None, TablesMark(5, "5-0"), "store-other-history", "Asterisk's files were written from revision 5"),
    ],
)
async def test_other_tables_are_refused_with_the_mark_that_they_do_not_follow(
    seen: TablesMark | None, written_from: TablesMark | None, code: str, says: str
) -> None:
    with pytest.raises(Corrupt, match=says) as refused:
        await StoredTables(Store(), Seen(seen))(written_from)  # type: ignore[arg-type] # a part of a store
    assert refused.value.code == code
