"""`callrec confgen`: Asterisk's files from the tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.ending import FOUND, plain
from callrec.cli.printing import JSON_OPTION, print_json, print_rows
from callrec.cli.store import settings, with_store

if TYPE_CHECKING:
    from callrec.adapters.redis.store import RedisStore
    from callrec.app.confgen import Generated
    from callrec.config import Settings


def confgen(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="The folder that Asterisk includes; CALLREC_CONFGEN_DIR when not said.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which files differ; change nothing.")] = False,
    no_reload: Annotated[bool, typer.Option("--no-reload", help="Write the files, and leave Asterisk alone.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write Asterisk's users_*.conf from the tables where they differ, reload them, and make sure that Asterisk runs them."""
    from callrec.domain.errors import Misconfigured

    read = settings()
    place = folder or read.confgen_dir
    if place is None:
        raise Misconfigured("confgen-dir", "No folder is named", hint="say --dir, or set CALLREC_CONFGEN_DIR")
    generated = with_store(lambda store: _generate(store, read, place, dry_run=dry_run, reload=not no_reload))
    _print(generated, as_json=as_json)
    if generated.left_out:
        raise typer.Exit(FOUND)


async def _generate(store: "RedisStore", read: "Settings", folder: Path, *, dry_run: bool, reload: bool) -> "Generated":
    from callrec.adapters.asterisk.conf_reading import LIMITS, AmiReading
    from callrec.adapters.asterisk.link import LinkState
    from callrec.adapters.disk.conf_folder import DiskConfFolder
    from callrec.app.confgen import Confgen
    from callrec.cli.links import manager_link, opened
    from callrec.domain.errors import Unavailable

    files = DiskConfFolder(folder)
    if dry_run:
        return await Confgen(files, None).look(await store.tables())
    if not reload:
        return await Confgen(files, None, on_wait=_waiting).generate(store.tables)
    link = manager_link(read, LIMITS)
    async with opened(link):
        if link.state is not LinkState.UP:
            hint = "nothing was written; --no-reload writes without Asterisk"
            raise Unavailable("ami-down", f"Asterisk's manager cannot be asked: {link.state_reason}", hint=hint)
        return await Confgen(files, AmiReading(link), on_wait=_waiting).generate(store.tables)


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
