"""The bytes of an audit entry, as they are hashed into the log and stand in its bundles: one JSON object without line breaks.

`{"v":1,"time":"2026-11-30T06:10:34.123Z","actor":{"kind":"account","id":"12"},"action":"listened","recording":"01jd-1"}`; what
is empty is left out. `address`, `reason` and `details` are digests. A newer version may add fields; readers ignore what they do
not know.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from callrec.domain.access.audit import MOST_FILES, Action, Actor, ActorKind, FileDigest, LoggedEntry, TextField
from callrec.domain.errors import Corrupt

VERSION: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Format(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _ActorFormat(_Format):
    kind: ActorKind
    id: str = ""


class _FileFormat(_Format):
    part: str
    sha256: _Digest
    bytes: Annotated[int, Field(ge=0)]


class _EntryFormat(_Format):
    v: Annotated[int, Field(ge=1)]
    time: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")]
    actor: _ActorFormat
    action: Action
    recording: str = ""
    subject: str = ""
    address: _Digest | None = None
    reason: _Digest | None = None
    details: _Digest | None = None
    files: Annotated[tuple[_FileFormat, ...], Field(max_length=MOST_FILES)] = ()


def encode_entry(entry: LoggedEntry) -> bytes:
    """The entry's bytes: ASCII, keys in the order of the format."""
    actor = {"kind": entry.actor.kind.value} | ({"id": entry.actor.id} if entry.actor.id else {})
    files = [{"part": one.part, "sha256": one.sha256, "bytes": one.bytes} for one in entry.files]
    document = {
        "v": VERSION,
        "time": time_text(entry.time_ms),
        "actor": actor,
        "action": entry.action.value,
        "recording": entry.recording,
        "subject": entry.subject,
        **{kind.value: entry.texts[kind] for kind in TextField if kind in entry.texts},
        "files": files,
    }
    return json.dumps({key: value for key, value in document.items() if value}, separators=(",", ":")).encode()


def decode_entry(content: bytes) -> LoggedEntry:
    """Read an entry. Raises Corrupt for what `encode_entry` of this version or a newer one cannot have written."""
    try:
        read = _EntryFormat.model_validate_json(content)
        return LoggedEntry(
            _time_ms(read.time),
            read.action,
            Actor(read.actor.kind, read.actor.id),
            read.recording,
            read.subject,
            {kind: digest for kind in TextField if (digest := getattr(read, kind.value))},
            tuple(FileDigest(one.part, one.sha256, one.bytes) for one in read.files),
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise Corrupt("audit-entry", f"not an audit entry of this version: {place}: {first['msg']}") from error
    except ValueError as error:
        raise Corrupt("audit-entry", f"not an audit entry: {error}") from error


def time_text(time_ms: int) -> str:
    """Unix time in milliseconds as UTC: `2026-11-30T06:10:34.123Z`."""
    return (_EPOCH + time_ms * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time_ms(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // _MS
