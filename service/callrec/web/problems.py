"""Errors as HTTP answers: problem+json (RFC 9457) with callrec's `code` and `hint`, and the status of each kind of error."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from callrec.app.access.logins import LoginWait
from callrec.app.directory.user_file.jobs import FileErrors
from callrec.domain.directory.record_rules import RecordRefused
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Refused, Unavailable

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"
STATUSES: Mapping[ErrorCode, HTTPStatus] = {
    "no-such-record": HTTPStatus.NOT_FOUND,
    "no-such-webhook": HTTPStatus.NOT_FOUND,
    "no-such-session": HTTPStatus.NOT_FOUND,
    "no-such-token": HTTPStatus.NOT_FOUND,
    "login-refused": HTTPStatus.UNAUTHORIZED,
    "login-code": HTTPStatus.UNAUTHORIZED,
    "login-way": HTTPStatus.FORBIDDEN,
    "grant-exceeds": HTTPStatus.FORBIDDEN,
    "token-maker": HTTPStatus.FORBIDDEN,
    "no-such-delivery": HTTPStatus.NOT_FOUND,
    "no-such-prompt": HTTPStatus.NOT_FOUND,
    "prompt-name": HTTPStatus.NOT_FOUND,
    "prompt-language": HTTPStatus.NOT_FOUND,
    "prompt-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "prompt-audio": HTTPStatus.UNPROCESSABLE_ENTITY,
    "prompt-length": HTTPStatus.UNPROCESSABLE_ENTITY,
    "no-such-call": HTTPStatus.NOT_FOUND,
    "no-such-recording": HTTPStatus.NOT_FOUND,
    "no-such-link": HTTPStatus.NOT_FOUND,
    "no-such-hold": HTTPStatus.NOT_FOUND,
    "no-such-track": HTTPStatus.NOT_FOUND,
    "no-audio": HTTPStatus.NOT_FOUND,
    "call-ended": HTTPStatus.GONE,
    "link": HTTPStatus.UNPROCESSABLE_ENTITY,
    "annotation": HTTPStatus.UNPROCESSABLE_ENTITY,
    "erasure-conditions": HTTPStatus.UNPROCESSABLE_ENTITY,
    "no-such-class": HTTPStatus.NOT_FOUND,
    "retention-class": HTTPStatus.UNPROCESSABLE_ENTITY,
    "retention-space": HTTPStatus.UNPROCESSABLE_ENTITY,
    "annotations-changed": HTTPStatus.PRECONDITION_FAILED,
    "record-changed": HTTPStatus.PRECONDITION_FAILED,
    "tables-edited": HTTPStatus.PRECONDITION_FAILED,
    "request-id-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "text-not-storable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "file-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "file-binary": HTTPStatus.UNPROCESSABLE_ENTITY,
    "file-encoding": HTTPStatus.UNPROCESSABLE_ENTITY,
    "file-refused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "search-text": HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""The status of these refusals; all others are 409 Conflict."""
POINTERS: Mapping[ErrorCode, str] = {
    "number-range": "/ranges",
    "context-name": "/name",
    "feature-code": "/code",
    "key-type": "/type",
    "key-number": "/number",
    "key-label": "/label",
    "key-destination": "/destination",
    "key-supervision": "/supervision",
    "key-not-served": "/type",
    "key-sccp": "/type",
    "no-such-user": "/user",
    "webhook-url": "/url",
    "webhook-types": "/types",
    "webhook-secret": "/secret",
    "control-reason": "/reason",
    "erasure-reason": "/reason",
    "password": "/password",
    "token-name": "/name",
    "token-permissions": "/permissions",
    "search-cursor": "cursor",
}
"""Refusals that concern one field or parameter, and the JSON pointer of that field or the parameter's name."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong value of a request: a field of the body (a JSON pointer) or a parameter, and why."""

    where: str
    detail: str

    def shown(self) -> dict[str, str]:
        """As an entry of `errors` in a problem."""
        return {
            "pointer" if self.where.startswith("/") or not self.where else "parameter": self.where,
            "detail": self.detail,
        }


class BadRequest(Exception):
    """A request that cannot be read, or lacks something; `answer` is the problem for it."""

    def __init__(
        self,
        status: HTTPStatus,
        code: ErrorCode,
        title: str,
        hint: str = "",
        errors: Sequence[Wrong] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.answer = problem(status, code, title, hint, errors=errors, headers=headers)


def wrong_parameters(errors: Sequence[Wrong], hint: str = "correct the parameters named in errors") -> BadRequest:
    """The error (422) for query parameters with these faults."""
    return BadRequest(HTTPStatus.UNPROCESSABLE_ENTITY, "parameter", "The parameters are wrong", hint, errors)


def problem(
    status: int,
    code: ErrorCode,
    title: str,
    hint: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Wrong] = (),
    more: Mapping[str, object] | None = None,
) -> web.Response:
    """An answer with a problem+json body."""
    body: dict[str, object] = {"type": "about:blank", "status": int(status), "title": title, "code": code, "hint": hint}
    if errors:
        body["errors"] = [one.shown() for one in errors]
    body |= more or {}
    return web.Response(text=json.dumps(body), status=status, headers=headers, content_type=CONTENT_TYPE)


def fields_of(answer: web.Response) -> dict[str, Any]:
    """What a problem says: `title`, `code`, `hint`, and `errors` if there are some."""
    found: dict[str, Any] = json.loads(answer.text or "{}")
    return found


def problem_of(error: CallrecError) -> web.Response:
    """The HTTP answer for a CallrecError."""
    code, title, hint = error.code, error.message, error.hint
    match error:
        case Unavailable():
            headers = {"Retry-After": RETRY_AFTER_S}
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, code, title, hint or "try again later", headers=headers)
        case LoginWait():
            headers = {"Retry-After": str(error.wait_s)}
            return problem(HTTPStatus.TOO_MANY_REQUESTS, code, title, hint, headers=headers)
        case FileErrors():
            more = {"errors": error.errors, "count": error.count}
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, title, hint, more=more)
        case RecordRefused(faults=faults):
            errors = [Wrong(f"/{fault.field}", fault.reason) for fault in faults]
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, title, hint, errors=errors)
        case Refused() if code in POINTERS:
            wrong = [Wrong(POINTERS[code], title)]
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, title, hint, errors=wrong)
        case Refused():
            return problem(STATUSES.get(code, HTTPStatus.CONFLICT), code, title, hint)
        case _:
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, code, title, hint)
