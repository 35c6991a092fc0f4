"""Pages that need no token: health, readiness, metrics, the status page, a template of a user file."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

from aiohttp import web

from callrec.domain.calls.session import Session
from callrec.domain.directory.user_file.export_rows import template
from callrec.observe.health import Readiness
from callrec.observe.metrics import CONTENT_TYPE, Metrics
from callrec.web.auth import Authentication
from callrec.web.pages.languages import ENGLISH, preferred_language
from callrec.web.pages.status import STYLE, status_page
from callrec.web.routes import Handler

KEPT_S = 1.0
"""For how long a page is cached."""


def public_pages(
    readiness: Readiness, metrics: Metrics, live: Callable[[], Sequence[Session]], node: str, token: Authentication
) -> tuple[tuple[str, Handler], ...]:
    """(path, handler) of each page. Reasons in /readyz name hosts, users and paths: only a client with the token gets them."""

    async def healthz(_: web.Request) -> web.Response:
        """An answer proves that the event loop runs."""
        return web.json_response({"ok": True})

    def readiness_page(*, reasons: bool) -> web.Response:
        looked = readiness.look()
        ready = all(checked.ok for checked in looked)
        checks = {one.name: {"ok": one.ok} | ({"reason": one.reason} if reasons else {}) for one in looked}
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ok": ready, "checks": checks}, status=status)

    brief = _for_a_second(lambda _: readiness_page(reasons=False))

    async def readyz(request: web.Request) -> web.Response:
        if token.opens(request):
            return readiness_page(reasons=True)
        if "Authorization" in request.headers:
            return token.denied(request)
        return await brief(request)

    def metrics_page(_: str) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    def status(language: str) -> web.Response:
        text = status_page(node, readiness.look(), live(), language)
        return web.Response(text=text, content_type="text/html", charset="utf-8", headers={"Vary": "Accept-Language"})

    to_be_saved = {"Content-Disposition": 'attachment; filename="users.csv"'}
    return (
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/metrics", _for_a_second(metrics_page)),
        ("/status", _for_a_second(status, has_languages=True)),
        ("/status.css", _always(STYLE, "text/css")),
        ("/users/template.csv", _always(template(), "text/csv", to_be_saved)),
    )


def _for_a_second(
    make: Callable[[str], web.Response], *, has_languages: bool = False
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A page that is made at most once per second, or once in each language, for any number of clients."""
    made: dict[str, tuple[float, web.Response]] = {}

    async def show(request: web.Request) -> web.Response:
        language = preferred_language(request.headers.get("Accept-Language", "")) if has_languages else ENGLISH
        now_s = asyncio.get_running_loop().time()
        since_s, answer = made.get(language, (0.0, None))
        if answer is None or now_s - since_s >= KEPT_S:
            answer = make(language)
            made[language] = (now_s, answer)
        headers = {name: answer.headers[name] for name in ("Content-Type", "Vary") if name in answer.headers}
        return web.Response(body=answer.body, status=answer.status, headers=headers)

    return show


def _always(text: str, kind: str, headers: Mapping[str, str] | None = None) -> Handler:
    async def show(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, charset="utf-8", headers=headers)

    return show
