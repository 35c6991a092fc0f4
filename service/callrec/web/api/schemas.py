"""The request bodies of the API as pydantic models. They check types; the domain checks the values.

The domain's rules for values are copied into the schemas, so that developers of clients find them there. A model `...Change` is
made from `...New`: the same fields, none of them required.
"""

from copy import copy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticUndefined

from callrec.domain.directory.field_rules import FORWARD
from callrec.domain.directory.function_keys import MOST_LABEL_CHARACTERS, NUMBERS, SERVED
from callrec.domain.directory.model import FEATURE_CODE, ContextKind, Permission
from callrec.domain.directory.record_rules import PASSWORD_HASH, PLACE_NAME
from callrec.domain.directory.user_file.columns import BY_NAME, CONTEXT, LINE_NAME
from callrec.domain.directory.value_checks import Check, text
from callrec.domain.rules import PlaceKind, Rule

_ID: Any = {"pattern": r"^[0-9]{1,20}$"}


class Body(BaseModel):
    """A request's body. Unknown fields are refused, and types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


def ruled(check: Check, default: str | None = None, *, empty: bool = False, says: str = "") -> Any:
    """A text field with the domain's rule in its schema. Without a default it is required."""
    extra: dict[str, Any] = {}
    if check.words:
        extra["enum"] = [*check.words, *([""] if empty else [])]
    elif check.pattern:
        extra["pattern"] = f"^({check.pattern})?$" if empty else f"^({check.pattern})$"
    else:
        extra |= {"maxLength": check.most, "minLength": 0 if empty else 1}
    words = f"{says} Must be {check.says}.".strip()
    return Field(... if default is None else default, description=words, json_schema_extra=extra)


def _column(name: str, default: str | None = None, *, empty: bool = False, says: str = "") -> Any:
    return ruled(BY_NAME[name].check, default, empty=empty, says=says)


class Rules(Body):
    """Record rules by direction and realm; null for no rule."""

    in_internal: Rule | None = None
    in_external: Rule | None = None
    out_internal: Rule | None = None
    out_external: Rule | None = None


Language = Literal["de_DE", "en_US", "es_ES", "fr_FR", "fr_CA", "it_IT", "nl_NL"]


class UserNew(Body):
    """A new user."""

    firstname: str = _column("firstname")
    lastname: str = _column("lastname", "", empty=True)
    language: Language | None = None
    call_record: bool = Field(False, description="Record all calls of this user, as *26 does.")
    online_record: bool = Field(False, description="This user may press *3 (on-demand recording).")
    rules: Rules = Field(default_factory=Rules)
    outcallerid: str = _column("outcallerid", "default")
    mobilephonenumber: str = _column("mobilephonenumber", "", empty=True)
    agentnumber: str = _column("agentnumber", "", empty=True)
    bosssecretary: Literal["no", "boss", "secretary"] = "no"
    enablehint: bool = True
    enablexfer: bool = True
    enableclient: bool = Field(False, description="Needs a username.")
    username: str = _column("username", "", empty=True)
    password_hash: str = ruled(PASSWORD_HASH, "", empty=True, says="Write-only.")
    profileclient: str = _column("profileclient", "", empty=True, says="A profile's name.")
    entityid: int = Field(1, ge=1, le=999_999_999, description="An entity's id.")
    dnd: bool = Field(False, description="Do not disturb: the user's phone does not ring.")
    forward_unconditional: str = ruled(FORWARD, "", empty=True, says="Destination of all calls; empty: no forward.")
    forward_no_answer: str = ruled(FORWARD, "", empty=True, says="Destination of unanswered calls.")
    forward_busy: str = ruled(FORWARD, "", empty=True, says="Destination of calls while the phone is busy.")
    voicemail_enabled: bool = Field(True, description="Calls that are not answered or forwarded go to the mailbox.")
    filter_enabled: bool = Field(False, description="For a boss: calls ring at the secretaries first.")
    agent_logged_in: bool = Field(False, description="Queues ring this user's agent number.")
    page_language: Literal["", "en", "fr", "de", "es"] = Field(
        "", description="In which the account reads the pages; empty: as the browser asks for."
    )


class LineNew(Body):
    """A new line."""

    user: str = Field(description="The id of the line's user.", json_schema_extra=_ID)
    number: str = _column("phonenumber", says="Unique in its context, and within the context's ranges.")
    context: str = ruled(CONTEXT, says="A context of kind internal.")
    protocol: Literal["sip", "sccp"] = "sip"
    name: str = ruled(LINE_NAME, "", empty=True, says="Generated when empty; for an SCCP line it is the number.")
    secret: str = _column("linesecret", "", empty=True, says="Write-only. Generated for a new SIP line when empty.")


PlaceRecord = Literal[Rule.ALWAYS, Rule.NEVER] | None
_RECORD = Field(
    None,
    description="Whether calls that come there are recorded, with any user who answers; null: as the users' rules say.",
)


class IncallNew(Body):
    """A new incoming number."""

    user: str = Field(description="The id of the user that it calls.", json_schema_extra=_ID)
    exten: str = _column("incallexten", says="Unique in its context, and within the context's ranges.")
    context: str = ruled(CONTEXT, says="A context of kind incall.")
    ring_s: int = Field(30, ge=1, le=3600, description="How long it rings, in seconds.")
    record: PlaceRecord = _RECORD
    language: Language | None = Field(
        None, description="Of what is played to those who call it (CALLREC_ANNOUNCE); null: its user's."
    )


class VoicemailNew(Body):
    """A new mailbox."""

    user: str = Field(description="The id of the mailbox's user.", json_schema_extra=_ID)
    mailbox: str = _column("voicemailmailbox", says="Unique in its context.")
    context: str = ruled(CONTEXT, says="The context of one of the user's lines.")
    name: str = _column("voicemailname")
    password: str = _column("voicemailpassword", says="Write-only.")
    email: str = _column("voicemailemail", "", empty=True)
    attach: bool = False
    delete: bool = False
    skippass: bool = False


class ContextNew(Body):
    """A new context."""

    name: str = ruled(CONTEXT)
    kind: ContextKind = ContextKind.INTERNAL
    ranges: list[str] = Field(
        default_factory=list,
        max_length=1000,
        description="FIRST-LAST with the same number of digits, or one number.",
        json_schema_extra={"items": {"type": "string", "pattern": r"^[0-9]{1,40}(-[0-9]{1,40})?$"}},
    )
    record: PlaceRecord = _RECORD


class EntityNew(Body):
    """A new entity."""

    id: int | None = Field(
        None, ge=1, le=999_999_999, description="Default: one above all others, or the lowest free one."
    )
    name: str = ruled(text(128, least=1))


class ProfileNew(Body):
    """A new client profile."""

    name: str = ruled(text(64, least=1))
    role: str | None = Field(
        None, max_length=64, description="The role of the accounts with this profile; null: they may do nothing."
    )


class RoleNew(Body):
    """A new role."""

    name: str = ruled(text(64, least=1))
    permissions: list[Permission] = Field(
        min_length=1, max_length=len(Permission), description="The permissions of the role."
    )
    second_factor: bool = Field(
        False, description="Whether its accounts may do nothing before they have a second factor."
    )


class PlaceNew(Body):
    """A trunk, a queue or a conference of Asterisk whose calls are recorded, or never recorded."""

    kind: PlaceKind
    name: str = ruled(
        PLACE_NAME,
        says="As Asterisk has it: a trunk's endpoint; a queue or a conference, in which upper and lower case are the same.",
    )
    record: Literal[Rule.ALWAYS, Rule.NEVER] = Field(
        description="Whether its calls are recorded, with any user who takes part."
    )


_USERS: Any = {"items": {"type": "string", **_ID}}


class GroupNew(Body):
    """A new group of users with supervisors."""

    name: str = ruled(text(64, least=1))
    members: list[str] = Field(
        default_factory=list, max_length=10_000, description="Ids of users.", json_schema_extra=_USERS
    )
    supervisors: list[str] = Field(
        default_factory=list,
        max_length=1000,
        description="Ids of users: what their role allows with `group.`, they may with the recordings of the members.",
        json_schema_extra=_USERS,
    )


class KeyNew(Body):
    """A new function key."""

    user: str = Field(description="The id of the user with this key.", json_schema_extra=_ID)
    number: int = Field(ge=NUMBERS[0], le=NUMBERS[-1], description="The key's number on the phone; unique per user.")
    type: str = Field(description="The key's function.", json_schema_extra={"enum": list(SERVED)})
    destination: str = Field("", max_length=40, description="Depends on the type: a user's id, a number, a mailbox.")
    label: str = Field("", max_length=MOST_LABEL_CHARACTERS, description="The text beside the key.")
    supervision: bool = Field(False, description="Whether the key's lamp shows the state; not every type has one.")


class ExtensionNew(Body):
    """A feature code."""

    code: str = ruled(Check("digits, * and #, at most 40", lambda _: True, pattern=FEATURE_CODE.pattern), "")
    enabled: bool = False


def changes(model: type[Body], *fixed: str) -> type[Body]:
    """A model with the same fields except the `fixed` ones, none required: fields that are left out stay as they are."""
    fields: dict[str, Any] = {}
    for name, found in model.model_fields.items():
        if name not in fixed:
            left_out = copy(found)
            left_out.default, left_out.default_factory = PydanticUndefined, lambda: None
            fields[name] = (found.annotation, left_out)
    name, says = model.__name__.replace("New", "Change"), "The fields to change; fields that are left out stay."
    made: type[Body] = create_model(name, __base__=Body, __doc__=says, **fields)
    return made
