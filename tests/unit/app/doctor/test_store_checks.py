"""What the doctor says of the store."""

from dataclasses import dataclass, field

import pytest

from callrec.app.doctor.store_checks import look_at_store
from callrec.domain.directory.model import Tables, User
from callrec.domain.directory.tables_mark import Standing, TablesMark
from callrec.domain.rules import UserId

TABLES = Tables(users=(User(UserId("1"), "John"),))


@dataclass
class Store:
    """It says this."""

    keeps: str = ""
    now: Standing = field(default_factory=lambda: Standing(3, "3-0"))

    async def tables(self) -> Tables:
        """One user."""
        return TABLES

    async def persistence(self) -> str:
        """What keeps a change from surviving."""
        return self.keeps

    async def standing(self, _event: str) -> Standing:
        """Where the tables stand."""
        return self.now


@dataclass
class Mark:
    """The tables that were seen last, or that files were written from."""

    mark: TablesMark | None = None

    def read(self) -> TablesMark | None:
        """Seen last."""
        return self.mark

    async def written_from(self) -> TablesMark | None:
        """Of the files."""
        return self.mark


@pytest.mark.parametrize("files", [None, Mark(), Mark(TablesMark(2, "2-0"))])
async def test_a_store_that_keeps_its_tables_is_well(files: Mark | None) -> None:
    found, tables = await look_at_store(Store(), Mark(), files)  # type: ignore[arg-type] # parts of them
    assert [(one.check, one.verdict.value) for one in found] == [
        ("redis", "ok"),
        ("redis tables", "ok"),
        ("redis persistence", "ok"),
    ]
    assert (found[0].says, found[1].says, tables) == (
        "users: 1",
        "revision 3, not older than those seen last",
        TABLES,
    )


async def test_a_store_that_forgets_is_wrong_and_what_to_write_is_said() -> None:
    found, _ = await look_at_store(Store(keeps="no append-only file"), Mark(), None)  # type: ignore[arg-type] # parts of them
    assert (found[2].verdict.value, found[2].says) == ("wrong", "no append-only file")
    assert "appendonly yes" in found[2].write


@pytest.mark.parametrize(("seen", "files"), [(TablesMark(9), None), (None, TablesMark(9))])
async def test_older_tables_are_wrong_by_either_mark(seen: TablesMark | None, files: TablesMark | None) -> None:
    found, _ = await look_at_store(Store(), Mark(seen), Mark(files))  # type: ignore[arg-type] # parts of them
    assert (found[1].check, found[1].verdict.value) == ("redis tables", "wrong")
    assert "--accept-store 3" in found[1].write
