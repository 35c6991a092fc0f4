"""`callrec users`: who may record, and who is recorded."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callrec.cli import user_files
from callrec.cli.printing import JSON_OPTION, Row, print_fields, print_rows
from callrec.cli.store import operator, request_id, with_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callrec.adapters.redis.store import RedisStore
    from callrec.app.store_port import UserFields
    from callrec.domain.provisioning.model import RecordRules, Tables, User

DIRECTIONS = {
    "in_internal": "in_internal",
    "in_external": "in_external",
    "out_internal": "out_internal",
    "out_external": "out_external",
}
"""What `--rule` calls the standing rules, and the field of each."""
COLUMNS = ("id", "name", "numbers", "lines", "call_record", "online_record", "language")

app = typer.Typer(help="Users: list, show, set, import, export.", no_args_is_help=True, rich_markup_mode=None)
app.command("import")(user_files.import_file)
app.command("export")(user_files.export_file)
app.command("template")(user_files.template)
_FORWARD = "a number, or off."
Who = Annotated[str, typer.Argument(help="A number (1000 or 1000@default), a line's name, or an id (id:7).")]


class OnOff(StrEnum):
    """A switch."""

    ON = "on"
    OFF = "off"


@app.command("list")
def list_users(as_json: bool = JSON_OPTION) -> None:
    """All users with their numbers and flags."""
    tables = with_store(lambda store: store.tables())
    print_rows([_row(tables, user) for user in tables.users], COLUMNS, as_json=as_json)


@app.command()
def show(who: Who, as_json: bool = JSON_OPTION) -> None:
    """One user with everything but passwords."""
    tables = with_store(lambda store: store.tables())
    print_fields(_everything(tables, find(tables, who)), as_json=as_json)


@app.command("set")
def set_user(
    who: Who,
    *,
    call_record: Annotated[OnOff | None, typer.Option(help="Record all calls of this user (as *26 does).")] = None,
    online_record: Annotated[OnOff | None, typer.Option(help="This user may press *3.")] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="DIRECTION_REALM=RULE, e.g. out_external=never; rules: always, never, on_demand, none."),
    ] = None,
    dnd: Annotated[OnOff | None, typer.Option(help="Do not disturb: the phone does not ring.")] = None,
    forward_unconditional: Annotated[str | None, typer.Option(help=f"Where all calls go: {_FORWARD}")] = None,
    forward_no_answer: Annotated[str | None, typer.Option(help=f"Where unanswered calls go: {_FORWARD}")] = None,
    forward_busy: Annotated[
        str | None, typer.Option(help=f"Where calls go while the phone is busy: {_FORWARD}")
    ] = None,
    voicemail: Annotated[OnOff | None, typer.Option(help="The mailbox takes calls that go nowhere else.")] = None,
    secretary_filter: Annotated[OnOff | None, typer.Option(help="Of a boss: the secretaries answer first.")] = None,
    agent: Annotated[OnOff | None, typer.Option(help="Queues ring the user's agent number.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change flags, rules and services of one user; what is not named stays."""
    switches = {
        "call_record": call_record,
        "online_record": online_record,
        "dnd": dnd,
        "voicemail_enabled": voicemail,
        "filter_enabled": secretary_filter,
        "agent_logged_in": agent,
    }
    forwards = {
        "forward_unconditional": forward_unconditional,
        "forward_no_answer": forward_no_answer,
        "forward_busy": forward_busy,
    }
    said: dict[str, bool | str] = {name: value is OnOff.ON for name, value in switches.items() if value is not None}
    said |= {name: "" if value == OnOff.OFF else value for name, value in forwards.items() if value is not None}
    if not said and not rule:
        raise typer.BadParameter("say what to change: --call-record, --online-record, --rule, --dnd, ...")
    identity = request_id()

    async def work(store: "RedisStore") -> Row:
        tables = await store.tables()
        user = find(tables, who)
        _forwards_checked(said, user, tables)
        fields = cast("UserFields", said)
        if rule:
            fields["rules"] = _rules(user.rules, rule)
        changed = await store.set_user(user.id, actor=operator(), request_id=identity, **fields)
        return _everything(tables, changed)

    print_fields(with_store(work), as_json=as_json)


def _forwards_checked(said: "Mapping[str, bool | str]", user: "User", tables: "Tables") -> None:
    """Raises Refused for a forward that the user's phone would refuse, too."""
    from callrec.domain.errors import Refused
    from callrec.domain.provisioning.directory import Directory
    from callrec.domain.provisioning.model import Tables
    from callrec.domain.provisioning.services import forward_fault

    own = Directory(Tables(lines=tuple(line for line in tables.lines if line.user == user.id)))
    for name, value in said.items():
        if value and isinstance(value, str) and (reason := forward_fault(value, user.id, own)):
            raise Refused("user-field", f"{name} {reason}", hint="nothing was changed")


def find(tables: "Tables", who: str) -> "User":
    """The one user that is meant. Raises Refused when nobody is, or more than one."""
    from callrec.domain.errors import Refused

    number, _, context = who.partition("@")
    ids = {
        line.user
        for line in tables.lines
        if line.name == who or (line.number == number and context in {"", line.context})
    }
    ids |= {user.id for user in tables.users if who in {f"id:{user.id}", user.id}}
    found = [user for user in tables.users if user.id in ids]
    if not found:
        raise Refused("no-such-user", f"nobody has {who[:80]!r}", hint="callrec users list shows all")
    if len(found) > 1:
        meant = " or ".join(f"id:{user.id} ({user.name})" for user in found[:5])
        raise Refused("ambiguous-user", f"{who[:80]!r} is {meant}", hint="say which by its id")
    return found[0]


def _row(tables: "Tables", user: "User") -> Row:
    lines = [line for line in tables.lines if line.user == user.id]
    return {
        "id": user.id,
        "name": user.name,
        "numbers": [line.number for line in lines],
        "lines": [line.name for line in lines],
        "call_record": user.call_record,
        "online_record": user.online_record,
        "language": user.language,
    }


def _everything(tables: "Tables", user: "User") -> Row:
    return {
        **_row(tables, user),
        "rule_in_internal": str(user.rules.in_internal or ""),
        "rule_in_external": str(user.rules.in_external or ""),
        "rule_out_internal": str(user.rules.out_internal or ""),
        "rule_out_external": str(user.rules.out_external or ""),
        "contexts": sorted({line.context for line in tables.lines if line.user == user.id}),
        "incalls": [f"{incall.exten}@{incall.context}" for incall in tables.incalls if incall.user == user.id],
        "voicemails": [f"{box.mailbox}@{box.context}" for box in tables.voicemails if box.user == user.id],
        "mobilephonenumber": user.mobilephonenumber,
        "outcallerid": user.outcallerid,
        "agentnumber": user.agentnumber,
        "bosssecretary": user.bosssecretary,
        "dnd": user.dnd,
        "forward_unconditional": user.forward_unconditional,
        "forward_no_answer": user.forward_no_answer,
        "forward_busy": user.forward_busy,
        "voicemail_enabled": user.voicemail_enabled,
        "filter_enabled": user.filter_enabled,
        "agent_logged_in": user.agent_logged_in,
    }


def _rules(before: "RecordRules", said: list[str]) -> "RecordRules":
    """The rules after these words; Refused names the first word that is none."""
    from dataclasses import replace

    from callrec.domain.errors import Refused
    from callrec.domain.provisioning.model import Rule

    for word in said:
        direction, _, rule = word.partition("=")
        if direction not in DIRECTIONS or rule not in {*Rule, "none"}:
            hint = f"one of {', '.join(DIRECTIONS)}, then = and one of {', '.join(Rule)}, none"
            raise Refused("record-rule", f"{word[:80]!r} is no rule", hint=hint)
        before = replace(before, **{DIRECTIONS[direction]: None if rule == "none" else Rule(rule)})
    return before
