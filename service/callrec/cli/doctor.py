"""`callrec doctor`: check what the daemon needs."""

import asyncio
from typing import TYPE_CHECKING

import typer

from callrec.cli.exit_codes import plain
from callrec.cli.print_formats import JSON_OPTION, print_json
from callrec.cli.store import settings

if TYPE_CHECKING:
    from callrec.app.doctor.findings import Finding

VERDICTS = {"ok": "OK", "wrong": "FAILED", "unseen": "not checked", "closed": "unreachable"}
"""How a verdict of `--json` is printed as text."""


def doctor(as_json: bool = JSON_OPTION) -> None:
    """Check everything that callrec needs, and show what to write where something is wrong. Changes no setting."""
    from callrec.app.doctor.findings import Finding, Verdict, exit_code
    from callrec.cli.examination import examine
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
    typer.echo(f"{VERDICTS[one.verdict.value]:<11} {one.check}: {plain(one.says)}")
    for line in one.write.splitlines():
        typer.echo(f"            {plain(line)}")
