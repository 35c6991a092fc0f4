"""`callrec prompts`: own prompts in place of what callrec says."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.print_formats import JSON_OPTION, Row, print_rows
from callrec.cli.store import settings
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from callrec.app.asterisk.prompts import Prompts

COLUMNS = ("name", "language", "length_s")

app = typer.Typer(
    help="Own prompts in place of callrec's, for each language: list, set, remove, export.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(help="The prompt's name, e.g. call-is-recorded. `callrec prompts list --all`.")]
Language = Annotated[str, typer.Argument(help="Two small letters, e.g. fr; default: for who has no language.")]


@app.command("list")
def list_prompts(
    every: Annotated[bool, typer.Option("--all", help="The names of all prompts that can be replaced.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """The own prompts."""
    from callrec.domain.prompts import SPOKEN, TONES
    from callrec.web.api.prompts import prompt_row

    found: list[Row] = [prompt_row(one) for one in asyncio.run(_prompts().every())]
    if every:
        owned = {row["name"] for row in found}
        found += [{"name": name} for name in (*SPOKEN, *TONES) if name not in owned]
    print_rows(found, COLUMNS, as_json=as_json)


@app.command("set")
def set_prompt(
    name: Name,
    language: Language,
    file: Annotated[Path, typer.Argument(help="A WAV file of at most 30 s, of any rate.")],
    as_json: bool = JSON_OPTION,
) -> None:
    """Set an own prompt: it is converted, and played from the next time on."""
    from callrec.domain.errors import Refused
    from callrec.domain.prompts import LARGEST_BYTES
    from callrec.web.api.prompts import prompt_row

    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise Refused("file-unreadable", f"{file} cannot be read: {error.strerror}") from error
    _log(name, language)
    print_rows([prompt_row(asyncio.run(_prompts().put(name, language, content)))], COLUMNS, as_json=as_json)


@app.command("remove")
def remove_prompt(name: Name, language: Language) -> None:
    """Remove an own prompt: callrec's is played again."""
    _log(name, language)
    asyncio.run(_prompts().remove(name, language))


@app.command("export")
def export_prompt(
    name: Name,
    language: Language,
    file: Annotated[Path, typer.Argument(help="Where its WAV file is written. An existing file is refused.")],
) -> None:
    """Write the WAV file of an own prompt, as Asterisk plays it."""
    from callrec.domain.errors import Refused

    content = asyncio.run(_prompts().read(name, language))
    try:
        with file.open("xb") as opened:
            opened.write(content)
    except OSError as error:
        raise Refused("file-unwritable", f"{file} cannot be written: {error.strerror}") from error


def _log(name: str, language: str) -> None:
    """Return when the audit log has this command. Raises Refused for a prompt that there cannot be, and as `log_command`."""
    from callrec.domain.prompts import check_replaceable

    check_replaceable(name, language)
    log_command(Action.SETTINGS_CHANGED, subject=f"prompt:{name}/{language}")


def _prompts() -> "Prompts":
    from callrec.wiring.prompts import prompts_of

    return prompts_of(settings())
