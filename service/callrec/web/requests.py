"""Reads and checks the parts of a request: body, parameters, preconditions (If-Match), idempotency key."""

import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from http import HTTPStatus
from typing import TypeVar, cast

from aiohttp import web
from pydantic import BaseModel, ValidationError

from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.paging import Place
from callrec.domain.access.principals import DAEMON
from callrec.web.auth import principal_of
from callrec.web.problems import BadRequest, Wrong, wrong_parameters

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_AMBIGUOUS = re.compile(r"[%&\x00-\x1f\x7f]")
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')

Model = TypeVar("Model", bound=BaseModel)
Shown = TypeVar("Shown")


async def body_of(request: web.Request, model: type[Model]) -> Model:
    """The body as this model. Raises BadRequest: 415, 400, or 422 with the pointer of each wrong field."""
    accepted = (JSON, MERGE_PATCH) if request.method == "PATCH" else (JSON,)
    if request.content_type not in accepted or (request.charset or "utf-8").lower() != "utf-8":
        raise BadRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must be JSON", f"send Content-Type: {JSON}"
        )
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise BadRequest(
                HTTPStatus.BAD_REQUEST, "no-json", "The body is not JSON", "see the OpenAPI document"
            ) from None
        errors = [Wrong("".join(f"/{part}" for part in one["loc"]), one["msg"]) for one in found]
        raise BadRequest(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "body",
            "The body has wrong values",
            "correct the fields named in errors",
            errors,
        ) from None


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The query parameters as this model. Raises BadRequest (422) for a wrong, an unknown or a repeated one."""
    twice = [name for name in set(request.query) if len(request.query.getall(name)) > 1]
    try:
        if not twice:
            return model.model_validate(dict(request.query))
        errors = [Wrong(name, "must come once") for name in twice]
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [Wrong(str(one["loc"][0]) if one["loc"] else "", one["msg"]) for one in found]
    raise wrong_parameters(errors)


def query_text(query: BaseModel) -> str:
    """The parameters that the client gave, as they were read, in the order of the model: `number=+49301234&held=true`. Only `%`,
    `&` and control characters are percent-encoded, so that a text from outside cannot be made long by its spelling."""
    given = query.model_dump(mode="json", exclude_unset=True)
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
    return "&".join(f"{name}={_AMBIGUOUS.sub(_percent, text)}" for name, text in texts.items())


def _percent(found: re.Match[str]) -> str:
    return f"%{ord(found[0]):02X}"


async def change_request_of(request: web.Request) -> ChangeRequest:
    """The change's idempotency key, and a hash of the whole request. Raises BadRequest."""
    change_request = change_request_under(request)
    wording = blake2b(change_request.wording.encode("utf-8", "replace") + b"\n" + await request.read(), digest_size=12)
    return replace(change_request, wording=wording.hexdigest())


def change_request_under(request: web.Request) -> ChangeRequest:
    """The same without reading the body; `wording` is the request's text without it. Raises BadRequest."""
    keys = request.headers.getall("Idempotency-Key", [])
    if len(keys) > 1 or (keys and not REQUEST_ID.fullmatch(keys[0])):
        raise BadRequest(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "idempotency-key",
            "The Idempotency-Key is not valid",
            "send one of 1 to 64 letters, digits or any of . _ : -",
            [Wrong("Idempotency-Key", "must match " + REQUEST_ID.pattern)],
        )
    principal = principal_of(request)
    actor = principal.actor
    said = [request.method, request.path_qs, request.headers.get("If-Match", ""), request.content_type]
    if actor != DAEMON.actor:
        said.append(actor)  # so that no one else gets the answer to another one's request
    request_id = f"api:{keys[0]}" if keys else f"api-{secrets.token_hex(16)}"
    return ChangeRequest(request_id, actor, "\n".join(said), bool(keys), principal)


class Tags:
    """Entity tags: keyed hashes of records. The key is new at each start, so that a tag gives no way to guess the secrets in a
    record. Tags from before the start match no record."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, table_record: object, shown: Mapping[str, object]) -> str:
        """The tag of a record: over all its fields including secrets, and over the values of other tables that answers show with
        it, since a client decides by them too."""
        names: tuple[str, ...] = getattr(type(table_record), "__slots__", ())
        fields = [f"{name}={getattr(table_record, name)!r}" for name in names]
        beside = [f"{name}:{value!r}" for name, value in shown.items() if name not in names]
        whole = "\n".join([type(table_record).__name__, *fields, *beside])
        digest = blake2b(whole.encode("utf-8", "replace"), key=self._key, digest_size=12)
        return f'"{digest.hexdigest()}"'

    def expected(
        self, request: web.Request, show: Callable[[Shown], Mapping[str, object]], *, required: bool
    ) -> Callable[[Shown], bool]:
        """A function that tells whether a record matches the request's If-Match; `show` gives the record's fields in answers.
        Raises BadRequest (428) when If-Match is `required` and missing."""
        given = request.headers.getall("If-Match", [])
        if not given and required:
            raise BadRequest(
                HTTPStatus.PRECONDITION_REQUIRED,
                "if-match",
                "A change needs If-Match",
                "read the record, and send its ETag in If-Match",
            )
        said = ",".join(given)
        if given and not said.strip(" ,"):
            wrong = [Wrong("If-Match", "must be an ETag or *")]
            hint = "read the record, and send its ETag in If-Match"
            raise BadRequest(HTTPStatus.UNPROCESSABLE_ENTITY, "if-match", "If-Match is empty", hint, wrong)
        if not given or said.strip() == "*":
            return lambda _: True
        tags = {f'"{tag}"' for weak, tag in _TAG.findall(said) if not weak}
        return lambda table_record: self.of(table_record, show(table_record)) in tags


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a page, in this order of the list."""

    sort: str
    place: Place

    def __str__(self) -> str:
        return urlsafe_b64encode(json.dumps([self.sort, *self.place], ensure_ascii=False).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, sort: str, kind: type) -> "Cursor":
        """Read a cursor that `str` wrote for the same order. Raises BadRequest."""
        try:
            found = json.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
            said, value, length, key = cast("list[object]", found)
        except (ValueError, TypeError, RecursionError):  # RecursionError: JSON with very many brackets
            said, value, length, key = None, None, None, None
        if said == sort and isinstance(value, kind) and isinstance(length, int) and isinstance(key, str):
            return cls(sort, (cast("str | int", value), length, key))
        wrong = [Wrong("cursor", "must be the `next` of a page in the same order")]
        raise wrong_parameters(wrong, hint="begin with the first page")
