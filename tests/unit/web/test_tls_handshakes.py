"""Connections that have not finished the TLS handshake: how many there may be, and when their places are free again."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.connection_limits import Patience
from callrec.web.server import build_app, serve_http
from callrec.web.tls import tls_context

FILES = Path(__file__).parents[2] / "support" / "tls"
TRUSTING = ssl.create_default_context(cafile=str(FILES / "certificate.pem"))
TRUSTING.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIMIT_S = 4.0
"""Less than a handshake may take: what happens by then is not the end of its time."""


@pytest.fixture
async def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def port(metrics: Metrics) -> AsyncIterator[int]:
    """An address with places for two handshakes."""
    app = build_app(readiness=Readiness(), metrics=metrics, live=list, token="t" * 43, patience=Patience(handshakes=2))
    tls = tls_context(FILES / "certificate.pem", FILES / "key.pem")
    runner, at = await serve_http(app, "127.0.0.1", 0, tls)
    yield at
    await runner.cleanup()


async def _silent(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that never begins TLS."""
    return await asyncio.open_connection("127.0.0.1", port)


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(LIMIT_S):
            return await reader.read(1) == b""
    except ConnectionError:
        return True


async def _status(port: int) -> int:
    async with aiohttp.ClientSession() as http:
        url = f"https://127.0.0.1:{port}/healthz"
        async with http.get(url, ssl=TRUSTING, server_hostname="callrec.test") as answer:
            return answer.status


async def test_connections_in_the_handshake_are_counted_and_further_ones_closed(port: int, metrics: Metrics) -> None:
    """Else a stranger who connects and says nothing takes all file descriptors of the process, and calls are not answered."""
    held = [await _silent(port) for _ in range(2)]
    reader, writer = await _silent(port)
    assert await _is_closed(reader)
    with pytest.raises(aiohttp.ClientError):
        await _status(port)
    assert 'callrec_dropped_total{what="http-connection"} 2.0' in metrics.text().decode()
    for _, one in (*held, (reader, writer)):
        one.close()


async def test_a_handshake_that_ends_gives_its_place_back(port: int) -> None:
    """Whether it succeeds, fails, or the client goes away."""
    for _ in range(3):
        assert await _status(port) == 200
    for sent in (b"GET / HTTP/1.1\r\n\r\n", b""):
        for _ in range(3):
            reader, writer = await _silent(port)
            writer.write(sent)
            if sent:
                assert await _is_closed(reader)
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(LIMIT_S):
            while not await _answers(port):  # noqa: ASYNC110 - the server notices in its own time
                await asyncio.sleep(0.01)


async def _answers(port: int) -> bool:
    try:
        return await _status(port) == 200
    except aiohttp.ClientError:
        return False


async def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(port: int) -> None:
    """The client's last message of the handshake and its request are in one packet."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = TRUSTING.wrap_bio(into, out, server_hostname="callrec.test")
    reader, writer = await _silent(port)
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            writer.write(out.read())
            into.write(await reader.read(65536))
    client.write(HEAD)
    writer.write(out.read())
    answer = b""
    async with asyncio.timeout(LIMIT_S):
        while b"\r\n\r\n" not in answer:
            try:
                answer += client.read(65536)
            except ssl.SSLWantReadError:
                into.write(await reader.read(65536))
    assert answer.startswith(b"HTTP/1.1 200 ")
    writer.close()
