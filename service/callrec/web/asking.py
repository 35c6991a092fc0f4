"""What a request says, read and checked: body, parameters, preconditions, and the id under which it is done once."""

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

from callrec.app.asked import Asked
from callrec.app.listing import Place
from callrec.web.problems import Wrong, WronglyAsked

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
ACTOR = "api"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')

Model = TypeVar("Model", bound=BaseModel)
Shown = TypeVar("Shown")


async def body_of(request: web.Request, model: type[Model]) -> Model:
    """The body. Raises WronglyAsked: 415, 400, or 422 with the pointer of each wrong field."""
    accepted = (JSON, MERGE_PATCH) if request.method == "PATCH" else (JSON,)
    if request.content_type not in accepted or (request.charset or "utf-8").lower() != "utf-8":
        raise WronglyAsked(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media-type", "The body must be JSON", f"send Content-Type: {JSON}"
        )
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise WronglyAsked(HTTPStatus.BAD_REQUEST, "no-json", "The body is no JSON", "see the document") from None
        errors = [Wrong("".join(f"/{part}" for part in one["loc"]), one["msg"]) for one in found]
        raise WronglyAsked(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "body",
            "The body is not as it must be",
            "mend the fields named in errors",
            errors,
        ) from None


def query_of(request: web.Request, model: type[Model]) -> Model:
    """The parameters. Raises WronglyAsked (422) for a wrong one, an unknown one, and one that comes twice."""
    twice = [name for name in set(request.query) if len(request.query.getall(name)) > 1]
    try:
        if not twice:
            return model.model_validate(dict(request.query))
        errors = [Wrong(name, "must come once") for name in twice]
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [Wrong(str(one["loc"][0]) if one["loc"] else "", one["msg"]) for one in found]
    hint = "mend the parameters named in errors"
    raise WronglyAsked(HTTPStatus.UNPROCESSABLE_ENTITY, "parameter", "The parameters are wrong", hint, errors)


async def asked_of(request: web.Request) -> Asked:
    """Under which id a change is done once, and what exactly it is. Raises WronglyAsked."""
    asked = asked_under(request)
    wording = blake2b(asked.wording.encode("utf-8", "replace") + b"\n" + await request.read(), digest_size=12)
    return replace(asked, wording=wording.hexdigest())


def asked_under(request: web.Request) -> Asked:
    """The same of a request whose body is not read here: its wording is all but the body. Raises WronglyAsked."""
    keys = request.headers.getall("Idempotency-Key", [])
    if len(keys) > 1 or (keys and not REQUEST_ID.fullmatch(keys[0])):
        raise WronglyAsked(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "idempotency-key",
            "This Idempotency-Key cannot be used",
            "1 to 64 letters, digits or any of . _ : -",
            [Wrong("Idempotency-Key", "must match " + REQUEST_ID.pattern)],
        )
    said = (request.method, request.path_qs, request.headers.get("If-Match", ""), request.content_type)
    request_id = f"api:{keys[0]}" if keys else f"api-{secrets.token_hex(16)}"
    return Asked(request_id, ACTOR, "\n".join(said), bool(keys))


class Tags:
    """Entity tags: what a record looked like when it was read. They say nothing to whoever guesses at secrets in it, since
    their key is new at each start; a tag of before the start matches nothing any more."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def of(self, noun: object, shown: Mapping[str, object]) -> str:
        """The tag of a record with all its fields, secrets included, and of what answers show beside them: that comes from other
        tables, and who has seen it has decided by it."""
        names: tuple[str, ...] = getattr(type(noun), "__slots__", ())
        fields = [f"{name}={getattr(noun, name)!r}" for name in names]
        beside = [f"{name}:{value!r}" for name, value in shown.items() if name not in names]
        whole = "\n".join([type(noun).__name__, *fields, *beside])
        digest = blake2b(whole.encode("utf-8", "replace"), key=self._key, digest_size=12)
        return f'"{digest.hexdigest()}"'

    def expected(
        self, request: web.Request, show: Callable[[Shown], Mapping[str, object]], *, required: bool
    ) -> Callable[[Shown], bool]:
        """Whether a record is as the asker has read it (If-Match) by what `show` makes of it. Raises
        WronglyAsked (428) when it has to be said."""
        given = request.headers.getall("If-Match", [])
        if not given and required:
            raise WronglyAsked(
                HTTPStatus.PRECONDITION_REQUIRED,
                "if-match",
                "A change needs If-Match",
                "send the ETag of the record as you have read it",
            )
        said = ",".join(given)
        if given and not said.strip(" ,"):
            wrong = [Wrong("If-Match", "must be an ETag or *")]
            hint = "send the ETag of the record as you have read it"
            raise WronglyAsked(
                HTTPStatus.UNPROCESSABLE_ENTITY, "if-match", "An empty If-Match says nothing", hint, wrong
            )
        if not given or said.strip() == "*":
            return lambda _: True
        tags = {f'"{tag}"' for weak, tag in _TAG.findall(said) if not weak}
        return lambda noun: self.of(noun, show(noun)) in tags


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended, in which order."""

    sort: str
    place: Place

    def __str__(self) -> str:
        return urlsafe_b64encode(json.dumps([self.sort, *self.place], ensure_ascii=False).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, sort: str, kind: type) -> "Cursor":
        """What `str` wrote, for the same order. Raises WronglyAsked."""
        try:
            found = json.loads(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
            said, value, length, key = cast("list[object]", found)
        except (ValueError, TypeError, RecursionError):  # deep brackets are no text of ours either
            said, value, length, key = None, None, None, None
        if said == sort and isinstance(value, kind) and isinstance(length, int) and isinstance(key, str):
            return cls(sort, (cast("str | int", value), length, key))
        wrong = [Wrong("cursor", "must be the `next` of a page in the same order")]
        raise WronglyAsked(
            HTTPStatus.UNPROCESSABLE_ENTITY, "parameter", "The parameters are wrong", "begin with the first page", wrong
        )
