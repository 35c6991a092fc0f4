"""`callrec serve`, `doctor` and `demo`: the daemon itself, and whether it has what it needs."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import typer

from callrec.cli.ending import plain
from callrec.cli.printing import JSON_OPTION, print_json

if TYPE_CHECKING:
    from callrec.app.doctor import Finding


def serve() -> None:
    """Run the daemon in the foreground until SIGTERM or Ctrl-C."""
    from callrec.adapters.system import has_terminal

    if not has_terminal():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it has its own answer to it: starting takes a second
    from callrec.adapters.disk.token import kept_token
    from callrec.config import read_settings
    from callrec.observe.logs import set_up_logs
    from callrec.wiring import serve as run

    settings = read_settings()
    token = kept_token(settings.state_dir)
    secrets = [*settings.secrets(), token]
    # The logs count for themselves which lines are lost: so not the stderr that hides it.
    close = set_up_logs(
        level=settings.log_level, personal=settings.log_personal, secrets=secrets, stream=sys.__stderr__
    )
    try:
        asyncio.run(run(settings, token))
    finally:
        close()


def demo() -> None:
    """A real call between two simulated phones, recorded and listened to; needs nothing running."""
    from callrec.lab.demo import main

    raise typer.Exit(main())


def doctor(as_json: bool = JSON_OPTION) -> None:
    """Look whether everything that callrec needs is there, and say what to write where it is not. Changes nothing."""
    from callrec.app.doctor import Finding, Verdict, exit_code
    from callrec.cli.examination import examine
    from callrec.cli.store import settings
    from callrec.domain.errors import Misconfigured

    try:
        findings = asyncio.run(examine(settings()))
    except Misconfigured as error:
        findings = [Finding("settings", Verdict.WRONG, error.message, error.hint)]
    if as_json:
        print_json(
            [
                {"check": one.check, "verdict": one.verdict.value, "says": one.says, "write": one.write}
                for one in findings
            ]
        )
    else:
        for one in findings:
            _print_finding(one)
    raise typer.Exit(exit_code(findings))


def _print_finding(one: "Finding") -> None:
    typer.echo(f"{one.verdict.value:<7} {one.check}: {plain(one.says)}")
    for line in one.write.splitlines():
        typer.echo(f"          {plain(line)}")
