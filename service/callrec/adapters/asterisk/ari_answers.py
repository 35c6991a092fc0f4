"""Reads HTTP answers of ARI: their JSON, or a CallrecError."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp

from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Refused, Unavailable
from callrec.protocols.ari import parse_json, parse_object

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""500 calls are 1,500 channels of about 700 bytes."""

_OK: Final = range(200, 300)
_CLIENT_ERRORS: Final = range(400, 500)
_DENIED: Final = frozenset({401, 403})
_DENIED_HINT: Final = "compare user and password with ari.conf; a user with read_only=yes may change nothing"
_NO_RESOURCE: Final = "Resource not found"
"""Asterisk's message for a path that no loaded module serves; for a missing channel, playback or bridge it has other messages
(res_ari.c: ast_ari_invoke)."""
_MODULES: Final = {"deviceStates": "device_states"}
"""Modules whose name differs from the first part of the path."""
_MEANING: Final[Mapping[int, tuple[ErrorCode, str]]] = {
    401: ("ari-denied", _DENIED_HINT),
    403: ("ari-denied", _DENIED_HINT),
    404: ("ari-not-found", "the channel, bridge or playback has ended or never existed"),
    409: ("ari-conflict", "the channel is not in callrec's application, or its state does not allow this"),
}


async def read_answer(name: str, response: aiohttp.ClientResponse) -> object:
    """The JSON of a successful answer (None for an empty one). Raises the error of any other."""
    raw = await _read_bounded(name, response)
    if response.status in _OK:
        return parse_json(raw.decode("utf-8", "replace")) if raw else None
    said = ascii(_message(raw)[:200])
    if response.status == HTTPStatus.NOT_FOUND and said == repr(_NO_RESOURCE):
        raise _without_module(name)
    if response.status in _CLIENT_ERRORS:
        code, hint = _MEANING.get(response.status, ("ari-refused", ""))
        raise Refused(code, f"ARI {name} refused with {response.status}: {said}", hint=hint)
    hint = "see Asterisk's log" if response.status != HTTPStatus.SERVICE_UNAVAILABLE else "Asterisk is still loading"
    raise Unavailable("ari-failed", f"ARI {name} failed with {response.status}: {said}", hint=hint)


def _without_module(name: str) -> CallrecError:
    """The error for a request whose module is not loaded. `name`: method and path."""
    part = name.partition("/ari/")[2].partition("/")[0]
    module = f"res_ari_{_MODULES.get(part, part)}"
    hint = f"load {module}.so; callrec doctor lists all modules that are missing"
    return Misconfigured("ari-module", f"Asterisk does not serve ARI {name}: {module} is not loaded", hint=hint)


def refused_handshake(status: int, username: str) -> CallrecError:
    """The error for a WebSocket handshake that was answered with this status."""
    if status in _DENIED:
        return Refused("ari-login", f"ARI refuses user {username!r}", hint=_DENIED_HINT)
    hint = "enable http.conf and ari.conf, and load res_ari_events"
    return Unavailable("ari-down", f"ARI answers the event stream with {status}", hint=hint)


async def _read_bounded(name: str, response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise Corrupt("ari-answer", f"ARI {name} answers with more than {MAX_ANSWER_BYTES} bytes")
    return bytes(raw)


def _message(raw: bytes) -> str:
    """Asterisk's message in a failed answer, or empty."""
    try:
        said = parse_object(raw.decode("utf-8", "replace")).get("message")
    except Corrupt:
        return ""
    return said if isinstance(said, str) else ""
