"""`callrec keys`: the function keys of a user's phone, what each dials and which lamp shows it."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.printing import JSON_OPTION, Row, print_rows
from callrec.cli.store import operator, request_id, with_store
from callrec.cli.users import Who, find

if TYPE_CHECKING:
    from callrec.adapters.redis.store import RedisStore
    from callrec.domain.provisioning.model import Tables, UserId

COLUMNS = ("number", "type", "destination", "label", "supervision", "dials", "lamp")

app = typer.Typer(help="Function keys: list, set, remove.", no_args_is_help=True, rich_markup_mode=None)
Number = Annotated[int, typer.Argument(help="The key's number, 1 to 250.")]


@app.command("list")
def list_keys(who: Who, as_json: bool = JSON_OPTION) -> None:
    """All keys of one user."""
    tables = with_store(lambda store: store.tables())
    print_rows(_rows(tables, find(tables, who).id), COLUMNS, as_json=as_json)


@app.command("set")
def set_key(
    who: Who,
    number: Number,
    kind: Annotated[str, typer.Argument(metavar="TYPE", help="user, customized, call_record, online_record, ...")],
    *,
    destination: Annotated[
        str, typer.Option("--to", help="A user (number, line, id or the beginning of a name), a number, or digits.")
    ] = "",
    label: Annotated[str, typer.Option(help="What stands beside the key; at most 32 characters.")] = "",
    supervision: Annotated[bool, typer.Option("--supervised/--unsupervised", help="Whether a lamp shows it.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Give a user this key, in the place of the one with its number."""
    from callrec.domain.provisioning.directory import Directory
    from callrec.domain.provisioning.function_keys import placed
    from callrec.domain.provisioning.model import FunctionKey

    async def work(store: "RedisStore") -> list[Row]:
        snapshot = await store.snapshot()
        tables = snapshot.tables
        owner = find(tables, who)
        meant = _user_meant(tables, destination) if kind == "user" else destination
        key = FunctionKey(owner.id, number, kind, meant, label, supervision)
        edit = placed(key, Directory(tables))
        if edit:
            await store.edit(edit, request_id(), based_on=snapshot.edition, actor=operator())
        return _rows(await store.tables(), owner.id)

    print_rows(with_store(work), COLUMNS, as_json=as_json)


@app.command()
def remove(who: Who, number: Number, as_json: bool = JSON_OPTION) -> None:
    """Take a key away from a user."""
    from callrec.domain.errors import Refused
    from callrec.domain.provisioning.edit import Change, Edit

    async def work(store: "RedisStore") -> list[Row]:
        snapshot = await store.snapshot()
        owner = find(snapshot.tables, who)
        key = next((one for one in snapshot.tables.keys if (one.user, one.number) == (owner.id, number)), None)
        if key is None:
            raise Refused("no-such-key", f"{owner.name} has no key {number}", hint="callrec keys list shows all")
        await store.edit(Edit((Change(key, None),)), request_id(), based_on=snapshot.edition, actor=operator())
        return _rows(await store.tables(), owner.id)

    print_rows(with_store(work), COLUMNS, as_json=as_json)


def _user_meant(tables: "Tables", typed: str) -> str:
    """The id of the user whom somebody types: as elsewhere, or by the beginning of a name that only one has."""
    from callrec.domain.errors import Refused
    from callrec.domain.provisioning.names import Names

    try:
        return find(tables, typed).id
    except Refused as unknown:
        if unknown.code != "no-such-user":
            raise
        found = Names(tables.users).beginning(typed, 6)
        if len(found) == 1:
            return found[0]
        if not found:
            raise
    names = {user.id: user.name for user in tables.users}
    meant = " or ".join(f"id:{user} ({names[user]})" for user in found[:5])
    raise Refused("ambiguous-user", f"{typed[:80]!r} may be {meant}", hint="say which by its id")


def _rows(tables: "Tables", owner: "UserId") -> list[Row]:
    from callrec.domain.provisioning.function_keys import KEY_TYPES, Takes, dials, lamp_of

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
                "destination": next((names[user] for user in names if user == key.destination), "")
                if is_user
                else key.destination,
                "label": key.label,
                "supervision": key.supervision,
                "dials": dials(key, lines, codes),
                "lamp": lamp_of(key, lines, codes),
            }
        )
    return rows
