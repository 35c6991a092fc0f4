"""Media files as they are handed out: read, compared with their digest, re-encoded.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Iterator
from typing import Protocol

from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.library.captures import Encoded
from callrec.domain.library.links import Link
from callrec.domain.library.manifest import Format, Media
from callrec.domain.library.waveform import Waveform
from callrec.domain.vocabulary import DropReason


class MediaFile(Protocol):
    """An open file of the library. It stays readable when its name is removed."""

    size_bytes: int
    opened_version: str
    """Its `version` when it was opened."""

    async def version(self) -> str:
        """A text that is another one after each change of the file's content. Three words: what a write changes, when anything of
        it changed, and how many names it has. Raises Unavailable."""
        ...

    async def read(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset` on, fewer only at the end of the file. Raises Unavailable."""
        ...

    async def sha256(self) -> str:
        """The digest of the whole content, in hexadecimal digits. Raises Unavailable."""
        ...

    async def close(self) -> None:
        """Let it go. Never fails."""
        ...


class MediaFiles(Protocol):
    """Opens files without waiting for the disk in the event loop."""

    async def open(self, path: str) -> MediaFile:
        """A regular file by its absolute path. Raises Corrupt (`media-missing`, `file-odd`), Unavailable."""
        ...


class Transcoder(Protocol):
    """From a media file to one in another format. Runs in a worker thread: it may block."""

    def transcode(self, source: str, media: Media, channels: int, into_format: Format, into: str) -> Encoded:
        """Write the (empty) file at `into`, in as many channels and exactly as long. The same source gives the same bytes. Raises
        Corrupt, Unavailable."""
        ...


class Measurer(Protocol):
    """Measures a stored media file. Runs in a worker thread: it may block."""

    def measured(self, source: str, media: Media, channels: int) -> Waveform:
        """Its loudness over time and its voices. Raises Corrupt, Unavailable."""
        ...


class TranscodedFiles(Protocol):
    """A bounded folder of files that were re-encoded. Blocking; called in a worker thread."""

    most_bytes: int

    def find(self, source_sha256: str, media_format: Format) -> tuple[str, str] | None:
        """The path and the digest of the file made of the media with this digest; None when there is none (any more)."""
        ...

    def temporary(self) -> str:
        """A new empty file to encode into. Raises Unavailable."""
        ...

    def keep(self, temporary: str, source_sha256: str, media_format: Format, encoded: Encoded) -> str:
        """Give the file its name, and remove those that were not used for the longest time until all fit. Returns its path.
        Raises Unavailable."""
        ...

    def drop(self, temporary: str) -> None:
        """Remove a temporary file. Never fails."""
        ...

    def forget(self, source_sha256: str) -> None:
        """Remove whatever was made of the media with this digest: it was erased. Raises Unavailable."""
        ...


class ZipFile(Protocol):
    """A ZIP file that is made part by part; each method returns what it adds to the file."""

    def begin(self, name: str, changed_s: float) -> bytes:
        """Begin a file with this name, last changed then (Unix time)."""
        ...

    def write(self, content: bytes) -> bytes:
        """Content of the file that was begun."""
        ...

    def end(self) -> bytes:
        """The end of that file."""
        ...

    def close(self) -> Iterator[bytes]:
        """The end of the whole, in pieces."""
        ...


class LinkStore(Protocol):
    """Where links to recordings are kept. Blocking; called in a worker thread."""

    def read(self) -> tuple[Link, ...]:
        """All of them. Raises Corrupt (`links-unreadable`), Unavailable."""
        ...

    def write(self, links: tuple[Link, ...]) -> None:
        """Keep these in place of all; on disk on return. Raises Unavailable."""
        ...


class MediaNotices(Protocol):
    """The observer of media that are handed out: metrics, alarms, logs. Must not raise."""

    def media_changed(self, recording: RecordingId, error: Corrupt) -> None:
        """A file is not what its sidecar says: it was not handed out."""
        ...

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """What was added to it is stored, and the index does not know yet."""
        ...

    def dropped(self, what: DropReason) -> None:
        """A request found all places taken."""
        ...
