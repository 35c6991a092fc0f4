"""`callrec users`: users with their lines, record rules and services."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callrec.cli import user_files
from callrec.cli.print_formats import JSON_OPTION, Row, print_fields, print_rows
from callrec.cli.store import changed, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Tables, User
    from callrec.domain.rules import RecordRules, UserId

DIRECTIONS = ("in_internal", "in_external", "out_internal", "out_external")
"""The directions of `--rule`: the fields of `RecordRules`."""
COLUMNS = ("id", "name", "numbers", "lines", "call_record", "online_record", "language")

app = typer.Typer(help="Users: list, show, set, import, export.", no_args_is_help=True, rich_markup_mode=None)
app.command("import")(user_files.import_file)
app.command("export")(user_files.export_file)
app.command("template")(user_files.template)


class OnOff(StrEnum):
    """The values of a switch."""

    ON = "on"
    OFF = "off"


_FORWARD = "a number, or off."
_Switch = OnOff | None
_Number = str | None
Who = Annotated[str, typer.Argument(help="A number (1000 or 1000@default), a line's name, or an id (id:7).")]
CallRecord = Annotated[_Switch, typer.Option(help="Record all calls of this user (as *26 does).")]
OnlineRecord = Annotated[_Switch, typer.Option(help="This user may press *3 (on-demand recording).")]
Rules = Annotated[
    list[str] | None,
    typer.Option(help="DIRECTION_REALM=RULE, e.g. out_external=never; rules: always, never, on_demand, none."),
]
Dnd = Annotated[_Switch, typer.Option(help="Do not disturb: the user's phone does not ring.")]
ForwardUnconditional = Annotated[_Number, typer.Option(help=f"Where all calls go: {_FORWARD}")]
ForwardNoAnswer = Annotated[_Number, typer.Option(help=f"Where unanswered calls go: {_FORWARD}")]
ForwardBusy = Annotated[_Number, typer.Option(help=f"Where calls go while the phone is busy: {_FORWARD}")]
Voicemail = Annotated[_Switch, typer.Option(help="Calls that are not answered or forwarded go to the mailbox.")]
SecretaryFilter = Annotated[_Switch, typer.Option(help="For a boss: calls ring at the secretaries first.")]
Agent = Annotated[_Switch, typer.Option(help="Queues ring the user's agent number.")]


@app.command("list")
def list_users(as_json: bool = JSON_OPTION) -> None:
    """All users with their numbers and flags."""
    now = tables()
    print_rows([_row(now, user) for user in now.users], COLUMNS, as_json=as_json)


@app.command()
def show(who: Who, as_json: bool = JSON_OPTION) -> None:
    """One user with all fields except passwords."""
    from callrec.app.directory.find_user import find_user

    now = tables()
    print_fields(_everything(now, find_user(now, who)), as_json=as_json)


@app.command("set")
def set_user(
    who: Who,
    *,
    call_record: CallRecord = None,
    online_record: OnlineRecord = None,
    rule: Rules = None,
    dnd: Dnd = None,
    forward_unconditional: ForwardUnconditional = None,
    forward_no_answer: ForwardNoAnswer = None,
    forward_busy: ForwardBusy = None,
    voicemail: Voicemail = None,
    secretary_filter: SecretaryFilter = None,
    agent: Agent = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change flags, rules and services of one user. Options that are not given leave their value unchanged."""
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
    fields: dict[str, bool | str] = {name: value is OnOff.ON for name, value in switches.items() if value is not None}
    fields |= {name: "" if value == OnOff.OFF else value for name, value in forwards.items() if value is not None}
    if not fields and not rule:
        raise typer.BadParameter("give at least one option: --call-record, --online-record, --rule, --dnd, ...")
    print_fields(_set(who, fields, rule or ()), as_json=as_json)


def _set(who: str, fields: "Mapping[str, bool | str]", words: "Sequence[str]") -> Row:
    """Change the user; the row of the user after the change."""
    from dataclasses import replace

    from callrec.app.directory.find_user import find_user
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table

    def become(table_record: "TableRecord") -> "TableRecord":
        user = cast("User", table_record)
        return replace(user, rules=_rules(user.rules, words), **fields)  # type: ignore[arg-type] # names of its fields

    async def change(records: "Records", change_request: "ChangeRequest") -> "UserId":
        user = find_user(records.directory.tables(), who).id
        await records.change(Table.USERS, user, become, as_it_is, change_request, stated=fields.keys())
        return user

    user, now = changed(change)
    return _everything(now, find_user(now, f"id:{user}"))


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


def _rules(before: "RecordRules", words: "Sequence[str]") -> "RecordRules":
    """The rules after these `--rule` options. Raises Refused that names the first wrong option."""
    from dataclasses import replace

    from callrec.domain.errors import Refused
    from callrec.domain.rules import Rule

    for word in words:
        direction, _, rule = word.partition("=")
        if direction not in DIRECTIONS or rule not in {*Rule, "none"}:
            hint = f"one of {', '.join(DIRECTIONS)}, then = and one of {', '.join(Rule)}, none"
            raise Refused("record-rule", f"{word[:80]!r} is not a rule", hint=hint)
        before = replace(before, **{direction: None if rule == "none" else Rule(rule)})
    return before
