"""`callrec extensions`: the feature codes, their digits and whether they work."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.printing import JSON_OPTION, Row, print_rows
from callrec.cli.store import operator, settings, with_store

if TYPE_CHECKING:
    from callrec.adapters.redis.store import RedisStore
    from callrec.domain.provisioning.model import Tables

COLUMNS = ("feature", "code", "enabled", "needs")
WITHOUT_CONFGEN = frozenset({"call_record", "online_record"})
"""Codes that stand in the files every PBX includes; Asterisk has the others only by the files of `callrec confgen`."""

app = typer.Typer(help="Feature codes: list, set.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_codes(as_json: bool = JSON_OPTION) -> None:
    """All feature codes."""
    print_rows(_rows(with_store(lambda store: store.tables())), COLUMNS, as_json=as_json)
    if settings().confgen_dir is None:
        typer.echo(
            "CALLREC_CONFGEN_DIR is not set: codes that need confgen do nothing on an Asterisk that does not include its files.",
            err=True,
        )


@app.command("set")
def set_code(
    feature: Annotated[str, typer.Argument(help="call_record (always, *26), online_record (*3), dnd, ...: see list.")],
    code: Annotated[str | None, typer.Option(help="The digits: 0-9, * and #.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether the code works.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change a code's digits or switch it; what is not named stays."""
    from callrec.domain.provisioning.features import code_checked
    from callrec.domain.provisioning.model import Feature, FeatureCode

    if feature not in set(Feature):
        raise typer.BadParameter(f"one of {', '.join(Feature)}", param_hint="FEATURE")
    if code is None and enabled is None:
        raise typer.BadParameter("say what to change: --code, --enable or --disable")

    async def work(store: "RedisStore") -> "Tables":
        tables = await store.tables()
        before = next(one for one in tables.codes if one.feature == feature)
        on = before.enabled if enabled is None else enabled
        after = FeatureCode(Feature(feature), code or before.code, on)
        code_checked(after, tables.codes, tables.lines)
        await store.set_code(after.feature, after.code, after.enabled, actor=operator())
        return await store.tables()

    print_rows(_rows(with_store(work)), COLUMNS, as_json=as_json)
    if settings().confgen_dir is not None:
        typer.echo("Asterisk knows it when callrec confgen has run there.", err=True)
    elif feature in WITHOUT_CONFGEN:
        where = {
            "call_record": "CALLREC_ALWAYS_CODE in extensions.conf",
            "online_record": "the applicationmap in features.conf",
        }
        typer.echo(f"Asterisk's own digits for it are {where[feature]}; callrec doctor compares them.", err=True)
    else:
        typer.echo(
            "Asterisk has this code only by the files of callrec confgen, and CALLREC_CONFGEN_DIR is not set.", err=True
        )


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
