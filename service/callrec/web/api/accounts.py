"""Accounts over HTTP: log in and out, one's own password and sessions; all accounts for administrators."""

import asyncio
import secrets
from dataclasses import replace
from http import HTTPStatus
from typing import cast

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.access.logins import Client, Logins
from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.records import Records, as_it_is
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.access.grants import check_account
from callrec.domain.access.login_sessions import LoginSession
from callrec.domain.access.passwords import LEAST
from callrec.domain.access.passwords import MOST as LONGEST
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.access.second_factor import address_of
from callrec.domain.directory.edit import Table, TableRecord
from callrec.domain.directory.model import Permission, User
from callrec.domain.errors import Refused
from callrec.web.api.records import IN_BODY, Query, shown
from callrec.web.api.schemas import Body
from callrec.web.auth import AUDIT, WAY, actor_of, cross_site, principal_of, session_of
from callrec.web.clients import from_own_page
from callrec.web.cookies import give, names_of, secret_in, take_away
from callrec.web.requests import body_of, query_of
from callrec.web.routes import Answer, Operation

LOGIN = "/login"
MOST = 1000
_TAG = "accounts"
_GONE, _OK = HTTPStatus.NO_CONTENT, HTTPStatus.OK
_BODY = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
_ID = "The user's id."
_USER_ID = "[0-9]+"


class Login(Body):
    """Who logs in. Not limited to what is valid: what is not, is wrong."""

    username: str = Field(max_length=200)
    password: str = Field(max_length=1024)
    code: str = Field("", max_length=20, description="The six digits of the second factor, if the account has one.")


class PresentPassword(Body):
    """Proof that it is the account's owner who asks, and not somebody at a screen that was left open."""

    present: str = Field(max_length=1024, description="The password.")


class Code(Body):
    """The digits that the authenticator app shows."""

    code: str = Field(max_length=20)


class FactorUnwanted(PresentPassword):
    """What proves that the owner turns it off."""

    code: str = Field(max_length=20)


class FactorMade(BaseModel):
    """A new second factor, which no later answer has."""

    secret: str = Field(description="For typing: base 32.")
    address: str = Field(description="For the app: `otpauth://...`, most often as a picture.")


class OwnPassword(Body):
    """One's own new password."""

    present: str = Field(max_length=1024, description="The password until now.")
    password: str = Field(max_length=1024, description=f"The new one: {LEAST} to {LONGEST} characters.")


class NewPassword(Body):
    """Somebody's new password."""

    password: str = Field(max_length=1024, description=f"{LEAST} to {LONGEST} characters.")


class SessionShown(BaseModel):
    """A session."""

    id: str
    opened_s: float = Field(description="When it began, in Unix time.")
    seen_s: float = Field(description="When it was last used, to within a minute.")
    ends_s: float = Field(description="When it ends if it is not used any more.")
    address: str = Field(description="The client's address at the login.")
    program: str = Field(description="The client's User-Agent at the login.")
    current: bool = Field(description="Whether this request was made with it.")


class Sessions(BaseModel):
    """Sessions, oldest first."""

    items: list[SessionShown]


class Ended(BaseModel):
    """How many sessions have ended."""

    ended: int


class Me(BaseModel):
    """Who asks, and what they may do."""

    kind: PrincipalKind
    id: str = Field(description="The user's id of an account, the id of a token; empty for the daemon's own token.")
    name: str
    role: str | None
    permissions: list[Permission]


class AccountShown(BaseModel):
    """A user's account."""

    id: str = Field(description=_ID)
    username: str
    name: str
    profile: str
    role: str | None
    has_password: bool
    sessions: int = Field(description="How many there are now.")
    locked_s: float = Field(
        description="For how long browsers that are new to the account have to wait; 0: it is not locked."
    )


class AccountPage(BaseModel):
    """Accounts by user name."""

    items: list[AccountShown]
    next: str | None = Field(description="The `after` of the next page; null when there is none.")


class AccountsQuery(Query):
    """A page of the list."""

    limit: int = Field(100, ge=1, le=MOST, description="The most accounts in the page.")
    after: str | None = Field(None, max_length=200, description="The `next` of the page before.")


def account_operations(logins: Logins, records: Records) -> list[Operation]:
    """The operations of accounts."""
    return [*_own_operations(_Own(logins, records)), *_operations_of_all(_Every(logins, records))]


def _own_operations(own: "_Own") -> list[Operation]:
    """What everybody may do with their own account."""
    wait, refused, missing = HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND
    return [
        Operation(
            "POST", LOGIN, "login", _TAG, "Log in. The session is in a cookie of the answer.", own.log_in,
            {_OK: Answer("You are logged in.", Me, ("Set-Cookie",))}, (*_BODY, refused, wait), body=Login, needs=(),
        ),
        Operation(
            "POST", "/logout", "logout", _TAG, "End this session.", own.log_out, {_GONE: Answer("It has ended.")}, needs=(),
        ),
        Operation(
            "GET", "/account", "readAccount", _TAG, "Who you are, what you may do.", own.me, {_OK: Answer("You.", Me)}, needs=(),
        ),
        Operation(
            "GET", "/account/sessions", "listOwnSessions", _TAG, "Your sessions.", own.sessions,
            {_OK: Answer("They, oldest first.", Sessions)}, needs=(),
        ),
        Operation(
            "DELETE", "/account/sessions", "endOwnSessions", _TAG, "Log out everywhere: end all your sessions.", own.end_all,
            {_OK: Answer("They have ended.", Ended)}, needs=(),
        ),
        Operation(
            "DELETE", "/account/sessions/{id}", "endOwnSession", _TAG, "End one of your sessions.", own.end_one,
            {_OK: Answer("It has ended.", Ended)}, (missing,), id_says="Its id in the list.", needs=(),
        ),
        Operation(
            "POST", "/account/password", "changeOwnPassword", _TAG, "Change your password. All your sessions end.", own.password,
            {_GONE: Answer("It is changed.")}, (*IN_BODY, wait, missing), body=OwnPassword, needs=(),
        ),
        *_second_factor_operations(own),
    ]  # fmt: skip


def _second_factor_operations(own: "_Own") -> list[Operation]:
    """One's own second factor."""
    wait, missing = HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_FOUND
    return [
        Operation(
            "POST", "/account/second-factor", "makeSecondFactor", _TAG,
            "Make a second factor. It counts when you have shown a code of it.", own.new_factor,
            {_OK: Answer("Its secret, this once.", FactorMade)}, (*IN_BODY, wait, missing), body=PresentPassword, needs=(),
        ),
        Operation(
            "POST", "/account/second-factor/confirm", "confirmSecondFactor", _TAG,
            "Show a code: from now on one is wanted at each login.", own.confirm_factor,
            {_GONE: Answer("It counts.")}, (*IN_BODY, missing), body=Code, needs=(),
        ),
        Operation(
            "POST", "/account/second-factor/remove", "removeOwnSecondFactor", _TAG,
            "Turn your second factor off. A role may want one: then an administrator alone can remove it.",
            own.remove_factor, {_GONE: Answer("The password alone is enough.")}, (*IN_BODY, wait, missing, HTTPStatus.CONFLICT),
            body=FactorUnwanted, needs=(),
        ),
    ]  # fmt: skip


def _operations_of_all(every: "_Every") -> list[Operation]:
    """What administrators may do with the accounts of others."""
    reads, changes, missing = (Permission.ACCOUNTS_READ,), (Permission.ACCOUNTS_CHANGE,), HTTPStatus.NOT_FOUND
    return [
        Operation(
            "DELETE", "/accounts/{id}/second-factor", "removeSecondFactor", _TAG, "Remove an account's second factor.",
            every.remove_factor, {_GONE: Answer("It is removed.")}, (missing, HTTPStatus.CONFLICT), id_says=_ID,
            id_pattern=_USER_ID, needs=changes,
        ),
        Operation(
            "GET", "/accounts", "listAccounts", _TAG, "List the accounts of users.", every.listed,
            {_OK: Answer("A page.", AccountPage)}, (HTTPStatus.UNPROCESSABLE_ENTITY,), query=AccountsQuery, needs=reads,
        ),
        Operation(
            "GET", "/accounts/{id}/sessions", "listSessions", _TAG, "The sessions of an account.", every.sessions,
            {_OK: Answer("They, oldest first.", Sessions)}, (missing,), id_says=_ID, id_pattern=_USER_ID, needs=reads,
        ),
        Operation(
            "DELETE", "/accounts/{id}/sessions", "endSessions", _TAG, "End all sessions of an account.", every.end,
            {_OK: Answer("They have ended.", Ended)}, (missing,), id_says=_ID, id_pattern=_USER_ID, needs=changes,
        ),
        Operation(
            "POST", "/accounts/{id}/password", "resetPassword", _TAG, "Give an account a new password. All its sessions end.",
            every.password, {_GONE: Answer("It is changed.")}, (*IN_BODY, missing), body=NewPassword, id_says=_ID,
            id_pattern=_USER_ID, needs=changes,
        ),
        Operation(
            "POST", "/accounts/{id}/unlock", "unlockAccount", _TAG, "End the wait after too many attempts to log in.",
            every.unlock, {_GONE: Answer("It has ended.")}, (missing,), id_says=_ID, id_pattern=_USER_ID, needs=changes,
        ),
    ]  # fmt: skip


def check_login(request: web.Request) -> None:
    """Check that this request may be a login. Raises BadRequest (403) for one of another site's page, Refused (`login-way`)."""
    if from_own_page(request, request[WAY]) is False:
        raise cross_site()
    check_way(request)


def check_way(request: web.Request) -> None:
    """Check that a session can be used on the way of this request. Raises Refused (`login-way`)."""
    way = request[WAY]
    if names_of(way) is None:
        hint = f"{way.why_not}; docs/guides/https.md shows how"
        raise Refused(
            "login-way", "logging in is not possible here: the way to the browser is not encrypted", hint=hint
        )


def client_of(request: web.Request) -> Client:
    """From where somebody logs in."""
    way = request[WAY]
    names = names_of(way)
    device = secret_in(request, names.device) if names else ""
    return Client(way.address, request.headers.get("User-Agent", ""), device, "Sec-Fetch-Site" in request.headers)


class _Own:
    """What everybody does with their own account."""

    def __init__(self, logins: Logins, records: Records) -> None:
        self._logins, self._records = logins, records

    async def log_in(self, request: web.Request) -> web.Response:
        check_login(request)
        body = await body_of(request, Login)
        done = await self._logins.log_in(body.username, body.password, client_of(request), body.code)
        answer = shown(_me(done.principal, self._records))
        give(answer, request[WAY], done.secret, done.device)
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        if session := session_of(request):
            await self._logins.log_out(session, request[WAY].address)
        answer = web.Response(status=_GONE)
        take_away(answer, request[WAY])
        return answer

    async def me(self, request: web.Request) -> web.Response:
        return shown(_me(principal_of(request), self._records))

    async def sessions(self, request: web.Request) -> web.Response:
        user = principal_of(request).user
        return shown(_sessions(await self._logins.sessions(user) if user else [], session_of(request)))

    async def end_all(self, request: web.Request) -> web.Response:
        user = principal_of(request).user
        ended = await self._logins.end(user, "", actor_of(request), request[WAY].address) if user else 0
        answer = shown({"ended": ended})
        take_away(answer, request[WAY])
        return answer

    async def end_one(self, request: web.Request) -> web.Response:
        user, wanted = principal_of(request).user, request.match_info["id"]
        found = await self._logins.sessions(user) if user else []
        if user is None or wanted not in {one.id for one in found}:
            raise Refused(
                "no-such-session", "you have no session with this id", hint="GET /api/v1/account/sessions has all"
            )
        return shown({"ended": await self._logins.end(user, wanted, actor_of(request), request[WAY].address)})

    async def password(self, request: web.Request) -> web.Response:
        body, found = await body_of(request, OwnPassword), self._user(request)
        await self._logins.check_password(found, body.present, client_of(request))
        await set_password(request, self._logins, self._records, found, body.password, by=None)
        answer = web.Response(status=_GONE)
        take_away(answer, request[WAY])
        return answer

    async def new_factor(self, request: web.Request) -> web.Response:
        body, user = await body_of(request, PresentPassword), self._user(request)
        await self._logins.check_password(user, body.present, client_of(request))
        made = await self._logins.new_factor(user.id, actor_of(request), request[WAY].address)
        return shown({"secret": made.secret, "address": address_of(made.secret, user.username, request.host)})

    async def confirm_factor(self, request: web.Request) -> web.Response:
        body, user = await body_of(request, Code), self._user(request)
        actor, address = actor_of(request), request[WAY].address
        await self._logins.confirm_factor(user.id, body.code, actor, address, session_of(request))
        return web.Response(status=_GONE)

    async def remove_factor(self, request: web.Request) -> web.Response:
        body, user = await body_of(request, FactorUnwanted), self._user(request)
        await remove_own_factor(request, self._logins, self._records, user, present=body.present, code=body.code)
        return web.Response(status=_GONE)

    def _user(self, request: web.Request) -> User:
        """Who asks, as a user. Raises Refused for a token."""
        user = principal_of(request).user
        if user is None:
            raise Refused("no-such-record", "a token has no account", hint="log in with your account")
        return cast("User", self._records.read(Table.USERS, user))


class _Every:
    """What an administrator does with accounts."""

    def __init__(self, logins: Logins, records: Records) -> None:
        self._logins, self._records = logins, records

    async def listed(self, request: web.Request) -> web.Response:
        query, tables = query_of(request, AccountsQuery), self._records.directory
        every = await asyncio.to_thread(lambda: sorted(_accounts(list(tables.users())), key=lambda user: user.username))
        users = [user for user in every if query.after is None or user.username > query.after]
        page, count = users[: query.limit], await self._counts()
        items = [
            {
                "id": user.id,
                "username": user.username,
                "name": user.name,
                "profile": user.profileclient,
                "role": role.name if (role := tables.role_of(user)) else None,
                "has_password": bool(user.password_hash),
                "sessions": count.get(user.id, 0),
                "locked_s": round(await self._logins.locked_s(user.username)),
            }
            for user in page
        ]
        return shown({"items": items, "next": page[-1].username if len(users) > len(page) else None})

    async def sessions(self, request: web.Request) -> web.Response:
        return shown(_sessions(await self._logins.sessions(self._user(request).id), session_of(request)))

    async def end(self, request: web.Request) -> web.Response:
        user = self._weaker(request)
        return shown({"ended": await self._logins.end(user.id, "", actor_of(request), request[WAY].address)})

    async def password(self, request: web.Request) -> web.Response:
        user, body = self._weaker(request), await body_of(request, NewPassword)
        await set_password(request, self._logins, self._records, user, body.password, by=principal_of(request))
        return web.Response(status=_GONE)

    async def remove_factor(self, request: web.Request) -> web.Response:
        await self._logins.remove_factor(self._weaker(request).id, actor_of(request), request[WAY].address)
        return web.Response(status=_GONE)

    async def unlock(self, request: web.Request) -> web.Response:
        await self._logins.unlock(self._user(request), actor_of(request), request[WAY].address)
        return web.Response(status=_GONE)

    async def _counts(self) -> dict[str, int]:
        return await self._logins.counts()

    def _weaker(self, request: web.Request) -> User:
        """The same; one that may do more than who asks is refused (403)."""
        user = self._user(request)
        check_account(principal_of(request), user, self._records.directory)
        return user

    def _user(self, request: web.Request) -> User:
        """The user whose account it is about. Raises Refused (404)."""
        found = self._records.read(Table.USERS, request.match_info["id"])
        if not isinstance(found, User) or not found.username:
            raise Refused("no-such-record", "this record does not exist in accounts", hint="the user has no user name")
        return found


async def set_password(
    request: web.Request, logins: Logins, records: Records, user: User, password: str, *, by: Principal | None
) -> None:
    """Give this user another password, and end all their sessions. `by`: who may not do that to a stronger account."""
    password_hash = await logins.hashed(password)

    def become(table_record: TableRecord) -> TableRecord:
        return replace(cast("User", table_record), password_hash=password_hash)

    entry = AuditEntry(
        Action.ACCOUNT_CHANGED,
        actor_of(request),
        subject=f"account:{user.id}",
        address=request[WAY].address,
        details="password",
    )
    await request.app[AUDIT].append([entry])
    change_request = ChangeRequest(f"api-{secrets.token_hex(16)}", principal_of(request).actor, "password", by=by)
    await records.change(Table.USERS, user.id, become, as_it_is, change_request)
    await logins.end(user.id, "", actor_of(request), request[WAY].address)


async def remove_own_factor(
    request: web.Request, logins: Logins, records: Records, user: User, *, present: str, code: str
) -> None:
    """Remove the second factor of who asks, and has shown their password and a code. Raises Refused: `login-refused`,
    `login-code`, LoginWait; `second-factor` when the role wants one."""
    role = records.directory.role_of(user)
    if role and role.second_factor:
        raise Refused("second-factor", "the role of the account wants a second factor", hint="ask an administrator")
    await logins.check_password(user, present, client_of(request), code)
    await logins.remove_factor(user.id, actor_of(request), request[WAY].address)


def _accounts(users: list[User]) -> list[User]:
    return [user for user in users if user.enableclient and user.username]


def _me(principal: Principal, records: Records) -> dict[str, object]:
    user = records.directory.user(principal.user) if principal.user else None
    role = records.directory.role_of(user) if user else None
    return {
        "kind": principal.kind,
        "id": principal.id,
        "name": user.name if user else "",
        "role": role.name if role else None,
        "permissions": [one for one in Permission if one in principal.permissions],
    }


def _sessions(found: list[LoginSession], current: LoginSession | None) -> dict[str, object]:
    items = [
        {
            "id": one.id,
            "opened_s": one.opened_s,
            "seen_s": one.seen_s,
            "ends_s": one.ends_s,
            "address": one.address,
            "program": one.program,
            "current": current is not None and one.digest == current.digest,
        }
        for one in found
    ]
    return {"items": items}
