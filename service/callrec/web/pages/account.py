"""One's own account: name, role, the language of the pages, password, second factor, sessions."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from aiohttp import web

from callrec.app.access.logins import LoginWait
from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.records import Records, as_it_is
from callrec.domain.access.passwords import LEAST
from callrec.domain.access.second_factor import SecondFactor, address_of
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import User
from callrec.domain.errors import Refused
from callrec.web.api.access_changes import log_record_change
from callrec.web.api.accounts import client_of, remove_own_factor, set_password
from callrec.web.auth import WAY, actor_of, principal_of, session_of
from callrec.web.cookies import take_away
from callrec.web.pages.entrance import LOGIN
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import LANGUAGES, N_
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.use_cases import UseCases

ACCOUNT = "/account"
MOST_TYPED = 1024
SAYS = {
    "ended": N_("The session has ended."),
    "language": N_("The pages speak this language to you, in every browser."),
    "browser": N_("The pages speak the language of the browser."),
    "factor": N_("From now on a code is asked for at each login. Your other sessions have ended."),
    "factor-off": N_("The password alone is enough to log in."),
}
NOT_PRESENT = N_("This is not your present password.")
WRONG_CODE = N_("This code is wrong, or was used before.")


def account_pages(use: UseCases) -> list[Page]:
    """The page, and its forms."""
    of = _Account(use)
    return [
        Page("GET", ACCOUNT, "account", of.show, needs=(), says=SAYS),
        Page("POST", f"{ACCOUNT}/sessions", "endOwnSession", of.end, needs=()),
        Page("POST", f"{ACCOUNT}/language", "setOwnLanguage", of.language, needs=()),
        Page("POST", f"{ACCOUNT}/password", "setOwnPassword", of.password, needs=()),
        Page("POST", f"{ACCOUNT}/factor", "makeOwnFactor", of.make_factor, needs=()),
        Page("POST", f"{ACCOUNT}/factor/confirm", "confirmOwnFactor", of.confirm_factor, needs=()),
        Page("POST", f"{ACCOUNT}/factor/remove", "removeOwnFactor", of.remove_factor, needs=()),
    ]


class _Account:
    def __init__(self, use: UseCases) -> None:
        self._logins, self._records = use.logins, Records(use.store, use.tables)

    async def show(self, request: web.Request) -> web.Response:
        return await self._page(request, {})

    async def end(self, request: web.Request) -> web.Response:
        """End one session of one's own."""
        form, user = await typed(request), principal_of(request).user
        wanted = form.value("session")
        found = await self._logins.sessions(user) if user else []
        if user is None or wanted not in {one.id for one in found}:
            raise Refused("no-such-session", "this session has ended")
        await self._logins.end(user, wanted, actor_of(request), request[WAY].address)
        return see_other(ACCOUNT, "ended")

    async def language(self, request: web.Request) -> web.Response:
        """In which language the pages are shown to one; empty: as the browser asks for."""
        form, user = await typed(request), self._user(request)
        chosen = form.value("page_language")
        if chosen not in {"", *LANGUAGES}:
            form.add("page_language", N_("Choose one of the values."))
            return await self._page(request, {"language": form})

        def become(record: TableRecord) -> TableRecord:
            return replace(cast("User", record), page_language=chosen)

        await log_record_change(request, Table.USERS, "change", user.id, {"page_language": chosen})
        wanted = ChangeRequest(f"page-{secrets.token_hex(16)}", principal_of(request).actor, "own language")
        await self._records.change(Table.USERS, user.id, become, as_it_is, wanted)
        return see_other(ACCOUNT, "language" if chosen else "browser")

    async def password(self, request: web.Request) -> web.Response:
        """Another password. All sessions end: one logs in with it."""
        form, user = await typed(request), self._user(request)
        if await self._is_proven(request, form, user):
            try:
                await set_password(request, self._logins, self._records, user, form.value("password"), by=None)
            except Refused as refused:
                form.refuse(refused)
        if form.is_wrong:
            return await self._page(request, {"password": form})
        answer = see_other(LOGIN, "password")
        take_away(answer, request[WAY])
        return answer

    async def make_factor(self, request: web.Request) -> web.Response:
        """A new secret, shown this once; it counts when a code of it was shown."""
        form, user = await typed(request), self._user(request)
        if await self._is_proven(request, form, user):
            try:
                made = await self._logins.new_factor(user.id, actor_of(request), request[WAY].address)
            except Refused as refused:
                form.refuse(refused)
            else:
                return _confirming(request, blank(request), user, made)
        return await self._page(request, {"factor": form})

    async def confirm_factor(self, request: web.Request) -> web.Response:
        """Show the first code of a new second factor."""
        form, user = await typed(request), self._user(request)
        actor, address = actor_of(request), request[WAY].address
        code = form.value("code")[:MOST_TYPED]
        try:
            await self._logins.confirm_factor(user.id, code, actor, address, session_of(request))
        except Refused as refused:
            if refused.code != "login-code":
                form.refuse(refused)
                return await self._page(request, {"factor": form})
            form.add(
                "code", N_("This code is wrong. Wait for the next one; if it is wrong too, set the phone's clock.")
            )
            return _confirming(request, form, user)
        return see_other(ACCOUNT, "factor")

    async def remove_factor(self, request: web.Request) -> web.Response:
        """Turn the second factor off, with the password and a code of it."""
        form, user = await typed(request), self._user(request)
        present, code = form.value("present")[:MOST_TYPED], form.value("code")[:MOST_TYPED]
        try:
            await remove_own_factor(request, self._logins, self._records, user, present=present, code=code)
        except LoginWait as wait:
            form.add_wait(wait.wait_s)
        except Refused as refused:
            at = {"login-refused": ("present", NOT_PRESENT), "login-code": ("code", WRONG_CODE)}.get(refused.code)
            if at:
                form.add(*at)
            else:
                form.refuse(refused)
        else:
            return see_other(ACCOUNT, "factor-off")
        return await self._page(request, {"factor": form})

    async def _is_proven(self, request: web.Request, form: Form, user: User) -> bool:
        """Whether the form has the present password. Counts as an attempt to log in."""
        present = form.value("present")[:MOST_TYPED]
        try:
            await self._logins.check_password(user, present, client_of(request))
        except LoginWait as wait:
            form.add_wait(wait.wait_s)
        except Refused:
            form.add("present", NOT_PRESENT)
        return not form.is_wrong

    def _user(self, request: web.Request) -> User:
        """Who asks, as a user. Raises Refused for a token."""
        user = principal_of(request).user
        found = self._records.directory.user(user) if user else None
        if found is None:
            raise Refused("no-such-record", "a token has no account", hint="log in with your account")
        return found

    async def _page(self, request: web.Request, forms: Mapping[str, Form]) -> web.Response:
        """`forms`: by name, those with something wrong."""
        principal, current = principal_of(request), session_of(request)
        tables = self._records.directory
        user = tables.user(principal.user) if principal.user else None
        return page(
            request,
            "account/account.html",
            user=user,
            role=tables.role_of(user) if user else None,
            sessions=await self._logins.sessions(user.id) if user else [],
            has_factor=await self._logins.has_factor(user.id) if user else False,
            current=current.digest if current else "",
            least=LEAST,
            form=lambda name: forms.get(name) or blank(request),
        )


def _confirming(request: web.Request, form: Form, user: User, made: SecondFactor | None = None) -> web.Response:
    """The page that asks for the first code. `made`: the new secret; None when it was shown before."""
    secret = made.secret if made else ""
    address = address_of(secret, user.username, request.host) if made else ""
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return page(request, "account/factor.html", form=form, secret=grouped, address=address)
