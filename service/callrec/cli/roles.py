"""`callrec roles`: names for what somebody with an account may do."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.printing import JSON_OPTION, Row, print_rows
from callrec.cli.store import operator, request_id, with_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from callrec.adapters.redis.store import RedisStore
    from callrec.domain.provisioning.directory import Directory
    from callrec.domain.provisioning.edit import Edit
    from callrec.domain.provisioning.model import Role, Tables

COLUMNS = ("name", "permissions")

app = typer.Typer(
    help="Roles with their permissions: list, set, remove. No account has one yet.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The role's name.")]


@app.command("list")
def list_roles(as_json: bool = JSON_OPTION) -> None:
    """All roles."""
    print_rows(_rows(with_store(lambda store: store.tables())), COLUMNS, as_json=as_json)


@app.command("set")
def set_role(
    name: Name,
    permission: Annotated[
        list[str], typer.Option(help="May come several times; together they replace what was there.")
    ],
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a role, or change what it allows."""
    from callrec.domain.provisioning.model import Permission, Role
    from callrec.domain.provisioning.record_edits import changing, creating

    if unknown := [one for one in permission if one not in set(Permission)]:
        raise typer.BadParameter(f"{unknown[0]!r} is none of {', '.join(Permission)}", param_hint="--permission")
    role = Role(name, tuple(one for one in Permission if one in permission))

    def plan(before: "Role | None", tables: "Directory") -> "Edit":
        return changing(before, role, tables) if before else creating(role, tables)

    _edit(name, plan, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a role. The last one that may change settings stays."""
    from callrec.domain.errors import Refused
    from callrec.domain.provisioning.record_edits import removing

    def plan(before: "Role | None", tables: "Directory") -> "Edit":
        if before is None:
            raise Refused("no-such-role", f"there is no role {name[:80]!r}", hint="callrec roles list shows all")
        return removing(before, tables)

    _edit(name, plan, as_json=as_json)


def _edit(name: str, plan: "Callable[[Role | None, Directory], Edit]", *, as_json: bool) -> None:
    from callrec.domain.provisioning.directory import Directory

    async def work(store: "RedisStore") -> "Tables":
        snapshot = await store.snapshot()
        before = next((one for one in snapshot.tables.roles if one.name == name), None)
        if edit := plan(before, Directory(snapshot.tables)):
            await store.edit(edit, request_id(), based_on=snapshot.edition, actor=operator())
        return await store.tables()

    print_rows(_rows(with_store(work)), COLUMNS, as_json=as_json)


def _rows(tables: "Tables") -> list[Row]:
    return [{"name": one.name, "permissions": [each.value for each in one.permissions]} for one in tables.roles]
