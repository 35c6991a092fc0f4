"""Who has no token waits for a turn: calls and pages share one loop, and the calls go first."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from callrec.web.guard import Guards
from callrec.web.login import Token
from callrec.web.problems import problem

HEALTH = "/healthz"

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


def by_turns(guards: Guards, token: Token) -> "Middleware":
    """The check before all others, so that a refusal has its turn, too. With the token there is no waiting."""

    @web.middleware
    async def wait(request: web.Request, handler: "Handler") -> web.StreamResponse:
        may_ask = token.opens(request) or await guards.turn(request.transport, health=request.path == HEALTH)
        answer = await handler(request) if may_ask else _busy()
        if guards.is_last(request.transport):
            answer.force_close()
        return answer

    return wait


def _busy() -> web.Response:
    hint = f"{HEALTH} is answered, and what carries the token; close connections that are not used, or try again later"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "busy", "All connections are taken", hint)
