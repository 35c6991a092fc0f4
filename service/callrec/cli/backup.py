"""`callrec backup` and `callrec restore`: an installation in a folder, and back."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.exit_codes import FOUND, plain
from callrec.cli.print_formats import JSON_OPTION, print_fields, print_json, print_rows
from callrec.cli.store import opened_tables, settings
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callrec.adapters.disk.backup_folder import DiskBackups, Folders
    from callrec.app.library.catalog import Finding
    from callrec.app.library.restore import Restored
    from callrec.config import Settings
    from callrec.domain.calls.ids import RecordingId

Folder = Annotated[Path, typer.Argument(help="The folder of the backups.")]


def backup(
    folder: Folder,
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: read every file of the newest one and compare it.")
    ] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Back up tables, library, audit log and keys, beside the daemon or without it. What has not changed takes no space again."""
    from callrec.app.library.backup import back_up, verify_backup

    read = settings()
    backups = _backups(folder, read)
    if not verify:
        log_command(Action.EXPORTED, subject="backup:all")
    if verify:
        newest = backups.newest()
        _print_verified(newest.head.recordings, list(verify_backup(newest)), as_json=as_json)
        return

    async def run() -> None:
        async with opened_tables(read) as tables:
            done = await back_up(backups, tables, read.node)
        said = {"made": _time(done.head.made_ms), "recordings": done.head.recordings, "missing": list(done.missing)}
        print_json(said) if as_json else print_fields(said, as_json=False)
        if done.missing:
            typer.echo(
                "callrec: the library lacks recordings that the audit log has: callrec verify names them", err=True
            )
            raise typer.Exit(FOUND)

    asyncio.run(run())


def restore(
    folder: Folder,
    erased: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False,
            help="What was erased after the backup: erased.db of the lost state folder, or a file with an id in each line.",
        ),
    ] = None,
    accept_damage: Annotated[
        bool, typer.Option("--accept-damage", help="Restore a damaged backup without its damaged files.")
    ] = False,
    as_json: bool = JSON_OPTION,
) -> None:  # fmt: skip
    """Restore the newest backup into an empty installation, before its daemon starts the first time."""
    from callrec.adapters.disk.folder_lock import holder_of
    from callrec.adapters.disk.installation import DiskInstallation
    from callrec.app.library.restore import restore as restored_from
    from callrec.domain.errors import Refused

    read = settings(restores=True)
    if holder_of(read.spool_dir) is not None:
        raise Refused(
            "daemon-runs", "the daemon runs: a backup is restored before it starts", hint="stop callrec serve"
        )
    newest, place = _backups(folder, read).newest(), DiskInstallation(_folders(read), erased)

    async def run() -> "tuple[Restored, Sequence[Finding]]":
        async with opened_tables(read) as tables:
            done = await restored_from(newest, place, tables, _progress, accept_damage=accept_damage)
        await _log_restored(read, done.erased)
        found = await _catalogued(read)
        place.end()
        return done, found

    done, found = asyncio.run(run())
    _print_restored(done, found, as_json=as_json)


def _print_restored(done: "Restored", found: "Sequence[Finding]", *, as_json: bool) -> None:
    findings = [_row(one) for one in (*done.lost, *found)]
    if as_json:
        print_json({"recordings": done.recordings, "erased": list(done.erased), "findings": findings})
    else:
        if findings:
            print_rows(findings, ("code", "path", "message"), as_json=False)
        typer.echo(
            f"recordings: {done.recordings}, stay erased: {len(done.erased)}, findings: {len(findings)}", err=True
        )
    if findings:
        raise typer.Exit(FOUND)


async def _log_restored(read: "Settings", erased: "Sequence[RecordingId]") -> None:
    """The audit entries of the restore and of what was left out, in the restored log."""
    from callrec.adapters.audit.log import FOLDER, DiskAuditLog
    from callrec.adapters.audit.log_reader import DiskLogReader
    from callrec.adapters.system import SystemClock
    from callrec.app.access.audit_log.log_check import check_log
    from callrec.app.library.restore import entries_of_restore

    path = read.state_dir / FOLDER
    if not path.exists():
        return
    checked = check_log(DiskLogReader(path)).entries
    last = {entry.recording: entry.action for _, entry in checked}
    log = DiskAuditLog(path, f"callrec/{read.node}", SystemClock())
    log.open()
    try:
        await log.append(
            entries_of_restore([one for one in erased if last.get(one) is not Action.ERASED], str(os.geteuid()))
        )
    finally:
        await log.close()


async def _catalogued(read: "Settings") -> "Sequence[Finding]":
    """Make the catalogue, and compare the library with the audit log; what is wrong."""
    from callrec.adapters.audit.log import FOLDER
    from callrec.adapters.audit.log_reader import DiskLogReader
    from callrec.adapters.database.open_catalogue import open_catalogue
    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.app.access.audit_log.library_check import check_library
    from callrec.app.library import catalog

    library = MonitorLibrary(read.monitor_dir)
    async with open_catalogue(read.database_url, read.state_dir, read.node) as catalogue:
        rebuilt = await catalog.rebuild(library, catalogue)
    proof = await asyncio.to_thread(check_library, library, DiskLogReader(read.state_dir / FOLDER), ())
    return (*rebuilt.findings, *proof.findings)


def _print_verified(recordings: int, found: "Sequence[Finding]", *, as_json: bool) -> None:
    rows = [_row(one) for one in found]
    if as_json:
        print_json({"recordings": recordings, "findings": rows})
    else:
        if rows:
            print_rows(rows, ("code", "path", "message"), as_json=False)
        typer.echo(f"recordings: {recordings}, findings: {len(rows)}", err=bool(rows))
    if rows:
        raise typer.Exit(FOUND)


def _row(finding: "Finding") -> dict[str, object]:
    return {"code": finding.code, "path": plain(finding.path), "message": plain(finding.message)}


def _backups(folder: Path, read: "Settings") -> "DiskBackups":
    from callrec.adapters.disk.backup_folder import DiskBackups

    return DiskBackups(folder, _folders(read))


def _folders(read: "Settings") -> "Folders":
    from callrec.adapters.disk.backup_folder import Folders

    return Folders(read.state_dir, read.monitor_dir, read.spool_dir, read.prompts_dir)


def _progress(what: str, done: int, every: int) -> None:
    """Progress on stderr, only on a terminal."""
    if sys.stderr.isatty():
        share = f" {done}/{every}" if every else ""
        typer.echo(f"\r{what}{share}", err=True, nl=False)


def _time(made_ms: int) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(made_ms / 1000).astimezone().isoformat(timespec="seconds")
