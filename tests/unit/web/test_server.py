"""The HTTP door over real sockets: what it answers, and how long it waits for whoever does not ask."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from callrec.domain.calls.ids import CallId, NodeId
from callrec.domain.calls.session import Session, State
from callrec.domain.directory.user_file.export_rows import template
from callrec.domain.errors import Refused, Unavailable
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.connection_limits import Patience
from callrec.web.pages.public import KEPT_S
from callrec.web.server import GUARDS, build_app, serve_http

TOKEN = "t" * 43


class ServiceUrl:
    """A served application and what it shows."""

    def __init__(self, patience: Patience) -> None:
        self.ready = Readiness()
        self.sessions: list[Session] = []
        self.metrics = Metrics()
        self.app = build_app(
            readiness=self.ready,
            metrics=self.metrics,
            live=lambda: self.sessions,
            token=TOKEN,
            node="lab",
            patience=patience,
        )
        self.port = 0

    async def get(
        self, path: str, method: str = "GET", token: str = "", language: str = ""
    ) -> tuple[int, str, aiohttp.typedefs.LooseHeaders]:
        """Status, body and headers of a request."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Accept-Language": language} if language else {}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.request(method, f"http://127.0.0.1:{self.port}{path}") as answer,
        ):
            return answer.status, await answer.text(), answer.headers

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)


@contextlib.asynccontextmanager
async def served(patience: Patience = Patience(), **extra: object) -> AsyncIterator[ServiceUrl]:  # noqa: B008 - frozen
    door = ServiceUrl(patience)
    for path, handler in extra.items():
        door.app.router.add_get(f"/{path}", handler)
    runner, door.port = await serve_http(door.app, "127.0.0.1", 0)
    try:
        yield door
    finally:
        await runner.cleanup()


async def test_healthz_answers_as_long_as_the_loop_beats() -> None:
    async with served() as door:
        door.ready.add("ami", lambda: (False, "down"))
        assert (await door.get("/healthz"))[0] == 200


async def test_readyz_says_of_each_check_why_to_whoever_has_the_token() -> None:
    async with served() as door:
        door.ready.add("journal", lambda: (True, ""))
        assert (await door.get("/readyz", token=TOKEN))[0] == 200
        door.ready.add("ami", lambda: (False, "AMI at 10.0.0.5:5038 refuses user 'callrec'"))
        told = await door.get("/readyz", token=TOKEN)
        states = await door.get("/readyz")
        denied = await door.get("/readyz", token="x" * 43)
        page = await door.get("/status")

    assert (told[0], json.loads(told[1])) == (
        503,
        {
            "ok": False,
            "checks": {
                "journal": {"ok": True, "reason": ""},
                "ami": {"ok": False, "reason": "AMI at 10.0.0.5:5038 refuses user 'callrec'"},
            },
        },
    )
    assert (states[0], json.loads(states[1])) == (
        503,
        {"ok": False, "checks": {"journal": {"ok": True}, "ami": {"ok": False}}},
    )
    assert denied[0] == 401
    assert [text for text in (states[1], denied[1], page[1]) if "10.0.0.5" in text or "refuses" in text] == []


async def test_metrics_are_in_prometheus_text() -> None:
    async with served() as door:
        door.ready.add("ami", lambda: (True, ""))
        status, body, headers = await door.get("/metrics")

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert 'callrec_ready{check="ami"} 1.0' in body


async def test_the_status_page_shows_states_and_counts_and_escapes_what_it_shows() -> None:
    async with served() as door:
        door.ready.add("<script>alert(1)</script>", lambda: (False, "down"))
        door.sessions = [
            Session(CallId("a"), "1.1", NodeId("n"), state=State.RECORDING),
            Session(CallId("b"), "1.2", NodeId("n")),
        ]
        status, body, headers = await door.get("/status")

    assert status == 200
    assert "2 live calls" in body
    assert "1 being recorded" in body
    assert "&lt;script&gt;" in body
    assert "<script" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_status_page_speaks_the_language_of_the_browser() -> None:
    """Also within the second for which the page of another language is kept."""
    async with served() as door:
        door.ready.add("ami", lambda: (False, "down"))
        english = (await door.get("/status"))[1]
        _, german, headers = await door.get("/status", language="de-AT,en;q=0.5")

    assert '<html lang="en">' in english
    assert '<html lang="de">' in german
    assert "0 laufende Anrufe" in german
    assert "GESCHEITERT" in german
    assert "callrec doctor" in german
    assert headers["Vary"] == "Accept-Language"


async def test_a_user_file_to_begin_with_is_on_the_page() -> None:
    async with served() as door:
        assert 'href="/users/template.csv"' in (await door.get("/status"))[1]
        status, body, headers = await door.get("/users/template.csv")

    assert (status, headers["Content-Type"], body) == (200, "text/csv; charset=utf-8", template())
    assert headers["Content-Disposition"] == 'attachment; filename="users.csv"'


async def test_the_page_gets_its_style_from_us() -> None:
    async with served() as door:
        status, _, headers = await door.get("/status.css")

    assert (status, headers["Content-Type"]) == (200, "text/css; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/healthz", 405), ("GET", "/..%2f..%2fetc", 404)]
)
async def test_what_is_not_in_the_table_is_problem_json(method: str, path: str, status: int) -> None:
    async with served() as door:
        found, body, headers = await door.get(path, method)

    assert found == status
    assert headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(body)["code"] == f"http-{status}"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ("Allow" in headers) is (status == 405)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unavailable("store-unavailable", "away", hint="wait"), 503, "store-unavailable"),
        (Refused("table-conflict", "taken"), 409, "table-conflict"),
        (RuntimeError("number 1000"), 500, "defect"),
    ],
)
async def test_an_error_becomes_a_problem_that_tells_no_secret(error: Exception, status: int, code: str) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise error

    async with served(fail=fail) as door:
        found, body, _ = await door.get("/fail")

    assert (found, json.loads(body)["code"]) == (status, code)
    assert "1000" not in body


async def test_a_handler_that_hangs_is_ended() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with served(Patience(handler_s=0.05), hang=hang) as door:
        status, body, _ = await door.get("/hang")

    assert (status, json.loads(body)["code"]) == (503, "too-slow")


async def test_a_head_that_drips_is_cut_however_steadily() -> None:
    """One byte at a time: aiohttp alone would wait for ever."""
    async with served(Patience(request_s=0.2)) as door:
        reader, writer = await door.connect()
        loop = asyncio.get_running_loop()
        since_s = loop.time()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X-Slow: aaaaaaaaaaaaaaaaa\r\n" * 100:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.02)  # this is the attacker's clock, not the test's
                    if reader.at_eof():
                        break
        assert loop.time() - since_s < 2.0
        writer.close()


async def test_a_connection_that_says_nothing_is_cut() -> None:
    async with served(Patience(request_s=0.05)) as door:
        reader, writer = await door.connect()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                assert await reader.read() == b""
        writer.close()


HEAD_OF_KNOWN = f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
HEAD_OF_STRANGER = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
OTHER_S = 60.0
"""What no test waits for."""


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """One request on a kept connection."""
    writer.write(head)
    assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len('{"ok": true}'))


@pytest.mark.parametrize(
    ("head", "patience"),
    [
        (HEAD_OF_STRANGER, Patience(request_s=1.0, idle_s=OTHER_S)),
        (HEAD_OF_KNOWN, Patience(request_s=OTHER_S, idle_s=1.0)),
    ],
)
async def test_a_kept_connection_serves_again_and_is_closed_in_order_when_idle(head: bytes, patience: Patience) -> None:
    """Not broken off: a client that is about to send again would lose its request."""
    async with served(patience) as door:
        reader, writer = await door.connect()
        async with asyncio.timeout(5):
            for _ in range(3):
                await ask(reader, writer, head)
            assert await reader.read() == b""
        writer.close()


async def test_the_idle_connection_of_who_is_known_outlasts_a_strangers_and_its_next_head_must_not_drip() -> None:
    async with served(Patience(request_s=0.3, idle_s=OTHER_S)) as door:
        reader, writer = await door.connect()
        async with asyncio.timeout(5):
            await ask(reader, writer, HEAD_OF_KNOWN)
            await asyncio.sleep(0.6)
            await ask(reader, writer, HEAD_OF_KNOWN)
            writer.write(HEAD_OF_KNOWN[:-2])
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()


async def test_an_idle_connection_of_who_is_known_gives_way_when_all_places_are_taken() -> None:
    async with served(Patience(request_s=0.3, idle_s=OTHER_S, connections=1, spare=0)) as door:
        async with asyncio.timeout(5):
            idle, kept = await door.connect()
            await ask(idle, kept, HEAD_OF_KNOWN)
            await asyncio.sleep(0.4)
            reader, writer = await door.connect()
            await ask(reader, writer, HEAD_OF_STRANGER)
            assert await idle.read() == b""
        for one in (kept, writer):
            one.close()


async def test_a_request_under_way_is_not_cut_by_the_clock_for_heads() -> None:
    go = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        asyncio.get_running_loop().call_later(0.2, go.set)
        await go.wait()
        return web.Response(text="done")

    async with served(Patience(request_s=0.05), wait=wait) as door:
        assert (await door.get("/wait"))[:2] == (200, "done")


async def test_when_all_connections_are_taken_health_is_answered_and_nothing_else() -> None:
    """But for whoever has the token."""
    async with served(Patience(connections=2)) as door:
        kept = [await door.connect() for _ in range(2)]
        status, body, _ = await door.get("/metrics")
        assert (status, json.loads(body)["code"]) == (503, "busy")
        assert (await door.get("/healthz"))[0] == 200
        assert (await door.get("/metrics", token=TOKEN))[0] == 200
        for reader, writer in kept:  # who was there before goes on being served
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            async with asyncio.timeout(5):
                assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            writer.close()


async def test_a_spare_connection_ends_with_its_answer() -> None:
    async with served(Patience(connections=0)) as door:
        for path, status in ((b"/healthz", b"200"), (b"/metrics", b"503")):
            reader, writer = await door.connect()
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            async with asyncio.timeout(5):
                assert (await reader.read()).startswith(b"HTTP/1.1 " + status)
            writer.close()


async def test_spare_connections_are_bounded_counted_and_give_way_when_they_say_nothing() -> None:
    async with served(Patience(connections=0, spare=2, spare_s=1.5)) as door:
        silent = [await door.connect() for _ in range(2)]
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                refused, writer = await door.connect()
                assert await refused.read() == b""  # the silent ones are too new
        assert 'callrec_dropped_total{what="http-connection"} 1.0' in door.metrics.text().decode()
        await asyncio.sleep(0.75)  # half of their time
        assert (await door.get("/healthz"))[0] == 200
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                assert await silent[0][0].read() == b""
        for _, one in (*silent, (refused, writer)):
            one.close()


async def test_a_page_without_a_token_is_made_once_a_second_however_many_ask() -> None:
    looks: list[None] = []

    def check() -> tuple[bool, str]:
        looks.append(None)
        return True, ""

    async with served() as door:
        door.ready.add("ami", check)
        for path in ("/metrics", "/readyz", "/status"):
            looks.clear()
            answers = [await door.get(path) for _ in range(4)]
            assert {answer[:2] for answer in answers} == {answers[0][:2]}
            assert len(looks) == 1
        looks.clear()
        assert (await door.get("/readyz", token=TOKEN))[0] == 200
        assert len(looks) == 1
        await asyncio.sleep(KEPT_S)
        await door.get("/readyz")
        assert len(looks) == 2


async def test_one_connection_without_a_token_is_answered_at_its_pace_and_not_read_meanwhile() -> None:
    """With the token there is no waiting."""
    ask = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    async with served(Patience(per_connection_s=0.5, burst=2)) as door:
        reader, writer = await door.connect()
        for _ in range(2):
            writer.write(ask + b"\r\n")
            assert await answered(reader) == 200
        writer.write(ask + b"\r\n")
        await until_paused(door)
        waiting, other = reader, writer
        reader, writer = await door.connect()
        for _ in range(8):
            writer.write(ask + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
            assert await answered(reader) == 200
        writer.close()
        assert not waiting._buffer, "it was answered before its time"
        other.transport.abort()


async def test_all_connections_without_a_token_share_one_pace() -> None:
    async with served(Patience(together_s=1.0, burst=3)) as door:
        connected = [await door.connect() for _ in range(6)]
        for _, writer in connected:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await asyncio.gather(*(answered(reader) for reader, _ in connected[:3]))
        assert not any(reader._buffer for reader, _ in connected[3:])
        assert (await door.get("/healthz"))[0] == 200  # which has a pace of its own
        for _, writer in connected:
            writer.transport.abort()


async def answered(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, which is read to its end."""
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(line for line in head.splitlines() if line.lower().startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
    return int(head.split()[1])


async def until_paused(door: ServiceUrl) -> None:
    """Until the only connection is not read."""
    async with asyncio.timeout(5):
        while any(transport.is_reading() for transport in door.app[GUARDS]._by_transport):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)


async def test_closed_connections_are_forgotten() -> None:
    async with served() as door:
        for _ in range(5):
            await door.get("/healthz")
        async with asyncio.timeout(5):
            while door.app[GUARDS]._by_transport:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0)
        assert not door.app[GUARDS]._by_transport


async def test_a_taken_port_is_one_sentence_with_a_remedy() -> None:
    async with served() as door:
        other = ServiceUrl(Patience())
        with pytest.raises(Unavailable, match="CALLREC_HTTP_BIND") as refused:
            await serve_http(other.app, "127.0.0.1", door.port)
        assert refused.value.code == "http-bind"
