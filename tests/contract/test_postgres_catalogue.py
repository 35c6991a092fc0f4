"""The catalogue on a real PostgreSQL: a server that is away, refuses, or is shared; tables of other versions."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from lone_daemon import House
from postgres_server import PASSWORD, PostgresServer, running

from callrec.adapters.database import postgres_connections, postgres_schema
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.database.postgres_catalogue import PostgresCatalogue
from callrec.app.library.catalog import every, export
from callrec.domain.calls.ids import CallId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Recording
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Unavailable
from callrec.domain.library.manifest import SCHEMA, Manifest, StoredState
from callrec.domain.library.search import ALL, Filter
from callrec.domain.library.search_pages import Count, PageRequest
from callrec.domain.rules import Rule
from callrec.protocols.json_documents import encode_manifest


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server for all tests of this file."""
    with running() as started:
        yield started


def entry(nth: int) -> dict[str, str]:
    """A recording of a caller with a name."""
    who = {"numbers": f'["10{nth:02}", "+33555{nth}"]', "names": f'["Caller Number{nth}"]', "tags": f'["Tag{nth}"]'}
    return {"id": f"c{nth}-1", "start_s": f"{1000 + nth}.000", "state": "sound", **who}


def connected(url: str, node: str = "alpha") -> PostgresCatalogue:
    return PostgresCatalogue(url, node)


async def filled(catalogue: PostgresCatalogue, *numbers: int) -> int:
    """A rebuild of a disk with these recordings; the number of entries."""
    async with catalogue.rebuild() as rebuild:
        await rebuild.put([entry(nth) for nth in numbers])
        return await rebuild.finish(lambda _: False)


@pytest_asyncio.fixture
async def catalogue(server: PostgresServer) -> AsyncIterator[PostgresCatalogue]:
    """One with thirty entries."""
    opened = connected(await server.new_database())
    await filled(opened, *range(30))
    yield opened
    await opened.close()


async def error_of(catalogue: PostgresCatalogue, kind: type[CallrecError]) -> CallrecError:
    """The error of a change, a search and a probe: all say the same, and none says the password."""
    found = []
    for work in (catalogue.put(entry(99)), catalogue.search(ALL, PageRequest()), catalogue.probe()):
        with pytest.raises(kind) as error:
            await work
        assert PASSWORD not in str(error.value)
        found.append(error.value)
    assert len({one.code for one in found}) == 1
    await catalogue.close()
    return found[0]


async def test_a_server_that_is_away_at_the_start_lost_in_between_and_restarted(tmp_path: Path) -> None:
    """Each is the same error, and the next use connects again."""
    with running() as server:
        url = server.url()
        server.stop()
        async with open_catalogue(url, tmp_path, "alpha") as catalogue:
            for work in (catalogue.put(entry(1)), catalogue.get("c1-1"), catalogue.is_filled(), catalogue.probe()):
                with pytest.raises(Unavailable) as error:
                    await work
                assert error.value.code == "catalogue-away"
                assert "s3cret" not in str(error.value)
            with pytest.raises(Unavailable):
                await begun(catalogue)
            await asyncio.to_thread(server.start)
            await catalogue.put(entry(1))
            await asyncio.to_thread(server.stop)
            with pytest.raises(Unavailable) as error:
                await catalogue.put(entry(2))
            assert error.value.code == "catalogue-away"
            await asyncio.to_thread(server.start)
            await catalogue.put(entry(2))
            assert await catalogue.count(ALL) == Count(2, True)


async def begun(catalogue: PostgresCatalogue) -> None:
    async with catalogue.rebuild():
        pass


async def test_a_rebuild_that_loses_its_server_removes_nothing(tmp_path: Path) -> None:
    """It ends with the error; the next one ends well."""
    with running() as server:
        async with open_catalogue(server.url(), tmp_path, "alpha") as catalogue:
            await filled(catalogue, 1, 2, 3)
            with pytest.raises(Unavailable):
                await broken(catalogue, server)
            await asyncio.to_thread(server.start)
            assert await catalogue.count(ALL) == Count(3, True)
            assert await filled(catalogue, 1) == 1


async def broken(catalogue: PostgresCatalogue, server: PostgresServer) -> None:
    async with catalogue.rebuild() as rebuild:
        await rebuild.put([entry(1)])
        await asyncio.to_thread(server.stop)
        await rebuild.finish(lambda _: False)


async def test_what_the_server_refuses_is_a_setting(server: PostgresServer) -> None:
    url = await server.new_database()
    database = url.rpartition("/")[2]
    await server.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    for refused in (server.url(database, password="wrong"), server.url("nosuch"), server.url(database, "weak", "weak")):
        error = await error_of(connected(refused), Misconfigured)
        assert error.code == "catalogue-login"
        assert "CALLREC_DATABASE_URL" in error.hint
    latin = await server.new_database("TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    assert (await error_of(connected(latin), Misconfigured)).code == "catalogue-server"


async def test_a_server_that_is_too_old_is_refused(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg.ConnectionInfo, "server_version", 140_011)
    error = await error_of(connected(await server.new_database()), Misconfigured)
    assert (error.code, "PostgreSQL 14" in error.message) == ("catalogue-server", True)


async def test_a_read_only_server_takes_no_changes(catalogue: PostgresCatalogue, server: PostgresServer) -> None:
    """A replica is one. What is there is found meanwhile."""
    async with catalogue._connections.one() as database:
        name = database.info.dbname
    await server.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    other = connected(server.url(name))
    for work in (other.put(entry(99)), other.probe()):
        with pytest.raises(Unavailable) as error:
            await work
        assert error.value.code == "catalogue-away"
    assert await other.count(ALL) == Count(30, True)
    await other.close()


async def test_a_server_without_room_is_told_until_it_has_some(catalogue: PostgresCatalogue) -> None:
    """Nothing is half-written, and everything is found meanwhile."""
    async with catalogue._connections.one() as database:
        await database.execute("""
            CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
        """)
        await database.execute("CREATE TRIGGER t BEFORE INSERT ON callrec.terms EXECUTE FUNCTION full_disk()")
    with pytest.raises(Unavailable) as error:
        await catalogue.put(entry(99))
    assert (error.value.code, "No space left" in error.value.message) == ("catalogue-disk", True)
    assert await catalogue.count(ALL) == Count(30, True)
    assert await catalogue.get("c99-1") is None
    async with catalogue._connections.one() as database:
        await database.execute("DROP TRIGGER t ON callrec.terms")
    await catalogue.put(entry(99))
    assert await catalogue.count(Filter(number="+3355599")) == Count(1, True)


async def test_another_program_that_locks_the_tables_is_told(
    catalogue: PostgresCatalogue, server: PostgresServer
) -> None:
    async with catalogue._connections.one() as database:
        name = database.info.dbname
    async with await psycopg.AsyncConnection.connect(server.url(name)) as other:
        await other.execute("LOCK TABLE callrec.recordings")
        with pytest.raises(Unavailable) as error:
            await catalogue.put(entry(99))
        assert error.value.code == "catalogue-busy"
        await other.execute("LOCK TABLE callrec.rebuilds")
        with pytest.raises(Unavailable):
            await begun(catalogue)
    await catalogue.put(entry(99))


async def test_a_newer_schema_is_left_alone(catalogue: PostgresCatalogue, server: PostgresServer) -> None:
    async with catalogue._connections.one() as database:
        name = database.info.dbname
        await database.execute("UPDATE callrec.version SET version = 99")
    assert (await error_of(connected(server.url(name)), Misconfigured)).code == "catalogue-newer"


async def test_tables_that_somebody_removed_are_damage(catalogue: PostgresCatalogue) -> None:
    async with catalogue._connections.one() as database:
        await database.execute("DROP TABLE callrec.terms")
    with pytest.raises(Corrupt) as error:
        await catalogue.put(entry(99))
    assert (error.value.code, "callrec rebuild" in error.value.hint) == ("catalogue-damaged", True)


@pytest.mark.parametrize("version", range(1, postgres_schema.VERSION + 1))
async def test_each_version_and_back_again_with_the_same_entries(catalogue: PostgresCatalogue, version: int) -> None:
    before = export([one async for one in every(catalogue)])
    found = [one["id"] for one in (await catalogue.search(Filter(name="number2"), PageRequest())).entries]
    assert len(found) == 11
    async with catalogue._connections.one() as database:
        url = database.info.dsn + f" password={PASSWORD}"
    await catalogue.migrate(version)
    async with await psycopg.AsyncConnection.connect(url) as older:
        rows = await older.execute("SELECT column_name FROM information_schema.columns WHERE table_name = 'recordings'")
        assert ("names" in {name for (name,) in await rows.fetchall()}) is (version == 2)
    again = connected(url)
    assert export([one async for one in every(again)]) == before
    assert [one["id"] for one in (await again.search(Filter(name="number2"), PageRequest())).entries] == found
    assert await again.forget("c2-1")
    assert await again.is_filled()
    with pytest.raises(Misconfigured):
        await again.migrate(postgres_schema.VERSION + 1)
    await again.close()


async def test_daemons_share_a_catalogue_and_each_rebuilds_its_own_disk(server: PostgresServer) -> None:
    """What one has is no business of the other's rebuild, unless the recording has moved to its disk."""
    url = await server.new_database()
    alpha, beta = connected(url, "alpha"), connected(url, "beta")
    assert await asyncio.gather(filled(alpha, 1, 2, 3), filled(beta, 4, 5)) == [3, 2]
    await asyncio.gather(*(each.put(entry(nth)) for nth in range(10, 20) for each in (alpha, beta)))
    assert await alpha.count(ALL) == Count(15, True)
    assert [await filled(alpha, 1, 5), await filled(beta)] == [2, 0]
    assert {one["id"] async for one in every(beta)} == {"c1-1", "c5-1"}
    gamma = connected(url, "gamma")
    assert not await gamma.is_filled()
    for each in (alpha, beta, gamma):
        await each.close()


async def test_a_page_of_a_large_catalogue_is_read_from_an_index(server: PostgresServer) -> None:
    """The plans, not the times: a part of a number by groups of three characters, a term and the newest in their order."""
    url = await server.new_database()
    catalogue = connected(url)
    async with catalogue.rebuild() as rebuild:
        for first in range(0, 20_000, 1000):
            await rebuild.put([entry(nth) for nth in range(first, first + 1000)])
        await rebuild.finish(lambda _: False)
    async with catalogue._connections.one() as database:
        await database.execute("VACUUM ANALYZE callrec.recordings, callrec.terms, callrec.parts")
        for wanted, index in (
            (Filter(number_part="5519999"), "parts_by_trigrams"),
            (Filter(number="1077"), "terms_pkey"),
            (ALL, "recordings_pkey"),
        ):
            query = postgres_schema_plan(wanted)
            plan = await (await database.execute(*query)).fetchall()
            assert index in "\n".join(row[0] for row in plan), plan
    for nth in range(12):
        assert (await catalogue.search(Filter(number=f"10{nth:02}"), PageRequest())).next is None
    async with catalogue._connections.one() as database:
        prepared = await (await database.execute("SELECT statement FROM pg_prepared_statements")).fetchall()
        assert prepared == [], "planned once, for all numbers alike"
    await catalogue.close()


def postgres_schema_plan(wanted: Filter) -> tuple[bytes, dict[str, object]]:
    """EXPLAIN of the first page."""
    from callrec.adapters.database.postgres_queries import few_query, page_query, single_terms, terms_query

    request = PageRequest(limit=20)
    if terms := single_terms(wanted):
        query = terms_query(wanted, request, terms[0])
    else:
        query = few_query(wanted, request) or page_query(wanted, request)
    return b"EXPLAIN " + query.text.encode(), dict(query.values)


def test_a_daemon_starts_without_its_server_and_fills_the_catalogue_when_it_is_there(tmp_path: Path) -> None:
    """Commands say what is missing; what was recorded before is listed afterwards."""
    house = House(tmp_path)
    recording = Recording(
        RecordingId("c1-1"), CallId("c1"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 1_795_900_000.0, 1_795_900_000.0,
        cause="unanswered: BUSY",
    )  # fmt: skip
    sidecar = tmp_path / "monitor/2026/11/28/c1-1.json"
    sidecar.parent.mkdir(parents=True)
    sidecar.write_bytes(encode_manifest(Manifest(SCHEMA, StoredState.UNANSWERED, recording)))
    with running() as server:
        house.settings["CALLREC_DATABASE_URL"] = server.url()
        server.stop()
        try:
            house.start()
            house.until("s", "alarm")
            assert "catalogue: catalogue-away" in house.log("s").read_text()
            away = house.command("recordings", "list", state="s")
            assert (away.returncode, b"does not answer" in away.stderr) == (3, True)
            server.start()
            house.until("s", "catalogue-filled")
            listed = house.command("recordings", "list", state="s")
            assert (listed.returncode, b"c1-1" in listed.stdout) == (0, True)
            assert PASSWORD not in house.log("s").read_text()
        finally:
            house.stop()


async def test_a_purge_may_take_longer_than_a_search(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server looks through the indexes of all entries, of which there may be millions: an erasure ends only after that."""
    options = postgres_connections._OPTIONS.replace("statement_timeout=30000", "statement_timeout=200")
    monkeypatch.setattr(postgres_connections, "_OPTIONS", options)
    catalogue = connected(url := await server.new_database())
    await filled(catalogue, 1, 2)
    async with await psycopg.AsyncConnection.connect(server.url(url.rpartition("/")[2])) as other:
        await other.execute("LOCK TABLE callrec.parts IN SHARE UPDATE EXCLUSIVE MODE")
        purging = asyncio.create_task(catalogue.purge())
        await asyncio.wait([purging], timeout=0.8)
        assert not purging.done()
        await other.rollback()
        await purging
    async with catalogue._connections.one() as database:
        (limit,) = await (await database.execute("SHOW statement_timeout")).fetchone()
    assert limit == "200ms", "the next search is bounded as ever"
    await catalogue.close()


async def test_a_removed_entry_is_overwritten_when_its_tables_are_written_anew(
    catalogue: PostgresCatalogue, server: PostgresServer
) -> None:
    """docs/guides/library.md says with which statements. The log of changes (pg_wal) is the server's own."""
    database = catalogue._connections._url.rpartition("/")[2]
    async with await psycopg.AsyncConnection.connect(
        server.url(database)
    ) as asking:  # other tests have databases of their own
        found = await (
            await asking.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).fetchone()
    oid = str(found[0])
    needle, kept = b"+3355517", b"+3355518"

    def holding(text: bytes) -> list[str]:
        files = (path for path in (server._folder / "data/base" / oid).rglob("*") if path.is_file())
        return [path.name for path in files if text in path.read_bytes()]

    await server.execute("CHECKPOINT", database)
    assert holding(needle)
    assert await catalogue.forget("c17-1")
    await catalogue.purge()
    for statement in ("ANALYZE", "VACUUM FULL", "CHECKPOINT"):  # its statistics have frequent values
        await server.execute(statement, database)
    assert holding(needle) == []
    assert holding(kept)
    assert (await catalogue.count(ALL)).number == 29
