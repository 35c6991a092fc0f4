"""Erasing recordings over HTTP: one, or all that meet conditions; each with a preview."""

from collections import Counter
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.library.lifetime.erasure import MOST_AT_ONCE, Erased, Erasure
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.decisions import Visible
from callrec.domain.directory.model import Permission
from callrec.domain.library.erasure import MOST_REASON, Kept, Preview
from callrec.web.api.media import asker_of
from callrec.web.api.recordings import Conditions
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.requests import body_of
from callrec.web.routes import Answer, Operation

LIMIT_S = 300.0
"""For an erasure of many."""
_ALL = Visible(all=True)
_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
_REASON = "For the audit log, where it stays: without the numbers and names that are erased."


class ErasureOfOne(Body):
    """Why."""

    reason: str = Field(min_length=1, max_length=MOST_REASON, description=_REASON)


class BodyConditions(Conditions, Body):
    """Conditions, all of which must be met; at least one."""


class ErasureOfMany(ErasureOfOne):
    """Which, and why."""

    filter: BodyConditions


class PreviewOfMany(Body):
    """Which."""

    filter: BodyConditions


class KeptShown(BaseModel):
    """How many are not erased, by why."""

    held: int = Field(description="Under a legal hold.")
    unfinished: int = Field(description="The daemon is still storing them.")
    damaged: int = Field(description="Their sidecar cannot be read; `callrec verify` names them.")
    elsewhere: int = Field(description="They are not in this daemon's library: another one stored them.")


class ErasedFirst(BaseModel):
    """A recording that would be erased."""

    recording: str
    start_s: float = Field(description="In Unix time.")
    bytes: int


class ErasurePreview(BaseModel):
    """What an erasure would do."""

    recordings: int
    bytes: int = Field(description="Of their audio files.")
    oldest_s: float | None
    newest_s: float | None
    kept: KeptShown
    first: list[ErasedFirst] = Field(description="The oldest 20.")


class ErasureDone(BaseModel):
    """What an erasure has done."""

    recordings: int
    bytes: int = Field(description="Of all files that are gone.")
    kept: KeptShown
    more: bool = Field(description=f"More meet the conditions: one request erases {MOST_AT_ONCE}. Send it again.")
    unfinished: list[str] = Field(
        description="Places that could not be cleared now. The daemon does it as soon as they answer."
    )


def erasure_operations(stored: StoredMedia) -> list[Operation]:
    """The operations of erasures."""
    of = _Erasures(stored.erasure)
    needs, tag, says = (Permission.RECORDINGS_ERASE,), "recordings", "The recording's id."
    done = {HTTPStatus.OK: Answer("What was done.", ErasureDone)}
    seen = {HTTPStatus.OK: Answer("What it would do.", ErasurePreview)}
    return [
        Operation(
            "POST", "/recordings/{id}/erase", "eraseRecording", tag, "Erase a recording for good, and everywhere.", of.one,
            done, (HTTPStatus.NOT_FOUND, *_REFUSALS), body=ErasureOfOne, id_says=says, limit_s=LIMIT_S, needs=needs,
        ),
        Operation(
            "POST", "/recordings/{id}/erase/preview", "previewErasure", tag, "Tell what erasing a recording would do.",
            of.preview_one, seen, (HTTPStatus.NOT_FOUND,), id_says=says, needs=needs,
        ),
        Operation(
            "POST", "/recordings/erase/all", "eraseRecordings", tag, "Erase all recordings that meet conditions.", of.some,
            done, _REFUSALS, body=ErasureOfMany, limit_s=LIMIT_S, needs=needs,
        ),
        Operation(
            "POST", "/recordings/erase/preview", "previewErasures", tag,
            "Tell what erasing all recordings that meet conditions would do.", of.preview, seen, _REFUSALS,
            body=PreviewOfMany, limit_s=LIMIT_S, needs=needs,
        ),
    ]  # fmt: skip


class _Erasures:
    def __init__(self, erasure: Erasure) -> None:
        self._erasure = erasure

    async def one(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, ErasureOfOne)
        done = await self._erasure.one(request.match_info["id"], wanted.reason, asker_of(request))
        return shown(_done(done))

    async def preview_one(self, request: web.Request) -> web.Response:
        return shown(_preview(await self._erasure.preview_one(request.match_info["id"], asker_of(request))))

    async def some(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, ErasureOfMany)
        done = await self._erasure.some(wanted.filter.filter(_ALL), wanted.reason, asker_of(request))
        return shown(_done(done))

    async def preview(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, PreviewOfMany)
        return shown(_preview(await self._erasure.preview(wanted.filter.filter(_ALL), asker_of(request))))


def _done(done: Erased) -> dict[str, object]:
    counts = Counter(done.kept.values())
    return {
        "recordings": len(done.recordings),
        "bytes": done.bytes,
        "kept": {one.value: counts[one] for one in Kept},
        "more": done.is_more_left,
        "unfinished": list(done.unfinished),
    }


def _preview(found: Preview) -> dict[str, object]:
    return {
        "recordings": found.recordings,
        "bytes": found.bytes,
        "oldest_s": found.oldest_s,
        "newest_s": found.newest_s,
        "kept": {one.value: found.kept.get(one, 0) for one in Kept},
        "first": [{"recording": one.recording, "start_s": one.start_s, "bytes": one.bytes} for one in found.first],
    }
