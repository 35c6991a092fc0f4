"""`callrec contexts`: the contexts, and the number ranges of each."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.record_option import said_record
from callrec.cli.store import changed, said_when_missing, tables

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Context, Tables

COLUMNS = ("name", "kind", "ranges", "record")

app = typer.Typer(
    help="Contexts with their number ranges: list, set, remove.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="The context's name in the dialplan.")]


@app.command("list")
def list_contexts(as_json: bool = JSON_OPTION) -> None:
    """All contexts."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)


@app.command("set")
def set_context(
    name: Name,
    kind: Annotated[str | None, typer.Option(help="internal (users' numbers) or incall (incoming numbers).")] = None,
    numbers: Annotated[
        list[str] | None,
        typer.Option("--range", help="FIRST-LAST or one number; repeat for several. Replaces the ranges before."),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(help="Calls that come in here are recorded: always, never, or none (as the users' rules say)."),
    ] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Create a context, or change its ranges. Numbers that users have already must stay inside the ranges."""
    from callrec.domain.directory.contexts import parse_range
    from callrec.domain.directory.edit import Table
    from callrec.domain.directory.model import Context, ContextKind

    if kind is not None and kind not in set(ContextKind):
        raise typer.BadParameter(f"one of {', '.join(ContextKind)}", param_hint="--kind")
    said = said_record(record)
    ranges = tuple(map(parse_range, numbers)) if numbers else None

    def become(table_record: "TableRecord | None") -> "Context":
        before = cast("Context", table_record or Context(name, ContextKind.INTERNAL))
        return replace(
            before,
            kind=ContextKind(kind) if kind else before.kind,
            ranges=before.ranges if ranges is None else ranges,
            record=before.record if record is None else said,
        )

    async def change(records: "Records", change_request: "ChangeRequest") -> "TableRecord":
        return await records.put(Table.CONTEXTS, name, become, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a context that has no numbers of users."""
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table
    from callrec.domain.errors import Refused

    hint = "callrec contexts list shows all"
    unknown = Refused("no-such-context", f"there is no context {name[:80]!r}", hint=hint)

    async def change(records: "Records", change_request: "ChangeRequest") -> None:
        with said_when_missing(unknown):
            await records.remove(Table.CONTEXTS, name, as_it_is, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


def _rows(tables: "Tables") -> list[Row]:
    return [
        {
            "name": one.name,
            "kind": one.kind.value,
            "ranges": [str(each) for each in one.ranges],
            "record": one.record.value if one.record else None,
        }
        for one in tables.contexts
    ]
