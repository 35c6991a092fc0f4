"""Requests of strangers wait for their turn: calls and HTTP share one event loop, and calls have priority."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from callrec.web.auth import Authentication
from callrec.web.connection_limits import Guards
from callrec.web.problems import problem

HEALTH = "/healthz"

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


def by_turns(guards: Guards, token: Authentication) -> "Middleware":
    """The first of all checks, so that refusals are limited too. Requests with a token or a session that was lately good do not
    wait."""

    @web.middleware
    async def wait(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if is_known := token.is_known(request):
            guards.known(request.transport)
        may_ask = is_known or await guards.turn(request.transport, health=request.path == HEALTH)
        answer = await handler(request) if may_ask else _busy()
        if guards.is_last(request.transport):
            answer.force_close()
        return answer

    return wait


def _busy() -> web.Response:
    hint = f"only {HEALTH} and requests with the token are answered now; close unused connections, or try again later"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "All connections are taken", hint)
