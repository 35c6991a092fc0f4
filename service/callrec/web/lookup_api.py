"""Look-ups and feature codes over HTTP."""

from dataclasses import replace
from http import HTTPStatus

from aiohttp import web
from pydantic import Field

from callrec.app.lookups import Found, Kind, Lookups
from callrec.app.records import Records
from callrec.domain.errors import Refused
from callrec.domain.provisioning.edit import Table
from callrec.domain.provisioning.model import Feature, FeatureCode
from callrec.web import answers as a
from callrec.web import schemas as s
from callrec.web.asking import Tags, asked_of, body_of, query_of
from callrec.web.operations import PREFIX, Answer, Operation
from callrec.web.problems import Wrong, WronglyAsked
from callrec.web.record_names import FIELDS
from callrec.web.records_api import IN_BODY, Query, shown
from callrec.web.resources import RESOURCES

_KIND_OF = {resource.table: resource for resource in RESOURCES}
_IN_CONTEXT = (Kind.EXTENSION, Kind.DID)
_CHANGE = s.changes(s.ExtensionNew)


class LookupQuery(Query):
    """Exactly one of extension, endpoint, did and callerid."""

    extension: str | None = Field(None, max_length=200, description="A number that is dialled in the context.")
    endpoint: str | None = Field(None, max_length=200, description="TECHNOLOGY/NAME, e.g. PJSIP/desk.")
    did: str | None = Field(
        None, max_length=200, description="A number of the outside world that rings in the context."
    )
    callerid: str | None = Field(None, max_length=200, description="A number that a caller shows, in any writing.")
    context: str | None = Field(None, max_length=200, description="Needed with extension and did, and only there.")


def lookup_operation(lookups: Lookups) -> Operation:
    """`GET /lookup`."""

    async def lookup(request: web.Request) -> web.Response:
        kind, key, context = _wanted(query_of(request, LookupQuery))
        found = lookups.find(kind, key, context)
        if found is None:
            raise Refused("no-such-record", "this leads to nobody")
        return shown(_found(found, lookups))

    return Operation(
        "GET",
        "/lookup",
        "lookup",
        "lookup",
        "Who is behind an extension, an endpoint, an incoming number or a caller's number. From the local copy: never slow.",
        lookup,
        {HTTPStatus.OK: Answer("The user.", a.Found)},
        (HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
        query=LookupQuery,
    )


def _wanted(query: LookupQuery) -> tuple[Kind, str, str]:
    given = [kind for kind in Kind if getattr(query, kind) is not None]
    errors = []
    if len(given) != 1:
        errors.append(Wrong("extension", f"exactly one of {', '.join(Kind)} must be given"))
    elif (given[0] in _IN_CONTEXT) != (query.context is not None):
        errors.append(Wrong("context", "must be given with extension and did, and only there"))
    if errors:
        hint = "mend the parameters named in errors"
        raise WronglyAsked(HTTPStatus.UNPROCESSABLE_ENTITY, "parameter", "The parameters are wrong", hint, errors)
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
    """The feature codes: list, read, change. There are as many as there are features."""

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
        body, asked = await body_of(request, _CHANGE), await asked_of(request)
        given = {FIELDS[FeatureCode][name]: getattr(body, name) for name in body.model_fields_set}
        code = await self._records.set_code(feature, lambda code: replace(code, **given), expected, asked)
        return shown(
            _code(code), ETag=self._tags.of(code, _code(code)), Content_Location=f"{PREFIX}/extensions/{feature}"
        )


def extension_operations(records: Records, tags: Tags) -> list[Operation]:
    """Three of them."""
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
            {ok: Answer("All of them.", a.Extensions)},
        ),
        Operation(
            "GET", one, "readExtension", tag, "Read one feature code.", codes.read,
            {ok: Answer("The feature code.", a.ExtensionShown, ("ETag",))}, (missing,), id_says=says,
        ),
        Operation(
            "PATCH", one, "changeExtension", tag, "Change a feature's digits, or whether they work.", codes.change,
            {ok: Answer("The feature code as it is now.", a.ExtensionShown, ("ETag", "Content-Location"))},
            (*IN_BODY, missing, changed, HTTPStatus.PRECONDITION_REQUIRED),
            body=_CHANGE, headers=("If-Match", "Idempotency-Key"), id_says=says,
        ),
    ]  # fmt: skip


def _feature(request: web.Request) -> Feature:
    if request.match_info["id"] not in set(Feature):
        raise Refused("no-such-record", "there is no such feature", hint=f"one of {', '.join(Feature)}")
    return Feature(request.match_info["id"])


def _code(code: FeatureCode) -> dict[str, object]:
    return {"id": code.feature, "code": code.code, "enabled": code.enabled}
