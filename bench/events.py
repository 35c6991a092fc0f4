"""How soon an event reaches its subscribers, and what dead receivers cost them.

The daemon's parts in one process: the observer that calls tell their facts to, a real store, the hub with its server-sent events,
and the webhooks with their file on disk. The facts of 60 live calls come in at the observer (60 a second, many times what such
calls tell). 50 programs follow from a process of their own; an event's time is that from its fact (`at_s`) to the arrival of its
last byte. Rounds without and with four dead receivers take turns: one hangs, one refuses connections, one answers 500, one sends
without end; they run in the same process, so their own work is counted, too. The peer: asyncio streams that write the same text
to 50 connections at once, without a store or HTTP.
"""

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench import part, quiet

if TYPE_CHECKING:
    from callrec.app.webhooks.registry import WebhookRegistry
    from callrec.observe.observer import Observation

CALLS = 60
SUBSCRIBERS = 50
ROUND_S = 5.0
ROUNDS = 3
TOKEN = "bench-" + "t" * 40
KINDS = ("bare", "alone", "dead")
DEAD = ("hangs", "refuses", "fails", "endless")


async def _answer(kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A dead receiver's connection."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await reader.readexactly(length)
            if kind == "hangs":
                await reader.read()
            if kind == "fails":
                writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
            if kind == "endless":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n")
                while True:
                    writer.write(b"x" * 65536)
                    await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _receivers() -> dict[str, str]:
    """Their addresses."""
    found = {}
    for kind in DEAD:
        if kind == "refuses":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                found[kind] = f"http://127.0.0.1:{free.getsockname()[1]}/"
            continue

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str = kind) -> None:
            await _answer(kind, reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        found[kind] = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    return found


async def _serve(folder: Path) -> None:
    """The daemon's parts. Each line of the input is a round; the answer, when it is over, is the CPU time that it took, in ms."""
    from callrec.adapters.redis.connection import Address
    from callrec.adapters.redis.embedded import EmbeddedValkey
    from callrec.adapters.redis.store import RedisStore
    from callrec.config import Settings
    from callrec.observe.health import Readiness
    from callrec.observe.metrics import Metrics
    from callrec.observe.observer import Observation
    from callrec.web.api.events import event_operations
    from callrec.web.server import build_app, serve_http
    from callrec.wiring.events import event_hub, keep_webhooks

    async with AsyncExitStack() as stack:
        embedded, metrics = EmbeddedValkey(folder), Metrics()
        await stack.enter_async_context(embedded)
        store = await stack.enter_async_context(RedisStore(Address.of_socket(embedded.socket)))
        observation = Observation(metrics)
        hub = await event_hub(store.address, observation, stack)
        settings = Settings(state_dir=folder, webhook_networks=("127.0.0.0/8",))
        webhooks = await keep_webhooks(settings, store.address, observation, metrics, stack)
        app = build_app(readiness=Readiness(), metrics=metrics, live=list, token=TOKEN, api=event_operations(hub))
        runner, port = await serve_http(app, "127.0.0.1", 0)
        tasks = [
            asyncio.create_task(one) for one in (observation.run(store.publish), hub.run(), webhooks.delivery.run())
        ]
        bare: list[asyncio.StreamWriter] = []
        peer = await asyncio.start_server(lambda _, writer: bare.append(writer), "127.0.0.1", 0)
        print(port, peer.sockets[0].getsockname()[1], flush=True)
        await _rounds(webhooks.registry, observation, bare)
        for task in tasks:
            task.cancel()
        await runner.cleanup()


async def _rounds(registry: "WebhookRegistry", observation: "Observation", bare: list[asyncio.StreamWriter]) -> None:
    from callrec.domain.calls.commands import Tell
    from callrec.domain.rules import UserId

    receivers = await _receivers()
    loop = asyncio.get_running_loop()
    while kind := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        present = {one.id for one, _ in await registry.every()}
        for name, url in receivers.items():
            if kind == "dead":
                await registry.put(name, url)
            elif name in present:
                await registry.remove(name)
        await asyncio.sleep(1.5)
        began_s = time.process_time()
        for nth in range(int(CALLS * ROUND_S)):
            if kind == "bare":
                _write_to(bare)
            else:
                observation.told(Tell("press-absorbed", None, UserId(str(nth % CALLS))))
            await asyncio.sleep(1 / CALLS)
        await asyncio.sleep(0.5)
        print((time.process_time() - began_s) * 1000, flush=True)


def _write_to(writers: list[asyncio.StreamWriter]) -> None:
    from callrec.protocols.event_messages import message_of

    entry = {"type": "press-absorbed", "user": "1", "at_s": f"{time.time():.3f}"}
    event = message_of("1795899680250-0", entry)
    frame = f"id: {event.id}\nevent: {event.type}\ndata: {event.text}\n\n".encode()
    for writer in writers:
        writer.write(frame)


async def _follow(port: int, took_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
    while line := await reader.readline():
        if line.startswith(b"data: "):
            now_s = time.time()
            at = json.loads(line[6:])["timestamp"]
            took_ms.append((now_s - _seconds(at)) * 1000)


def _seconds(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


async def _subscribers(*ports: int) -> None:
    """All of them. Each line of the input ends a round; the answer has its times."""
    took_ms: list[float] = []
    following = [asyncio.create_task(_follow(port, took_ms)) for port in ports for _ in range(SUBSCRIBERS)]
    loop = asyncio.get_running_loop()
    await asyncio.sleep(1)
    print("following", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(took_ms), flush=True)
        took_ms.clear()
    for task in following:
        task.cancel()


def _start(*role: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.events", *role]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves


def run() -> dict[str, float]:
    """The times to the subscribers, without and with dead receivers."""
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    cpu_ms = dict.fromkeys(KINDS, 0.0)
    with tempfile.TemporaryDirectory(prefix="callrec-bench-") as folder:
        server = _start("serve", folder)
        followers = _start("follow", *server.stdout.readline().split())
        try:
            followers.stdout.readline()
            for _ in range(ROUNDS):
                for kind in KINDS:
                    print(kind, file=server.stdin, flush=True)
                    cpu_ms[kind] += float(server.stdout.readline())
                    print("round", file=followers.stdin, flush=True)
                    times[kind] += json.loads(followers.stdout.readline())
        finally:
            for process in (followers, server):
                process.stdin.close()
                process.wait(timeout=20)
                process.stdout.close()
    events = int(CALLS * ROUND_S) * ROUNDS
    parts = {
        f"{kind}_{name}_ms": round(part(times[kind], share), 1)
        for kind in KINDS
        for name, share in (("median", 0.5), ("p99", 0.99))
    }
    return {
        "subscribers": SUBSCRIBERS,
        "lost": len(KINDS) * events * SUBSCRIBERS - sum(map(len, times.values())),
        **parts,
        "ratio_p99_to_bare": round(parts["alone_p99_ms"] / parts["bare_p99_ms"], 2),
        "ratio_p99_dead": round(parts["dead_p99_ms"] / parts["alone_p99_ms"], 2),
        **{f"{kind}_cpu_ms_per_event": round(spent / events, 2) for kind, spent in cpu_ms.items()},
    }


if __name__ == "__main__":
    quiet()
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(_serve(Path(sys.argv[2])))
    elif sys.argv[1:2] == ["follow"]:
        asyncio.run(_subscribers(*map(int, sys.argv[2:])))
    else:
        print(json.dumps(run(), indent=1))
