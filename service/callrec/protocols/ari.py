"""The Asterisk REST Interface as text: paths and headers into it, events out of it. Pure: no socket, no clock."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from callrec.domain.errors import Corrupt, Misconfigured, Refused

MAX_EVENT_BYTES: Final = 1024 * 1024
MAX_PART_BYTES: Final = 256

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AriEvent:
    """One event of the WebSocket. A field that the event does not have is empty; `body` is the whole of it."""

    type: str
    application: str = ""
    channel_id: str = ""
    playback_id: str = ""
    playback_state: str = ""
    bridge_id: str = ""
    digit: str = ""
    body: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)


def parse_event(text: str) -> AriEvent:
    """Turn one WebSocket text message into an event; Corrupt (`ari-event`) when it is not an object with a type."""
    if len(text) > MAX_EVENT_BYTES:
        raise _corrupt(f"more than {MAX_EVENT_BYTES} characters")
    body = parse_object(text)
    kind = _text(body, "type")
    if not kind:
        raise _corrupt("an event without a type")
    playback = _part(body, "playback")
    return AriEvent(
        type=kind,
        application=_text(body, "application"),
        channel_id=_text(_part(body, "channel"), "id"),
        playback_id=_text(playback, "id"),
        playback_state=_text(playback, "state"),
        bridge_id=_text(_part(body, "bridge"), "id"),
        digit=_text(body, "digit"),
        body=body,
    )


def parse_object(text: str) -> Mapping[str, object]:
    """Turn JSON text into an object; Corrupt when it is anything else."""
    found = parse_json(text)
    if not isinstance(found, dict):
        raise _corrupt(f"a JSON {type(found).__name__} where an object belongs")
    return found


def parse_json(text: str) -> object:
    """Turn JSON text into its value; Corrupt when it is none, or nested too deep.

    Escaped lone surrogates are legal JSON and would later break a log line or a key: they become U+FFFD here.
    """
    try:
        found: object = json.loads(text)
        return _scrubbed(found) if "\\ud" in text.lower() else found
    except (ValueError, RecursionError):
        raise _corrupt("not JSON") from None


def path(parts: Sequence[str]) -> str:
    """Return `/ari/a/b` with every part quoted, so that no id can name another resource.

    Refused (`ari-path`) for an empty or overlong part, `.` and `..` (which HTTP clients resolve), and what UTF-8 cannot
    carry.
    """
    return "/ari/" + "/".join(_quoted(part) for part in parts)


def basic_auth(username: str, password: str) -> str:
    """Return the value of the Authorization header; Misconfigured when HTTP cannot carry these."""
    if ":" in username or _CONTROL.search(username + password):
        raise Misconfigured("ari-credentials", "the ARI user holds a colon, or user or password a control character")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _quoted(part: str) -> str:
    if part in {"", ".", ".."}:
        raise Refused("ari-path", f"ARI path part refused: {part!r}")
    try:
        quoted = quote(part, safe="")
    except UnicodeEncodeError:
        raise Refused("ari-path", "ARI path part refused: not text that UTF-8 can carry") from None
    if len(quoted) > MAX_PART_BYTES or "%00" in quoted or "%0A" in quoted or "%0D" in quoted:
        raise Refused("ari-path", f"ARI path part refused: longer than {MAX_PART_BYTES} bytes, or with CR, LF or NUL")
    return quoted


def _part(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _scrubbed(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value


def _corrupt(what: str) -> Corrupt:
    return Corrupt("ari-event", f"ARI sent {what}", hint="look at what answers on the ARI address")
