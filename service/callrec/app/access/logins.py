"""Log in, log out, and find the principal of a session.

An unknown name, a disabled account and a wrong password have the same answer in the same time: a password is compared in each
case, with a hash of no real password if need be. Comparing takes about 30 ms of a core: it runs in threads, AT_ONCE at a time,
and at most MOST_WAITING requests wait for it."""

import asyncio
import secrets
from collections import Counter as Counting
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from callrec.app.access.current_tables import current
from callrec.app.ports.access import AuditLog, LoginStore
from callrec.app.ports.directory import Passwords, TableCopy
from callrec.domain.access import principals
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.access.login_limits import Counter, account_counter, counters
from callrec.domain.access.login_sessions import MOST_SESSIONS, TOUCH_S, LoginSession, digest_of, password_mark
from callrec.domain.access.passwords import check_new
from callrec.domain.access.principals import Principal
from callrec.domain.access.second_factor import SECRET_BYTES, SecondFactor, accepted_step, secret_of
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId

AT_ONCE, MOST_WAITING = 2, 32
MOST_PROGRAM = 200


@dataclass(frozen=True, slots=True)
class Client:
    """From where somebody logs in."""

    address: str
    program: str = ""
    device: str = ""
    """The secret that the browser got at a former login; empty for none."""
    is_browser: bool = False
    """Whether it gets such a secret."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session. `secret` and `device` are for the browser alone; `device` is empty when it has one, or gets none."""

    principal: Principal
    user: User
    session: LoginSession
    secret: str
    device: str


class LoginWait(Refused):
    """Too many attempts: nothing was compared. `wait_s`: after so many seconds it may be tried again."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = max(1, int(wait_s + 0.999))
        super().__init__(
            "login-wait",
            "there were too many attempts to log in",
            hint=f"try again in {self.wait_s} s; a browser in which you have logged in before is not kept waiting by others",
        )


class Logins:
    """The use cases of people. `now`: the system clock."""

    def __init__(
        self, store: LoginStore, tables: TableCopy, passwords: Passwords, audit: AuditLog, now: Callable[[], float]
    ) -> None:
        self._store, self._tables, self._passwords, self._audit, self._now = store, tables, passwords, audit, now
        self._hashing_slots, self._waiting = asyncio.Semaphore(AT_ONCE), 0
        self._hash_for_unknown_names = ""

    async def log_in(self, username: str, password: str, client: Client, code: str = "") -> LoggedIn:
        """Open a session; `code` is that of the second factor, empty for none. Raises Refused: `login-refused` (name or
        password), `login-code`, LoginWait; Unavailable: then no session is opened."""
        user = self._directory.by_username(username)
        device = await self._known_device(client, user)
        tried = counters(username, client.address, device)
        if wait_s := await self._store.attempt(tried):
            raise LoginWait(wait_s)
        is_right = await self._password_matches(user.password_hash if user else "", password)
        principal = principals.account(user, self._directory) if user and is_right else None
        if user is None or principal is None:
            await self._log_failed_login(user, username, client)
            raise Refused("login-refused", "the user name or the password is wrong", hint="")
        factor = await self._wanted_factor(user)
        if factor and not await self._accept_code(user, factor, code):
            raise await self._refuse_without_code(user, username, client, code)
        limited = self._without_missing_factor(user, principal, factor)
        return await self._open_session(user, limited, client, tried, device, code_shown=factor is not None)

    async def _refuse_without_code(self, user: User, username: str, client: Client, code: str) -> Refused:
        """The refusal of a login with the right password and without a right code; the log has it. Who sends no code has not
        failed: a page asks for it in a second step. Raises Unavailable."""
        says = "the code of the second factor is wrong" if code else "a code is wanted"
        if code:
            await self._log_failed_login(user, username, client, f": the password is right, {says}")
        else:
            await self._log_stranger(Action.CODE_WANTED, user, client, "the password is right")
        hint = "send the six digits of the authenticator app as code; each is good for one login"
        return Refused("login-code", says, hint=hint)

    async def principal(self, secret: str) -> tuple[Principal, LoginSession] | None:
        """Who asks with this session's secret, with the permissions that their role has now; None when it is over, when the
        account was disabled or has another password, and when no code of its second factor was shown. Raises Unavailable."""
        session = await self._store.session(digest_of(secret))
        if session is None or session.is_over(now_s := self._now()):
            return None
        user = self._directory.user(session.user)
        principal = principals.account(user, self._directory) if user else None
        if user is None or principal is None or password_mark(user) != session.password_mark:
            return None
        factor = await self._wanted_factor(user)
        if factor and not session.code_shown:
            return None  # it was opened while the owner confirmed the factor
        principal = self._without_missing_factor(user, principal, factor)
        if now_s - session.seen_s >= TOUCH_S:
            session = replace(session, seen_s=now_s)
            await self._store.touch_session(session)
        return principal, session

    async def log_out(self, session: LoginSession, address: str) -> None:
        """End this session. Raises Unavailable."""
        await self._store.end_sessions(session.user, session.id)
        await self._log_account(Action.LOGGED_OUT, session.user, address)

    async def sessions(self, user: UserId) -> list[LoginSession]:
        """A user's sessions that are not over, oldest first. Raises Unavailable."""
        now_s = self._now()
        return [one for one in await self._store.sessions() if one.user == user and not one.is_over(now_s)]

    async def counts(self) -> dict[str, int]:
        """The number of sessions of each user who has some. Raises Unavailable."""
        now_s = self._now()
        return dict(Counting(one.user for one in await self._store.sessions() if not one.is_over(now_s)))

    async def end(self, user: UserId, session: str, actor: Actor, address: str) -> int:
        """End a user's session with this id, or all (empty); how many that were. Raises Unavailable."""
        await self._log_account_change(user, actor, address, "sessions ended")
        return await self._store.end_sessions(user, session)

    async def check_password(self, user: User, password: str, client: Client, code: str | None = None) -> None:
        """Check the present password of somebody who is logged in, and unless it is None a code of their second factor. Counts as
        an attempt to log in. Raises as `log_in`."""
        device = await self._known_device(client, user)
        tried = counters(user.username, client.address, device)
        if wait_s := await self._store.attempt(tried):
            raise LoginWait(wait_s)
        if not await self._password_matches(user.password_hash, password):
            await self._log_failed_login(user, user.username, client)
            raise Refused("login-refused", "the present password is wrong", hint="")
        if code is not None:
            factor = await self._wanted_factor(user)
            if factor is None or not await self._accept_code(user, factor, code):
                says = "the code of the second factor is wrong"
                await self._log_failed_login(user, user.username, client, f": the password is right, {says}")
                raise Refused("login-code", says, hint="each code is good once: wait for the next one")
        await self._store.succeeded(tried)

    async def hashed(self, password: str) -> str:
        """The hash of a new password. Raises Refused (`password`) for one that is too short, too long, or not plain text."""
        new = check_new(password)
        async with self._hashing_slot():
            return await asyncio.to_thread(self._passwords.hashed, new)

    async def locked_s(self, username: str) -> float:
        """The seconds for which browsers that are new to this account have to wait; 0.0 when it is not locked."""
        return await self._store.locked_s(account_counter(username))

    async def unlock(self, user: User, actor: Actor, address: str) -> None:
        """End the lock of this account. Raises Unavailable."""
        await self._log_account_change(user.id, actor, address, "unlocked")
        await self._store.unlock(account_counter(user.username))

    async def new_factor(self, user: UserId, actor: Actor, address: str) -> SecondFactor:
        """A new secret, which counts when a code of it was shown (`confirm_factor`). Raises Refused (`second-factor`) when there
        is a confirmed one, Unavailable."""
        before = await self._store.second_factor(user)
        if before and before.confirmed:
            raise Refused("second-factor", "the account has a second factor", hint="remove it first")
        made = SecondFactor(secret_of(secrets.token_bytes(SECRET_BYTES)))
        await self._log_account_change(user, actor, address, "second factor made")
        await self._replace_factor(user, made, before)
        return made

    async def confirm_factor(
        self, user: UserId, code: str, actor: Actor, address: str, session: LoginSession | None = None
    ) -> None:
        """From now on a code is wanted at each login. All sessions of the account end, but for the one in which the code is shown
        (None: it is shown in none). Raises Refused (`login-code`, `second-factor`), Unavailable."""
        before = await self._store.second_factor(user)
        if before is None or before.confirmed:
            raise Refused("second-factor", "there is no new second factor to confirm", hint="make one first")
        step = accepted_step(before, code, self._now())
        if step is None:
            raise Refused("login-code", "the code is wrong", hint="the clock of the phone may be wrong")
        await self._log_account_change(user, actor, address, "second factor confirmed")
        await self._replace_factor(user, replace(before, confirmed=True, last_step=step), before)
        if session:
            await self._store.touch_session(replace(session, code_shown=True))
        await self._store.end_sessions(user, keep=session.digest if session else "")

    async def has_factor(self, user: UserId) -> bool:
        """Whether the account has a confirmed second factor. Raises Unavailable."""
        found = await self._store.second_factor(user)
        return found is not None and found.confirmed

    async def remove_factor(self, user: UserId, actor: Actor, address: str) -> None:
        """No code is wanted any more. Raises Refused (`second-factor`), Unavailable."""
        before = await self._store.second_factor(user)
        if before is None:
            raise Refused("second-factor", "the account has no second factor", hint="nothing to remove")
        await self._log_account_change(user, actor, address, "second factor removed")
        await self._replace_factor(user, None, before)

    async def _replace_factor(self, user: UserId, factor: SecondFactor | None, before: SecondFactor | None) -> None:
        if not await self._store.put_second_factor(user, factor, before):
            raise Refused("second-factor", "the second factor was changed at the same time", hint="try again")

    async def _log_account_change(self, user: UserId, actor: Actor, address: str, details: str) -> None:
        entry = AuditEntry(Action.ACCOUNT_CHANGED, actor, subject=f"account:{user}", address=address, details=details)
        await self._audit.append([entry])

    async def _wanted_factor(self, user: User) -> SecondFactor | None:
        """The second factor whose code is wanted; None for none, or one that was never confirmed."""
        factor = await self._store.second_factor(user.id)
        return factor if factor and factor.confirmed else None

    async def _accept_code(self, user: User, factor: SecondFactor, code: str) -> bool:
        """Whether this is a code of the factor. It is accepted once, also by two daemons."""
        step = accepted_step(factor, code, self._now())
        return step is not None and await self._store.put_second_factor(
            user.id, replace(factor, last_step=step), factor
        )

    def _without_missing_factor(self, user: User, principal: Principal, factor: SecondFactor | None) -> Principal:
        """The principal, without permissions while its role wants a second factor that the account has not."""
        role = self._directory.role_of(user)
        if role is None or not role.second_factor or factor:
            return principal
        return principals.without_permissions(principal)

    @property
    def _directory(self) -> Directory:
        return current(self._tables)

    async def _known_device(self, client: Client, user: User | None) -> str | None:
        """The digest of the browser's secret, when this user has logged in from it before."""
        if not client.device:
            return None
        digest = digest_of(client.device)
        known = await self._store.device_user(digest)
        return digest if user and known == user.id else None

    async def _open_session(
        self,
        user: User,
        principal: Principal,
        client: Client,
        tried: tuple[Counter, ...],
        device: str | None,
        *,
        code_shown: bool,
    ) -> LoggedIn:
        now_s, secret = self._now(), secrets.token_urlsafe(32)
        program = "".join(one for one in client.program if one.isprintable())[:MOST_PROGRAM]
        digest, mark = digest_of(secret), password_mark(user)
        session = LoginSession(digest, user.id, mark, now_s, now_s, client.address, program, code_shown)
        await self._store.succeeded(tried)
        await self._log_account(Action.LOGGED_IN, user.id, client.address)
        await self._store.open_session(session, MOST_SESSIONS)
        new_device = ""
        if device is None and client.is_browser:
            new_device = secrets.token_urlsafe(32)
            await self._store.remember_device(digest_of(new_device), user.id)
        return LoggedIn(principal, user, session, secret, new_device)

    async def _log_failed_login(self, user: User | None, username: str, client: Client, why: str = "") -> None:
        """Log a failed attempt, before it is answered. `why`: what follows the name."""
        await self._log_stranger(Action.LOGIN_FAILED, user, client, f"user name {username[:64]!r}{why}")

    async def _log_stranger(self, action: Action, user: User | None, client: Client, details: str) -> None:
        subject = f"account:{user.id}" if user else ""
        await self._audit.append(
            [AuditEntry(action, Actor(ActorKind.STRANGER), "", subject, client.address, details=details)]
        )

    async def _log_account(self, action: Action, user: UserId, address: str) -> None:
        actor = Actor(ActorKind.ACCOUNT, user)
        await self._audit.append([AuditEntry(action, actor, subject=f"account:{user}", address=address)])

    async def _password_matches(self, password_hash: str, password: str) -> bool:
        async with self._hashing_slot():
            if not self._hash_for_unknown_names:
                self._hash_for_unknown_names = await asyncio.to_thread(
                    self._passwords.hashed, secrets.token_urlsafe(32)
                )
            matches = await asyncio.to_thread(
                self._passwords.matches, password_hash or self._hash_for_unknown_names, password
            )
        return matches and bool(password_hash)

    @asynccontextmanager
    async def _hashing_slot(self) -> AsyncIterator[None]:
        """One of the places in which a password is compared or hashed. Raises Unavailable when too many wait for one."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("login-busy", "too many people log in at this moment", hint="try again in a few seconds")
        self._waiting += 1
        try:
            await self._hashing_slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._hashing_slots.release()
