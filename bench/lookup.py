"""Look-ups in a copy of 100,000 users: how many, how fast a name is completed, and how long anybody waits during a reload.

A reload builds the new copy in a thread, which shares the interpreter's lock with the loop that answers calls. So the third
part measures the answer times of FastAGI and HTTP look-ups over real sockets while copies of that size are read, built,
compared and dropped, as after an import of 100,000 users; the generator runs in a process of its own.
"""

import asyncio
import gc
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import part, quiet
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Context, ContextKind, Line, Range, Tables, User
from callrec.domain.rules import UserId

USERS = 100_000
FIRST = ("John", "Joan", "Pierre", "Mary", "Éva", "Ada", "Bill", "George", "Ümit", "Zoë")
LAST = ("Doe", "Smith", "Clinton", "Bush", "Müller", "Stone", "García", "Fischer")
SECONDS = 4.0
CONTEXTS = (Context("default", ContextKind.INTERNAL, (Range("1000000", "1999999"),)),)
TOKEN = "bench-" + "t" * 40
DICE = random.Random(1)  # noqa: S311 - the same questions in each run


def tables(count: int) -> Tables:
    """So many users with a line each."""
    return Tables(
        tuple(
            User(UserId(str(n)), f"{FIRST[n % 10]}{n % 977}", f"{LAST[n % 8]}{n}", language="en_US")
            for n in range(1, count + 1)
        ),
        tuple(
            Line(f"l{n}", UserId(str(n)), str(1_000_000 + n), "default", secret="s" * 24) for n in range(1, count + 1)
        ),
        contexts=CONTEXTS,
    )


def _rate(work: Callable[[int], object], count: int = 200_000) -> float:
    numbers = [DICE.randrange(1, USERS) for _ in range(count)]
    began_s = time.perf_counter()
    for number in numbers:
        work(number)
    return count / (time.perf_counter() - began_s)


def _completion_ms(directory: Directory, count: int = 5_000) -> list[float]:
    """Times of completing what somebody types, from one letter to a whole word."""
    words = [*FIRST, *LAST]
    took = []
    for _ in range(count):
        word = DICE.choice(words)
        typed = word[: DICE.randrange(1, len(word) + 1)] + DICE.choice(("", "", str(DICE.randrange(99))))
        began_s = time.perf_counter()
        directory.by_name(typed, 10)
        took.append((time.perf_counter() - began_s) * 1000)
    return took


class _Numbers:
    """No Asterisk tells which numbers it has."""

    async def known(self, _number: str, _context: str) -> None:
        pass


async def _serve(folder: Path, reloads: int) -> None:
    """The daemon's doors over a real store: first at rest, then while the copy is read and built anew again and again."""
    from callrec.adapters.asterisk.fastagi import AgiServer
    from callrec.adapters.redis.connection import Address
    from callrec.adapters.redis.directory import DirectoryFeed
    from callrec.adapters.redis.embedded import EmbeddedValkey
    from callrec.adapters.redis.store import RedisStore
    from callrec.app.dialplan.lookups import Lookups
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import Change, Edit
    from callrec.observe.health import Readiness
    from callrec.observe.metrics import Metrics
    from callrec.web.api.lookups import lookup_operation
    from callrec.web.api.records import operations
    from callrec.web.requests import Tags
    from callrec.web.server import build_app, serve_http

    embedded = EmbeddedValkey(folder)
    async with embedded, RedisStore(Address.of_socket(embedded.socket)) as store:
        there = await asyncio.to_thread(tables, USERS)
        await store.edit(
            Edit((*(Change(None, one) for one in there.users), *(Change(None, one) for one in there.lines))), "seed"
        )
        async with DirectoryFeed(store) as feed:
            await feed.wait_fresh(60)
            lookups = Lookups(feed)
            agi = AgiServer({"lookup": lambda request, _: lookups.script(request)})
            _, agi_port = await agi.start("127.0.0.1", 0)
            api = [*operations(Records(store, feed), Tags(), _Numbers()), lookup_operation(lookups)]
            app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token=TOKEN, api=api)
            runner, http_port = await serve_http(app, "127.0.0.1", 0)
            gc.freeze()
            lines = asyncio.StreamReader()
            await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
            print(agi_port, http_port, flush=True)
            await lines.readline()
            began_s = time.perf_counter()
            for _ in range(reloads):
                await feed._reload()  # noqa: SLF001 - what an import of many users leads to
            print((time.perf_counter() - began_s) / reloads, flush=True)
            await lines.readline()
            await agi.close()
            await runner.cleanup()


class _Asking:
    """The generator: one look-up after the other on each door."""

    def __init__(self, agi_port: int, http_port: int) -> None:
        self.agi_port, self.http_port = agi_port, http_port
        self.took_ms: dict[str, list[float]] = {"agi": [], "http": [], "completion": []}

    async def until(self, ended: asyncio.Event) -> None:
        """Ask until then."""
        import aiohttp

        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            base = f"http://127.0.0.1:{self.http_port}/api/v1"
            while not ended.is_set():
                number = DICE.randrange(1, USERS)
                await self._timed("agi", self._agi(number))
                await self._timed("http", _get(http, f"{base}/lookup?extension={1_000_000 + number}&context=default"))
                await self._timed("completion", _get(http, f"{base}/users?q=joh{number % 97}&limit=10"))
                await asyncio.sleep(0.002)

    async def _timed(self, door: str, work: object) -> None:
        began_s = time.perf_counter()
        await work  # type: ignore[misc]
        self.took_ms[door].append((time.perf_counter() - began_s) * 1000)

    async def _agi(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.agi_port)
        arguments = f"agi_arg_1: extension\nagi_arg_2: {1_000_000 + number}\nagi_arg_3: default\n"
        writer.write(_REQUEST.replace("ARGUMENTS\n", arguments).encode())
        told = 0
        while line := await reader.readline():
            assert line.startswith(b"SET VARIABLE")
            told += 1
            writer.write(b"200 result=1\n")
        assert told == 9, told
        writer.close()


async def _get(http: object, url: str) -> None:
    async with http.get(url) as answer:  # type: ignore[attr-defined]
        assert answer.status == 200, await answer.text()
        await answer.read()


_REQUEST = """agi_network: yes
agi_network_script: lookup
agi_request: agi://127.0.0.1/lookup
agi_channel: PJSIP/1000-00000001
agi_language: en
agi_type: PJSIP
agi_uniqueid: 1795388400.1
agi_version: 22.10.1
agi_callerid: 1000
agi_calleridname: John Doe
agi_callingpres: 0
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: 1001
agi_rdnis: unknown
agi_context: default
agi_extension: s
agi_priority: 1
agi_enhanced: 0.0
agi_accountcode: \nagi_threadid: 139872345
ARGUMENTS

"""


async def _measure(server: subprocess.Popen[str]) -> dict[str, float]:
    agi_port, http_port = map(int, server.stdout.readline().split())
    found: dict[str, float] = {}
    for when in ("at_rest", "reloading"):
        asking, ended = _Asking(agi_port, http_port), asyncio.Event()
        task = asyncio.create_task(asking.until(ended))
        if when == "at_rest":
            await asyncio.sleep(SECONDS)
        else:
            server.stdin.write("reload\n")
            server.stdin.flush()
            found["reload_s"] = round(float(await asyncio.to_thread(server.stdout.readline)), 3)
        ended.set()
        await task
        for door, took in asking.took_ms.items():
            found[f"{when}_{door}_median_ms"] = round(statistics.median(took), 3)
            found[f"{when}_{door}_p99_ms"] = round(part(took, 0.99), 3)
            found[f"{when}_{door}_max_ms"] = round(max(took), 3)
    server.stdin.write("end\n")
    server.stdin.flush()
    return found


def run(reloads: float = 5) -> dict[str, float]:
    """All three parts."""
    began_s = time.perf_counter()
    directory = Directory(tables(USERS))
    build_s = time.perf_counter() - began_s
    took = _completion_ms(directory)
    found = {
        "build_s": round(build_s, 3),
        "extension_per_s": round(_rate(lambda n: directory.by_extension(str(1_000_000 + n), "default"))),
        "endpoint_per_s": round(_rate(lambda n: directory.by_endpoint(f"PJSIP/l{n}"))),
        "callerid_per_s": round(_rate(lambda n: directory.by_caller(str(1_000_000 + n)))),
        "completion_median_ms": round(statistics.median(took), 4),
        "completion_p99_ms": round(part(took, 0.99), 4),
    }
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as folder:
        command = [sys.executable, "-m", "bench.lookup", "serve", folder, str(int(reloads))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - ourselves
            found |= asyncio.run(_measure(server))
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", folder, reloads]:
            quiet()
            asyncio.run(_serve(Path(folder), int(reloads)))
        case arguments:
            print(json.dumps(run(float(arguments[0]) if arguments else 5), indent=2))
