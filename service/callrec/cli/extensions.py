"""`callrec extensions`: the feature codes, the digits of each, and whether it is enabled."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.store import changed, settings, tables

if TYPE_CHECKING:
    from callrec.app.directory.idempotency import ChangeRequest
    from callrec.app.directory.records import Records
    from callrec.domain.directory.model import FeatureCode, Tables

COLUMNS = ("feature", "code", "enabled", "needs")
WITHOUT_CONFGEN = frozenset({"call_record", "online_record", "pause_record"})
"""Codes of the dialplan files that every PBX includes. All others are in the files of `callrec confgen`."""

app = typer.Typer(help="Feature codes: list, set.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_codes(as_json: bool = JSON_OPTION) -> None:
    """All feature codes."""
    print_rows(_rows(tables()), COLUMNS, as_json=as_json)
    if settings().confgen_dir is None:
        typer.echo(
            "CALLREC_CONFGEN_DIR is not set: codes that need confgen work only where Asterisk includes its files.",
            err=True,
        )


@app.command("set")
def set_code(
    feature: Annotated[
        str,
        typer.Argument(help="call_record (always, *26), online_record (*3), pause_record (*4), dnd, ...: see list."),
    ],
    code: Annotated[str | None, typer.Option(help="The digits: 0-9, * and #.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether the code works.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change a code's digits, enable or disable it. Options that are not given leave their value unchanged."""
    from dataclasses import replace

    from callrec.domain.directory.model import Feature

    if feature not in set(Feature):
        raise typer.BadParameter(f"one of {', '.join(Feature)}", param_hint="FEATURE")
    if code is None and enabled is None:
        raise typer.BadParameter("give at least one of --code, --enable, --disable")

    def become(before: "FeatureCode") -> "FeatureCode":
        return replace(before, code=code or before.code, enabled=before.enabled if enabled is None else enabled)

    async def change(records: "Records", change_request: "ChangeRequest") -> "FeatureCode":
        return await records.set_code(Feature(feature), become, lambda _before: True, change_request)

    _, now = changed(change)
    print_rows(_rows(now), COLUMNS, as_json=as_json)
    typer.echo(_where_it_works(feature), err=True)


def _where_it_works(feature: str) -> str:
    """What the operator has to do in Asterisk."""
    if settings().confgen_dir is not None:
        return "Asterisk uses the new value after the next run of callrec confgen there."
    if feature not in WITHOUT_CONFGEN:
        return "This code works only with the files of callrec confgen, and CALLREC_CONFGEN_DIR is not set."
    where = {
        "call_record": "CALLREC_ALWAYS_CODE in extensions.conf",
        "online_record": "the applicationmap in features.conf",
        "pause_record": "the applicationmap and the group [callrec] in features.conf (features_callrec.conf has the lines)",
    }
    return f"Change the digits in Asterisk too: {where[feature]}. callrec doctor compares both."


def _rows(tables: "Tables") -> list[Row]:
    return [
        {
            "feature": one.feature.value,
            "code": one.code,
            "enabled": one.enabled,
            "needs": "" if one.feature.value in WITHOUT_CONFGEN else "confgen",
        }
        for one in tables.codes
    ]
