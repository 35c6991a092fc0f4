"""What is served to whoever reaches the port, without a token: health, readiness, metrics, the status page, a user file."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from aiohttp import web

from callrec.domain.provisioning.csv_export import template
from callrec.domain.session import Session
from callrec.observe.health import Readiness
from callrec.observe.metrics import CONTENT_TYPE, Metrics
from callrec.web.login import Token
from callrec.web.operations import Handler
from callrec.web.status import STYLE, status_page


def pages(
    readiness: Readiness, metrics: Metrics, live: Callable[[], Sequence[Session]], node: str, token: Token
) -> tuple[tuple[str, Handler], ...]:
    """(path, handler) of each. A reason names hosts, users and paths: it is only for whoever has the token."""

    async def healthz(_: web.Request) -> web.Response:
        """That this is answered says that the loop beats."""
        return web.json_response({"ok": True})

    async def readyz(request: web.Request) -> web.Response:
        known = token.opens(request)
        if not known and "Authorization" in request.headers:
            return token.denied(request)
        looked = readiness.look()
        ready = all(checked.ok for checked in looked)
        checks = {one.name: {"ok": one.ok} | ({"reason": one.reason} if known else {}) for one in looked}
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return web.json_response({"ok": ready, "checks": checks}, status=status)

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def status(_: web.Request) -> web.Response:
        return web.Response(text=status_page(node, readiness.look(), live()), content_type="text/html", charset="utf-8")

    to_be_saved = {"Content-Disposition": 'attachment; filename="users.csv"'}
    return (
        ("/healthz", healthz),
        ("/readyz", readyz),
        ("/metrics", show_metrics),
        ("/", status),
        ("/status.css", _always(STYLE, "text/css")),
        ("/users/template.csv", _always(template(), "text/csv", to_be_saved)),
    )


def _always(text: str, kind: str, headers: Mapping[str, str] | None = None) -> Handler:
    async def show(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind, charset="utf-8", headers=headers)

    return show
