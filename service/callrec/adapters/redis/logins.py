"""Sessions, login counters and known browsers in Redis. Secrets are not there: only their digests."""

from collections.abc import Sequence

from redis import exceptions as fault

from callrec.adapters.redis import keys, scripts
from callrec.adapters.redis.connection import (
    Address,
    ask,
    on_one_connection,
    run,
    translated,
    within,
)
from callrec.adapters.redis.login_records import SECOND_FACTOR, SESSION, TOKEN
from callrec.domain.access.login_limits import DEVICE_KEPT_S, WINDOW_S, Counter
from callrec.domain.access.login_sessions import ABSOLUTE_S, IDLE_S, LoginSession
from callrec.domain.access.second_factor import SecondFactor
from callrec.domain.access.tokens import ProgramToken
from callrec.domain.errors import Refused
from callrec.domain.rules import UserId

ANSWER_S = 2.0
"""How long people and programs wait for the store: calls never do."""


class RedisLogins:
    """Implements `app.ports.access`: LoginStore, TokenStore."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client = address.client()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def open_session(self, session: LoginSession, most: int) -> None:
        """Keep this session, and of its user's sessions only the newest `most`."""
        await self._durably(
            scripts.OPEN_SESSION,
            [keys.session(session.digest), keys.SESSIONS],
            *(session.user, session.digest, SESSION.dump(session), int(IDLE_S * 1000)),
            *(session.opened_s + ABSOLUTE_S, session.opened_s, most, keys.SESSION),
        )

    async def session(self, digest: str) -> LoginSession | None:
        """The session with this digest."""
        async with within(ANSWER_S, self._address.shown):
            found = await ask(self._client, "GET", keys.session(digest))
        return SESSION.load(found) if found else None

    async def touch_session(self, session: LoginSession) -> None:
        """Store when it was last used. A use that is lost with a power cut only ends the session sooner."""
        async with within(ANSWER_S, self._address.shown):
            name, text = keys.session(session.digest), SESSION.dump(session)
            await ask(self._client, "SET", name, text, "XX", "PX", int(IDLE_S * 1000))

    async def sessions(self) -> Sequence[LoginSession]:
        """All sessions, oldest first."""
        async with within(ANSWER_S, self._address.shown):
            members: list[str] = await ask(self._client, "ZRANGE", keys.SESSIONS, 0, -1)
            names = [keys.session(member.partition(":")[2]) for member in members]
            found = await ask(self._client, "MGET", *names) if names else []
        return [SESSION.load(text) for text in found if text]

    async def end_sessions(self, user: UserId, session: str = "", keep: str = "") -> int:
        """End this user's session with this id, or all but the one with the digest `keep`; how many that were."""
        (ended,) = await self._durably(scripts.END_SESSIONS, [keys.SESSIONS], user, session, keys.SESSION, keep)
        return int(ended)

    async def attempt(self, counters: Sequence[Counter]) -> float:
        """Count one attempt; 0.0, or the seconds to wait when a counter is full and nothing was counted."""
        async with within(ANSWER_S, self._address.shown):
            (wait_ms,) = await run(
                self._client,
                scripts.ATTEMPT_LOGIN,
                [keys.login_counter(one.name) for one in counters],
                *(int(WINDOW_S * 1000), *(one.limit for one in counters)),
            )
        return int(wait_ms) / 1000

    async def succeeded(self, counters: Sequence[Counter]) -> None:
        """Forget the attempts of the first counter, and this one of the others."""
        async with within(ANSWER_S, self._address.shown):
            await run(self._client, scripts.LOGIN_SUCCEEDED, [keys.login_counter(one.name) for one in counters])

    async def locked_s(self, counter: Counter) -> float:
        """The seconds for which this counter is full; 0.0 when it is not."""
        name = keys.login_counter(counter.name)
        async with within(ANSWER_S, self._address.shown):
            count, left_ms = await ask(self._client, "GET", name), await ask(self._client, "PTTL", name)
        return max(0.0, left_ms / 1000) if int(count or 0) >= counter.limit else 0.0

    async def unlock(self, counter: Counter) -> None:
        """Empty this counter."""
        async with within(ANSWER_S, self._address.shown):
            await ask(self._client, "DEL", keys.login_counter(counter.name))

    async def second_factor(self, user: UserId) -> SecondFactor | None:
        """The second factor of this user's account."""
        async with within(ANSWER_S, self._address.shown):
            found = await ask(self._client, "HGET", keys.SECOND_FACTORS, user)
        return SECOND_FACTOR.load(found) if found else None

    async def put_second_factor(self, user: UserId, factor: SecondFactor | None, before: SecondFactor | None) -> bool:
        """Replace `before` by this one; False when it is another one by now."""
        texts = [SECOND_FACTOR.dump(one) if one else "" for one in (before, factor)]
        (done,) = await self._durably(scripts.REPLACE_FIELD, [keys.SECOND_FACTORS], user, *texts)
        return done == "1"

    async def device_user(self, digest: str) -> UserId | None:
        """The user who has logged in from this browser."""
        async with within(ANSWER_S, self._address.shown):
            found = await ask(self._client, "GET", keys.device(digest))
        return UserId(found) if found else None

    async def remember_device(self, digest: str, user: UserId) -> None:
        """Keep that this user has logged in from this browser."""
        async with within(ANSWER_S, self._address.shown):
            await ask(self._client, "SET", keys.device(digest), user, "EX", int(DEVICE_KEPT_S))

    async def put_token(self, token: ProgramToken, most: int) -> None:
        """Keep this token. Raises Refused when there are too many."""
        async with within(ANSWER_S, self._address.shown):
            count = await ask(self._client, "HLEN", keys.TOKENS)
        if int(count) >= most:
            raise Refused("tokens-too-many", f"there are {count} tokens already", hint="remove those that are not used")
        await self._durably(scripts.SET_FIELD, [keys.TOKENS], token.id, TOKEN.dump(token))

    async def token(self, identity: str) -> ProgramToken | None:
        """The token with this id."""
        async with within(ANSWER_S, self._address.shown):
            found = await ask(self._client, "HGET", keys.TOKENS, identity)
        return TOKEN.load(found) if found else None

    async def tokens(self) -> Sequence[tuple[ProgramToken, float | None]]:
        """All tokens by age, and when each was last used."""
        async with within(ANSWER_S, self._address.shown):
            texts: list[str] = await ask(self._client, "HVALS", keys.TOKENS)
            found = sorted(map(TOKEN.load, texts), key=lambda token: (token.made_s, token.id))
            names = [token.id for token in found]
            used = await ask(self._client, "HMGET", keys.TOKENS_USED, *names) if names else []
        return [(token, float(at_s) if at_s else None) for token, at_s in zip(found, used, strict=True)]

    async def remove_token(self, identity: str) -> bool:
        """Whether there was one with this id; it is gone."""
        (removed,) = await self._durably(scripts.REMOVE_FIELD, [keys.TOKENS, keys.TOKENS_USED], identity)
        return int(removed) > 0

    async def token_used(self, identity: str, at_s: float) -> None:
        """Store that it was used."""
        async with within(ANSWER_S, self._address.shown):
            await ask(self._client, "HSET", keys.TOKENS_USED, identity, f"{at_s:.0f}")

    async def _durably(self, script: str, names: Sequence[str], *arguments: str | int | float) -> list[str]:
        """Run one script and wait until its writes are on disk, where the server can tell (`RedisStore._durably`)."""
        limit_s = max(self._address.durable_s, ANSWER_S)
        change: tuple[str | int, ...] = ("EVAL", script, len(names), *names, *map(str, arguments))
        async with within(limit_s, self._address.shown):
            result, _ = await on_one_connection(self._client, change, ("WAITAOF", 1, 0, int(limit_s * 900)))
        if isinstance(result, fault.RedisError):
            raise translated(result, self._address.shown) from result
        return list(result)
