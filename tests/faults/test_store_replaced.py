"""A store that comes back with other tables than it had, on real servers: the copy stays as it is, and an operator decides."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from seeds import adding
from trouble import until
from valkeys import Valkey, moving

from callrec.adapters.disk.mark_file import DiskMark
from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.store import RedisStore
from callrec.app.directory.accept_tables import accepted
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import Feature, Line, Tables, User
from callrec.domain.directory.table_changes import Difference
from callrec.domain.directory.tables_mark import SEEN_LAST, TablesMark, judge
from callrec.domain.errors import Corrupt, Refused
from callrec.domain.rules import UserId

USERS = tuple(User(UserId(str(number)), f"User {number}") for number in range(1, 16))
LINES = tuple(Line(f"l{user.id}", user.id, f"10{int(user.id):02d}", "default") for user in USERS)
TABLES = Tables(USERS, LINES)
CHANGES = 5


@dataclass
class House:
    """A server, the daemon's copy of its tables, and what was told of it."""

    folder: Path
    server: Valkey
    store: RedisStore
    stack: AsyncExitStack
    corrupt: list[str] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def marks(self) -> DiskMark:
        """What the state folder says was seen last."""
        return DiskMark(self.folder / "state")

    async def feed(self) -> DirectoryFeed:
        """A daemon's copy, loaded or not."""
        feed = await self.stack.enter_async_context(DirectoryFeed(self.store, self.marks, self.corrupt.append))
        feed.on_change(self.differences.append)
        return feed

    async def fill(self) -> None:
        """Fifteen users, and some changes of them: revision 6."""
        await self.store.edit(adding(TABLES), "seed")
        for number in range(CHANGES):
            await self.store.toggle_call_record(USERS[number].id, f"t{number}", "test")

    async def stays(self, feed: DirectoryFeed, code: str) -> None:
        """The copy has everybody, is called stale for this reason, and told nobody of a change."""
        self.differences.clear()
        await until(lambda: not feed.fresh and self.corrupt == [code])
        await asyncio.sleep(0.3)  # and not for a moment only: it is looked again
        assert (len(feed.directory.users()), len(feed.directory.lines()), self.differences) == (15, 15, [])
        assert self.corrupt == [code]

    async def decide(self, feed: DirectoryFeed) -> None:
        """An operator accepts what there is."""
        revision = (await self.store.standing("")).revision
        with pytest.raises(Refused, match=f"has revision {revision} of the tables"):
            await accepted(self.store, revision + 1)
        self.marks.write(await accepted(self.store, revision))
        await until(lambda: feed.fresh)
        assert feed.mark is not None
        assert feed.mark.revision == revision


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Valkey(tmp_path / "one"))
        address = Address.of_url(f"redis://127.0.0.1:{server.port}/0")
        store = await stack.enter_async_context(RedisStore(address))
        made = House(tmp_path, server, store, stack)
        await made.fill()
        yield made


async def loaded(house: House) -> DirectoryFeed:
    feed = await house.feed()
    assert await feed.wait_fresh(30)
    await until(lambda: house.marks.read() == feed.mark)
    return feed


async def flushed(house: House) -> None:
    await house.server.ask("FLUSHALL")


async def restarted_without_its_file(house: House) -> None:
    await house.server.kill()
    shutil.rmtree(house.server.folder / "appendonlydir")
    await house.server.start()


@pytest.mark.parametrize("lose", [flushed, restarted_without_its_file])
async def test_an_emptied_store_leaves_the_copy_as_it_is(
    house: House, lose: Callable[[House], Awaitable[None]]
) -> None:
    """Before, all fifteen were gone from the copy within a second, and called fresh. An import afterwards does not slip in just
    because its revision is as high as the former one: it is another history."""
    feed = await loaded(house)
    await lose(house)
    await house.stays(feed, "store-went-back")
    assert "callrec confgen --accept-store 0" in feed.why_stale
    assert "has revision 0 of the tables (users: 0), but revision 6 was seen last" in feed.why_stale
    await house.store.edit(adding(Tables(USERS[:3], LINES[:3])), "again")
    for number in range(CHANGES + 2):
        await house.store.toggle_call_record(USERS[number % 3].id, f"u{number}", "test")
    await until(lambda: "store-other-history" in house.corrupt)
    assert len(feed.directory.users()) == 15
    await house.decide(feed)
    assert len(feed.directory.users()) == 3


async def test_a_store_without_any_persistence_that_restarts(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Valkey(tmp_path / "one", "--save", "", "--appendonly", "no"))
        store = await stack.enter_async_context(RedisStore(Address.of_url(f"redis://127.0.0.1:{server.port}/0")))
        house = House(tmp_path, server, store, stack)
        await house.fill()
        feed = await loaded(house)
        await server.kill()
        await server.start()
        await house.stays(feed, "store-went-back")


async def test_a_failover_to_an_empty_replica_and_to_one_that_lags_behind(tmp_path: Path) -> None:
    """The address moves to a server that has nothing, then to one that has all but the last changes, of which it makes others."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(Valkey(tmp_path / name)) for name in ("one", "empty", "behind")]
        one, empty, behind = servers
        line = await stack.enter_async_context(moving(one))
        store = await stack.enter_async_context(RedisStore(Address.of_url(f"redis://127.0.0.1:{line.port}/0")))
        house = House(tmp_path, one, store, stack)
        await store.edit(adding(TABLES), "seed")
        await behind.follows(one)
        await behind.leads()
        for number in range(CHANGES):
            await store.toggle_call_record(USERS[number].id, f"t{number}", "test")
        feed = await loaded(house)

        async def move(to: Valkey) -> None:
            line.target = to.port
            line.cut()
            await asyncio.sleep(0.1)
            line.restore()

        await move(empty)
        await house.stays(feed, "store-went-back")
        await move(one)
        await until(lambda: feed.fresh)
        house.corrupt.clear()
        await move(behind)
        await house.stays(feed, "store-went-back")
        for number in range(CHANGES + 1):
            await store.toggle_call_record(USERS[number].id, f"other{number}", "test")
        await until(lambda: house.corrupt[-1] == "store-other-history")
        await house.decide(feed)
        assert len(feed.directory.users()) == 15


@pytest.mark.parametrize("table", ["lines", "claims"])
async def test_a_lost_table_is_noticed_and_nothing_is_built_on_what_is_left(house: House, table: str) -> None:
    """No event tells of it, and the revision stays; a restarted daemon knows it, too."""
    feed = await loaded(house)
    await house.server.ask("DEL", f"{keys.TABLES}:{table}")
    await house.stays(feed, "store-records-gone")
    assert f"records are missing that no edit has removed: {table} (if these" in feed.why_stale
    more = Edit((Change(None, User(UserId("99"), "Eve")),))
    with pytest.raises(Corrupt, match=f"records are missing in the store that no edit has removed: {table}"):
        await house.store.edit(more, "e1")
    house.corrupt.clear()
    again = await house.feed()
    await until(lambda: house.corrupt == ["store-records-gone"])
    assert not again.fresh
    await house.decide(feed)
    await house.store.edit(more, "e2")
    await until(lambda: feed.directory.user(UserId("99")) is not None)


async def test_a_table_that_is_lost_together_with_its_count_is_noticed_too(house: House) -> None:
    """As in a store that evicts keys. Before, a daemon that started beside it left two endpoints of sixteen."""
    feed = await loaded(house)
    await house.server.ask("DEL", keys.LINES, keys.LAST_CHANGE)
    await house.stays(feed, "store-records-gone")
    house.corrupt.clear()
    again = await house.feed()
    await until(lambda: house.corrupt == ["store-records-gone"])
    assert not again.fresh
    await house.decide(feed)
    assert (len(feed.directory.users()), len(feed.directory.lines())) == (15, 0)


async def test_lost_feature_codes_are_noticed(house: House) -> None:
    await house.store.set_code(Feature.CALL_RECORD, "*27", enabled=True)
    feed = await loaded(house)
    await house.server.ask("DEL", keys.CODES)
    await house.stays(feed, "store-records-gone")
    assert feed.directory.code(Feature.CALL_RECORD).code == "*27"


async def test_a_restored_backup_is_for_an_operator_to_accept(house: House) -> None:
    """The daemon was stopped meanwhile: what was seen last stands in its state folder."""
    feed = await loaded(house)
    saved = house.folder / "backup"
    await house.server.kill()
    shutil.copytree(house.server.folder / "appendonlydir", saved)
    await house.server.start()
    await house.store.set_user(USERS[0].id, actor="admin", request_id="s1", dnd=True)
    await until(lambda: house.marks.read() == TablesMark(7, feed.mark.event if feed.mark else ""))
    await house.stack.aclose()
    async with AsyncExitStack() as stack:
        shutil.rmtree(house.server.folder / "appendonlydir")
        shutil.copytree(saved, house.server.folder / "appendonlydir")
        server = await stack.enter_async_context(house.server)
        store = await stack.enter_async_context(RedisStore(Address.of_url(f"redis://127.0.0.1:{server.port}/0")))
        later = House(house.folder, server, store, stack)
        feed = await later.feed()
        await until(lambda: later.corrupt == ["store-went-back"])
        assert len(feed.directory.users()) == 0
        await later.decide(feed)
        assert len(feed.directory.users()) == 15


async def test_the_first_import_and_tables_emptied_by_edits_are_nothing_to_decide(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Valkey(tmp_path / "one"))
        store = await stack.enter_async_context(RedisStore(Address.of_url(f"redis://127.0.0.1:{server.port}/0")))
        house = House(tmp_path, server, store, stack)
        feed = await loaded(house)
        await house.fill()
        await until(lambda: len(feed.directory.users()) == 15)
        tables = await store.tables()
        removed = tuple(Change(table_record, None) for table_record in (*tables.users, *tables.lines))
        await store.edit(Edit(removed), "empty")
        await until(lambda: len(feed.directory.users()) == 0)
        assert (feed.fresh, house.corrupt) == (True, [])
        await until(lambda: house.marks.read() == feed.mark)
        await store.set_code(Feature.CALL_RECORD, "*26", enabled=True)
        await until(lambda: feed.directory.code(Feature.CALL_RECORD).enabled)
        assert feed.fresh


async def test_a_busy_stream_hides_no_flushed_store(house: House) -> None:
    """Events of calls come all the time, also after the FLUSHALL: no read of the stream is ever empty."""
    feed = await loaded(house)

    async def talk() -> None:
        while True:
            await house.store.publish({"type": "recording"})
            await asyncio.sleep(0.05)

    talking = asyncio.create_task(talk())
    await house.server.ask("FLUSHALL")
    await house.stays(feed, "store-went-back")
    talking.cancel()
    await asyncio.wait([talking])


async def test_a_history_longer_than_what_the_stream_keeps_is_believed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether an event was dropped or never there cannot be told: the revision decides."""
    standing = await house.store.standing("1-1")
    assert not standing.follows
    monkeypatch.setattr("callrec.adapters.redis.store.KEPT", 6)
    standing = await house.store.standing("1-1")
    judge(TablesMark(6, "1-1"), standing, SEEN_LAST)
    with pytest.raises(Corrupt):
        judge(TablesMark(7, "1-1"), standing, SEEN_LAST)


async def test_a_mark_that_cannot_be_read_is_said_and_one_that_cannot_be_written_costs_nothing(house: House) -> None:
    state = house.folder / "state"
    state.mkdir()
    (state / "tables.json").write_bytes(b'{"revision":')
    feed = await house.feed()
    await until(lambda: house.corrupt == ["tables-mark"])
    (state / "tables.json").unlink()
    await until(lambda: feed.fresh)
    await until(lambda: house.marks.read() == feed.mark)
    before = house.marks.read()
    (state / ".tables.json.new").mkdir()  # in the way of the next one
    await house.store.toggle_call_record(USERS[7].id, "late", "test")
    await until(lambda: feed.mark is not None and feed.mark.revision == 7)
    await asyncio.sleep(0.3)
    assert (house.marks.read(), feed.fresh) == (before, True)
