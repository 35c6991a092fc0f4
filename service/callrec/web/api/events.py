"""Events over HTTP: server-sent events, and the documents that describe them."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec import __version__
from callrec.app.events.hub import EventHub, Subscription
from callrec.domain.directory.model import Permission
from callrec.domain.errors import CallrecError
from callrec.protocols.event_documents import asyncapi, event_schema
from callrec.protocols.event_messages import EventMessage, event_order
from callrec.protocols.event_types import TYPES
from callrec.web.api.records import Query
from callrec.web.api.responses import AsyncApiDocument, SchemaDocument
from callrec.web.auth import RECHECK_S, still_may
from callrec.web.problems import Wrong, wrong_parameters
from callrec.web.requests import JSON, query_of
from callrec.web.routes import Answer, Operation

EVENT_STREAM = "text/event-stream"
HEARTBEAT_S = 15.0
"""After this time without an event a comment is sent, so that both ends notice a dead connection."""
STALL_S = 15.0
"""How long a subscriber may read nothing while something is to be sent."""
LIFE_S = 3600.0
"""How long one connection lasts; the client comes back with its Last-Event-ID. So a token that was changed ends them all."""
RETRY_MS = 2000
READY_S = 2.0
"""How long a subscriber waits for the store after the daemon's start, before it gets 503."""
LAST = "Last-Event-ID"
_TAG = "events"
_KNOWN = {one.name for one in TYPES if one.in_stream}


class EventsQuery(Query):
    """Which events."""

    types: str | None = Field(
        None,
        max_length=2000,
        pattern=r"^[a-z-]+(,[a-z-]+)*$",
        description="Only events of these types, separated by commas. Default: all.",
    )


def event_operations(hub: EventHub) -> list[Operation]:
    """The operations of events."""
    following, ok = _Events(hub), HTTPStatus.OK
    return [
        Operation(
            "GET", "/events", "followEvents", _TAG, "Follow the events (server-sent events).", following.follow,
            {ok: Answer("The events, as they happen. The connection ends after an hour at the latest.", media=EVENT_STREAM)},
            (HTTPStatus.UNPROCESSABLE_ENTITY,), query=EventsQuery, headers=(f"{LAST} (optional)",), limit_s=LIFE_S + 60,
            needs=(Permission.EVENTS_READ,),
        ),
        _document("/events/schema", "eventSchema", "The JSON Schema (2020-12) of one event.", SchemaDocument, event_schema()),
        _document(
            "/events/asyncapi", "eventsAsyncApi", "The AsyncAPI 3.0 document of all events.", AsyncApiDocument,
            asyncapi(__version__),
        ),
    ]  # fmt: skip


def _document(path: str, name: str, says: str, body: type[BaseModel], document: dict[str, object]) -> Operation:
    text = json.dumps(document)

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=JSON)

    return Operation("GET", path, name, _TAG, says, show, {HTTPStatus.OK: Answer("The document.", body)}, needs=())


class _Events:
    def __init__(self, hub: EventHub) -> None:
        self._hub = hub

    async def follow(self, request: web.Request) -> web.StreamResponse:
        types, last = _types(request), _last(request)
        await self._hub.ready(READY_S)
        with self._hub.subscribed(types) as subscription:
            past = self._hub.replay(last, subscription) if last else None
            first = await anext(past, None) if past else None  # before the answer begins: the store may be down
            answer = web.StreamResponse(headers={"X-Accel-Buffering": "no"})
            answer.content_type, answer.charset = EVENT_STREAM, "utf-8"
            answer.enable_chunked_encoding()
            await answer.prepare(request)
            if request.method == "HEAD":
                return answer
            try:
                await _send(answer, b"retry: %d\n\n" % RETRY_MS)
                sent = await _send_past(answer, first, past) if first and past else (0, 0)
                await _send_live(request, answer, subscription, sent)
                await answer.write_eof()
            except (TimeoutError, ConnectionError, CallrecError):
                # Too slow, gone, or the store does not answer within a replay: the client comes back
                _cut(request)
            except BaseException:
                _cut(request)
                raise
        return answer


def _cut(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


async def _send_past(
    answer: web.StreamResponse, first: EventMessage, past: AsyncIterator[EventMessage]
) -> tuple[int, int]:
    """Send the replayed events; the place of the last one."""
    sent = (0, 0)
    await _send(answer, _frame(first))
    if first.id:
        sent = event_order(first.id)
    async for event in past:
        await _send(answer, _frame(event))
        sent = event_order(event.id)
    return sent


async def _send_live(
    request: web.Request, answer: web.StreamResponse, subscription: Subscription, sent: tuple[int, int]
) -> None:
    """Send events as they come, without those up to `sent`, until the subscription, the connection's time or the permission is
    over."""
    clock = asyncio.get_running_loop().time
    ends_s, checked_s = clock() + LIFE_S, clock()
    while not subscription.over and clock() < ends_s:
        events = await subscription.next(min(HEARTBEAT_S, ends_s - clock()))
        if clock() - checked_s >= RECHECK_S:
            if not await still_may(request, Permission.EVENTS_READ):
                return
            checked_s = clock()
        fresh = [event for event in events if event_order(event.id) > sent]
        if fresh:
            sent = (0, 0)
        if fresh or not events:
            await _send(answer, b"".join(map(_frame, fresh)) or b":\n\n")


async def _send(answer: web.StreamResponse, frames: bytes) -> None:
    """Raises TimeoutError when the client does not read."""
    async with asyncio.timeout(STALL_S):
        await answer.write(frames)


@lru_cache(maxsize=256)
def _frame(event: EventMessage) -> bytes:
    """The event's lines: made once for all subscribers."""
    numbered = f"id: {event.id}\n" if event.id else ""
    return f"{numbered}event: {event.type}\ndata: {event.text}\n\n".encode()


def _types(request: web.Request) -> frozenset[str]:
    wanted = frozenset((query_of(request, EventsQuery).types or "").split(",")) - {""}
    if unknown := sorted(wanted - _KNOWN):
        hint = "GET /api/v1/events/schema has all types"
        raise wrong_parameters([Wrong("types", f"there is no type {one}") for one in unknown[:10]], hint=hint)
    return wanted


def _last(request: web.Request) -> str:
    given = request.headers.getall(LAST, [])
    if not given or given == [""]:
        return ""
    try:
        (last,) = given
        event_order(last)
    except ValueError:
        raise wrong_parameters([Wrong(LAST, "must be the id of an event, e.g. 1795899680250-0")]) from None
    return last
