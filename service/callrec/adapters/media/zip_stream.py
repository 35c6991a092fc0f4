"""A ZIP file that is written while its files are read: nothing of it is on disk, and its size is not known beforehand.

Files are stored as they are (media are compressed already), each with its sizes behind it, in the 64-bit form (APPNOTE 4.3.9).
What breaks off has no central directory, so that no program takes it for a whole one.
"""

import time
import zipfile
from typing import IO


class ZipStream:
    """Implements `app.ports.media.ZipFile`."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._member: IO[bytes] | None = None

    def begin(self, name: str, changed_s: float) -> None:
        """See ports.ZipFile."""
        stamp = max(time.gmtime(changed_s)[:6], (1980, 1, 1, 0, 0, 0))
        described = zipfile.ZipInfo(name, stamp)
        described.external_attr = 0o640 << 16
        self._member = self._zip.open(described, "w", force_zip64=True)

    def write(self, content: bytes) -> bytes:
        """See ports.ZipFile."""
        assert self._member is not None  # noqa: S101 - begun before
        self._member.write(content)
        return self._sink.taken()

    def end(self) -> bytes:
        """See ports.ZipFile."""
        assert self._member is not None  # noqa: S101 - begun before
        self._member.close()
        return self._sink.taken()

    def close(self) -> bytes:
        """See ports.ZipFile."""
        self._zip.close()
        return self._sink.taken()


class _Sink:
    """What zipfile writes to: it cannot seek, as a connection cannot."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, content: bytes) -> int:
        self._parts.append(bytes(content))
        return len(content)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open here."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        content = b"".join(self._parts)
        self._parts.clear()
        return content
