"""Log in and out. The password is asked for first; the code of the second factor when it was right and the account has one."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from callrec.app.access.logins import LoginWait
from callrec.domain.errors import Refused
from callrec.web.api.accounts import check_login, check_way, client_of
from callrec.web.auth import WAY, known_principal, session_of
from callrec.web.cookies import give, take_away
from callrec.web.pages.entrance import LOGIN, LOGOUT, LOST, own_path
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.routes import Page
from callrec.web.pages.site import SITE, page, see_other
from callrec.web.use_cases import UseCases

HALF_S = 180.0
"""For so long a password that was right waits for its code."""
MOST_HALF = 1000
MOST_TYPED = 1024


@dataclass(frozen=True, slots=True)
class HalfLogin:
    """A right password whose account wants a code. It stays in the daemon, so that no page has it."""

    username: str
    password: str
    until_s: float


class HalfLogins:
    """By ticket, what waits for a code; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: OrderedDict[str, HalfLogin] = OrderedDict()

    def keep(self, username: str, password: str) -> str:
        """The ticket for the second step."""
        ticket = secrets.token_urlsafe(32)
        self._waiting[ticket] = HalfLogin(username, password, self._clock() + HALF_S)
        while len(self._waiting) > MOST_HALF:
            self._waiting.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> HalfLogin | None:
        """What this ticket is for, once; None when it took too long."""
        found = self._waiting.pop(ticket, None)
        return found if found and self._clock() < found.until_s else None


def login_pages(use: UseCases, clock: Callable[[], float]) -> list[Page]:
    """The pages of logging in and out, and the address `/`."""
    of = _Login(use, HalfLogins(clock))
    says = {
        "out": N_("You have logged out."),
        "password": N_("Your password is changed. Log in with it."),
    }
    return [
        Page("GET", "/", "home", of.home, needs=(), is_open=True),
        Page("GET", LOGIN, "showLogin", of.show, needs=(), is_open=True, says=says),
        Page("POST", LOGIN, "login", of.log_in, needs=(), is_open=True),
        Page("POST", LOGOUT, "logout", of.log_out, needs=()),
    ]


class _Login:
    def __init__(self, use: UseCases, half: HalfLogins) -> None:
        self._logins, self._half = use.logins, half

    async def home(self, request: web.Request) -> web.Response:
        principal = known_principal(request)
        return see_other(request.app[SITE].home(principal) if principal else LOGIN)

    async def show(self, request: web.Request) -> web.Response:
        came_for = own_path(request.query.get("next", ""))
        if principal := known_principal(request):
            return see_other(came_for or request.app[SITE].home(principal))
        form = blank(request)
        try:
            check_way(request)
        except Refused as refused:
            form.refuse(refused)
        return _shown(request, form, came_for)

    async def log_in(self, request: web.Request) -> web.Response:
        check_login(request)
        form = await typed(request)
        came_for, code = own_path(form.value("next")), form.value("code").strip().replace(" ", "")
        half = self._half.take(form.value("ticket"))
        username = half.username if half else form.value("username")
        password = half.password if half else form.value("password")
        if max(len(username), len(password), len(code)) > MOST_TYPED:
            form.add("", N_("The user name or the password is wrong."))
            return _shown(request, form, came_for)
        if form.value("ticket") and not half:
            form.add("", N_("That took too long: log in again."))
            return _shown(request, form, came_for)
        try:
            done = await self._logins.log_in(username, password, client_of(request), code)
        except LoginWait as wait:
            form.add_wait(wait.wait_s)
            return _shown(request, form, came_for, status=HTTPStatus.TOO_MANY_REQUESTS)
        except Refused as refused:
            if refused.code != "login-code":
                form.add("", N_("The user name or the password is wrong."))
                return _shown(request, form, came_for)
            if code:
                form.add("code", N_("This code is wrong, or was used before."))
            return _shown(request, form, came_for, ticket=self._half.keep(username, password))
        answer = see_other(came_for or request.app[SITE].home(done.principal))
        give(answer, request[WAY], done.secret, done.device)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        if session := session_of(request):
            await self._logins.log_out(session, request[WAY].address)
        answer = see_other(LOGIN, "out")
        take_away(answer, request[WAY])
        return answer


def _shown(
    request: web.Request, form: Form, came_for: str, *, ticket: str = "", status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    """The form of the first or of the second step. The answer to a wrong password is 200 with the form, as of all forms."""
    lost = request.method == "GET" and LOST in request.query
    return page(request, "login/login.html", status, form=form, came_for=came_for, ticket=ticket, is_lost=lost)
