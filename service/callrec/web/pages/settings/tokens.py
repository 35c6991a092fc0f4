"""Tokens of programs: list, make (shown once), remove."""

import time

from aiohttp import web

from callrec.app.access.program_tokens import MOST_DAYS
from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.tokens import PERSONAL
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.web.api.tokens import TokenNew
from callrec.web.auth import actor_of, principal_of
from callrec.web.pages.forms import Form, blank, typed, validated
from callrec.web.pages.languages import N_
from callrec.web.pages.records.editing import tell_refusal
from callrec.web.pages.records.one_time_secrets import TICKET, OnceShown, Secret
from callrec.web.pages.routes import Page
from callrec.web.pages.settings.kinds import PERMISSIONS
from callrec.web.pages.site import page, see_other
from callrec.web.use_cases import UseCases

TOKENS = "/settings/tokens"
SAYS = {"made": N_("The token is made."), "removed": N_("The token is removed, and ends at once.")}
_READ, _CHANGE = (Permission.ACCOUNTS_READ,), (Permission.ACCOUNTS_READ, Permission.ACCOUNTS_CHANGE)


class TokenPages:
    """The handlers."""

    def __init__(self, use: UseCases, once: OnceShown) -> None:
        self._tokens, self._once = use.tokens, once

    def pages(self) -> list[Page]:
        """The table of pages."""
        return [
            Page("GET", TOKENS, "tokens", self.listed, needs=_READ, says=SAYS),
            Page("GET", f"{TOKENS}/new", "newToken", self.new, needs=_CHANGE),
            Page("POST", f"{TOKENS}/new", "makeToken", self.make, needs=_CHANGE),
            Page("GET", f"{TOKENS}/{{id}}/remove", "askToRemoveToken", self.ask, needs=_CHANGE),
            Page("POST", f"{TOKENS}/{{id}}/remove", "removeToken", self.remove, needs=_CHANGE),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """All tokens."""
        principal = principal_of(request)
        return page(
            request, "settings/tokens.html", tokens=await self._tokens.every(), now_s=time.time(),
            may_change=may_somewhere(principal, Permission.ACCOUNTS_CHANGE),
            secrets=self._once.take(request.query.get(TICKET, ""), principal.actor),
        )  # fmt: skip

    async def new(self, request: web.Request) -> web.Response:
        """The empty form."""
        return _form(request, blank(request))

    async def make(self, request: web.Request) -> web.Response:
        """Make a token."""
        form = await typed(request)
        given: dict[str, object] = {
            "name": form.value("name").strip(),
            "permissions": form.values.get("permissions", []),
            "days": form.value("days").strip() or None,
        }
        body = validated(form, TokenNew, given)
        if body is None:
            return _form(request, form)
        principal = principal_of(request)
        try:
            made, text = await self._tokens.make(
                body.name, body.permissions, body.days, actor_of(request), principal.actor
            )
        except Refused as refused:
            await tell_refusal(request, form, refused)
            return _form(request, form)
        ticket = self._once.keep(principal.actor, [Secret(N_("Token"), made.name, text)])
        return see_other(f"{TOKENS}?{TICKET}={ticket}", "made")

    async def ask(self, request: web.Request) -> web.Response:
        """Whether it is to go."""
        wanted = request.match_info["id"]
        found = next((token for token, _ in await self._tokens.every() if token.id == wanted), None)
        if found is None:
            raise Refused("no-such-token", "this token does not exist")
        return page(request, "settings/remove_token.html", token=found)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove it."""
        await typed(request)
        await self._tokens.remove(request.match_info["id"], actor_of(request))
        return see_other(TOKENS, "removed")


def _form(request: web.Request, form: Form) -> web.Response:
    choices = [(one.value, PERMISSIONS.get(one, one.value)) for one in Permission if one not in PERSONAL]
    return page(
        request, "settings/new_token.html", form=form, choices=choices, most_days=MOST_DAYS,
        many=form.values.get("permissions", []),
    )  # fmt: skip
