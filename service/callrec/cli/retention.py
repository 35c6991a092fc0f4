"""`callrec retention`: how long recordings are kept, and which go first when space is needed. The running daemon does it."""

from collections.abc import Mapping
from typing import Annotated, cast
from urllib.parse import quote

import typer

from callrec.cli.erasures import ANSWER_S
from callrec.cli.print_formats import JSON_OPTION, print_fields, print_json, print_rows
from callrec.cli.store import settings
from callrec.domain.library.retention import MOST_DAYS, MOST_RANK
from callrec.domain.rules import Rule

app = typer.Typer(help="How long recordings are kept.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="The class's name: small letters, digits, hyphens.")]
Answer = Mapping[str, object]
COLUMNS = ("name", "in_effect", "min_days", "max_days", "rank", "rules", "users", "contexts", "tags")
_GB = 1 << 30


@app.command("list")
def list_classes(as_json: bool = JSON_OPTION) -> None:
    """All classes in their order, the limits of space, and the last run."""
    found = _ask("GET", "")
    if as_json:
        print_json(found)
        return
    print_rows(cast("list[Answer]", found["classes"]), COLUMNS, as_json=False)
    last, time = cast("Answer", found["last"]), cast("Answer", found["time"])
    limits = {name: found[name] for name in ("quota_bytes", "least_free_bytes")}
    typer.echo(", ".join(f"{name}: {value}" for name, value in {**limits, **last}.items()), err=True)
    if time["clock_off_s"]:
        says = "is not believed: set it right, or say that it is with callrec retention clock --trust"
        typer.echo(f"callrec: the machine's clock is off by {time['clock_off_s']:.0f} s, and {says}", err=True)
    if found["why_not"]:
        typer.echo(f"callrec: not all that is due can go: {found['why_not']}", err=True)


@app.command("set")
def set_class(  # noqa: PLR0917 - one parameter for each field
    name: Name,
    max_days: Annotated[
        float | None, typer.Option(min=1, max=MOST_DAYS, help="Erased at this age; else never.")
    ] = None,
    min_days: Annotated[float, typer.Option(min=0, max=MOST_DAYS, help="Not even for space before this age.")] = 0.0,
    rank: Annotated[int, typer.Option(min=0, max=MOST_RANK, help="When space is needed, the lowest goes first.")] = 0,
    rule: Annotated[list[Rule] | None, typer.Option(help="Recordings of this rule. Repeat for several.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="Recordings of the user with this id.")] = None,
    context: Annotated[
        list[str] | None, typer.Option(help="Made by the rule of this context or a number in it.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Recordings with this tag.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Add or replace a class. It has no effect before `callrec retention enable`."""
    body = {
        "max_days": max_days, "min_days": min_days, "rank": rank, "rules": [one.value for one in rule or []],
        "users": user or [], "contexts": context or [], "tags": tag or [],
    }  # fmt: skip
    _show_class(_ask("PUT", f"/classes/{_quoted(name)}", body), name, as_json=as_json)


@app.command()
def remove(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Remove a class: its recordings then have the next class that takes them, or none."""
    found = _ask("DELETE", f"/classes/{_quoted(name)}")
    print_json(found) if as_json else typer.echo(f"{name} is removed")


@app.command()
def preview(name: Name, as_json: bool = JSON_OPTION) -> None:
    """How many recordings a class makes due now, how many bytes, and which go first."""
    found = dict(_ask("POST", f"/classes/{_quoted(name)}/preview"))
    if as_json:
        print_json(found)
        return
    first = [one["recording"] for one in cast("list[Answer]", found["first"])]
    print_fields({**found, "first": first}, as_json=False)


@app.command()
def enable(
    name: Name,
    expected: Annotated[
        int, typer.Option(min=0, help="How many recordings the preview said: refused when more would go.")
    ],
    as_json: bool = JSON_OPTION,
) -> None:
    """Let a class take effect."""
    _show_class(_ask("POST", f"/classes/{_quoted(name)}/enable", {"expected": expected}), name, as_json=as_json)


@app.command()
def disable(name: Name, as_json: bool = JSON_OPTION) -> None:
    """Let a class have no effect any more: nothing of it goes."""
    _show_class(_ask("POST", f"/classes/{_quoted(name)}/disable"), name, as_json=as_json)


@app.command()
def space(
    quota_gb: Annotated[float | None, typer.Option(min=0, help="How much recordings may take; else no limit.")] = None,
    free_gb: Annotated[
        float | None, typer.Option(min=0, help="How much the disk must have free; else no limit.")
    ] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Set the limits of space, both. Above them the oldest of the lowest class in effect go first."""
    body = {
        "quota_bytes": None if quota_gb is None else int(quota_gb * _GB),
        "least_free_bytes": None if free_gb is None else int(free_gb * _GB),
    }
    found = _ask("PUT", "/space", body)
    print_fields({name: found[name] for name in body}, as_json=as_json)


@app.command()
def run(as_json: bool = JSON_OPTION) -> None:
    """Erase now what is due; the daemon does it by itself every ten minutes."""
    print_fields(dict(_ask("POST", "/run")), as_json=as_json)


@app.command()
def clock(
    trust: Annotated[bool, typer.Option("--trust", help="The machine's clock is right: go by it.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """The time by which recordings grow old."""
    found = _ask("POST", "/clock") if trust else cast("Answer", _ask("GET", "")["time"])
    print_fields(dict(found), as_json=as_json)


def _ask(method: str, path: str, body: object = None) -> Answer:
    from callrec.adapters.daemon_api import DaemonApi

    return DaemonApi(settings().state_dir).ask(method, f"/api/v1/retention{path}", body, answer_s=ANSWER_S)


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _show_class(table: Answer, name: str, *, as_json: bool) -> None:
    found = next(one for one in cast("list[Answer]", table["classes"]) if one["name"] == name)
    print_fields(dict(found), as_json=as_json)
