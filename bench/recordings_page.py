"""The page *Audio files* with a million recordings: what a browser waits for the HTML of the list, and of filtered lists.

The daemon's pages over SQLite in this process, with the accounts of the tests; asked over HTTP by one client, who has logged in.
The audit log is the tests': the entry that each list has on disk before it is sent (`python -m bench audit`) comes on top.
"""

import asyncio
import gc
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

from bench import part, quiet
from bench.catalogue import CHUNK, ENTRIES, entry

ASKED, WARM = 100, 5
TESTS = Path(__file__).parents[1] / "tests"
LISTS = {
    "newest": "/recordings",
    "a_name": "/recordings?who=clinton",
    "a_number": "/recordings?who=1234",
    "a_state": "/recordings?state=partial",
    "a_month": "/recordings?from=2024-03-01&to=2024-03-31&direction=incoming",
}


def run() -> dict[str, object]:
    """All figures."""
    sys.path[:0] = [str(TESTS / "support"), str(TESTS / "pages")]
    return asyncio.run(_measured())


async def _measured() -> dict[str, object]:
    people, doors = importlib.import_module("people"), importlib.import_module("api_door")
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as folder:
        async with doors.opened(Path(folder) / "door", people.TABLES, people.MORE) as door:
            async with door.catalogue.rebuild() as rebuilding:
                for first in range(0, ENTRIES, CHUNK):
                    await rebuilding.put([entry(nth) for nth in range(first, min(first + CHUNK, ENTRIES))])
                await rebuilding.finish(lambda _: True)
            address = f"http://127.0.0.1:{door.port}"
            async with aiohttp.ClientSession(address, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                await _log_in(http, address, people.PASSWORDS_OF["administrator"])
                gc.collect()
                gc.freeze()  # as the daemon does: a collection of all start-up objects took 125 ms, once in 700 requests
                return {name: await _list(http, path) for name, path in LISTS.items()}


async def _log_in(http: aiohttp.ClientSession, address: str, password: str) -> None:
    form = {"username": "administrator", "password": password}
    headers = {"Origin": address, "Sec-Fetch-Site": "same-origin"}
    async with http.post("/login", data=form, headers=headers) as answer:
        if "/login" in str(answer.url):
            raise SystemExit("the login failed")


async def _list(http: aiohttp.ClientSession, path: str) -> dict[str, float]:
    took: list[float] = []
    size = 0
    for nth in range(WARM + ASKED):
        began_s = time.perf_counter()
        async with http.get(path) as answer:
            size = len(await answer.read())
            if answer.status != 200:
                raise SystemExit(f"{path}: {answer.status}")
        if nth >= WARM:
            took.append((time.perf_counter() - began_s) * 1000)
    return {"median_ms": round(part(took, 0.5), 1), "p99_ms": round(part(took, 0.99), 1), "bytes": size}


if __name__ == "__main__":
    quiet()
    print(json.dumps(run(), indent=2))
