"""`callrec groups`: users whose recordings others look after."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.store import changed, said_when_missing, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Group, Tables
    from callrec.domain.rules import UserId

COLUMNS = ("name", "members", "supervisors")

app = typer.Typer(
    help="Groups of users with their supervisors: list, set, remove.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="The group's name.")]
_Users = list[str] | None
_WHO = "a number, a line's name, an id (id:7), or the beginning of a name"


@app.command("list")
def list_groups(as_json: bool = JSON_OPTION) -> None:
    """All groups."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)


@app.command("set")
def set_group(
    name: Name,
    *,
    member: Annotated[_Users, typer.Option(help=f"{_WHO}; repeat for several. Replaces the members before.")] = None,
    supervisor: Annotated[
        _Users, typer.Option(help=f"{_WHO}; repeat for several. Replaces the supervisors before.")
    ] = None,
    no_members: Annotated[bool, typer.Option("--no-members", help="Remove all members.")] = False,
    no_supervisors: Annotated[bool, typer.Option("--no-supervisors", help="Remove all supervisors.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Create a group, or change its members or supervisors. What a supervisor may do with the recordings of the members is in
    the role: the permissions that begin with `group.`."""
    from callrec.domain.directory.edit import Table
    from callrec.domain.directory.model import Group

    for given, none, option in ((member, no_members, "member"), (supervisor, no_supervisors, "supervisor")):
        if given and none:
            raise typer.BadParameter(f"--{option} and --no-{option}s exclude each other")
    now = tables()
    members, supervisors = _users(now, member), _users(now, supervisor)

    def become(table_record: "TableRecord | None") -> "Group":
        before = cast("Group", table_record or Group(name))
        return Group(
            name,
            () if no_members else members or before.members,
            () if no_supervisors else supervisors or before.supervisors,
        )

    async def change(records: "Records", change_request: "ChangeRequest") -> "TableRecord":
        return await records.put(Table.GROUPS, name, become, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a group. Its users stay."""
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table
    from callrec.domain.errors import Refused

    unknown = Refused("no-such-group", f"there is no group {name[:80]!r}", hint="callrec groups list shows all")

    async def change(records: "Records", change_request: "ChangeRequest") -> None:
        with said_when_missing(unknown):
            await records.remove(Table.GROUPS, name, as_it_is, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


def _users(tables: "Tables", typed: "Sequence[str] | None") -> "tuple[UserId, ...]":
    from callrec.app.directory.find_user import find_user_or_name
    from callrec.domain.directory.model import by_number

    return by_number(find_user_or_name(tables, one) for one in typed or ())


def _rows(tables: "Tables") -> list[Row]:
    names = {user.id: f"{user.name} (id:{user.id})" for user in tables.users}
    return [
        {
            "name": group.name,
            "members": [names.get(user, f"id:{user}") for user in group.members],
            "supervisors": [names.get(user, f"id:{user}") for user in group.supervisors],
        }
        for group in sorted(tables.groups, key=lambda one: one.name)
    ]
