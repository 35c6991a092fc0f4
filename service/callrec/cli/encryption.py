"""`callrec encryption`: master keys, encrypting the recordings that are there, and wrapping their keys again."""

import base64
import os
import secrets
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.exit_codes import FOUND, plain
from callrec.cli.print_formats import JSON_OPTION, Row, print_json, print_rows
from callrec.cli.store import settings
from callrec.domain.access.audit import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from callrec.adapters.disk.monitor_directory import MonitorLibrary
    from callrec.app.library.catalog import Finding
    from callrec.app.library.encryption.encrypting import Counted, Done
    from callrec.config import Settings
    from callrec.domain.calls.ids import RecordingId

COLUMNS = ("key", "current", "available", "recordings")
BEHIND = 10
"""The nice value: calls come first."""

app = typer.Typer(
    help="Encryption of recordings on disk: make a master key, encrypt older recordings, change the master key.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("new-key")
def new_key(
    name: Annotated[str, typer.Argument(help="Its id: 1 to 40 letters, digits or . _ - By default the date.")] = "",
) -> None:
    """Print a line with a new master key. It is stored nowhere: put it where CALLREC_ENCRYPTION_KEYS leads, and into a safe."""
    from callrec.protocols.encrypted_file import KEY_BYTES
    from callrec.protocols.key_file import MASTER_ID

    name = name or f"{datetime.now(UTC):%Y-%m-%d}-{secrets.token_hex(2)}"
    if not MASTER_ID.fullmatch(name):
        raise typer.BadParameter("1 to 40 letters, digits or . _ -, the first a letter or digit", param_hint="NAME")
    typer.echo(f"{name} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}")


@app.command()
def status(as_json: bool = JSON_OPTION) -> None:
    """How many recordings need which master key, and how many are not encrypted. A key that none needs may go."""
    from callrec.app.library.encryption.encrypting import counted
    from callrec.domain.errors import CallrecError
    from callrec.wiring.encryption import library_of, master_keys

    read = settings()
    masters, why_not = master_keys(read), ""
    ids: tuple[str, ...] = ()
    try:
        if masters is not None:
            masters.look()
            ids = masters.ids()
    except CallrecError as error:
        why_not = str(error)
    found = counted(library_of(read, masters))
    _print_status(read, ids, found, why_not, as_json=as_json)
    if found.findings or why_not or not found.needed.keys() <= set(ids):
        raise typer.Exit(FOUND)


def _print_status(read: "Settings", ids: "Sequence[str]", found: "Counted", why_not: str, *, as_json: bool) -> None:
    names = [*ids, *sorted(found.needed.keys() - set(ids))]
    rows: list[Row] = [
        {"key": one, "current": one in ids[:1], "available": one in ids, "recordings": found.needed[one]}
        for one in names
    ]
    findings = _rows_of(found.findings)
    if as_json:
        said = {"encryption": read.encryption, "keys": rows, "plain": found.plain, "findings": findings}
        print_json({**said, **({"why_not": why_not} if why_not else {})})
        return
    print_rows(rows, COLUMNS, as_json=False)
    if findings:
        print_rows(findings, ("code", "path", "message"), as_json=False)
    if why_not:
        typer.echo(f"callrec: {plain(why_not)}", err=True)
    new = "encrypted" if read.encryption else "not encrypted"
    typer.echo(f"not encrypted: {found.plain}; new recordings are {new}", err=True)


@app.command()
def encrypt(as_json: bool = JSON_OPTION) -> None:
    """Encrypt the recordings that are there, beside the running daemon. May be broken off, and run again."""
    from callrec.adapters.daemon_api import DaemonApi
    from callrec.adapters.disk.encryptable_library import DiskEncryptableLibrary
    from callrec.adapters.disk.folder_lock import holder_of
    from callrec.adapters.disk.journal_reader import UnfinishedRecordings
    from callrec.app.library.encryption.encrypting import EncryptingPorts, encrypt_all
    from callrec.domain.errors import Refused, Unavailable

    read, library = _library()
    if not read.encryption:
        says = "CALLREC_ENCRYPTION is off, so that new recordings would not be encrypted"
        raise Refused("encryption-off", says, hint="turn it on, for the daemon and for this command")
    if holder_of(read.spool_dir) is None:
        raise Unavailable("daemon-away", "the daemon does not run, and it writes the audit entries", hint="start it")
    log_command(Action.SETTINGS_CHANGED, subject="encryption:recordings")

    def enter(paths: "Sequence[str]") -> None:
        DaemonApi(read.state_dir).ask("POST", "/api/v1/recordings/encrypted/enter", {"paths": list(paths)})

    live = UnfinishedRecordings(read.state_dir / "journal")
    ports = EncryptingPorts(library, DiskEncryptableLibrary(library), live, enter, _entered(read))
    os.nice(BEHIND)
    _print_done(encrypt_all(ports), "encrypted", as_json=as_json)


@app.command()
def rotate(as_json: bool = JSON_OPTION) -> None:
    """Wrap the key of each recording with the current master key; no audio is read or written. May be run again."""
    from callrec.adapters.disk.encryptable_library import DiskEncryptableLibrary
    from callrec.app.library.encryption.encrypting import rotate as rotated

    _, library = _library()
    log_command(Action.SETTINGS_CHANGED, subject="encryption:keys")
    _print_done(rotated(library, DiskEncryptableLibrary(library)), "rotated", as_json=as_json)


def _library() -> "tuple[Settings, MonitorLibrary]":
    """The library of this system user, with a master key that can encrypt. Raises Refused, Misconfigured, Unavailable."""
    from callrec.domain.errors import Refused, Unavailable
    from callrec.wiring.encryption import library_of, master_keys

    read = settings()
    if read.monitor_dir.exists() and read.monitor_dir.stat().st_uid != os.geteuid():
        says = f"{read.monitor_dir} belongs to the user {read.monitor_dir.owner()}, who could not read the new files"
        raise Refused("encryption-owner", says, hint=f"run it as {read.monitor_dir.owner()}")
    masters = master_keys(read)
    if masters is None:
        says = "CALLREC_ENCRYPTION_KEYS is not set"
        raise Unavailable("encryption-keys-away", says, hint="set it to where the master keys are")
    masters.current()
    return read, library_of(read, masters)


def _entered(read: "Settings") -> "Callable[[RecordingId, str], bool]":
    """Whether the audit log has this record of a recording's encryption. The log is read once."""
    from callrec.adapters.audit.log import FOLDER
    from callrec.adapters.audit.log_reader import DiskLogReader
    from callrec.app.access.audit_log.log_check import check_log
    from callrec.domain.library.encryption import PART

    entries = check_log(DiskLogReader(read.state_dir / FOLDER)).entries
    last = {entry.recording: {one.sha256 for one in entry.files if one.part == PART} for _, entry in entries}
    return lambda recording, digest: digest in last.get(recording, ())


def _print_done(steps: "Iterable[Done]", what: str, *, as_json: bool) -> None:
    from callrec.app.library.encryption.encrypting import Done

    done = Done()
    for done in steps:
        if sys.stderr.isatty():
            typer.echo(f"\r{what}: {done.changed}, unchanged: {done.unchanged}", err=True, nl=False)
    findings = _rows_of(done.findings)
    if as_json:
        print_json({what: done.changed, "unchanged": done.unchanged, "findings": findings})
    else:
        if findings:
            print_rows(findings, ("code", "path", "message"), as_json=False)
        start = "\r" if sys.stderr.isatty() else ""
        typer.echo(
            f"{start}{what}: {done.changed}, unchanged: {done.unchanged}, findings: {len(findings)}",
            err=bool(findings) or bool(start),
        )
    if findings:
        raise typer.Exit(FOUND)


def _rows_of(found: "Sequence[Finding]") -> list[Row]:
    return [{"code": one.code, "path": plain(one.path), "message": plain(one.message)} for one in found]
