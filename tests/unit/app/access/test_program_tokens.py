"""Tokens of programs: made, used, removed."""

from dataclasses import replace

import pytest
from login_store import Clock, KeptAudit, MemoryLogins

from callrec.app.access.program_tokens import ProgramTokens
from callrec.domain.access.audit import Actor, ActorKind
from callrec.domain.access.principals import DAEMON
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission, Profile, Tables, User
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId

ADMIN = Actor(ActorKind.ACCOUNT, "1")
READS = (Permission.CALLS_READ, Permission.USERS_READ)
BOSS = User(UserId("1"), "Ada", enableclient=True, username="ada", profileclient="boss")


class Copy:
    """Implements `TableCopy`."""

    fresh, edit_revision = True, 1

    def __init__(self, *users: User) -> None:
        self.has(*users)

    def has(self, *users: User) -> None:
        """The users that there are by now."""
        self.directory = Directory(Tables(users=users, profiles=(Profile("boss", "administrator"),)))

    async def catch_up(self, limit_s: float) -> bool:
        """As the port says."""
        return limit_s > 0


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
def tables() -> Copy:
    return Copy(BOSS)


@pytest.fixture
def tokens(store: MemoryLogins, tables: Copy, audit: KeptAudit, clock: Clock) -> ProgramTokens:
    return ProgramTokens(store, tables, audit, clock)


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
    "left",
    [(), (replace(BOSS, enableclient=False),), (replace(BOSS, profileclient="client"),)],
    ids=["gone", "off", "user"],
)
async def test_a_token_ends_with_the_right_of_its_maker(
    tokens: ProgramTokens, tables: Copy, left: tuple[User, ...]
) -> None:
    """Whoever loses the account, or the role, does not come back by a token. Those made on the machine itself stay."""
    _, text = await tokens.make("crm", READS, None, ADMIN, "account:1")
    _, own = await tokens.make("backup", READS, None, ADMIN, DAEMON.actor)
    assert await tokens.principal(text)
    tables.has(*left)
    assert await tokens.principal(text) is None
    assert await tokens.principal(own)


async def test_by_a_stale_copy_of_the_tables_it_is_not_known_whether_the_maker_may(
    tokens: ProgramTokens, tables: Copy
) -> None:
    _, text = await tokens.make("crm", READS, None, ADMIN, "account:1")
    _, own = await tokens.make("backup", READS, None, ADMIN, DAEMON.actor)
    tables.fresh = False
    with pytest.raises(Unavailable) as stale:
        await tokens.principal(text)
    assert stale.value.code == "tables-stale"
    assert await tokens.principal(own), "the tables do not matter to it"


async def test_a_token_makes_no_token(tokens: ProgramTokens, audit: KeptAudit) -> None:
    """Else it could give itself a successor that outlives it."""
    token, _ = await tokens.make("crm", (Permission.ACCOUNTS_CHANGE,), 1, ADMIN, "account:1")
    with pytest.raises(Refused) as refused:
        await tokens.make("next", READS, None, Actor(ActorKind.TOKEN, token.id), f"token:{token.id}")
    assert refused.value.code == "token-maker"
    assert [one.name for one, _ in await tokens.every()] == ["crm"]
    assert audit.actions() == ["token-made", "refused"]


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
