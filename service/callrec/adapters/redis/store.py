"""The store: tables, index of recordings and events in Redis. Each change is one script, and on disk when it returns."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

from redis import exceptions as fault

from callrec.adapters.redis import keys, scripts
from callrec.adapters.redis.connection import (
    PATIENT_S,
    QUICK_S,
    USUAL_S,
    Address,
    ask,
    on_one_connection,
    run,
    translated,
)
from callrec.adapters.redis.edit_arguments import HASHES, TABLES, arguments
from callrec.adapters.redis.embedded import EmbeddedValkey
from callrec.adapters.redis.event_sink import RedisEvents
from callrec.adapters.redis.events import KEPT
from callrec.adapters.redis.persistence import keeps_nothing, remark
from callrec.adapters.redis.record_codec import fields_out
from callrec.adapters.redis.records import (
    CODE,
    CONTEXT,
    ENTITY,
    GROUP,
    INCALL,
    KEY,
    LINE,
    PLACE,
    PROFILE,
    ROLE,
    USER,
    VOICEMAIL,
    Record,
    TableRecord,
    dump_json,
)
from callrec.app.directory.idempotency import done_by
from callrec.app.ports.directory import Snapshot, UserFields
from callrec.domain.directory.cooperative_sort import sorted_texts
from callrec.domain.directory.edit import Edit
from callrec.domain.directory.field_rules import checked
from callrec.domain.directory.model import (
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
)
from callrec.domain.directory.tables_mark import Standing
from callrec.domain.directory.unique_keys import at, endpoint, place_key
from callrec.domain.directory.value_checks import is_plain
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import Conflict, Corrupt, OutcomeUnknown, Refused, Unavailable
from callrec.domain.rules import UserId

EMBEDDED = ("embedded:", "embedded")
"""The values of CALLREC_REDIS_URL for the embedded store."""
_STANDING = [
    *(keys.EVENTS, keys.REVISION, keys.LAST_CHANGE, keys.EDITION, keys.CODES),
    *(*TABLES, keys.PLACES, keys.GROUPS, keys.CLAIMS),
]
CHUNK_S = 0.02
"""Added to PATIENT_S for each argument of an edit: a busy machine needs more for the 15,000 arguments of half a million users."""
REQUEST_KEPT_S = 86_400
"""How long the receipt of a request id is kept."""


@asynccontextmanager
async def open_store(
    url: str, state_dir: Path, *, join: bool = False, on_trouble: Callable[[ErrorCode], None] = lambda _code: None
) -> AsyncIterator["RedisStore"]:
    """The store of CALLREC_REDIS_URL; `embedded:` starts a server below `state_dir`.

    `join`: use an embedded store that another process runs (a command beside the daemon) instead of refusing. `on_trouble` gets
    the error code when the embedded store ends or does not start again. An outside server may still be down. Raises
    Misconfigured, Unavailable, Corrupt.
    """
    if url in EMBEDDED:
        own = EmbeddedValkey(state_dir, join=join, on_trouble=on_trouble)
        async with own as socket, RedisStore(Address.of_socket(socket)) as store:
            yield store
    else:
        async with RedisStore(Address.of_url(url)) as store:
            yield store


class RedisStore(RedisEvents):
    """Implements `app.ports`: TableStore, EventSink."""

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
        """Send a write that changes nothing. Raises Unavailable (`store-read-only`, `store-keeps-nothing`) or Misconfigured when
        the server would refuse a change, or lose it."""
        async with self._within(USUAL_S):
            await run(self._client, scripts.PROBE, [keys.REVISION, keys.PROBE])
            facts: dict[str, str | int | float] = await ask(self._client, "INFO", "persistence")
        if reason := keeps_nothing(facts):
            raise Unavailable(
                "store-keeps-nothing", f"{self.address.shown}: {reason}", hint="callrec doctor shows the settings"
            )

    async def persistence(self) -> str:
        """Sentences about settings of the server that could lose confirmed changes; "" when all survive a power cut."""
        async with self._within(USUAL_S):
            return await remark(self._client)

    async def tables(self) -> Tables:
        """All tables at one instant."""
        return (await self.snapshot()).tables

    async def snapshot(self, event: str = "") -> Snapshot:
        """All tables at one instant, and their standing compared with the mark that has this event. Raises Corrupt when a record
        cannot be read."""
        async with self._within(PATIENT_S):
            found = await run(self._client, scripts.SNAPSHOT, _STANDING, event, KEPT)
        return await asyncio.to_thread(_snapshot, found)  # it takes a second with many users, and calls must not wait

    async def standing(self, event: str) -> Standing:
        """The tables' standing, compared with the mark that has this event."""
        async with self._within(USUAL_S):
            return _standing(await run(self._client, scripts.STANDING, _STANDING, event, KEPT))

    async def accept(self, revision: int) -> Standing | None:
        """Accept the tables of this revision as complete; None when the store has another revision."""
        found = await self._durably(scripts.ACCEPT, _STANDING, [revision, KEPT])
        return _standing(found) if found else None

    async def reserve_user_ids(self, count: int) -> Sequence[UserId]:
        """So many new ids, which are never reused."""
        async with self._within(USUAL_S):
            last = int(await ask(self._client, "INCRBY", keys.LAST_USER_ID, count))
        return [UserId(str(number)) for number in range(last - count + 1, last + 1)]

    async def edit(
        self, edit: Edit, request_id: str, *, based_on: int | None = None, actor: str = "", receipt: str = ""
    ) -> str | None:
        """The whole edit or nothing, once per request id; answers and errors as `TableStore.edit` says."""
        carry, *chunks = await asyncio.to_thread(arguments, edit)
        head = ["" if based_on is None else based_on, _actor(actor), KEPT, REQUEST_KEPT_S, carry, receipt]
        outcome, *told = await self._durably(
            scripts.EDIT,
            [
                *(_request(request_id), keys.REVISION, keys.EVENTS, keys.EDITION, keys.CALL_RECORD_SET),
                *(keys.LAST_CHANGE, *HASHES),
            ],
            [*head, *chunks],
            limit_s=PATIENT_S + CHUNK_S * len(chunks),
        )
        if outcome == "stale":
            raise _edited()
        if outcome == "gone":
            message = f"records are missing in the store that no edit has removed: {', '.join(told)}"
            raise Corrupt("store-records-gone", message, hint="nothing was changed; callrec doctor shows what to do")
        if outcome == "taken":
            what = sorted({place.split(" ", 1)[1] for place in told})
            raise Refused(
                "table-conflict",
                f"already taken: {', '.join(what[:20])}{f' and {len(what) - 20} more' if len(what) > 20 else ''}",  # noqa: PLR2004 - a message names twenty, not a thousand
                hint="nothing was changed",
            )
        return _done(outcome, told, receipt)

    async def receipt(self, request_id: str) -> str | None:
        """The receipt of this request; None when it has none."""
        async with self._within(QUICK_S):
            found = await ask(self._client, "GET", _request(request_id))
        return None if found is None else str(found)

    async def toggle_call_record(self, user: UserId, request_id: str, actor: str) -> bool:
        """Toggle the always-record flag; returns its new value."""
        return (await self._change_user(user, {}, "call_record", request_id, actor)).call_record

    async def flag_set_ms(self, user: UserId) -> int:
        """When the always-record flag was last set, in ms since the epoch; 0: never."""
        async with self._within(QUICK_S):
            return int(await ask(self._client, "HGET", keys.CALL_RECORD_SET, user) or 0)

    async def apply_fallback_change(
        self, user: UserId, *, on: bool, told_ms: int, request_id: str, actor: str, made_from_ms: int | None = None
    ) -> bool:
        """Set the flag to what the dialplan announced at `told_ms`, unless it was set later; returns its value."""
        told = (told_ms, "" if made_from_ms is None else made_from_ms)
        return (await self._change_user(user, {"call_record": on}, "", request_id, actor, told=told)).call_record

    async def set_user(self, user: UserId, *, actor: str, request_id: str, **fields: Unpack[UserFields]) -> User:
        """Change these fields of a user; returns the user as stored."""
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
        """Set a feature's digits, enable or disable it; answers and errors as `TableStore.set_code` says."""
        if not FEATURE_CODE.fullmatch(code):
            raise Refused("feature-code", f"{code[:50]!r} is not a feature code", hint="1 to 40 digits, * or #")
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
            raise Refused("no-such-user", "no user has this id", hint="nothing was changed")
        stored = USER.load(record[0])
        if stored.id != user:
            raise Refused("request-id-reused", "this request id was used for another user")
        return stored

    async def _durably(
        self, script: str, names: list[str], arguments: Sequence[str | int | bytes], limit_s: float | None = None
    ) -> list[str]:
        """Run one script and wait until its writes are on disk.

        The PING shows that a server is down or hangs before anything was sent, so that the outcome is known.
        WAITAOF waits for the writes of its own connection, so both are sent on one.
        """
        await self.ping()
        limit_s = limit_s or self.address.durable_s
        change = "EVAL", script, len(names), *names, *arguments
        try:
            async with self._within(limit_s):
                result, synced = await on_one_connection(self._client, change, ("WAITAOF", 1, 0, int(limit_s * 900)))
        except Unavailable as lost:
            raise _unknown(lost.message) from lost
        if isinstance(result, Exception):
            error = translated(result, self.address.shown)
            await self._after(error)
            raise error from result
        # A server without WAITAOF (before 7.2) or without AOF answers with an error; `persistence` reports what that means.
        if not isinstance(synced, fault.ResponseError) and synced[0] < 1:
            raise _unknown(f"{self.address.shown} did not write to its disk in time")
        return list(result)


def _standing(found: Sequence[Any]) -> Standing:
    revision, event, follows, users, *gone = found
    return Standing(int(revision), event, bool(int(follows)), tuple(gone), int(users))


def _snapshot(found: Sequence[Any]) -> Snapshot:
    """The script's answer as tables, sorted."""
    about, cursor, edit_revision, codes, *hashes = found
    standing = _standing(about)
    stored = {code.feature: code for code in map(CODE.load, codes)}
    users, lines, incalls, voicemails, contexts, entities, profiles, function_keys, roles, places, groups = hashes
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
        places=_loaded(PLACE, places, lambda one: place_key(one.kind, one.name)),
        groups=_loaded(GROUP, groups, lambda group: group.name),
        keys=_loaded(KEY, function_keys, lambda key: f"{len(key.user):03}{key.user}:{key.number:03}"),
    )
    return Snapshot(tables, standing.revision, cursor, int(edit_revision), standing)


def _loaded(
    record: Record[TableRecord], values: list[str], key: Callable[[TableRecord], str]
) -> tuple[TableRecord, ...]:
    """The records of one hash by their keys. Works in small steps, so that other threads can run, and empties `values`."""
    found = {}
    while values:
        table_record = record.load(values.pop())
        found[key(table_record)] = table_record
    return tuple(found[text] for text in sorted_texts(found))


def _done(outcome: str, told: Sequence[str], receipt: str) -> str | None:
    """The result of an earlier request with this id, from its receipt; None when the change was made now. The earlier request was
    another call of a client that lost the answer: the client library sends nothing twice (`connection`)."""
    return done_by(told[0], receipt.partition(" ")[0]) if outcome == "done" else None


def _edited() -> Conflict:
    return Conflict(
        "tables-edited", "another edit of the tables came first", hint="read the record again and repeat the change"
    )


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
