"""`callrec keys`: the function keys of a user's phone, the digits that each dials and the device state of its lamp."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_json, print_rows
from callrec.cli.store import changed, said_when_missing, tables
from callrec.cli.user_files import content_of, opened_file, refusal_printed, replace_file
from callrec.cli.users import Who

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.directory import Directory
    from callrec.domain.directory.edit import Edit
    from callrec.domain.directory.model import FunctionKey, Tables
    from callrec.domain.rules import UserId

COLUMNS = ("number", "type", "destination", "label", "supervision", "dials", "lamp")

app = typer.Typer(help="Function keys: list, set, remove, import, export.", no_args_is_help=True, rich_markup_mode=None)
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
    from callrec.app.directory.dialled_numbers import check_number
    from callrec.app.directory.find_user import find_user, find_user_or_name
    from callrec.cli.dialplan_numbers import dialplan_numbers
    from callrec.domain.directory.edit import Table, place
    from callrec.domain.directory.model import FunctionKey

    async def change(records: "Records", change_request: "ChangeRequest") -> "UserId":
        now = records.directory.tables()
        owner = find_user(now, who).id
        meant = find_user_or_name(now, destination) if kind == "user" else destination
        key = FunctionKey(owner, number, kind, meant, label, supervision)
        async with dialplan_numbers() as numbers:
            await check_number(key, records.directory, numbers)
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


@app.command("export")
def export_keys(
    file: Annotated[Path | None, typer.Argument(help="The file to write (mode 600). Default: standard output.")] = None,
) -> None:
    """Write the keys of all users as a file; importing it gives them the same keys."""
    from callrec.domain.directory.key_file import exported_keys

    text = exported_keys(tables())
    if file is None:
        typer.echo(text, nl=False)
    else:
        replace_file(file, text.encode())


@app.command("import")
def import_keys(
    file: Annotated[Path, typer.Argument(help="The file of keys; - is standard input.")],
    *,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Users with a row have the file's keys only. Default: their other keys stay."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    encoding: Annotated[str | None, typer.Option(help="The file's encoding, e.g. latin-1. Default: UTF-8.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Give users the keys of a file. If any row has an error, nothing is changed and all errors are printed."""
    from callrec.app.directory.user_file.file_text import decoded

    with opened_file(file) as opened:
        text = decoded(content_of(opened), encoding)
    counted: list[Edit] = []
    with refusal_printed(as_json=as_json):
        changed(_import_of(text, counted, replace=replace, dry_run=dry_run))
    _print_changes(counted[-1], dry_run=dry_run, as_json=as_json)


def _import_of(
    text: str, counted: "list[Edit]", *, replace: bool, dry_run: bool
) -> "Callable[[Records, ChangeRequest], Awaitable[None]]":
    """The change that imports this file. `counted` gets each plan of it: the last one was made, or would be."""
    from callrec.app.directory.dialled_numbers import absent, says
    from callrec.app.directory.find_user import find_user_or_name
    from callrec.cli.dialplan_numbers import dialplan_numbers
    from callrec.domain.directory.key_file import imported_keys, readable_keys

    refused: dict[FunctionKey, str] = {}

    def finder(now: "Directory") -> "Callable[[str], UserId]":
        return cache(lambda typed: find_user_or_name(now.tables(), typed))

    def plan(now: "Directory") -> "Edit":
        counted.append(imported_keys(text, now, finder(now), replace=replace, refused=refused))
        return counted[-1]

    async def change(records: "Records", change_request: "ChangeRequest") -> None:
        now = records.directory
        async with dialplan_numbers() as numbers:
            missing = await absent(readable_keys(text, finder(now)), now, numbers)
        refused.update((key, says(key)) for key in missing)
        if dry_run:
            plan(records.directory)
        else:
            await records.edit(plan, change_request)

    return change


def _print_changes(edit: "Edit", *, dry_run: bool, as_json: bool) -> None:
    changes = list(edit.changes)
    gone = sum(one.after is None for one in changes)
    new = sum(one.before is None for one in changes)
    counts = {"added": new, "changed": len(changes) - new - gone, "removed": gone, "dry_run": dry_run}
    if as_json:
        print_json(counts)
    else:
        would = "would be " if dry_run else ""
        typer.echo(f"{new} {would}added, {counts['changed']} {would}changed, {gone} {would}removed", err=True)


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
