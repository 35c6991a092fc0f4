"""The documents for developers of receivers: the JSON Schema of all events, and the AsyncAPI description of the ways by which
they come. Both are made of `event_types`.
"""

from collections.abc import Mapping

from callrec.protocols.event_types import TYPES, VERSION, EventField, EventType, Kind

Json = dict[str, object]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = f"urn:callrec:events:{VERSION}"
_KINDS: Mapping[Kind, Json] = {
    Kind.TEXT: {"type": "string"},
    Kind.NUMBER: {"type": "number"},
    Kind.INTEGER: {"type": "integer"},
    Kind.TEXTS: {"type": "array", "items": {"type": "string"}},
    Kind.OBJECTS: {"type": "array", "items": {"type": "object"}},
}
_MOMENT = "2026-11-28T22:21:20.250Z"
_EVENT_ID = "1795899680250-0"
_STREAM = (
    "Each entry has the field `type` and the fields of `data`, all as text: texts as they are, everything else as JSON."
)
_SERVERS: Json = {
    "api": {
        "host": "127.0.0.1:8080",
        "protocol": "http",
        "description": "CALLREC_HTTP_BIND of the daemon.",
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    },
    "store": {"host": "127.0.0.1:6379", "protocol": "redis", "description": "CALLREC_REDIS_URL of the daemon."},
}


def event_schema() -> Json:
    """The JSON Schema (2020-12) of one event, of any type."""
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "An event of callrec",
        "description": "Ignore types and fields that you do not know: later versions may add some.",
        "oneOf": [{"$ref": f"#/$defs/{one.name}"} for one in TYPES],
        "$defs": {one.name: _whole(one) for one in TYPES},
    }


def example(kind: EventType) -> Json:
    """An example of this type, with all fields."""
    data = {field.name: field.example for field in kind.fields}
    return {"id": _EVENT_ID, "type": kind.name, "timestamp": _MOMENT, "version": VERSION, "data": data}


def asyncapi(version: str) -> Json:
    """The AsyncAPI 3.0 document of this version of callrec."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of callrec",
            "version": version,
            "description": f"Schema {SCHEMA_ID}. Ignore types and fields that you do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": _SERVERS,
        "channels": _channels(),
        "operations": {
            name: {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}
            for name, channel in (
                ("sendServerSentEvent", "serverSentEvents"),
                ("postWebhook", "webhook"),
                ("appendToStream", "stream"),
            )
        },
        "components": {
            "messages": {one.name: _message(one) for one in TYPES},
            "schemas": {one.name: _whole(one) for one in TYPES},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _channels() -> Json:
    streamed = [one.name for one in TYPES if one.in_stream]
    return {
        "serverSentEvents": _channel(
            "/api/v1/events",
            "Server-sent events, with the API's token. `Last-Event-ID` replays at most one minute.",
            "api",
            [*streamed, "events-missed"],
        ),
        "webhook": _channel(
            None,
            "A POST to each webhook's URL in the Standard Webhooks form: webhook-id, webhook-timestamp, webhook-signature.",
            None,
            [*streamed, "webhook-test"],
        ),
        "stream": _channel("callrec:events", f"The stream in Redis. {_STREAM}", "store", streamed),
    }


def _channel(address: str | None, says: str, server: str | None, names: list[str]) -> Json:
    made: Json = {
        "address": address,
        "description": says,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    return made | ({"servers": [{"$ref": f"#/servers/{server}"}]} if server else {})


def _message(kind: EventType) -> Json:
    return {
        "name": kind.name,
        "summary": kind.says,
        "payload": {"$ref": f"#/components/schemas/{kind.name}"},
        "examples": [{"payload": example(kind)}],
    }


def _whole(kind: EventType) -> Json:
    return {
        "type": "object",
        "description": kind.says,
        "required": ["id", "type", "timestamp", "version", "data"],
        "properties": {
            "id": {"type": "string", "description": "The event's id: later events have larger numbers."},
            "type": {"const": kind.name},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
            "version": {"const": VERSION, "description": "The version of the schema."},
            "data": {
                "type": "object",
                "required": [field.name for field in kind.fields if field.is_required],
                "properties": {field.name: _field(field) for field in kind.fields},
            },
        },
        "examples": [example(kind)],
    }


def _field(field: EventField) -> Json:
    """`enum` is not used: a later version may add a value, and a receiver must not refuse the event for it."""
    known = f" Known values: {', '.join(field.values)}." if field.values else ""
    return {**_KINDS[field.kind], "description": field.says + known, "examples": [field.example]}
