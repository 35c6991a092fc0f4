"""`callrec users import`, `export` and `template`: user files.

These commands switch the garbage collector off: a large file becomes millions of objects that live until the command ends, and
scanning them took half of its time.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from callrec.cli.audit_entry import log_command
from callrec.cli.exit_codes import FOUND, plain
from callrec.cli.print_formats import JSON_OPTION, Row, print_json, print_rows
from callrec.cli.store import operator, request_id, settings, with_store
from callrec.domain.access.audit import Action
from callrec.domain.directory.user_file.foreign_files import FileFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callrec.app.directory.user_file.import_users import Imported, Tell
    from callrec.cli.store import Store
    from callrec.domain.directory.user_file.csv_text import RowError
    from callrec.domain.directory.user_file.foreign_files import Given
    from callrec.domain.errors import Refused

MOST_REMARKS = 1000
MOST_ROWS = 1000
"""The most rows printed as text; JSON has all."""
LARGE_BYTES = 256 * 1024
"""From this size on, a progress bar is shown on a terminal."""
_ROW = ("line", "what", "id", "name", "number", "fields")
_SECRET = ("number", "name", "secret", "what")


class Mode(StrEnum):
    """Whether rows add users, update users, or both."""

    ADD = "add"
    UPDATE = "update"
    MERGE = "merge"


def import_file(
    file: Annotated[Path, typer.Argument(help="The user file; - is standard input.")],
    *,
    mode: Annotated[
        Mode, typer.Option(help="add: each row is a new user; update: each row changes an existing user; merge: both.")
    ] = Mode.ADD,
    file_format: Annotated[
        FileFormat | None,
        typer.Option(
            "--format", help="Whose columns the file has. Default: callrec's, or whose header it certainly is."
        ),
    ] = None,
    context: Annotated[str, typer.Option(help="The context of lines, where FreePBX's file says none.")] = "default",
    language: Annotated[
        str, typer.Option(help="The language of a user with a mailbox, where the file says none.")
    ] = "en_US",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare everything, change nothing.")] = False,
    encoding: Annotated[str | None, typer.Option(help="The file's encoding, e.g. latin-1. Default: UTF-8.")] = None,
    secrets_file: Annotated[
        Path | None, typer.Option(help="Write generated secrets into this new file (mode 600) and do not print them.")
    ] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Add or change the users of a file. If any row has an error, nothing is changed and all errors are printed."""
    from callrec.app.directory.user_file.import_report import secrets_of
    from callrec.domain.directory.user_file.foreign_files import Given

    gc.disable()
    with refusal_printed(as_json=as_json), opened_file(file) as opened, _new_file(secrets_file) as secrets_to:
        given = Given(file_format, context, language)
        imported = _imported(opened, mode, encoding, given, dry_run=dry_run)
        if secrets_to:
            _write_secrets(secrets_to, list(secrets_of(imported)))
    _print_format(imported, is_told=file_format is not None)
    _print_imported(imported, mode, with_secrets=secrets_file is None, as_json=as_json)
    if imported.errors:
        raise typer.Exit(FOUND)


def export_file(
    file: Annotated[Path | None, typer.Argument(help="The file to write (mode 600). Default: standard output.")] = None,
    no_secrets: Annotated[bool, typer.Option("--no-secrets", help="Leave out every password and secret.")] = False,
) -> None:
    """Write all users as a user file; importing it creates the same users."""
    from callrec.app.directory.user_file.export_users import export_users

    gc.disable()
    log_command(Action.EXPORTED, subject="users:all")
    text, remarks = with_store(lambda store: export_users(store, secrets=not no_secrets))
    if file is None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    else:
        replace_file(file, text.encode())
    for remark in remarks[:MOST_REMARKS]:
        typer.echo(plain(f"user {remark.user}, {remark.name}: {remark.says}"), err=True)
    if remarks:
        typer.echo(
            f"callrec: {len(remarks)} values could not be exported as they are in the store (listed above)", err=True
        )
        raise typer.Exit(FOUND)


def template() -> None:
    """Print a user file with every column and one row as an example."""
    from callrec.domain.directory.user_file.export_rows import template as text

    typer.echo(text(), nl=False)


def _imported(opened: BinaryIO, mode: Mode, encoding: str | None, given: "Given", *, dry_run: bool) -> "Imported":
    from callrec.adapters.passwords import Argon2Passwords
    from callrec.app.directory.user_file.import_users import import_users
    from callrec.domain.directory.user_file.file_rules import Mode as Meaning

    identity = request_id()
    if not dry_run:
        log_command(Action.ACCOUNT_CHANGED)

    async def work(store: "Store") -> "Imported":
        with _progress(wanted=os.fstat(opened.fileno()).st_size >= LARGE_BYTES) as tell:
            return await import_users(
                store,
                lambda: content_of(opened),
                identity,
                passwords=Argon2Passwords(),
                mode=Meaning(mode.value),
                actor=operator(),
                encoding=encoding,
                given=given,
                dry_run=dry_run,
                tell=tell,
            )

    return with_store(work)


@contextmanager
def _progress(*, wanted: bool) -> Iterator["Tell"]:
    """A progress bar on stderr, only when stderr is a terminal."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda what, done, every: bar.update(task, description=what, completed=done, total=every or None)


@contextmanager
def opened_file(file: Path) -> Iterator[BinaryIO]:
    """The file, or standard input. Raises Refused when it cannot be opened."""
    from callrec.domain.errors import Refused

    if str(file) == "-":
        if sys.stdin is None:  # closed by the calling program
            raise Refused("file-unreadable", "cannot read -: standard input is closed")
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        raise _unreadable(file, error) from error
    with opened:
        yield opened


def content_of(opened: BinaryIO) -> bytes:
    """The file's bytes, at most one more than the import accepts. Raises Refused when the file cannot be read."""
    from callrec.app.directory.user_file.file_text import LARGEST_BYTES

    try:
        return opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(Path(opened.name), error) from error


def _unreadable(file: Path, error: OSError) -> "Refused":
    from callrec.domain.errors import Refused

    return Refused("file-unreadable", f"cannot read {file}: {error.strerror}")


@contextmanager
def _new_file(path: Path | None) -> Iterator[int | None]:
    """Create a file with mode 600, before the import changes anything; removed at the end when it is empty. Raises Refused when
    the file exists or cannot be created."""
    from callrec.domain.errors import Refused

    if path is None:
        yield None
        return
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        hint = "give the name of a file that does not exist yet, in a folder that you may write to"
        raise Refused("file-unwritable", f"cannot write {path}: {error.strerror}", hint=hint) from error
    try:
        yield opened
    finally:
        empty = os.fstat(opened).st_size == 0
        os.close(opened)
        if empty:
            path.unlink()


def _write_secrets(opened: int, secrets: "Sequence[Row]") -> None:
    from callrec.domain.directory.user_file.csv_text import written
    from callrec.domain.errors import Unavailable

    if not secrets:
        return
    try:
        with os.fdopen(os.dup(opened), "wb") as file:
            file.write(written([_SECRET, *([str(row[name]) for name in _SECRET] for row in secrets)]).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        hint = "callrec users export prints them"
        message = f"the users are imported, but their secrets could not be written: {error.strerror}"
        raise Unavailable("secrets-not-written", message, hint=hint) from error


def replace_file(path: Path, content: bytes) -> None:
    """Replace the file atomically; the new one has mode 600. Raises Refused."""
    from callrec.domain.errors import Refused

    if path.exists() and not path.is_file():
        raise Refused(
            "file-unwritable",
            f"{path} is not a regular file",
            hint="give a regular file, or no name: the export then goes to standard output",
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Refused("file-unwritable", f"cannot write {path}: {error.strerror}") from error


def _print_imported(imported: "Imported", mode: Mode, *, with_secrets: bool, as_json: bool) -> None:
    """Print the changes, then the generated secrets, then the errors and the counts."""
    from callrec.app.directory.user_file.import_report import conflicting, report, row_of, secrets_of, text_of
    from callrec.domain.directory.user_file.file_rules import Mode as Meaning

    if as_json:
        document = report(imported, Meaning(mode.value))
        for piece in text_of(document if with_secrets else document | {"secrets": []}, indent=2):
            typer.echo(piece, nl=False)
        typer.echo()
        return
    lines = [{"line": line, "what": "conflicting"} for line in conflicting(imported)]
    steps = (*imported.added, *imported.changed)
    rows: list[Row] = [*map(row_of, steps[:MOST_ROWS]), *lines]
    print_rows(rows[:MOST_ROWS], _ROW, as_json=False)
    if with_secrets:
        _print_secrets(list(secrets_of(imported)))
    _print_errors(imported.errors)
    would = "would be " if imported.dry_run else ""
    added, changed, unchanged = len(imported.added), len(imported.changed), len(imported.unchanged)
    counts = f"{added} {would}added, {changed} {would}changed, {unchanged} unchanged"
    left = f" (the first {MOST_ROWS} rows are shown)" if len(steps) + len(lines) > MOST_ROWS else ""
    typer.echo(counts + (f", {len(lines)} conflicting" if lines else "") + left, err=True)


def _print_format(imported: "Imported", *, is_told: bool) -> None:
    """Say whose file it was taken for, and what of it was not taken over."""
    from callrec.domain.directory.user_file.foreign_files import FileFormat

    if imported.format is not FileFormat.CALLREC and not is_told:
        typer.echo(f"callrec: taken for a file of {imported.format}: --format callrec if it is not", err=True)
    for left_out in imported.left_out:
        typer.echo(plain(f"not taken over: {left_out}"), err=True)


def _print_secrets(secrets: "Sequence[Row]") -> None:
    """Print the generated secrets. Those of lines are left out without generated files: Asterisk would not use them."""
    ours = [one for one in secrets if one["what"] != "line" or settings().confgen_dir is not None]
    if ours:
        print_rows(ours, _SECRET, as_json=False)
        typer.echo("These secrets are shown only now; callrec users export prints them, too.", err=True)
    if unused := len(secrets) - len(ours):
        typer.echo(
            f"{unused} lines had no linesecret and got a generated one, which only the files of callrec confgen use"
            " (CALLREC_CONFGEN_DIR is not set); the endpoints in your own files keep their secrets."
            " callrec users export prints the generated ones.",
            err=True,
        )


@contextmanager
def refusal_printed(*, as_json: bool) -> Iterator[None]:
    """Print the errors of a refused file, with --json on stdout, otherwise on stderr, and end with FOUND."""
    from callrec.app.directory.user_file.import_report import errors_of
    from callrec.domain.directory.user_file.csv_text import FileRefused

    try:
        yield
    except FileRefused as refused:
        if as_json:
            print_json(errors_of(refused.errors))
        else:
            _print_errors(refused.errors)
        raise typer.Exit(FOUND) from None


def _print_errors(errors: "Sequence[RowError]") -> None:
    """Print the first MOST_ERRORS errors and their number."""
    from callrec.app.directory.user_file.import_report import MOST_ERRORS

    for error in errors[:MOST_ERRORS]:
        typer.echo(plain(error), err=True)
    left = f" (the first {MOST_ERRORS} are shown)" if len(errors) > MOST_ERRORS else ""
    if errors:
        typer.echo(f"callrec: errors: {len(errors)}{left}; nothing was changed", err=True)
