"""`callrec recordings hold|release`: legal holds, on one recording or on all that meet conditions. The running daemon does it."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

import typer

from callrec.cli import erasures
from callrec.cli.erasures import Name, Number, OneRecording, Preview, Tag, User, conditions_of
from callrec.cli.print_formats import JSON_OPTION, print_fields, print_json
from callrec.cli.recordings import Time


def add_to(app: typer.Typer) -> None:
    """Add the commands to `callrec recordings`."""
    app.command("hold")(hold)
    app.command("release")(release)


def hold(  # noqa: PLR0917 - one parameter for each condition
    recording: OneRecording = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it must be kept.")] = ...,  # type: ignore[assignment] # required
    reference: Annotated[str, typer.Option("--reference", help="Of a case or ticket.")] = "",
    number: Number = "",
    user: User = None,
    name: Name = "",
    tag: Tag = "",
    since: Time = None,
    until: Time = None,
    preview: Preview = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Keep a recording, or all that meet the conditions, from being removed until the hold is released."""
    conditions = conditions_of(recording, number, user, name, tag, since, until)
    body = {"reason": reason, "reference": reference}
    _do("hold", recording, body, conditions, preview=preview, as_json=as_json)


def release(  # noqa: PLR0917 - one parameter for each condition
    recording: OneRecording = None,
    reason: Annotated[str, typer.Option("--reason", help="Why it need not be kept any longer.")] = ...,  # type: ignore[assignment] # required
    only: Annotated[str | None, typer.Option("--hold", help="The id of the hold that ends; else all end.")] = None,
    reference: Annotated[str, typer.Option("--reference", help="With conditions: only holds with this one.")] = "",
    number: Number = "",
    user: User = None,
    name: Name = "",
    tag: Tag = "",
    since: Time = None,
    until: Time = None,
    preview: Preview = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """End the holds of a recording, or of all that meet the conditions."""
    conditions = conditions_of(recording, number, user, name, tag, since, until)
    body = {"reason": reason, "hold": only} if recording else {"reason": reason, "reference": reference}
    _do("release", recording, body, conditions, preview=preview, as_json=as_json)


def _do(
    verb: str,
    recording: str | None,
    body: Mapping[str, object],
    conditions: Mapping[str, object],
    *,
    preview: bool,
    as_json: bool,
) -> None:
    if recording:
        done = dict(erasures.ask(f"/api/v1/recordings/{quote(recording, safe='')}/{verb}", body))
    else:
        done = erasures.ask_each(f"/api/v1/recordings/{verb}/all", {**body, "filter": conditions, "preview": preview})
    print_json(done) if as_json else print_fields(done, as_json=False)
