"""`callrec roles`: named sets of permissions for accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.store import changed, said_when_missing, tables

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Tables

COLUMNS = ("name", "permissions", "second_factor")

app = typer.Typer(
    help="Roles with their permissions: list, set, remove. A profile names the role of its accounts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The role's name.")]


@app.command("list")
def list_roles(as_json: bool = JSON_OPTION) -> None:
    """All roles."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)


@app.command("set")
def set_role(
    name: Name,
    permission: Annotated[
        list[str], typer.Option(help="Repeat for several. Replaces all permissions that the role had.")
    ],
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="Its accounts may do nothing before they have a second factor.")
    ] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Create a role, or replace its permissions."""
    from callrec.domain.directory.edit import Table
    from callrec.domain.directory.model import Permission, Role

    if unknown := [one for one in permission if one not in set(Permission)]:
        says = f"{unknown[0]!r} is not a permission; use one of {', '.join(Permission)}"
        raise typer.BadParameter(says, param_hint="--permission")
    role = Role(name, tuple(one for one in Permission if one in permission), second_factor)

    async def change(records: "Records", change_request: "ChangeRequest") -> "TableRecord":
        return await records.put(Table.ROLES, name, lambda _before: role, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a role. The last role that may change settings cannot be removed."""
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table
    from callrec.domain.errors import Refused

    unknown = Refused("no-such-role", f"there is no role {name[:80]!r}", hint="callrec roles list shows all")

    async def change(records: "Records", change_request: "ChangeRequest") -> None:
        with said_when_missing(unknown):
            await records.remove(Table.ROLES, name, as_it_is, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


def _rows(tables: "Tables") -> list[Row]:
    return [
        {
            "name": one.name,
            "permissions": [each.value for each in one.permissions],
            **({"second_factor": True} if one.second_factor else {}),
        }
        for one in tables.roles
    ]
