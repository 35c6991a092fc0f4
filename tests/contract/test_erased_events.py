"""What is said of erased recordings goes out of the stream of events, and out of the server's files."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callrec.adapters.redis import erased_events, keys
from callrec.adapters.redis.connection import Address, ask
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.erased_events import ErasedEvents
from callrec.adapters.redis.event_stream import RedisEventStream
from callrec.adapters.redis.store import RedisStore


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Path]:
    async with EmbeddedValkey(tmp_path / "s") as socket:
        yield socket


@pytest_asyncio.fixture
async def store(server: Path) -> AsyncIterator[RedisStore]:
    """With files that are not compressed: in others nothing would be found."""
    async with RedisStore(Address.of_socket(server)) as opened:
        await ask(opened._client, "CONFIG", "SET", "rdbcompression", "no")
        yield opened


@pytest_asyncio.fixture
async def erased(server: Path) -> AsyncIterator[ErasedEvents]:
    opened = ErasedEvents(Address.of_socket(server))
    yield opened
    await opened.close()


async def stream(store: RedisStore) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = await ask(store._client, "XRANGE", keys.EVENTS, "-", "+")
    return found


def stored(recording: str, number: str) -> dict[str, str]:
    return {"type": "recording-stored", "id": recording, "numbers": f'["{number}"]'}


async def in_files(folder: Path, text: bytes) -> list[str]:
    """The server's files with this text. It removes the former ones in a thread of its own, a moment later."""

    def look() -> list[str]:
        return [str(path) for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]

    for _ in range(20):
        if not (found := await asyncio.to_thread(look)):
            break
        await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize("page", [500, 3])
async def test_events_of_erased_recordings_go_and_all_others_keep_their_ids(
    store: RedisStore, erased: ErasedEvents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(erased_events, "PAGE", page)
    for nth in range(12):
        await store.publish(stored(f"c{nth}-1", f"+33777{nth:02}"))
    await store.publish({"type": "recording", "recording": "c1-1", "call": "c1"})
    await store.publish({"type": "recording-forgotten", "recording": "c1-1"})
    before = await stream(store)
    await erased.forget(["c1-1", "c11-1"], ["+3377705"])
    after = await stream(store)
    gone = [fields for event_id, fields in before if (event_id, fields) not in after]
    assert gone == [before[1][1], before[5][1], before[11][1], before[12][1]]
    assert after == [one for one in before if one in after], "in their order"
    for number, is_left in (("+3377701", False), ("+3377705", False), ("+3377711", False), ("+3377702", True)):
        assert bool(await in_files(tmp_path / "s", number.encode())) == is_left
    await store.publish({"type": "recording-indexed", "recording": "c2-1"})
    assert (await stream(store))[-1][0] > before[-1][0], "ids never go back"


async def test_changes_of_the_tables_stay(store: RedisStore, erased: ErasedEvents) -> None:
    change = {"type": "tables-changed", "revision": "1", "records": "+33777"}
    await store.publish(change)
    await erased.forget([], ["+33777"])
    assert [fields for _, fields in await stream(store)] == [change]


async def test_a_stream_of_which_all_goes_is_empty_and_goes_on(
    server: Path, store: RedisStore, erased: ErasedEvents, tmp_path: Path
) -> None:
    await erased.forget(["c1-1"], [])  # without a stream
    await store.publish(stored("c1-1", "+33777"))
    ((former, _),) = await stream(store)
    async with RedisEventStream(Address.of_socket(server)) as follower:
        following = asyncio.create_task(follower.after(former, 10.0))
        await erased.forget(["c1-1"], [])
        assert await stream(store) == []
        assert await in_files(tmp_path / "s", b"+33777") == []
        await store.publish({"type": "recording-indexed", "recording": "c2-1"})
        messages, _ = await following
    assert [one.type for one in messages] == ["recording-indexed"]


async def test_events_that_come_meanwhile_are_kept(
    store: RedisStore, erased: ErasedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erased_events, "PAGE", 5)
    for nth in range(50):
        await store.publish(stored(f"c{nth}-1", "1000"))

    async def publishes() -> None:
        for nth in range(50, 100):
            await store.publish(stored(f"c{nth}-1", "1000"))

    await asyncio.gather(erased.forget(["c1-1"], []), publishes())
    assert [fields["id"] for _, fields in await stream(store)] == [f"c{nth}-1" for nth in range(100) if nth != 1]
