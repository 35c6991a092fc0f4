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


def only_with(token: str) -> "Middleware":
    """The check: no token, no word about what is there."""
    expected = token.encode()

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if not request.path.startswith(API):
            return await handler(request)
        given = request.headers.getall("Authorization", [])
        scheme, _, said = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        known = hmac.compare_digest(said.strip().encode("utf-8", "surrogateescape"), expected)
        if known and scheme.lower() == _SCHEME:
            return await handler(request)
        hint = "send Authorization: Bearer TOKEN; it stands in the file token of the state folder"
        challenge = CHALLENGE if not said else f'{CHALLENGE}, error="invalid_token"'
        title = "This token is not the daemon's" if said else "This needs the daemon's token"
        return problem(HTTPStatus.UNAUTHORIZED, "token", title, hint, headers={"WWW-Authenticate": challenge})

    return check
