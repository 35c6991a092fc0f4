"""What the two processes tell each other: one line of JSON for the job, one for how it went, then the document as it is."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from callrec.adapters.redis.connection import Address
from callrec.app.import_report import errors_of
from callrec.app.user_files import FileErrors, Job
from callrec.domain.errors import CallrecError, Conflict, Corrupt, Misconfigured, OutcomeUnknown, Refused, Unavailable
from callrec.domain.provisioning.csv_text import FileRefused

_KINDS: Mapping[str, Callable[..., CallrecError]] = {
    kind.__name__: kind for kind in (Conflict, Refused, OutcomeUnknown, Unavailable, Corrupt, Misconfigured)
}


@dataclass(frozen=True, slots=True)
class Order:
    """A job, the store that it is done with, and the open file that its content is in (-1: it has none)."""

    job: Job
    address: Address
    file: int = -1


ORDER = TypeAdapter(Order)


def head_of(error: CallrecError) -> str:
    """The line that tells of an error."""
    kind = next(name for name, kind in _KINDS.items() if isinstance(error, kind))  # type: ignore[arg-type] # they are classes
    said: dict[str, object] = {"kind": kind, "code": error.code, "message": error.message, "hint": error.hint}
    if isinstance(error, FileRefused):
        said |= errors_of(error.errors)
    return json.dumps(said)


def head_done(left_out: int = 0) -> str:
    """The line before a document."""
    return json.dumps({"left_out": left_out})


def read_head(line: bytes) -> int:
    """How much the document leaves out. Raises the error that the line tells of."""
    said = json.loads(line)
    if "kind" not in said:
        return int(said["left_out"])
    if "errors" in said:
        raise FileErrors(said["message"], said["hint"], said["errors"], said["count"])
    raise _KINDS[said["kind"]](said["code"], said["message"], hint=said["hint"])
