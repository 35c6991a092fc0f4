"""Who asks: each request below `/api/` comes from a principal, whose permissions decide what it may do.

The daemon's own token and tokens of programs come in the header Authorization, sessions of people in a cookie. With the header
the cookie is not looked at. Without a principal every path below `/api/` has the same answer (401), also one that does not exist,
but for the operations that are open to everybody. A principal without the permissions of an operation gets the same answer (403)
whatever record is named: nothing is looked up."""

import hmac
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from callrec.app.access.logins import Logins
from callrec.app.access.program_tokens import ProgramTokens
from callrec.app.ports.access import AuditLog
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.login_sessions import LoginSession, digest_of
from callrec.domain.access.principals import DAEMON, Principal, PrincipalKind, machine
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.web.clients import Clients, Way, from_own_page
from callrec.web.cookies import names_of, secret_in
from callrec.web.problems import BadRequest, problem
from callrec.web.routes import Handler

API = "/api/"
CHALLENGE = 'Bearer realm="callrec"'
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_KNOWN = 10_000
_SCHEME = "bearer"
_PRINCIPAL = web.RequestKey("principal", Principal)
_SESSION = web.RequestKey("session", LoginSession)
WAY = web.RequestKey("way", Way)
AUDIT: web.AppKey[AuditLog] = web.AppKey("audit", AuditLog)

RECHECK_S = 30.0
"""How often a connection that lasts asks whether it is still permitted."""

if TYPE_CHECKING:
    from aiohttp.typedefs import Middleware


class Authentication:
    """Finds the principal of a request. `token` is the daemon's own; without `logins` and `tokens` there is no other."""

    def __init__(
        self,
        token: str,
        logins: Logins | None = None,
        tokens: ProgramTokens | None = None,
        clients: Clients = Clients(),  # noqa: B008 - it has no state
    ) -> None:
        self._expected = token.encode()
        self._logins, self._tokens, self._clients = logins, tokens, clients
        self._known: OrderedDict[str, None] = OrderedDict()

    def opens(self, request: web.Request) -> bool:
        """Whether this request carries the daemon's own token."""
        scheme, said = _said(request)
        known = hmac.compare_digest(said.encode("utf-8", "surrogateescape"), self._expected)
        return known and scheme.lower() == _SCHEME

    def is_known(self, request: web.Request) -> bool:
        """Whether this request carries what a principal has lately shown: it is not made to wait with strangers. No proof."""
        return self.opens(request) or digest_of(self._shown(request)) in self._known

    async def principal(self, request: web.Request) -> Principal | None:
        """Who asks; None when the request has not shown it. Raises Unavailable while the store cannot be asked, BadRequest (403)
        for a request that another site's page has made."""
        if self.opens(request):
            user = self.way(request).system_user
            return DAEMON if user is None else machine(user.number)
        if "Authorization" in request.headers:
            scheme, said = _said(request)
            is_token = self._tokens is not None and scheme.lower() == _SCHEME
            found = await self._tokens.principal(said) if self._tokens and is_token else None
        else:
            found = await self._of_session(request)
        self._remember(request, is_good=found is not None)
        return found

    def way(self, request: web.Request) -> Way:
        """How the request has come; found once for each."""
        if (found := request.get(WAY)) is None:
            found = request[WAY] = self._clients.way(request)
        return found

    def denied(self, request: web.Request) -> web.Response:
        """The answer (401) to a request without a principal."""
        _, said = _said(request)
        hint = "log in, or send Authorization: Bearer TOKEN, a program's token or the one in the file `token` of the state folder"
        challenge = CHALLENGE if not said else f'{CHALLENGE}, error="invalid_token"'
        title = "The token is wrong" if said else "The request needs a login or a token"
        return problem(HTTPStatus.UNAUTHORIZED, "token", title, hint, headers={"WWW-Authenticate": challenge})

    async def _of_session(self, request: web.Request) -> Principal | None:
        way = self.way(request)
        names = names_of(way)
        secret = secret_in(request, names.session) if names else ""
        if not secret or self._logins is None:
            return None
        if request.method not in SAFE and not from_own_page(request, way):
            raise cross_site()
        found = await self._logins.principal(secret)
        if found is None:
            return None
        request[_SESSION] = found[1]
        return found[0]

    def _shown(self, request: web.Request) -> str:
        """The secret that the request carries, of whatever kind."""
        if "Authorization" in request.headers:
            return _said(request)[1]
        names = names_of(self.way(request))
        return secret_in(request, names.session) if names else ""

    def _remember(self, request: web.Request, *, is_good: bool) -> None:
        digest = digest_of(self._shown(request))
        self._known.pop(digest, None)
        if is_good:
            self._known[digest] = None
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)


KNOWN = web.AppKey("known", Authentication)


async def still_may(request: web.Request, permission: Permission) -> bool:
    """Whether a request that is answered for long may go on: its session or token was not ended, and has the permission. From
    then on `principal_of` is what the principal is now. Raises Unavailable."""
    principal = await request.app[KNOWN].principal(request)
    if principal is not None:
        request[_PRINCIPAL] = principal
    return principal is not None and may_somewhere(principal, permission)


def only_with(known: Authentication, open_paths: frozenset[str] = frozenset()) -> "Middleware":
    """The check as a middleware; handlers find the principal by `principal_of`. `open_paths`: where everybody may ask."""

    @web.middleware
    async def check(request: web.Request, handler: "Handler") -> web.StreamResponse:
        if not request.path.startswith(API):
            return await handler(request)
        request[WAY] = known.way(request)
        if request.path in open_paths:
            return await handler(request)
        if await identified(request) is None:
            return known.denied(request)
        return await handler(request)

    return check


async def identified(request: web.Request) -> Principal | None:
    """Find out who asks, for all that follows; None when the request has not shown it. Raises as `Authentication.principal`."""
    known = request.app[KNOWN]
    request[WAY] = known.way(request)
    principal = await known.principal(request)
    if principal is not None:
        request[_PRINCIPAL] = principal
    return principal


def known_principal(request: web.Request) -> Principal | None:
    """Who asks, when that was found out; else None."""
    return request.get(_PRINCIPAL)


def principal_of(request: web.Request) -> Principal:
    """Who asks, of a request for an operation or a page that is not open to everybody."""
    return request[_PRINCIPAL]


def session_of(request: web.Request) -> LoginSession | None:
    """The session with which it is asked; None for a token."""
    return request.get(_SESSION)


def actor_of(request: web.Request) -> Actor:
    """Who asks, for the audit log."""
    principal = principal_of(request)
    if principal.kind is PrincipalKind.ACCOUNT:
        return Actor(ActorKind.ACCOUNT, principal.id)
    if principal.kind is PrincipalKind.MACHINE:
        return Actor(ActorKind.MACHINE, principal.id)
    return Actor(ActorKind.TOKEN, principal.id or "daemon")


class Guarded(Protocol):
    """An operation or a page."""

    @property
    def name(self) -> str:
        """For the audit log."""

    @property
    def needs(self) -> tuple[Permission, ...]:
        """All of these the principal must have."""

    @property
    def handler(self) -> Handler:
        """What is behind the check."""


def permitted(guarded: Guarded) -> Handler:
    """The handler, behind the check of its permissions. A refusal is in the audit log before it is answered."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            for permission in guarded.needs:
                if not may_somewhere(principal_of(request), permission):
                    raise not_permitted(permission)
            return await guarded.handler(request)
        except NotPermitted as refused:
            await log_refusal(request, f"{guarded.name} needs {refused.permission}")
            raise
        except Refused as refused:
            if refused.code == "grant-exceeds":
                await log_refusal(request, f"{guarded.name}: {refused.message}")
            raise

    return handle


async def log_refusal(request: web.Request, details: str) -> None:
    """Put into the audit log that this principal asked for what they may not have. Raises Unavailable."""
    if audit := request.app.get(AUDIT):
        entry = AuditEntry(Action.REFUSED, actor_of(request), address=request[WAY].address, details=details)
        await audit.append([entry])


class NotPermitted(BadRequest):
    """The principal lacks this permission (403)."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        hint = f"it needs {permission}: an administrator can add it to the role of the account, or to the token"
        super().__init__(HTTPStatus.FORBIDDEN, "not-permitted", "This is not permitted to you", hint)


def not_permitted(permission: Permission) -> NotPermitted:
    """The error (403) for a principal without this permission."""
    return NotPermitted(permission)


def cross_site() -> BadRequest:
    """The error (403) for a change that a page of another site may have sent with somebody's cookie."""
    hint = "send it from a page of callrec itself, or with a token in place of the cookie; a program sends Origin"
    return BadRequest(HTTPStatus.FORBIDDEN, "cross-site", "The request may come from another site", hint)


def _said(request: web.Request) -> tuple[str, str]:
    """Scheme and credentials of the Authorization header; empty when it comes twice."""
    given = request.headers.getall("Authorization", [])
    scheme, _, said = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    return scheme, said.strip()
