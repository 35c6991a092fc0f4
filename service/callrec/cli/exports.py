"""`callrec recordings export|link|links|unlink`: what leaves the library. The running daemon does it, so that its audit log has
each recording before the first byte."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import quote

import typer

from callrec.cli.print_formats import JSON_OPTION, print_fields, print_rows
from callrec.cli.store import settings
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callrec.adapters.daemon_api import DaemonApi

RECORDING = typer.Argument(metavar="ID", help="The recording's id: see list.")
LINKS = ("id", "made", "expires", "revoked", "at_s", "maker")
Time = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Local time.")]
_API = "/api/v1/recordings"


def add_to(app: typer.Typer) -> None:
    """Add these commands to `callrec recordings`."""
    commands: list[tuple[str, Callable[..., None]]] = [
        ("export", export), ("link", link), ("links", links), ("unlink", unlink),
    ]  # fmt: skip
    for name, command in commands:
        app.command(name)(command)


def export(  # noqa: PLR0917 - one parameter for each condition
    file: Annotated[Path, typer.Argument(help="The new ZIP file (mode 600): the recordings, a table, SHA-256 sums.")],
    recordings: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Which; else by conditions.")
    ] = None,
    since: Time = None,
    until: Time = None,
    user: Annotated[str | None, typer.Option(help="The id of a participant.")] = None,
    number: Annotated[str | None, typer.Option(help="A participant's whole number.")] = None,
    number_part: Annotated[str | None, typer.Option(help="Three or more characters of one.")] = None,
    name: Annotated[str | None, typer.Option(help="A part of a participant's name.")] = None,
    direction: Annotated[CallDirection | None, typer.Option()] = None,
    rule: Annotated[Rule | None, typer.Option(help="The rule by which it was made.")] = None,
    state: Annotated[StoredState | None, typer.Option()] = None,
    tag: Annotated[str | None, typer.Option()] = None,
    held: Annotated[bool | None, typer.Option("--held/--not-held")] = None,
    every: Annotated[bool, typer.Option("--all", help="All recordings, when no condition is given.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only tell what the export would have.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Export recordings by their ids, or all that meet the conditions. A file that breaks off is removed."""
    conditions = {
        "from_s": since.timestamp() if since else None, "to_s": until.timestamp() if until else None, "user": user,
        "number": number, "number_part": number_part, "name": name, "direction": direction, "rule": rule, "state": state,
        "tag": tag, "held": held,
    }  # fmt: skip
    given = {key: value for key, value in conditions.items() if value is not None}
    if bool(recordings) == (bool(given) or every):
        raise typer.BadParameter("give either ids, or conditions; --all for all recordings")
    body: dict[str, object] = {"recordings": recordings} if recordings else {"filter": given}
    if preview:
        found = _daemon().ask("POST", f"{_API}/export/preview", body)
        lacking = [str(one["recording"]) for one in cast("list[Mapping[str, object]]", found["lacking"])]
        print_fields({"recordings": found["recordings"], "bytes": found["bytes"], "lacking": lacking}, as_json=as_json)
        return
    written = _daemon().save("POST", f"{_API}/export/zip", body, file)
    print_fields({"file": str(file), "bytes": written}, as_json=as_json)


def link(
    recording: Annotated[str, RECORDING],
    hours: Annotated[float, typer.Option("--hours", min=0.01, help="For how long it is good.")] = 24.0,
    at: Annotated[float | None, typer.Option("--at", min=0, help="The moment that it leads to, in seconds.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a link to a recording that needs no login. Its address is shown once."""
    made = _daemon().ask("POST", f"{_path(recording)}/links", {"valid_h": hours, "at_s": at})
    print_fields({"id": made["id"], "path": made["path"], "expires": _at(made["expires_s"])}, as_json=as_json)


def links(recording: Annotated[str, RECORDING], as_json: bool = JSON_OPTION) -> None:
    """The links of a recording, also those that have ended lately."""
    found = cast("list[Mapping[str, object]]", _daemon().ask("GET", f"{_path(recording)}/links")["items"])
    rows = [
        {**one, "made": _at(one["made_s"]), "expires": _at(one["expires_s"]), "revoked": _at(one["revoked_s"])}
        for one in found
    ]
    print_rows(rows, LINKS, as_json=as_json)


def unlink(
    recording: Annotated[str, RECORDING],
    identity: Annotated[str, typer.Argument(metavar="LINK", help="The link's id.")],
) -> None:
    """End a link."""
    _daemon().ask("POST", f"{_path(recording)}/links/revoke", {"link": identity})


def _path(recording: str) -> str:
    return f"{_API}/{quote(recording, safe='')}"


def _daemon() -> "DaemonApi":
    from callrec.adapters.daemon_api import DaemonApi

    return DaemonApi(settings().state_dir)


def _at(seconds: object) -> str | None:
    at = datetime.fromtimestamp(float(cast("float", seconds))).astimezone() if seconds is not None else None
    return at.isoformat("T", "seconds") if at else None
