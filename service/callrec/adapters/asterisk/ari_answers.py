"""What an HTTP answer of ARI means: its JSON, or one of our errors."""

from http import HTTPStatus
from typing import Final

import aiohttp

from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Refused, Unavailable
from callrec.protocols.ari import parse_json, parse_object

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""500 calls are 1,500 channels of about 700 bytes."""

_OK: Final = range(200, 300)
_CLIENT_ERRORS: Final = range(400, 500)
_DENIED: Final = frozenset({401, 403})
_DENIED_HINT: Final = "compare user and password with ari.conf; a user with read_only=yes may change nothing"
_NO_RESOURCE: Final = "Resource not found"
"""Asterisk's words for a path that no loaded module serves; of a channel, playback or bridge it says another thing than Resource
(res_ari.c: ast_ari_invoke)."""
_MODULES: Final = {"deviceStates": "device_states"}
"""Where the module is not called as its first word of the path."""
_MEANING: Final = {
    401: ("ari-denied", _DENIED_HINT),
    403: ("ari-denied", _DENIED_HINT),
    404: ("ari-not-found", "what it is about has ended, or was never there"),
    409: ("ari-conflict", "the channel is not in our application, or in no state for this"),
}


async def read_answer(name: str, response: aiohttp.ClientResponse) -> object:
    """Return the JSON of a good answer (None for an empty one); raise what a bad one means."""
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
    """The error for a request that this Asterisk does not know. `name`: method and path."""
    part = name.partition("/ari/")[2].partition("/")[0]
    module = f"res_ari_{_MODULES.get(part, part)}"
    hint = f"load {module}.so; callrec doctor lists all modules that are missing"
    return Misconfigured(
        "ari-module", f"Asterisk does not know the request ARI {name}: {module} is not loaded", hint=hint
    )


def refused_handshake(status: int, username: str) -> CallrecError:
    """Return the error for a WebSocket that was answered with this status."""
    if status in _DENIED:
        return Refused("ari-login", f"ARI refuses user {username!r}", hint=_DENIED_HINT)
    hint = "are http.conf and ari.conf enabled, and res_ari_events loaded?"
    return Unavailable("ari-down", f"ARI answers the event stream with {status}", hint=hint)


async def _read_bounded(name: str, response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > MAX_ANSWER_BYTES:
            raise Corrupt("ari-answer", f"ARI {name} answers with more than {MAX_ANSWER_BYTES} bytes")
    return bytes(raw)


def _message(raw: bytes) -> str:
    """Return Asterisk's own sentence, or empty."""
    try:
        said = parse_object(raw.decode("utf-8", "replace")).get("message")
    except Corrupt:
        return ""
    return said if isinstance(said, str) else ""
