"""Errors as answers: problem+json (RFC 9457) with our `code` and `hint`, and which status each kind of error has."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from callrec.domain.errors import CallrecError, Refused, Unavailable

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong value of a request: where (a JSON pointer into the body, or the name of a parameter) and why."""

    pointer: str
    detail: str


def problem(
    status: int,
    code: str,
    title: str,
    hint: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Wrong] = (),
) -> web.Response:
    """The answer that says what went wrong."""
    body: dict[str, object] = {"type": "about:blank", "status": status, "title": title, "code": code, "hint": hint}
    if errors:
        body["errors"] = [{"pointer": one.pointer, "detail": one.detail} for one in errors]
    return web.Response(text=json.dumps(body), status=status, headers=headers, content_type=CONTENT_TYPE)


def problem_of(error: CallrecError) -> web.Response:
    """What an error of ours is to whoever asked over HTTP."""
    if isinstance(error, Unavailable):
        headers = {"Retry-After": RETRY_AFTER_S}
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, error.code, error.message, error.hint or "try again later", headers=headers
        )
    if not isinstance(error, Refused):
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, error.code, error.message, error.hint)
    return problem(HTTPStatus.CONFLICT, error.code, error.message, error.hint)
