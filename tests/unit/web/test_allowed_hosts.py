"""A browser that a strange site has led to our address gets no answer: it sends that site's name."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.server import build_app, serve_http

PATHS = ("/status", "/healthz", "/readyz", "/metrics", "/nothing", "/api/v1/users")


@asynccontextmanager
async def served(*hosts: str, bind: str = "127.0.0.1") -> AsyncIterator[tuple[str, int]]:
    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token="t" * 43, hosts=hosts)
    runner, port = await serve_http(app, bind, 0)
    try:
        yield "::1" if ":" in bind else "127.0.0.1", port
    finally:
        await runner.cleanup()


async def asked(door: tuple[str, int], *hosts: str, path: str = "/healthz", version: str = "1.1") -> tuple[int, str]:
    """Status and body of a request with these Host headers; `PORT` in them is the port."""
    reader, writer = await asyncio.open_connection(*door)
    lines = [f"GET {path} HTTP/{version}", *(f"Host: {host.replace('PORT', str(door[1]))}" for host in hosts)]
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
    async with asyncio.timeout(5):
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return int(head.split()[1]), body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:PORT", "localhost.evil.example", "10.0.0.1:PORT", "[::2]", ""]
)
async def test_another_host_is_misdirected_on_every_path(host: str, path: str) -> None:
    async with served("rec.example.com:443") as door:
        status, body = await asked(door, host, path=path)
    assert (status, json.loads(body)["code"]) == (421, "host")
    assert "evil" not in body


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:PORT", "127.0.0.1", "localhost:PORT", "LOCALHOST.", "localhost:9000", "[::ffff:127.0.0.1]:PORT"),
        *("pbx.local", "pbx.local:9000", "REC.example.com:8443", "[fd00::1]:PORT"),
    ],
)
async def test_our_own_hosts_are_answered(host: str) -> None:
    async with served("pbx.local", "rec.example.com:8443", "[FD00:0::1]") as door:
        assert (await asked(door, host))[0] == 200


async def test_a_name_with_a_port_is_ours_with_that_port_only() -> None:
    async with served("rec.example.com:8443") as door:
        assert [(await asked(door, host))[0] for host in ("rec.example.com:8443", "rec.example.com")] == [200, 421]


async def test_two_hosts_are_none_and_only_an_old_client_may_say_none() -> None:
    async with served() as door:
        assert (await asked(door, "localhost", "evil.example"))[0] in {400, 421}
        assert (await asked(door))[0] in {400, 421}
        assert (await asked(door, version="1.0"))[0] == 200


@pytest.mark.parametrize("bind", ["0.0.0.0", "::1"])  # noqa: S104 - the case: whatever address was reached is ours
async def test_the_address_that_was_reached_is_ours(bind: str) -> None:
    async with served(bind, bind=bind) as door:
        host = "[::1]:PORT" if ":" in bind else "127.0.0.1:PORT"
        assert (await asked(door, host))[0] == 200
        assert (await asked(door, "evil.example:PORT"))[0] == 421
