"""Who asks: each request below `/api/` comes from a principal, whose permissions decide what it may do.

Without a principal every path below `/api/` has the same answer (401), also one that does not exist. A principal without the
permissions of an operation gets the same answer (403) whatever record is named: nothing is looked up.
"""

import hmac
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.principals import DAEMON, Principal
from callrec.domain.directory.model import Permission
from callrec.web.problems import BadRequest, problem
from callrec.web.routes import Handler, Operation

API = "/api/"
CHALLENGE = 'Bearer realm="callrec"'
_SCHEME = "bearer"
_PRINCIPAL = web.RequestKey("principal", Principal)

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware


class Authentication:
    """Finds the principal of a request. `token` is the daemon's own."""

    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    def opens(self, request: web.Request) -> bool:
        """Whether this request carries the daemon's own token."""
        scheme, said = _said(request)
        known = hmac.compare_digest(said.encode("utf-8", "surrogateescape"), self._expected)
        return known and scheme.lower() == _SCHEME

    async def principal(self, request: web.Request) -> Principal | None:
        """Who asks; None when the request has not shown it."""
        return DAEMON if self.opens(request) else None

    def denied(self, request: web.Request) -> web.Response:
        """The answer (401) to a request without a principal."""
        _, said = _said(request)
        hint = "send Authorization: Bearer TOKEN, with the token in the file `token` of the state folder"
        challenge = CHALLENGE if not said else f'{CHALLENGE}, error="invalid_token"'
        title = "The token is wrong" if said else "The request needs the daemon's token"
        return problem(HTTPStatus.UNAUTHORIZED, "token", title, hint, headers={"WWW-Authenticate": challenge})


def only_with(known: Authentication) -> "Middleware":
    """The check as a middleware; handlers find the principal by `principal_of`."""

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if not request.path.startswith(API):
            return await handler(request)
        principal = await known.principal(request)
        if principal is None:
            return known.denied(request)
        request[_PRINCIPAL] = principal
        return await handler(request)

    return check


def principal_of(request: web.Request) -> Principal:
    """Who asks, of a request below `/api/`."""
    return request[_PRINCIPAL]


def permitted(operation: Operation) -> Handler:
    """The operation's handler, behind the check of its permissions."""

    async def handle(request: web.Request) -> web.StreamResponse:
        for permission in operation.needs:
            if not may_somewhere(principal_of(request), permission):
                raise not_permitted(permission)
        return await operation.handler(request)

    return handle


def not_permitted(permission: Permission) -> BadRequest:
    """The error (403) for a principal without this permission."""
    hint = f"it needs {permission}: an administrator can add it to the role of the account, or to the token"
    return BadRequest(HTTPStatus.FORBIDDEN, "not-permitted", "This is not permitted to you", hint)


def _said(request: web.Request) -> tuple[str, str]:
    """Scheme and credentials of the Authorization header; empty when it comes twice."""
    given = request.headers.getall("Authorization", [])
    scheme, _, said = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return scheme, said.strip()
