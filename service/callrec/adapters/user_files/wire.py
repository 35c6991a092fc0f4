"""The protocol of the two processes: one line of JSON for the job, one for its outcome, then the document."""

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


def read_head(line: bytes) -> int:
    """The number of values that the document leaves out. Raises the error in the line."""
    said = json.loads(line)
    if "kind" not in said:
        return int(said["left_out"])
    if "errors" in said:
        raise FileErrors(said["message"], said["hint"], said["errors"], said["count"])
    raise _KINDS[said["kind"]](said["code"], said["message"], hint=said["hint"])
