"""`callrec recordings erase`: recordings go for good, and everywhere. The running daemon does it."""

import sys
from collections.abc import Mapping
from typing import Annotated, cast
from urllib.parse import quote

import typer

from callrec.cli.print_formats import JSON_OPTION, print_fields, print_json
from callrec.cli.recordings import Time, epoch
from callrec.cli.store import settings

ANSWER_S = 310.0
"""Longer than the daemon takes for one request."""
Answer = Mapping[str, object]
OneRecording = Annotated[str | None, typer.Argument(metavar="[ID]", help="The recording's id: see list.")]
Number = Annotated[str, typer.Option(help="All in which this number takes part.")]
User = Annotated[str | None, typer.Option(help="All in which the user with this id takes part.")]
Name = Annotated[str, typer.Option(help="All with a participant of this name.")]
Tag = Annotated[str, typer.Option(help="All with this tag.")]
Preview = Annotated[bool, typer.Option("--preview", help="With conditions: only tell which.")]


def add_to(app: typer.Typer) -> None:
    """Add the command to `callrec recordings`."""
    app.command("erase")(erase)


def erase(  # noqa: PLR0917 - one parameter for each condition
    recording: OneRecording = None,
    number: Number = "",
    user: User = None,
    name: Name = "",
    tag: Tag = "",
    since: Time = None,
    until: Time = None,
    reason: Annotated[
        str, typer.Option(help="Why: the number of a case or a request. It stays in the audit log.")
    ] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Only tell what would be erased, and what would not.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Erase a recording, or all that meet the conditions, for good and everywhere. A legal hold keeps a recording."""
    from callrec.domain.errors import Refused

    conditions = conditions_of(recording, number, user, name, tag, since, until)
    if not preview and not reason:
        raise Refused("erasure-reason", "an erasure needs a reason", hint="--reason, e.g. the number of a request")
    one = f"/api/v1/recordings/{quote(recording, safe='')}/erase" if recording else ""
    seen, path = f"{one or '/api/v1/recordings/erase'}/preview", one or "/api/v1/recordings/erase/all"
    body: dict[str, object] = {} if recording else {"filter": conditions}
    if preview or (not yes and is_person()):
        found = ask(seen, body if not recording else None)
        if preview:
            _show(found, as_json=as_json)
            return
        _show(found, as_json=False, to_err=True)
        typer.confirm(f"Erase {found['recordings']} recordings for good?", abort=True, err=True)
    _show(_erased(path, {**body, "reason": reason}), as_json=as_json)


def conditions_of(  # noqa: PLR0917 - one parameter for each condition
    recording: str | None, number: str, user: str | None, name: str, tag: str, since: Time, until: Time
) -> dict[str, object]:
    """The conditions as the API takes them; empty for one recording. Raises Refused when both are named, or neither."""
    from callrec.domain.errors import Refused

    given = {"number": number, "user": user, "name": name, "tag": tag, "from_s": epoch(since), "to_s": epoch(until)}
    conditions: dict[str, object] = {key: value for key, value in given.items() if value not in {None, ""}}
    if (recording is None) == (not conditions):
        says = "name one recording by its id, or conditions: --number, --user, --name, --tag, --since, --until"
        raise Refused("erasure-conditions", says)
    return conditions


def ask_each(path: str, body: Answer) -> dict[str, object]:
    """Ask until none is left, or none of those that are left can be changed: one request changes a bounded number."""
    done = dict(ask(path, body))
    while done["more"]:
        typer.echo(f"callrec: {done['recordings']} are changed, going on", err=True)
        after = dict(ask(path, body))
        if not after["recordings"]:
            break
        after["recordings"] = cast("int", after["recordings"]) + cast("int", done["recordings"])
        done = {**after, "first": done["first"]}
    return {name: value for name, value in done.items() if name != "more"}


def is_person() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _erased(path: str, body: Answer) -> Answer:
    """Ask until none is left: one request erases a bounded number."""
    done = dict(ask(path, body))
    while done["more"]:
        typer.echo(f"callrec: {done['recordings']} are erased, going on", err=True)
        after = dict(ask(path, body))
        for name in ("recordings", "bytes"):
            after[name] = cast("int", after[name]) + cast("int", done[name])
        done = after
    return {name: value for name, value in done.items() if name != "more"}


def ask(path: str, body: object) -> Answer:
    """The daemon's answer."""
    from callrec.adapters.daemon_api import DaemonApi

    return DaemonApi(settings().state_dir).ask("POST", path, body, answer_s=ANSWER_S)


def _show(answer: Answer, *, as_json: bool, to_err: bool = False) -> None:
    if as_json:
        print_json(answer)
        return
    kept = {f"kept: {why}": count for why, count in cast("Mapping[str, int]", answer["kept"]).items() if count}
    row = {name: value for name, value in answer.items() if name not in {"kept", "first"}} | kept
    if first := cast("list[Mapping[str, object]]", answer.get("first", [])):
        row["first"] = [one["recording"] for one in first]
    if to_err:
        typer.echo(", ".join(f"{name}: {value}" for name, value in row.items() if name != "first"), err=True)
    else:
        print_fields(row, as_json=False)
