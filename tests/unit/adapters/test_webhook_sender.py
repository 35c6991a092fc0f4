"""One attempt to send an event, to receivers that answer well, badly or never."""

import asyncio
import resource
import socket
from ipaddress import ip_network

import pytest
from receivers import Receiver, answer, receiving

from callrec.adapters.webhooks import sender as module
from callrec.adapters.webhooks.sender import HttpSender
from callrec.domain.webhooks.model import Attempt, Result, Webhook
from callrec.protocols.standard_webhooks import secret_text

HERE = (ip_network("127.0.0.0/8"),)
SECRET, FORMER = secret_text(bytes(32)), secret_text(bytes(range(32)))
NOW_S = 1_795_899_680.7


def webhook(url: str) -> Webhook:
    return Webhook("crm", url, SECRET, "msg")


async def sent(one: Webhook, networks=HERE, body: str = '{"type": "recording"}') -> Attempt:
    sender = HttpSender(networks, lambda: NOW_S)
    try:
        return await sender.send(one, "msg_1", body)
    finally:
        await sender.close()


async def test_the_receiver_gets_the_event_signed() -> None:
    async with receiving() as there:
        attempt = await sent(webhook(there.url))
        (got,) = there.received
    assert (attempt.result, attempt.status, attempt.says) == (Result.DELIVERED, 204, "HTTP 204")
    assert got.body == b'{"type": "recording"}'
    assert got.headers["content-type"] == "application/json"
    assert (got.id, got.headers["webhook-timestamp"]) == ("msg_1", "1795899680")
    assert got.is_signed_with(SECRET)
    assert not got.is_signed_with(FORMER)


async def test_while_a_secret_is_replaced_both_sign() -> None:
    async with receiving() as there:
        await sent(Webhook("crm", there.url, SECRET, "msg", former_secret=FORMER, former_until_s=NOW_S + 1))
        (got,) = there.received
    assert got.is_signed_with(SECRET)
    assert got.is_signed_with(FORMER)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with receiving() as other, receiving(Receiver([answer(status, Location=other.url)])) as there:
        attempt = await sent(webhook(there.url))
    assert (attempt.result, attempt.says, other.received) == (Result.FAILED, f"HTTP {status}", [])


async def test_a_receiver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.3)
    async with receiving(Receiver([b""])) as there:
        attempt = await sent(webhook(there.url))
    assert (attempt.result, attempt.says) == (Result.FAILED, "no answer within 0 s")
    assert attempt.took_s < 5


async def test_of_an_endless_answer_only_its_beginning_is_read() -> None:
    """2 GB are announced, and sent as fast as they are taken."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n"
    async with receiving(Receiver([head], endless=b"x" * 65536)) as there:
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        attempt = await sent(webhook(there.url))
        await asyncio.sleep(0.1)
    assert attempt.result is Result.DELIVERED
    assert there.sent_bytes < 32 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 64 << 10


async def test_endless_headers_are_refused() -> None:
    async with receiving(Receiver([b"HTTP/1.1 200 OK\r\n"], endless=b"X-Filler: " + b"x" * 4000 + b"\r\n")) as there:
        attempt = await sent(webhook(there.url))
    assert attempt.result is Result.FAILED
    assert there.sent_bytes < 32 << 20


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 999999 X\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"]
)
async def test_what_is_no_http_is_a_failure(said: bytes) -> None:
    async with receiving(Receiver([said + b"Connection: close"])) as there:
        attempt = await sent(webhook(there.url))
    assert attempt.result is Result.FAILED
    assert attempt.says.isprintable()


async def test_a_compressed_answer_is_not_unpacked() -> None:
    async with receiving(Receiver([answer(200, b"not gzip", Content_Encoding="gzip")])) as there:
        assert (await sent(webhook(there.url))).result is Result.DELIVERED


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("120", 120.0),
        ("Sat, 28 Nov 2026 21:02:20 GMT", pytest.approx(59.3, abs=0.1)),
        ("Sat, 28 Nov 1998 21:02:20 GMT", 0.0),
        ("9" * 400, 999999999.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
async def test_a_busy_receiver_may_ask_for_time(said: str, wait_s: float | None) -> None:
    async with receiving(Receiver([answer(429, Retry_After=said)])) as there:
        attempt = await sent(webhook(there.url))
    assert (attempt.result, attempt.retry_after_s) == (Result.FAILED, wait_s)


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        attempt = await sent(webhook(f"http://127.0.0.1:{taken.getsockname()[1]}/"))
    assert attempt.result is Result.FAILED
    assert "refused" in attempt.says.lower()


@pytest.mark.parametrize("url", ["https://127.0.0.1:{port}/", "http://127.0.0.1:{port}/", "https://localhost:{port}/"])
async def test_a_private_address_is_never_connected_to(url: str) -> None:
    async with receiving() as there:
        attempt = await sent(webhook(url.format(port=there.port)), networks=())
        assert (attempt.result, there.connections) == (Result.FAILED, 0)
    assert "CALLREC_WEBHOOK_NETWORKS" in attempt.says


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
async def test_nor_in_a_strange_notation(host: str) -> None:
    """The library for names takes these for 127.0.0.1."""
    async with receiving() as there:
        attempt = await sent(webhook(f"https://{host}:{there.port}/"), networks=())
        assert (attempt.result, there.connections) == (Result.FAILED, 0)


async def test_a_name_with_a_private_address_among_others_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is looked up once: there is no second answer that could differ from the one that was checked."""
    asked: list[str] = []

    async def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("8.8.8.8", "127.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    async with receiving() as there:
        attempt = await sent(webhook(f"https://rebind.example:{there.port}/"), networks=())
        assert (attempt.result, there.connections, asked) == (Result.FAILED, 0, ["rebind.example"])
    assert "127.0.0.1 is a private address" in attempt.says


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    async with receiving() as there:
        attempt = await sent(webhook(f"http://crm.example:{there.port}/"), networks=(ip_network("127.0.0.1/32"),))
    assert (attempt.result, asked) == (Result.DELIVERED, ["crm.example"])
    assert there.received[0].headers["host"] == f"crm.example:{there.port}"


async def test_plain_http_leaves_the_allowed_networks_never(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(_host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    attempt = await sent(webhook("http://crm.example:1/"))
    assert attempt.says == "plain http:// to 8.8.8.8, which is not in the networks of CALLREC_WEBHOOK_NETWORKS"


async def test_a_name_that_is_not_there() -> None:
    attempt = await sent(webhook("https://no-such-host.invalid/"))
    assert attempt.result is Result.FAILED
