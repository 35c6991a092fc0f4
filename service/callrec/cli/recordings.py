"""`callrec recordings`, `verify` and `rebuild`: list the stored recordings, check them, and rebuild their catalogue."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.exit_codes import FOUND, plain, sentence
from callrec.cli.print_formats import JSON_OPTION, Row, print_fields, print_json, print_rows
from callrec.cli.store import has_store, settings, with_catalogue, with_store
from callrec.domain.access.audit import Action
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.library.search_keys import Heard
from callrec.domain.library.search_pages import Sort
from callrec.domain.rules import Rule, UserId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.app.library.catalog import Finding
    from callrec.app.ports.access import LogReader
    from callrec.app.ports.library import Catalogue
    from callrec.config import Settings
    from callrec.domain.library.search import Filter
    from callrec.domain.library.search_pages import Page, PageRequest

COLUMNS = ("id", "start", "length_s", "state", "rule", "numbers", "path")

app = typer.Typer(help="Stored recordings: find, hear, keep, erase.", no_args_is_help=True, rich_markup_mode=None)
Time = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Local time.")]


@app.command("list")
def list_recordings(  # noqa: PLR0917 - one parameter for each filter
    since: Time = None,
    until: Time = None,
    user: Annotated[str | None, typer.Option(help="The id of a participant.")] = None,
    number: Annotated[str, typer.Option(help="A participant's whole number.")] = "",
    number_part: Annotated[str, typer.Option(help="Three or more characters of a participant's number.")] = "",
    name: Annotated[str, typer.Option(help="A part of a participant's name, without regard to case and accents.")] = "",
    direction: Annotated[CallDirection | None, typer.Option()] = None,
    rule: Annotated[Rule | None, typer.Option(help="The rule by which it was made.")] = None,
    state: Annotated[
        StoredState | None, typer.Option(help="State of the recording: sound, partial, failed, unanswered or adopted.")
    ] = None,
    node: Annotated[str, typer.Option(help="The CALLREC_NODE that recorded it.")] = "",
    tag: Annotated[str, typer.Option()] = "",
    held: Annotated[
        bool | None,
        typer.Option("--held/--not-held", help="Only recordings under a legal hold; --not-held: only those without."),
    ] = None,
    heard: Annotated[Heard | None, typer.Option(help="Whether all have heard that they are recorded.")] = None,
    least_s: Annotated[float | None, typer.Option(min=0, help="The least length of the audio, in seconds.")] = None,
    most_s: Annotated[float | None, typer.Option(min=0, help="The greatest length.")] = None,
    sort: Annotated[Sort, typer.Option(help="-start: newest first.")] = Sort.NEWEST,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    count: Annotated[bool, typer.Option("--count", help="Print how many there are: exactly up to 10,000.")] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Stored recordings that meet all conditions."""
    from callrec.domain.library.search import Filter
    from callrec.domain.library.search_pages import PageRequest

    wanted = Filter(
        UserId(user) if user is not None else None,
        number=number, number_part=number_part, name=name, direction=direction, rule=rule, state=state, node=node, tag=tag,
        is_held=held, heard=heard, from_s=epoch(since), to_s=epoch(until), least_s=least_s, most_s=most_s,
    )  # fmt: skip
    log_command(Action.LISTED)
    if count:
        _print_count(wanted, as_json=as_json)
    else:
        _print_page(wanted, PageRequest(sort, limit, skip=offset), as_json=as_json)


def _print_page(wanted: "Filter", request: "PageRequest", *, as_json: bool) -> None:
    page = with_catalogue(lambda catalogue: _listed(catalogue, wanted, request))
    print_rows([_row(entry) for entry in page.entries], COLUMNS, as_json=as_json)


def _print_count(wanted: "Filter", *, as_json: bool) -> None:
    found = with_catalogue(lambda catalogue: catalogue.count(wanted))
    said = found.number if found.is_exact else f"more than {found.number}"
    print_json({"count": found.number, "exact": found.is_exact}) if as_json else typer.echo(said)


async def _listed(catalogue: "Catalogue", wanted: "Filter", request: "PageRequest") -> "Page":
    if not await catalogue.is_filled():
        typer.echo("callrec: the catalogue is not complete yet: the daemon fills it, or callrec rebuild does", err=True)
    return await catalogue.search(wanted, request)


@app.command()
def show(recording: Annotated[str, typer.Argument(help="Its id.")], as_json: bool = JSON_OPTION) -> None:
    """One recording's entry in the catalogue."""
    from callrec.domain.errors import Refused

    log_command(Action.SHOWN, recording=recording)
    entry = with_catalogue(lambda catalogue: catalogue.get(recording))
    if entry is None:
        hint = "callrec recordings list; callrec rebuild when the catalogue is not complete"
        raise Refused("no-such-recording", f"there is no recording {recording[:80]!r}", hint=hint)
    print_fields(_row(entry), as_json=as_json)


def verify(
    prove: Annotated[str, typer.Option(help="Write the evidence for this recording, and check nothing else.")] = "",
    into: Annotated[Path | None, typer.Option(help="The new folder for the evidence: evidence-ID by default.")] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Check every stored recording, its sidecar and the audit log. May run beside the daemon."""
    from callrec.adapters.audit.log import FOLDER
    from callrec.adapters.audit.log_reader import DiskLogReader
    from callrec.adapters.disk.journal_reader import UnfinishedRecordings
    from callrec.adapters.disk.spool import DiskSpool
    from callrec.adapters.media.encode import PyAvEncoder
    from callrec.app.access.audit_log.library_check import check_library
    from callrec.app.library import catalog
    from callrec.protocols.audit_entries import time_text
    from callrec.wiring.encryption import library_of

    read = settings()
    log = DiskLogReader(read.state_dir / FOLDER, read.audit_witness, read.audit_timestamp_ca)
    library = library_of(read)
    if prove:
        log_command(Action.EXPORTED, recording=prove)
        _write_evidence(library, log, prove, into or Path(f"evidence-{prove}"), as_json=as_json)
        return
    live = UnfinishedRecordings(read.state_dir / "journal")
    report = catalog.verify(library, DiskSpool(read.spool_dir), PyAvEncoder(library.contents), live)
    proof = check_library(library, log, live)
    found = [*_other_daemon(read), *report.findings, *proof.findings]
    counted = "recordings" if not proof.erased else f"erased: {proof.erased}, recordings"
    notes = [*proof.notes, *_unheard(report.unheard)]
    stamps: dict[str, object] = {}
    if proof.stamps:
        stamps = {"stamps": proof.stamps, "stamped": time_text(proof.stamped_ms)}
        counted = f"time stamps: {proof.stamps} (the last of {stamps['stamped']}), {counted}"
    _print_findings(
        report.recordings, found, as_json=as_json, counted=counted, notes=notes, erased=proof.erased, more=stamps
    )


def _unheard(recordings: int) -> "Iterator[Finding]":
    from callrec.app.library.catalog import Finding

    if recordings:
        says = (
            f"{recordings} encrypted recordings are on disk as they were stored; their content was not looked at, "
            "because their master key cannot be had here"
        )
        yield Finding("encryption-keys-away", "library", says)


def _write_evidence(
    library: "MonitorLibrary", log: "LogReader", recording: str, folder: Path, *, as_json: bool
) -> None:
    from callrec.adapters.audit.evidence_folder import write_evidence
    from callrec.app.access.audit_log.evidence import signed_evidence

    evidence = asyncio.run(signed_evidence(library, log, recording))
    write_evidence(evidence, folder, library.contents)
    if as_json:
        print_json({"recording": recording, "entry": evidence.index, "folder": str(folder)})
    else:
        typer.echo(
            f"audit entry {evidence.index}; the evidence is in {folder}: HOW-TO-CHECK.txt there says how to check it"
        )


def _other_daemon(read: "Settings") -> "Iterator[Finding]":
    """A finding when the daemon of this spool has its journal in another state folder: without that journal, `verify` would
    report the captures of running calls as orphan files."""
    from callrec.adapters.disk.folder_lock import holder_of
    from callrec.app.library.catalog import Finding

    holder, state = holder_of(read.spool_dir), str(read.state_dir.absolute())
    if holder and holder.get("state", state) != state:
        says = f"the daemon of this spool keeps its journal in {holder['state']}: set CALLREC_STATE_DIR to it (now {state})"
        yield Finding("other-journal", str(read.spool_dir), says)


def rebuild(
    schema: Annotated[
        int | None,
        typer.Option(
            min=0, help="Only change the catalogue's file to this version of its tables, for another callrec."
        ),
    ] = None,
    peaks: Annotated[
        bool,
        typer.Option("--peaks", help="Also measure each recording without a sound file of peaks: reads its audio."),
    ] = False,
    as_json: bool = JSON_OPTION,
) -> None:
    """Rebuild the catalogue from the recordings on disk. May run beside the daemon."""
    from callrec.adapters.database.erasure_file import ErasureFile
    from callrec.adapters.disk.folder_lock import holder_of
    from callrec.adapters.media.transcode import PyAvMeasurer
    from callrec.app.library import catalog
    from callrec.app.library.media import waveforms
    from callrec.domain.errors import Refused
    from callrec.wiring.encryption import library_of

    log_command(Action.SETTINGS_CHANGED, subject="catalogue:all")
    read = settings()
    if schema is not None:
        if holder_of(read.spool_dir) is not None:
            raise Refused("daemon-runs", "the daemon runs and uses the catalogue", hint="stop callrec serve first")
        with_catalogue(lambda catalogue: catalogue.migrate(schema))
        return
    monitor = library_of(read)
    done = with_catalogue(lambda catalogue: catalog.rebuild(monitor, catalogue, ErasureFile(read.state_dir)))
    _publish_rebuilt(done.recordings)
    findings = [*done.findings]
    if peaks:
        findings += [one for one in waveforms.make_missing(monitor, PyAvMeasurer(monitor.contents)) if one is not None]
    _print_findings(done.recordings, findings, as_json=as_json, counted="recordings indexed")


def _publish_rebuilt(recordings: int) -> None:
    """Tell those who follow the events, if there is a store; the catalogue is rebuilt all the same."""
    from callrec.domain.errors import CallrecError

    event = {"type": "recordings-rebuilt", "recordings": str(recordings)}
    try:
        if has_store():
            with_store(lambda store: store.publish(event))
    except CallrecError as error:
        typer.echo(f"callrec: the event recordings-rebuilt could not be published: {sentence(error)}", err=True)


def _print_findings(
    recordings: int,
    found: "Sequence[Finding]",
    *,
    as_json: bool,
    counted: str,
    notes: "Sequence[Finding]" = (),
    erased: int | None = None,
    more: "Mapping[str, object] | None" = None,
) -> None:
    """Print the findings, the notes and the number of recordings. Ends the command with exit code 1 when there are findings."""
    findings, noted = _rows_of(found), _rows_of(notes)
    if as_json:
        counts = {"recordings": recordings, **({} if erased is None else {"erased": erased}), **(more or {})}
        print_json({**counts, "findings": findings, **({"notes": noted} if noted else {})})
    else:
        if findings:
            print_rows(findings, ("code", "path", "message"), as_json=False)
        for note in noted:
            typer.echo(plain(f"note: {note['path']}: {note['message']}"), err=True)
        typer.echo(f"{counted}: {recordings}, findings: {len(findings)}", err=bool(findings))
    if findings:
        raise typer.Exit(FOUND)


def _rows_of(found: "Sequence[Finding]") -> list[Row]:
    return [{"code": one.code, "path": one.path, "message": one.message} for one in found]


def _row(entry: "Mapping[str, str]") -> Row:
    """An entry as a row: the start as ISO 8601 in local time with its UTC offset, what is JSON as lists."""
    row: dict[str, object] = dict(entry)
    start = datetime.fromtimestamp(float(entry.get("start_s") or 0)).astimezone()
    row["start"] = start.isoformat(timespec="seconds")
    for name in ("numbers", "users"):
        row[name] = json.loads(entry.get(name) or "[]")
    for name in ("names", "quality", "told", "tracks", "tags", "holds"):
        if name in entry:
            row[name] = json.loads(entry[name])
    return row


def epoch(at: datetime | None) -> float | None:
    """Unix time of a time on this machine's clock."""
    return at.timestamp() if at else None  # a time without a zone is in this machine's
