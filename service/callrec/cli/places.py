"""`callrec places`: trunks, queues and conferences of Asterisk whose calls have a rule of their own."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.record_option import said_record
from callrec.cli.store import changed, said_when_missing, tables

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Tables
    from callrec.domain.rules import PlaceKind

COLUMNS = ("kind", "name", "record")

app = typer.Typer(
    help="Trunks, queues and conferences whose calls are recorded, or never recorded: list, set, remove.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Kind = Annotated[str, typer.Argument(metavar="KIND", help="trunk, queue or conference.")]
Name = Annotated[str, typer.Argument(help="Its name in Asterisk; a trunk's is its endpoint's.")]


@app.command("list")
def list_places(as_json: bool = JSON_OPTION) -> None:
    """All trunks, queues and conferences with a rule. `callrec incalls list` and `callrec contexts list` show the others."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)


@app.command("set")
def set_place(
    kind: Kind,
    name: Name,
    record: Annotated[
        str, typer.Option(help="Whether its calls are recorded, with any user who takes part: always, never.")
    ],
    as_json: bool = JSON_OPTION,
) -> None:
    """Have the calls of a trunk, a queue or a conference recorded, or never recorded."""
    from callrec.domain.directory.edit import Table, place
    from callrec.domain.directory.model import Place

    of_kind, rule = _kind(kind), said_record(record, or_none=False)
    assert rule, "said_record refuses what is no rule"  # noqa: S101 - for the type checker
    new = Place(of_kind, name, rule)

    async def change(records: "Records", change_request: "ChangeRequest") -> "TableRecord":
        return await records.put(Table.PLACES, place(new)[1], lambda _before: new, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


@app.command()
def remove(kind: Kind, name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove the rule of a trunk, a queue or a conference: its calls are recorded as the users' rules say."""
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table
    from callrec.domain.directory.unique_keys import place_key
    from callrec.domain.errors import Refused

    of_kind = _kind(kind)
    unknown = Refused(
        "no-such-place", f"no rule hangs at the {kind} {name[:80]!r}", hint="callrec places list shows all"
    )

    async def change(records: "Records", change_request: "ChangeRequest") -> None:
        with said_when_missing(unknown):
            await records.remove(Table.PLACES, place_key(of_kind, name), as_it_is, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


def _kind(kind: str) -> "PlaceKind":
    from callrec.domain.rules import PlaceKind

    if kind not in set(PlaceKind):
        raise typer.BadParameter(f"one of {', '.join(PlaceKind)}", param_hint="KIND")
    return PlaceKind(kind)


def _rows(tables: "Tables") -> list[Row]:
    places = sorted(tables.places, key=lambda one: (one.kind, one.name.lower()))
    return [{"kind": one.kind.value, "name": one.name, "record": one.record.value} for one in places]
