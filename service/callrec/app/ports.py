"""What the use cases need of the outside. Adapters provide it; `wiring` joins them.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from callrec.domain.lifecycle import Entry, Manifest
from callrec.domain.model import Instant, LegId, RecordingId, Take, TakeId


class Clock(Protocol):
    """The time of this machine."""

    def now(self) -> Instant:
        """This moment."""
        ...


class Ids(Protocol):
    """New ids."""

    def new_call(self) -> str:
        """26 characters, lower case letters and digits, unique for ever, sortable by time."""
        ...


class Journal(Protocol):
    """The log of what is being recorded, on a disk, before it is done."""

    async def append(self, entry: Entry) -> None:
        """Return when the entry is on disk (fsync). Raises Unavailable when it cannot be."""
        ...


class Recorder(Protocol):
    """Asterisk's recorder, one leg at a time."""

    async def start(self, take: Take) -> str:
        """Ask for the take; returns the MixMonitorID. That the files exist is for the spool to tell."""
        ...

    async def stop(self, take: Take) -> None:
        """Stop exactly this take. A leg that is gone is fine: its recorder went with it."""
        ...

    async def mute(self, take: Take, *, muted: bool) -> None:
        """Write silence instead of voice, or voice again; the timeline goes on."""
        ...

    async def rate_hz(self, leg: LegId) -> int:
        """8000, or 16000 when the leg's audio is wider."""
        ...


@dataclass(frozen=True, slots=True)
class Capture:
    """What lies in the spool for one take. A side that has no file has None."""

    take: TakeId
    rate_hz: int
    read_bytes: int | None
    write_bytes: int | None


class Spool(Protocol):
    """The folder where Asterisk writes the legs. Local disk."""

    def path(self, take: Take, side: str) -> str:
        """Absolute path of the take's file for `read` or `write`."""
        ...

    def capture(self, take: TakeId) -> Capture | None:
        """What is there now; None when nothing is."""
        ...

    def captures(self) -> Iterable[Capture]:
        """Every take that has a file."""
        ...

    def drop(self, take: TakeId) -> None:
        """Remove the take's files: called when the recording is finished, never before."""
        ...


class Encoder(Protocol):
    """From legs to one stereo file. Runs in a worker thread: it may block."""

    def encode(self, job: "EncodeJob", into: str) -> int:
        """Write a new file at `into`, flushed to disk; returns its samples per channel. Raises Corrupt, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """Takes in order with their places on the recording's timeline; gaps between them become silence."""

    pieces: tuple["Piece", ...]
    format: str
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One take's two files (None: silence) and where it begins on the timeline, in samples at the job's rate."""

    read: str | None
    write: str | None
    rate_hz: int
    at_sample: int


class Library(Protocol):
    """The monitor directory: media and sidecars. Blocking; called in a worker thread."""

    def find(self, recording: RecordingId, paths: Sequence[str]) -> Manifest | None:
        """The sidecar of this recording among these candidate paths, when a former run got that far."""
        ...

    def temporary(self, extension: str) -> str:
        """A new empty path on the monitor directory's own file system, to encode into."""
        ...

    def place(self, manifest: Manifest, path: str, media_from: str | None) -> None:
        """PROMISES' order: sidecar (temporary, fsync, rename), media linked into place without overwriting, folder fsync.

        May run again after a crash anywhere: the outcome is one file, one sidecar. Raises Refused (code `path-taken`) when
        the path belongs to another recording.
        """
        ...

    def manifests(self) -> Iterable[tuple[str, Manifest]]:
        """Every sidecar with its path relative to the monitor directory, in a stable order."""
        ...


class Index(Protocol):
    """The catalogue in Redis: a function of the sidecars, good for lists and searches, never the truth."""

    async def put(self, path: str, manifest: Manifest) -> None:
        """Add or replace one recording."""
        ...


class Announcer(Protocol):
    """Tones into a live call."""

    async def announce(self, take: Take, sound: str) -> None:
        """Play the sound to those whom the setting names; returns when its end is proven. Raises Unavailable, Refused."""
        ...


class Lamps(Protocol):
    """Custom device states behind hints."""

    async def set(self, device: str, *, lit: bool) -> None:
        """Light or darken."""
        ...
