"""User files over HTTP: in as they come, out as they are made, never whole in the daemon's memory."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import Field

from callrec.app.file_text import LARGEST_BYTES, too_large
from callrec.app.records import Records
from callrec.app.user_files import Done, ExportJob, ImportJob, UserFiles
from callrec.domain.provisioning.csv_rules import Mode
from callrec.web.asking import JSON, asked_under, query_of
from callrec.web.file_schemas import ImportReport
from callrec.web.operations import Answer, Operation
from callrec.web.problems import WronglyAsked
from callrec.web.records_api import Query

CSV = "text/csv"
TAKEN = (CSV, "text/plain", "application/octet-stream")
UPLOAD_S = 120.0
"""How long a file may take to come in; nobody else can import meanwhile."""
STALL_S = 15.0
"""How long nothing of it may come."""
LIMIT_S = 600.0
"""For everything. Some forty thousand passwords can be hashed in it; more of them are for the command line."""
LEFT_OUT = "Callrec-Left-Out"
_TAG = "users"


class ImportQuery(Query):
    """How to read the file, and what to do."""

    mode: Literal["add", "update", "merge"] = Field(
        "add",
        description="add: rows are new users; update: rows change users; merge: rows of known users change them, others are new.",
    )
    dry_run: bool = Field(False, description="Check and compare everything, change nothing.")
    encoding: str | None = Field(
        None, max_length=40, description="When the file is not UTF-8, e.g. latin-1; before the type's charset."
    )


class ExportQuery(Query):
    """What to leave out."""

    secrets: bool = Field(False, description="With every password and secret, so that an import makes the same users.")


def user_file_operations(files: UserFiles, records: Records) -> list[Operation]:
    """Two of them. They stand before the records', which would take `import` and `export` for ids."""
    doors, ok = _UserFiles(files, records), HTTPStatus.OK
    return [
        Operation(
            "POST", "/users/import", "importUsers", _TAG, "Add or change the users of a user file: all of them, or none.",
            doors.take, {ok: Answer("What was done, or would be.", ImportReport)},
            (
                HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY,
            ),
            query=ImportQuery, takes=TAKEN, headers=("Idempotency-Key",), limit_s=LIMIT_S,
        ),
        Operation(
            "GET", "/users/export", "exportUsers", _TAG, "All users as a user file.",
            doors.give, {ok: Answer("The file.", headers=("Content-Disposition", LEFT_OUT), media=CSV)},
            (HTTPStatus.UNPROCESSABLE_ENTITY,), query=ExportQuery, limit_s=LIMIT_S,
        ),
    ]  # fmt: skip


class _UserFiles:
    def __init__(self, files: UserFiles, records: Records) -> None:
        self._files, self._records = files, records

    async def take(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request, ImportQuery)
        if request.content_type not in TAKEN:
            hint = f"send Content-Type: {CSV}"
            raise WronglyAsked(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must be a user file", hint
            )  # fmt: skip
        if (request.content_length or 0) > LARGEST_BYTES:
            raise too_large()
        job = ImportJob(asked_under(request), Mode(query.mode), query.dry_run, query.encoding or request.charset)
        async with self._files.done(job, _body(request)) as done:
            if not query.dry_run:
                await self._records.seen()
            return await _passed_on(request, done, JSON)

    async def give(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request, ExportQuery)
        async with self._files.done(ExportJob(query.secrets)) as done:
            disposition = {"Content-Disposition": 'attachment; filename="users.csv"', LEFT_OUT: str(done.left_out)}
            return await _passed_on(request, done, CSV, disposition)


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises WronglyAsked when it is cut, TimeoutError."""
    clock = asyncio.get_running_loop().time
    ends_s = clock() + UPLOAD_S
    try:
        while True:
            async with asyncio.timeout_at(min(ends_s, clock() + STALL_S)):
                chunk = await request.content.readany()
            if not chunk:
                return
            yield chunk
    except web.RequestPayloadError:
        raise WronglyAsked(
            HTTPStatus.BAD_REQUEST, "body-cut", "The body ends before its end", "send it again"
        ) from None


async def _passed_on(
    request: web.Request, done: Done, kind: str, headers: dict[str, str] | None = None
) -> web.StreamResponse:
    answer = web.StreamResponse(headers=headers)
    answer.content_type, answer.charset = kind, "utf-8"
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer  # aiohttp sends what is written here, and the asker would read it as the next answer
    try:
        async for chunk in done.chunks:
            await answer.write(chunk)
    except BaseException:
        if request.transport:
            request.transport.abort()  # half a document must not look like a whole one
        raise
    await answer.write_eof()
    return answer
