"""Tokens of programs: made, used, removed."""

import pytest
from login_store import Clock, KeptAudit, MemoryLogins

from callrec.app.access.program_tokens import ProgramTokens
from callrec.domain.access.audit import Actor, ActorKind
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused

ADMIN = Actor(ActorKind.ACCOUNT, "1")
READS = (Permission.CALLS_READ, Permission.USERS_READ)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def audit() -> KeptAudit:
    return KeptAudit()


@pytest.fixture
def store(clock: Clock) -> MemoryLogins:
    return MemoryLogins(clock)


@pytest.fixture
def tokens(store: MemoryLogins, audit: KeptAudit, clock: Clock) -> ProgramTokens:
    return ProgramTokens(store, audit, clock)


async def test_a_token_opens_what_it_was_made_for_and_its_use_is_noted(tokens: ProgramTokens, clock: Clock) -> None:
    token, text = await tokens.make("crm", READS, None, ADMIN, "account:1")
    assert [(one.name, used) for one, used in await tokens.every()] == [("crm", None)]
    clock.now_s += 10
    principal = await tokens.principal(text)
    assert principal is not None
    assert (principal.permissions, principal.user) == (frozenset(READS), None)
    assert token.permissions == (Permission.USERS_READ, Permission.CALLS_READ)
    clock.now_s += 10
    await tokens.principal(text)
    assert [used for _, used in await tokens.every()] == [clock.now_s - 10], "at most once a minute"
    assert text[21:] not in repr(await tokens.every())


async def test_a_wrong_removed_or_expired_token_opens_nothing(
    tokens: ProgramTokens, clock: Clock, audit: KeptAudit
) -> None:
    token, text = await tokens.make("crm", READS, 1, ADMIN, "account:1")
    _, other = await tokens.make("other", READS, None, ADMIN, "account:1")
    mixed = text[:21] + other[21:]
    for wrong in ("", "x" * 43, text[:-1], mixed):
        assert await tokens.principal(wrong) is None
    clock.now_s += 86_400
    assert await tokens.principal(text) is None
    await tokens.remove(token.id, ADMIN)
    assert await tokens.principal(other)
    with pytest.raises(Refused) as refused:
        await tokens.remove(token.id, ADMIN)
    assert refused.value.code == "no-such-token"
    assert audit.actions() == ["token-made", "token-made", "token-revoked"]


@pytest.mark.parametrize(
    ("name", "permissions", "code"),
    [
        ("", READS, "token-name"),
        ("a\nb", READS, "token-name"),
        ("x" * 65, READS, "token-name"),
        ("crm", (), "token-permissions"),
        ("crm", (Permission.CALLS_READ, Permission.OWN_LISTEN), "token-permissions"),
    ],
)
async def test_what_is_no_token(
    tokens: ProgramTokens, audit: KeptAudit, name: str, permissions: tuple[Permission, ...], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await tokens.make(name, permissions, None, ADMIN, "account:1")
    assert (refused.value.code, audit.entries, await tokens.every()) == (code, [], [])
