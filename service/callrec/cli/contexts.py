"""`callrec contexts`: where numbers live, and which numbers may be given there."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.printing import JSON_OPTION, Row, print_rows
from callrec.cli.store import operator, request_id, with_store

if TYPE_CHECKING:
    from callrec.adapters.redis.store import RedisStore
    from callrec.domain.provisioning.model import Range, Tables

COLUMNS = ("name", "kind", "ranges")

app = typer.Typer(
    help="Contexts with their number ranges: list, set, remove.", no_args_is_help=True, rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(help="The context's name in the dialplan.")]


@app.command("list")
def list_contexts(as_json: bool = JSON_OPTION) -> None:
    """All contexts."""
    print_rows(_rows(with_store(lambda store: store.tables())), COLUMNS, as_json=as_json)


@app.command("set")
def set_context(
    name: Name,
    kind: Annotated[str | None, typer.Option(help="internal (users' numbers) or incall (the outside world's).")] = None,
    numbers: Annotated[
        list[str] | None,
        typer.Option("--range", help="FIRST-LAST or one number; may come several times, and replaces."),
    ] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a context, or change its ranges. Numbers that somebody has already must stay inside."""
    from callrec.domain.provisioning.contexts import changed, parse_range
    from callrec.domain.provisioning.model import Context, ContextKind

    if kind is not None and kind not in set(ContextKind):
        raise typer.BadParameter(f"one of {', '.join(ContextKind)}", param_hint="--kind")
    ranges = tuple(map(parse_range, numbers)) if numbers else None

    async def work(store: "RedisStore") -> "Tables":
        snapshot = await store.snapshot()
        before = next((one for one in snapshot.tables.contexts if one.name == name), None)
        after = before or Context(name, ContextKind(kind or "internal"))
        after = replace(
            after, kind=ContextKind(kind) if kind else after.kind, ranges=after.ranges if ranges is None else ranges
        )
        edit = changed(snapshot.tables, before, after)
        if edit:
            await store.edit(edit, request_id(), based_on=snapshot.edition, actor=operator())
        return await store.tables()

    print_rows(_rows(with_store(work)), COLUMNS, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a context that nobody has a number in."""
    from callrec.domain.errors import Refused
    from callrec.domain.provisioning.contexts import changed

    async def work(store: "RedisStore") -> "Tables":
        snapshot = await store.snapshot()
        before = next((one for one in snapshot.tables.contexts if one.name == name), None)
        if before is None:
            raise Refused(
                "no-such-context", f"there is no context {name[:80]!r}", hint="callrec contexts list shows all"
            )
        edit = changed(snapshot.tables, before, None)
        await store.edit(edit, request_id(), based_on=snapshot.edition, actor=operator())
        return await store.tables()

    print_rows(_rows(with_store(work)), COLUMNS, as_json=as_json)


def _rows(tables: "Tables") -> list[Row]:
    return [
        {"name": one.name, "kind": one.kind.value, "ranges": [_shown(each) for each in one.ranges]}
        for one in tables.contexts
    ]


def _shown(numbers: "Range") -> str:
    return str(numbers)
