"""One's own account: name, role, sessions."""

from aiohttp import web

from callrec.domain.errors import Refused
from callrec.web.auth import WAY, actor_of, principal_of, session_of
from callrec.web.pages.forms import typed
from callrec.web.pages.languages import N_
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.use_cases import UseCases

ACCOUNT = "/account"


def account_pages(use: UseCases) -> list[Page]:
    """The page, and its forms."""
    of = _Account(use)
    says = {"ended": N_("The session has ended.")}
    return [
        Page("GET", ACCOUNT, "account", of.show, needs=(), says=says),
        Page("POST", f"{ACCOUNT}/sessions", "endOwnSession", of.end, needs=()),
    ]


class _Account:
    def __init__(self, use: UseCases) -> None:
        self._use = use

    async def show(self, request: web.Request) -> web.Response:
        principal, current = principal_of(request), session_of(request)
        tables = self._use.tables.directory
        user = tables.user(principal.user) if principal.user else None
        role = tables.role_of(user) if user else None
        sessions = await self._use.logins.sessions(principal.user) if principal.user else []
        return page(
            request, "account/account.html", user=user, role=role, sessions=sessions,
            current=current.digest if current else "",
        )  # fmt: skip

    async def end(self, request: web.Request) -> web.Response:
        """End one session of one's own."""
        form, user = await typed(request), principal_of(request).user
        wanted = form.value("session")
        found = await self._use.logins.sessions(user) if user else []
        if user is None or wanted not in {one.id for one in found}:
            raise Refused("no-such-session", "this session has ended")
        await self._use.logins.end(user, wanted, actor_of(request), request[WAY].address)
        return see_other(ACCOUNT, "ended")
