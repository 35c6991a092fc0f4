"""The manifest of a stored recording, as its sidecar has it.

`sound`: every sample from start to end is there. `partial`: some are, and the captures say which and why. `failed`: it should
have been recorded and there is no audio; the cause says why. `unanswered`: policy wanted it and the call was not answered: no
audio was ever due, the entry explains the missing file. `adopted`: a file of another program, with what its name says.
"""

from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.calls.ids import LegId
from callrec.domain.calls.model import Interval, Missing, Recording
from callrec.domain.rules import UserId


class StoredState(StrEnum):
    """The states of a stored recording."""

    SOUND = "sound"
    PARTIAL = "partial"
    FAILED = "failed"
    UNANSWERED = "unanswered"
    ADOPTED = "adopted"


class Format(StrEnum):
    """Media formats that callrec writes; the value is the file's extension."""

    WAV = "wav"
    FLAC = "flac"
    OPUS = "opus"
    MP3 = "mp3"


class OldFormat(StrEnum):
    """Formats of adopted recordings beside those: they are read and handed out, never written."""

    WAV49 = "wav49"
    """GSM in a WAV file: Asterisk's `.WAV` and `.wav49`."""
    GSM = "gsm"
    ULAW = "ulaw"
    ALAW = "alaw"


AnyFormat = Format | OldFormat


@dataclass(frozen=True, slots=True)
class Media:
    """A file of a recording. `name` is relative to the sidecar's folder. The recording's own has two channels, left is the
    recorded user; a track has one. Of an adopted recording the file is as the other program wrote it: with one channel
    (`is_mono`), or with two of which it is not known which is whose."""

    name: str
    format: AnyFormat
    rate_hz: int
    samples: int
    bytes: int
    sha256: str
    is_mono: bool = False
    """Whether an adopted recording's own file has one channel."""

    @property
    def length_s(self) -> float:
        """How long it plays."""
        return self.samples / self.rate_hz


@dataclass(frozen=True, slots=True)
class Track:
    """The voice of one participant: a file with one channel on the time line of the recording's own, as long as that, and silent
    where they were not in the conversation."""

    nth: int
    """From 1, the recorded user; the others as they came. It is in the file's name."""
    legs: tuple[LegId, ...]
    """Theirs, in order: more than one when they came again."""
    user: UserId | None
    number: str
    name: str
    present: tuple[Interval, ...]
    """When they were in the recorded conversation, in Unix time."""
    missing: tuple[Missing, ...] = ()
    """What of their voice it does not hold though it should. The recording's own file may have it."""
    media: Media | None = None
    """None: it could not be encoded."""


class OldSystem(StrEnum):
    """Programs whose recordings are adopted."""

    XIVO = "xivo"
    FREEPBX = "freepbx"
    WAZO = "wazo"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an adopted recording comes from: what its file's name says, and nothing else."""

    system: OldSystem
    name: str
    """The file's name, without its folder."""
    kind: str = ""
    """How that system calls such calls: `user`, `auto`, `out`, `in`, `rg`, ..."""
    uniqueid: str = ""
    """The Uniqueid of a channel of the call, or Wazo's id of the recording."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the sidecar says: the recording, its state, its media (None when there is no audio), and the tracks of its
    participants, if they were asked for."""

    schema: int
    state: StoredState
    recording: Recording
    media: Media | None = None
    holds: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = ()
    origin: Origin | None = None
    """Of an adopted recording."""

    @property
    def files(self) -> tuple[Media, ...]:
        """All its files: the recording's own first."""
        return tuple(media for _, media in self.parts)

    @property
    def parts(self) -> tuple[tuple[str, Media], ...]:
        """The same, each with what the audit log calls it: `media`, `track-1`, ..."""
        named = [("media", self.media), *((f"track-{track.nth}", track.media) for track in self.tracks)]
        return tuple((part, media) for part, media in named if media is not None)


SCHEMA = 1
"""The schema version that we write. An older one is read and kept as it is; a newer one is refused."""
