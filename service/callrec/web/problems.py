"""Errors as answers: problem+json (RFC 9457) with our `code` and `hint`, and which status each kind of error has."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from callrec.app.user_files import FileErrors
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.provisioning.record_rules import RecordRefused

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = "1"
STATUSES: Mapping[str, HTTPStatus] = {
    "no-such-record": HTTPStatus.NOT_FOUND,
    "record-changed": HTTPStatus.PRECONDITION_FAILED,
    "tables-edited": HTTPStatus.PRECONDITION_FAILED,
    "request-id-reused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "text-not-storable": HTTPStatus.UNPROCESSABLE_ENTITY,
    "file-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    **dict.fromkeys(("file-binary", "file-encoding", "file-refused"), HTTPStatus.UNPROCESSABLE_ENTITY),
}
"""Of refusals; all others are a conflict with what is there."""
POINTERS: Mapping[str, str] = {
    "number-range": "/ranges",
    "context-name": "/name",
    "feature-code": "/code",
    **{f"key-{name}": f"/{name}" for name in ("type", "number", "label", "destination", "supervision")},
    "key-not-served": "/type",
    "key-sccp": "/type",
    "no-such-user": "/user",
}
"""Refusals of one field, and which it is."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One wrong value of a request: a field of the body (a JSON pointer) or a parameter, and why."""

    where: str
    detail: str

    def shown(self) -> dict[str, str]:
        """As it stands in a problem."""
        return {
            "pointer" if self.where.startswith("/") or not self.where else "parameter": self.where,
            "detail": self.detail,
        }


class WronglyAsked(Exception):
    """A request that cannot be understood, or lacks something: becomes a problem."""

    def __init__(self, status: HTTPStatus, code: str, title: str, hint: str = "", errors: Sequence[Wrong] = ()) -> None:
        super().__init__(title)
        self.answer = problem(status, code, title, hint, errors=errors)


def problem(
    status: int,
    code: str,
    title: str,
    hint: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Wrong] = (),
    more: Mapping[str, object] | None = None,
) -> web.Response:
    """The answer that says what went wrong."""
    body: dict[str, object] = {"type": "about:blank", "status": int(status), "title": title, "code": code, "hint": hint}
    if errors:
        body["errors"] = [one.shown() for one in errors]
    body |= more or {}
    return web.Response(text=json.dumps(body), status=status, headers=headers, content_type=CONTENT_TYPE)


def problem_of(error: CallrecError) -> web.Response:
    """What an error of ours is to whoever asked over HTTP."""
    code, title, hint = error.code, error.message, error.hint
    match error:
        case Unavailable():
            headers = {"Retry-After": RETRY_AFTER_S}
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, code, title, hint or "try again later", headers=headers)
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
