"""Own prompts over HTTP: WAV files in place of what callrec says."""

import hashlib
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.asterisk.prompts import Prompts
from callrec.domain.access.audit import Action
from callrec.domain.directory.model import Permission
from callrec.domain.errors import Refused
from callrec.domain.prompts import DEFAULT, LARGEST_BYTES, LONGEST_S, SHORTEST_S, OwnPrompt, check_replaceable
from callrec.web.api.access_changes import log_access_change
from callrec.web.api.records import shown
from callrec.web.problems import BadRequest
from callrec.web.routes import Answer, Operation

WAV = "audio/wav"
TAKEN = (WAV, "audio/x-wav", "audio/wave", "audio/vnd.wave", "application/octet-stream")
_TAG = "prompts"
_PARTS = {
    "name": "The prompt's name, e.g. `call-is-recorded` (docs/guides/consent.md has all).",
    "language": f"Two small letters, e.g. `fr`, or `{DEFAULT}` for who has no language.",
}
UPLOAD_S = 60.0


class PromptShown(BaseModel):
    """An own prompt."""

    name: str
    language: str
    length_s: float = Field(description="How long it plays, in seconds.")


class PromptList(BaseModel):
    """All own prompts."""

    items: list[PromptShown]


def prompt_operations(prompts: Prompts) -> list[Operation]:
    """The operations of own prompts."""
    own, ok, missing = _Prompts(prompts), HTTPStatus.OK, (HTTPStatus.NOT_FOUND,)
    one, reads, changes = "/prompts/{name}/{language}", (Permission.SETTINGS_READ,), (Permission.SETTINGS_CHANGE,)
    return [
        Operation(
            "GET", "/prompts", "listPrompts", _TAG, "List the own prompts.", own.every, {ok: Answer("All.", PromptList)},
            needs=reads,
        ),
        Operation(
            "GET", one, "readPrompt", _TAG, "The WAV file of an own prompt.", own.read,
            {ok: Answer("The file, as Asterisk plays it.", media=WAV)}, missing, parts=_PARTS, needs=reads,
        ),
        Operation(
            "PUT", one, "putPrompt", _TAG,
            f"Set an own prompt: a WAV file of {SHORTEST_S:g} to {LONGEST_S:g} s, which is converted.", own.put,
            {ok: Answer("The prompt.", PromptShown)},
            (
                HTTPStatus.BAD_REQUEST, *missing, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                HTTPStatus.UNPROCESSABLE_ENTITY,
            ),
            takes=TAKEN, parts=_PARTS, limit_s=UPLOAD_S, needs=changes,
        ),
        Operation(
            "DELETE", one, "removePrompt", _TAG, "Remove an own prompt: callrec's is played again.", own.remove,
            {HTTPStatus.NO_CONTENT: Answer("It is removed.")}, missing, parts=_PARTS, needs=changes,
        ),
    ]  # fmt: skip


class _Prompts:
    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts

    async def every(self, _: web.Request) -> web.Response:
        return shown({"items": [prompt_row(one) for one in await self._prompts.every()]})

    async def read(self, request: web.Request) -> web.Response:
        return web.Response(body=await self._prompts.read(*_place(request)), content_type=WAV)

    async def put(self, request: web.Request) -> web.Response:
        if request.content_type not in TAKEN:
            hint = f"send Content-Type: {WAV}"
            raise BadRequest(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must be a WAV file", hint)
        content = await _content(request)
        await log_prompt(request, *_place(request), content)
        return shown(prompt_row(await self._prompts.put(*_place(request), content)))

    async def remove(self, request: web.Request) -> web.Response:
        await log_prompt(request, *_place(request))
        await self._prompts.remove(*_place(request))
        return web.Response(status=HTTPStatus.NO_CONTENT)


async def log_prompt(request: web.Request, name: str, language: str, content: bytes | None = None) -> None:
    """Return when the audit log has that this prompt is about to be set, or removed (None): it is what people are told. Raises
    Refused, for a prompt that there cannot be, and Unavailable."""
    check_replaceable(name, language)
    details = "remove"
    if content is not None:
        details = f"set {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}"
    await log_access_change(request, Action.SETTINGS_CHANGED, f"prompt:{name}/{language}", details)


def prompt_row(prompt: OwnPrompt) -> dict[str, object]:
    """An own prompt as lists show it."""
    return {"name": prompt.name, "language": prompt.language, "length_s": round(prompt.length_s, 3)}


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["name"], request.match_info["language"]


async def _content(request: web.Request) -> bytes:
    """The body, as far as one byte behind the limit: what is larger is refused without being read."""
    content = bytearray()
    try:
        async for chunk in request.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > LARGEST_BYTES:
                raise Refused(
                    "prompt-too-large", f"the file has more than {LARGEST_BYTES >> 20} MiB", hint="cut it: 30 s at most"
                )
    except web.RequestPayloadError:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "body-cut", "The body ended early", "send it again") from None
    return bytes(content)
