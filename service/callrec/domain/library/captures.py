"""The files of a capture in the spool, their events, and the encoder's job, which makes one media file of several captures."""

from dataclasses import dataclass

from callrec.domain.calls.ids import CaptureId
from callrec.domain.error_codes import ErrorCode
from callrec.domain.library.file_names import CaptureFile, FallbackFile
from callrec.domain.library.manifest import AnyFormat, Format
from callrec.domain.library.waveform import Waveform

SAMPLE_BYTES = 2
"""Asterisk writes signed 16-bit samples (`.sln`, `.sln16`)."""


@dataclass(frozen=True, slots=True)
class CaptureFiles:
    """The two files of one capture in the spool, headerless 16-bit audio. A side without a file is None."""

    capture: CaptureId
    rate_hz: int
    read_bytes: int | None
    write_bytes: int | None
    impossible: str = ""
    """Why Asterisk cannot have written these files (`sparse-file: ...`, `linked-file: ...`); empty when it can."""

    @property
    def bytes(self) -> int:
        """The size of both files together."""
        return (self.read_bytes or 0) + (self.write_bytes or 0)

    @property
    def shorter_bytes(self) -> int:
        """The size of the smaller file; 0 while one is missing."""
        return min(self.read_bytes or 0, self.write_bytes or 0)

    @property
    def length_s(self) -> float:
        """How long the capture plays: the longer side, in whole samples. 0 when Asterisk cannot have written the files."""
        return 0.0 if self.impossible else self._seconds(max(self.read_bytes or 0, self.write_bytes or 0))

    def _seconds(self, size_bytes: int) -> float:
        return size_bytes // SAMPLE_BYTES / self.rate_hz


@dataclass(frozen=True, slots=True)
class FileCreated:
    """A file has appeared in the spool: Asterisk has opened it."""

    file: CaptureFile | FallbackFile


@dataclass(frozen=True, slots=True)
class FileClosed:
    """Its writer has closed it: it will not grow any more."""

    file: CaptureFile | FallbackFile


@dataclass(frozen=True, slots=True)
class Rescanned:
    """The first event, and the one after the kernel dropped some: each file that exists has just been told as created;
    a `FileClosed` may have been missed, so compare sizes over time."""

    captured_files: tuple[CaptureFiles, ...]


SpoolEvent = FileCreated | FileClosed | Rescanned


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples `from_sample` to `to_sample` of a capture's files take `samples` of its timeline, from `at_sample` on, all at the
    files' own rate. Between two stretches is silence. Where the lengths differ (a phone's clock that runs fast or slow), single
    samples are left out or taken twice, faded into their neighbours. An empty stretch marks where the timeline ends."""

    from_sample: int
    to_sample: int
    at_sample: int
    samples: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One capture's two files (None: silence) and where it begins on the timeline, in samples at the job's rate.

    `stretches`: which of its samples stand where from there on, ascending; without any they stand one after another."""

    read: str | None
    write: str | None
    rate_hz: int
    at_sample: int
    stretches: tuple[Stretch, ...] = ()
    is_own_voice: bool = False
    """Whether the write side is what the captured leg itself says (a capture of others), so that its silence shows nothing."""


@dataclass(frozen=True, slots=True)
class PartnerPiece:
    """A partner capture, which stands in where the recorded leg's own captures are silent. `spans`: from and to in samples of the
    timeline, the only places where it may be used. Its piece may begin before the timeline."""

    piece: Piece
    spans: tuple[tuple[int, int], ...]
    both: tuple[tuple[int, int], ...] = ()
    """Those parts of them in which two talked with each other: what the partner hears there is the recorded user alone."""
    of_others: bool = False
    """Whether it stands beside a capture of others: then both voices belong to the right channel."""


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """Captures and their places on the recording's timeline. Gaps become silence; where two overlap, both are heard."""

    pieces: tuple[Piece, ...]
    format: Format
    rate_hz: int
    partners: tuple[PartnerPiece, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackVoice:
    """One source of a track: a side of this piece, in these places of the timeline only (from and to in samples)."""

    piece: Piece
    is_heard: bool
    """Whether it is what the piece's leg hears (`write`), and not what it says (`read`)."""
    spans: tuple[tuple[int, int], ...]
    is_partner: bool = False
    """A partner's own capture: its exact place is looked for, and it may begin before the timeline."""


@dataclass(frozen=True, slots=True)
class TrackJob:
    """A participant's voice as one channel, `samples` long, on the time line of this recording."""

    recording: EncodeJob
    samples: int
    voices: tuple[TrackVoice, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A finished file, as read back from the disk."""

    samples: int
    """Per channel, at the job's rate."""
    bytes: int
    sha256: str
    waveform: Waveform | None = None
    """Of a recording that was just encoded from its captures."""


@dataclass(frozen=True, slots=True)
class Played:
    """What a file of another program holds, all of it decoded."""

    format: AnyFormat
    """A WAV file may hold GSM."""
    rate_hz: int
    channels: int
    samples: int
    """Per channel."""
    is_cut_off: bool = False
    """Whether its header speaks of more than there is."""


@dataclass(frozen=True, slots=True)
class Room:
    """The file system of the monitor directory: what may still be written there, and how large it is."""

    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class SpoolTrouble:
    """Why Asterisk's files do not reach the daemon: a code, a sentence, and what an operator has to do."""

    code: ErrorCode
    says: str
    write: str
