"""User files for whoever is not at this machine: one job at a time, done away from the calls.

A large file is seconds of work in hundreds of megabytes. The daemon's loop has calls to follow, so it only hands the job over
and passes the answer on (`UserFiles`); `importing` and `exporting` below are what is done elsewhere.
"""

import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

from callrec.app.asked import Asked
from callrec.app.exporting import export_users
from callrec.app.import_report import report
from callrec.app.importing import Passwords, import_users
from callrec.app.store_port import TableStore
from callrec.domain.errors import Refused
from callrec.domain.provisioning.csv_rules import Mode

CODE = "file-refused"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """Import the file that comes with it."""

    asked: Asked
    """Its wording says nothing of the file yet."""
    mode: Mode = Mode.ADD
    dry_run: bool = False
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class ExportJob:
    """Export all users."""

    secrets: bool = False


Job = ImportJob | ExportJob


@dataclass(frozen=True, slots=True)
class Done:
    """A job that is done."""

    chunks: AsyncIterator[bytes]
    """The document: JSON of an import, the file of an export. Raises Unavailable when it ends before its end."""
    left_out: int = 0
    """How many things an export does not say."""


class FileErrors(Refused):
    """A file that was refused elsewhere: the first of its errors as JSON says them, and how many there are."""

    def __init__(self, message: str, hint: str, errors: list[dict[str, object]], count: int) -> None:
        super().__init__(CODE, message, hint=hint)
        self.errors, self.count = errors, count


class UserFiles(Protocol):
    """Does jobs."""

    def done(self, job: Job, content: AsyncIterable[bytes] | None = None) -> AbstractAsyncContextManager[Done]:
        """Do this job. Raises Refused (FileErrors for what is wrong in the file), Unavailable: another job is being done, or
        the outcome is unknown."""
        ...


async def importing(store: TableStore, job: ImportJob, content: bytes, passwords: Passwords) -> str:
    """The answer to an import: the report, or what this very request did before, or meanwhile in another process. Raises
    what `import_users` does."""
    digest = blake2b(job.asked.wording.encode() + b"\n" + content, digest_size=12).hexdigest()
    asked = replace(job.asked, wording=digest)
    if not job.dry_run and (before := await asked.done_before(store)) is not None:
        return _dumped(_repeated(job.mode, before))
    imported = await import_users(
        store,
        content,
        asked.request_id,
        passwords=passwords,
        mode=job.mode,
        actor=asked.actor,
        wording=asked.wording if asked.may_be_repeated else "",
        encoding=job.encoding,
        dry_run=job.dry_run,
    )
    if imported.before is not None:
        return _dumped(_repeated(job.mode, imported.before))
    counts = _counts(len(imported.added), len(imported.changed), len(imported.unchanged))
    return _dumped({"repeated": False, "counts": counts, **report(imported, job.mode)})


async def exporting(store: TableStore, job: ExportJob) -> tuple[str, int]:
    """The file, and how many things it leaves out."""
    text, remarks = await export_users(store, secrets=job.secrets)
    return text, len(remarks)


def _repeated(mode: Mode, before: str) -> dict[str, object]:
    rows: dict[str, list[object]] = {
        name: []
        for name in ("added", "changed", "unchanged_lines", "conflicting_lines", "secrets", "errors")
    }  # fmt: skip
    counts = _counts(*map(int, before.split()))
    return {"repeated": True, "counts": counts, "dry_run": False, "mode": mode.value, **rows, "count": 0}


def _counts(added: int, changed: int, unchanged: int) -> dict[str, int]:
    return {"added": added, "changed": changed, "unchanged": unchanged}


def _dumped(document: dict[str, object]) -> str:
    return json.dumps(document, ensure_ascii=False)
