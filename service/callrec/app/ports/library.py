"""Stored recordings: encoder, monitor directory, catalogue, stream of events, encryption at rest, and the observer of it all.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from callrec.domain.calls.ids import RecordingId
from callrec.domain.error_codes import ErrorCode
from callrec.domain.errors import CallrecError, Corrupt
from callrec.domain.library.annotations import Annotations
from callrec.domain.library.captures import Encoded, EncodeJob, Played, Room, TrackJob
from callrec.domain.library.encryption import KeyFile
from callrec.domain.library.manifest import AnyFormat, Format, Manifest
from callrec.domain.library.search import Filter
from callrec.domain.library.search_keys import Entry
from callrec.domain.library.search_pages import Count, Page, PageRequest
from callrec.domain.library.waveform import Waveform


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

    def played(self, path: str, media_format: AnyFormat) -> Played:
        """What a file of another program plays: all of it is decoded. Raises Corrupt (`codec`, `media-unreadable`),
        Unavailable."""
        ...


class Library(Protocol):
    """The monitor directory: media and sidecars. Blocking; called in a worker thread."""

    def find(self, recording: RecordingId, paths: Sequence[str]) -> tuple[str, Manifest] | None:
        """Path and sidecar of this recording among these candidates, when a former run stored it *completely*."""
        ...

    def manifest(self, path: str) -> Manifest | None:
        """The sidecar at this path (without extension); None when there is none. Raises Corrupt, Unavailable."""
        ...

    def waveform(self, path: str, track: int | None = None) -> Waveform | None:
        """What is kept beside the media of the recording at this path, or of one of its tracks; None when there is nothing.
        Raises Corrupt (`peaks-damaged`), Unavailable."""
        ...

    def keep_waveform(self, recording: RecordingId, path: str, waveform: Waveform, track: int | None = None) -> None:
        """Keep it there, in place of what was. Raises Unavailable."""
        ...

    def annotations(self, path: str) -> Annotations | None:
        """What was added to the recording at this path; None when nothing was. Raises Corrupt (`annotations-unreadable`,
        `annotations-schema`), Unavailable."""
        ...

    def annotate(self, path: str, before: Annotations, after: Annotations) -> None:
        """Store `after`, if `before` is what is stored now; on disk on return. Raises Conflict (`annotations-changed`), Refused
        (`no-such-recording`) when the recording was erased, Corrupt, Unavailable."""
        ...

    def erase(self, recording: RecordingId, files: Sequence[str]) -> int:
        """Remove these files of the recording, of which the last is its sidecar; their names are gone from the disk on return.
        Returns their bytes. Files that are missing cost nothing: it may run again. Raises Corrupt, Unavailable."""
        ...

    def room(self) -> Room:
        """How much the disk of the monitor directory takes. Raises Unavailable."""
        ...

    def temporary(self, recording: RecordingId, media_format: AnyFormat) -> str:
        """A new empty file on the monitor directory's own file system, to encode into. Raises Unavailable, also when it is to be
        encrypted and the master key cannot be had (`KEY_AWAY`)."""
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
        """Bytes and sha-256 of a media file (relative path with extension), of an encrypted one of its content; None when
        there is none. Raises Unavailable when it cannot be read, also when its key cannot be had (`KEY_AWAY`), Corrupt
        (`file-odd`) for a link, a pipe or whatever else is no file, and when it cannot be decrypted (`media-changed`,
        `key-file-damaged`)."""
        ...

    def measure_stored(self, path: str) -> tuple[int, str] | None:
        """The same of the file as it lies on disk. It needs no key."""
        ...

    def key_file(self, path: str) -> KeyFile | None:
        """The key file of the recording at this path (without extension); None when it is not encrypted. Raises Corrupt
        (`key-file-damaged`), Unavailable."""
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

    def has_other_name(self, path: str) -> bool:
        """Whether this file has another name on its disk (a hard link): then removing this one frees nothing. Raises
        Unavailable."""
        ...


class AdoptableFiles(Protocol):
    """A folder with recordings of another program, which is only read. Blocking. Every path is relative to it."""

    def names(self) -> Iterator[str]:
        """Every file below it, in a stable order; hidden ones and those of hidden folders are left out. Raises Unavailable."""
        ...

    def absolute(self, file: str) -> str:
        """Where a file lies on this machine."""
        ...

    def measure(self, file: str, settled_s: float) -> tuple[int, str]:
        """Bytes and sha-256. Raises Refused (`adopt-busy`) for a file that changed less than this before, Corrupt (`file-odd`)
        for whatever is no regular file, Unavailable."""
        ...

    def digest(self, path: str) -> tuple[int, str]:
        """Bytes and sha-256 of a file at this absolute path. Raises Unavailable."""
        ...

    def copy(self, file: str, into: str, *, links: bool) -> None:
        """Copy it over the file at this absolute path, and flush it; or put a hard link there. Raises Corrupt (`file-odd`),
        Unavailable, also when the file systems do not allow a link."""
        ...


class Rebuild(Protocol):
    """A rebuild of the catalogue. Readers see each entry as it was or as it is; what the daemon enters or removes meanwhile is
    newer than what the rebuild has read, and stays."""

    async def put(self, entries: Sequence[Entry]) -> Sequence[tuple[Entry, str]]:
        """Enter these where they differ from what is stored; returns those that cannot be entered, with the reason. At most some
        thousands at once."""
        ...

    async def finish(self, keeps: Callable[[Entry], bool]) -> int:
        """Remove the entries that were there at the beginning and were not put, but those that `keeps` names. Returns the number
        of all entries."""
        ...


class Catalogue(Protocol):
    """The catalogue of stored recordings, which can be rebuilt from the files on disk.

    Every method raises Unavailable (`catalogue-busy`, `catalogue-disk`), Corrupt (`catalogue-damaged`) or Misconfigured
    (`catalogue-newer`, `catalogue-rights`).
    """

    async def put(self, entry: Entry) -> None:
        """Enter one, or in place of the one with the same `id`; on disk on return. It needs `id` and `start_s` (epoch). Raises
        Refused, too (`search_keys.keys_of`)."""
        ...

    async def get(self, recording: str) -> Entry | None:
        """One entry, in the order of its fields; None when there is none."""
        ...

    async def search(self, wanted: Filter, request: PageRequest) -> Page:
        """One page of the entries that meet all conditions."""
        ...

    async def count(self, wanted: Filter) -> Count:
        """How many entries meet all conditions."""
        ...

    async def stored_bytes(self) -> int:
        """What the `bytes` of all entries add up to."""
        ...

    async def forget(self, recording: str) -> bool:
        """Remove one entry with all that it was found by; False when there was none."""
        ...

    async def purge(self) -> None:
        """Overwrite what removed entries have left, as far as the engine does that. Raises Unavailable while another reader
        keeps it."""
        ...

    def rebuild(self) -> AbstractAsyncContextManager[Rebuild]:
        """Begin a rebuild."""
        ...

    async def is_filled(self) -> bool:
        """Whether a rebuild has ended since the catalogue was made: before that it may lack recordings."""
        ...

    async def probe(self) -> None:
        """Write without changing anything."""
        ...


class EventSink(Protocol):
    """Where events go that others may follow."""

    async def publish(self, event: Mapping[str, str]) -> None:
        """Append one event; it needs a `type`."""
        ...


class FormerIndex(Protocol):
    """The index of recordings that earlier versions kept in Redis."""

    async def drop_former_index(self) -> int:
        """Remove it; the number of removed keys. Raises CallrecError."""
        ...


class KeeperNotices(Protocol):
    """The observer of the catalogue's keeper: logs. Must not raise."""

    def catalogue_filled(self, recordings: int) -> None:
        """The catalogue was new, and has so many recordings of the disk now."""
        ...

    def catalogue_lacks(self, path: str, code: ErrorCode, reason: str) -> None:
        """It has no entry of this sidecar."""
        ...

    def former_index_removed(self, keys: int) -> None:
        """The index of earlier versions is gone from Redis."""
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
        """It is stored, but the catalogue or the event stream does not know; it is tried again."""
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


class MasterKeyRing(Protocol):
    """The master keys that the settings lead to. Blocking; called in a worker thread."""

    def look(self) -> None:
        """Read them when that is due. Raises Misconfigured (`encryption-keys`) when they cannot be used, Unavailable
        (`encryption-keys-away`) when they cannot be had now."""
        ...

    def ids(self) -> tuple[str, ...]:
        """Their ids, first that of the one for new recordings. Raises as `look`."""
        ...


class EncryptableLibrary(Protocol):
    """Encrypts the files of stored recordings in place. Blocking. It may be killed at any moment, and run again."""

    def encrypt(self, path: str, manifest: Manifest) -> bool:
        """Encrypt what is not encrypted yet of the recording at this path. Before a plain file goes, what was encrypted has been
        read back and compared. False when there was nothing to do, or the recording was erased meanwhile. Raises Corrupt
        (`media-changed`, `media-missing`), Unavailable."""
        ...

    def rewrap(self, path: str) -> bool:
        """Wrap the key of the recording at this path with the current master key; its files stay as they are. False when it has
        that one already, or is not encrypted. Raises Corrupt (`key-file-damaged`), Unavailable."""
        ...


class EncryptionNotices(Protocol):
    """The observer of master keys: metrics, alarms, logs. Must not raise."""

    def master_keys_away(self, error: CallrecError) -> None:
        """Nothing can be encrypted or read; recordings wait in the spool."""
        ...

    def master_keys_back(self) -> None:
        """They can be had again."""
        ...
