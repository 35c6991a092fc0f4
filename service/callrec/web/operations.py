"""What can be asked over the API: one table, from which both the routes and the OpenAPI document are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel

PREFIX = "/api/v1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: in words, its body and its headers."""

    says: str
    body: type[BaseModel] | None = None
    """None: it has none, or `media` says what it is instead of JSON."""
    headers: tuple[str, ...] = ()
    media: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """Below PREFIX, with `{id}` where a record is named."""
    name: str
    tag: str
    says: str
    handler: Handler
    answers: Mapping[HTTPStatus, Answer]
    problems: tuple[HTTPStatus, ...] = ()
    """Besides 401, 500 and 503, which any operation can answer."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    takes: tuple[str, ...] = ()
    """The media types of a body that is no JSON."""
    headers: tuple[str, ...] = ()
    """Names of request headers, as HEADERS of `openapi` describes them."""
    id_says: str = ""
    id_pattern: str = "[^/]+"
    """What an id looks like: whatever stands between two slashes, where no other path begins so."""
    limit_s: float | None = None
    """How long the handler may take, when that is longer than for others."""
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def route(self) -> str:
        """The path as aiohttp has it."""
        return PREFIX + self.path.replace("{id}", f"{{id:{self.id_pattern}}}")
