"""How long a listener waits for the first byte of audio: 50 at the same time, each jumping about in recordings of ten minutes.

The server is a process of its own with the product's HTTP server, library and use case; its index is a dict, and its audit log
writes each entry to disk (fsync). Each listener asks for 64 KiB from a random place, over a connection that is kept, waits as
long as a person between two clicks, and asks again. A recording's first request begins its digest; one entry of the audit log
stands for all that is heard from one address. Goal: p99 20 ms.

The same is measured of encrypted recordings, by another server in the same run, and how fast each hands out whole files: those
ratios are what encryption costs a listener.

And of the daemon itself, with its catalogue and its audit log, while it records 60 calls on a real Asterisk.
"""

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import part, quiet

if TYPE_CHECKING:
    from callrec.config import Settings

LISTENERS, RECORDINGS = 50, 20
SECONDS = 10.0
BETWEEN_S = (0.2, 0.6)
LENGTH_S = 600
RANGE_BYTES = 64 << 10
TOKEN = "bench-" + "t" * 40
CALLS = 60
RECORDED_S = 20.0
"""So long are the recordings that are listened to beside live calls."""
STORED_S = 60.0


@dataclass(frozen=True)
class Served:
    """A server, and the recordings in it that are listened to, each of at least so many bytes."""

    port: int
    token: str
    recordings: Sequence[str]
    size: int


def _settings(folder: Path, *, encrypts: bool) -> "Settings":
    from callrec.config import Settings

    key = folder / "key"
    key.touch(0o600)
    key.write_text(f"bench {os.urandom(32).hex()}")
    keys = f"file:{key}" if encrypts else ""
    return Settings(
        state_dir=folder / "state", monitor_dir=folder / "monitor", encryption=encrypts, encryption_keys=keys
    )


async def _serve(folder: Path, *, encrypts: bool) -> None:
    """The recordings over HTTP, until the end of the input."""
    import numpy as np

    from callrec.adapters.media.encode import PyAvEncoder
    from callrec.domain.access.audit import AuditEntry
    from callrec.domain.calls.ids import CallId, NodeId, RecordingId
    from callrec.domain.calls.model import Actor, ActorKind, Recording
    from callrec.domain.errors import Corrupt
    from callrec.domain.library.captures import EncodeJob, Piece
    from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState
    from callrec.domain.rules import Rule
    from callrec.observe.health import Readiness
    from callrec.observe.metrics import Metrics
    from callrec.web.api.media import media_operation
    from callrec.web.server import build_app, serve_http
    from callrec.wiring.encryption import contents_of, library_of
    from callrec.wiring.media import FOLDER, Around, stored_media

    leg = folder / "leg"
    leg.write_bytes(np.random.default_rng(1).integers(-4000, 4000, LENGTH_S * 8000, np.int16).tobytes())
    settings = _settings(folder, encrypts=encrypts)
    library, paths = library_of(settings), {}
    for nth in range(RECORDINGS):
        said = RecordingId(f"c{nth}-1")
        temporary = library.temporary(said, Format.WAV)
        job = EncodeJob((Piece(str(leg), str(leg), 8000, 0),), Format.WAV, 8000)
        encoded = PyAvEncoder(library.contents).encode(job, temporary)
        media = Media(f"{said}.wav", Format.WAV, 8000, encoded.samples, encoded.bytes, encoded.sha256)
        actor = Actor(ActorKind.POLICY)
        recording = Recording(said, CallId(f"c{nth}"), "1.1", NodeId("n"), Rule.ALWAYS, actor, 1795341600.0)
        paths[said] = f"2026/11/22/{said}"
        library.place(Manifest(SCHEMA, StoredState.SOUND, recording, media), paths[said], [temporary])

    class Beside:
        """The index, the audit log, and the observer."""

        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

        async def get(self, recording: str) -> dict[str, str] | None:
            return {"path": paths[RecordingId(recording)]}

        async def append(self, entries: Sequence[AuditEntry]) -> None:
            await asyncio.to_thread(self._write, repr(entries).encode())

        def _write(self, lines: bytes) -> None:
            os.write(self.log, lines)
            os.fsync(self.log)

        async def may_share(self, _maker: str) -> bool:
            return True

        def media_changed(self, _recording: RecordingId, error: Corrupt) -> None:
            raise error

    beside = Beside()
    contents = contents_of(library, settings, FOLDER)
    around = Around(beside, library, beside, beside, beside, beside.may_share, contents=contents)  # type: ignore[arg-type] # what is used of them
    stored = stored_media(settings, around)
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token=TOKEN, api=[media_operation(stored)])
    runner, port = await serve_http(app, "127.0.0.1", 0)
    print(port, encoded.bytes, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


async def _listener(served: Served, nth: int, until_s: float, took_ms: list[float]) -> None:
    """One listener, on one connection."""
    chance = random.Random(nth)  # noqa: S311 - places in a file
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    await asyncio.sleep(chance.uniform(0, BETWEEN_S[1]))  # nobody clicks in the same millisecond
    while time.perf_counter() < until_s:
        first = chance.randrange(served.size - RANGE_BYTES)
        path = f"/api/v1/recordings/{chance.choice(served.recordings)}/media"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n"
        began_s = time.perf_counter()
        writer.write(f"{head}Range: bytes={first}-{first + RANGE_BYTES - 1}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 206 " in answer.partition(b"\r\n")[0], answer
        await reader.readexactly(1)
        took_ms.append((time.perf_counter() - began_s) * 1000)
        await reader.readexactly(RANGE_BYTES - 1)
        await asyncio.sleep(chance.uniform(*BETWEEN_S))
    writer.close()


async def _whole(port: int, size: int) -> float:
    """How fast one client gets whole files, one after the other, in MB/s."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began_s = time.perf_counter()
    for nth in range(RECORDINGS):
        head = f"GET /api/v1/recordings/c{nth}-1/media HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"\r\n\r\n")
        left = size
        while left:
            left -= len(await reader.read(min(left, 1 << 20)))
    took_s = time.perf_counter() - began_s
    writer.close()
    return size * RECORDINGS / took_s / 1e6


async def _listened(served: Served) -> list[float]:
    """What all listeners waited, in ms."""
    took_ms: list[float] = []
    until_s = time.perf_counter() + SECONDS
    async with asyncio.TaskGroup() as tasks:
        for nth in range(LISTENERS):
            tasks.create_task(_listener(served, nth, until_s, took_ms))
    return took_ms


async def _all(port: int, size: int) -> tuple[list[float], float]:
    took_ms = await _listened(Served(port, TOKEN, [f"c{nth}-1" for nth in range(RECORDINGS)], size))
    await _whole(port, size)  # their digests are known then
    return took_ms, max([await _whole(port, size) for _ in range(3)])


def _measured(kind: str) -> tuple[list[float], float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.listeners", kind, folder]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves
        try:
            return asyncio.run(_all(*map(int, server.stdout.readline().split())))
        finally:
            server.stdin.close()
            server.wait(timeout=10)
            server.stdout.close()


async def _beside_calls() -> list[float]:
    """What the listeners of the daemon wait while all these calls are recorded."""
    import aiohttp

    from bench.calls import CALLED, CALLER, end, place, stack

    async with stack("") as running, aiohttp.ClientSession(headers=running.daemon.authorization) as http:
        url = f"http://127.0.0.1:{running.daemon.http}/api/v1"

        async def rows(path: str) -> list[dict[str, object]]:
            async with http.get(f"{url}/{path}") as answer:
                assert answer.status == 200, await answer.text()
                return list((await answer.json())["items"])

        await (await running.phone(CALLER).call("*26")).ended()
        calls = await place(running, RECORDINGS, CALLED)
        await asyncio.sleep(RECORDED_S)
        await end(calls)
        until_s = time.monotonic() + STORED_S
        while len(stored := await rows("recordings?limit=100")) < RECORDINGS:
            assert time.monotonic() < until_s, len(stored)
            await asyncio.sleep(0.5)
        token = running.daemon.authorization["Authorization"].removeprefix("Bearer ")
        served = Served(running.daemon.http, token, [str(one["id"]) for one in stored], int(RECORDED_S * 32_000))
        calls = await place(running, CALLS, CALLED)
        until_s = time.monotonic() + STORED_S
        while (live := [one["state"] for one in await rows(f"calls?limit={CALLS}")].count("recording")) < CALLS:
            assert time.monotonic() < until_s, live
            await asyncio.sleep(0.5)
        try:
            return await _listened(served)
        finally:
            await end(calls)


def run() -> dict[str, float]:
    """Times to the first byte in ms, whole files in MB/s; both of encrypted recordings; times beside live calls; ratios."""
    (plain_ms, plain_mb_s), (encrypted_ms, encrypted_mb_s) = _measured("serve"), _measured("serve-encrypted")
    beside_ms = asyncio.run(_beside_calls())
    plain_p99_ms, encrypted_p99_ms = (part(took_ms, 0.99) for took_ms in (plain_ms, encrypted_ms))
    return {
        "listeners": LISTENERS,
        "requests": len(plain_ms),
        "first_byte_median_ms": round(statistics.median(plain_ms), 2),
        "first_byte_p99_ms": round(plain_p99_ms, 2),
        "first_byte_max_ms": round(max(plain_ms), 2),
        "whole_mb_per_s": round(plain_mb_s),
        "encrypted_first_byte_median_ms": round(statistics.median(encrypted_ms), 2),
        "encrypted_first_byte_p99_ms": round(encrypted_p99_ms, 2),
        "encrypted_whole_mb_per_s": round(encrypted_mb_s),
        "beside_calls": CALLS,
        "beside_first_byte_median_ms": round(statistics.median(beside_ms), 2),
        "beside_first_byte_p99_ms": round(part(beside_ms, 0.99), 2),
        "ratio_beside_p99": round(part(beside_ms, 0.99) / plain_p99_ms, 2),
        "ratio_encrypted_median": round(statistics.median(encrypted_ms) / statistics.median(plain_ms), 2),
        "ratio_encrypted_p99": round(encrypted_p99_ms / plain_p99_ms, 2),
        "ratio_encrypted_whole": round(encrypted_mb_s / plain_mb_s, 2),
    }


if __name__ == "__main__":
    quiet()
    match sys.argv[1:]:
        case ["serve" | "serve-encrypted" as kind, where]:
            asyncio.run(_serve(Path(where), encrypts=kind == "serve-encrypted"))
        case _:
            print(json.dumps(run(), indent=2))
