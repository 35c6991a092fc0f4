"""A failover of the store, on two real servers: the address moves, the former primary lives on as a replica."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from proxy import Proxy
from seeds import adding
from trouble import (
    CODECS,
    TONES_HZ,
    USERS,
    aftermath,
    begin,
    catalogue,
    dial,
    is_flagged,
    one,
    product,
    says,
    settled,
    unready,
    until,
    until_lamp,
)
from valkeys import Valkey, moving

from callrec.adapters.redis import keys
from callrec.adapters.redis.connection import Address
from callrec.adapters.redis.directory import DirectoryFeed
from callrec.adapters.redis.event_stream import RedisEventStream
from callrec.adapters.redis.store import RedisStore
from callrec.domain.directory.model import Tables, User
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable
from callrec.domain.rules import UserId
from callrec_lab.stack import Wishes

JOHN = User(UserId("1"), "John")


@dataclass
class Pair:
    """Two servers and the address that moves."""

    primary: Valkey
    replica: Valkey
    line: Proxy

    @property
    def url(self) -> str:
        """What callrec is told."""
        return f"redis://127.0.0.1:{self.line.port}/0"

    async def fail_over(self) -> None:
        """As an administrator does it: connections stay with the former primary, which is a replica from now on."""
        await self.replica.leads()
        await self.primary.follows(self.replica)
        self.line.target = self.replica.port
        self.primary, self.replica = self.replica, self.primary

    async def guests(self, server: Valkey) -> int:
        """How many connections of ours a server has: not its own, nor the one that asks."""
        clients = (await server.ask("CLIENT", "LIST", "TYPE", "normal")).splitlines()
        return len(clients) - 1

    async def is_left(self) -> bool:
        """Nobody of ours is with the former primary."""
        return await self.guests(self.replica) == 0


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        primary = await stack.enter_async_context(Valkey(tmp_path / "one"))
        replica = await stack.enter_async_context(Valkey(tmp_path / "two"))
        line = await stack.enter_async_context(moving(primary))
        await replica.follows(primary)
        yield Pair(primary, replica, line)


async def test_after_a_failover_changes_and_events_come_from_the_new_primary(pair: Pair) -> None:
    """Before, every change was refused for as long as the former primary lived. The first is refused, and nothing was changed;
    the next one goes through, and the copy follows the new one, too."""
    async with RedisStore(Address.of_url(pair.url)) as store, DirectoryFeed(store) as feed:
        await store.edit(adding(Tables((JOHN,))), "seed")
        assert await feed.wait_fresh(30)
        await pair.fail_over()
        with pytest.raises(Unavailable, match=r"takes no changes now: .*read only replica") as refused:
            await store.toggle_call_record(JOHN.id, "t1", "test")
        assert refused.value.code == "store-read-only"
        assert await store.toggle_call_record(JOHN.id, "t1", "test")
        await until(pair.is_left)
        await pair.replica.kill()
        assert not await store.toggle_call_record(JOHN.id, "t2", "test")
        await until(
            lambda: (
                (john := feed.directory.user(JOHN.id)) is not None
                and feed.mark is not None
                and feed.mark.revision == 3
                and not john.call_record
            )
        )
        assert feed.fresh


async def reads_on(stream: RedisEventStream, cursor: str) -> None:
    while True:
        await stream.after(cursor, 0.1)


async def test_who_reads_events_leaves_a_former_primary_that_it_did_not_wait_for(pair: Pair) -> None:
    """A server that becomes a replica ends the reads that wait at that moment. One that began later stayed with it for ever."""
    async with RedisStore(Address.of_url(pair.url)) as store, RedisEventStream(Address.of_url(pair.url)) as stream:
        await store.publish({"type": "one"})
        _, cursor = await stream.after("0-0", 0.1)
        await pair.fail_over()
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable, match="is a replica now"):
                await reads_on(stream, cursor)
        await stream.after(cursor, 0.1)
        assert await pair.guests(pair.primary)


async def without_rights(server: Valkey) -> None:
    await server.ask("ACL", "SETUSER", "default", "-@write", "+@read", "+eval", "+info", "+acl")


async def without_memory(server: Valkey) -> None:
    await server.ask("CONFIG", "SET", "maxmemory", "1")


async def without_append_only_file(server: Valkey) -> None:
    await server.ask("CONFIG", "SET", "appendonly", "no")


async def without_replicas(server: Valkey) -> None:
    await server.ask("CONFIG", "SET", "min-replicas-to-write", "3")


@pytest.mark.parametrize(
    ("spoil", "kind", "code", "said"),
    [
        (without_rights, Misconfigured, "store-login", "does not allow changes"),
        (without_memory, Unavailable, "store-read-only", "takes no changes now: .*used memory > .maxmemory"),
        (without_replicas, Unavailable, "store-read-only", "takes no changes now: NOREPLICAS"),
        (without_append_only_file, Unavailable, "store-keeps-nothing", "keeps no append-only file"),
    ],
)
async def test_a_store_that_takes_no_changes_is_known_before_a_change_is_asked_for(
    tmp_path: Path, spoil: Callable[[Valkey], Awaitable[None]], kind: type[CallrecError], code: str, said: str
) -> None:
    """Before, readiness knew only whether it answers."""
    async with (
        Valkey(tmp_path / "one") as server,
        RedisStore(Address.of_url(f"redis://127.0.0.1:{server.port}/0")) as store,
    ):
        await store.edit(adding(Tables((JOHN,))), "seed")
        await store.probe()
        await spoil(server)
        with pytest.raises(kind, match=said) as refused:
            await store.probe()
        assert refused.value.code == code


async def test_asking_changes_nothing(tmp_path: Path) -> None:
    """No key, no event, no byte in the append-only file."""
    async with (
        Valkey(tmp_path / "one") as server,
        RedisStore(Address.of_url(f"redis://127.0.0.1:{server.port}/0")) as store,
    ):
        await store.edit(adding(Tables((JOHN,))), "seed")
        (log,) = (server.folder / "appendonlydir").glob("*.incr.aof")
        before = await store.snapshot(), await server.ask("DBSIZE"), log.stat().st_size
        for _ in range(3):
            await store.probe()
        assert before == (await store.snapshot(), await server.ask("DBSIZE"), log.stat().st_size)
        assert await server.ask("EXISTS", keys.PROBE) == "0"


@pytest.mark.asterisk
async def test_p11_a_failover_under_a_call_costs_no_entry_and_star_26_goes_through_the_store(
    pair: Pair, tmp_path: Path
) -> None:
    """Before, the entry was not indexed, `*26` stayed with Asterisk alone, and readiness said ok for 80 s of watching."""
    wishes = Wishes(users=USERS, codecs=CODECS, tones_hz=TONES_HZ, settings={"redis_url": pair.url})
    async with product(tmp_path / "product", wishes) as stack:
        talk = await begin(stack, "1005", "1002")
        await until_lamp(stack, "1005", "INUSE")
        await pair.fail_over()
        await until(pair.is_left, hint="the daemon has left the former primary")
        await talk.hangup()
        was = await is_flagged(stack, "1006")
        call = await dial(stack, "1006")
        assert says(call, "call-recording-off" if was else "call-recording-on")
        assert await is_flagged(stack, "1006") is not was
        assert "0 results" in await stack.pbx.cli("database show callrec/intent")
        await settled(stack)
        recording = one(stack, "1005", "1002")
        recording.holds("1005", "1002", talk.length_s)
        assert recording.id.encode() in await catalogue(stack)
        await stack.daemon.ready()

        async def is_unready() -> bool:
            return '"store": {"ok": false' in await unready(stack)

        await pair.primary.ask("CONFIG", "SET", "maxmemory", "1")
        await until(is_unready)
        await pair.primary.ask("CONFIG", "SET", "maxmemory", "0")
        await aftermath(stack)
