"""The HTTP server: its routes (pages and API), and one place for the errors and headers of all answers.

Headers of every answer forbid content sniffing, framing, scripts and caching; pages and static files have their own for scripts
and caching. Every error is problem+json (RFC 9457) with `code` and `hint`; browsers that ask for a page get one that says
so.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ssl import SSLContext
from typing import TYPE_CHECKING, cast

import structlog
from aiohttp import web

from callrec.app.access.logins import Logins
from callrec.app.access.program_tokens import ProgramTokens
from callrec.app.ports.access import AuditLog
from callrec.domain.calls.session import Session
from callrec.domain.errors import CallrecError, Unavailable
from callrec.domain.vocabulary import DropReason
from callrec.observe.health import Readiness
from callrec.observe.metrics import Metrics
from callrec.web.allowed_hosts import only_at
from callrec.web.api.accounts import LOGIN
from callrec.web.auth import AUDIT, KNOWN, Authentication, only_with, permitted
from callrec.web.clients import Clients
from callrec.web.connection_limits import Guards, Patience
from callrec.web.pages.entrance import entered, with_pages_for_errors
from callrec.web.pages.public import public_pages
from callrec.web.pages.site import SITE, Site
from callrec.web.problems import BadRequest, problem, problem_of
from callrec.web.request_turns import by_turns
from callrec.web.routes import PREFIX, Operation
from callrec.web.static_files import ROUTE as STATIC

if TYPE_CHECKING:
    from callrec.domain.error_codes import ErrorCode

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "callrec",
}
OF_PAGES = frozenset({"Content-Security-Policy", "Referrer-Policy", "Cache-Control"})
"""Those that pages and static files may give themselves."""
MOST_BODY_BYTES = 1 << 20
SHUTDOWN_S = 2.0
LONG_S = 4 * 3600.0
"""For pages that are sent as fast as the client takes them."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Access:
    """How people and programs are known, and where what they may not is logged."""

    logins: Logins
    tokens: ProgramTokens
    audit: AuditLog
    clients: Clients


GUARDS = web.AppKey("guards", Guards)
LIMITS_S = web.AppKey("limits", dict[str, float])
"""Time limits in seconds of routes whose handlers may take longer than others."""
log = structlog.get_logger(__name__)


def build_app(
    *,
    readiness: Readiness,
    metrics: Metrics,
    live: Callable[[], Sequence[Session]],
    token: str,
    access: Access | None = None,
    hosts: Sequence[str] = (),
    api: Sequence[Operation] = (),
    shared: Sequence[tuple[str, Handler]] = (),
    node: str = "",
    site: Site | None = None,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> web.Application:
    """The application. It adds readiness and live calls to `metrics`, so one Metrics object serves one application only.

    `access`: people and programs; without it the daemon's own token alone opens the API. `hosts`: the allowed names and addresses
    in Host headers, besides localhost and the address that a request reaches. `shared`:
    pages that may be sent for long, path and handler; anyone who has their address may see them. `site`: the pages for people.
    """
    metrics.show(readiness, live)

    guards = Guards(patience, lambda: metrics.dropped(DropReason.HTTP_CONNECTION))
    known = Authentication(token, access.logins, access.tokens, access.clients) if access else Authentication(token)
    checks = [_answered, by_turns(guards, known), only_at(hosts), only_with(known, frozenset({PREFIX + LOGIN}))]
    if site:
        checks.insert(0, with_pages_for_errors())
    app = web.Application(middlewares=checks, client_max_size=MOST_BODY_BYTES)
    app[GUARDS], app[KNOWN] = guards, known
    if access:
        app[AUDIT] = access.audit
    app[LIMITS_S] = {one.route: one.limit_s for one in api if one.limit_s is not None}
    app.add_routes([web.get(path, handler) for path, handler in public_pages(readiness, metrics, live, node, known)])
    for path, page in shared:
        resource = app.router.add_resource(path)
        resource.add_route("GET", page)
        resource.add_route("HEAD", page)
        app[LIMITS_S][resource.canonical] = LONG_S
    app.add_routes([web.route(one.method, one.route, permitted(one)) for one in api])
    if site:
        _add_site(app, site)
    app.on_response_prepare.append(_with_headers)
    return app


def _add_site(app: web.Application, site: Site) -> None:
    """Add the pages for people, and their style and scripts."""
    app[SITE] = site
    app.add_routes([web.get(STATIC, site.static.serve)])
    for page in site.pages:
        route = app.router.add_route(page.method, page.path, entered(page))
        if page.limit_s is not None and route.resource:
            app[LIMITS_S][route.resource.canonical] = page.limit_s


async def serve_http(
    app: web.Application,
    host: str,
    port: int,
    tls: SSLContext | None = None,
    own: socket.socket | None = None,
) -> tuple[web.AppRunner, int]:
    """Listen, with TLS if there is a context for it; the runner (its `cleanup()` ends it) and the port. Port 0 chooses a free
    one. `own`: a bound unix socket, on which it listens too. Raises Unavailable."""
    guards = app[GUARDS]
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=guards.patience.idle_s, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    site = guards.site(runner, host, port, tls)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        if own is not None:
            own.close()
        hint = "free the port, or choose another one in CALLREC_HTTP_BIND"
        raise Unavailable("http-bind", f"cannot listen on {host}:{port}: {error.strerror}", hint=hint) from error
    if own is not None:
        await guards.own_site(runner, own).start()
    return runner, site.port


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the handler's time limit, and turn its errors into problems."""
    guards = request.app[GUARDS]
    guards.begun(request.transport)
    try:
        async with asyncio.timeout(request.app[LIMITS_S].get(_route(request), guards.patience.handler_s)):
            return await handler(request)
    except web.HTTPException as error:
        return problem(error.status, cast("ErrorCode", f"http-{error.status}"), error.reason, headers=_kept(error))
    except BadRequest as error:
        return error.answer
    except CallrecError as error:
        return problem_of(error)
    except TimeoutError:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "too-slow", "The request took too long", "try again later")
    except Exception as error:  # the boundary of a request: a defect in one must not end the server
        if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            raise  # the client has disconnected: no defect, and no answer is possible
        log.exception("request-failed", method=request.method, route=_route(request))
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "defect", "This is a defect of callrec", "see the daemon's log"
        )
    finally:
        guards.answered(request.transport)


def _kept(error: web.HTTPException) -> dict[str, str]:
    return {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}


def _route(request: web.Request) -> str:
    """The route of the table, which is safe to log; the path of the request is not."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


async def _with_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        if name not in OF_PAGES or name not in response.headers:
            response.headers[name] = value
