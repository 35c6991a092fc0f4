"""`callrec recordings`, `verify` and `rebuild`: list the stored recordings, check them, and rebuild their index."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.exit_codes import FOUND
from callrec.cli.print_formats import JSON_OPTION, Row, print_fields, print_json, print_rows
from callrec.cli.store import settings, with_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from callrec.app.library.catalog import Finding
    from callrec.config import Settings

COLUMNS = ("id", "start", "length_s", "state", "rule", "numbers", "path")

app = typer.Typer(help="Recordings: list, show.", no_args_is_help=True, rich_markup_mode=None)
Time = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Local time.")]


@app.command("list")
def list_recordings(
    since: Time = None,
    until: Time = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    as_json: bool = JSON_OPTION,
) -> None:
    """Stored recordings, newest first."""
    found = with_store(
        lambda store: store.recordings(from_s=_epoch(since), to_s=_epoch(until), offset=offset, limit=limit)
    )
    print_rows([_row(entry) for entry in found], COLUMNS, as_json=as_json)


@app.command()
def show(recording: Annotated[str, typer.Argument(help="Its id.")], as_json: bool = JSON_OPTION) -> None:
    """One recording's entry in the index."""
    from callrec.domain.errors import Refused

    entry = with_store(lambda store: store.recording(recording))
    if entry is None:
        hint = "callrec recordings list; callrec rebuild when the index is not complete"
        raise Refused("no-such-recording", f"there is no recording {recording[:80]!r}", hint=hint)
    print_fields(_row(entry), as_json=as_json)


def verify(as_json: bool = JSON_OPTION) -> None:
    """Read every stored recording and compare it with its sidecar. May run beside the daemon."""
    from callrec.adapters.disk.journal_reader import UnfinishedRecordings
    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.adapters.disk.spool import DiskSpool
    from callrec.adapters.media.encode import PyAvEncoder
    from callrec.app.library import catalog

    read = settings()
    live = UnfinishedRecordings(read.state_dir / "journal")
    report = catalog.verify(MonitorLibrary(read.monitor_dir), DiskSpool(read.spool_dir), PyAvEncoder(), live)
    found = [*_other_daemon(read), *report.findings]
    _print_findings(report.recordings, found, as_json=as_json, counted="recordings")


def _other_daemon(read: "Settings") -> "Iterator[Finding]":
    """A finding when the daemon of this spool has its journal in another state folder: without that journal, `verify` would
    report the captures of running calls as orphan files."""
    from callrec.adapters.disk.folder_lock import holder_of
    from callrec.app.library.catalog import Finding

    holder, state = holder_of(read.spool_dir), str(read.state_dir.absolute())
    if holder and holder.get("state", state) != state:
        says = f"the daemon of this spool keeps its journal in {holder['state']}: set CALLREC_STATE_DIR to it (now {state})"
        yield Finding("other-journal", str(read.spool_dir), says)


def rebuild(as_json: bool = JSON_OPTION) -> None:
    """Rebuild the index in Redis from the recordings on disk. May run beside the daemon."""
    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.app.library import catalog

    monitor = MonitorLibrary(settings().monitor_dir)
    done = with_store(lambda store: catalog.rebuild(monitor, store))
    _print_findings(done.recordings, done.findings, as_json=as_json, counted="recordings indexed")


def _print_findings(recordings: int, found: "Sequence[Finding]", *, as_json: bool, counted: str) -> None:
    """Print the findings and the number of recordings. Ends the command with exit code 1 when there are findings."""
    findings = [{"code": one.code, "path": one.path, "message": one.message} for one in found]
    if as_json:
        print_json({"recordings": recordings, "findings": findings})
    else:
        if findings:
            print_rows(findings, ("code", "path", "message"), as_json=False)
        typer.echo(f"{counted}: {recordings}, findings: {len(findings)}", err=bool(findings))
    if findings:
        raise typer.Exit(FOUND)


def _row(entry: "Mapping[str, str]") -> Row:
    """An index entry as a row: the start as ISO 8601 in local time with its UTC offset, what is JSON as lists."""
    row: dict[str, object] = dict(entry)
    start = datetime.fromtimestamp(float(entry.get("start_s") or 0)).astimezone()
    row["start"] = start.isoformat(timespec="seconds")
    for name in ("numbers", "users"):
        row[name] = json.loads(entry.get(name) or "[]")
    for name in ("quality", "told", "tracks"):
        if name in entry:
            row[name] = json.loads(entry[name])
    return row


def _epoch(at: datetime | None) -> float | None:
    return at.timestamp() if at else None  # a time without a zone is in this machine's
