"""The audit log over HTTP. Who reads it is logged, too."""

import asyncio
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from pydantic import BaseModel, Field

from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.ports.access import AuditLog, LogReader
from callrec.domain.access.audit import MOST_TEXT, Action, ActorKind, AuditEntry
from callrec.domain.access.principals import PrincipalKind
from callrec.domain.directory.model import Permission
from callrec.web.api.records import IN_BODY, Query, shown
from callrec.web.api.schemas import Body
from callrec.web.auth import WAY, actor_of, log_refusal, principal_of
from callrec.web.problems import BadRequest
from callrec.web.requests import body_of, query_of, query_text
from callrec.web.routes import Answer, Operation

MOST = 1000
Kind = Literal["account", "token", "link", "machine", "daemon", "stranger"]
"""The values of `ActorKind`, which as an enum would need a name of its own beside that of live calls."""
_ID = r"^[A-Za-z0-9_.:/-]{0,100}$"


class AuditQuery(Query):
    """Which entries; a parameter that is missing fits all."""

    from_s: float | None = Field(None, ge=0, le=1e11, description="Unix time of the oldest entry.")
    to_s: float | None = Field(None, ge=0, le=1e11, description="Unix time of the newest entry.")
    action: Action | None = Field(None, description="What was done.")
    actor_kind: Kind | None = Field(None, description="What kind of actor did it.")
    actor: str = Field("", pattern=_ID, description="The actor's id.")
    recording: str = Field("", pattern=_ID, description="The id of a recording.")
    subject: str = Field("", pattern=_ID, description="What else it is about, as `kind:id`.")
    before: int | None = Field(
        None, ge=0, le=2**53, description="Only entries before this index: `next` of the page before."
    )
    limit: int = Field(100, ge=1, le=MOST, description="How many entries at most.")


class AuditFile(BaseModel):
    """One file of a recording, as it was stored."""

    part: str = Field(description="`manifest` (the sidecar), `media`, `track-1`, ...")
    sha256: str
    bytes: int


class AuditEntryShown(BaseModel):
    """One entry. `address`, `reason` and `details` are there when the entry has them, and null after they were erased."""

    index: int = Field(description="Its place in the log.")
    time: str = Field(description="UTC, with milliseconds.")
    action: Action
    actor_kind: Kind
    actor_id: str
    recording: str
    subject: str
    address: str | None = None
    reason: str | None = None
    details: str | None = None
    files: list[AuditFile]
    signed: bool = Field(description="Whether the newest checkpoint speaks of it.")
    stamped: str | None = Field(
        None, description="When an authority first stamped a checkpoint that speaks of it (RFC 3161); null: not yet."
    )


class AuditShown(BaseModel):
    """Entries, newest first."""

    items: list[AuditEntryShown]
    next: int | None = Field(
        description="Where the next page begins (`before`); null at the end. A page may be short, or empty, and have one."
    )
    size: int = Field(description="How many entries the newest checkpoint speaks of.")


class CommandEntry(Body):
    """What a command on this machine does or hands out; who it is the kernel tells."""

    action: Action
    recording: str = Field("", pattern=_ID)
    subject: str = Field("", pattern=_ID)
    details: str = Field("", max_length=MOST_TEXT)


def audit_operations(reader: LogReader, log: AuditLog) -> list[Operation]:
    """The operations of the audit log."""
    return [_read_operation(reader, log), _command_operation(log)]


def _command_operation(log: AuditLog) -> Operation:
    """`POST /audit`."""

    async def add(request: web.Request) -> web.Response:
        if principal_of(request).kind is not PrincipalKind.MACHINE:
            hint = "commands on the machine of the daemon send it through the socket in the state folder"
            title = "Only a command on the machine adds entries"
            await log_refusal(request, "logCommand")
            raise BadRequest(HTTPStatus.FORBIDDEN, "not-permitted", title, hint)
        said = await body_of(request, CommandEntry)
        address = request[WAY].address
        entry = AuditEntry(said.action, actor_of(request), said.recording, said.subject, address, details=said.details)
        await log.append([entry])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    return Operation(
        "POST", "/audit", "logCommand", "audit", "Log what a command on this machine does, before it does it.", add,
        {HTTPStatus.NO_CONTENT: Answer("It is on disk.")}, (*IN_BODY, HTTPStatus.SERVICE_UNAVAILABLE),
        body=CommandEntry, needs=(),
    )  # fmt: skip


def _read_operation(reader: LogReader, log: AuditLog) -> Operation:
    """`GET /audit`."""

    async def read(request: web.Request) -> web.Response:
        query = query_of(request, AuditQuery)
        wanted = AuditFilter(
            _ms(query.from_s),
            _ms(query.to_s),
            query.action,
            ActorKind(query.actor_kind) if query.actor_kind else None,
            query.actor,
            query.recording,
            query.subject,
        )
        who, where = actor_of(request), request[WAY].address
        entry = AuditEntry(Action.AUDIT_READ, who, address=where, details=query_text(query))
        await log.append([entry])
        page = await asyncio.to_thread(audit_page, reader, wanted, query.limit, query.before)
        return shown({"items": page.entries, "next": page.next, "size": page.size})

    return Operation(
        "GET",
        "/audit",
        "listAudit",
        "audit",
        "List the entries of the audit log, newest first. Reading it is an entry, too.",
        read,
        {HTTPStatus.OK: Answer("A page of entries.", AuditShown)},
        (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
        query=AuditQuery,
        needs=(Permission.AUDIT_READ,),
    )


def _ms(at_s: float | None) -> int | None:
    return None if at_s is None else int(at_s * 1000)
