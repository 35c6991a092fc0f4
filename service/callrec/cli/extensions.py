"""`callrec extensions`: the feature codes, their digits and whether they work."""

from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.printing import JSON_OPTION, Row, print_rows
from callrec.cli.store import operator, with_store

if TYPE_CHECKING:
    from callrec.adapters.redis.store import RedisStore
    from callrec.domain.provisioning.model import Tables

COLUMNS = ("feature", "code", "enabled")
WHERE = {
    "call_record": "CALLREC_ALWAYS_CODE in the [globals] of extensions.conf",
    "online_record": "the applicationmap in features_callrec.conf",
}

app = typer.Typer(help="Feature codes: list, set.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_codes(as_json: bool = JSON_OPTION) -> None:
    """All feature codes."""
    print_rows(_rows(with_store(lambda store: store.tables())), COLUMNS, as_json=as_json)


@app.command("set")
def set_code(
    feature: Annotated[str, typer.Argument(help="call_record (always, *26) or online_record (*3).")],
    code: Annotated[str | None, typer.Option(help="The digits: 0-9, * and #.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether the code works.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Change a code's digits or switch it; what is not named stays."""
    from callrec.domain.provisioning.model import Feature

    if feature not in set(Feature):
        raise typer.BadParameter(f"one of {', '.join(Feature)}", param_hint="FEATURE")
    if code is None and enabled is None:
        raise typer.BadParameter("say what to change: --code, --enable or --disable")

    async def work(store: "RedisStore") -> "Tables":
        before = next(one for one in (await store.tables()).codes if one.feature == feature)
        on = before.enabled if enabled is None else enabled
        await store.set_code(Feature(feature), code or before.code, on, actor=operator())
        return await store.tables()

    print_rows(_rows(with_store(work)), COLUMNS, as_json=as_json)
    if code is not None:
        typer.echo(f"Asterisk must know the digits too: {WHERE[feature]}", err=True)


def _rows(tables: "Tables") -> list[Row]:
    return [{"feature": one.feature.value, "code": one.code, "enabled": one.enabled} for one in tables.codes]
