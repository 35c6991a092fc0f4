"""What a recording becomes: the steps on its way to the disk, and the states of a stored one.

    sound ------+
    partial ----+--> held <--> (released) --> expired | erased
    failed -----+
    unanswered -+

`sound`: every sample from start to end is there. `partial`: some are, and the takes say which and why. `failed`: it should
have been recorded and there is no audio; the cause says why. `unanswered`: policy wanted it and nobody answered: no audio
was ever due, the entry explains the missing file. Holds, expiry and erasure come with the library.
"""

from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.model import Recording


class Step(StrEnum):
    """Why a journal entry was written. The last entry of a recording is the truth about it after a crash."""

    INTENT = "intent"
    """A take is about to be asked for: its files may exist from here on."""
    OPENED = "opened"
    """Asterisk has opened the take's files and told the MixMonitorID."""
    CHANGED = "changed"
    """Paused, resumed, a party joined or left, a take ended and another goes on."""
    ENDED = "ended"
    """No take is open any more: intake owns it now."""
    FINISHED = "finished"
    """Sidecar and media are in the monitor directory, the index knows, the spool is dropped."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: the whole recording as it is after this step."""

    step: Step
    recording: Recording


class State(StrEnum):
    """The states of a stored recording; see the module's text."""

    SOUND = "sound"
    PARTIAL = "partial"
    FAILED = "failed"
    UNANSWERED = "unanswered"


class Format(StrEnum):
    """Media formats; the value is the file's extension."""

    WAV = "wav"
    FLAC = "flac"
    OPUS = "opus"
    MP3 = "mp3"


@dataclass(frozen=True, slots=True)
class Media:
    """The one file of a recording. `name` is relative to the sidecar's folder; two channels, left is the recorded user."""

    name: str
    format: Format
    rate_hz: int
    samples: int
    bytes: int
    sha256: str

    @property
    def length_s(self) -> float:
        """How long it plays."""
        return self.samples / self.rate_hz


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the sidecar says: the recording, its state, and its media (None when there is no audio)."""

    schema: int
    state: State
    recording: Recording
    media: Media | None = None
    holds: tuple[str, ...] = ()


SCHEMA = 1
"""The schema version that we write. An older one is read and kept as it is; a newer one is refused."""
