"""Log in and out: what strangers cannot find out, whom they cannot lock out, and what ends a session."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from login_store import Clock, KeptAudit, MemoryLogins

from callrec.app.access.logins import AT_ONCE, MOST_WAITING, Client, LoggedIn, Logins, LoginWait
from callrec.domain.access.audit import Action, Actor, ActorKind
from callrec.domain.access.login_limits import PER_ACCOUNT, PER_ADDRESS, WINDOW_S
from callrec.domain.access.login_sessions import IDLE_S, MOST_SESSIONS, LoginSession
from callrec.domain.access.second_factor import STEP_S, code_at
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission, Role, Tables, User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId

ADA = User(UserId("7"), "Ada", enableclient=True, username="ada", password_hash="hash of right", profileclient="client")
OFF = replace(ADA, id=UserId("8"), username="off", enableclient=False)
BARE = replace(ADA, id=UserId("9"), username="bare", password_hash="")
RIGHT = "right"
ADMIN = Actor(ActorKind.MACHINE, "0")
HOME, STRANGER = Client("192.0.2.1", "Browser", is_browser=True), Client("203.0.113.9")


class SlowHashes:
    """Implements `Passwords`; counts what is compared."""

    def __init__(self) -> None:
        self.compared: list[str] = []
        self.at_once = self.most_at_once = 0

    def hashed(self, password: str) -> str:
        """As the port says."""
        return f"hash of {password}"

    def matches(self, password_hash: str, password: str) -> bool:
        """As the port says."""
        self.compared.append(password_hash)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.at_once -= 1
        return password_hash == f"hash of {password}"


class Copy:
    """Implements `TableCopy`."""

    fresh, edit_revision = True, 1

    def __init__(self, *users: User) -> None:
        self.directory = Directory(Tables(users=users))

    async def catch_up(self, limit_s: float) -> bool:
        """As the port says."""
        return limit_s > 0


@dataclass
class Door:
    """Logins over stores in memory."""

    clock: Clock = field(default_factory=Clock)
    audit: KeptAudit = field(default_factory=KeptAudit)
    hashes: SlowHashes = field(default_factory=SlowHashes)
    tables: Copy = field(default_factory=lambda: Copy(ADA, OFF, BARE))

    def __post_init__(self) -> None:
        self.store = MemoryLogins(self.clock)
        self.logins = Logins(self.store, self.tables, self.hashes, self.audit, self.clock)

    async def enters(self, client: Client = HOME, password: str = RIGHT) -> LoggedIn:
        """Log Ada in."""
        return await self.logins.log_in("ada", password, client)


async def test_the_right_password_opens_a_session_with_the_permissions_of_the_role() -> None:
    door = Door()
    done = await door.enters()
    found = await door.logins.principal(done.secret)
    assert found is not None
    principal, session = found
    assert (principal.user, principal.permissions) == (ADA.id, {Permission.OWN_LIST, Permission.OWN_LISTEN})
    assert (session.address, session.program) == ("192.0.2.1", "Browser")
    assert door.audit.actions() == ["logged-in"]
    assert done.secret not in repr(door.store.kept), "only its digest is stored"


async def test_unknown_disabled_without_password_and_wrong_are_one_answer_after_the_same_work() -> None:
    door, said = Door(), set()
    for username, password in (("nobody", "right"), ("off", "right"), ("bare", "right"), ("ada", "wrong"), ("", "")):
        before = len(door.hashes.compared)
        with pytest.raises(Refused) as refused:
            await door.logins.log_in(username, password, STRANGER)
        said.add((refused.value.code, str(refused.value)))
        assert len(door.hashes.compared) == before + 1
    assert said == {("login-refused", "the user name or the password is wrong")}
    assert door.audit.actions() == ["login-failed"] * 5
    assert door.store.kept == {}


async def test_an_empty_hash_is_no_password_whatever_is_typed() -> None:
    door = Door()
    await door.logins._password_matches("", "x")
    nobodys = door.logins._hash_for_unknown_names.removeprefix("hash of ")
    assert not await door.logins._password_matches("", nobodys)


async def test_strangers_lock_themselves_out_and_not_the_owners_browser() -> None:
    door = Door()
    device = (await door.enters()).device
    for _ in range(PER_ACCOUNT):
        with pytest.raises(Refused, match="wrong"):
            await door.enters(STRANGER, "guess")
    with pytest.raises(LoginWait) as wait:
        await door.enters(STRANGER)
    assert wait.value.wait_s == WINDOW_S
    compared = len(door.hashes.compared)
    with pytest.raises(LoginWait):
        await door.enters(Client("198.51.100.4"))
    assert len(door.hashes.compared) == compared, "nothing is compared any more"
    assert await door.logins.locked_s("ada") == WINDOW_S
    assert (await door.enters(replace(HOME, device=device))).device == ""
    door.clock.now_s += WINDOW_S
    assert await door.enters(STRANGER)


async def test_a_browser_of_one_account_is_a_stranger_to_another() -> None:
    other = replace(ADA, id=UserId("10"), username="eve", password_hash="hash of hers")
    door = Door(tables=Copy(ADA, other))
    device = (await door.logins.log_in("eve", "hers", HOME)).device
    for _ in range(PER_ACCOUNT):
        with pytest.raises(Refused):
            await door.enters(replace(HOME, device=device), "guess")
    with pytest.raises(LoginWait):
        await door.enters(replace(HOME, device=device))


async def test_one_address_may_try_so_many_names() -> None:
    door = Door()
    for number in range(PER_ADDRESS):
        with pytest.raises(Refused, match="wrong"):
            await door.logins.log_in(f"name{number}", "x", STRANGER)
    with pytest.raises(LoginWait):
        await door.logins.log_in("another", "x", STRANGER)
    assert await door.enters(HOME)


async def test_a_stranger_of_the_same_network_does_not_lock_the_owners_browser() -> None:
    """Who shares the owner's address, as behind one router or in one /64, fills the counter of that address only."""
    door = Door()
    mine = Client("2001:db8::1", "Browser", is_browser=True)
    known = replace(mine, device=(await door.enters(mine)).device)
    for number in range(PER_ADDRESS):
        with pytest.raises(Refused, match="wrong"):
            await door.logins.log_in(f"name{number}", "x", Client("2001:db8::bad"))
    with pytest.raises(LoginWait):
        await door.enters(mine)
    assert await door.enters(known)


async def test_many_who_log_in_rightly_behind_one_address_are_not_counted() -> None:
    door = Door()
    for _ in range(2 * PER_ADDRESS):
        await door.enters(Client("192.0.2.1"))
    assert len(door.store.kept) == MOST_SESSIONS


async def test_an_administrator_ends_the_wait() -> None:
    door = Door()
    for _ in range(PER_ACCOUNT):
        with pytest.raises(Refused):
            await door.enters(STRANGER, "guess")
    await door.logins.unlock(ADA, Actor(ActorKind.MACHINE, "0"), "")
    assert await door.logins.locked_s("ada") == 0
    assert await door.enters(STRANGER)


@pytest.mark.parametrize("change", [{"enableclient": False}, {"password_hash": "other"}, {"username": ""}])
async def test_a_change_of_the_account_ends_its_sessions_at_once(change: dict[str, object]) -> None:
    door = Door()
    done = await door.enters()
    door.tables.directory = Directory(Tables(users=(replace(ADA, **change),)))  # type: ignore[arg-type]
    assert await door.logins.principal(done.secret) is None
    door.tables.directory = Directory(Tables())
    assert await door.logins.principal(done.secret) is None


async def test_another_role_holds_for_sessions_that_there_are() -> None:
    door = Door()
    done = await door.enters()
    door.tables.directory = Directory(Tables(users=(replace(ADA, profileclient="supervisor"),)))
    found = await door.logins.principal(done.secret)
    assert found is not None
    assert Permission.GROUP_LISTEN in found[0].permissions


async def test_a_session_that_is_used_goes_on_and_one_that_is_not_ends() -> None:
    door = Door()
    done = await door.enters()
    for _ in range(3):
        door.clock.now_s += IDLE_S - 1
        assert await door.logins.principal(done.secret)
    door.clock.now_s += IDLE_S
    assert await door.logins.principal(done.secret) is None
    assert await door.logins.sessions(ADA.id) == []
    assert await door.logins.principal("x" * 43) is None


async def test_a_clock_that_is_set_back_ends_sessions_and_lets_people_log_in() -> None:
    door = Door()
    done = await door.enters()
    door.clock.now_s -= 3600
    assert await door.logins.principal(done.secret) is None
    again = await door.enters()
    assert await door.logins.principal(again.secret)


async def test_log_out_ends_one_session_and_everywhere_ends_all() -> None:
    door = Door()
    first, second, third = [await door.enters() for _ in range(3)]
    await door.logins.log_out(first.session, "192.0.2.1")
    assert await door.logins.principal(first.secret) is None
    assert [one.id for one in await door.logins.sessions(ADA.id)] == [second.session.id, third.session.id]
    assert await door.logins.counts() == {ADA.id: 2}
    assert await door.logins.end(ADA.id, "", Actor(ActorKind.ACCOUNT, ADA.id), "") == 2
    assert await door.logins.principal(third.secret) is None
    assert door.audit.actions()[-2:] == ["logged-out", "account-changed"]


async def test_without_the_audit_log_nobody_gets_in() -> None:
    door = Door()
    door.audit.broken = True
    with pytest.raises(Unavailable):
        await door.enters()
    with pytest.raises(Unavailable):
        await door.enters(password="wrong")
    assert door.store.kept == {}


async def test_without_the_store_nobody_gets_in_and_sessions_wait() -> None:
    door = Door()
    done = await door.enters()
    door.store.away = True
    with pytest.raises(Unavailable):
        await door.enters()
    with pytest.raises(Unavailable):
        await door.logins.principal(done.secret)
    door.store.away = False
    assert await door.logins.principal(done.secret)


async def test_before_the_tables_are_loaded_nobody_is_told_that_the_password_is_wrong() -> None:
    door = Door()
    door.tables.edit_revision = -1
    with pytest.raises(Unavailable) as away:
        await door.enters()
    assert away.value.code == "tables-unknown"


async def test_a_stale_copy_of_the_tables_opens_nothing() -> None:
    """The account may have been disabled while the copy could not follow. The session goes on when it can again."""
    door = Door()
    done = await door.enters()
    door.tables.fresh = False
    for asked in (door.logins.principal(done.secret), door.enters()):
        with pytest.raises(Unavailable) as stale:
            await asked
        assert stale.value.code == "tables-stale"
    door.tables.fresh = True
    assert await door.logins.principal(done.secret)


async def test_the_present_password_is_checked_like_a_login() -> None:
    door = Door()
    await door.logins.check_password(ADA, "right", HOME)
    with pytest.raises(Refused, match="present password is wrong"):
        await door.logins.check_password(ADA, "wrong", HOME)
    for _ in range(PER_ACCOUNT - 1):
        with pytest.raises(Refused):
            await door.logins.check_password(ADA, "wrong", HOME)
    with pytest.raises(LoginWait):
        await door.logins.check_password(ADA, "right", HOME)


async def test_where_a_code_is_wanted_beside_the_present_password_neither_is_enough() -> None:
    """And codes are not tried out: each attempt counts until both are right."""
    door = Door()
    secret = await _with_factor(door)
    code = code_at(secret, int(door.clock()) // STEP_S)
    for password, shown, refusal in (("wrong", code, "login-refused"), (RIGHT, "000000", "login-code")):
        with pytest.raises(Refused) as refused:
            await door.logins.check_password(ADA, password, HOME, shown)
        assert refused.value.code == refusal
    await door.logins.check_password(ADA, RIGHT, HOME, code)
    for _ in range(PER_ACCOUNT):
        with pytest.raises(Refused, match="is wrong"):
            await door.logins.check_password(ADA, RIGHT, HOME, code)
    with pytest.raises(LoginWait):
        await door.logins.check_password(ADA, RIGHT, HOME, code)


async def test_who_has_no_second_factor_has_no_code() -> None:
    door = Door()
    with pytest.raises(Refused) as refused:
        await door.logins.check_password(ADA, RIGHT, HOME, "000000")
    assert refused.value.code == "login-code"


async def test_few_passwords_are_compared_at_once_and_few_wait() -> None:
    door = Door()
    release = asyncio.Event()

    async def hold() -> None:
        """Log Ada in."""
        async with door.logins._hashing_slot():
            await release.wait()

    held = [asyncio.create_task(hold()) for _ in range(AT_ONCE + MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as busy:
        await door.enters()
    assert busy.value.code == "login-busy"
    release.set()
    await asyncio.gather(*held)
    assert await door.enters()


async def test_a_new_password_is_checked_before_it_is_hashed() -> None:
    door = Door()
    assert await door.logins.hashed("long enough") == "hash of long enough"
    with pytest.raises(Refused, match="8 to 64"):
        await door.logins.hashed("short")


async def _with_factor(door: Door, session: LoginSession | None = None) -> str:
    """Ada's secret, confirmed in this session."""
    made = await door.logins.new_factor(ADA.id, ADMIN, "")
    await door.logins.confirm_factor(ADA.id, code_at(made.secret, int(door.clock()) // STEP_S), ADMIN, "", session)
    door.clock.now_s += STEP_S
    return made.secret


async def test_with_a_second_factor_a_code_is_wanted_and_each_is_good_once() -> None:
    door = Door()
    secret = await _with_factor(door)
    code = code_at(secret, int(door.clock()) // STEP_S)
    for wrong in ("", "000000", "x"):
        with pytest.raises(Refused) as refused:
            await door.logins.log_in("ada", RIGHT, HOME, wrong)
        assert refused.value.code == "login-code"
    assert door.store.kept == {}
    assert await door.logins.log_in("ada", RIGHT, HOME, code)
    with pytest.raises(Refused, match="is wrong"):
        await door.logins.log_in("ada", RIGHT, HOME, code)
    with pytest.raises(Refused, match="name or the password"):
        await door.logins.log_in("ada", "wrong", HOME, code)


async def test_the_log_says_when_somebody_has_the_password_and_not_the_code() -> None:
    """That is what the owner of the account has to know."""
    door = Door()
    await _with_factor(door)
    for code in ("", "000000"):
        with pytest.raises(Refused):
            await door.logins.log_in("ada", RIGHT, STRANGER, code)
    asked, failed = door.audit.entries[-2:]
    assert (asked.action, failed.action) == (Action.CODE_WANTED, Action.LOGIN_FAILED)
    assert (asked.details, failed.details) == (
        "the password is right",
        "user name 'ada': the password is right, the code of the second factor is wrong",
    )
    for one in (asked, failed):
        assert (one.subject, one.address) == ("account:7", STRANGER.address)


async def test_a_login_in_two_steps_is_no_failed_one() -> None:
    door = Door()
    secret = await _with_factor(door)
    before = len(door.audit.entries)
    with pytest.raises(Refused, match="a code is wanted"):
        await door.logins.log_in("ada", RIGHT, HOME)
    await door.logins.log_in("ada", RIGHT, HOME, code_at(secret, int(door.clock()) // STEP_S))
    assert door.audit.actions()[before:] == ["code-wanted", "logged-in"]


async def test_codes_are_not_tried_out() -> None:
    door = Door()
    secret = await _with_factor(door)
    for _ in range(PER_ACCOUNT):
        with pytest.raises(Refused, match="is wrong"):
            await door.logins.log_in("ada", RIGHT, STRANGER, "000000")
    with pytest.raises(LoginWait):
        await door.logins.log_in("ada", RIGHT, STRANGER, code_at(secret, int(door.clock()) // STEP_S))


async def test_a_code_that_two_daemons_get_is_accepted_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()
    secret = await _with_factor(door)
    monkeypatch.setattr(door.store, "put_second_factor", lambda *_: asyncio.sleep(0, result=False))
    with pytest.raises(Refused, match="is wrong"):
        await door.logins.log_in("ada", RIGHT, HOME, code_at(secret, int(door.clock()) // STEP_S))
    with pytest.raises(Refused, match="at the same time"):
        await door.logins.remove_factor(ADA.id, ADMIN, "")


async def test_a_role_may_want_a_second_factor_before_it_permits_anything() -> None:
    door = Door()
    strict = Role("user", (Permission.OWN_LISTEN,), second_factor=True)
    door.tables.directory = Directory(Tables(users=(ADA,), roles=(strict,)))
    done = await door.enters()
    assert done.principal.permissions == frozenset()
    secret = await _with_factor(door, done.session)
    found = await door.logins.principal(done.secret)
    assert found is not None
    assert found[0].permissions == {Permission.OWN_LISTEN}, "the same session goes on"
    await door.logins.remove_factor(ADA.id, ADMIN, "")
    found = await door.logins.principal(done.secret)
    assert found is not None
    assert (found[0].permissions, bool(secret)) == (frozenset(), True)


async def test_a_second_factor_ends_the_sessions_that_were_opened_without_it() -> None:
    """Somebody who knew the password alone has no session any more when the owner confirms a factor, whatever the role wants."""
    door = Door()
    thief, owner = await door.enters(STRANGER), await door.enters()
    secret = await _with_factor(door, owner.session)
    assert await door.logins.principal(thief.secret) is None
    assert await door.logins.principal(owner.secret)
    assert [one.id for one in await door.logins.sessions(ADA.id)] == [owner.session.id]
    code = code_at(secret, int(door.clock()) // STEP_S)
    again = await door.logins.log_in("ada", RIGHT, HOME, code)
    assert await door.logins.principal(again.secret)


async def test_a_login_at_the_moment_of_the_confirmation_opens_nothing_without_a_code() -> None:
    """A session may be stored after the others were ended. It knows that no code was shown, so it is not let in."""
    door = Door()
    late = await door.enters(STRANGER)
    await _with_factor(door)
    await door.store.open_session(late.session, MOST_SESSIONS)
    assert await door.logins.principal(late.secret) is None


async def test_a_second_factor_counts_when_its_owner_has_shown_a_code() -> None:
    door = Door()
    first = await door.logins.new_factor(ADA.id, ADMIN, "")
    assert await door.enters(), "an app that was never set up locks nobody out"
    second = await door.logins.new_factor(ADA.id, ADMIN, "")
    step = int(door.clock()) // STEP_S
    with pytest.raises(Refused, match="the code is wrong"):
        await door.logins.confirm_factor(ADA.id, code_at(first.secret, step), ADMIN, "")
    await door.logins.confirm_factor(ADA.id, code_at(second.secret, step), ADMIN, "")
    for again in (door.logins.new_factor(ADA.id, ADMIN, ""), door.logins.confirm_factor(ADA.id, "000000", ADMIN, "")):
        with pytest.raises(Refused) as refused:
            await again
        assert refused.value.code == "second-factor"
    await door.logins.remove_factor(ADA.id, ADMIN, "")
    with pytest.raises(Refused, match="has no second factor"):
        await door.logins.remove_factor(ADA.id, ADMIN, "")
    assert await door.enters()
    assert {one.details for one in door.audit.entries if one.action == "account-changed"} == {
        *("second factor made", "second factor confirmed", "second factor removed"),
    }
