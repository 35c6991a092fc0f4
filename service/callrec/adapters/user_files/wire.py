"""The protocol of the two processes: a line of JSON for the job, some for its progress, one for the outcome, the document."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from callrec.adapters.redis.connection import Address
from callrec.app.directory.user_file.import_report import errors_of
from callrec.app.directory.user_file.jobs import FileErrors, Job
from callrec.domain.directory.user_file.csv_text import FileRefused
from callrec.domain.errors import CallrecError, Conflict, Corrupt, Misconfigured, OutcomeUnknown, Refused, Unavailable

_KINDS: Mapping[str, Callable[..., CallrecError]] = {
    kind.__name__: kind for kind in (Conflict, Refused, OutcomeUnknown, Unavailable, Corrupt, Misconfigured)
}


@dataclass(frozen=True, slots=True)
class Order:
    """A job, the store's address, and the open file with its content (-1: without content)."""

    job: Job
    address: Address
    file: int = -1


ORDER = TypeAdapter(Order)


def head_of(error: CallrecError) -> str:
    """The line for an error."""
    kind = next(name for name, kind in _KINDS.items() if isinstance(error, kind))  # type: ignore[arg-type] # they are classes
    said: dict[str, object] = {"kind": kind, "code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, FileRefused):
        said |= errors_of(error.errors)
    return json.dumps(said)


def head_done(left_out: int = 0) -> str:
    """The line before a document."""
    return json.dumps({"left_out": left_out})


def progress_line(step: str, done: int, whole: int) -> str:
    """A line before the head: what the job is doing, how much of it is done, of how much (0: unknown)."""
    return json.dumps({"step": step, "done": done, "all": whole})


def progress_of(line: bytes) -> tuple[str, int, int] | None:
    """What a line tells of the progress; None for the head."""
    said = json.loads(line)
    return (str(said["step"]), int(said["done"]), int(said["all"])) if "step" in said else None


def read_head(line: bytes) -> int:
    """The number of values that the document leaves out. Raises the error in the line."""
    said = json.loads(line)
    if "kind" not in said:
        return int(said["left_out"])
    if "errors" in said:
        raise FileErrors(said["message"], said["hint"], said["errors"], said["count"])
    raise _KINDS[said["kind"]](said["code"], said["message"], hint=said["hint"])
