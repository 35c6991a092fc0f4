"""Look-ups and feature codes over HTTP."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from callrec.app.dialplan.lookups import Found, Kind, Lookups
from callrec.app.directory.records import Records
from callrec.domain.directory.edit import Table
from callrec.domain.directory.model import Feature, FeatureCode, Permission
from callrec.domain.errors import Refused
from callrec.web.api import responses as a
from callrec.web.api import schemas as s
from callrec.web.api.access_changes import log_change
from callrec.web.api.record_names import FIELDS
from callrec.web.api.records import IN_BODY, Query, shown
from callrec.web.api.resources import RESOURCES
from callrec.web.problems import Wrong, wrong_parameters
from callrec.web.requests import Tags, body_of, change_request_of, query_of
from callrec.web.routes import PREFIX, Answer, Operation

_KIND_OF = {resource.table: resource for resource in RESOURCES}
_IN_CONTEXT = (Kind.EXTENSION, Kind.DID)
_CHANGE = s.changes(s.ExtensionNew)


class LookupQuery(Query):
    """Exactly one of extension, endpoint, did and callerid."""

    extension: str | None = Field(None, max_length=200, description="A number that is dialled in `context`.")
    endpoint: str | None = Field(None, max_length=200, description="TECHNOLOGY/NAME, e.g. PJSIP/desk.")
    did: str | None = Field(None, max_length=200, description="An incoming number in `context`.")
    callerid: str | None = Field(None, max_length=200, description="A caller's number, in any notation.")
    context: str | None = Field(
        None, max_length=200, description="The context; required with extension and did, not allowed otherwise."
    )


def lookup_operation(lookups: Lookups) -> Operation:
    """`GET /lookup`."""

    async def lookup(request: web.Request) -> web.Response:
        kind, key, context = _wanted(query_of(request, LookupQuery))
        found = lookups.find(kind, key, context)
        if found is None:
            raise Refused("no-such-record", f"no user has this {kind.value}")
        return shown(_found(found, lookups))

    return Operation(
        "GET",
        "/lookup",
        "lookup",
        "lookup",
        "The user of an extension, an endpoint, an incoming number or a caller's number. Read from the daemon's copy: fast.",
        lookup,
        {HTTPStatus.OK: Answer("The user.", a.Found)},
        (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
        query=LookupQuery,
        needs=(Permission.USERS_READ,),
    )


def _wanted(query: LookupQuery) -> tuple[Kind, str, str]:
    given = [kind for kind in Kind if getattr(query, kind) is not None]
    errors = []
    if len(given) != 1:
        errors.append(Wrong("extension", f"exactly one of {', '.join(Kind)} must be given"))
    elif (given[0] in _IN_CONTEXT) != (query.context is not None):
        errors.append(Wrong("context", "must be given with extension and did, and with no other parameter"))
    if errors:
        raise wrong_parameters(errors)
    return given[0], getattr(query, given[0]), query.context or ""


def _found(found: Found, lookups: Lookups) -> dict[str, object]:
    tables = lookups.directory
    return {
        "user": _KIND_OF[Table.USERS].show(found.user, tables),
        "line": _KIND_OF[Table.LINES].show(found.line, tables) if found.line else None,
        "incall": _KIND_OF[Table.INCALLS].show(found.incall, tables) if found.incall else None,
        "stale": lookups.stale,
    }


class _Extensions:
    """The feature codes over HTTP: list, read, change. Each feature has exactly one."""

    def __init__(self, records: Records, tags: Tags) -> None:
        self._records, self._tags = records, tags

    async def every(self, _: web.Request) -> web.Response:
        items = [_code(code) for code in self._records.directory.codes()]
        return shown({"items": items, "stale": self._records.stale})

    async def read(self, request: web.Request) -> web.Response:
        code = self._records.directory.code(_feature(request))
        return shown(_code(code), ETag=self._tags.of(code, _code(code)))

    async def change(self, request: web.Request) -> web.Response:
        expected, feature = self._tags.expected(request, _code, required=True), _feature(request)
        body, change_request = await body_of(request, _CHANGE), await change_request_of(request)
        await log_change(request, f"extension:{feature}", "change", **body.model_dump(include=body.model_fields_set))
        given = {FIELDS[FeatureCode][name]: getattr(body, name) for name in body.model_fields_set}
        code = await self._records.set_code(feature, lambda code: replace(code, **given), expected, change_request)
        return shown(
            _code(code), ETag=self._tags.of(code, _code(code)), Content_Location=f"{PREFIX}/extensions/{feature}"
        )


def extension_operations(records: Records, tags: Tags) -> list[Operation]:
    """The three operations of feature codes."""
    codes, ok, missing, says = (
        _Extensions(records, tags),
        HTTPStatus.OK,
        HTTPStatus.NOT_FOUND,
        f"One of {', '.join(Feature)}.",
    )
    one, tag, changed = "/extensions/{id}", "extensions", HTTPStatus.PRECONDITION_FAILED
    return [
        Operation(
            "GET", "/extensions", "listExtensions", tag, "List the feature codes.", codes.every,
            {ok: Answer("All feature codes.", a.Extensions)}, needs=(Permission.USERS_READ,),
        ),
        Operation(
            "GET", one, "readExtension", tag, "Read one feature code.", codes.read,
            {ok: Answer("The feature code.", a.ExtensionShown, ("ETag",))}, (missing,), id_says=says,
            needs=(Permission.USERS_READ,),
        ),
        Operation(
            "PATCH", one, "changeExtension", tag, "Change a feature code's digits, enable or disable it.", codes.change,
            {ok: Answer("The feature code after the change.", a.ExtensionShown, ("ETag", "Content-Location"))},
            (*IN_BODY, missing, changed, HTTPStatus.PRECONDITION_REQUIRED),
            body=_CHANGE, headers=("If-Match", "Idempotency-Key"), id_says=says, needs=(Permission.SETTINGS_CHANGE,),
        ),
    ]  # fmt: skip


def _feature(request: web.Request) -> Feature:
    if request.match_info["id"] not in set(Feature):
        raise Refused("no-such-record", "this feature does not exist", hint=f"use one of {', '.join(Feature)}")
    return Feature(request.match_info["id"])


def _code(code: FeatureCode) -> dict[str, object]:
    return {"id": code.feature, "code": code.code, "enabled": code.enabled}
