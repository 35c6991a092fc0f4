"""A ZIP file that is written while its files are read: nothing of it is on disk, and its size is not known beforehand."""

import zlib
from collections.abc import Iterator

from callrec.domain.library.packed_text import PackedText
from callrec.protocols.zip_format import Member, central_header, data_descriptor, end_records, local_header, member


class ZipStream:
    """Implements `app.ports.media.ZipFile`. It keeps about 30 bytes for each file of the ZIP."""

    def __init__(self) -> None:
        self._at, self._count, self._directory = 0, 0, PackedText()
        self._member = Member(b"", 0, 0, 0)
        self._crc = self._size = 0

    def begin(self, name: str, changed_s: float) -> bytes:
        """See ports.ZipFile."""
        self._member, self._crc, self._size = member(name, self._at, changed_s), 0, 0
        return self._given(local_header(self._member))

    def write(self, content: bytes) -> bytes:
        """See ports.ZipFile."""
        self._crc = zlib.crc32(content, self._crc)
        self._size += len(content)
        return self._given(content)

    def end(self) -> bytes:
        """See ports.ZipFile."""
        self._count += 1
        self._directory.add(central_header(self._member, self._crc, self._size))
        return self._given(data_descriptor(self._crc, self._size))

    def close(self) -> Iterator[bytes]:
        """See ports.ZipFile."""
        yield from self._directory.pieces()
        yield end_records(self._count, self._directory.bytes, self._at)

    def _given(self, content: bytes) -> bytes:
        self._at += len(content)
        return content
