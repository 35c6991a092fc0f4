"""`callrec`: the table of all commands, and the way from an error to an exit code."""

import sys

import typer

from callrec import __version__
from callrec.cli import confgen, contexts, daemon, extensions, keys, recordings, roles, users
from callrec.cli.ending import exit_code, sentence
from callrec.cli.output import READER_GONE, answers, complaints
from callrec.domain.errors import CallrecError

app = typer.Typer(
    name="callrec",
    help="Call recording for Asterisk that people can trust. Exit codes: 0 done, 1 refused or found something, 2 usage or"
    " settings, 3 unavailable. Settings: docs/settings.md",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _all(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True)) -> None:
    pass


app.command("serve")(daemon.serve)
app.command("doctor")(daemon.doctor)
app.command("demo")(daemon.demo)
app.command("confgen")(confgen.confgen)
app.command("verify")(recordings.verify)
app.command("rebuild")(recordings.rebuild)
app.add_typer(users.app, name="users")
app.add_typer(contexts.app, name="contexts")
app.add_typer(roles.app, name="roles")
app.add_typer(extensions.app, name="extensions")
app.add_typer(keys.app, name="keys")
app.add_typer(recordings.app, name="recordings")


def main() -> None:
    """Run the command line; every error of ours becomes one sentence on stderr and its exit code."""
    with complaints():
        try:
            with answers():
                app()
        except (CallrecError, BaseExceptionGroup) as error:
            ours = _first_of_ours(error)
            if ours is None:
                raise
            if ours.code != READER_GONE:
                typer.echo(f"callrec: {sentence(ours)}", err=True)
            sys.exit(exit_code(ours))


def _first_of_ours(error: BaseException) -> CallrecError | None:
    """Ours, also out of a group that holds nothing else; None for anything with a defect in it."""
    if isinstance(error, CallrecError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    found = [_first_of_ours(inner) for inner in error.exceptions]
    return found[0] if None not in found else None
