"""The JSON on disk: encodes and decodes sidecars and journal lines.

`recording_format` has the names and shapes. pydantic checks them strictly on reading: a damaged file raises `Corrupt` with the
wrong place. A journal line has a checksum, by which a line that a power cut truncated is recognised.

Writing never fails for text from outside: half of a surrogate pair, which a caller's name may contain but UTF-8 cannot, is
written as `?`. Reading returns exactly what was written, and the index is built from what is on disk.
"""

import json
import zlib

import msgspec
from pydantic import ValidationError

from callrec.domain.calls.journal import Entry
from callrec.domain.errors import Corrupt
from callrec.domain.library.manifest import SCHEMA, Manifest
from callrec.protocols.recording_codec import ENTRY, MANIFEST, entry_in, entry_out, manifest_in, manifest_out
from callrec.protocols.recording_format import ChangeFormat, EntryFormat

_CRC_DIGITS = 8
_BACKUP = "restore the file from a backup"


def encode_manifest(manifest: Manifest) -> bytes:
    """The sidecar's bytes: UTF-8 JSON, indented for people, keys in the order of the format, a final newline."""
    return (
        json.dumps(manifest_out(manifest), indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        + b"\n"
    )


def decode_manifest(content: bytes) -> Manifest:
    """Read a sidecar. Raises Corrupt for bytes that `encode_manifest` cannot have written, and for a newer schema."""
    try:
        schema = msgspec.json.decode(content)["schema"]  # it refuses numbers that are none, or infinite, anywhere
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Corrupt("sidecar-unreadable", f"not a sidecar: {type(error).__name__}", hint=_BACKUP) from error
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise Corrupt(
            "sidecar-schema",
            f"the sidecar has another schema than 1 to {SCHEMA}, which this callrec knows",
            hint="read it with the version that wrote it, or a newer one",
        )
    try:
        return manifest_in(MANIFEST.validate_json(content, strict=True))
    except ValidationError as error:
        raise Corrupt("sidecar-unreadable", _first(error), hint=_BACKUP) from error


def encode_entry(entry: Entry) -> bytes:
    """One journal line: eight hexadecimal digits of CRC-32, a space, JSON, a newline."""
    return encode_line(entry_out(entry))


def encode_line(document: EntryFormat | ChangeFormat) -> bytes:
    """The same of an entry in the names of the format, or of a change."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode_entry(line: bytes) -> Entry:
    """Read one whole journal line (with or without its newline). Raises Corrupt for a truncated or changed line."""
    return decode_body(entry_body(line))


def decode_body(body: bytes) -> Entry:
    """Read the JSON of a whole journal line. Raises Corrupt for what is no entry."""
    try:
        return entry_in(ENTRY.validate_json(body, strict=True))
    except ValidationError as error:
        raise Corrupt("journal-line", _first(error), hint="written by another version of callrec?") from error


def entry_body(line: bytes) -> bytes:
    """The JSON of a journal line. Raises Corrupt when its checksum does not match."""
    crc, _, body = line.removesuffix(b"\n").partition(b" ")
    if len(crc) != _CRC_DIGITS or crc != b"%08x" % zlib.crc32(body):
        raise Corrupt(
            "journal-line", "the checksum does not match", hint="a torn last line is normal after a power cut"
        )
    return body


def _first(error: ValidationError) -> str:
    """The first error and its place, without the wrong value."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
