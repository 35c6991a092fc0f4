"""The OpenAPI 3.1 document, made from the table of operations, from which the routes are made too: both always agree."""

import json
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from callrec import __version__
from callrec.protocols.event_messages import EVENT_ID
from callrec.protocols.http_conditions import MOST_RANGES
from callrec.web.api.responses import Document, Problem
from callrec.web.cookies import SECURE
from callrec.web.problems import CONTENT_TYPE
from callrec.web.requests import JSON, MERGE_PATCH, REQUEST_ID
from callrec.web.routes import PREFIX, Answer, Operation

_REF = "#/components/schemas/{model}"
ALWAYS = (
    *(HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST),
    *(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE),
)
PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The body is not JSON, or ended early.",
    HTTPStatus.UNAUTHORIZED: (
        "No session and no token, or one that is wrong or over. For a login: the user name or the password is wrong."
    ),
    HTTPStatus.FORBIDDEN: (
        "The role or the token does not permit it. With a session: a page of another site may have sent it. For a login: the way "
        "is not encrypted."
    ),
    HTTPStatus.NOT_FOUND: "The record does not exist.",
    HTTPStatus.CONFLICT: "A unique value is in use, another record refers to this one, or the call cannot do this now.",
    HTTPStatus.GONE: "The call is over.",
    HTTPStatus.PRECONDITION_FAILED: "The record has changed since it was read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 1 MiB, a user file larger than 64 MiB, a prompt than 16 MiB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body must be JSON, a user file for an import, or a WAV file for a prompt.",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "The file has no such bytes, or too many ranges are asked for, or they overlap.",
    HTTPStatus.MISDIRECTED_REQUEST: "The Host header is not a name of the daemon.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Values are wrong; `errors` names each.",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match is missing.",
    HTTPStatus.TOO_MANY_REQUESTS: "There were too many attempts to log in.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A defect of callrec, or the store has a value that cannot be read.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The store does not answer, the tables are not loaded, another user file is processed, or too many programs follow the "
        "events."
    ),
}
REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    "If-Match": {
        "required": True,
        "description": "The ETag of the record as it was read; `*` accepts any state of it.",
        "schema": {"type": "string", "pattern": "^[!-~]+$"},
    },
    "Idempotency-Key": {
        "required": False,
        "description": "A request with this key is executed once; a repeated one gets the same answer for a day.",
        "schema": {"type": "string", "pattern": f"^{REQUEST_ID.pattern}$"},
    },
    "Last-Event-ID": {
        "required": False,
        "description": "The id of the last event that was received: those after it are sent first, at most those of a minute. "
        "Empty means none.",
        "schema": {"type": "string", "pattern": f"^(?:{EVENT_ID.pattern})?$"},
    },
    "Range": {
        "required": False,
        "description": f"Which bytes of the file: `bytes=FIRST-LAST`, at most {MOST_RANGES} of them (RFC 9110, 14).",
        "schema": {"type": "string", "pattern": "^bytes=[0-9]+-[0-9]*$"},
    },
    "If-Range": {
        "required": False,
        "description": "An ETag: Range counts only if the file still has it; else the whole file is sent.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{64}"$'},
    },
    "If-None-Match": {
        "required": False,
        "description": "ETags: if the file has one of them, the answer is 304 without the file.",
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{64}"$'},
    },
}
ANSWER_HEADERS = {
    "ETag": "The state of the record, for If-Match.",
    "Location": "The path of the new record.",
    "Content-Location": "The path of the record after the change.",
    "Content-Disposition": "The file's name.",
    "Set-Cookie": "The session, which the browser sends back by itself.",
    "Content-Range": "Which bytes of the file these are, and how many it has.",
    "Accept-Ranges": "`bytes`: parts of the file can be asked for.",
    "Callrec-Left-Out": "The number of values that the file format cannot express; `callrec users export` names them.",
    "WWW-Authenticate": "How to authenticate.",
    "Retry-After": "Seconds to wait before the request is sent again.",
}

_TEXT = {"type": "string"}
_EVENTS = "text/event-stream"
"""Has no schema here: some readers take it for that of each event, which AsyncAPI has."""


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    table = list(operations)
    models = sorted({model for one in table for model in _models(one)} | {Problem}, key=lambda model: model.__name__)
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in table:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one)
    says = "The content of the file `token` in the state folder, or the token of a program."
    token = {"type": "http", "scheme": "bearer", "description": says}
    session = {
        "type": "apiKey",
        "in": "cookie",
        "name": SECURE.session,
        "description": "The session of a person: `POST /login`.",
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callrec",
            "version": __version__,
            "summary": "Call recording for Asterisk: users, lines, numbers, look-ups, live calls and events.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}, {"session": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in table)],
        "paths": paths,
        "components": {"schemas": found["$defs"], "securitySchemes": {"token": token, "session": session}},
    }


def document_operation(others: list[Operation]) -> Operation:
    """`GET /openapi.json`; the document describes this operation too."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=JSON)

    answers = {HTTPStatus.OK: Answer("This document.", Document)}
    itself = Operation("GET", "/openapi.json", "openapi", "document", "This document.", show, answers, needs=())
    text = json.dumps(document([*others, itself]))
    return itself


def _models(one: Operation) -> Iterator[type[BaseModel]]:
    if one.body:
        yield one.body
    yield from (answer.body for answer in one.answers.values() if answer.body)


def _operation(one: Operation) -> dict[str, Any]:
    answers = {str(int(status)): _answer(answer) for status, answer in one.answers.items()}
    forbidden = (HTTPStatus.FORBIDDEN,) if one.needs or one.method != "GET" else ()
    problems = {str(int(status)): _problem(status) for status in sorted({*ALWAYS, *forbidden, *one.problems})}
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.says,
        "description": _needs(one),
        "parameters": list(_parameters(one)),
        "responses": answers | problems,
    }
    if one.body:
        kinds = (JSON, MERGE_PATCH) if one.method == "PATCH" else (JSON,)
        content = {kind: {"schema": {"$ref": _REF.format(model=one.body.__name__)}} for kind in kinds}
        made["requestBody"] = {"required": not one.may_lack_body, "content": content}
    if one.takes:
        made["requestBody"] = {"required": True, "content": {kind: {"schema": _TEXT} for kind in one.takes}}
    return made


def _needs(one: Operation) -> str:
    needs = " and ".join(f"`{permission}`" for permission in one.needs)
    return f"Needs the permission {needs}." if needs else "Permitted to everybody who is known."


def _parameters(one: Operation) -> Iterator[dict[str, Any]]:
    if "{id}" in one.path:
        schema = {"type": "string", "pattern": f"^{one.id_pattern}$"}
        yield {"name": "id", "in": "path", "required": True, "description": one.id_says, "schema": schema}
    for name, says in one.parts.items():
        schema = {"type": "string", "pattern": "^[^/]+$"}
        yield {"name": name, "in": "path", "required": True, "description": says, "schema": schema}
    query = one.query.model_json_schema() if one.query else {"properties": {}}
    for name, field in query["properties"].items():
        schema = {key: value for key, value in field.items() if key not in {"description", "title", "default", "anyOf"}}
        if kinds := [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]:
            schema |= kinds[0]
        elif "default" in field:
            schema["default"] = field["default"]
        if reference := schema.pop("$ref", ""):  # an enumeration: it stands in the parameter itself
            schema |= {key: query["$defs"][reference.rpartition("/")[2]][key] for key in ("type", "enum")}
        yield {"name": name, "in": "query", "required": False, "description": field["description"], "schema": schema}
    for header in one.headers:
        name, _, optional = header.partition(" ")
        described = REQUEST_HEADERS[name]
        yield {"name": name, "in": "header", **described, **({"required": False} if optional else {})}


def _answer(answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.says}
    if answer.headers:
        made["headers"] = _headers(*answer.headers)
    if answer.body:
        made["content"] = {JSON: {"schema": {"$ref": _REF.format(model=answer.body.__name__)}}}
    if answer.media:
        kinds = (answer.media,) if isinstance(answer.media, str) else answer.media
        made["content"] = {kind: {} if kind == _EVENTS else {"schema": _TEXT} for kind in kinds}
    return made


def _problem(status: HTTPStatus) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": PROBLEMS[status],
        "content": {CONTENT_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    extra = {HTTPStatus.UNAUTHORIZED: "WWW-Authenticate", HTTPStatus.SERVICE_UNAVAILABLE: "Retry-After"}
    return made | ({"headers": _headers(extra[status])} if status in extra else {})


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"description": ANSWER_HEADERS[name], "schema": {"type": "string"}} for name in names}
