"""The catalogue with a million recordings: a filtered page, a part of a number, a count, what is entered until it is found, a
rebuild from real sidecars, and the size on disk.

The peer is plain SQL on the same data: one table with a column for each condition and an index on each, as a first version of
such a program has it; LIKE for a part of a number, OFFSET for a page, COUNT for all.
"""

import asyncio
import gc
import importlib
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench import part, quiet
from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.app.library.catalog import rebuild
from callrec.app.ports.library import Catalogue
from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import POLICY, Party, Recording
from callrec.domain.errors import CallrecError
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState
from callrec.domain.library.search import Filter
from callrec.domain.library.search_pages import Cursor, PageRequest
from callrec.domain.rules import Rule, UserId
from callrec.protocols.json_documents import encode_manifest

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

ENTRIES = int(os.environ.get("CALLREC_BENCH_RECORDINGS", "1000000"))
SIDECARS = 20_000
USERS = 2000
CHUNK = 2000
PAGES, WARM = 200, 20
START_S, GAP_S = 1_700_000_000, 31
FIRST = ("John", "Joan", "Pierre", "Mary", "Éva", "Ada", "Bill", "George", "Ümit", "Zoë")
LAST = ("Doe", "Smith", "Clinton", "Bush", "Müller", "Stone", "García", "Fischer")
DICE = random.Random(1)  # noqa: S311 - the same questions in each run


def entry(nth: int) -> dict[str, str]:
    """A recording of a user with somebody outside; one in a hundred is not sound."""
    user, caller = nth * 7919 % USERS, nth * 104_729 % 300_000
    recording = f"{nth:026d}-1"
    state = "sound" if nth % 100 else ("partial", "failed", "unanswered")[nth // 100 % 3]
    path = f"2026/11/{nth % 28 + 1:02}/{recording}"
    return {
        "id": recording, "call": f"{nth:026d}", "state": state, "cause": "" if nth % 100 else "timeline",
        "start_s": f"{START_S + nth * GAP_S}.{nth % 1000:03}", "end_s": f"{START_S + nth * GAP_S + 60}.000",
        "rule": "always" if nth % 3 else "on_demand", "actor": "policy", "actor_user": "",
        "numbers": json.dumps([f"{1000 + user}", f"+3312{caller:07}"]), "users": json.dumps([str(user)]),
        "names": json.dumps([f"{FIRST[user % 10]} {LAST[user % 8]}", f"{FIRST[caller % 10]} {LAST[caller % 8]}{caller % 997}"]),
        "direction": ("incoming", "outgoing")[nth % 2], "node": f"node{nth % 3}", "recorded_user": str(user), "path": path,
        "media": f"{path}.wav", "length_s": f"{nth * 31 % 3600}.500", "sha256": f"{nth:064x}", "bytes": str(nth % 10**7),
    }  # fmt: skip


QUESTIONS: dict[str, Callable[[], Filter]] = {
    "newest": Filter,
    "user": lambda: Filter(user=UserId(str(DICE.randrange(USERS)))),
    "user_and_state": lambda: Filter(user=UserId(str(DICE.randrange(USERS))), state=StoredState.PARTIAL),
    "state_and_rule": lambda: Filter(state=StoredState.FAILED, rule=Rule.ALWAYS),
    "number": lambda: Filter(number=f"+3312{DICE.randrange(300_000):07}"),
    "month_and_node": lambda: Filter(from_s=(from_s := _moment()), to_s=from_s + 30 * 86_400, node="node1"),
    "longer_than_an_hour": lambda: Filter(least_s=3590, from_s=_moment()),
}
PARTS: dict[str, Callable[[], Filter]] = {
    "3_digits": lambda: Filter(number_part=f"{DICE.randrange(1000):03}"),
    "6_digits": lambda: Filter(number_part=f"{DICE.randrange(300_000):07}"[1:]),
    "of_a_name": lambda: Filter(name=f"{LAST[DICE.randrange(8)]}{DICE.randrange(997)}"),
}


def _moment() -> float:
    return START_S + DICE.randrange(ENTRIES) * GAP_S


def run() -> dict[str, object]:
    """All figures."""
    found = asyncio.run(_sqlite())
    try:
        found["postgresql"] = asyncio.run(_postgres())
    except (CallrecError, OSError, ImportError) as error:
        print(f"   no PostgreSQL: {error}")
    return found


async def _sqlite() -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as folder:
        async with open_catalogue("sqlite:", Path(folder)) as catalogue:
            found = await _engine(catalogue)
            found["bytes_per_entry"] = _bytes_per_entry(Path(folder))
            found |= await _rebuilt(Path(folder))
        found |= _plain(Path(folder), found)
    return found


def _bytes_per_entry(folder: Path) -> int:
    return round(sum(one.stat().st_size for one in folder.iterdir()) / ENTRIES)


async def _postgres() -> dict[str, object]:
    with server() as running, tempfile.TemporaryDirectory() as folder:
        async with open_catalogue(await running.new_database(), Path(folder), "bench") as catalogue:
            return await _engine(catalogue)


class Server(Protocol):
    """What is used of the tests' PostgreSQL server."""

    async def new_database(self) -> str:
        """The address of a new database."""
        ...


def server() -> "AbstractContextManager[Server]":
    """A PostgreSQL server on a free port, as the tests start it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests/support"))
    started: AbstractContextManager[Server] = importlib.import_module("postgres_server").running()
    return started


async def _engine(catalogue: Catalogue) -> dict[str, object]:
    began_s = time.perf_counter()
    async with catalogue.rebuild() as rebuilding:
        for first in range(0, ENTRIES, CHUNK):
            await rebuilding.put([entry(nth) for nth in range(first, min(first + CHUNK, ENTRIES))])
        await rebuilding.finish(lambda _: True)
    gc.collect()
    gc.freeze()  # as the daemon does, so that no collection of what was made before falls into a search
    found: dict[str, object] = {"filled_per_s": round(ENTRIES / (time.perf_counter() - began_s))}
    for kind, questions in (("page", QUESTIONS), ("part", PARTS)):
        worst: list[float] = []
        for name, make in questions.items():
            for _ in range(WARM):
                await _page_ms(catalogue, make())
            took = [await _page_ms(catalogue, make()) for _ in range(PAGES)]
            found[f"{kind}_{name}_p99_ms"] = round(part(took, 0.99), 2)
            worst += took
        found[f"{kind}_p99_ms"] = round(part(worst, 0.99), 2)
    found["deep_page_p99_ms"] = round(part([await _deep_ms(catalogue) for _ in range(PAGES)], 0.99), 2)
    asked = [make() for make in QUESTIONS.values() for _ in range(20)]
    counted = [await _ms(partial(catalogue.count, wanted)) for wanted in asked]
    found["count_p99_ms"] = round(part(counted, 0.99), 2)
    visible = [await _visible_ms(catalogue, ENTRIES + nth) for nth in range(100)]
    found["entered_p99_ms"] = round(part(visible, 0.99), 2)
    return found


async def _page_ms(catalogue: Catalogue, wanted: Filter) -> float:
    return await _ms(lambda: catalogue.search(wanted, PageRequest(limit=100)))


async def _deep_ms(catalogue: Catalogue) -> float:
    """A page in the middle of all, by its cursor."""
    request = PageRequest(limit=100)
    place = int(_moment() * 1000) << 20
    cursor = Cursor(request.sort, 0, place)
    return await _ms(lambda: catalogue.search(Filter(), PageRequest(limit=100, cursor=cursor)))


async def _visible_ms(catalogue: Catalogue, nth: int) -> float:
    """From the request to enter a recording until a search has found it."""
    wanted = Filter(number=f"+3399{nth:07}")
    one = entry(nth) | {"numbers": json.dumps([f"+3399{nth:07}"])}

    async def entered() -> None:
        await catalogue.put(one)
        assert (await catalogue.search(wanted, PageRequest(limit=1))).entries

    return await _ms(entered)


async def _ms(work: Callable[[], Awaitable[object]]) -> float:
    began_s = time.perf_counter()
    await work()
    return 1000 * (time.perf_counter() - began_s)


async def _rebuilt(folder: Path) -> dict[str, object]:
    """A rebuild from so many sidecars into a new catalogue, and again when nothing has changed."""
    for path, content in _sidecars():
        (folder / "monitor" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "monitor" / f"{path}.json").write_bytes(content)
    library = MonitorLibrary(folder / "monitor")
    found: dict[str, object] = {}
    async with open_catalogue("sqlite:", folder / "other") as catalogue:
        for name in ("rebuild_per_s", "unchanged_rebuild_per_s"):
            began_s, cpu_s = time.perf_counter(), time.process_time()
            assert (await rebuild(library, catalogue)).recordings == SIDECARS
            found[name] = round(SIDECARS / (time.perf_counter() - began_s))
            found[name.replace("per_s", "per_cpu_s")] = round(SIDECARS / (time.process_time() - cpu_s))
    return found


def _sidecars() -> Iterator[tuple[str, bytes]]:
    for nth in range(SIDECARS):
        at_s = float(START_S + nth * GAP_S)
        parties = tuple(
            Party(LegId(f"{nth}.{leg}"), UserId(str(nth % USERS)) if leg else None, "1000", "John Doe", at_s, at_s + 60)
            for leg in range(2)
        )  # fmt: skip
        recording = Recording(
            RecordingId(f"{nth:026d}-1"), CallId(f"{nth:026d}"), f"{nth}.0", NodeId("n"), Rule.ALWAYS, POLICY, at_s, at_s + 60,
            parties=parties,
        )  # fmt: skip
        path = f"2026/11/{nth % 28 + 1:02}/{recording.id}"
        media = Media(f"{recording.id}.wav", Format.WAV, 8000, 480_000, 1_920_044, f"{nth:064x}")
        yield path, encode_manifest(Manifest(SCHEMA, StoredState.SOUND, recording, media))


def _plain(folder: Path, ours: dict[str, object]) -> dict[str, object]:
    """The peer: Python's own sqlite3, in the same thread."""
    with sqlite3.connect(folder / "plain.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(
            "CREATE TABLE r (id TEXT PRIMARY KEY, start REAL, state TEXT, rule TEXT, user TEXT, number TEXT, node TEXT,"
            " length REAL, entry TEXT)"
        )
        rows = (
            (one["id"], float(one["start_s"]), one["state"], one["rule"], one["recorded_user"], json.loads(one["numbers"])[1],
             one["node"], float(one["length_s"]), json.dumps(one))
            for one in map(entry, range(ENTRIES))
        )  # fmt: skip
        database.executemany("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        for column in ("start", "state", "rule", "user", "number", "node", "length"):
            database.execute(f"CREATE INDEX by_{column} ON r ({column})")
        database.execute("ANALYZE")
        database.commit()
        found: dict[str, object] = {}
        for name, where, value in (
            ("page_user", "user = ?", lambda: str(DICE.randrange(USERS))),
            ("page_user_and_state", "user = ? AND state = 'partial'", lambda: str(DICE.randrange(USERS))),
            ("page_state_and_rule", "state = ? AND rule = 'always'", lambda: "failed"),
            ("part_3_digits", "number LIKE ?", lambda: f"%{DICE.randrange(1000):03}%"),
            ("part_6_digits", "number LIKE ?", lambda: f"%{DICE.randrange(300_000):07}"),
        ):
            query = f"SELECT entry FROM r WHERE {where} ORDER BY start DESC LIMIT 100"  # noqa: S608 - our own words
            took = []
            for _ in range(20 if name.startswith("part") else PAGES):
                began_s = time.perf_counter()
                [json.loads(text) for (text,) in database.execute(query, (value(),))]
                took.append(1000 * (time.perf_counter() - began_s))
            plain = part(took, 0.99)
            found |= {
                f"plain_{name}_p99_ms": round(plain, 2),
                f"ratio_{name}": round(float(str(ours[f"{name}_p99_ms"])) / plain, 3),
            }
    return found


if __name__ == "__main__":
    quiet()
    print(json.dumps(run(), indent=1))
