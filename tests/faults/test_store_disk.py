"""The disk of the embedded store is full, or its files are damaged: it comes back by itself, or the message says how."""

import asyncio
import contextlib
import shlex
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import exceptions as fault
from test_disk import Disk, disk

from callrec.adapters.redis.connection import Address, ask
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.store import open_store
from callrec.adapters.redis.valkey_files import CONFIG
from callrec.domain.backoff import Backoff
from callrec.domain.errors import Corrupt

LIMIT_S = 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "s") as made:
        yield made


async def written(server: EmbeddedValkey, value: str) -> None:
    client = Address.of_socket(server.socket).client()
    try:
        await ask(client, "SET", "kept", value)
    finally:
        await client.aclose()


async def held(server: EmbeddedValkey) -> str:
    client = Address.of_socket(server.socket).client()
    try:
        return str(await ask(client, "GET", "kept"))
    finally:
        await client.aclose()


async def until_gone(server: EmbeddedValkey) -> None:
    """Write until the server ends: it does so when it cannot write its append-only file (valkey: aof.c, flushAppendOnlyFile)."""
    with contextlib.suppress(fault.ConnectionError):
        for _ in range(1000):
            await written(server, "x" * 100)
        pytest.fail("the disk is not full")


async def until_back(server: EmbeddedValkey, former: int | None) -> None:
    async with asyncio.timeout(LIMIT_S):
        while server.pid in {former, None}:  # noqa: ASYNC110 - the new child's id is the event
            await asyncio.sleep(0.01)


async def test_a_full_state_disk_costs_the_store_nothing_but_the_time_until_there_is_room(
    small: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started again while the disk is full, goes on trying when not even its configuration can be written, and has all
    that it had. Before, the watcher ended by an OSError with valkey.conf at 0 bytes, and no log line said so."""
    monkeypatch.setattr("callrec.adapters.redis.embedded.RESTART", Backoff(first_s=0.1, limit_s=0.2))
    told: list[str] = []
    server = EmbeddedValkey(small.place, on_trouble=told.append)
    async with server:
        await written(server, "yes")
        config, first = server.folder / "valkey.conf", server.pid
        small.fill()
        await until_gone(server)
        await until_back(server, first)
        assert (config.read_text(), told) == (CONFIG, ["embedded-store-ended"])
        second = server.pid
        config.write_bytes(b"")  # as a version before this one left it
        (small.place / "rest").write_bytes(b"")
        with pytest.raises(OSError, match="No space"):
            (small.place / "rest").write_bytes(b"x" * 100_000)  # also the page that it had
        await until_gone(server)
        async with asyncio.timeout(LIMIT_S):
            while "disk" not in told:  # noqa: ASYNC110 - an event would need another callback
                await asyncio.sleep(0.01)
        assert config.read_bytes() == b""
        small.empty()
        await until_back(server, second)
        await written(server, "still")
        assert (config.read_text(), await held(server)) == (CONFIG, "still")
        assert told == ["embedded-store-ended"] * 2 + ["disk"]


async def test_the_remedy_for_a_damaged_append_only_file_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    """With nothing but what callrec brings along. What was written before the damage is there again."""
    state = tmp_path / "it's $HOME"
    async with open_store("embedded:", state) as store:
        for number in range(20):
            await store.publish({"type": "test", "number": str(number)})
    data = state / "valkey/appendonlydir"
    (log,) = data.glob("*.incr.aof")
    whole = log.read_bytes()
    middle = len(whole) // 2
    log.write_bytes(whole[:middle] + b"\xff" * 50 + whole[middle + 50 :])
    with pytest.raises(Corrupt) as refused:
        async with open_store("embedded:", state):
            pass
    said = str(refused.value)
    assert "valkey-check-aof --fix <" not in said
    for begin, end in (("save the data: ", ";"), ("damage begins: ", "; or")):
        command = said.partition(begin)[2].partition(end)[0]
        done = await asyncio.create_subprocess_exec("/bin/bash", "-c", command, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
        out, _ = await done.communicate(b"y\n")
        assert done.returncode == 0, (command, out)
    assert (data.with_name("appendonlydir.damaged") / log.name).stat().st_size == len(whole)
    async with open_store("embedded:", state) as store:
        assert 5 < int(await ask(store._client, "XLEN", "callrec:events")) < 20
    assert shlex.quote(str(log)) != str(log)
