"""Tokens of programs: their form, and when one opens nothing."""

from dataclasses import replace

import pytest

from callrec.domain.access.login_sessions import digest_of
from callrec.domain.access.principals import Principal, PrincipalKind
from callrec.domain.access.tokens import PERSONAL, ProgramToken, may_make_tokens, parts_of
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission, Profile, Tables, User
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


def test_an_account_that_may_change_accounts_may_make_tokens_and_nobody_else() -> None:
    boss = User(UserId("1"), "Ada", enableclient=True, username="ada", profileclient="boss")
    others = (
        replace(boss, id=UserId("2"), username="off", enableclient=False),
        replace(boss, id=UserId("3"), username="eve", profileclient="client"),
    )
    tables = Directory(Tables(users=(boss, *others), profiles=(Profile("boss", "administrator"),)))
    assert may_make_tokens("account:1", tables)
    for other in ("account:2", "account:3", "account:4", f"token:{TOKEN.id}", "token:1", ""):
        assert not may_make_tokens(other, tables)
