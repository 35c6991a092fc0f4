"""The files by which a backup knows itself.

`files.jsonl` has a line for each file of the backup; `backup.json` is written last, names the digest of that list, and makes the
backup a whole one. A newer version may add fields; readers ignore what they do not know.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from callrec.domain.errors import Corrupt, Refused

VERSION: Final = 1
HEAD, FILES = "backup.json", "files.jsonl"
KIND: Final = "callrec-backup"
_SHA256 = r"^[0-9a-f]{64}$"
_PART = re.compile(r"[^/\0]{1,255}")


@dataclass(frozen=True, slots=True)
class BackupFile:
    """One file. `path`: in the backup. `stamp`: inode, size and times of the file that it was made of, by which the next backup
    knows that it has not changed. `recording`: whose sidecar it is."""

    path: str
    bytes: int
    sha256: str
    stamp: str = ""
    recording: str = ""


@dataclass(frozen=True, slots=True)
class BackupHead:
    """What `backup.json` says. `made_ms`: Unix time at its beginning."""

    made_ms: int
    callrec: str
    node: str
    recordings: int
    files_sha256: str
    version: int = VERSION


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")

    kind: str
    version: Annotated[int, Field(ge=1)]
    made_ms: Annotated[int, Field(ge=0)]
    callrec: str
    node: str
    recordings: Annotated[int, Field(ge=0)]
    files_sha256: Annotated[str, Field(pattern=_SHA256)]


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    path: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=_SHA256)]
    stamp: str = ""
    recording: str = ""


_FILE = TypeAdapter(_File)


def encode_files(files: Iterable[BackupFile]) -> bytes:
    """The list, sorted by path."""
    lines = []
    for one in sorted(files, key=lambda file: file.path):
        said = _File(path=one.path, bytes=one.bytes, sha256=one.sha256, stamp=one.stamp, recording=one.recording)
        lines.append(_FILE.dump_json(said, exclude_defaults=True) + b"\n")
    return b"".join(lines)


def encode_head(head: BackupHead) -> bytes:
    """The head of a whole backup."""
    said = _Head(
        kind=KIND, version=head.version, made_ms=head.made_ms, callrec=head.callrec, node=head.node,
        recordings=head.recordings, files_sha256=head.files_sha256,
    )  # fmt: skip
    return said.model_dump_json(indent=2).encode() + b"\n"


def decode_head(content: bytes) -> BackupHead:
    """Read it. Raises Refused (`backup-foreign`, `backup-newer`)."""
    try:
        read = _Head.model_validate_json(content)
    except ValidationError as error:
        raise Refused("backup-foreign", f"{HEAD} is not that of a backup of callrec's", hint=_HINT) from error
    if read.kind != KIND:
        raise Refused("backup-foreign", f"{HEAD} is not that of a backup of callrec's", hint=_HINT)
    if read.version > VERSION:
        says = f"a newer callrec ({read.callrec[:40]!a}) made the backup"
        raise Refused("backup-newer", says, hint="use that version of callrec, or a newer one")
    return BackupHead(read.made_ms, read.callrec, read.node, read.recordings, read.files_sha256, read.version)


_HINT = "give the folder that callrec backup was given"


def decode_files(content: bytes, head: BackupHead) -> Sequence[BackupFile]:
    """Read the list that this head names. Raises Corrupt (`backup-damaged`), also for paths that lead out of the backup."""
    if hashlib.sha256(content).hexdigest() != head.files_sha256:
        raise damaged(f"{FILES} is not the one that {HEAD} names")
    try:
        read = [_FILE.validate_json(line) for line in content.splitlines()]
    except ValidationError as error:
        raise damaged(f"{FILES} cannot be read") from error
    files = [BackupFile(one.path, one.bytes, one.sha256, one.stamp, one.recording) for one in read]
    odd = next((one.path for one in files if not _is_inside(one.path)), None)
    if odd is not None:
        raise damaged(f"{FILES} names a path outside: {odd[:80]!a}")
    return files


def damaged(says: str) -> Corrupt:
    """The error for a backup that is not as it was made."""
    return Corrupt("backup-damaged", says, hint="use another backup; callrec backup --verify names each damaged file")


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return all(_PART.fullmatch(part) and part not in {".", ".."} for part in parts) and len(parts) > 1
