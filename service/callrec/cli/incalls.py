"""`callrec incalls`: the numbers of the outside world, and whether their calls are recorded."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.record_option import NO_RULE, said_record
from callrec.cli.store import changed, said_when_missing, tables

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.edit import TableRecord
    from callrec.domain.directory.model import Incall, Tables
    from callrec.domain.errors import Refused

COLUMNS = ("exten", "context", "user", "ring_s", "record", "language")

app = typer.Typer(
    help="Incoming numbers: list them, and set their rule and their language. A user file or the API makes them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_incalls(as_json: bool = JSON_OPTION) -> None:
    """All incoming numbers."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)


@app.command("set")
def set_incall(
    exten: Annotated[str, typer.Argument(help="The number that the outside world dials.")],
    record: Annotated[
        str | None,
        typer.Option(
            help="Calls that come in to this number are recorded: always, never, or none (as the users' rules say)."
        ),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Language of what is played to those who call it, e.g. fr_FR; none: its user's."),
    ] = None,
    context: Annotated[str | None, typer.Option(help="Its context, where several have this number.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Set whether the calls to an incoming number are recorded, with any user who answers, and its language."""
    from callrec.app.directory.records import as_it_is
    from callrec.domain.directory.edit import Table, place

    if record is None and language is None:
        raise typer.BadParameter("one of --record and --language is needed")
    said = said_record(record)

    def become(table_record: "TableRecord") -> "Incall":
        incall = cast("Incall", table_record)
        incall = incall if record is None else replace(incall, record=said)
        return incall if language is None else replace(incall, language=None if language == NO_RULE else language)

    async def change(records: "Records", change_request: "ChangeRequest") -> "TableRecord":
        key = place(_meant(records.directory.tables(), exten, context))[1]
        with said_when_missing(_unknown(exten)):
            return await records.change(Table.INCALLS, key, become, as_it_is, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)


def _meant(tables: "Tables", exten: str, context: str | None) -> "Incall":
    from callrec.domain.errors import Refused

    found = [one for one in tables.incalls if one.exten == exten and context in {None, one.context}]
    if not found:
        raise _unknown(exten)
    if len(found) > 1:
        where = ", ".join(one.context for one in found)
        raise Refused(
            "incall-in-contexts", f"{exten[:80]} is in several contexts: {where}", hint="say which: --context"
        )
    return found[0]


def _unknown(exten: str) -> "Refused":
    from callrec.domain.errors import Refused

    hint = "callrec incalls list shows all"
    return Refused("no-such-incall", f"there is no incoming number {exten[:80]!r}", hint=hint)


def _rows(tables: "Tables") -> list[Row]:
    names = {user.id: user.name for user in tables.users}
    return [
        {
            "exten": one.exten,
            "context": one.context,
            "user": names.get(one.user, one.user),
            "ring_s": one.ring_s,
            "record": one.record.value if one.record else None,
            "language": one.language,
        }
        for one in tables.incalls
    ]
