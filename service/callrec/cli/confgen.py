"""`callrec confgen`: generate Asterisk's configuration files from the tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.exit_codes import FOUND, plain
from callrec.cli.print_formats import JSON_OPTION, print_json, print_rows
from callrec.cli.store import settings, with_store
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from callrec.app.asterisk.config_files import Generated
    from callrec.cli.store import Store
    from callrec.config import Settings


Folder = Annotated[
    Path | None,
    typer.Option("--dir", help="The folder whose files Asterisk includes. Default: CALLREC_CONFGEN_DIR."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list the files that differ; change nothing.")]
NoReload = Annotated[bool, typer.Option("--no-reload", help="Write the files without reloading Asterisk.")]
AcceptStore = Annotated[
    int | None,
    typer.Option(
        metavar="REVISION",
        min=0,
        help="Use the store's tables of this revision although the daemon has seen newer ones.",
    ),
]


def confgen(
    folder: Folder = None,
    dry_run: DryRun = False,
    no_reload: NoReload = False,
    accept_store: AcceptStore = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write those of Asterisk's users_*.conf that differ from the tables, reload them, and check that Asterisk runs them."""
    from callrec.domain.errors import Misconfigured

    read = settings()
    place = folder or read.confgen_dir
    if accept_store is not None and dry_run:
        raise typer.BadParameter("--accept-store cannot be combined with --dry-run, which changes nothing")
    if place is None and accept_store is None:
        raise Misconfigured(
            "confgen-dir", "no folder is set for Asterisk's files", hint="give --dir, or set CALLREC_CONFGEN_DIR"
        )

    if not dry_run:
        log_command(Action.SETTINGS_CHANGED, subject="tables:accepted" if accept_store is not None else "confgen:all")
    run = _Run(read, dry_run=dry_run, reload=not no_reload, accept=accept_store is not None)

    async def work(store: "Store") -> "Generated | None":
        if accept_store is not None:
            await _accept(store, read, accept_store)
        return await _generate(run, store, place) if place else None

    generated = with_store(work)
    if generated is None:
        typer.echo(
            "No file was written: neither --dir nor CALLREC_CONFGEN_DIR names a folder for Asterisk's files.", err=True
        )
        return
    _print(generated, as_json=as_json)
    if generated.left_out:
        raise typer.Exit(FOUND)


async def _accept(store: "Store", read: "Settings", revision: int) -> None:
    """Record the store's tables as the last ones seen. A daemon that waits for this decision finds it by itself."""
    from callrec.adapters.disk.mark_file import DiskMark
    from callrec.app.directory.accept_tables import accepted

    mark = await accepted(store, revision)
    DiskMark(read.state_dir).write(mark)
    typer.echo(f"Accepted: revision {mark.revision} of the tables.", err=True)


@dataclass(frozen=True)
class _Run:
    """One run of the command: its settings and options."""

    read: "Settings"
    dry_run: bool
    reload: bool
    accept: bool


async def _generate(run: _Run, store: "Store", folder: Path) -> "Generated":
    from callrec.adapters.asterisk.config_reload import LIMITS, AmiReading
    from callrec.adapters.asterisk.link import LinkState
    from callrec.adapters.disk.config_folder import DiskConfFolder
    from callrec.adapters.disk.mark_file import DiskMark
    from callrec.app.asterisk.config_files import Confgen
    from callrec.app.asterisk.config_source import StoredTables
    from callrec.cli.connections import opened
    from callrec.domain.errors import Unavailable
    from callrec.wiring.links import ami_link

    files, tables = DiskConfFolder(folder), StoredTables(store, None if run.accept else DiskMark(run.read.state_dir))
    if run.dry_run:
        confgen = Confgen(files, None)
        return await confgen.look((await tables(await confgen.written_from())).tables)
    if not run.reload:
        return await Confgen(files, None, on_wait=_waiting).generate(tables, accept=run.accept)
    link = ami_link(run.read, limits=LIMITS)
    async with opened(link):
        if link.state is not LinkState.UP:
            hint = "nothing was written; --no-reload writes without Asterisk"
            raise Unavailable("ami-down", f"Asterisk's manager (AMI) is not connected: {link.state_reason}", hint=hint)
        return await Confgen(files, AmiReading(link), on_wait=_waiting).generate(tables, accept=run.accept)


def _waiting() -> None:
    typer.echo("Another run of confgen is writing Asterisk's files: waiting until it ends.", err=True)


def _print(generated: "Generated", *, as_json: bool) -> None:
    files = [{"file": name, "state": state.value} for name, state in generated.files.items()]
    if as_json:
        left_out = [
            {"table": one.table, "row": one.row, "column": one.column, "code": one.code, "reason": one.reason}
            for one in generated.left_out
        ]
        print_json({"files": files, "left_out": left_out})
        return
    print_rows(files, ("file", "state"), as_json=False)
    if generated.did_nothing:
        typer.echo("All files are up to date.", err=True)
    for one in generated.left_out:
        typer.echo(f"left out: {plain(one)} ({plain(one.hint)})" if one.hint else f"left out: {plain(one)}", err=True)
