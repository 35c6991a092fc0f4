"""`callrec confgen`: Asterisk's files from the tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.ending import FOUND, plain
from callrec.cli.printing import JSON_OPTION, print_json, print_rows
from callrec.cli.store import settings, with_store

if TYPE_CHECKING:
    from callrec.adapters.redis.store import RedisStore
    from callrec.app.confgen import Generated
    from callrec.app.tables_mark import Marked, TablesMark
    from callrec.config import Settings


def confgen(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="The folder that Asterisk includes; CALLREC_CONFGEN_DIR when not said.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which files differ; change nothing.")] = False,
    no_reload: Annotated[bool, typer.Option("--no-reload", help="Write the files, and leave Asterisk alone.")] = False,
    accept_store: Annotated[
        int | None,
        typer.Option(
            metavar="REVISION", min=0, help="Use the store's tables although they are older than those seen last."
        ),
    ] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write Asterisk's users_*.conf from the tables where they differ, reload them, and make sure that Asterisk runs them."""
    from callrec.domain.errors import Misconfigured

    read = settings()
    place = folder or read.confgen_dir
    if accept_store is not None and dry_run:
        raise typer.BadParameter("--accept-store decides, --dry-run only looks: say one of them")
    if place is None and accept_store is None:
        raise Misconfigured("confgen-dir", "No folder is named", hint="say --dir, or set CALLREC_CONFGEN_DIR")

    async def work(store: "RedisStore") -> "Generated | None":
        if accept_store is not None:
            await _accept(store, read, accept_store)
        if place is None:
            return None
        run = _Run(store, read, dry_run=dry_run, reload=not no_reload, accept=accept_store is not None)
        return await _generate(run, place)

    generated = with_store(work)
    if generated is None:
        typer.echo("No folder of Asterisk's files is named: none was written.", err=True)
        return
    _print(generated, as_json=as_json)
    if generated.left_out:
        raise typer.Exit(FOUND)


async def _accept(store: "RedisStore", read: "Settings", revision: int) -> None:
    """From now on these tables are the ones seen last; a daemon that waits for that word looks for it by itself."""
    from callrec.adapters.disk.mark_file import DiskMark
    from callrec.app.tables_mark import accepted

    mark = await accepted(store, revision)
    DiskMark(read.state_dir).write(mark)
    typer.echo(f"Accepted: revision {mark.revision} of the tables.", err=True)


@dataclass(frozen=True)
class _Run:
    """What a run has, and what was said about it."""

    store: "RedisStore"
    read: "Settings"
    dry_run: bool
    reload: bool
    accept: bool

    async def tables(self, written_from: "TablesMark | None") -> "Marked":
        """The tables, when they come after those that the daemon of this state folder saw last, and after those of the files."""
        from callrec.adapters.disk.mark_file import DiskMark
        from callrec.app.tables_mark import SEEN_LAST, WRITTEN_FROM, Marked, judge

        seen = None if self.accept else DiskMark(self.read.state_dir).read()
        snapshot = await self.store.snapshot(seen.event if seen else "")
        judge(seen, snapshot.standing, SEEN_LAST)
        if written_from:
            judge(written_from, await self.store.standing(written_from.event), WRITTEN_FROM)
        return Marked(snapshot.tables, snapshot.standing.mark)


async def _generate(run: _Run, folder: Path) -> "Generated":
    from callrec.adapters.asterisk.conf_reading import LIMITS, AmiReading
    from callrec.adapters.asterisk.link import LinkState
    from callrec.adapters.disk.conf_folder import DiskConfFolder
    from callrec.app.confgen import Confgen
    from callrec.cli.links import manager_link, opened
    from callrec.domain.errors import Unavailable

    files = DiskConfFolder(folder)
    if run.dry_run:
        confgen = Confgen(files, None)
        return await confgen.look((await run.tables(await confgen.written_from())).tables)
    if not run.reload:
        return await Confgen(files, None, on_wait=_waiting).generate(run.tables, accept=run.accept)
    link = manager_link(run.read, LIMITS)
    async with opened(link):
        if link.state is not LinkState.UP:
            hint = "nothing was written; --no-reload writes without Asterisk"
            raise Unavailable("ami-down", f"Asterisk's manager cannot be asked: {link.state_reason}", hint=hint)
        return await Confgen(files, AmiReading(link), on_wait=_waiting).generate(run.tables, accept=run.accept)


def _waiting() -> None:
    typer.echo("Another run is writing Asterisk's files: waiting for its end.", err=True)


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
        typer.echo("Nothing was to be done.", err=True)
    for one in generated.left_out:
        typer.echo(f"left out: {plain(one)} ({plain(one.hint)})" if one.hint else f"left out: {plain(one)}", err=True)
