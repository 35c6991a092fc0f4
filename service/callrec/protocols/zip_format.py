"""The records of a ZIP file that is written to its end without going back (APPNOTE.TXT 6.3.10).

Files are stored as they are. Each has its sizes behind it in the 64-bit form (4.3.9), since they are not known before. Without
the central directory at the end no program takes a file for a whole ZIP.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<4sL2Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_END = struct.Struct("<4s4H2LH")
_VERSION, _UNIX = 45, 3 << 8
_FLAGS = 0x0808
"""The sizes stand behind the file, and its name is UTF-8."""
_MODE = 0o100640 << 16
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF
_ZIP64 = 1


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the ZIP: its name, where it begins, and its time as MS-DOS writes it."""

    name: bytes
    offset: int
    date: int
    time: int


def member(name: str, offset: int, changed_s: float) -> Member:
    """A file with this name, last changed then (Unix time; years before 1980 are 1980), that begins at this byte."""
    at = max(datetime.fromtimestamp(changed_s, UTC), datetime(1980, 1, 1, tzinfo=UTC))
    date = (min(at.year, 2107) - 1980) << 9 | at.month << 5 | at.day
    return Member(name.encode("utf-8", "replace"), offset, date, at.hour << 11 | at.minute << 5 | at.second // 2)


def local_header(one: Member) -> bytes:
    """What stands before the file's content."""
    extra = struct.pack("<2H2Q", _ZIP64, 16, 0, 0)
    said = (b"PK\3\4", _VERSION, _FLAGS, 0, one.time, one.date, 0, _FULL, _FULL, len(one.name), len(extra))
    return _LOCAL.pack(*said) + one.name + extra


def data_descriptor(crc: int, size_bytes: int) -> bytes:
    """What stands behind it: its CRC-32 and its size."""
    return _DESCRIPTOR.pack(b"PK\7\x08", crc, size_bytes, size_bytes)


def central_header(one: Member, crc: int, size_bytes: int) -> bytes:
    """The file's entry in the central directory."""
    large = [size_bytes, size_bytes] if size_bytes >= _FULL else []
    large += [one.offset] if one.offset >= _FULL else []
    extra = struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) if large else b""
    shown, offset = min(size_bytes, _FULL), min(one.offset, _FULL)
    lengths = (len(one.name), len(extra), 0, 0, 0)
    said = (
        b"PK\1\2",
        _UNIX | _VERSION,
        _VERSION,
        _FLAGS,
        0,
        one.time,
        one.date,
        crc,
        shown,
        shown,
        *lengths,
        _MODE,
        offset,
    )
    return _CENTRAL.pack(*said) + one.name + extra


def end_records(count: int, directory_bytes: int, directory_offset: int) -> bytes:
    """The end of the ZIP, behind its central directory of so many files."""
    sizes = (0, 0, count, count, directory_bytes, directory_offset)
    end64 = _END64.pack(b"PK\6\6", _END64.size - 12, _UNIX | _VERSION, _VERSION, *sizes)
    locator = _LOCATOR.pack(b"PK\6\7", 0, directory_offset + directory_bytes, 1)
    few, small, near = min(count, _FULL16), min(directory_bytes, _FULL), min(directory_offset, _FULL)
    return end64 + locator + _END.pack(b"PK\5\6", 0, 0, few, few, small, near, 0)
