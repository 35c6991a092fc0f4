"""Whether the time of an answer tells a recording that somebody may not see from one that is not there.

An account that may see the recordings of one user only asks for two ids, one of another user's recording and one of none, one
after the other, the order changing each time. What counts is the ratio of the two times of a pair, and the median of all ratios.
The server is a process of its own with the product's HTTP server, operations, catalogue and library; its audit log is in memory.
Goal: 0.98 to 1.02 in each operation.
"""

import asyncio
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from bench import quiet

ENTRIES, PAIRS = 20_000, int(os.environ.get("CALLREC_BENCH_PAIRS", "4000"))
PATHS = {"read": "", "media": "/media", "annotations": "/annotations", "waveform": "/waveform"}


async def _serve(folder: Path) -> None:
    """The recordings over HTTP, until the end of the input."""
    from aiohttp import web

    from bench.catalogue import CHUNK, entry
    from callrec.adapters.database.open_catalogue import open_catalogue
    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.config import Settings
    from callrec.domain.access.audit import AuditEntry
    from callrec.domain.access.principals import Principal, PrincipalKind
    from callrec.domain.directory.model import Permission
    from callrec.domain.rules import UserId
    from callrec.observe.health import Readiness
    from callrec.observe.metrics import Metrics
    from callrec.web import server
    from callrec.web.api.annotations import annotation_operations
    from callrec.web.api.media import media_operation
    from callrec.web.api.recordings import recording_operations
    from callrec.web.api.waveforms import waveform_operation
    from callrec.web.auth import AUDIT, Authentication
    from callrec.web.connection_limits import Patience
    from callrec.wiring.media import Around, stored_media

    account = Principal(
        PrincipalKind.ACCOUNT, "u", frozenset({Permission.OWN_LIST, Permission.OWN_LISTEN}), UserId("u")
    )

    class Account(Authentication):
        async def principal(self, _request: web.Request) -> Principal:
            return account

    class Beside:
        async def append(self, _entries: Sequence[AuditEntry]) -> None:
            """Nothing is kept: a disk would hide the difference in its noise."""

        async def may_share(self, _maker: str) -> bool:
            return True

    beside = Beside()
    async with open_catalogue("sqlite:", folder) as catalogue:
        async with catalogue.rebuild() as rebuilding:
            for first in range(0, ENTRIES, CHUNK):
                await rebuilding.put([entry(nth) for nth in range(first, first + CHUNK)])
            await rebuilding.finish(lambda _: True)
        around = Around(catalogue, MonitorLibrary(folder / "monitor"), beside, beside, beside, beside.may_share)  # type: ignore[arg-type] # what is used of them
        stored = stored_media(Settings(state_dir=folder / "state"), around)
        api = [
            *recording_operations(catalogue),
            media_operation(stored),
            waveform_operation(stored),
            *annotation_operations(stored),
        ]
        with patch.object(server, "Authentication", Account):
            patience = Patience(per_connection_s=1e6, together_s=1e6, burst=10**6)
            app = server.build_app(
                readiness=Readiness(), metrics=Metrics(), live=list, token="t" * 43, api=api, patience=patience
            )
        app[AUDIT] = beside
        runner, port = await server.serve_http(app, "127.0.0.1", 0)
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()


def _pairs(port: int, path: str) -> list[tuple[float, float]]:
    """The times of a forbidden and an absent one, in ms."""
    chance = random.Random(1)  # noqa: S311 - ids
    connection = http.client.HTTPConnection("127.0.0.1", port)
    found = []
    for nth in range(PAIRS):
        forbidden, absent = chance.randrange(ENTRIES), chance.randrange(ENTRIES, 10**9)
        took: dict[int, float] = {}
        for one in (forbidden, absent) if nth % 2 else (absent, forbidden):
            began_s = time.perf_counter()
            connection.request("GET", f"/api/v1/recordings/{one:026d}-1{path}")
            answer = connection.getresponse()
            answer.read()
            took[one] = 1000 * (time.perf_counter() - began_s)
            assert answer.status == 404, answer.status
        found.append((took[forbidden], took[absent]))
    connection.close()
    return found[PAIRS // 10 :]


def run() -> dict[str, float]:
    """Medians, and the median of the ratios forbidden to absent, by operation."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as folder:
        command = [sys.executable, "-m", "bench.absent", "serve", folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        try:
            port = int(server.stdout.readline())
            for name, path in PATHS.items():
                pairs = _pairs(port, path)
                found[f"{name}_absent_median_ms"] = round(statistics.median(absent for _, absent in pairs), 3)
                found[f"{name}_ratio"] = round(statistics.median(one / other for one, other in pairs), 4)
        finally:
            server.stdin.close()
            server.wait(timeout=30)
            server.stdout.close()
    ratios = [found[f"{name}_ratio"] for name in PATHS]
    return {**found, "furthest": max(max(one, 1 / one) for one in ratios)}


if __name__ == "__main__":
    quiet()
    match sys.argv[1:]:
        case ["serve", where]:
            asyncio.run(_serve(Path(where)))
        case _:
            print(json.dumps(run(), indent=2))
