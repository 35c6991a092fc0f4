"""What the API gives, as pydantic models; no secret is in any of them."""

from typing import Any

from pydantic import BaseModel, Field, create_model

from callrec.domain.provisioning.model import ContextKind, Feature, Permission
from callrec.web.file_schemas import FileError
from callrec.web.schemas import Rules


class UserShown(BaseModel):
    """A user."""

    id: str
    name: str = Field(description="First and last name, as a display shows them.")
    numbers: list[str] = Field(description="Of the user's lines.")
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


class LineShown(BaseModel):
    """A line."""

    id: str = Field(description="PROTOCOL:NAME.")
    user: str
    number: str
    context: str
    protocol: str
    name: str


class IncallShown(BaseModel):
    """A number of the outside world."""

    id: str = Field(description="EXTEN@CONTEXT.")
    user: str
    exten: str
    context: str
    ring_s: int


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


class EntityShown(BaseModel):
    """An entity."""

    id: int
    name: str


class ProfileShown(BaseModel):
    """A client profile."""

    id: str
    name: str


class RoleShown(BaseModel):
    """A role."""

    id: str
    name: str
    permissions: list[Permission]


class KeyShown(BaseModel):
    """A function key."""

    id: str = Field(description="USER:NUMBER.")
    user: str
    number: int
    type: str
    destination: str
    label: str
    supervision: bool
    dials: str = Field(description="What the phone has to dial, or to send in a call.")
    lamp: str = Field(description="The extension whose state its lamp follows; empty when it is not supervised.")


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
    """Who was looked for."""

    user: UserShown
    line: LineShown | None = Field(description="The line by which they were found, or their first one.")
    incall: IncallShown | None
    stale: bool


class Document(BaseModel):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


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
    hint: str = Field(description="What to do.")
    errors: list[WrongShown | FileError] | None = None
    count: int | None = Field(None, description="Of a user file: how many errors there are; the first 1000 are shown.")


def page_of(shown: type[BaseModel]) -> type[BaseModel]:
    """A page of these."""
    made: type[BaseModel] = create_model(
        shown.__name__.replace("Shown", "Page"),
        __doc__="A page of a list.",
        items=(list[shown], ...),  # type: ignore[valid-type]  # made here
        next=(str | None, Field(description="The cursor of the next page; null when there is none.")),
        total=(int | None, Field(description="How many there are in all; null where names are completed.")),
        stale=(bool, Field(description="True while the store does not answer: then this is as it was.")),
    )
    return made
