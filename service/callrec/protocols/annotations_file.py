"""The file `<name>.annotations.json` beside a sidecar: notes, tags, holds and the retention class of a recording.

These types are the format, frozen by tests/golden. Keys are written in this order. An older file may lack what is `NotRequired`.
"""

import json

from pydantic import FiniteFloat, TypeAdapter, ValidationError
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 - pydantic needs it below Python 3.12

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.annotations import Annotations, Hold, Note

SCHEMA = 1
_BACKUP = "restore the file from a backup"


class NoteFormat(TypedDict):
    """A note."""

    id: str
    text: str
    author: str
    made_s: FiniteFloat
    at_s: NotRequired[FiniteFloat | None]


class HoldFormat(TypedDict):
    """A hold."""

    id: str
    reason: str
    reference: str
    author: str
    since_s: FiniteFloat


class AnnotationsFormat(TypedDict):
    """The file."""

    schema: int
    recording: str
    revision: int
    notes: NotRequired[tuple[NoteFormat, ...]]
    tags: NotRequired[tuple[str, ...]]
    retention_class: NotRequired[str]
    holds: NotRequired[tuple[HoldFormat, ...]]
    salt: NotRequired[str]


_FILE = TypeAdapter(AnnotationsFormat)


def encode_annotations(annotations: Annotations) -> bytes:
    """The file's bytes: UTF-8 JSON, indented for people, a final newline. Half of a surrogate pair is written as `?`."""
    out: AnnotationsFormat = {
        "schema": SCHEMA,
        "recording": annotations.recording,
        "revision": annotations.revision,
        "notes": tuple(
            {"id": one.id, "text": one.text, "author": one.author, "made_s": one.made_s, "at_s": one.at_s}
            for one in annotations.notes
        ),
        "tags": annotations.tags,
        "retention_class": annotations.retention_class,
        "holds": tuple(
            {
                "id": one.id,
                "reason": one.reason,
                "reference": one.reference,
                "author": one.author,
                "since_s": one.since_s,
            }
            for one in annotations.holds
        ),
        "salt": annotations.salt,
    }
    return json.dumps(out, indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n"


def decode_annotations(content: bytes) -> Annotations:
    """Read the file. Raises Corrupt (`annotations-unreadable`, `annotations-schema`)."""
    try:
        found = _FILE.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Corrupt("annotations-unreadable", f"{where}: {first['msg']}", hint=_BACKUP) from error
    if not 1 <= found["schema"] <= SCHEMA:
        says = f"the annotations have another schema than 1 to {SCHEMA}, which this callrec knows"
        raise Corrupt("annotations-schema", says, hint="read them with the version that wrote them, or a newer one")
    return Annotations(
        recording=RecordingId(found["recording"]),
        revision=found["revision"],
        notes=tuple(
            Note(one["id"], one["text"], one["author"], one["made_s"], one.get("at_s"))
            for one in found.get("notes", ())
        ),
        tags=found.get("tags", ()),
        retention_class=found.get("retention_class", ""),
        holds=tuple(
            Hold(one["id"], one["reason"], one["reference"], one["author"], one["since_s"])
            for one in found.get("holds", ())
        ),
        salt=found.get("salt", ""),
    )
