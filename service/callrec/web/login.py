"""Who may use the API: whoever has the token. One check before everything else below `/api/`, whatever is asked there."""

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
        """Whether this request carries it."""
        scheme, said = _said(request)
        known = hmac.compare_digest(said.encode("utf-8", "surrogateescape"), self._expected)
        return known and scheme.lower() == _SCHEME

    def denied(self, request: web.Request) -> web.Response:
        """The answer to a request without it."""
        _, said = _said(request)
        hint = "send Authorization: Bearer TOKEN; it stands in the file token of the state folder"
        challenge = CHALLENGE if not said else f'{CHALLENGE}, error="invalid_token"'
        title = "This token is not the daemon's" if said else "This needs the daemon's token"
        return problem(HTTPStatus.UNAUTHORIZED, "token", title, hint, headers={"WWW-Authenticate": challenge})


def only_with(token: Token) -> "Middleware":
    """The check: no token, no word about what is there."""

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if not request.path.startswith(API) or token.opens(request):
            return await handler(request)
        return token.denied(request)

    return check


def _said(request: web.Request) -> tuple[str, str]:
    """Scheme and credentials; two logins are none."""
    given = request.headers.getall("Authorization", [])
    scheme, _, said = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return scheme, said.strip()
