"""`callrec calls`: the live calls of the running daemon, and start, stop, pause and resume of their recordings."""

import time
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import quote

import typer

from callrec.cli.print_formats import JSON_OPTION, Row, print_fields, print_json, print_rows
from callrec.cli.store import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callrec.adapters.daemon_api import DaemonApi

COLUMNS = ("id", "state", "rule", "length_s", "participants", "pauses")
_CALLS = "/api/v1/calls"
_CLEAR = "\x1b[H\x1b[2J"

app = typer.Typer(help="Live calls: list, start, stop, pause, resume.", no_args_is_help=True, rich_markup_mode=None)
CALL = typer.Argument(metavar="ID", help="The call's id: see list.")
REASON = typer.Option("", "--reason", help="Stands in the recording's manifest.")


@app.command("list")
def list_calls(
    watch: Annotated[bool, typer.Option("--watch", help="Print it again every second, until Ctrl-C.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """The live calls, oldest first."""
    daemon = _daemon()
    while True:
        calls = cast("list[Mapping[str, object]]", daemon.ask("GET", _CALLS)["items"])
        if watch and not as_json:
            typer.echo(_CLEAR, nl=False)
        if as_json:
            print_json(calls)
        else:
            print_rows([_row(call) for call in calls], COLUMNS, as_json=False)
        if not watch:
            return
        time.sleep(1)


@app.command()
def start(call: Annotated[str, CALL], reason: str = REASON, as_json: bool = JSON_OPTION) -> None:
    """Record this call from now on."""
    _control(call, "start", {"reason": reason}, as_json=as_json)


@app.command()
def stop(call: Annotated[str, CALL], reason: str = REASON, as_json: bool = JSON_OPTION) -> None:
    """End its recording."""
    _control(call, "stop", {"reason": reason}, as_json=as_json)


@app.command()
def pause(
    call: Annotated[str, CALL],
    reason: str = REASON,
    resume_after: Annotated[float | None, typer.Option(help="End the pause after so many seconds.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Pause its recording: what is said until it is resumed is in no file."""
    body = {"reason": reason} | ({} if resume_after is None else {"resume_after_s": resume_after})
    _control(call, "pause", body, as_json=as_json)


@app.command()
def resume(call: Annotated[str, CALL], reason: str = REASON, as_json: bool = JSON_OPTION) -> None:
    """End the pause."""
    _control(call, "resume", {"reason": reason}, as_json=as_json)


def _control(call: str, control: str, body: object, *, as_json: bool) -> None:
    shown = _daemon().ask("POST", f"{_CALLS}/{quote(call, safe='')}/recording/{control}", body)
    if as_json:
        print_json(shown)
    else:
        print_fields(_row(shown), as_json=False)


def _daemon() -> "DaemonApi":
    from callrec.adapters.daemon_api import DaemonApi

    return DaemonApi(settings().state_dir)


def _row(call: "Mapping[str, object]") -> Row:
    """A call as a line: who talks, by which rule it is recorded and for how long, and how many pauses there were."""
    participants = cast("list[Mapping[str, object]]", call["participants"])
    recording = cast("Mapping[str, object] | None", call["recording"])
    row: dict[str, object] = {
        "id": call["id"],
        "state": call["state"],
        "participants": [one["number"] or one["name"] or one["leg"] for one in participants],
    }
    if recording:
        since_s, pauses = cast("float", recording["since_s"]), cast("list[object]", recording["pauses"])
        row |= {"rule": recording["rule"], "length_s": round(max(0.0, time.time() - since_s)), "pauses": len(pauses)}
    return row
