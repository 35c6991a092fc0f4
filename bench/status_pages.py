"""What FastAGI's answers cost while strangers ask for pages: 200 keep-alive connections, each asking /metrics without a pause.

The daemon's two doors in one process, as they are in the product: FastAGI with a script that decides at once, and the pages
with the daemon's metrics. The strangers have a process of their own; dialogues are made one after the other, as by one leg, from
a third. Rounds with and without strangers take turns, so that noise hits both alike. The goal: FastAGI's p99 with them at most
twice that without, and 20 ms on a quiet machine. Before the pages were answered by turns it was 437 times that without.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import time

from bench import part, quiet
from bench.agi import COMMANDS, REQUEST, VARIABLES

STRANGERS = 200
ROUND_S = 2.0
ROUNDS = 5
PAUSE_S = 0.002
_ASK = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


async def _serve() -> None:
    """Both doors, until the end of the input."""
    from callrec.adapters.asterisk.fastagi import AgiServer, Channel
    from callrec.observe.health import Readiness
    from callrec.observe.metrics import SCRIPTS, Metrics
    from callrec.protocols.agi import Answer, Request
    from callrec.web.server import build_app, serve_http

    async def toggle(_request: Request, _channel: Channel) -> Answer:
        return Answer("on", VARIABLES)

    metrics = Metrics()
    for script in SCRIPTS:
        metrics.agi(script, "answered", 0.001)
    agi = AgiServer({"toggle": toggle}, on_outcome=metrics.agi)
    _, agi_port = await agi.start("127.0.0.1", 0)
    app = build_app(readiness=Readiness(), metrics=metrics, live=list, token="bench-" + "t" * 40)
    runner, http_port = await serve_http(app, "127.0.0.1", 0)
    beat = asyncio.create_task(metrics.watch_loop())
    print(agi_port, http_port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    beat.cancel()
    await agi.close()
    await runner.cleanup()


class _Stranger(asyncio.Protocol):
    """One kept connection, which asks again as soon as it is answered."""

    answered = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._heard = b""
        transport.write(_ASK)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and length and len(body) >= int(length[1]):
            assert head.startswith(b"HTTP/1.1 200"), head
            _Stranger.answered += 1
            self._heard = b""
            self._transport.write(_ASK)


async def _strangers(port: int, seconds: float) -> int:
    """All of them for so long; how many answers they got."""
    loop = asyncio.get_running_loop()
    _Stranger.answered = 0
    connected = [await loop.create_connection(_Stranger, "127.0.0.1", port) for _ in range(STRANGERS)]
    print("at it", flush=True)
    await asyncio.sleep(seconds)
    for transport, _ in connected:
        transport.abort()
    return _Stranger.answered


async def _dialogue(port: int) -> float:
    """One, in ms."""
    began_s = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    told = 0
    while await reader.readline():
        told += 1
        writer.write(b"200 result=1\n")
    took_ms = (time.perf_counter() - began_s) * 1000
    assert told == len(COMMANDS), told
    writer.close()
    return took_ms


async def _dialogues(port: int, seconds: float) -> list[float]:
    until_s = time.perf_counter() + seconds
    took = []
    while time.perf_counter() < until_s:
        took.append(await _dialogue(port))
        await asyncio.sleep(PAUSE_S)
    return took


def _start(role: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.status_pages", role]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ourselves


def run() -> dict[str, float]:
    """FastAGI's times with and without strangers."""
    server, strangers = _start("serve"), _start("strangers")
    alone: list[float] = []
    beside: list[float] = []
    answers = 0
    try:
        agi_port, http_port = map(int, server.stdout.readline().split())
        asyncio.run(_dialogues(agi_port, 0.5))
        for _ in range(ROUNDS):
            alone += asyncio.run(_dialogues(agi_port, ROUND_S))
            print(http_port, ROUND_S + 0.5, file=strangers.stdin, flush=True)
            strangers.stdout.readline()
            beside += asyncio.run(_dialogues(agi_port, ROUND_S))
            answers += int(strangers.stdout.readline())
    finally:
        for process in (strangers, server):
            process.stdin.close()
            process.wait(timeout=10)
            process.stdout.close()
    return {
        "strangers": STRANGERS,
        "pages_per_s": round(answers / ROUNDS / (ROUND_S + 0.5), 1),
        **{
            f"{when}_{what}_ms": round(value, 3)
            for when, took in (("alone", alone), ("beside", beside))
            for what, value in (("median", statistics.median(took)), ("p99", part(took, 0.99)), ("max", max(took)))
        },
        "dialogues": len(beside),
        "ratio_p99": round(part(beside, 0.99) / part(alone, 0.99), 2),
    }


if __name__ == "__main__":
    quiet()
    match sys.argv[1:]:
        case ["serve"]:
            asyncio.run(_serve())
        case ["strangers"]:
            for line in sys.stdin:
                port, seconds = line.split()
                print(asyncio.run(_strangers(int(port), float(seconds))), flush=True)
        case _:
            print(json.dumps(run(), indent=2))
