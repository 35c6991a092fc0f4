"""Entries that are on disk, but in no tile yet: one file that is appended to, so that an entry costs one flush.

A line is eight hexadecimal digits of CRC-32, a space, and JSON: the entry's place in the log, its bytes, and the texts that stand
beside the log. The tiles follow within a second or so; then the lines are of no use, and the file starts again when it has grown.
"""

import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from callrec.adapters.disk.fsync import sync_folder, write_all, write_new
from callrec.domain.access.audit import PersonalText, WaitingEntry
from callrec.domain.errors import Corrupt

NAME = "waiting"
_CRC_DIGITS = 8


_LINE = TypeAdapter(tuple[int, str, tuple[tuple[str, str, str], ...]])


class WaitingFile:
    """The file in this folder, and the entries in it. Blocking; for one thread. After an OSError it is not known what the file
    holds: the next change rewrites it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._descriptor = -1
        self._entries: list[WaitingEntry] = []
        self.bytes = 0

    def read(self) -> list[WaitingEntry]:
        """All whole lines. A last line that is torn was never confirmed, and is left out. Raises Corrupt for a damaged line
        before others."""
        try:
            lines = self._path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        entries: list[WaitingEntry] = []
        for nth, line in enumerate(lines, start=1):
            found = _decoded(line)
            if found is not None:
                entries.append(found)
            elif any(_decoded(later) for later in lines[nth:]):
                hint = (
                    "the disk or somebody has changed it; move it away when no backup has it: its entries are lost then"
                )
                raise Corrupt("audit-waiting", f"line {nth} of {self._path} is damaged", hint=hint)
        return entries

    def append(self, entries: Sequence[WaitingEntry]) -> None:
        """Add these; they are on disk on return."""
        if self._descriptor < 0:
            self.begin_anew(self._entries)
        content = b"".join(map(_encoded, entries))
        try:
            write_all(self._descriptor, content)
            os.fdatasync(self._descriptor)
        except OSError:
            self.close()
            raise
        self._entries.extend(entries)
        self.bytes += len(content)

    def drop_before(self, index: int) -> None:
        """Have only the entries from this place in the log on in the file."""
        self.begin_anew([one for one in self._entries if one.index >= index])

    def begin_anew(self, entries: Sequence[WaitingEntry]) -> None:
        """Have exactly these in the file, in place of what it holds."""
        self.close()
        draft = self._path.with_suffix(".tmp")
        draft.unlink(missing_ok=True)
        content = b"".join(map(_encoded, entries))
        write_new(draft, content, 0o600)
        draft.rename(self._path)
        sync_folder(self._path.parent)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._entries, self.bytes = list(entries), len(content)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _encoded(entry: WaitingEntry) -> bytes:
    texts = [(row.digest, row.salt, row.text) for row in entry.texts]
    body = json.dumps((entry.index, entry.entry, texts)).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _decoded(line: bytes) -> WaitingEntry | None:
    crc, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or len(crc) != _CRC_DIGITS or crc != b"%08x" % zlib.crc32(body):
        return None
    try:
        index, entry, texts = _LINE.validate_json(body)
    except ValidationError:
        return None
    return WaitingEntry(index, entry, tuple(PersonalText(*row) for row in texts))
