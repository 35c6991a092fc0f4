"""`callrec profiles`: client profiles, and the role of each one's accounts."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.store import changed, said_when_missing, tables

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Tables

COLUMNS = ("name", "role")
NO_ROLE = "none"

app = typer.Typer(
    help="Client profiles with the role of their accounts: list, set, remove.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The profile's name: a user's `profileclient`.")]


@app.command("list")
def list_profiles(as_json: bool = JSON_OPTION) -> None:
    """All profiles."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)


@app.command("set")
def set_profile(
    name: Name,
    role: Annotated[
        str, typer.Option(help="The role of the accounts with this profile, or none: they may do nothing.")
    ],
    as_json: bool = JSON_OPTION,
) -> None:
    """Create a profile, or change its role."""
    from callrec.domain.directory.edit import Table
    from callrec.domain.directory.model import Profile

    profile = Profile(name, None if role == NO_ROLE else role)

    async def change(records: "Records", change_request: "ChangeRequest") -> "TableRecord":
        return await records.put(Table.PROFILES, name, lambda _before: profile, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a profile that no user has."""
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table
    from callrec.domain.errors import Refused

    unknown = Refused("no-such-profile", f"there is no profile {name[:80]!r}", hint="callrec profiles list shows all")

    async def change(records: "Records", change_request: "ChangeRequest") -> None:
        with said_when_missing(unknown):
            await records.remove(Table.PROFILES, name, as_it_is, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


def _rows(tables: "Tables") -> list[Row]:
    return [{"name": one.name, "role": one.role} for one in tables.profiles]
