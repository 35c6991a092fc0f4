"""The kinds of records that the API knows: what each is called there, and the way from a body to a record and back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from pydantic import BaseModel

from callrec.app.importing import GENERATE
from callrec.domain.provisioning.claims import TECHNOLOGY
from callrec.domain.provisioning.contexts import parse_range
from callrec.domain.provisioning.directory import Directory
from callrec.domain.provisioning.edit import Noun, Table, place
from callrec.domain.provisioning.function_keys import dials, lamp_of
from callrec.domain.provisioning.model import (
    Context,
    Entity,
    FunctionKey,
    Incall,
    Line,
    Permission,
    Profile,
    RecordRules,
    Role,
    User,
    UserId,
    Voicemail,
)
from callrec.domain.provisioning.record_rules import ENTITY_ID
from callrec.web import answers as a
from callrec.web import schemas as s
from callrec.web.record_names import FIELDS, RULES, SECRETS


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind."""

    table: Table
    word: str
    """For one of them."""
    noun: type[Noun]
    new: type[s.Body]
    shown: type[BaseModel]
    filters: Mapping[str, type]
    """Fields by which a list can be narrowed and sorted, with the type that each is asked by."""
    id_says: str
    fixed: tuple[str, ...] = ()
    """What a change cannot touch."""
    named: bool = True
    """Whether `q` finds them by the beginning of a name."""
    id_pattern: str = "[^/]+"

    @property
    def name(self) -> str:
        """For all of them, as in the path."""
        return self.table.value

    def id_of(self, noun: Noun) -> str:
        """How the API calls a record."""
        return f"{noun.protocol}:{noun.name}" if isinstance(noun, Line) else place(noun)[1]

    def key_of(self, identity: str) -> str:
        """The key in the table of what the API calls so."""
        if self.table is not Table.LINES:
            return identity
        protocol, _, name = identity.partition(":")
        return f"{TECHNOLOGY.get(protocol, '')}/{name}"

    def make(self, body: BaseModel, tables: Directory, identity: UserId) -> Noun:
        """The record that a body describes."""
        given = _given(body, self.noun, type(body).model_fields)
        match self.noun.__name__:
            case "User":
                given["id"] = identity
                given["rules"] = _rules(RecordRules(), given.get("rules"))
            case "Line":
                _complete(given)
            case "Entity" if given.get("id") is None:
                given["id"] = _free_id({int(key) for key in list(tables.records(Table.ENTITIES))})
        return self.noun(**self._inside(given))  # type: ignore[arg-type]  # pydantic has checked their types

    def become(self, noun: Noun, body: BaseModel) -> Noun:
        """The record with what a body says in the place of what it was."""
        given = _given(body, self.noun, body.model_fields_set)
        if isinstance(noun, User) and "rules" in given:
            given["rules"] = _rules(noun.rules, given["rules"])
        if isinstance(noun, Line) and "number" in given and given.get("protocol", noun.protocol) == "sccp":
            given.setdefault("name", given["number"])  # an SCCP line is named after its number
        return replace(noun, **self._inside(given))  # type: ignore[arg-type]  # pydantic has checked their types

    def _inside(self, given: Mapping[str, object]) -> dict[str, object]:
        return {FIELDS[self.noun][name]: value for name, value in given.items()}

    def show(self, noun: Noun, tables: Directory) -> dict[str, object]:
        """The record as answers have it."""
        shown: dict[str, object] = {"id": noun.id if isinstance(noun, Entity) else self.id_of(noun)}
        shown |= {name: getattr(noun, inside) for name, inside in FIELDS[self.noun].items() if name not in SECRETS}
        match noun:
            case User():
                shown["name"] = noun.name
                shown["numbers"] = [line.number for line in tables.lines_of(noun.id)]
                shown["rules"] = {name: getattr(noun.rules, inside) for name, inside in RULES.items()}
            case Context():
                shown["ranges"] = [str(one) for one in noun.ranges]
            case FunctionKey():
                codes = {code.feature: code for code in tables.codes()}
                lines = tables.lines_of(UserId(noun.destination))  # of the user whom a user key calls
                shown |= {"dials": dials(noun, lines, codes), "lamp": lamp_of(noun, lines, codes)}
        return shown


def _given(body: BaseModel, noun: type[Noun], names: Iterable[str]) -> dict[str, object]:
    """What a body says of these fields, in the domain's types, by their names outside."""
    given = {name: getattr(body, name) for name in names}
    if noun is Context and "ranges" in given:
        given["ranges"] = tuple(map(parse_range, given["ranges"]))
    if noun is Role and "permissions" in given:
        given["permissions"] = tuple(one for one in Permission if one in given["permissions"])
    return given


def _free_id(taken: Collection[int]) -> int:
    """One above all others, and the lowest free one when there is none above."""
    above = 1 + max(taken, default=0)
    return above if ENTITY_ID.accepts(str(above)) else next(one for one in count(1) if one not in taken)


def _rules(before: RecordRules, said: object) -> RecordRules:
    given = {RULES[name]: getattr(said, name) for name in said.model_fields_set} if isinstance(said, s.Rules) else {}
    return replace(before, **given)


def _complete(line: dict[str, object]) -> None:
    """What a new line leaves out is made up, as an import does it."""
    if line.get("protocol", "sip") == "sip":
        line["name"] = line.get("name") or GENERATE.line_name()
        line["secret"] = line.get("secret") or GENERATE.secret()
    else:
        line["name"] = line.get("name") or line["number"]


RESOURCES = (
    Resource(
        Table.USERS,
        "user",
        User,
        s.UserNew,
        a.UserShown,
        {
            **dict.fromkeys(("firstname", "lastname", "username", "agentnumber", "mobilephonenumber"), str),
            **dict.fromkeys(("language", "profileclient", "bosssecretary"), str),
            **dict.fromkeys(("call_record", "online_record", "enableclient"), bool),
            "entityid": int,
        },
        "A number that was given once.",
        id_pattern="[0-9]+",
    ),
    Resource(
        Table.LINES,
        "line",
        Line,
        s.LineNew,
        a.LineShown,
        dict.fromkeys(("user", "number", "context", "protocol", "name"), str),
        "PROTOCOL:NAME, e.g. sip:desk.",
    ),
    Resource(
        Table.INCALLS,
        "incall",
        Incall,
        s.IncallNew,
        a.IncallShown,
        {**dict.fromkeys(("user", "exten", "context"), str), "ring_s": int},
        "EXTEN@CONTEXT.",
        named=False,
    ),
    Resource(
        Table.VOICEMAILS,
        "voicemail",
        Voicemail,
        s.VoicemailNew,
        a.VoicemailShown,
        dict.fromkeys(("user", "mailbox", "context", "name", "email"), str),
        "MAILBOX@CONTEXT.",
    ),
    Resource(
        Table.CONTEXTS,
        "context",
        Context,
        s.ContextNew,
        a.ContextShown,
        dict.fromkeys(("name", "kind"), str),
        "Its name.",
        fixed=("name",),
    ),
    Resource(
        Table.ENTITIES,
        "entity",
        Entity,
        s.EntityNew,
        a.EntityShown,
        {"name": str},
        "A number.",
        fixed=("id",),
    ),
    Resource(
        Table.KEYS,
        "key",
        FunctionKey,
        s.KeyNew,
        a.KeyShown,
        {**dict.fromkeys(("user", "type", "destination"), str), "number": int, "supervision": bool},
        "USER:NUMBER, e.g. 7:1.",
        fixed=("user",),
        named=False,
    ),
    Resource(Table.PROFILES, "profile", Profile, s.ProfileNew, a.ProfileShown, {"name": str}, "Its name."),
    Resource(Table.ROLES, "role", Role, s.RoleNew, a.RoleShown, {"name": str}, "Its name."),
)
