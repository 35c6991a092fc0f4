"""User files over HTTP: one job at a time, in a process of its own.

A large file takes seconds of work and hundreds of megabytes, and the daemon's event loop must stay free for calls: it passes the
job to the other process and the answer back (`ports.directory.UserFiles`). `importing` and `exporting` run in that process.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from callrec.app.directory.idempotency import ChangeRequest
from callrec.app.directory.user_file.export_users import export_users
from callrec.app.directory.user_file.import_report import report, text_of
from callrec.app.directory.user_file.import_users import Tell, import_users, nothing_told
from callrec.app.ports.directory import Passwords, TableStore
from callrec.domain.directory.user_file.file_rules import Mode
from callrec.domain.directory.user_file.foreign_files import AS_IT_IS, FileFormat, Given
from callrec.domain.errors import Refused

CODE: Final = "file-refused"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """Import the file that is sent with the job."""

    change_request: ChangeRequest
    """The wording is that of the request without the file."""
    mode: Mode = Mode.ADD
    dry_run: bool = False
    encoding: str | None = None
    given: Given = AS_IT_IS


@dataclass(frozen=True, slots=True)
class ExportJob:
    """Export all users."""

    secrets: bool = False


Job = ImportJob | ExportJob


@dataclass(frozen=True, slots=True)
class Done:
    """A finished job."""

    chunks: AsyncIterator[bytes]
    """The result: JSON of an import, the file of an export. Raises Unavailable when it breaks off."""
    left_out: int = 0
    """The number of values that an export cannot express."""


class FileErrors(Refused):
    """A file that the other process refused: its first errors as JSON, and the number of all."""

    def __init__(self, message: str, hint: str, errors: list[dict[str, object]], count: int) -> None:
        super().__init__(CODE, message, hint=hint)
        self.errors, self.count = errors, count


async def importing(
    store: TableStore, job: ImportJob, content: Callable[[], bytes], passwords: Passwords, tell: Tell = nothing_told
) -> Iterator[str]:
    """The answer to an import of the bytes that `content` reads, as pieces of JSON: its report, or the counts of the same request
    executed before or meanwhile. `content` is called twice. Raises as `import_users` does."""
    digest = blake2b(job.change_request.wording.encode() + b"\n" + content(), digest_size=12).hexdigest()
    change_request = replace(job.change_request, wording=digest)
    if not job.dry_run and (before := await change_request.done_before(store)) is not None:
        return text_of(_repeated(job.mode, job.given.format or FileFormat.CALLREC, before))
    imported = await import_users(
        store,
        content,
        change_request.request_id,
        passwords=passwords,
        mode=job.mode,
        actor=change_request.actor,
        by=change_request.by,
        wording=change_request.wording if change_request.may_be_repeated else "",
        encoding=job.encoding,
        given=job.given,
        dry_run=job.dry_run,
        tell=tell,
    )
    if imported.before is not None:
        return text_of(_repeated(job.mode, job.given.format or FileFormat.CALLREC, imported.before))
    counts = _counts(len(imported.added), len(imported.changed), len(imported.unchanged))
    return text_of({"repeated": False, "counts": counts, **report(imported, job.mode)})


async def exporting(store: TableStore, job: ExportJob) -> tuple[str, int]:
    """The file's text, and the number of values that it cannot express."""
    text, remarks = await export_users(store, secrets=job.secrets)
    return text, len(remarks)


def _repeated(mode: Mode, file_format: FileFormat, before: str) -> dict[str, object]:
    rows: dict[str, list[object]] = {
        name: []
        for name in ("left_out", "added", "changed", "unchanged_lines", "conflicting_lines", "secrets", "errors")
    }  # fmt: skip
    counts = _counts(*map(int, before.split()))
    return {
        "repeated": True,
        "counts": counts,
        "dry_run": False,
        "mode": mode.value,
        "format": file_format.value,
        **rows,
        "count": 0,
    }


def _counts(added: int, changed: int, unchanged: int) -> dict[str, int]:
    return {"added": added, "changed": changed, "unchanged": unchanged}
