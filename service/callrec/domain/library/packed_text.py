"""A long text that is written at the end of something, and kept in a tenth of its memory until then."""

import zlib
from collections.abc import Iterator

_PIECE_BYTES = 64 << 10


class PackedText:
    """Bytes that are only added, and read once."""

    def __init__(self) -> None:
        self._pack = zlib.compressobj(1)
        self._packed: list[bytes] = []
        self.bytes = 0
        """Its length."""

    def add(self, content: bytes) -> None:
        """Add at the end."""
        self.bytes += len(content)
        if piece := self._pack.compress(content):
            self._packed.append(piece)

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces of at most 64 KiB; nothing can be added any more."""
        unpack = zlib.decompressobj()
        for packed in (*self._packed, self._pack.flush()):
            rest = packed
            while rest:
                if piece := unpack.decompress(rest, _PIECE_BYTES):
                    yield piece
                rest = unpack.unconsumed_tail
        while piece := unpack.flush():
            yield piece
