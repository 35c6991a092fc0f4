"""The JSON that we keep on disk: sidecars and journal lines, to bytes and back.

The names and shapes stand in `recording_format`; pydantic checks them strictly on the way in, so a damaged file is `Corrupt` with
the place that is wrong and never a half-filled object. A journal line carries a checksum: the one line that a power cut tore is
told apart from one that somebody changed.

Writing never fails for what a stranger sent: half of a surrogate pair, which a caller's name can hold and UTF-8 cannot, is
written as `?`. Reading gives back exactly what was written, so what is on disk and not what was in memory goes on to the index.
"""

import json
import math
import zlib
from typing import NoReturn

from pydantic import ValidationError

from callrec.domain.errors import Corrupt
from callrec.domain.lifecycle import SCHEMA, Entry, Manifest
from callrec.protocols.recording_codec import ENTRY, MANIFEST, entry_in, entry_out, manifest_in, manifest_out

_CRC_DIGITS = 8
_BACKUP = "restore the file from a backup"


def encode_manifest(manifest: Manifest) -> bytes:
    """The sidecar's bytes: UTF-8 JSON, indented for people, keys in the order of the format, a final newline."""
    return (
        json.dumps(manifest_out(manifest), indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        + b"\n"
    )


def decode_manifest(content: bytes) -> Manifest:
    """Read a sidecar. Raises Corrupt for what `encode_manifest` cannot have written, a newer schema included."""
    try:
        schema = json.loads(content, parse_constant=_no_number, parse_float=_finite)["schema"]
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
    body = json.dumps(entry_out(entry), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def decode_entry(line: bytes) -> Entry:
    """Read one journal line (without or with its newline). Raises Corrupt when torn or changed."""
    crc, _, body = line.removesuffix(b"\n").partition(b" ")
    if len(crc) != _CRC_DIGITS or crc != b"%08x" % zlib.crc32(body):
        raise Corrupt(
            "journal-line", "the checksum does not match", hint="a torn last line is normal after a power cut"
        )
    try:
        return entry_in(ENTRY.validate_json(body, strict=True))
    except ValidationError as error:
        raise Corrupt("journal-line", _first(error), hint="written by another version of callrec?") from error


def _first(error: ValidationError) -> str:
    """The first thing that is wrong and where, without what stood there."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number
