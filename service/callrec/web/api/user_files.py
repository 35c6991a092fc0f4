"""User files over HTTP, streamed in both directions: the daemon never has a whole file in memory."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import Field

from callrec.app.directory.records import Records
from callrec.app.directory.user_file.file_text import LARGEST_BYTES, too_large
from callrec.app.directory.user_file.jobs import Done, ExportJob, ImportJob
from callrec.app.ports.directory import UserFiles
from callrec.domain.access.audit import Action
from callrec.domain.access.decisions import may
from callrec.domain.directory.model import Permission
from callrec.domain.directory.user_file.file_rules import Mode
from callrec.domain.directory.user_file.foreign_files import FileFormat, Given
from callrec.web.api.access_changes import log_access_change
from callrec.web.api.records import Query
from callrec.web.api.user_file_schemas import ImportReport
from callrec.web.auth import not_permitted, principal_of
from callrec.web.problems import BadRequest
from callrec.web.requests import JSON, change_request_under, query_of
from callrec.web.routes import Answer, Operation

CSV = "text/csv"
TAKEN = (CSV, "text/plain", "application/octet-stream")
UPLOAD_S = 120.0
"""Time limit for the upload of a file; no other import can run meanwhile."""
STALL_S = 15.0
"""The longest pause within an upload."""
LIMIT_S = 600.0
"""Time limit for the whole request. About 40,000 passwords can be hashed in it; larger files are for the command line."""
LEFT_OUT = "Callrec-Left-Out"
_TAG = "users"


class ImportQuery(Query):
    """How to read the file, and what its rows do."""

    mode: Literal["add", "update", "merge"] = Field(
        "add",
        description="add: each row is a new user; update: each row changes an existing user; merge: both.",
    )
    format: FileFormat | None = Field(
        None,
        description="Whose columns the file has. Default: callrec's, or those of the program whose header it certainly is.",
    )
    context: str = Field("default", max_length=39, description="The context of lines, where FreePBX's file says none.")
    language: str = Field(
        "en_US", max_length=10, description="The language of a user with a mailbox, where the file says none."
    )
    dry_run: bool = Field(False, description="Check and compare everything, change nothing.")
    encoding: str | None = Field(
        None,
        max_length=40,
        description="The file's encoding, e.g. latin-1. Default: the charset of Content-Type, or UTF-8.",
    )


class ExportQuery(Query):
    """What the file contains."""

    secrets: bool = Field(
        False, description="Include all passwords and secrets, so that an import creates the same users."
    )


def user_file_operations(files: UserFiles, records: Records) -> list[Operation]:
    """The two operations of user files. Their routes come before those of records, where `import` and `export` would be ids."""
    ports, ok = _UserFiles(files, records), HTTPStatus.OK
    return [
        Operation(
            "POST", "/users/import", "importUsers", _TAG, "Add or change the users of a user file: all of them, or none.",
            ports.take, {ok: Answer("The import's result, or what it would be.", ImportReport)},
            (
                HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY,
            ),
            query=ImportQuery, takes=TAKEN, headers=("Idempotency-Key",), limit_s=LIMIT_S,
            needs=(Permission.USERS_CHANGE, Permission.ACCOUNTS_CHANGE),  # a file has user names, passwords and profiles
        ),
        Operation(
            "GET", "/users/export", "exportUsers", _TAG, "Export all users as a user file.",
            ports.give, {ok: Answer("The user file.", headers=("Content-Disposition", LEFT_OUT), media=CSV)},
            (HTTPStatus.UNPROCESSABLE_ENTITY,), query=ExportQuery, limit_s=LIMIT_S, needs=(Permission.USERS_READ,),
        ),
    ]  # fmt: skip


class _UserFiles:
    def __init__(self, files: UserFiles, records: Records) -> None:
        self._files, self._records = files, records

    async def take(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request, ImportQuery)
        if request.content_type not in TAKEN:
            hint = f"send Content-Type: {CSV}"
            raise BadRequest(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must be a user file", hint
            )  # fmt: skip
        if (request.content_length or 0) > LARGEST_BYTES:
            raise too_large()
        job = ImportJob(
            change_request_under(request), Mode(query.mode), query.dry_run, query.encoding or request.charset,
            Given(query.format, query.context, query.language),
        )  # fmt: skip
        if not query.dry_run:  # any row may have an account's name, password and profile
            await log_access_change(request, Action.ACCOUNT_CHANGED, "", f"import of a user file, mode {query.mode}")
        async with self._files.done(job, _body(request)) as done:
            if not query.dry_run:
                await self._records.seen()
            return await _passed_on(request, done, JSON)

    async def give(self, request: web.Request) -> web.StreamResponse:
        query = query_of(request, ExportQuery)
        if query.secrets and not may(principal_of(request), Permission.ACCOUNTS_CHANGE):
            raise not_permitted(Permission.ACCOUNTS_CHANGE)
        await log_access_change(request, Action.EXPORTED, "users:all", "with secrets" if query.secrets else "")
        async with self._files.done(ExportJob(query.secrets)) as done:
            disposition = {"Content-Disposition": 'attachment; filename="users.csv"', LEFT_OUT: str(done.left_out)}
            return await _passed_on(request, done, CSV, disposition)


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    """The chunks of the body as they arrive. Raises BadRequest when the body ends early, TimeoutError when it is too slow."""
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
        raise BadRequest(HTTPStatus.BAD_REQUEST, "body-cut", "The body ended early", "send it again") from None


async def _passed_on(
    request: web.Request, done: Done, kind: str, headers: dict[str, str] | None = None
) -> web.StreamResponse:
    answer = web.StreamResponse(headers=headers)
    answer.content_type, answer.charset = kind, "utf-8"
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer  # aiohttp would send a body here, and the client would read it as the next answer
    try:
        async for chunk in done.chunks:
            await answer.write(chunk)
    except BaseException:
        if request.transport:
            request.transport.abort()  # so that the client does not accept half a document as a whole one
        raise
    await answer.write_eof()
    return answer
