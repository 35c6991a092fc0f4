"""The media of recordings over HTTP: whole or in ranges, as stored or re-encoded, with conditional requests.

A file's ETag is its SHA-256. It is read in threads and sent in chunks, so that no listener delays a call; a client that takes
nothing for STALL_S is disconnected, and may go on with Range.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from callrec.app.library.media.logged_access import Asker
from callrec.app.library.media.recording_media import MediaRequest, OpenMedia, RecordingMedia
from callrec.app.library.media.stored_media import StoredMedia
from callrec.domain.access.decisions import may_somewhere
from callrec.domain.directory.model import Permission
from callrec.domain.library.manifest import AnyFormat, Format, OldFormat
from callrec.protocols.http_conditions import MOST_RANGES, ByteRange, Condition, condition, is_same_file, ranges
from callrec.web.api.records import Query
from callrec.web.auth import KNOWN, RECHECK_S, not_permitted, principal_of
from callrec.web.problems import BadRequest
from callrec.web.requests import query_of
from callrec.web.routes import Answer, Operation

STALL_S = 60.0
"""How long a client may take nothing while something is to be sent: players stop reading while they are paused."""
LIMIT_S = 4 * 3600.0
"""For a whole answer."""
TYPES: dict[AnyFormat, str] = {
    Format.WAV: "audio/wav",
    Format.FLAC: "audio/flac",
    Format.OPUS: "audio/ogg",
    Format.MP3: "audio/mpeg",
    OldFormat.WAV49: "audio/x-wav",
    OldFormat.GSM: "audio/x-gsm",
    OldFormat.ULAW: "audio/basic",
    OldFormat.ALAW: "audio/x-alaw-basic",
}
Still = Callable[[], Awaitable[None]]
"""Asks whether an answer that takes long may go on. Raises when it may not."""
POLICY = "default-src 'none'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of an answer with audio: a browser that opens its address plays it in a page of its own making, to which this applies."""
SEVERAL = "multipart/byteranges"
_FILE_HEADERS = ("ETag", "Accept-Ranges", "Content-Disposition")


class MediaQuery(Query):
    """Which file, and what for."""

    format: Format | None = Field(
        None, description="Encode it in this format; the first request waits for that. Default: as it is stored."
    )
    track: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="The voice of one participant: the number of a track. Default: all, in stereo.",
    )
    download: bool = Field(
        False,
        description="The file is to be stored, not only heard: the audit log says *downloaded* in place of *listened*.",
    )


def media_operation(stored: StoredMedia) -> Operation:
    """`GET /recordings/{id}/media`."""

    async def give(request: web.Request) -> web.StreamResponse:
        query = query_of(request, MediaQuery)
        if query.download and not may_somewhere(principal_of(request), Permission.RECORDINGS_DOWNLOAD):
            raise not_permitted(Permission.RECORDINGS_DOWNLOAD)
        wanted = MediaRequest(request.match_info["id"], query.format, query.track, is_download=query.download)
        async with stored.media.opened(wanted, asker_of(request)) as found:
            return await answered(request, stored.media, found, lambda: _still(request, stored.media, found))

    kinds = tuple(TYPES.values())
    return Operation(
        "GET", "/recordings/{id}/media", "recordingMedia", "recordings",
        "The audio of a recording: left the recorded user, right the others.", give,
        {
            HTTPStatus.OK: Answer("The file.", headers=_FILE_HEADERS, media=kinds),
            HTTPStatus.PARTIAL_CONTENT: Answer(
                f"Ranges of the file; several as {SEVERAL}.", headers=("Content-Range", *_FILE_HEADERS), media=(*kinds, SEVERAL)
            ),
            HTTPStatus.NOT_MODIFIED: Answer("The client has the file already.", headers=("ETag",)),
        },
        (
            *(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
            *(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, HTTPStatus.UNPROCESSABLE_ENTITY),
        ),
        query=MediaQuery, headers=("Range (optional)", "If-Range (optional)", "If-None-Match (optional)"),
        id_says="The recording's id.", limit_s=LIMIT_S, needs=(Permission.RECORDINGS_LISTEN,),
    )  # fmt: skip


def asker_of(request: web.Request) -> Asker:
    """Who asks, for the audit log."""
    return Asker(principal_of(request), address_of(request))


def address_of(request: web.Request) -> str:
    """The client's IP address, also behind a proxy that is trusted."""
    return request.app[KNOWN].way(request).address


async def _still(request: web.Request, media: RecordingMedia, found: OpenMedia) -> None:
    """Raises NotPermitted (403) when who asked may not have this file any more, Refused when it was erased; Unavailable."""
    await media.still_there(found)
    permission = Permission.RECORDINGS_DOWNLOAD if found.wanted.is_download else Permission.RECORDINGS_LISTEN
    principal = await request.app[KNOWN].principal(request)
    if principal is None or not Asker(principal).may(permission, found.source.stored.manifest.recording):
        raise not_permitted(permission)


async def checked(pieces: AsyncGenerator[bytes], still: Still) -> AsyncGenerator[bytes]:
    """The same pieces; when RECHECK_S have passed, the next one waits for `still`. Raises what that raises."""
    clock = asyncio.get_running_loop().time
    checked_s = clock()
    async with aclosing(pieces):
        async for piece in pieces:
            if clock() - checked_s >= RECHECK_S:
                await still()
                checked_s = clock()
            yield piece


async def answered(request: web.Request, media: RecordingMedia, found: OpenMedia, still: Still) -> web.StreamResponse:
    """The answer to GET or HEAD of an open file, sent as long as it `still` may be. Raises BadRequest (412, 416), Corrupt,
    Unavailable, and what `still` raises."""
    headers = {"ETag": f'"{found.sha256}"'}
    given = {name: request.headers.getall(name, []) for name in ("If-Match", "If-None-Match", "If-Range", "Range")}
    verdict = condition(found.sha256, given["If-Match"], given["If-None-Match"])
    said = given["Range"] if request.method == "GET" and is_same_file(found.sha256, given["If-Range"]) else []
    parts = ranges(said, found.file.size_bytes)
    if (
        request.method == "HEAD"
        or verdict in {Condition.NOT_MODIFIED, Condition.FAILED}
        or (parts is not None and not parts)
    ):
        await media.shown(found)  # these answers tell name, size or digest of the file, though no audio
    match verdict:
        case Condition.NOT_MODIFIED:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        case Condition.FAILED:
            title, hint = "The file has another ETag", "ask for it without If-Match"
            raise BadRequest(HTTPStatus.PRECONDITION_FAILED, "record-changed", title, hint)
    if parts is not None and not parts:
        hint = f"the file has {found.file.size_bytes} bytes; ask for at most {MOST_RANGES} ranges, none over another"
        unsatisfied = {"Content-Range": f"bytes */{found.file.size_bytes}"}
        status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        raise BadRequest(status, "range", "The range is not in the file", hint, headers=unsatisfied)
    disposition = "attachment" if found.wanted.is_download else "inline"
    headers |= {"Accept-Ranges": "bytes", "Content-Disposition": f'{disposition}; filename="{found.name}"'}
    headers["Content-Security-Policy"] = POLICY
    if parts is not None and len(parts) == 1:
        headers["Content-Range"] = parts[0].of(found.file.size_bytes)
    return await _sent(request, media, found, parts, headers, still)


async def _sent(  # noqa: PLR0917 - what an answer is made of
    request: web.Request,
    media: RecordingMedia,
    found: OpenMedia,
    parts: Sequence[ByteRange] | None,
    headers: dict[str, str],
    still: Still,
) -> web.StreamResponse:
    """The answer, sent. An error after its head breaks the connection, so that no client takes a part for the whole."""
    kind, pieces = _pieces(found, parts)
    status = HTTPStatus.OK if parts is None else HTTPStatus.PARTIAL_CONTENT
    answer = web.StreamResponse(status=status, headers={**headers, "Content-Type": kind})
    answer.content_length = sum(len(head) + (part.bytes if part else 0) for head, part in pieces)
    if request.method == "HEAD":
        await answer.prepare(request)
        return answer
    async with aclosing(checked(_body(found, pieces), still)) as body:
        first = await anext(
            body, b""
        )  # before the head: a file that cannot be read, or has changed, has an answer of its own
        await media.allowed(found)
        await answer.prepare(request)
        try:
            await write(answer, first)
            async for chunk in body:
                await write(answer, chunk)
            await answer.write_eof()
        except BaseException:
            if request.transport:
                request.transport.abort()
            raise
    return answer


async def _body(found: OpenMedia, pieces: Sequence[tuple[bytes, ByteRange | None]]) -> AsyncGenerator[bytes]:
    """Text and bytes of the file, in order; the file's last chunk comes when its digest is known."""
    last = max(nth for nth, (_, part) in enumerate(pieces) if part)
    for nth, (head, part) in enumerate(pieces):
        if head:
            yield head
        if part:
            async for chunk in found.chunks(part.first, part.last, is_end=nth == last):
                yield chunk


def _pieces(found: OpenMedia, parts: Sequence[ByteRange] | None) -> tuple[str, list[tuple[bytes, ByteRange | None]]]:
    """The Content-Type, and what the body consists of: text, and the bytes of the file behind it."""
    kind = TYPES[found.format]
    if parts is None:
        return kind, [(b"", ByteRange(0, found.file.size_bytes - 1))]
    if len(parts) == 1:
        return kind, [(b"", parts[0])]
    boundary = secrets.token_hex(16)
    heads = (
        f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {part.of(found.file.size_bytes)}\r\n\r\n".encode()
        for part in parts
    )
    end = f"\r\n--{boundary}--\r\n".encode()
    return f"{SEVERAL}; boundary={boundary}", [*zip(heads, parts, strict=True), (end, None)]


async def write(answer: web.StreamResponse, content: bytes) -> None:
    """Raises TimeoutError when the client takes nothing."""
    async with asyncio.timeout(STALL_S):
        await answer.write(content)
