"""The OpenAPI 3.1 document, made from the table of operations: it cannot say anything else than what is served."""

import json
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from callrec import __version__
from callrec.web.answers import Document, Problem
from callrec.web.asking import JSON, MERGE_PATCH, REQUEST_ID
from callrec.web.operations import PREFIX, Answer, Operation
from callrec.web.problems import CONTENT_TYPE

_REF = "#/components/schemas/{model}"
ALWAYS = (
    *(HTTPStatus.UNAUTHORIZED, HTTPStatus.MISDIRECTED_REQUEST),
    *(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE),
)
PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The body is no JSON, or ends before its end.",
    HTTPStatus.UNAUTHORIZED: "No token, or another one than the daemon's.",
    HTTPStatus.NOT_FOUND: "There is no such record.",
    HTTPStatus.CONFLICT: "It is taken, or somebody needs it.",
    HTTPStatus.PRECONDITION_FAILED: "The record is not as it was read.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 1 MiB, a user file larger than 64 MiB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body must be JSON, or a user file where one is taken.",
    HTTPStatus.MISDIRECTED_REQUEST: "The Host header is no name of the daemon's.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Values are wrong; `errors` says which.",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match is missing.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "A defect of callrec, or something stored that cannot be read.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The store does not answer now, the tables were never loaded, or a user file is under way.",
}
REQUEST_HEADERS: dict[str, dict[str, Any]] = {
    "If-Match": {
        "required": True,
        "description": "The ETag of the record as it was read; `*` for whatever it is now.",
        "schema": {"type": "string", "pattern": "^[!-~]+$"},
    },
    "Idempotency-Key": {
        "required": False,
        "description": "The request is done once under this key, and answered again for a day.",
        "schema": {"type": "string", "pattern": f"^{REQUEST_ID.pattern}$"},
    },
}
ANSWER_HEADERS = {
    "ETag": "What the record looks like, for If-Match.",
    "Location": "Where the new record is.",
    "Content-Location": "Where the record is now.",
    "Content-Disposition": "The file's name.",
    "Callrec-Left-Out": "How many things the file cannot say as they are in the store; `callrec users export` names them.",
    "WWW-Authenticate": "How to log in.",
    "Retry-After": "Seconds.",
}

_TEXT = {"type": "string"}


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The whole document."""
    table = list(operations)
    models = sorted({model for one in table for model in _models(one)} | {Problem}, key=lambda model: model.__name__)
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in table:
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = _operation(one)
    token = {"type": "http", "scheme": "bearer", "description": "What stands in the file `token` of the state folder."}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callrec",
            "version": __version__,
            "summary": "Call recording for Asterisk: users, lines, numbers and look-ups.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in table)],
        "paths": paths,
        "components": {"schemas": found["$defs"], "securitySchemes": {"token": token}},
    }


def document_operation(others: list[Operation]) -> Operation:
    """`GET /openapi.json`, which describes itself too."""

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=JSON)

    answers = {HTTPStatus.OK: Answer("This document.", Document)}
    itself = Operation("GET", "/openapi.json", "openapi", "document", "This document.", show, answers)
    text = json.dumps(document([*others, itself]))
    return itself


def _models(one: Operation) -> Iterator[type[BaseModel]]:
    if one.body:
        yield one.body
    yield from (answer.body for answer in one.answers.values() if answer.body)


def _operation(one: Operation) -> dict[str, Any]:
    answers = {str(int(status)): _answer(answer) for status, answer in one.answers.items()}
    problems = {str(int(status)): _problem(status) for status in sorted({*ALWAYS, *one.problems})}
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.says,
        "parameters": list(_parameters(one)),
        "responses": answers | problems,
    }
    if one.body:
        kinds = (JSON, MERGE_PATCH) if one.method == "PATCH" else (JSON,)
        content = {kind: {"schema": {"$ref": _REF.format(model=one.body.__name__)}} for kind in kinds}
        made["requestBody"] = {"required": True, "content": content}
    if one.takes:
        made["requestBody"] = {"required": True, "content": {kind: {"schema": _TEXT} for kind in one.takes}}
    return made


def _parameters(one: Operation) -> Iterator[dict[str, Any]]:
    if "{id}" in one.path:
        schema = {"type": "string", "pattern": f"^{one.id_pattern}$"}
        yield {"name": "id", "in": "path", "required": True, "description": one.id_says, "schema": schema}
    fields = one.query.model_json_schema()["properties"] if one.query else {}
    for name, field in fields.items():
        schema = {key: value for key, value in field.items() if key not in {"description", "title", "default", "anyOf"}}
        if kinds := [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]:
            schema |= kinds[0]
        elif "default" in field:
            schema["default"] = field["default"]
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
        made["content"] = {answer.media: {"schema": _TEXT}}
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
