"""Tokens of programs: their form, and when one opens nothing."""

from dataclasses import replace

import pytest

from callrec.domain.access.login_sessions import digest_of
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.access.tokens import PERSONAL, ProgramToken, maker_permissions, parts_of, permissions_now
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import DEFAULT_ROLES, Permission, Profile, Role, Tables, User
from callrec.domain.rules import UserId

T, SECRET = 1_790_000_000.0, "s_-" + "x" * 40
TOKEN = ProgramToken("0123456789ab", "crm", (Permission.CALLS_READ,), digest_of(SECRET), T, expires_s=T + 86_400)


def test_a_token_is_told_and_read() -> None:
    assert parts_of(TOKEN.text(SECRET)) == (TOKEN.id, SECRET)


@pytest.mark.parametrize(
    "text", ["", "callrec", "t" * 43, f"callrec_{TOKEN.id}_{SECRET}x", f"Callrec_{TOKEN.id}_{SECRET}"]
)
def test_anything_else_is_no_token(text: str) -> None:
    assert parts_of(text) is None


def test_it_opens_what_its_permissions_say_until_it_expires() -> None:
    crm = Principal(PrincipalKind.TOKEN, TOKEN.id, frozenset({Permission.CALLS_READ}))
    assert TOKEN.principal(SECRET, T + 1) == crm
    assert crm.actor == "token:0123456789ab"
    assert TOKEN.principal(SECRET[:-1] + "y", T + 1) is None
    assert TOKEN.principal(SECRET, T + 86_400) is None
    assert TOKEN.principal(SECRET, T - 3600) == crm, "a clock that is set back by an hour ends no token"
    assert TOKEN.principal(SECRET, T - 7 * 86_400) is None, (
        "one that is set back by a week makes none last a week longer"
    )
    assert replace(TOKEN, expires_s=None).principal(SECRET, T + 1e9) == crm


def test_personal_permissions_are_those_that_need_a_user() -> None:
    assert {one.partition(".")[0] for one in PERSONAL} == {"own", "group"}


BOSS = User(UserId("1"), "Ada", enableclient=True, username="ada", profileclient="boss")
TABLES = Directory(
    Tables(
        users=(
            BOSS,
            replace(BOSS, id=UserId("2"), username="off", enableclient=False),
            replace(BOSS, id=UserId("3"), username="eve", profileclient="client"),
            replace(BOSS, id=UserId("5"), username="help", profileclient="help"),
        ),
        profiles=(Profile("boss", "administrator"), Profile("help", "help"), Profile("client", "user")),
        roles=(*DEFAULT_ROLES, Role("help", (Permission.ACCOUNTS_CHANGE, Permission.CALLS_READ))),
    )
)


def test_an_account_that_may_change_accounts_gives_tokens_what_it_has_and_nobody_else_gives_anything() -> None:
    assert maker_permissions("api", TABLES) == maker_permissions("account:1", TABLES) == frozenset(Permission)
    assert maker_permissions("account:5", TABLES) == {Permission.ACCOUNTS_CHANGE, Permission.CALLS_READ}
    for other in ("account:2", "account:3", "account:4", f"token:{TOKEN.id}", "token:1", ""):
        assert maker_permissions(other, TABLES) == frozenset()


def test_a_token_loses_what_its_maker_loses() -> None:
    one = replace(TOKEN, permissions=(Permission.CALLS_READ, Permission.RECORDINGS_LISTEN), made_by="account:1")
    assert permissions_now(one, TABLES) == set(one.permissions)
    assert permissions_now(replace(one, made_by="account:5"), TABLES) == {Permission.CALLS_READ}
    assert permissions_now(replace(one, made_by="account:3"), TABLES) == frozenset()
