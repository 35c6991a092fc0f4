"""API: what programs can ask and what they are sent, from the OpenAPI and AsyncAPI documents of this daemon."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aiohttp import web

from callrec import __version__
from callrec.domain.directory.model import Permission
from callrec.protocols.event_documents import asyncapi
from callrec.web.api.operations import operations
from callrec.web.openapi import ALWAYS, PROBLEMS, document
from callrec.web.pages.routes import Page
from callrec.web.pages.site import page
from callrec.web.routes import PREFIX, Operation
from callrec.web.use_cases import UseCases

API = "/api"
EVENTS = "stream-of-events"
"""The part with the AsyncAPI document; no tag of operations has this name."""
_REF = "#/components/schemas/"
MOST_TOGETHER = 15
"""A part with more operations has its objects on a page of their own, so that no page is heavy."""
_ALWAYS = frozenset(str(int(status)) for status in ALWAYS)
"""Which each operation can have: they are shown once."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field or parameter, in words. `model`: the name of the schema that it refers to."""

    name: str
    kind: str
    model: str
    is_needed: bool
    says: str


@dataclass(frozen=True, slots=True)
class OperationText:
    """One operation as it is shown."""

    name: str
    method: str
    path: str
    says: str
    needs: Sequence[str]
    parameters: Sequence[tuple[str, Field]]
    """Where each stands (`path`, `query`, `header`), and what it is."""
    bodies: Sequence[tuple[str, str, str]]
    """Media type, kind, and model of the body, for each that is taken."""
    answers: Sequence[tuple[str, str, str, str]]
    """Status, meaning, kind, and model."""


@dataclass(frozen=True, slots=True)
class Model:
    """A JSON object."""

    name: str
    says: str
    fields: Sequence[Field]


def api_pages(use: UseCases) -> list[Page]:
    """The page."""
    described = Described(use)
    return [Page("GET", API, "api", described.show, needs=(Permission.SETTINGS_READ,))]


class Described:
    """The documents, read for the page once, when it is first asked for."""

    def __init__(self, use: UseCases) -> None:
        self._use = use

    async def show(self, request: web.Request) -> web.Response:
        """All operations in one list; with `?part=` one part with all details."""
        part = request.query.get("part", "")
        if part == EVENTS:
            return page(request, "api/events.html", channels=self._channels, messages=self._messages)
        if not part:
            return page(request, "api/api.html", parts=self._parts, events=EVENTS)
        if part not in self._parts:
            raise web.HTTPNotFound
        listed = self._parts[part]
        always = [(int(status), PROBLEMS[status]) for status in ALWAYS]
        is_split = len(listed) > MOST_TOGETHER
        shown = "" if not is_split else "objects" if "objects" in request.query else "operations"
        return page(
            request, "api/part.html", part=part, listed=listed, models=self._models(listed), always=always, shown=shown
        )

    @cached_property
    def _table(self) -> Sequence[Operation]:
        return operations(self._use)

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        return document(self._table)

    @cached_property
    def _parts(self) -> Mapping[str, Sequence[OperationText]]:
        """By tag, its operations."""
        found: dict[str, list[OperationText]] = {}
        for one in self._table:
            found.setdefault(one.tag, []).append(self._text_of(one))
        return found

    def _text_of(self, one: Operation) -> OperationText:
        said = self._document["paths"][PREFIX + one.path][one.method.lower()]
        parameters = [
            (each["in"], _field(each["name"], each["schema"], is_needed=each["required"], says=each["description"]))
            for each in said["parameters"]
        ]
        bodies = [
            (kind, *_kind(content["schema"]))
            for kind, content in said.get("requestBody", {}).get("content", {}).items()
        ]
        answers = [
            (status, answer["description"], *_body(answer))
            for status, answer in said["responses"].items()
            if status not in _ALWAYS
        ]
        return OperationText(
            one.name,
            one.method,
            PREFIX + one.path,
            one.says,
            [str(each) for each in one.needs],
            parameters,
            bodies,
            answers,
        )

    def _models(self, listed: Sequence[OperationText]) -> Sequence[Model]:
        """The objects that these operations speak of, by name, and those inside them."""
        schemas: Mapping[str, Any] = self._document["components"]["schemas"]
        wanted = [name for one in listed for *_, name in (*one.bodies, *one.answers)]
        found: dict[str, Model] = {}
        while wanted:
            name = wanted.pop()
            if name and name not in found:
                found[name] = model_of(name, schemas[name])
                wanted += [one.model for one in found[name].fields]
        return [found[name] for name in sorted(found)]

    @cached_property
    def _channels(self) -> Sequence[tuple[str, str, str, int]]:
        """Name, address, meaning, and how many types of events."""
        channels: Mapping[str, Any] = _asyncapi()["channels"]
        return [
            (name, one["address"] or "", one["description"], len(one["messages"])) for name, one in channels.items()
        ]

    @cached_property
    def _messages(self) -> Sequence[Model]:
        """The types of events with the fields of their `data`."""
        schemas: Mapping[str, Any] = _asyncapi()["components"]["schemas"]
        return [
            Model(name, one["description"], model_of(name, one["properties"]["data"]).fields)
            for name, one in schemas.items()
        ]


def model_of(name: str, schema: Mapping[str, Any]) -> Model:
    """A schema of an object or of an enumeration, in words."""
    needed = schema.get("required", ())
    fields = [
        _field(each, content, is_needed=each in needed, says=content.get("description", ""))
        for each, content in schema.get("properties", {}).items()
    ]
    values = f" {' | '.join(map(str, schema['enum']))}" if "enum" in schema else ""
    return Model(name, f"{schema.get('description', '')}{values}".strip(), fields)


def _asyncapi() -> Mapping[str, Any]:
    return asyncapi(__version__)


def _body(answer: Mapping[str, Any]) -> tuple[str, str]:
    for media, content in answer.get("content", {}).items():
        kind, model = _kind(content.get("schema", {}))
        return (kind, model) if model else (media, "")
    return "", ""


def _field(name: str, schema: Mapping[str, Any], *, is_needed: bool, says: str) -> Field:
    kind, model = _kind(schema)
    return Field(name, kind, model, is_needed, says)


def _kind(schema: Mapping[str, Any]) -> tuple[str, str]:
    """A schema in a few words, and the model that it names."""
    if reference := schema.get("$ref"):
        name = str(reference).rpartition("/")[2]
        return name, name if str(reference).startswith(_REF) else ""
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        kinds = [_kind(one) for one in choices]
        return " | ".join(kind for kind, _ in kinds), next((model for _, model in kinds if model), "")
    if "const" in schema:
        return str(schema["const"]), ""
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"])), ""
    if schema.get("type") == "array":
        kind, model = _kind(schema.get("items", {}))
        return f"[{kind}]", model
    return " ".join(_words(schema)), ""


def _words(schema: Mapping[str, Any]) -> Iterator[str]:
    yield str(schema.get("type", "any"))
    bounds = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    for name, sign in bounds.items():
        if name in schema:
            yield f"{sign} {schema[name]}"
    if "maxLength" in schema:
        yield f"≤ {schema['maxLength']} characters"
    if "default" in schema:
        yield f"= {schema['default']!r}"
