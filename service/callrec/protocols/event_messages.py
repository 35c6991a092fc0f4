"""Events as outside programs get them: one JSON object, the same text in server-sent events and webhooks."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from callrec.domain.errors import Corrupt
from callrec.protocols.event_types import BY_NAME, VERSION, EventField, EventType, Kind

EVENT_ID = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")
"""The id of a stream's entry: milliseconds since 1970, and a number among those of the same millisecond."""
_MOST = (1 << 64) - 1
"""Each of the two numbers has 64 bits."""
_AT_S = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_YEAR_10000_S = 253_402_300_800


@dataclass(frozen=True, slots=True)
class EventMessage:
    """One event. `text` is its JSON."""

    id: str
    type: str
    text: str


def event_order(event_id: str) -> tuple[int, int]:
    """The place of an event in the stream: larger for later events. Raises ValueError for text that is no id."""
    found = EVENT_ID.fullmatch(event_id)
    if found is None or max(order := (int(found[1]), int(found[2]))) > _MOST:
        raise ValueError(event_id)
    return order


def message_of(event_id: str, entry: Mapping[str, str]) -> EventMessage | None:
    """The message for an entry of the stream; None for a type that this version does not know, of which nothing may be shown.
    Raises Corrupt when the entry lacks a required field, or has one that cannot be read."""
    kind = BY_NAME.get(entry.get("type", ""))
    if kind is None or not kind.in_stream:
        return None
    data = {}
    for field in kind.fields:
        value = entry.get(field.name)
        if value is None or (value == "" and field.kind is not Kind.TEXT):
            if field.is_required:
                raise Corrupt("store-event", f"the event {event_id} of type {kind.name} has no {field.name}")
            continue
        data[field.name] = _read(field, value, f"the event {event_id} of type {kind.name}")
    return message(event_id, kind, _moment_s(event_id, entry), data)


def message(event_id: str, kind: EventType, at_s: float, data: Mapping[str, object]) -> EventMessage:
    """A message with these fields."""
    moment = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whole = {"id": event_id, "type": kind.name, "timestamp": moment, "version": VERSION, "data": data}
    return EventMessage(event_id, kind.name, json.dumps(whole))


def _moment_s(event_id: str, entry: Mapping[str, str]) -> float:
    """When it happened: the daemon's `at_s`; for entries without it, when they were added."""
    at_s = entry.get("at_s", "")
    moment_s = float(at_s) if _AT_S.fullmatch(at_s) else event_order(event_id)[0] / 1000
    if moment_s >= _YEAR_10000_S:
        raise Corrupt("store-event", f"the event {event_id} is from after the year 9999")
    return moment_s


def _read(field: EventField, value: str, where: str) -> object:
    if field.kind is Kind.TEXT:
        return value
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    match field.kind, found:
        case (Kind.INTEGER, int()) if not isinstance(found, bool):
            return found
        case (Kind.NUMBER, int() | float()) if not isinstance(found, bool):
            return found
        case (Kind.TEXTS, [*items]) if all(isinstance(item, str) for item in items):
            return found
        case (Kind.OBJECTS, [*items]) if all(isinstance(item, dict) for item in items):
            return found
        case _:
            raise Corrupt("store-event", f"{where}: {field.name} is not a {field.kind}")
