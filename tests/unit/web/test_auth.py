"""Nothing below /api/ is said to anybody without the token; everything else stays as open as it was."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.server import build_app, serve_http

TOKEN = "correct-horse-battery-staple-correct-horse"


@asynccontextmanager
async def served() -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async def thing(_: web.Request) -> web.Response:
        return web.Response(text="thing")

    app = build_app(readiness=Readiness(), metrics=Metrics(), live=list, token=TOKEN)
    app.router.add_get("/api/v1/thing", thing)
    runner, port = await serve_http(app, "127.0.0.1", 0)
    async with aiohttp.ClientSession() as http:
        yield http, f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.mark.parametrize("said", [f"Bearer {TOKEN}", f"bearer   {TOKEN} "])
async def test_the_token_opens(said: str) -> None:
    async with served() as (http, door), http.get(f"{door}/api/v1/thing", headers={"Authorization": said}) as answer:
        assert (200, "thing") == (answer.status, await answer.text())


@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", "Bearer é", TOKEN]
)
@pytest.mark.parametrize("path", ["/api/v1/thing", "/api/v1/nothing", "/api/v1/thing?token=" + TOKEN, "/api/x"])
async def test_whoever_has_no_token_learns_nothing(path: str, said: str) -> None:
    async with served() as (http, door):
        for method in ("GET", "POST"):
            async with http.request(method, f"{door}{path}", headers={"Authorization": said} if said else {}) as answer:
                body = await answer.json(content_type="application/problem+json")
                assert (401, "token") == (answer.status, body["code"])
                assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="callrec"')


async def test_two_logins_are_none() -> None:
    async with served() as (http, door):
        headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
        async with http.get(f"{door}/api/v1/thing", headers=headers) as answer:
            assert 401 == answer.status


async def test_health_metrics_and_the_status_page_stay_open() -> None:
    async with served() as (http, door):
        for path in ("/healthz", "/readyz", "/metrics", "/status", "/status.css"):
            async with http.get(f"{door}{path}") as answer:
                assert 200 == answer.status


async def test_with_the_token_what_is_not_there_is_not_there() -> None:
    async with served() as (http, door):
        for method, path, status in (("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/thing", 405)):
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with http.request(method, f"{door}{path}", headers=headers) as answer:
                assert status == answer.status
