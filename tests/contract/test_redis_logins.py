"""Sessions, counters and tokens on a real store do what the ones in memory do, which the unit tests use."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from login_store import Clock, MemoryLogins

from callrec.adapters.redis.connection import Address, ask
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.logins import RedisLogins
from callrec.domain.access.login_limits import Counter
from callrec.domain.access.login_sessions import LoginSession, digest_of
from callrec.domain.access.second_factor import SecondFactor
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.rules import UserId

T = 1_790_000_000.0
ADA, EVE = UserId("7"), UserId("77")
TWO = (Counter("account:x", 3), Counter("address:192.0.2.1", 100))


def session(name: str, user: UserId = ADA, at_s: float = T) -> LoginSession:
    return LoginSession(digest_of(name), user, "mark", at_s, at_s, "192.0.2.1", "Browsér")


@pytest.fixture(params=["redis", "memory"])
async def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RedisLogins | MemoryLogins]:
    if request.param == "memory":
        yield MemoryLogins(Clock(T))
        return
    embedded = EmbeddedValkey(tmp_path_factory.mktemp("s"))
    async with embedded:
        logins = RedisLogins(Address.of_socket(embedded.socket))
        yield logins
        await logins.close()


Store = RedisLogins | MemoryLogins


async def test_a_session_is_kept_found_touched_and_ended(store: Store) -> None:
    await store.open_session(session("a"), 9)
    assert await store.session(digest_of("a")) == session("a")
    assert await store.session(digest_of("b")) is None
    used = replace(session("a"), seen_s=T + 70)
    await store.touch_session(used)
    assert await store.session(digest_of("a")) == used
    assert await store.end_sessions(ADA, used.id) == 1
    await store.touch_session(used)
    assert await store.session(digest_of("a")) is None, "a use does not bring back what was ended"
    assert list(await store.sessions()) == []


async def test_a_user_has_so_many_sessions_and_others_keep_theirs(store: Store) -> None:
    await store.open_session(session("eve", EVE), 2)
    for number, name in enumerate("abcd"):
        await store.open_session(session(name, at_s=T + number), 2)
    assert [one.digest for one in await store.sessions()] == [digest_of(one) for one in ("eve", "c", "d")]
    assert await store.end_sessions(ADA) == 2
    assert [one.user for one in await store.sessions()] == [EVE]


async def test_all_sessions_of_a_user_but_one_are_ended(store: Store) -> None:
    """The one that stays says that a code was shown in it."""
    for one in (session("eve", EVE), session("a"), session("b"), session("c")):
        await store.open_session(one, 9)
    shown = replace(session("b"), code_shown=True)
    await store.touch_session(shown)
    assert await store.end_sessions(ADA, keep=shown.digest) == 2
    assert {one.digest: one for one in await store.sessions()} == {
        one.digest: one for one in (shown, session("eve", EVE))
    }


async def test_attempts_are_counted_up_to_the_limit_and_forgotten_with_success(store: Store) -> None:
    for _ in range(2):
        assert await store.attempt(TWO) == 0
    await store.succeeded(TWO)
    for _ in range(3):
        assert await store.attempt(TWO) == 0
    assert 890 < await store.attempt(TWO) <= 900
    assert 890 < await store.locked_s(TWO[0]) <= 900
    assert await store.attempt((Counter("account:y", 3), TWO[1])) == 0, "nothing was counted at the other counter"
    assert await store.locked_s(TWO[1]) == 0
    await store.unlock(TWO[0])
    assert await store.attempt(TWO) == 0


async def test_a_success_gives_back_its_own_attempt_of_the_address_alone(store: Store) -> None:
    address = Counter("address:192.0.2.9", 2)
    mine, other = (Counter("account:mine", 9), address), (Counter("account:other", 9), address)
    await store.attempt(other)
    await store.attempt(mine)
    await store.succeeded(mine)
    assert await store.attempt(mine) == 0
    assert await store.attempt(other) > 0


async def test_a_browser_is_remembered_with_its_user(store: Store) -> None:
    assert await store.device_user(digest_of("d")) is None
    await store.remember_device(digest_of("d"), ADA)
    assert await store.device_user(digest_of("d")) == ADA


async def test_a_second_factor_is_replaced_by_who_knows_the_present_one(store: Store) -> None:
    first, second = SecondFactor("A" * 32), SecondFactor("B" * 32, confirmed=True, last_step=7)
    assert await store.second_factor(ADA) is None
    assert await store.put_second_factor(ADA, first, None)
    assert not await store.put_second_factor(ADA, second, None)
    assert await store.put_second_factor(ADA, second, first)
    assert await store.second_factor(ADA) == second
    assert not await store.put_second_factor(ADA, None, first)
    assert await store.put_second_factor(ADA, None, second)
    assert await store.second_factor(ADA) is None


async def test_tokens_come_and_go(store: Store) -> None:
    token = ProgramToken("0" * 12, "crm", (Permission.CALLS_READ,), digest_of("t"), T, "account:7", T + 9)
    await store.put_token(token, 5)
    assert await store.token(token.id) == token
    assert list(await store.tokens()) == [(token, None)]
    await store.token_used(token.id, T + 1)
    assert list(await store.tokens()) == [(token, T + 1)]
    assert await store.remove_token(token.id)
    assert not await store.remove_token(token.id)
    assert await store.token(token.id) is None


async def test_there_are_so_many_tokens_at_most(tmp_path_factory: pytest.TempPathFactory) -> None:
    embedded = EmbeddedValkey(tmp_path_factory.mktemp("s"))
    async with embedded:
        logins = RedisLogins(Address.of_socket(embedded.socket))
        await logins.put_token(ProgramToken("1" * 12, "crm", (), digest_of("t"), T), 1)
        with pytest.raises(Refused, match="there are 1 tokens already") as refused:
            await logins.put_token(ProgramToken("2" * 12, "crm", (), digest_of("t"), T), 1)
        assert refused.value.code == "tokens-too-many"
        await logins.open_session(session("a"), 9)
        left_ms = await ask(logins._client, "PTTL", f"callrec:{{callrec:events}}:session:{digest_of('a')}")
        assert 1_700_000 < left_ms <= 1_800_000, "the store forgets it by itself"
        await logins.close()


async def test_a_store_that_is_away_is_said_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    logins = RedisLogins(Address.of_socket(tmp_path_factory.mktemp("s") / "nothing"))
    for asked in (
        logins.session("x"), logins.attempt(TWO), logins.open_session(session("a"), 9), logins.sessions(),
        logins.token("x"), logins.end_sessions(ADA),
    ):  # fmt: skip
        with pytest.raises(Unavailable):
            await asked
    await logins.close()
