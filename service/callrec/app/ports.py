"""What the use cases need of the outside. Adapters provide it; `wiring` joins them.

Every method that can fail raises one of the four kinds of `domain.errors`; every method that waits is bounded by its adapter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from callrec.domain.errors import Corrupt
from callrec.domain.lifecycle import Entry, Format, Manifest
from callrec.domain.messages import Outcome
from callrec.domain.model import Instant, LegId, RecordingId, Take, TakeId
from callrec.domain.naming import DegradedFile, LegFile
from callrec.domain.provisioning.model import Rule, UserId


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
        """Return when the entry is on disk (fsync). Raises Unavailable when it cannot be, and then for every later entry too
        until the journal is opened anew: after a failed fsync nobody knows what the disk holds."""
        ...

    def live(self) -> Sequence[Entry]:
        """The last entry of each recording that is not finished, oldest recording first."""
        ...


class Recorder(Protocol):
    """Asterisk's recorder, one leg at a time."""

    async def start(self, take: Take, rule: Rule) -> str:
        """Ask for the take, note its id and rule on the leg, return the MixMonitorID. That files exist the spool tells."""
        ...

    async def stop(self, take: Take) -> None:
        """Stop exactly this take. A leg that is gone is fine: its recorder went with it."""
        ...

    async def mute(self, take: Take, *, muted: bool) -> None:
        """Write silence instead of voice, or voice again; the timeline goes on."""
        ...

    async def listen(self, leg: LegId, *, on: bool) -> None:
        """Have Asterisk tell when the leg begins to speak (again at once when it speaks now), or not any more. A leg that is gone
        is fine. Raises Refused when Asterisk cannot."""
        ...

    async def recorder_on(self, leg: LegId) -> str:
        """The MixMonitorID that stands on the leg, whoever began it; empty when none does, or the leg is gone."""
        ...

    async def take_on(self, leg: LegId) -> tuple[TakeId, Rule] | None:
        """The take and its rule that stand on the leg beside that id; None when no daemon of ours began the recorder."""
        ...

    async def note_made(self, leg: LegId) -> None:
        """Note on the leg that it has made its call though Asterisk dialled it, for a daemon that comes later."""
        ...

    async def has_made(self, leg: LegId) -> bool:
        """Whether that note is on the leg."""
        ...

    async def is_holding(self, leg: LegId) -> bool:
        """Whether the leg has put the others on hold."""
        ...

    async def packets(self, leg: LegId) -> int | None:
        """How many RTP packets the leg has received and sent since it began, in sum; None when its technology does not count."""
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
    impossible: str = ""
    """Why Asterisk cannot have written these files (`sparse-file: ...`, `linked-file: ...`); empty when it can."""


@dataclass(frozen=True, slots=True)
class FileCreated:
    """A file has appeared in the spool: Asterisk has opened it."""

    file: LegFile | DegradedFile


@dataclass(frozen=True, slots=True)
class FileClosed:
    """Its writer has closed it: it will not grow any more."""

    file: LegFile | DegradedFile


@dataclass(frozen=True, slots=True)
class Rescanned:
    """The first event, and the one after the kernel dropped some: each file that exists has just been told as created;
    a `FileClosed` may have been missed, so compare sizes over time."""

    captures: tuple[Capture, ...]


SpoolEvent = FileCreated | FileClosed | Rescanned


class Spool(Protocol):
    """The folder where Asterisk writes the legs. Local disk."""

    def path(self, take: Take, side: str) -> str:
        """Absolute path of the take's file for `read` or `write`."""
        ...

    def capture(self, take: TakeId) -> Capture | None:
        """What is there now; None when nothing is."""
        ...

    def written_ago_s(self, take: TakeId) -> float:
        """How long ago Asterisk last wrote to the take's files, by the clock of this moment; 0 when nothing tells."""
        ...

    def captures(self) -> Sequence[Capture]:
        """Every take that has a file. A file that the disk refuses to look at hides no other: see `oddities`."""
        ...

    def kept(self) -> Sequence[tuple[str, int]]:
        """What was put aside: names and bytes. Raises Unavailable when it may not be looked at."""
        ...

    def unreadable(self, take: TakeId | None = None) -> str:
        """Why we may not read a leg that is there (of this take, or any), with whose it is; empty when we may read each."""
        ...

    def oddities(self) -> Sequence[tuple[str, str]]:
        """Each name in the folder that is no leg, and why: a link or a pipe with a leg's name, what cannot be looked at, a
        name that is none of ours. Hidden names and what was put aside are left out."""
        ...

    def degraded(self) -> Sequence[DegradedFile]:
        """What the dialplan captured while we were away, oldest first. As slow as the folder is long."""
        ...

    def has(self, file: DegradedFile) -> bool:
        """Whether a side of this capture still bears the name that the dialplan gave it."""
        ...

    def adopt(self, file: DegradedFile, take: TakeId) -> None:
        """Give both sides of a degraded capture their take's names, also while they are written. A side that was given its
        name before, or that is nowhere, is fine. Never overwrites. Durable when it returns."""
        ...

    def silent_samples(self, file: LegFile, from_sample: int) -> int:
        """How many samples of digital silence (zeros) this file has from there on without interruption. Raises Unavailable."""
        ...

    def drop(self, take: TakeId) -> None:
        """Remove the take's files: called when the recording is stored, never before."""
        ...

    def keep(self, take: TakeId) -> None:
        """Put the take's files aside, for a person to look at: no intake and no reconcile sees them again. Never overwrites
        what was put aside before."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One take's two files (None: silence) and where it begins on the timeline, in samples at the job's rate."""

    read: str | None
    write: str | None
    rate_hz: int
    at_sample: int


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """Takes and their places on the recording's timeline. Gaps become silence; where two overlap, both are heard."""

    pieces: tuple[Piece, ...]
    format: Format
    rate_hz: int


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished file, as read back from the disk."""

    samples: int
    """Per channel, at the job's rate."""
    bytes: int
    sha256: str


class Encoder(Protocol):
    """From legs to one stereo file. Runs in a worker thread: it may block."""

    def encode(self, job: EncodeJob, into: str) -> Encoded:
        """Write the (empty) file at `into`, flush it to disk, read it back. Raises Corrupt, also when the result does not
        play as long as the legs, and Unavailable when the disk does not take it."""
        ...

    def samples(self, path: str, media_format: Format, rate_hz: int) -> int:
        """How long a media file plays, in samples per channel at this rate. Raises Corrupt, Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """The file system of the monitor directory: what may still be written there, and how large it is."""

    free_bytes: int
    total_bytes: int


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

    def place(self, manifest: Manifest, path: str, media_from: str | None) -> Manifest:
        """PROMISES' order: sidecar (temporary, fsync, linked), media linked into place, folder fsync; nothing is overwritten.

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
        """Temporary files that nobody has touched for so long, relative to the monitor directory."""
        ...

    def absolute(self, path: str) -> str:
        """Where a file of the library lies on this machine."""
        ...


class Announcer(Protocol):
    """Tones into a live call."""

    @property
    def is_up(self) -> bool:
        """Whether anything can be played now; otherwise the dialplan has to."""
        ...

    async def announce(self, take: Take, outcome: Outcome) -> None:
        """Play the outcome's tone to those whom the setting names; return when its end is proven. Raises Unavailable, Refused."""
        ...

    async def tell(self, leg: LegId, outcome: Outcome, language: str) -> None:
        """Play what a press came to to its presser alone, beside the conversation and not instead of it. Raises likewise."""
        ...


class Lamps(Protocol):
    """The lamps on function keys: custom device states behind hints."""

    async def online(self, user: UserId, *, lit: bool) -> None:
        """The `*3` lamp of a user: lit while a call of this user is being recorded."""
        ...

    async def always(self, user: UserId, *, lit: bool) -> None:
        """The `*26` lamp of a user: lit while the always-record flag is on."""
        ...
