"""The way to a page: who asks, what they may, and what is shown to people who may not.

Without a login every path that is not open leads to the login, also one that does not exist. With one a page that is forbidden
looks like one that does not exist.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from aiohttp import web

from callrec.domain.errors import CallrecError
from callrec.web.auth import API, identified, known_principal, permitted
from callrec.web.pages.refusals import problem_words
from callrec.web.pages.routes import Page
from callrec.web.pages.site import SITE
from callrec.web.problems import CONTENT_TYPE, BadRequest, fields_of

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

LOGIN, LOGOUT = "/login", "/logout"
LOST = "lost"
"""The parameter of the login's address that says that a form was sent without a session, and nothing was done."""
MOST_PATH = 2000
_NOT_HERE = {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


def entered(page: Page) -> "Handler":
    """The handler of a page, behind the checks."""
    inside = page.handler if page.is_open else permitted(page)

    async def handle(request: web.Request) -> web.StreamResponse:
        principal = await identified(request)
        if principal is None and not page.is_open:
            return to_login(request)
        return await inside(request)

    return handle


def own_path(text: str) -> str:
    """A path of this very host, with its parameters; empty for any other address, and for one that leads back to the login."""
    decoded = unquote(text)
    if not text.startswith("/") or len(text) > MOST_PATH or any(not one.isprintable() for one in decoded):
        return ""
    if text.startswith("//") or "\\" in decoded:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return "" if parts.scheme or parts.netloc or parts.path in {LOGIN, LOGOUT} else text


def to_login(request: web.Request) -> web.Response:
    """The answer to somebody who has not logged in: the login, which leads back."""
    if request.method in {"GET", "HEAD"}:
        came_for = own_path(request.raw_path)
    else:
        referrer = urlsplit(request.headers.get("Referer", ""))
        came_for = own_path(f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path)
    there = f"{LOGIN}?next={quote(came_for, safe='/')}" if came_for not in {"", "/"} else LOGIN
    if came_for and request.method == "POST" and request.path != LOGOUT:
        there += f"{'&' if '?' in there else '?'}{LOST}=yes"
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": there})
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and came_for:
        return _once_more(request, came_for)
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": there})


def _once_more(request: web.Request, path: str) -> web.Response:
    """A page that loads itself again. Browsers leave out the session's cookie when a page of another site, or a mail, leads here;
    the second request comes from this page, and has the cookie if there is one."""
    return request.app[SITE].page(request, "layout/again.html", path=path)


def with_pages_for_errors() -> "Middleware":
    """Turns problems into pages, for browsers that ask for a page."""

    @web.middleware
    async def show(request: web.Request, handler: "Handler") -> web.StreamResponse:
        answer = await handler(request)
        if answer.content_type != CONTENT_TYPE or not _shows_pages(request) or not isinstance(answer, web.Response):
            return answer
        problem = fields_of(answer)
        is_hidden = problem["code"] == "not-permitted" or answer.status in _NOT_HERE
        if is_hidden and await _is_stranger(request):
            return to_login(request)
        status = HTTPStatus.NOT_FOUND if is_hidden else HTTPStatus(answer.status)
        told = "" if is_hidden else problem_words(problem, request.app[SITE].language(request))
        page = request.app[SITE].page(
            request, "layout/problem.html", status, is_hidden=is_hidden, problem=problem, told=told
        )
        page.headers.update({name: answer.headers[name] for name in ("Retry-After", "Allow") if name in answer.headers})
        return page

    return show


async def _is_stranger(request: web.Request) -> bool:
    """Whether no user has logged in; a store that does not answer is no reason to say so."""
    try:
        return (known_principal(request) or await identified(request)) is None
    except (CallrecError, BadRequest):
        return False


def _shows_pages(request: web.Request) -> bool:
    return SITE in request.app and not request.path.startswith(API) and "text/html" in request.headers.get("Accept", "")
