"""The local copy: it follows every writer, knows when it does not, and never makes a look-up wait."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from seeds import adding

from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import Address, ask
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.edit_arguments import CARRIED
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.store import RedisStore
from callrec.domain.directory.directory import Directory, Party
from callrec.domain.directory.edit import Change, Edit
from callrec.domain.directory.model import DEFAULT_CONTEXTS, Context, ContextKind, Feature, Line, Range, Tables, User
from callrec.domain.directory.table_changes import Difference
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.rules import UserId

JOHN = User(UserId("1"), "John", "Doe")
DESK = Line("desk", JOHN.id, "1000", "default")


class Watch:
    """Collects what a feed tells, and waits until something holds."""

    def __init__(self, feed):
        self.told, self._feed, self._news = [], feed, asyncio.Event()
        feed.on_change(self._take)

    def _take(self, difference):
        self.told.append(difference)
        self._news.set()

    async def until(self, holds):
        """Return as soon as this holds of the copy."""
        async with asyncio.timeout(60):
            while not holds(self._feed.directory):
                self._news.clear()
                await self._news.wait()


async def until(holds):
    """For what nobody tells: staleness and reloads."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - there is no event for it, and a test has time
            await asyncio.sleep(0.005)


@pytest.fixture
async def server(tmp_path_factory):
    embedded = EmbeddedValkey(tmp_path_factory.mktemp("s"))
    async with embedded:
        yield embedded


@pytest.fixture
async def store(server):
    async with RedisStore(Address.of_socket(server.socket)) as opened:
        await opened.edit(adding(Tables((JOHN,), (DESK,))), "seed")
        yield opened


@asynccontextmanager
async def following(store):
    async with DirectoryFeed(store) as feed:
        watch = Watch(feed)
        assert await feed.wait_fresh(30)
        yield feed, watch


async def test_loads_and_tells_all(store):
    """After the first load every user is news, and look-ups work."""
    async with following(store) as (feed, watch):
        assert [Difference(users=frozenset({JOHN.id}))] == watch.told
        assert JOHN == feed.directory.by_endpoint("PJSIP/desk").user
        assert (True, "", 1) == (feed.fresh, feed.why_stale, feed.reloads)


async def test_follows_another_writer(server, store):
    """A flag set by another process reaches the copy as one event, without a reload."""
    async with following(store) as (feed, watch), RedisStore(Address.of_socket(server.socket)) as other:
        await other.set_user(JOHN.id, actor="cli", request_id="s1", call_record=True)
        await watch.until(lambda directory: directory.user(JOHN.id).call_record)
        await other.set_code(Feature.CALL_RECORD, "*26", enabled=True)
        await watch.until(lambda directory: directory.code(Feature.CALL_RECORD).enabled)
        assert Difference(codes=frozenset({Feature.CALL_RECORD})) == watch.told[-1]
        assert 1 == feed.reloads


async def test_added_users_arrive(store):
    """A large import is one event, after which the copy is loaded anew."""
    async with following(store) as (feed, watch):
        many = tuple(User(UserId(str(number)), "Ada") for number in range(2, 3 + CARRIED))
        await store.edit(adding(Tables(many)), "r2")
        await watch.until(lambda directory: directory.user(UserId("2")))
        assert (2, Difference(users=frozenset(user.id for user in many))) == (feed.reloads, watch.told[-1])


async def test_a_small_edit_arrives_with_its_records(store):
    """New, changed and removed records come with the event: nothing is loaded again, and every look-up knows."""
    ada, moved = User(UserId("2"), "Ada", username="ada"), Line("desk", UserId("2"), "1001", "default")
    sales = Context("sales", ContextKind.INTERNAL, (Range("3000", "3099"),))
    edit = Edit((Change(None, ada), Change(DESK, moved), Change(None, sales)))
    async with following(store) as (feed, watch):
        await store.edit(edit, "r2")
        await watch.until(lambda directory: directory.user(UserId("2")))
        assert 1 == feed.reloads
        assert Difference(users=frozenset({JOHN.id, ada.id}), others=True) == watch.told[-1]
        directory = feed.directory
        assert (None, Party(ada, moved)) == (
            directory.by_extension("1000", "default"),
            directory.by_extension("1001", "default"),
        )
        assert ([sales, *DEFAULT_CONTEXTS], ada) == (
            sorted(directory.contexts(), key=lambda context: context.name != "sales"),
            directory.user(ada.id),
        )
        await store.edit(Edit((Change(ada, None), Change(moved, None))), "r3")
        await watch.until(lambda directory: not directory.user(UserId("2")))
        assert (None, 1) == (feed.directory.by_endpoint("PJSIP/desk"), feed.reloads)


async def test_other_events_are_no_news(store):
    """Events of recordings and calls pass by; the one after them is still seen."""
    async with following(store) as (feed, watch):
        await store.publish({"type": "call-ended"})
        await store.publish({"type": "something-else", "revision": "900"})
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
        await watch.until(lambda directory: directory.user(JOHN.id).call_record)
        assert (1, 2) == (feed.reloads, len(watch.told))


async def test_flushed_server(store):
    """After FLUSHALL, which sends no event, the copy stays as it is, and is called stale (more: tests/faults)."""
    async with following(store) as (feed, watch):
        watch.told.clear()
        await ask(store._client, "FLUSHALL")
        await until(lambda: not feed.fresh)
        assert (JOHN, []) == (feed.directory.by_endpoint("PJSIP/desk").user, watch.told)
        assert "revision 1 was seen last" in feed.why_stale


async def test_missed_events(store):
    """A hole in the count of changes means a reload, not a guess."""
    async with following(store) as (feed, watch):
        await ask(store._client, "INCR", keys.REVISION)
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
        await watch.until(lambda directory: directory.user(JOHN.id).call_record)
        await until(lambda: feed.reloads >= 2)
        assert feed.fresh


async def test_restarted_server(server, store):
    """A killed server makes the copy stale, look-ups go on, and after its restart the copy is loaded anew."""
    async with following(store) as (feed, _):
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: not feed.fresh or feed.reloads > 1)
        assert feed.directory.by_endpoint("PJSIP/desk")
        await until(lambda: feed.fresh and feed.reloads > 1)
        assert "" == feed.why_stale


async def test_server_down_at_start(tmp_path):
    """With nobody there the copy is empty, stale, and says why; waiting for it ends."""
    async with RedisStore(Address.of_socket(tmp_path / "none.sock")) as store, DirectoryFeed(store) as feed:
        assert not await feed.wait_fresh(0.1)
        assert not feed.fresh
        assert "does not answer" in feed.why_stale
        assert feed.since_s > 0
        assert not feed.directory.users()


async def test_a_record_that_cannot_be_read(store):
    """A broken record keeps the last good copy, stale; mended, the copy follows again."""
    async with following(store) as (feed, watch):
        await ask(store._client, "HSET", keys.USERS, "9", "no json")
        await ask(store._client, "XADD", keys.EVENTS, "*", "type", "user-changed", "revision", "2")
        await until(lambda: not feed.fresh)
        assert feed.directory.user(JOHN.id)
        await ask(store._client, "HDEL", keys.USERS, "9")
        await until(lambda: feed.fresh)
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
        await watch.until(lambda directory: directory.user(JOHN.id).call_record)


async def test_a_command_waits_for_the_copy_and_is_told_what_keeps_it_from_being_loaded(store, tmp_path):
    async with DirectoryFeed(store) as feed, asyncio.timeout(60):
        await feed.until_loaded()
        assert JOHN == feed.directory.user(JOHN.id)
    await ask(store._client, "HSET", keys.USERS, "2", "{")
    async with DirectoryFeed(store) as feed, asyncio.timeout(60):
        with pytest.raises(Corrupt):
            await feed.until_loaded()
    async with (
        RedisStore(Address.of_socket(tmp_path / "none.sock")) as away,
        DirectoryFeed(away) as feed,
        asyncio.timeout(60),
    ):
        with pytest.raises(Unavailable):
            await feed.until_loaded()


async def test_a_record_with_thousands_of_brackets(store):
    """It is a record that cannot be read, as any other: the feed goes on."""
    deep = '{"id":"9","firstname":"X","unknown":' + "[" * 5000 + "]" * 5000 + "}"
    async with following(store) as (feed, watch):
        await ask(store._client, "INCR", keys.REVISION)
        await ask(store._client, "XADD", keys.EVENTS, "*", "type", "user-changed", "revision", "2", "record", deep)
        await until(lambda: feed.fresh and feed.reloads == 2)
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
        await watch.until(lambda directory: directory.user(JOHN.id).call_record)


async def test_a_defect_does_not_end_the_feed(store, monkeypatch):
    """What nobody has thought of makes the copy stale and loads it anew: a task that ended would leave it old, called fresh."""
    async with following(store) as (feed, watch):
        seen, codes = [], []
        feed._on_corrupt = codes.append

        def apply(*_):
            asyncio.get_running_loop().call_soon(lambda: seen.append((feed.fresh, feed.why_stale)))
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(Directory, "apply", apply)
            await store.toggle_call_record(JOHN.id, "t1", "user:1")
            await watch.until(lambda directory: directory.user(JOHN.id).call_record)
        await until(lambda: feed.fresh)
        assert ([(False, "the tables cannot be followed: ZeroDivisionError")], 2) == (seen, feed.reloads)
        assert ["tables-unreadable"] == codes
        await store.toggle_call_record(JOHN.id, "t2", "user:1")
        await watch.until(lambda directory: not directory.user(JOHN.id).call_record)


async def test_a_listener_that_fails(store):
    """One listener's fault neither ends the feed nor hides the news from the next listener."""
    async with DirectoryFeed(store) as feed:
        feed.on_change(lambda _: 1 / 0)
        watch = Watch(feed)
        await store.toggle_call_record(JOHN.id, "t1", "user:1")
        await watch.until(lambda directory: replace(JOHN, call_record=True) == directory.user(JOHN.id))


async def test_the_copy_says_of_which_edition_it_is_and_catches_up_on_request(store):
    """Minus one before it was loaded; a flag turned by phone is no edit."""
    feed = DirectoryFeed(store)
    assert -1 == feed.edit_revision
    async with feed:
        await feed.wait_fresh(30)
        for number in range(3):
            await store.edit(Edit((Change(None, User(UserId(f"9{number}"), "Eve")),)), f"e{number}")
            assert await feed.catch_up(5)
            assert (number + 2, number + 2) == (feed.edit_revision, len(feed.directory.users()))
        await store.toggle_call_record(UserId("1"), "t", "user:1")
        assert await feed.catch_up(5)
        assert (4, True) == (feed.edit_revision, feed.directory.user(UserId("1")).call_record)


async def test_a_copy_that_does_not_follow_does_not_catch_up(store):
    """It is told after its time, and not waited for."""
    feed = DirectoryFeed(store)
    assert not await feed.catch_up(0.05)
    await feed._client.aclose()
