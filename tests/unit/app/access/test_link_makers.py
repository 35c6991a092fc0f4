"""A link is of use as long as its maker may share recordings."""

from dataclasses import dataclass, replace

import pytest
from login_store import Clock, MemoryLogins

from callrec.app.access.link_makers import LinkMakers
from callrec.domain.access.tokens import MOST_TOKENS, ProgramToken
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Permission, Profile, Role, Tables, User
from callrec.domain.rules import UserId

NOW_S = 1_000_000.0
SHARER = User(UserId("1"), "Ada", enableclient=True, username="ada", profileclient="sharer")
TABLES = Tables(
    (SHARER, replace(SHARER, id=UserId("2"), username="bob", profileclient="other"),
     replace(SHARER, id=UserId("3"), username="cy", enableclient=False)),
    profiles=(Profile("sharer", "sharer"), Profile("other", "other")),
    roles=(Role("sharer", (Permission.RECORDINGS_SHARE,)), Role("other", (Permission.RECORDINGS_LISTEN,))),
)  # fmt: skip


@dataclass
class Copy:
    """The tables."""

    directory: Directory


def token(identity: str, permission: Permission, expires_s: float | None = None) -> ProgramToken:
    return ProgramToken(identity, "crm", (permission,), "d", NOW_S - 10, made_by="api", expires_s=expires_s)


@pytest.mark.parametrize(
    ("maker", "may"),
    [
        ("token:daemon", True),
        ("account:1", True),
        ("account:2", False),
        ("account:3", False),
        ("account:9", False),
        ("token:aa", True),
        ("token:bb", False),
        ("token:cc", False),
        ("token:dd", False),
        ("operator:0", False),
        ("", False),
    ],
)
async def test_who_may_not_share_any_more_has_links_of_no_use(maker: str, may: bool) -> None:
    """An account without the permission, disabled or gone; a token without it, expired or removed; nobody that is known."""
    store = MemoryLogins(Clock(NOW_S))
    share, listen = Permission.RECORDINGS_SHARE, Permission.RECORDINGS_LISTEN
    for one in (token("aa", share), token("bb", listen), token("cc", share, NOW_S - 1)):
        await store.put_token(one, MOST_TOKENS)
    assert await LinkMakers(Copy(Directory(TABLES)), store, lambda: NOW_S).may_share(maker) is may
