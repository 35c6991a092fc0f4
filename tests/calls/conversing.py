"""Calls between the product's phones, several at the same time, and the news and recordings that come of them.

How exactly the instants are known: when a phone's last key was sent, and when it hung up, its own Asterisk tells to a few
milliseconds, whatever this process is doing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from arrangement import OUTSIDE, phone, tone_of
from free_cpu import calls_at_once
from laboratory import BOUND_S, until
from listening import Stored, listen

from callrec.adapters.disk.journal_reader import UnfinishedRecordings
from callrec.adapters.redis.connection import Address, ask
from callrec.domain.library.file_names import is_annotations
from callrec.domain.library.manifest import Manifest
from callrec.protocols.json_documents import decode_manifest
from callrec_lab.phones import PhoneCall
from callrec_lab.stack import Stack

T = TypeVar("T")
APART_S = 0.23
"""Between the beginnings of calls that take place at the same time: so many people do not press in the same instant."""
NEWS_S = BOUND_S
SCENES_S = 150.0
BLOCK_MS = 200


@asynccontextmanager
async def conversation(
    stack: Stack, caller: str, called: str, *, dialled: str = "", shown: str = ""
) -> AsyncIterator[tuple[PhoneCall, PhoneCall]]:
    """Both sides of an answered call; over at the end of the block, with everything heard on the disk."""
    there = await phone(stack, caller).call(dialled or called, tone_hz=tone_of(caller), shown=shown)
    try:
        here = await phone(stack, called).rings()
        await asyncio.gather(there.answered(), here.answered())
        yield there, here
    finally:
        await there.hangup()
    await here.ended()


async def together(*calls: Coroutine[None, None, T]) -> list[T]:
    """Do these at the same time; what goes wrong in one ends all, in order."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(call) for call in calls]
    return [task.result() for task in running]


class News:
    """What the daemon publishes from the beginning of the block on, and the recordings that it tells of."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._client = Address.of_socket(stack.daemon.state.absolute() / "valkey/valkey.sock").client()
        self._reading = asyncio.Lock()
        self._cursor = "0-0"
        self.seen: list[dict[str, str]] = []

    async def __aenter__(self) -> "News":
        last = await ask(self._client, "XREVRANGE", "callrec:events", "+", "-", "COUNT", 1)
        self._cursor = last[0][0] if last else "0-0"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def event(self, kind: str, **fields: str) -> dict[str, str]:
        """The first event of this type with these values; waits for it."""
        await self._until(lambda: bool(self.events(kind, **fields)))
        return self.events(kind, **fields)[0]

    def events(self, kind: str, **fields: str) -> list[dict[str, str]]:
        """What was read so far."""
        wanted = {"type": kind, **fields}
        return [event for event in self.seen if wanted.items() <= event.items()]

    async def stored(self, *numbers: str, count: int = 1) -> list[Stored]:
        """All recordings of calls between these numbers, in their order; waits for so many, or, where there must be none, until
        none can come any more. There must be no more."""
        await self._until(lambda: len(self._between(numbers)) >= count)
        if not count:
            await over(self._stack, numbers[0])
        calls = {manifest.recording.call for _, manifest in self._between(numbers)}
        spool = self._stack.daemon.spool
        await until(lambda: not [file for call in calls for file in spool.glob(f"{call}-*") if file.is_file()])
        await self.read()
        found = self._between(numbers)
        assert len(found) == count, [manifest.recording.id for _, manifest in found]
        return [listen(path, manifest) for path, manifest in found]

    async def one(self, *numbers: str) -> Stored:
        """The only recording of calls between these numbers."""
        return (await self.stored(*numbers))[0]

    async def read(self, block_ms: int = 1) -> None:
        """Take in what is there by now, or comes soon."""
        async with self._reading:
            command = ("XREAD", "COUNT", 500, "BLOCK", block_ms, "STREAMS", "callrec:events", self._cursor)
            found = await ask(self._client, *command)
            for event_id, fields in found[0][1] if found else ():
                self._cursor = event_id
                self.seen.append(fields)

    async def _until(self, is_there: Callable[[], bool]) -> None:
        async with asyncio.timeout(NEWS_S):
            while not is_there():
                await self.read(BLOCK_MS)

    def _between(self, numbers: tuple[str, ...]) -> list[tuple[Path, Manifest]]:
        places = sorted({event["path"] for event in self.events("recording-stored")})
        sidecars = [self._stack.daemon.monitor / f"{place}.json" for place in places]
        manifests = [(path, decode_manifest(path.read_bytes())) for path in sidecars]
        return [
            (path, manifest)
            for path, manifest in manifests
            if {party.number for party in manifest.recording.parties} == set(numbers)
        ]


async def over(stack: Stack, number: str) -> None:
    """Wait until the daemon has no call of this number any more, and until all that it had to store then is stored."""
    async with asyncio.timeout(BOUND_S):
        while await _is_in_a_call(stack, number):  # noqa: ASYNC110 - another process knows it
            await asyncio.sleep(APART_S)
    journal = stack.daemon.state / "journal"
    due = set(UnfinishedRecordings(journal))
    await until(lambda: not due & set(UnfinishedRecordings(journal)))


async def _is_in_a_call(stack: Stack, number: str) -> bool:
    status, said = await stack.daemon.get("/api/v1/calls")
    assert status == HTTPStatus.OK, said
    return any(who["number"] == number for one in json.loads(said)["items"] for who in one["participants"])


async def listed(stack: Stack, *numbers: str) -> list[Manifest]:
    """What the library has of calls between these numbers, when nothing of them can come any more."""
    await over(stack, numbers[0])
    every = [
        decode_manifest(path.read_bytes())
        for path in stack.daemon.monitor.rglob("*.json")
        if not is_annotations(path.name)
    ]
    return [one for one in every if {party.number for party in one.recording.parties} == set(numbers)]


@dataclass(frozen=True, slots=True)
class Played:
    """A call that has ended: both phones with what they heard, its recordings, and the news while it lasted."""

    caller: PhoneCall
    called: PhoneCall
    stored: list[Stored]
    news: News


Play = Callable[[PhoneCall, PhoneCall], Coroutine[None, None, None]]


async def play(
    stack: Stack, caller: str, called: str, what: Play, *, dialled: str = "", shown: str = "", recordings: int = 1
) -> Played:
    """A call in which people do `what`; waits for so many recordings of it."""
    async with News(stack) as news:
        async with conversation(stack, caller, called, dialled=dialled, shown=shown) as (there, here):
            await what(there, here)
        numbers = (shown if caller == OUTSIDE else caller, dialled if called == OUTSIDE else called)
        stored = await news.stored(*numbers, count=recordings)
    return Played(there, here, stored, news)


async def from_outside(
    stack: Stack, number: str, called: str, caller: str, *, talk_s: float, recordings: int, presses: bool = False
) -> list[Stored]:
    """The recordings of a call that comes in to this number; the called one may press `*3` in it. It goes on all the while."""

    async def talk(there: PhoneCall, here: PhoneCall) -> None:
        await asyncio.sleep(talk_s)
        if presses:
            await here.press("*3")
            await asyncio.sleep(talk_s)
        assert not there.is_over

    return (await play(stack, OUTSIDE, called, talk, dialled=number, shown=caller, recordings=recordings)).stored


class Scenes(Generic[T]):
    """Calls that take place beside each other, because talking takes time: each test awaits its own."""

    def __init__(self, **scenes: Coroutine[None, None, T]) -> None:
        self._seats = asyncio.Semaphore(calls_at_once())
        self._apart = asyncio.Lock()
        self._tasks = {name: asyncio.create_task(self._play(scene), name=name) for name, scene in scenes.items()}

    async def of(self, name: str) -> T:
        """One call, when all have ended: who listens takes time from those who talk. Raises what went wrong in it."""
        await self.ended()
        return await self._tasks[name]

    async def assert_played(self, name: str) -> None:
        """A scene that asserts by itself: what was wrong in it is raised here."""
        await self.of(name)

    async def ended(self) -> None:
        """Wait until no call is left, also of tests that were not chosen; what went wrong in one is its own test's."""
        _, left = await asyncio.wait(self._tasks.values(), timeout=SCENES_S)
        for task in left:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _play(self, scene: Coroutine[None, None, T]) -> T:
        """In its turn, as many at once as the CPU carries, and none in the instant in which another begins."""
        try:
            async with self._seats:
                async with self._apart:
                    await asyncio.sleep(APART_S)
                return await scene
        finally:
            scene.close()
