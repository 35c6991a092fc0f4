"""The answers of the API as pydantic models. No model contains a secret."""

from typing import Any

from pydantic import BaseModel, Field, create_model

from callrec.domain.directory.model import ContextKind, Feature, Permission
from callrec.domain.rules import PlaceKind, Rule
from callrec.web.api.schemas import Rules
from callrec.web.api.user_file_schemas import FileError


class UserShown(BaseModel):
    """A user."""

    id: str
    name: str = Field(description="First and last name, as a phone displays them.")
    numbers: list[str] = Field(description="The numbers of the user's lines.")
    firstname: str
    lastname: str
    language: str | None
    call_record: bool
    online_record: bool
    rules: Rules
    outcallerid: str
    mobilephonenumber: str
    agentnumber: str
    bosssecretary: str
    enablehint: bool
    enablexfer: bool
    enableclient: bool
    username: str
    profileclient: str
    entityid: int
    dnd: bool
    forward_unconditional: str
    forward_no_answer: str
    forward_busy: str
    voicemail_enabled: bool
    filter_enabled: bool
    agent_logged_in: bool
    page_language: str


class LineShown(BaseModel):
    """A line."""

    id: str = Field(description="PROTOCOL:NAME.")
    user: str
    number: str
    context: str
    protocol: str
    name: str


class IncallShown(BaseModel):
    """An incoming number."""

    id: str = Field(description="EXTEN@CONTEXT.")
    user: str
    exten: str
    context: str
    ring_s: int
    record: Rule | None
    language: str | None


class VoicemailShown(BaseModel):
    """A mailbox."""

    id: str = Field(description="MAILBOX@CONTEXT.")
    user: str
    mailbox: str
    context: str
    name: str
    email: str
    attach: bool
    delete: bool
    skippass: bool


class ContextShown(BaseModel):
    """A context."""

    id: str
    name: str
    kind: ContextKind
    ranges: list[str]
    record: Rule | None


class EntityShown(BaseModel):
    """An entity."""

    id: int
    name: str


class ProfileShown(BaseModel):
    """A client profile."""

    id: str
    name: str
    role: str | None = Field(description="The role of the accounts with this profile.")


class RoleShown(BaseModel):
    """A role."""

    id: str
    name: str
    permissions: list[Permission]
    second_factor: bool = Field(description="Whether its accounts may do nothing before they have a second factor.")


class PlaceShown(BaseModel):
    """A trunk, a queue or a conference with a rule."""

    id: str = Field(description="KIND:NAME.")
    kind: PlaceKind
    name: str
    record: Rule


class GroupShown(BaseModel):
    """A group of users with supervisors."""

    id: str
    name: str
    members: list[str] = Field(description="Ids of users.")
    supervisors: list[str] = Field(description="Ids of users.")


class KeyShown(BaseModel):
    """A function key."""

    id: str = Field(description="USER:NUMBER.")
    user: str
    number: int
    type: str
    destination: str
    label: str
    supervision: bool
    dials: str = Field(description="The digits that the phone dials, or sends in a call.")
    lamp: str = Field(
        description="The extension whose state the key's lamp shows; empty for a key without supervision."
    )


class ExtensionShown(BaseModel):
    """A feature code."""

    id: Feature
    code: str
    enabled: bool


class Extensions(BaseModel):
    """All feature codes."""

    items: list[ExtensionShown]
    stale: bool


class Found(BaseModel):
    """The result of a look-up."""

    user: UserShown
    line: LineShown | None = Field(description="The line by which the user was found, else the user's first line.")
    incall: IncallShown | None
    stale: bool


class Document(BaseModel):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class SchemaDocument(BaseModel):
    """A JSON Schema."""

    id: str = Field(alias="$id")
    oneOf: list[dict[str, Any]]  # noqa: N815 - a keyword of JSON Schema


class AsyncApiDocument(BaseModel):
    """An AsyncAPI document."""

    asyncapi: str
    channels: dict[str, Any]
    operations: dict[str, Any]


class WrongShown(BaseModel):
    """One wrong value."""

    pointer: str | None = Field(None, description="A JSON pointer into the body.")
    parameter: str | None = Field(None, description="A parameter's name.")
    detail: str


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    status: int
    title: str
    code: str = Field(description="Stable, for programs.")
    hint: str = Field(description="What to do about it.")
    errors: list[WrongShown | FileError] | None = None
    count: int | None = Field(
        None, description="For a user file: the number of all errors; `errors` has the first 1000."
    )


def page_of(shown: type[BaseModel]) -> type[BaseModel]:
    """The model of a page of these records."""
    made: type[BaseModel] = create_model(
        shown.__name__.replace("Shown", "Page"),
        __doc__="A page of a list.",
        items=(list[shown], ...),  # type: ignore[valid-type]  # made here
        next=(str | None, Field(description="The cursor of the next page; null when there is none.")),
        total=(int | None, Field(description="The number of records on all pages; null for a search by name only.")),
        stale=(bool, Field(description="True while the store does not answer: the page may be out of date.")),
    )
    return made
