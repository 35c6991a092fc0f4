"""Exports of recordings over HTTP: a ZIP of many, a vCon of one, both sent while they are read."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel, Field, model_validator

from callrec.adapters.audit.evidence_folder import added_files
from callrec.app.library.media.exporting import Wanted
from callrec.app.library.media.stored_media import StoredMedia
from callrec.app.ports.access import LogReader
from callrec.domain.access.decisions import visible
from callrec.domain.access.principals import Principal
from callrec.domain.directory.model import Permission
from callrec.web.api.media import LIMIT_S, TYPES, asker_of, checked, write
from callrec.web.api.recordings import Conditions
from callrec.web.api.records import shown
from callrec.web.api.schemas import Body
from callrec.web.auth import not_permitted, principal_of, still_may
from callrec.web.requests import body_of, query_text
from callrec.web.routes import Answer, Operation

MOST_BY_ID = 20_000
"""What a body of at most 1 MiB can name. More are exported by a filter."""
ZIP, VCON = "application/zip", "application/vcon+json"
_REFUSALS = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    *(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)


class ExportConditions(Conditions, Body):
    """Which recordings: all that meet every condition."""


class ExportWanted(Body):
    """Which recordings: either their ids, or a filter."""

    recordings: list[str] = Field([], max_length=MOST_BY_ID, description="Their ids.")
    filter: ExportConditions | None = Field(
        None, description="The conditions of `GET /recordings`. An empty one takes all that may be exported."
    )

    @model_validator(mode="after")
    def _is_one(self) -> "ExportWanted":
        if bool(self.recordings) == (self.filter is not None):
            raise ValueError("give either recordings or filter")
        return self


def _wanted(body: ExportWanted, principal: Principal) -> Wanted:
    if body.filter is None:
        return Wanted(tuple(body.recordings))
    allowed = visible(principal, Permission.RECORDINGS_EXPORT)
    return Wanted(filter=body.filter.filter(allowed), said=query_text(body.filter) or "all")


class Lacking(BaseModel):
    """A recording that the export would lack."""

    recording: str
    code: str = Field(description="The code of the error.")


class ExportPreview(BaseModel):
    """What an export would have."""

    recordings: int
    bytes: int = Field(description="Of the audio files together.")
    lacking: list[Lacking]


def export_operations(stored: StoredMedia, log: LogReader) -> list[Operation]:
    """The operations of exports."""

    async def preview(request: web.Request) -> web.Response:
        wanted = _wanted(await body_of(request, ExportWanted), principal_of(request))
        found = await stored.exporting.preview(wanted, asker_of(request))
        lacking = [{"recording": recording, "code": code} for recording, code in found.lacking]
        return shown({"recordings": found.recordings, "bytes": found.bytes, "lacking": lacking})

    async def archive(request: web.Request) -> web.StreamResponse:
        return await streamed_archive(
            request, stored, _wanted(await body_of(request, ExportWanted), principal_of(request))
        )

    needs = (Permission.RECORDINGS_EXPORT,)
    return [
        Operation(
            "POST", "/recordings/export/preview", "previewExport", "recordings", "Tell what an export would have.", preview,
            {HTTPStatus.OK: Answer("Number and size of the recordings, and those that it would lack.", ExportPreview)},
            _REFUSALS, body=ExportWanted, limit_s=LIMIT_S, needs=needs,
        ),
        Operation(
            "POST", "/recordings/export/zip", "exportRecordings", "recordings",
            "Export recordings as a ZIP with their files, a table (CSV) and SHA-256 sums.", archive,
            {HTTPStatus.OK: Answer("The ZIP. One that breaks off is not whole.", headers=("Content-Disposition",), media=ZIP)},
            _REFUSALS, body=ExportWanted, limit_s=LIMIT_S, needs=needs,
        ),
        *_of_one(stored, log),
    ]  # fmt: skip


def _of_one(stored: StoredMedia, log: LogReader) -> list[Operation]:
    """The operations that export one recording."""

    async def vcon(request: web.Request) -> web.StreamResponse:
        recording = request.match_info["id"]
        content = stored.exporting.vcon(recording, asker_of(request), TYPES)
        return await _streamed(request, content, VCON, "recording.vcon.json")

    async def evidence(request: web.Request) -> web.StreamResponse:
        return await streamed_evidence(request, stored, log)

    needs = (Permission.RECORDINGS_EXPORT,)
    return [
        Operation(
            "GET", "/recordings/{id}/vcon", "recordingVcon", "recordings", "Export a recording as a vCon with its audio.", vcon,
            {HTTPStatus.OK: Answer("The vCon (IETF draft).", headers=("Content-Disposition",), media=VCON)},
            (HTTPStatus.NOT_FOUND,), id_says="The recording's id.", limit_s=LIMIT_S, needs=needs,
        ),
        Operation(
            "GET", "/recordings/{id}/evidence", "recordingEvidence", "recordings",
            "Export what proves by itself, without callrec, which files of a recording were stored.", evidence,
            {HTTPStatus.OK: Answer("The ZIP; HOW-TO-CHECK.txt in it says how.", headers=("Content-Disposition",), media=ZIP)},
            (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT), id_says="The recording's id.", limit_s=LIMIT_S, needs=needs,
        ),
    ]  # fmt: skip


async def streamed_evidence(request: web.Request, stored: StoredMedia, log: LogReader) -> web.StreamResponse:
    """The evidence of the recording of the path, sent while it is made. Raises Refused, Corrupt, Unavailable."""
    content = stored.exporting.evidence(request.match_info["id"], asker_of(request), log, added_files())
    return await _streamed(request, content, ZIP, "evidence.zip")


async def streamed_archive(request: web.Request, stored: StoredMedia, wanted: Wanted) -> web.StreamResponse:
    """A ZIP of these recordings, sent while it is made. Raises Refused, Corrupt, Unavailable."""
    return await _streamed(request, stored.exporting.archive(wanted, asker_of(request)), ZIP, "recordings.zip")


async def _streamed(request: web.Request, content: AsyncGenerator[bytes], kind: str, name: str) -> web.StreamResponse:
    """The answer, sent. An error after its first part breaks the connection."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Type": kind}
    answer = web.StreamResponse(headers=headers)

    async def still() -> None:
        if not await still_may(request, Permission.RECORDINGS_EXPORT):
            raise not_permitted(Permission.RECORDINGS_EXPORT)

    async with aclosing(checked(content, still)) as body:
        if request.method == "HEAD":
            await answer.prepare(request)
            return answer
        first = await anext(body)  # an error so far has an answer of its own
        await answer.prepare(request)
        try:
            await write(answer, first)
            async for part in body:
                await write(answer, part)
            await answer.write_eof()
        except BaseException:
            if request.transport:
                request.transport.abort()
            raise
    return answer
