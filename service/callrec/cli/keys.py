"""`callrec keys`: the function keys of a user's phone, the digits that each dials and the device state of its lamp."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.store import changed, said_when_missing, tables
from callrec.cli.users import Who

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.model import Tables
    from callrec.domain.rules import UserId

COLUMNS = ("number", "type", "destination", "label", "supervision", "dials", "lamp")

app = typer.Typer(help="Function keys: list, set, remove.", no_args_is_help=True, rich_markup_mode=None)
Number = Annotated[int, typer.Argument(help="The key's number, 1 to 250.")]


@app.command("list")
def list_keys(who: Who, as_json: bool = JSON_OPTION) -> None:
    """All keys of one user."""
    from callrec.app.directory.find_user import find_user

    now = tables()
    print_rows(_rows(now, find_user(now, who).id), COLUMNS, as_json=as_json)


@app.command("set")
def set_key(
    who: Who,
    number: Number,
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="user, customized, call_record, online_record, ...")],
    *,
    destination: Annotated[
        str, typer.Option("--to", help="Destination: a user (number, line, id or the beginning of a name), or digits.")
    ] = "",
    label: Annotated[str, typer.Option(help="The text beside the key; at most 32 characters.")] = "",
    supervision: Annotated[
        bool, typer.Option("--supervised/--unsupervised", help="Whether the key's lamp shows the state.")
    ] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Give a user this key. A key with the same number is replaced."""
    from callrec.app.directory.find_user import find_user, find_user_or_name
    from callrec.domain.directory.edit import Table, place
    from callrec.domain.directory.model import FunctionKey

    async def change(records: "Records", change_request: "ChangeRequest") -> "UserId":
        now = records.directory.tables()
        owner = find_user(now, who).id
        meant = find_user_or_name(now, destination) if kind == "user" else destination
        key = FunctionKey(owner, number, kind, meant, label, supervision)
        await records.put(Table.KEYS, place(key)[1], lambda _before: key, change_request)
        return owner

    owner, now = changed(change)
    print_rows(_rows(now, owner), COLUMNS, as_json=as_json)


@app.command()
def remove(who: Who, number: Number, as_json: bool = JSON_OPTION) -> None:
    """Remove a key of a user."""
    from callrec.app.directory.find_user import find_user
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table
    from callrec.domain.errors import Refused

    async def change(records: "Records", change_request: "ChangeRequest") -> "UserId":
        owner = find_user(records.directory.tables(), who)
        unknown = Refused("no-such-key", f"{owner.name} has no key {number}", hint="callrec keys list shows all")
        with said_when_missing(unknown):
            await records.remove(Table.KEYS, f"{owner.id}:{number}", as_it_is, change_request)
        return owner.id

    owner, now = changed(change)
    print_rows(_rows(now, owner), COLUMNS, as_json=as_json)


def _rows(tables: "Tables", owner: "UserId") -> list[Row]:
    from callrec.domain.directory.function_keys import KEY_TYPES, Takes, blf_of, dials
    from callrec.domain.rules import UserId

    codes = {code.feature: code for code in tables.codes}
    names = {user.id: user.name for user in tables.users}
    rows: list[Row] = []
    for key in sorted((one for one in tables.keys if one.user == owner), key=lambda one: one.number):
        is_user = KEY_TYPES[key.type].takes is Takes.USER
        lines = [line for line in tables.lines if is_user and line.user == key.destination]
        rows.append(
            {
                "number": key.number,
                "type": key.type,
                "destination": names.get(UserId(key.destination), "") if is_user else key.destination,
                "label": key.label,
                "supervision": key.supervision,
                "dials": dials(key, lines, codes),
                "lamp": blf_of(key, lines, codes),
            }
        )
    return rows
