"""Stored recordings: the encoder, the monitor directory, the index, the stream of events, and the observer of it all.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from callrec.domain.calls.ids import RecordingId
from callrec.domain.calls.journal import Format, Manifest
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.library.captures import Encoded, EncodeJob, Room, TrackJob


class Encoder(Protocol):
    """From legs to one stereo file, and to tracks. Runs in a worker thread: it may block."""

    def encode(self, job: EncodeJob, into: str) -> Encoded:
        """Write the (empty) file at `into`, flush it to disk, read it back. Raises Corrupt, also when the result does not
        play as long as the legs, and Unavailable when the disk does not take it."""
        ...

    def encode_track(self, job: TrackJob, into: str) -> Encoded:
        """The same for a participant's track, in one channel. Raises Corrupt, Unavailable."""
        ...

    def samples(self, path: str, media_format: Format, rate_hz: int, channels: int = 2) -> int:
        """How long a media file plays, in samples per channel at this rate. Raises Corrupt, Unavailable."""
        ...


class Library(Protocol):
    """The monitor directory: media and sidecars. Blocking; called in a worker thread."""

    def find(self, recording: RecordingId, paths: Sequence[str]) -> tuple[str, Manifest] | None:
        """Path and sidecar of this recording among these candidates, when a former run stored it *completely*."""
        ...

    def room(self) -> Room:
        """How much the disk of the monitor directory takes. Raises Unavailable."""
        ...

    def temporary(self, recording: RecordingId, media_format: Format) -> str:
        """A new empty file on the monitor directory's own file system, to encode into."""
        ...

    def place(self, manifest: Manifest, path: str, files_from: Sequence[str]) -> Manifest:
        """PROMISES' order: sidecar (temporary, fsync, linked), media linked into place, folder fsync; nothing is overwritten.
        `files_from`: where the files of the manifest are now, in the order of `Manifest.files`.

        Returns the manifest as the sidecar on disk says it. May run again after a crash anywhere: the outcome is one file, one
        sidecar. Raises Refused (code `path-taken`) when the path belongs to another recording, Unavailable.
        """
        ...

    def tidy(self, recording: RecordingId) -> None:
        """Remove what crashed runs left of this recording in the folder of temporary files."""
        ...

    def sidecars(self) -> Iterator[tuple[str, Manifest | Corrupt]]:
        """Every sidecar with its path (without extension) relative to the monitor directory, in a stable order. What is
        damaged or cannot be read comes as its error and hides nothing else: a sidecar (`file-unreadable` when the disk
        refuses), a folder (`folder-unreadable`, `folder-link`). Raises Unavailable when the directory itself cannot be read.
        """
        ...

    def measure(self, path: str) -> tuple[int, str] | None:
        """Bytes and sha-256 of a media file (relative path with extension); None when there is none. Raises Unavailable when
        it cannot be read, Corrupt (`file-odd`) for a link, a pipe or whatever else is no file."""
        ...

    def files(self) -> Iterator[str]:
        """Every file but sidecars and temporary ones, relative to the monitor directory, in a stable order."""
        ...

    def leftovers(self, older_than_s: float) -> Iterator[str]:
        """Temporary files that were not written for so long, relative to the monitor directory."""
        ...

    def absolute(self, path: str) -> str:
        """Where a file of the library lies on this machine."""
        ...


class RecordingIndex(Protocol):
    """The index of recordings, which can be rebuilt from the files on disk."""

    async def index_recording(self, entry: Mapping[str, str]) -> None:
        """Put one entry in, or in the place of the one with the same `id`. It needs `id` and `start_s` (epoch)."""
        ...

    async def recording(self, recording: str) -> dict[str, str] | None:
        """One entry."""
        ...

    async def recordings(
        self, *, from_s: float | None = None, to_s: float | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[dict[str, str], ...]:
        """Entries by start, newest first; both bounds belong to it."""
        ...

    async def forget(self, recording: str) -> bool:
        """Take one entry out; False when there was none."""
        ...

    def refuses(self, entry: Mapping[str, str]) -> str:
        """Why the index does not take this entry; empty when it does."""
        ...

    async def rebuild_index(self, entries: Iterable[Mapping[str, str]]) -> int:
        """Put these entries in the place of all; readers see the old index until the new one is complete."""
        ...


class EventSink(Protocol):
    """Where events go that others may follow."""

    async def publish(self, event: Mapping[str, str]) -> None:
        """Append one event; it needs a `type`."""
        ...


class Notices(Protocol):
    """The observer of finalizing: metrics, alarms, logs. Must not raise."""

    def stored(self, manifest: Manifest) -> None:
        """A recording is in the library."""
        ...

    def delayed(self, recording: RecordingId, attempt: int, error: Exception) -> None:
        """It could not be stored now and is tried again; its legs are safe in the spool."""
        ...

    def unindexed(self, recording: RecordingId, error: CallrecError) -> None:
        """It is stored, but the index or the event stream does not know: `library.rebuild` when Redis is back."""
        ...

    def damaged(self, recording: RecordingId, error: Corrupt) -> None:
        """The encoder failed on it: an operator must look at it."""
        ...

    def refused(self, recording: RecordingId, cause: str) -> None:
        """It is stored without captures that cannot be encoded: those are in `spool/kept`, and an operator must look at them."""
        ...

    def overflowed(self) -> None:
        """The queue is full: the recording waits in the journal instead."""
        ...
