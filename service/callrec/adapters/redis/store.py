"""The tables in Redis, the index of recordings, and the events: one script per change, on disk before it returns."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

from redis import exceptions as fault

from callrec.adapters.redis import keys, scripts
from callrec.adapters.redis.connection import PATIENT_S, QUICK_S, USUAL_S, Address, ask, run, translated
from callrec.adapters.redis.editing import HASHES, arguments
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.events import KEPT
from callrec.adapters.redis.persistence import keeps_nothing, remark
from callrec.adapters.redis.record_codec import fields_out
from callrec.adapters.redis.recordings import RedisRecordings
from callrec.adapters.redis.records import (
    CODE,
    CONTEXT,
    ENTITY,
    INCALL,
    KEY,
    LINE,
    PROFILE,
    ROLE,
    USER,
    VOICEMAIL,
    Noun,
    Record,
    dump_json,
)
from callrec.app.asked import done_by
from callrec.app.store_port import Snapshot, UserFields
from callrec.app.tables_mark import Standing
from callrec.domain.errors import Conflict, Corrupt, OutcomeUnknown, Refused, Unavailable
from callrec.domain.provisioning.checks import is_plain
from callrec.domain.provisioning.claims import at, endpoint
from callrec.domain.provisioning.edit import Edit
from callrec.domain.provisioning.fields import checked
from callrec.domain.provisioning.model import (
    DEFAULT_CODES,
    DEFAULT_CONTEXTS,
    DEFAULT_ENTITIES,
    DEFAULT_PROFILES,
    DEFAULT_ROLES,
    FEATURE_CODE,
    Feature,
    FeatureCode,
    Tables,
    User,
    UserId,
)
from callrec.domain.provisioning.slices import sorted_texts

EMBEDDED = ("embedded:", "embedded")
"""What CALLREC_REDIS_URL says for a store of our own."""
_STANDING = [keys.EVENTS, keys.REVISION, keys.LAST_CHANGE, keys.EDITION, keys.CODES, *HASHES]
REQUEST_KEPT_S = 86_400
"""How long the answer to a request id is remembered."""


@asynccontextmanager
async def open_store(
    url: str, state_dir: Path, *, join: bool = False, on_trouble: Callable[[str], None] = lambda _code: None
) -> AsyncIterator["RedisStore"]:
    """The store behind CALLREC_REDIS_URL; `embedded:` starts one of our own below `state_dir`.

    With `join`, an embedded store that another process runs is used as it is (the command line beside the daemon);
    without, that is refused. `on_trouble` is told by a code when our own one ends or does not start again.
    An outside server need not be up yet. Raises Misconfigured, Unavailable, Corrupt.
    """
    if url in EMBEDDED:
        own = EmbeddedValkey(state_dir, join=join, on_trouble=on_trouble)
        async with own as socket, RedisStore(Address.of_socket(socket)) as store:
            yield store
    else:
        async with RedisStore(Address.of_url(url)) as store:
            yield store


class RedisStore(RedisRecordings):
    """Keeps the promises of `app.store_port`: TableStore, RecordingIndex, EventSink."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._client = address.client()

    async def __aenter__(self) -> "RedisStore":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer within 0.5 s."""
        async with self._within(QUICK_S):
            await ask(self._client, "PING")

    async def probe(self) -> None:
        """Ask for a change that changes nothing. Raises Unavailable (`store-read-only`), Misconfigured, when a change would be
        refused, or when the server cannot keep one."""
        async with self._within(USUAL_S):
            await run(self._client, scripts.PROBE, [keys.REVISION, keys.PROBE])
            facts: dict[str, str | int | float] = await ask(self._client, "INFO", "persistence")
        if reason := keeps_nothing(facts):
            raise Unavailable("store-keeps-nothing", f"{self.address.shown}: {reason}", hint="callrec doctor says more")

    async def persistence(self) -> str:
        """What the server's settings mean for promises made to people; "" when a flag survives a power cut."""
        async with self._within(USUAL_S):
            return await remark(self._client)

    async def tables(self) -> Tables:
        """See TableStore."""
        return (await self.snapshot()).tables

    async def snapshot(self, event: str = "") -> Snapshot:
        """See TableStore. Raises Corrupt when a record cannot be read."""
        async with self._within(PATIENT_S):
            found = await run(self._client, scripts.SNAPSHOT, _STANDING, event, KEPT)
        return await asyncio.to_thread(_snapshot, found)  # a second's work for many users: calls go on meanwhile

    async def standing(self, event: str) -> Standing:
        """See AskableStore."""
        async with self._within(USUAL_S):
            return _standing(await run(self._client, scripts.STANDING, _STANDING, event, KEPT))

    async def accept(self, revision: int) -> Standing | None:
        """See AskableStore."""
        found = await self._durably(scripts.ACCEPT, _STANDING, [revision, KEPT])
        return _standing(found) if found else None

    async def reserve_user_ids(self, count: int) -> Sequence[UserId]:
        """See TableStore."""
        async with self._within(USUAL_S):
            last = int(await ask(self._client, "INCRBY", keys.LAST_USER_ID, count))
        return [UserId(str(number)) for number in range(last - count + 1, last + 1)]

    async def add(self, tables: Tables, request_id: str, *, actor: str = "") -> None:
        """See TableStore."""
        await self.edit(Edit.adding(tables), request_id, actor=actor)

    async def edit(
        self, edit: Edit, request_id: str, *, based_on: int | None = None, actor: str = "", receipt: str = ""
    ) -> str | None:
        """See TableStore."""
        carry, *chunks = await asyncio.to_thread(arguments, edit)
        head = ["" if based_on is None else based_on, _actor(actor), KEPT, REQUEST_KEPT_S, carry, receipt]
        outcome, *told = await self._durably(
            scripts.EDIT,
            [
                *(_request(request_id), keys.REVISION, keys.EVENTS, keys.EDITION, keys.CALL_RECORD_SET),
                *(keys.LAST_CHANGE, *HASHES),
            ],
            [*head, *chunks],
            limit_s=PATIENT_S,
        )
        if outcome == "stale":
            raise _edited()
        if outcome == "gone":
            message = f"without an edit the store lost records of: {', '.join(told)}"
            raise Corrupt("store-records-gone", message, hint="nothing was changed; callrec doctor says what to do")
        if outcome == "taken":
            what = sorted({place.split(" ", 1)[1] for place in told})
            raise Refused(
                "table-conflict",
                f"already taken: {', '.join(what[:20])}{f' and {len(what) - 20} more' if len(what) > 20 else ''}",  # noqa: PLR2004 - a sentence names twenty, not a thousand
                hint="nothing was changed",
            )
        return _done(outcome, told, receipt)

    async def receipt(self, request_id: str) -> str | None:
        """See TableStore."""
        async with self._within(QUICK_S):
            found = await ask(self._client, "GET", _request(request_id))
        return None if found is None else str(found)

    async def toggle_call_record(self, user: UserId, request_id: str, actor: str) -> bool:
        """See TableStore."""
        return (await self._change_user(user, {}, "call_record", request_id, actor)).call_record

    async def flag_set_ms(self, user: UserId) -> int:
        """See TableStore."""
        async with self._within(QUICK_S):
            return int(await ask(self._client, "HGET", keys.CALL_RECORD_SET, user) or 0)

    async def keep_word(
        self, user: UserId, *, on: bool, told_ms: int, request_id: str, actor: str, made_from_ms: int | None = None
    ) -> bool:
        """See TableStore."""
        told = (told_ms, "" if made_from_ms is None else made_from_ms)
        return (await self._change_user(user, {"call_record": on}, "", request_id, actor, told=told)).call_record

    async def set_user(self, user: UserId, *, actor: str, request_id: str, **fields: Unpack[UserFields]) -> User:
        """See TableStore."""
        return await self._change_user(user, fields_out(checked(fields)), "", request_id, actor)

    async def set_code(
        self,
        feature: Feature,
        code: str,
        enabled: bool,
        *,
        actor: str = "",
        before: FeatureCode | None = None,
        request_id: str | None = None,
        receipt: str = "",
    ) -> str | None:
        """See TableStore."""
        if not FEATURE_CODE.fullmatch(code):
            raise Refused("feature-code", f"{code[:50]!r} is no feature code", hint="1 to 40 digits, * or #")
        defaults = dump_json({default.feature: default.code for default in DEFAULT_CODES})
        record = CODE.whole(FeatureCode(feature, code, enabled))
        unset = next(CODE.whole(default) for default in DEFAULT_CODES if default.feature is feature)
        once = ("", "") if request_id is None else (REQUEST_KEPT_S, receipt)
        outcome, *told = await self._durably(
            scripts.SET_CODE,
            [keys.REVISION, keys.EVENTS, keys.CODES, _request(request_id or "none"), keys.LAST_CHANGE],
            [feature, record, defaults, code, _actor(actor), KEPT, CODE.whole(before) if before else "", *once, unset],
        )
        if outcome == "stale":
            raise _edited()
        if outcome == "taken":
            raise Refused("feature-code-taken", f"{code} is already the code of {told[0]}", hint="nothing was changed")
        return _done(outcome, told, receipt)

    async def _change_user(
        self,
        user: UserId,
        fields: Mapping[str, object],
        toggle: str,
        request_id: str,
        actor: str,
        *,
        told: tuple[int | str, int | str] = ("", ""),
    ) -> User:
        outcome, *record = await self._durably(
            scripts.CHANGE_USER,
            [
                *(_request(request_id), keys.REVISION, keys.EVENTS),
                *(keys.USERS, keys.CALL_RECORD_SET, keys.LAST_CHANGE),
            ],
            [user, dump_json(fields), toggle, _actor(actor), KEPT, REQUEST_KEPT_S, *told],
        )
        if outcome == "absent":
            raise Refused("no-such-user", "there is no user of that id", hint="nothing was changed")
        stored = USER.load(record[0])
        if stored.id != user:
            raise Refused("request-id-reused", "this request id has been used for another user")
        return stored

    async def _durably(
        self, script: str, names: list[str], arguments: Sequence[str | int], limit_s: float | None = None
    ) -> list[str]:
        """Run one script and wait until its writes are on disk.

        The PING tells a server that is down or wedged while nothing has been sent yet: then the outcome is known.
        WAITAOF speaks of the writes of its own connection, so both travel in one pipeline, which is one connection.
        """
        await self.ping()
        limit_s = limit_s or self.address.durable_s
        pipeline = self._client.pipeline(transaction=False)
        pipeline.eval(script, len(names), *names, *arguments)
        pipeline.execute_command("WAITAOF", 1, 0, int(limit_s * 900))
        try:
            async with self._within(limit_s):
                result, synced = await pipeline.execute(raise_on_error=False)
        except Unavailable as lost:
            raise _unknown(lost.message) from lost
        if isinstance(result, Exception):
            error = translated(result, self.address.shown)
            await self._after(error)
            raise error from result
        # A server without WAITAOF (before 7.2) or without AOF answers with an error: `persistence` says what that means.
        if not isinstance(synced, fault.ResponseError) and synced[0] < 1:
            raise _unknown(f"{self.address.shown} did not write to its disk in time")
        return list(result)


def _standing(found: Sequence[Any]) -> Standing:
    revision, event, follows, users, *gone = found
    return Standing(int(revision), event, bool(int(follows)), tuple(gone), int(users))


def _snapshot(found: Sequence[Any]) -> Snapshot:
    """The answer of the script as tables, in an order that does not depend on the server."""
    about, cursor, edition, codes, *hashes = found
    standing = _standing(about)
    stored = {code.feature: code for code in map(CODE.load, codes)}
    users, lines, incalls, voicemails, contexts, entities, profiles, function_keys, roles = hashes
    tables = Tables(
        users=_loaded(USER, users, lambda user: f"{len(user.id):03}{user.id}"),
        lines=_loaded(LINE, lines, endpoint),
        incalls=_loaded(INCALL, incalls, lambda incall: at(incall.exten, incall.context)),
        voicemails=_loaded(VOICEMAIL, voicemails, lambda box: at(box.mailbox, box.context)),
        codes=tuple(stored.get(code.feature, code) for code in DEFAULT_CODES),
        contexts=_loaded(CONTEXT, contexts, lambda context: context.name) or DEFAULT_CONTEXTS,
        entities=_loaded(ENTITY, entities, lambda entity: f"{entity.id:012}") or DEFAULT_ENTITIES,
        profiles=_loaded(PROFILE, profiles, lambda profile: profile.name) or DEFAULT_PROFILES,
        roles=_loaded(ROLE, roles, lambda role: role.name) or DEFAULT_ROLES,
        keys=_loaded(KEY, function_keys, lambda key: f"{len(key.user):03}{key.user}:{key.number:03}"),
    )
    return Snapshot(tables, standing.revision, cursor, int(edition), standing)


def _loaded(record: Record[Noun], values: list[str], key: Callable[[Noun], str]) -> tuple[Noun, ...]:
    """The records of one hash by their keys, in steps so small that other threads are not kept waiting; empties `values`."""
    found = {}
    while values:
        noun = record.load(values.pop())
        found[key(noun)] = noun
    return tuple(found[text] for text in sorted_texts(found))


def _done(outcome: str, told: Sequence[str], receipt: str) -> str | None:
    """What a request of this id had done, when the script has found its receipt. It was never this very call: nothing is sent
    twice (`connection`), so who asks again after a lost answer makes another call, and is told what was done."""
    return done_by(told[0], receipt.partition(" ")[0]) if outcome == "done" else None


def _edited() -> Conflict:
    return Conflict("tables-edited", "somebody else has edited the tables meanwhile", hint="look again, and try again")


def _unknown(message: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        "store-outcome-unknown", f"{message}: the change may have happened", hint="ask again with the same request id"
    )


def _request(request_id: str) -> str:
    if not keys.REQUEST_ID.fullmatch(request_id):
        raise Refused("request-id", "a request id is 1 to 100 letters, digits or any of . _ : -")
    return keys.request(request_id)


def _actor(actor: str) -> str:
    if len(actor) > 200 or not is_plain(actor):  # noqa: PLR2004 - an actor is a short name; the sentence says it
        raise Refused("actor", "an actor is at most 200 characters, none of them a control character")
    return actor
