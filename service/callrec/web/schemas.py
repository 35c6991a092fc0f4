"""What the API takes, as pydantic models. Their types are checked here; the rules of the values are the domain's.

The rules stand in the schemas too, taken from the domain's tables, so that who writes a client reads them there.
A model `...Change` is made from `...New`: the same fields, none of them required.
"""

from copy import copy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic_core import PydanticUndefined

from callrec.domain.provisioning.checks import Check, text
from callrec.domain.provisioning.columns import BY_NAME, CONTEXT, LINE_NAME
from callrec.domain.provisioning.fields import FORWARD
from callrec.domain.provisioning.function_keys import MOST_LABEL_CHARACTERS, NUMBERS, SERVED
from callrec.domain.provisioning.model import FEATURE_CODE, ContextKind, Permission, Rule
from callrec.domain.provisioning.record_rules import PASSWORD_HASH

_ID: Any = {"pattern": r"^[0-9]{1,20}$"}


class Body(BaseModel):
    """A request's body: nothing but its fields, each of exactly its type."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _ruled(check: Check, default: str | None = None, *, empty: bool = False, says: str = "") -> Any:
    """A text with the domain's rule in its schema; no default: it is required."""
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
    return _ruled(BY_NAME[name].check, default, empty=empty, says=says)


class Rules(Body):
    """Standing rules by direction and realm; null where nothing is said."""

    in_internal: Rule | None = None
    in_external: Rule | None = None
    out_internal: Rule | None = None
    out_external: Rule | None = None


class UserNew(Body):
    """A new user."""

    firstname: str = _column("firstname")
    lastname: str = _column("lastname", "", empty=True)
    language: Literal["de_DE", "en_US", "es_ES", "fr_FR", "fr_CA", "it_IT", "nl_NL"] | None = None
    call_record: bool = Field(False, description="Record all calls of this user, as *26 does.")
    online_record: bool = Field(False, description="This user may press *3.")
    rules: Rules = Field(default_factory=Rules)
    outcallerid: str = _column("outcallerid", "default")
    mobilephonenumber: str = _column("mobilephonenumber", "", empty=True)
    agentnumber: str = _column("agentnumber", "", empty=True)
    bosssecretary: Literal["no", "boss", "secretary"] = "no"
    enablehint: bool = True
    enablexfer: bool = True
    enableclient: bool = Field(False, description="Needs a username.")
    username: str = _column("username", "", empty=True)
    password_hash: str = _ruled(PASSWORD_HASH, "", empty=True, says="Write-only.")
    profileclient: str = _column("profileclient", "", empty=True, says="A profile's name.")
    entityid: int = Field(1, ge=1, le=999_999_999, description="An entity's id.")
    dnd: bool = Field(False, description="Do not disturb: the phone does not ring.")
    forward_unconditional: str = _ruled(FORWARD, "", empty=True, says="Where all calls go; empty: nowhere.")
    forward_no_answer: str = _ruled(FORWARD, "", empty=True, says="Where calls go that nobody answers.")
    forward_busy: str = _ruled(FORWARD, "", empty=True, says="Where calls go while the phone is busy.")
    voicemail_enabled: bool = Field(True, description="Calls that go nowhere else go to the mailbox.")
    filter_enabled: bool = Field(False, description="Of a boss: the secretaries answer first.")
    agent_logged_in: bool = Field(False, description="Queues ring this user's agent number.")


class LineNew(Body):
    """A new line."""

    user: str = Field(description="The id of the user whose line it is.", json_schema_extra=_ID)
    number: str = _column("phonenumber", says="Free in its context, and in one of its ranges.")
    context: str = _ruled(CONTEXT, says="One of users' numbers.")
    protocol: Literal["sip", "sccp"] = "sip"
    name: str = _ruled(LINE_NAME, "", empty=True, says="Made up when it is empty; of an SCCP line it is the number.")
    secret: str = _column("linesecret", "", empty=True, says="Write-only. Made up for a new SIP line when it is empty.")


class IncallNew(Body):
    """A new number of the outside world."""

    user: str = Field(description="The id of the user whom it rings.", json_schema_extra=_ID)
    exten: str = _column("incallexten", says="Free in its context, and in one of its ranges.")
    context: str = _ruled(CONTEXT, says="One of incoming numbers.")
    ring_s: int = Field(30, ge=1, le=3600, description="How long it rings, in seconds.")


class VoicemailNew(Body):
    """A new mailbox."""

    user: str = Field(description="The id of the user whose mailbox it is.", json_schema_extra=_ID)
    mailbox: str = _column("voicemailmailbox", says="Free in its context.")
    context: str = _ruled(CONTEXT, says="That of one of the user's lines.")
    name: str = _column("voicemailname")
    password: str = _column("voicemailpassword", says="Write-only.")
    email: str = _column("voicemailemail", "", empty=True)
    attach: bool = False
    delete: bool = False
    skippass: bool = False


class ContextNew(Body):
    """A new context."""

    name: str = _ruled(CONTEXT)
    kind: ContextKind = ContextKind.INTERNAL
    ranges: list[str] = Field(
        default_factory=list,
        max_length=1000,
        description="FIRST-LAST, both of as many digits, or one number.",
        json_schema_extra={"items": {"type": "string", "pattern": r"^[0-9]{1,40}(-[0-9]{1,40})?$"}},
    )


class EntityNew(Body):
    """A new entity."""

    id: int | None = Field(
        None, ge=1, le=999_999_999, description="One above all others when it is left out, or the lowest free one."
    )
    name: str = _ruled(text(128, least=1))


class ProfileNew(Body):
    """A new client profile."""

    name: str = _ruled(text(64, least=1))


class RoleNew(Body):
    """A new role."""

    name: str = _ruled(text(64, least=1))
    permissions: list[Permission] = Field(min_length=1, max_length=len(Permission), description="What it allows.")


class KeyNew(Body):
    """A new function key."""

    user: str = Field(description="The id of the user whose phone has it.", json_schema_extra=_ID)
    number: int = Field(ge=NUMBERS[0], le=NUMBERS[-1], description="One key per number.")
    type: str = Field(description="What it does.", json_schema_extra={"enum": list(SERVED)})
    destination: str = Field("", max_length=40, description="As its type takes it: a user's id, a number, a mailbox.")
    label: str = Field("", max_length=MOST_LABEL_CHARACTERS, description="What stands beside the key.")
    supervision: bool = Field(False, description="Whether a lamp shows it; not every type has one.")


class ExtensionNew(Body):
    """A feature code."""

    code: str = _ruled(Check("digits, * and #, at most 40", lambda _: True, pattern=FEATURE_CODE.pattern), "")
    enabled: bool = False


def changes(model: type[Body], *fixed: str) -> type[Body]:
    """The same fields but the `fixed` ones, none required: what is left out stays as it is."""
    fields: dict[str, Any] = {}
    for name, found in model.model_fields.items():
        if name not in fixed:
            left_out = copy(found)
            left_out.default, left_out.default_factory = PydanticUndefined, lambda: None
            fields[name] = (found.annotation, left_out)
    name, says = model.__name__.replace("New", "Change"), "What may be other; what is left out stays."
    made: type[Body] = create_model(name, __base__=Body, __doc__=says, **fields)
    return made
