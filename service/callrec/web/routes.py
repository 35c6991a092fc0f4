"""The operations of the API: one table, from which the routes, the OpenAPI document and the permissions are made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from pydantic import BaseModel

from callrec.domain.directory.model import Permission

PREFIX = "/api/v1"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: its description, body and headers."""

    says: str
    body: type[BaseModel] | None = None
    """None for an answer without a body, or with one of the type `media` in place of JSON."""
    headers: tuple[str, ...] = ()
    media: str | tuple[str, ...] = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """Below PREFIX, with `{id}` for a record's id."""
    name: str
    tag: str
    says: str
    handler: Handler
    answers: Mapping[HTTPStatus, Answer]
    needs: tuple[Permission, ...] = field(kw_only=True)
    """All of these the principal must have, before the handler is called; () for every principal. Of a permission for recordings
    it is enough to have it for some (`decisions.may_somewhere`): the handler decides for the recording, by `decisions.may`."""
    problems: tuple[HTTPStatus, ...] = ()
    """Further error statuses besides 401, 403, 421, 500 and 503, which every operation can have."""
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    may_lack_body: bool = False
    takes: tuple[str, ...] = ()
    """The accepted media types of a body other than JSON."""
    headers: tuple[str, ...] = ()
    """Names of request headers, described in REQUEST_HEADERS of `openapi`; ` (optional)` after a name makes it optional."""
    id_says: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    """What the other places in braces of the path mean, by name."""
    id_pattern: str = "[^/]+"
    """The regular expression of an id: one path segment, unless another path begins in the same way."""
    limit_s: float | None = None
    """The time limit of the handler in seconds; None for the usual one."""
    more: Mapping[str, object] = field(default_factory=dict)

    @property
    def route(self) -> str:
        """The path in aiohttp's notation."""
        return PREFIX + self.path.replace("{id}", f"{{id:{self.id_pattern}}}")
