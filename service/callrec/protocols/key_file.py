"""The file `<name>.key` beside an encrypted recording: three lines of JSON and text.

    {"v":1,"recording":"01jd-1","cipher":"callrec-aes-gcm1","files":[{"part":"media","bytes":N,"sha256":"...","salt":"..."}]}
    {"master":"2026","salt":"...","key":"..."}
    SHA-256 of the two lines before, in hexadecimal digits

The first line is the record of the encryption. It never changes, and its digest stands in the audit log. The second has the
recording key as the master key has wrapped it (AES-256-GCM, with the record as additional data), and is replaced when the master
key changes. Salts and keys are in hexadecimal digits.
"""

import hashlib
import re
from typing import Annotated, Final, Literal, NoReturn

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs it below Python 3.12

from callrec.domain.calls.ids import RecordingId, is_recording_id
from callrec.domain.errors import Corrupt
from callrec.domain.library.encryption import EncryptedFile, Encryption, KeyFile, WrappedKey

VERSION: Final = 1
MOST_BYTES = 1 << 20
"""A call with a thousand tracks has 200 kB."""
MASTER_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,39}")
_LINES = 4
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class FileFormat(TypedDict):
    """One file, as it lies on disk."""

    part: Annotated[str, Field(pattern=r"^(media|track-[0-9]{1,6})$")]
    bytes: Annotated[int, Field(ge=0)]
    sha256: _Digest
    salt: _Digest


class RecordFormat(TypedDict):
    """The first line."""

    v: Literal[1]
    recording: str
    cipher: Literal["callrec-aes-gcm1"]
    files: tuple[FileFormat, ...]


class WrappedFormat(TypedDict):
    """The second line."""

    master: Annotated[str, Field(pattern=rf"^{MASTER_ID.pattern}$")]
    salt: _Digest
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{96}$")]
    """32 bytes and the tag."""


_RECORD, _WRAPPED = TypeAdapter(RecordFormat), TypeAdapter(WrappedFormat)


def encode_record(encryption: Encryption) -> bytes:
    """The first line, without its end."""
    record: RecordFormat = {
        "v": VERSION,
        "recording": encryption.recording,
        "cipher": "callrec-aes-gcm1",
        "files": tuple(
            {"part": one.part, "bytes": one.size_bytes, "sha256": one.sha256, "salt": one.salt.hex()}
            for one in encryption.files
        ),
    }
    return _RECORD.dump_json(record)


def encode_key_file(record: bytes, key: WrappedKey) -> bytes:
    """The file's bytes."""
    wrapped: WrappedFormat = {"master": key.master, "salt": key.salt.hex(), "key": key.wrapped.hex()}
    lines = record + b"\n" + _WRAPPED.dump_json(wrapped) + b"\n"
    return lines + hashlib.sha256(lines).hexdigest().encode() + b"\n"


def decode_key_file(content: bytes) -> KeyFile:
    """Read the file. Raises Corrupt (`key-file-damaged`) for bytes that `encode_key_file` cannot have written."""
    parts = content.split(b"\n")
    if len(parts) != _LINES or parts[3]:
        _damaged("it has another number of lines")
    record, wrapped, digest, _ = parts
    if hashlib.sha256(record + b"\n" + wrapped + b"\n").hexdigest().encode() != digest:
        _damaged("its checksum does not match")
    try:
        said, key = _RECORD.validate_json(record, strict=True), _WRAPPED.validate_json(wrapped, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        _damaged(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    if not is_recording_id(said["recording"]):
        _damaged("it has no id of a recording")
    files = tuple(
        EncryptedFile(one["part"], one["bytes"], one["sha256"], bytes.fromhex(one["salt"])) for one in said["files"]
    )
    encryption = Encryption(RecordingId(said["recording"]), files)
    return KeyFile(record, encryption, WrappedKey(key["master"], bytes.fromhex(key["salt"]), bytes.fromhex(key["key"])))


def _damaged(says: str) -> NoReturn:
    raise Corrupt("key-file-damaged", f"not a key file: {says}", hint="restore it from a backup")
