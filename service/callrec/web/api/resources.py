"""The kinds of records of the API: the names of each, and the conversion from a body to a record and back."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count

from pydantic import BaseModel

from callrec.app.directory.user_file.import_users import GENERATE
from callrec.domain.directory.contexts import parse_range
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.edit import Table, TableRecord, place
from callrec.domain.directory.function_keys import blf_of, dials
from callrec.domain.directory.model import (
    Context,
    Entity,
    FunctionKey,
    Group,
    Incall,
    Line,
    Permission,
    Place,
    Profile,
    Role,
    User,
    Voicemail,
    by_number,
)
from callrec.domain.directory.record_rules import ENTITY_ID
from callrec.domain.directory.unique_keys import TECHNOLOGY, place_key
from callrec.domain.rules import RecordRules, UserId
from callrec.web.api import responses as a
from callrec.web.api import schemas as s
from callrec.web.api.record_names import FIELDS, RULES, SECRETS


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of records."""

    table: Table
    singular: str
    """The singular, such as `user`."""
    table_record: type[TableRecord]
    new: type[s.Body]
    shown: type[BaseModel]
    filters: Mapping[str, type]
    """Fields that can filter and sort a list, each with the type of its parameter."""
    id_says: str
    fixed: tuple[str, ...] = ()
    """Fields that cannot be changed."""
    named: bool = True
    """Whether `q` searches these records by the beginning of a name."""
    id_pattern: str = "[^/]+"

    @property
    def name(self) -> str:
        """The plural, as in the path."""
        return self.table.value

    def id_of(self, table_record: TableRecord) -> str:
        """The record's id in the API."""
        return (
            f"{table_record.protocol}:{table_record.name}" if isinstance(table_record, Line) else place(table_record)[1]
        )

    def key_of(self, identity: str) -> str:
        """The key in the table of the record with this id in the API."""
        if self.table is Table.PLACES:
            kind, _, name = identity.partition(":")
            return place_key(kind, name)
        if self.table is not Table.LINES:
            return identity
        protocol, _, name = identity.partition(":")
        return f"{TECHNOLOGY.get(protocol, '')}/{name}"

    def make(self, body: BaseModel, tables: Directory, identity: UserId) -> TableRecord:
        """The record that a body describes."""
        given = _given(body, self.table_record, type(body).model_fields)
        match self.table_record.__name__:
            case "User":
                given["id"] = identity
                given["rules"] = _rules(RecordRules(), given.get("rules"))
            case "Line":
                _complete(given)
            case "Entity" if given.get("id") is None:
                given["id"] = _free_id({int(key) for key in list(tables.records(Table.ENTITIES))})
        return self.table_record(**self._inside(given))  # type: ignore[arg-type]  # pydantic has checked their types

    def become(self, table_record: TableRecord, body: BaseModel) -> TableRecord:
        """The record with the fields of a body changed."""
        given = _given(body, self.table_record, body.model_fields_set)
        if isinstance(table_record, User) and "rules" in given:
            given["rules"] = _rules(table_record.rules, given["rules"])
        if (
            isinstance(table_record, Line)
            and "number" in given
            and given.get("protocol", table_record.protocol) == "sccp"
        ):
            given.setdefault("name", given["number"])  # an SCCP line is named after its number
        return replace(table_record, **self._inside(given))  # type: ignore[arg-type]  # pydantic has checked their types

    def _inside(self, given: Mapping[str, object]) -> dict[str, object]:
        return {FIELDS[self.table_record][name]: value for name, value in given.items()}

    def show(self, table_record: TableRecord, tables: Directory) -> dict[str, object]:
        """The record as in answers."""
        shown: dict[str, object] = {
            "id": table_record.id if isinstance(table_record, Entity) else self.id_of(table_record)
        }
        shown |= {
            name: getattr(table_record, inside)
            for name, inside in FIELDS[self.table_record].items()
            if name not in SECRETS
        }
        match table_record:
            case User():
                shown["name"] = table_record.name
                shown["numbers"] = [line.number for line in tables.lines_of(table_record.id)]
                shown["rules"] = {name: getattr(table_record.rules, inside) for name, inside in RULES.items()}
            case Context():
                shown["ranges"] = [str(one) for one in table_record.ranges]
            case FunctionKey():
                codes = {code.feature: code for code in tables.codes()}
                lines = tables.lines_of(UserId(table_record.destination))  # of the user that a key of type `user` calls
                shown |= {"dials": dials(table_record, lines, codes), "lamp": blf_of(table_record, lines, codes)}
        return shown


def _given(body: BaseModel, table_record: type[TableRecord], names: Iterable[str]) -> dict[str, object]:
    """The values of these fields in a body, in the domain's types, by their names in the API."""
    given = {name: getattr(body, name) for name in names}
    if table_record is Context and "ranges" in given:
        given["ranges"] = tuple(map(parse_range, given["ranges"]))
    if table_record is Role and "permissions" in given:
        given["permissions"] = tuple(one for one in Permission if one in given["permissions"])
    if table_record is Group:
        given |= {name: by_number(map(UserId, users)) for name, users in given.items() if name != "name"}
    return given


def _free_id(taken: Collection[int]) -> int:
    """An id one above all others; the lowest free one when that is too large."""
    above = 1 + max(taken, default=0)
    return above if ENTITY_ID.accepts(str(above)) else next(one for one in count(1) if one not in taken)


def _rules(before: RecordRules, said: object) -> RecordRules:
    given = {RULES[name]: getattr(said, name) for name in said.model_fields_set} if isinstance(said, s.Rules) else {}
    return replace(before, **given)


def _complete(line: dict[str, object]) -> None:
    """Generate the name and secret that a new line leaves out, as an import does."""
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
        "A number, which is never reused.",
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
        {**dict.fromkeys(("user", "exten", "context", "language"), str), "ring_s": int},
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
    Resource(
        Table.PLACES,
        "place",
        Place,
        s.PlaceNew,
        a.PlaceShown,
        dict.fromkeys(("kind", "name", "record"), str),
        "KIND:NAME, e.g. queue:support.",
        fixed=("kind", "name"),
    ),
    Resource(Table.GROUPS, "group", Group, s.GroupNew, a.GroupShown, {"name": str}, "Its name."),
)
