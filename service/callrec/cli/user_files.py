"""`callrec users import`, `export` and `template`: user files in and out.

A large file is millions of objects that stay until the command ends: looking for garbage among them took half of its time, so
these commands switch the collector off.
"""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from callrec.cli.ending import FOUND, plain
from callrec.cli.printing import JSON_OPTION, Row, print_json, print_rows
from callrec.cli.store import operator, request_id, settings, with_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callrec.adapters.redis.store import RedisStore
    from callrec.app.importing import Imported, Tell
    from callrec.domain.provisioning.csv_text import FileRefused, RowError

MOST_REMARKS = 1000
MOST_ROWS = 1000
"""How many rows people are shown; JSON has all."""
LARGE_BYTES = 256 * 1024
"""From here on a terminal is shown how far the import is."""
_ROW = ("line", "what", "id", "name", "number", "fields")
_SECRET = ("number", "name", "secret", "what")


class Mode(StrEnum):
    """What the rows mean."""

    ADD = "add"
    UPDATE = "update"
    MERGE = "merge"


def import_file(
    file: Annotated[Path, typer.Argument(help="The user file; - is standard input.")],
    *,
    mode: Annotated[
        Mode, typer.Option(help="add: rows are new users; update: rows change users who are there; merge: both.")
    ] = Mode.ADD,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare everything, change nothing.")] = False,
    encoding: Annotated[str | None, typer.Option(help="When the file is not UTF-8, e.g. latin-1.")] = None,
    secrets_file: Annotated[
        Path | None, typer.Option(help="A new file, mode 600, for generated secrets, instead of showing them.")
    ] = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Add or change the users of a file: all of them, or every error and nothing."""
    from callrec.app.import_report import secrets_of
    from callrec.domain.provisioning.csv_text import FileRefused

    gc.disable()
    content = _content(file)
    try:
        with _new_file(secrets_file) as secrets_to:
            imported = _imported(content, mode, encoding, dry_run=dry_run)
            if secrets_to:
                _write_secrets(secrets_to, secrets_of(imported))
    except FileRefused as refused:
        _print_refusal(refused, as_json=as_json)
        raise typer.Exit(FOUND) from None
    _print_imported(imported, mode, with_secrets=secrets_file is None, as_json=as_json)
    if imported.errors:
        raise typer.Exit(FOUND)


def export_file(
    file: Annotated[Path | None, typer.Argument(help="Where to, mode 600; standard output without it.")] = None,
    no_secrets: Annotated[bool, typer.Option("--no-secrets", help="Leave out every password and secret.")] = False,
) -> None:
    """Write all users as a file that an import makes the same users of."""
    from callrec.app.exporting import export_users

    gc.disable()
    text, remarks = with_store(lambda store: export_users(store, secrets=not no_secrets))
    if file is None:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    else:
        _replace(file, text.encode())
    for remark in remarks[:MOST_REMARKS]:
        typer.echo(plain(f"user {remark.user}, {remark.name}: {remark.says}"), err=True)
    if remarks:
        typer.echo(f"callrec: {len(remarks)} things are not in the file as they are in the store", err=True)
        raise typer.Exit(FOUND)


def template() -> None:
    """Print a user file with every column and one row as an example."""
    from callrec.domain.provisioning.csv_export import template as text

    typer.echo(text(), nl=False)


def _imported(content: bytes, mode: Mode, encoding: str | None, *, dry_run: bool) -> "Imported":
    from callrec.adapters.passwords import Argon2Passwords
    from callrec.app.importing import import_users
    from callrec.domain.provisioning.csv_rules import Mode as Meaning

    identity = request_id()

    async def work(store: "RedisStore") -> "Imported":
        with _progress(wanted=len(content) >= LARGE_BYTES) as tell:
            return await import_users(
                store,
                content,
                identity,
                passwords=Argon2Passwords(),
                mode=Meaning(mode.value),
                actor=operator(),
                encoding=encoding,
                dry_run=dry_run,
                tell=tell,
            )

    return with_store(work)


@contextmanager
def _progress(*, wanted: bool) -> Iterator["Tell"]:
    """A bar on stderr, only where somebody looks at it."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        yield lambda what, done, every: bar.update(task, description=what, completed=done, total=every or None)


def _content(file: Path) -> bytes:
    """The file's bytes, one more than the importer takes at most. Raises Refused when it cannot be read."""
    from callrec.app.file_text import LARGEST_BYTES
    from callrec.domain.errors import Refused

    try:
        if str(file) == "-":
            if sys.stdin is None:  # closed by who called us
                raise Refused("file-unreadable", "cannot read -: standard input is closed")
            return cast("bytes", sys.stdin.buffer.read(LARGEST_BYTES + 1))
        with file.open("rb") as opened:
            return opened.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise Refused("file-unreadable", f"cannot read {file}: {error.strerror}") from error


@contextmanager
def _new_file(path: Path | None) -> Iterator[int | None]:
    """A file of ours alone, made before anything is changed; gone again when nothing was. Raises Refused when it is there."""
    from callrec.domain.errors import Refused

    if path is None:
        yield None
        return
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        hint = "secrets are never written over a file"
        raise Refused("file-unwritable", f"cannot write {path}: {error.strerror}", hint=hint) from error
    try:
        yield opened
    finally:
        empty = os.fstat(opened).st_size == 0
        os.close(opened)
        if empty:
            path.unlink()


def _write_secrets(opened: int, secrets: "Sequence[Row]") -> None:
    from callrec.domain.errors import Unavailable
    from callrec.domain.provisioning.csv_text import written

    if not secrets:
        return
    try:
        with os.fdopen(os.dup(opened), "wb") as file:
            file.write(written([_SECRET, *([str(row[name]) for name in _SECRET] for row in secrets)]).encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        hint = "callrec users export has them"
        message = f"the users are imported, but their secrets could not be written: {error.strerror}"
        raise Unavailable("secrets-not-written", message, hint=hint) from error


def _replace(path: Path, content: bytes) -> None:
    """The file in one piece, readable by its owner only. Raises Refused."""
    from callrec.domain.errors import Refused

    if path.exists() and not path.is_file():
        raise Refused(
            "file-unwritable", f"{path} is no file", hint="without a name, the export goes to standard output"
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
    """The difference, then what was generated, then the count."""
    from callrec.app.import_report import conflicting, report, row_of, secrets_of
    from callrec.domain.provisioning.csv_rules import Mode as Meaning

    if as_json:
        document = report(imported, Meaning(mode.value))
        print_json(document if with_secrets else document | {"secrets": []})
        return
    lines = [{"line": line, "what": "conflicting"} for line in conflicting(imported)]
    steps = (*imported.added, *imported.changed)
    rows: list[Row] = [*map(row_of, steps[:MOST_ROWS]), *lines]
    print_rows(rows[:MOST_ROWS], _ROW, as_json=False)
    if with_secrets:
        _print_secrets(secrets_of(imported))
    _print_errors(imported.errors)
    would = "would be " if imported.dry_run else ""
    added, changed, unchanged = len(imported.added), len(imported.changed), len(imported.unchanged)
    counts = f"{added} {would}added, {changed} {would}changed, {unchanged} unchanged"
    left = f" (the first {MOST_ROWS} rows are shown)" if len(steps) + len(lines) > MOST_ROWS else ""
    typer.echo(counts + (f", {len(lines)} conflicting" if lines else "") + left, err=True)


def _print_secrets(secrets: "Sequence[Row]") -> None:
    """What was made. A line's secret is only used where Asterisk's files come from the tables."""
    ours = [one for one in secrets if one["what"] != "line" or settings().confgen_dir is not None]
    if ours:
        print_rows(ours, _SECRET, as_json=False)
        typer.echo("These secrets are shown this once; callrec users export has them, too.", err=True)
    if unused := len(secrets) - len(ours):
        typer.echo(
            f"{unused} lines had no linesecret and got one, which only files of callrec confgen use"
            " (CALLREC_CONFGEN_DIR is not set); endpoints that you write keep theirs. callrec users export has it.",
            err=True,
        )


def _print_refusal(refused: "FileRefused", *, as_json: bool) -> None:
    """In JSON on stdout, since that is the answer then."""
    from callrec.app.import_report import errors_of

    if as_json:
        print_json(errors_of(refused.errors))
    else:
        _print_errors(refused.errors)


def _print_errors(errors: "Sequence[RowError]") -> None:
    """The first thousand, and how many there are."""
    from callrec.app.import_report import MOST_ERRORS

    for error in errors[:MOST_ERRORS]:
        typer.echo(plain(error), err=True)
    left = f" (the first {MOST_ERRORS} are shown)" if len(errors) > MOST_ERRORS else ""
    if errors:
        typer.echo(f"callrec: errors: {len(errors)}{left}; nothing was changed", err=True)
