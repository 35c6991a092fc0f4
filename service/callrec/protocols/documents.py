"""The JSON that we keep on disk: sidecars and journal lines, to bytes and back.

The shapes are the domain's dataclasses; pydantic checks them on the way in, so a damaged file is `Corrupt` with the place
that is wrong and never a half-filled object. A journal line carries a checksum: the one line that a power cut tore is told
apart from one that somebody changed.
"""

import json
import zlib

from pydantic import TypeAdapter, ValidationError

from callrec.domain.errors import Corrupt
from callrec.domain.lifecycle import SCHEMA, Entry, Manifest

_MANIFEST = TypeAdapter(Manifest)
_ENTRY = TypeAdapter(Entry)
_CRC_DIGITS = 8


def encode_manifest(manifest: Manifest) -> bytes:
    """The sidecar's bytes: UTF-8 JSON, indented for people, keys in the order of the dataclasses, a final newline."""
    return _MANIFEST.dump_json(manifest, indent=2) + b"\n"


def decode_manifest(content: bytes) -> Manifest:
    """Read a sidecar. Raises Corrupt for what `encode_manifest` cannot have written, a newer schema included."""
    try:
        plain = json.loads(content)
        schema = plain["schema"]
    except (ValueError, TypeError, KeyError) as error:
        raise Corrupt("sidecar-unreadable", f"not a sidecar: {error}", hint="restore the file from a backup") from error
    if not isinstance(schema, int) or schema > SCHEMA:
        raise Corrupt(
            "sidecar-schema",
            f"the sidecar has schema {schema!r}, this callrec knows up to {SCHEMA}",
            hint="read it with the version that wrote it, or a newer one",
        )
    try:
        return _MANIFEST.validate_json(content)
    except ValidationError as error:
        raise Corrupt("sidecar-unreadable", _first(error), hint="restore the file from a backup") from error


def encode_entry(entry: Entry) -> bytes:
    """One journal line: eight hexadecimal digits of CRC-32, a space, JSON, a newline."""
    body = _ENTRY.dump_json(entry)
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode_entry(line: bytes) -> Entry:
    """Read one journal line (without or with its newline). Raises Corrupt when torn or changed."""
    crc, _, body = line.rstrip(b"\n").partition(b" ")
    if len(crc) != _CRC_DIGITS or crc != b"%08x" % zlib.crc32(body):
        raise Corrupt(
            "journal-line", "the checksum does not match", hint="a torn last line is normal after a power cut"
        )
    try:
        return _ENTRY.validate_json(body)
    except ValidationError as error:
        raise Corrupt("journal-line", _first(error), hint="written by another version of callrec?") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
