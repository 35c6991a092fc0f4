"""`callrec recordings tag|note|annotations`: what people add to stored recordings. The running daemon does it, so
that its audit log has each change."""

from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import quote

import typer

from callrec.cli import erasures
from callrec.cli.erasures import Name, Number, OneRecording, Preview, Tag, User, conditions_of
from callrec.cli.print_formats import JSON_OPTION, print_fields, print_json
from callrec.cli.recordings import Time
from callrec.cli.store import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callrec.adapters.daemon_api import DaemonApi

RECORDING = typer.Argument(metavar="ID", help="The recording's id: see list.")
TRIES = 5
"""How often tags are changed that others change at the same time."""


def add_to(app: typer.Typer) -> None:
    """Add these commands to `callrec recordings`."""
    commands: list[tuple[str, Callable[..., None]]] = [
        ("annotations", annotations), ("tag", tag), ("note", note),
    ]  # fmt: skip
    for name, command in commands:
        app.command(name)(command)


def annotations(recording: Annotated[str, RECORDING], as_json: bool = JSON_OPTION) -> None:
    """Notes, tags, class and holds of a recording."""
    _print(_ask("GET", recording, "annotations"), as_json=as_json)


def tag(  # noqa: PLR0917 - one parameter for each condition
    recording: OneRecording = None,
    add: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to add to it.")] = None,
    more: Annotated[list[str] | None, typer.Option("--add", help="A tag to add.")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", help="A tag to remove.")] = None,
    retention_class: Annotated[
        str | None, typer.Option("--class", help="The retention class; an empty one is none.")
    ] = None,
    number: Number = "",
    user: User = None,
    name: Name = "",
    with_tag: Tag = "",
    since: Time = None,
    until: Time = None,
    preview: Preview = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Add and remove tags, or set the retention class, of a recording or of all that meet the conditions."""
    conditions = conditions_of(recording, number, user, name, with_tag, since, until)
    added = [*(add or []), *(more or [])]
    if recording is not None:
        _tag_one(recording, added, remove or [], retention_class, as_json=as_json)
        return
    body = {"add": added, "remove": remove or [], "retention_class": retention_class}
    _print_many("tag", body, conditions, preview=preview, as_json=as_json)


def _tag_one(recording: str, add: list[str], remove: list[str], retention_class: str | None, *, as_json: bool) -> None:
    from callrec.domain.errors import Refused

    for left in reversed(range(TRIES)):
        before = _ask("GET", recording, "annotations")
        tags = [one for one in cast("list[str]", before["tags"]) if one not in remove]
        body: dict[str, object] = {"tags": [*tags, *add]}
        if retention_class is not None:
            body["retention_class"] = retention_class
        try:
            after = _ask("PATCH", recording, "annotations", body, if_match=f'"r{before["revision"]}"')
        except Refused as error:
            if error.code != "annotations-changed" or not left:
                raise
        else:
            _print(after, as_json=as_json)
            return


def note(  # noqa: PLR0917 - one parameter for each condition
    recording: OneRecording = None,
    text: Annotated[str | None, typer.Argument(help="What is to be remarked of it.")] = None,
    at: Annotated[float | None, typer.Option("--at", min=0, help="Its moment, in seconds from the beginning.")] = None,
    words: Annotated[str, typer.Option("--text", help="With conditions: what is to be remarked.")] = "",
    number: Number = "",
    user: User = None,
    name: Name = "",
    with_tag: Tag = "",
    since: Time = None,
    until: Time = None,
    preview: Preview = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Add a note to a recording, or to all that meet the conditions."""
    conditions = conditions_of(recording, number, user, name, with_tag, since, until)
    if not (text if recording is not None else words):
        raise typer.BadParameter("give the note's words: behind the id, or with conditions by --text")
    if recording is not None:
        _print(_ask("POST", recording, "notes", {"text": text, "at_s": at}), as_json=as_json)
        return
    _print_many("note", {"text": words}, conditions, preview=preview, as_json=as_json)


def _print_many(
    verb: str, body: "Mapping[str, object]", conditions: "Mapping[str, object]", *, preview: bool, as_json: bool
) -> None:
    said = {**body, "filter": conditions, "preview": preview}
    _print(erasures.ask_each(f"/api/v1/recordings/{verb}/all", said), as_json=as_json)


def _ask(method: str, recording: str, what: str, body: object = None, *, if_match: str = "") -> "Mapping[str, object]":
    path = f"/api/v1/recordings/{quote(recording, safe='')}/{what}"
    return _daemon().ask(method, path, body, {"If-Match": if_match} if if_match else None)


def _daemon() -> "DaemonApi":
    from callrec.adapters.daemon_api import DaemonApi

    return DaemonApi(settings().state_dir)


def _print(shown: "Mapping[str, object]", *, as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        print_fields(dict(shown), as_json=False)
