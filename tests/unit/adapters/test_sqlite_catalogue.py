"""The catalogue's file: who may read it, its versions, and what is said when it cannot be used."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
import pytest_asyncio

from callrec.adapters.database import catalogue_file, catalogue_queries, catalogue_schema
from callrec.adapters.database.catalogue_file import NAME
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
from callrec.app.library.catalog import every, export
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Unavailable
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.search import ALL, Filter
from callrec.domain.library.search_keys import SLOTS
from callrec.domain.library.search_pages import Count, Cursor, PageRequest, Sort


def entry(nth: int) -> dict[str, str]:
    """A recording of a caller with a name."""
    who = {"numbers": f'["10{nth:02}", "+33555{nth}"]', "names": f'["Caller Number{nth}"]', "tags": f'["Tag{nth}"]'}
    return {"id": f"c{nth}-1", "start_s": f"{1000 + nth}.000", "state": "sound", **who}


@pytest_asyncio.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[SqliteCatalogue]:
    """One with thirty entries."""
    async with open_catalogue("sqlite:", tmp_path) as opened:
        async with opened.rebuild() as rebuild:
            await rebuild.put([entry(nth) for nth in range(30)])
            await rebuild.finish(lambda _: False)
        yield opened


async def refused(catalogue: SqliteCatalogue, kind: type[CallrecError], code: str) -> CallrecError:
    """The error of a change and of a search: both say the same."""
    found = []
    for work in (catalogue.put(entry(99)), catalogue.search(ALL, PageRequest())):
        with pytest.raises(kind) as error:
            await work
        assert error.value.code == code
        found.append(error.value)
    assert found[0].message == found[1].message
    return found[0]


async def test_what_another_reader_keeps_in_the_log_of_changes_is_told(
    catalogue: SqliteCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure must not end while the removed row is still there: it is tried again."""
    monkeypatch.setattr(catalogue_file, "BUSY_S", 0.05)
    await catalogue.close()
    async with open_catalogue("sqlite:", tmp_path) as opened:
        await opened.put(entry(99) | {"names": '["Zebulon Quagga"]'})
        with closing(apsw.Connection(str(tmp_path / NAME))) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM recordings").fetchall()
            assert await opened.forget("c99-1")
            with pytest.raises(Unavailable) as error:
                await opened.purge()
            assert error.value.code == "catalogue-busy"
            assert any(b"Quagga" in (tmp_path / name).read_bytes() for name in files(tmp_path))
        await opened.purge()
        assert not any(b"Quagga" in (tmp_path / name).read_bytes() for name in files(tmp_path))


async def test_a_purge_leaves_no_damaged_file_of_before(catalogue: SqliteCatalogue, tmp_path: Path) -> None:
    """It holds what was erased since, and the recordings are the better copy of everything else."""
    await catalogue.close()
    content = bytearray((tmp_path / NAME).read_bytes())
    content[100:2000] = bytes(1900)
    (tmp_path / NAME).write_bytes(content)
    async with open_catalogue("sqlite:", tmp_path) as opened:
        async with opened.rebuild() as rebuild:
            await rebuild.finish(lambda _: False)
        assert f"{NAME}.damaged" in files(tmp_path)
        await opened.purge()
    assert list(files(tmp_path)) == [NAME]


async def test_a_new_file_may_be_used_first_by_several_at_once(tmp_path: Path) -> None:
    """`database is locked` answered one of seven: two requests that came right after the first start."""
    for nth in range(40):
        async with open_catalogue("sqlite:", tmp_path / str(nth)) as opened:
            page, count, *_ = await asyncio.gather(
                opened.search(ALL, PageRequest()), opened.count(ALL), opened.count(ALL), opened.probe()
            )
            assert (page.entries, count.number) == ((), 0)


async def test_only_its_owner_may_read_it(catalogue: SqliteCatalogue, tmp_path: Path) -> None:
    await catalogue.put(entry(99))
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in files(tmp_path)}
    assert modes == {NAME: 0o600, f"{NAME}-wal": 0o600, f"{NAME}-shm": 0o600}


async def test_what_is_removed_is_in_no_file(catalogue: SqliteCatalogue, tmp_path: Path) -> None:
    """Neither in a page of the database, nor in the full-text index, nor in the log of changes."""
    texts = (b"+335557", b"Number7", b"number7", b"Tag7", b"c7-1")
    assert await catalogue.search(Filter(name="number7"), PageRequest())
    await catalogue.put(entry(7) | {"state": "partial"})
    assert await catalogue.forget("c7-1")
    await catalogue.purge()
    for name, content in files(tmp_path).items():
        assert [text for text in (*texts, b"r7", b"557") if text in content] == [], name
    assert await catalogue.count(ALL) == Count(29, True)


@pytest.mark.usefixtures("catalogue")
async def test_another_process_that_writes_for_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers are not in its way."""
    monkeypatch.setattr(catalogue_file, "BUSY_S", 0.2)
    async with open_catalogue("sqlite:", tmp_path) as other:
        await other.get("c1-1")
        with closing(apsw.Connection(str(tmp_path / NAME))) as locking:
            locking.execute("BEGIN IMMEDIATE")
            for work in (other.put(entry(99)), other.forget("c1-1"), other.probe()):
                with pytest.raises(Unavailable) as error:
                    await work
                assert error.value.code == "catalogue-busy"
            assert await other.count(ALL) == Count(30, True)
            locking.execute("ROLLBACK")
        await other.put(entry(99))


async def test_a_full_disk_is_told_until_it_has_room(catalogue: SqliteCatalogue) -> None:
    """Nothing is half-written, and everything is read meanwhile."""
    database = catalogue._file.opened()
    ((pages,),) = database.execute("PRAGMA page_count")
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable) as error:
        await entered(catalogue, 1000)
    assert error.value.code == "catalogue-disk"
    found = await catalogue.count(ALL)
    assert await catalogue.count(Filter(name="caller")) == found
    database.execute("PRAGMA max_page_count = 100000")
    await catalogue.probe()
    await catalogue.put(entry(99))


@pytest.mark.parametrize("at", [0, 100, 4096, 8192 + 30, 5 * 4096])
async def test_a_damaged_file_is_told_and_a_rebuild_makes_a_new_one(tmp_path: Path, at: int) -> None:
    """The other process that has it open goes on with the new file; the old one is kept aside."""
    async with open_catalogue("sqlite:", tmp_path) as one, one.rebuild() as rebuild:
        await rebuild.put([entry(nth) for nth in range(30)])
        await rebuild.finish(lambda _: False)
    content = bytearray((tmp_path / NAME).read_bytes())
    content[at : at + 4000] = b"\xa5" * 4000
    (tmp_path / NAME).write_bytes(content)
    async with open_catalogue("sqlite:", tmp_path) as daemon, open_catalogue("sqlite:", tmp_path) as command:
        said = []
        for work in (
            daemon.search(ALL, PageRequest(limit=1000)),
            daemon.search(Filter(name="caller"), PageRequest()),
            daemon.get("c1-1"),
        ):
            try:
                await work
            except Corrupt as error:
                said.append((error.code, "callrec rebuild" in error.hint))
        assert set(said) <= {("catalogue-damaged", True)}
        async with command.rebuild() as rebuild:
            await rebuild.put([entry(nth) for nth in range(20)])
            await rebuild.finish(lambda _: False)
        assert (tmp_path / f"{NAME}.damaged").exists()
        assert await daemon.count(ALL) == Count(20, True)
        await daemon.put(entry(99))
        assert await command.get("c99-1") is not None


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database" * 1000)
    async with open_catalogue("sqlite:", tmp_path) as catalogue:
        error = await refused(catalogue, Corrupt, "catalogue-damaged")
        assert "callrec rebuild" in error.hint
        with pytest.raises(Corrupt):
            await catalogue.probe()


async def test_tables_that_somebody_removed_are_damage(catalogue: SqliteCatalogue, tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / NAME))) as other:
        other.execute("DROP TABLE terms")
    with pytest.raises(Corrupt) as error:
        await catalogue.put(entry(99))
    assert error.value.code == "catalogue-damaged"


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ALL, "SEARCH r USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
        (Filter(state=StoredState.SOUND), "SEARCH d USING PRIMARY KEY (term=? AND place>? AND place<?)"),
        (Filter(number_part="335"), "SCAN d VIRTUAL TABLE INDEX"),
    ],
)
async def test_a_page_in_a_large_catalogue_is_read_in_its_order_from_where_it_begins(
    catalogue: SqliteCatalogue, wanted: Filter, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is sorted, and nothing before the cursor is read."""
    monkeypatch.setattr(catalogue_queries, "FEW", 3)
    request = PageRequest(limit=5, cursor=Cursor(Sort.NEWEST, 0, 1015 * 1000 * SLOTS))
    query = catalogue_queries.page_query(wanted, request, lambda _: 4)
    plan = catalogue._file.opened().execute(f"EXPLAIN QUERY PLAN {query.text}", query.values).fetchall()
    steps = [str(row[3]) for row in plan]
    assert any(step.startswith(index) for step in steps), steps
    assert [step for step in steps if "TEMP B-TREE" in step][1:] == [], steps


@pytest.mark.usefixtures("catalogue")
async def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / NAME))) as newer:
        newer.execute("PRAGMA user_version = 99")
    before = (tmp_path / NAME).read_bytes()
    async with open_catalogue("sqlite:", tmp_path) as older:
        error = await refused(older, Misconfigured, "catalogue-newer")
        assert "callrec rebuild" in error.hint
        with pytest.raises(Misconfigured):
            await begun(older)
    assert (tmp_path / NAME).read_bytes() == before


async def begun(catalogue: SqliteCatalogue) -> None:
    async with catalogue.rebuild():
        pass


async def entered(catalogue: SqliteCatalogue, count: int, **fields: str) -> None:
    for nth in range(1000, 1000 + count):
        await catalogue.put(entry(nth) | fields)


def files(folder: Path) -> dict[str, bytes]:
    """The catalogue's files."""
    return {path.name: path.read_bytes() for path in folder.glob(f"{NAME}*")}


@pytest.mark.parametrize("version", range(1, catalogue_schema.VERSION + 1))
async def test_each_version_and_back_again_with_the_same_entries(
    catalogue: SqliteCatalogue, tmp_path: Path, version: int
) -> None:
    """Down to an older version, whose tables are those of that version, and up again on the next use."""
    before = export([one async for one in every(catalogue)])
    found = [one["id"] for one in (await catalogue.search(Filter(name="number2"), PageRequest())).entries]
    assert len(found) == 11
    await catalogue.migrate(version)
    with closing(apsw.Connection(str(tmp_path / NAME))) as older, closing(apsw.Connection(":memory:")) as made:
        for migration in catalogue_schema.MIGRATIONS[:version]:
            migration.up(made)
        tables = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
        assert list(older.execute(tables)) == list(made.execute(tables))
        assert list(older.execute("PRAGMA user_version")) == [(version,)]
    async with open_catalogue("sqlite:", tmp_path) as again:
        assert export([one async for one in every(again)]) == before
        assert [one["id"] for one in (await again.search(Filter(name="number2"), PageRequest())).entries] == found
        assert await again.forget("c2-1")
        assert await again.is_filled()


async def test_a_version_that_this_callrec_does_not_know_is_refused(catalogue: SqliteCatalogue) -> None:
    with pytest.raises(Misconfigured) as error:
        await catalogue.migrate(catalogue_schema.VERSION + 1)
    assert error.value.code == "catalogue-newer"
    assert await catalogue.count(ALL) == Count(30, True)


async def test_a_migration_that_fails_changes_nothing(
    catalogue: SqliteCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await catalogue.migrate(1)

    def broken(database: apsw.Connection) -> None:
        database.execute("CREATE TABLE half (done)")
        raise apsw.FullError("full")

    last = catalogue_schema.Migration(broken, broken)
    monkeypatch.setattr(catalogue_schema, "MIGRATIONS", (*catalogue_schema.MIGRATIONS[:1], last))
    async with open_catalogue("sqlite:", tmp_path) as again:
        with pytest.raises(Unavailable):
            await again.get("c1-1")
    with closing(apsw.Connection(str(tmp_path / NAME))) as database:
        assert list(database.execute("PRAGMA user_version")) == [(1,)]
        assert list(database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'")) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything; the read-only disk below covers root")
@pytest.mark.usefixtures("catalogue")
async def test_a_file_of_another_user_is_a_right_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / NAME).chmod(0o400)
    async with open_catalogue("sqlite:", tmp_path) as other:
        error = await refused(other, Misconfigured, "catalogue-rights")
    assert "chown" in error.hint


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB of its own; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=400k", "callrec-test", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603 - a fixed command
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)  # noqa: S603 - a fixed command


def remounted(folder: Path, options: str) -> None:
    subprocess.run(["/bin/mount", "-o", options, str(folder)], check=True)  # noqa: S603 - a fixed command


async def test_a_disk_that_is_read_only_is_told(disk: Path) -> None:
    async with open_catalogue("sqlite:", disk) as one:
        await one.put(entry(1))
    remounted(disk, "remount,ro")
    async with open_catalogue("sqlite:", disk) as catalogue:
        await refused(catalogue, Unavailable, "catalogue-disk")
        with pytest.raises(Unavailable):
            await catalogue.probe()
        remounted(disk, "remount,rw")
        await catalogue.put(entry(2))
        assert await catalogue.count(ALL) == Count(2, True)


async def test_a_disk_without_room_is_told_and_the_probe_knows_when_it_has_room(disk: Path) -> None:
    async with open_catalogue("sqlite:", disk) as catalogue:
        await catalogue.put(entry(1))
        (disk / "ballast").write_bytes(bytes(os.statvfs(disk).f_bavail * 4096))
        with pytest.raises(Unavailable) as error:
            await entered(catalogue, 200, cause="x" * 20_000)
        assert error.value.code == "catalogue-disk"
        (disk / "ballast").unlink()
        await catalogue.probe()
        await catalogue.put(entry(999))


async def test_a_file_that_was_removed_is_a_new_and_empty_catalogue(catalogue: SqliteCatalogue, tmp_path: Path) -> None:
    """The daemon's keeper then fills it."""
    for name in files(tmp_path):
        (tmp_path / name).unlink()
    await catalogue.probe()
    assert not await catalogue.is_filled()
    await catalogue.put(entry(1))
    assert json.loads((await catalogue.get("c1-1") or {})["numbers"]) == ["1001", "+335551"]


def test_an_unsupported_address_is_refused() -> None:
    async def opened() -> None:
        async with open_catalogue("mysql://user:s3cret@host/db", Path()):
            pass

    with pytest.raises(Misconfigured) as error:
        asyncio.run(opened())
    assert error.value.code == "database-url"
    assert "s3cret" not in str(error.value)
