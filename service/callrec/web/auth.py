"""Access to the API: every request below `/api/` needs the daemon's token."""

import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from callrec.web.problems import problem

API = "/api/"
CHALLENGE = 'Bearer realm="callrec"'
_SCHEME = "bearer"

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


class Token:
    """The daemon's token."""

    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    def opens(self, request: web.Request) -> bool:
        """Whether this request carries the token."""
        scheme, said = _said(request)
        known = hmac.compare_digest(said.encode("utf-8", "surrogateescape"), self._expected)
        return known and scheme.lower() == _SCHEME

    def denied(self, request: web.Request) -> web.Response:
        """The answer (401) to a request without the token."""
        _, said = _said(request)
        hint = "send Authorization: Bearer TOKEN, with the token in the file `token` of the state folder"
        challenge = CHALLENGE if not said else f'{CHALLENGE}, error="invalid_token"'
        title = "The token is wrong" if said else "The request needs the daemon's token"
        return problem(HTTPStatus.UNAUTHORIZED, "token", title, hint, headers={"WWW-Authenticate": challenge})


def only_with(token: Token) -> "Middleware":
    """The check as a middleware. Without the token every path below `/api/` has the same answer, also one that does not exist."""

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if not request.path.startswith(API) or token.opens(request):
            return await handler(request)
        return token.denied(request)

    return check


def _said(request: web.Request) -> tuple[str, str]:
    """Scheme and credentials of the Authorization header; empty when it comes twice."""
    given = request.headers.getall("Authorization", [])
    scheme, _, said = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return scheme, said.strip()
