"""Tombstones on disk: what is kept of an erasure under way is destroyed with its end, and tombstones of two files are joined."""

import sqlite3
from pathlib import Path

import pytest

from callrec.adapters.database.erasure_file import NAME, ErasureFile
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.erasure import Cause, Erasing, Tombstone

ONE = Erasing(
    "c1-1", ("a/user-33123-1-1.wav", "a/user-33123-1-1.json"), ("ab",), ("c1-1-1",), "account:7", Cause.REQUEST,
    "request 12", "192.0.2.7", ("+33123",),
)  # fmt: skip


def test_an_erasure_is_kept_until_its_end_and_leaves_a_tombstone_only(tmp_path: Path) -> None:
    file = ErasureFile(tmp_path)
    assert (list(file.under_way()), file.tombstones(), file.erased(["c1-1"]), file.erased([])) == ([], 0, set(), set())
    assert not (tmp_path / NAME).exists(), "who only looks makes no file"
    file.begin([ONE])
    file.begin([ONE])
    assert list(ErasureFile(tmp_path).under_way()) == [ONE]
    file.bury([Tombstone("c1-1", 1_700_000_000_000, Cause.REQUEST)])
    (logged,) = file.under_way()
    assert logged.is_logged
    file.drop(["c1-1"])
    assert list(file.under_way()) == [logged], "what is logged is carried out"
    file.end(["c1-1"])
    assert (list(file.under_way()), file.tombstones(), file.erased(["c1-1", "c2-1"])) == ([], 1, {"c1-1"})
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"c1-1" in content
    assert not any(gone in content for gone in (b"33123", b"request 12", b"192.0.2.7", b"account:7"))
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_what_was_not_logged_can_be_dropped(tmp_path: Path) -> None:
    file = ErasureFile(tmp_path)
    file.begin([ONE])
    file.drop(["c1-1"])
    assert (list(file.under_way()), file.tombstones()) == ([], 0)


def test_more_ids_than_a_statement_takes_are_looked_up(tmp_path: Path) -> None:
    file = ErasureFile(tmp_path)
    file.bury([Tombstone(f"c{nth}", nth, Cause.RETENTION) for nth in range(0, 1200, 2)])
    assert file.erased([f"c{nth}" for nth in range(1200)]) == {f"c{nth}" for nth in range(0, 1200, 2)}


def test_tombstones_of_a_backup_are_taken_in(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    ErasureFile(here).bury([Tombstone("c1", 1, Cause.REQUEST)])
    ErasureFile(there).bury([Tombstone("c1", 5, Cause.REQUEST), Tombstone("c2", 2, Cause.RETENTION)])
    assert ErasureFile(here).join(tmp_path / "none.db") == 0
    assert ErasureFile(here).join(there / NAME) == 1
    assert ErasureFile(here).join(there / NAME) == 0
    assert ErasureFile(here).erased(["c1", "c2"]) == {"c1", "c2"}


@pytest.mark.parametrize("body", ["{", "{}", '{"files": 1}'])
def test_a_damaged_row_is_told(tmp_path: Path, body: str) -> None:
    file = ErasureFile(tmp_path)
    file.begin([ONE])
    with sqlite3.connect(tmp_path / NAME) as database:
        database.execute("UPDATE under_way SET body = ?", (body,))
    database.close()
    with pytest.raises(Corrupt) as error:
        file.under_way()
    assert error.value.code == "tombstones-damaged"


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(Corrupt):
        ErasureFile(tmp_path).tombstones()
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    with pytest.raises(CallrecError) as error:
        ErasureFile(tmp_path).begin([ONE])
    assert isinstance(error.value, Unavailable)
