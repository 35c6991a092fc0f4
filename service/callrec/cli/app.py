"""`callrec`: the table of all commands, and the exit code of each error."""

import sys

import typer

from callrec import __version__
from callrec.cli import (
    accounts,
    adoption,
    annotations,
    audit,
    backup,
    calls,
    confgen,
    contexts,
    doctor,
    encryption,
    erasures,
    exports,
    extensions,
    groups,
    holds,
    incalls,
    keys,
    places,
    profiles,
    prompts,
    recordings,
    retention,
    roles,
    serve,
    users,
    webhooks,
)
from callrec.cli.exit_codes import exit_code, sentence
from callrec.cli.output import READER_GONE, answers, complaints
from callrec.domain.errors import CallrecError

app = typer.Typer(
    name="callrec",
    help="Call recording for Asterisk. Exit codes: 0 done, 1 refused or found something, 2 usage or settings,"
    " 3 unavailable. Settings: docs/settings.md",
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


app.command("serve")(serve.serve)
app.command("doctor")(doctor.doctor)
app.command("confgen")(confgen.confgen)
app.command("verify")(recordings.verify)
app.command("rebuild")(recordings.rebuild)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.add_typer(users.app, name="users")
app.add_typer(contexts.app, name="contexts")
app.add_typer(incalls.app, name="incalls")
app.add_typer(places.app, name="places")
app.add_typer(profiles.app, name="profiles")
app.add_typer(roles.app, name="roles")
app.add_typer(groups.app, name="groups")
app.add_typer(accounts.app, name="accounts")
app.add_typer(extensions.app, name="extensions")
app.add_typer(keys.app, name="keys")
app.add_typer(calls.app, name="calls")
annotations.add_to(recordings.app)
erasures.add_to(recordings.app)
holds.add_to(recordings.app)
recordings.app.command("adopt")(adoption.adopt)
exports.add_to(recordings.app)
app.add_typer(recordings.app, name="recordings")
app.add_typer(retention.app, name="retention")
app.add_typer(audit.app, name="audit")
app.add_typer(encryption.app, name="encryption")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(prompts.app, name="prompts")


def main() -> None:
    """Run the command line. Each CallrecError becomes one sentence on stderr and an exit code."""
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
    """The CallrecError, or the first one of a group that has only such errors; None otherwise: that is a defect."""
    if isinstance(error, CallrecError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    found = [_first_of_ours(inner) for inner in error.exceptions]
    return found[0] if None not in found else None
