"""Accounts: who can log in, with their sessions, locks, passwords and second factors."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from callrec.app.directory.records import Records
from callrec.domain.access.decisions import may_somewhere
from callrec.domain.access.grants import check_account, may_change_account
from callrec.domain.access.passwords import LEAST
from callrec.domain.directory.model import Permission, Role, User
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId
from callrec.web.api.accounts import set_password
from callrec.web.auth import WAY, actor_of, principal_of, session_of
from callrec.web.pages.forms import Form, blank, typed
from callrec.web.pages.languages import N_
from callrec.web.pages.records.one_time_secrets import TICKET, OnceShown, Secret
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page, see_other
from callrec.web.use_cases import UseCases

ACCOUNTS = "/settings/accounts"
AT_ONCE = 100
MADE_BYTES = 12
SAYS = {
    "ended": N_("The sessions have ended."),
    "unlocked": N_("The account is unlocked."),
    "password": N_("The password is changed, and all sessions have ended."),
    "factor": N_("The second factor is removed."),
}
_READ = (Permission.USERS_READ, Permission.ACCOUNTS_READ)
_CHANGE = (*_READ, Permission.ACCOUNTS_CHANGE)


@dataclass(frozen=True, slots=True)
class Row:
    """An account as the list has it."""

    user: User
    role: Role | None
    sessions: int
    locked_s: float


class AccountPages:
    """The handlers."""

    def __init__(self, use: UseCases, records: Records, once: OnceShown) -> None:
        self._logins = use.logins
        self._records, self._once = records, once

    def pages(self) -> list[Page]:
        """The table of pages."""
        one = f"{ACCOUNTS}/{{user:[0-9]+}}"
        return [
            Page("GET", ACCOUNTS, "accounts", self.listed, needs=_READ),
            Page("GET", one, "showAccount", self.show, needs=_READ, says=SAYS),
            Page("POST", f"{one}/sessions", "endSessionsOfAccount", self.end, needs=_CHANGE),
            Page("POST", f"{one}/unlock", "unlockAccount", self.unlock, needs=_CHANGE),
            Page("POST", f"{one}/password", "resetPassword", self.password, needs=_CHANGE),
            Page("POST", f"{one}/factor", "removeSecondFactor", self.factor, needs=_CHANGE),
        ]

    async def listed(self, request: web.Request) -> web.Response:
        """A page of the accounts, by user name."""
        tables, after = self._records.directory, request.query.get("after", "")[:200]
        every = await asyncio.to_thread(_accounts, list(tables.users()))
        users = [user for user in every if user.username > after]
        counts = await self._logins.counts()
        rows = [
            Row(user, tables.role_of(user), counts.get(user.id, 0), await self._logins.locked_s(user.username))
            for user in users[:AT_ONCE]
        ]
        following = urlencode({"after": rows[-1].user.username}) if len(users) > len(rows) else ""
        return page(request, "settings/accounts.html", rows=rows, total=len(every), following=following)

    async def show(self, request: web.Request) -> web.Response:
        """One account."""
        return await self._shown(request, blank(request))

    async def end(self, request: web.Request) -> web.Response:
        """End one session, or all."""
        form, user = await typed(request), self._weaker(request)
        await self._logins.end(user.id, form.value("session")[:100], actor_of(request), request[WAY].address)
        return see_other(_path(user), "ended")

    async def unlock(self, request: web.Request) -> web.Response:
        """End the wait after too many attempts."""
        await typed(request)
        user = self._user(request)
        await self._logins.unlock(user, actor_of(request), request[WAY].address)
        return see_other(_path(user), "unlocked")

    async def password(self, request: web.Request) -> web.Response:
        """Give the account another password: the typed one, or a generated one that is shown once."""
        form, user = await typed(request), self._weaker(request)
        given = form.value("password")
        password = given or secrets.token_urlsafe(MADE_BYTES)
        try:
            await set_password(request, self._logins, self._records, user, password, by=principal_of(request))
        except Refused as refused:
            form.refuse_at("password", refused)
            return await self._shown(request, form)
        address = _path(user)
        if not given:
            ticket = self._once.keep(principal_of(request).actor, [Secret(N_("Password"), user.username, password)])
            address += f"?{TICKET}={ticket}"
        return see_other(address, "password")

    async def factor(self, request: web.Request) -> web.Response:
        """Remove the second factor."""
        await typed(request)
        user = self._weaker(request)
        await self._logins.remove_factor(user.id, actor_of(request), request[WAY].address)
        return see_other(_path(user), "factor")

    async def _shown(self, request: web.Request, form: Form) -> web.Response:
        user, current = self._user(request), session_of(request)
        return page(
            request, "settings/account.html", user=user, role=self._records.directory.role_of(user), form=form,
            sessions=await self._logins.sessions(user.id), current=current.digest if current else "",
            locked_s=await self._logins.locked_s(user.username), least=LEAST,
            has_factor=await self._logins.has_factor(user.id),
            may_change=self._may_change(request, user), is_stronger=not self._reaches(request, user),
            secrets=self._once.take(request.query.get(TICKET, ""), principal_of(request).actor),
        )  # fmt: skip

    def _may_change(self, request: web.Request, user: User) -> bool:
        return may_somewhere(principal_of(request), Permission.ACCOUNTS_CHANGE) and self._reaches(request, user)

    def _reaches(self, request: web.Request, user: User) -> bool:
        """Whether this account may do no more than who asks."""
        return may_change_account(principal_of(request), user, self._records.directory)

    def _weaker(self, request: web.Request) -> User:
        """The same; one that may do more than who asks is refused (403)."""
        user = self._user(request)
        check_account(principal_of(request), user, self._records.directory)
        return user

    def _user(self, request: web.Request) -> User:
        found = self._records.directory.user(UserId(request.match_info["user"]))
        if found is None or not found.username:
            raise Refused("no-such-record", "this account does not exist")
        return found


def _path(user: User) -> str:
    return f"{ACCOUNTS}/{user.id}"


def _accounts(users: Sequence[User]) -> list[User]:
    found = (user for user in users if user.enableclient and user.username)
    return sorted(found, key=lambda user: user.username)
