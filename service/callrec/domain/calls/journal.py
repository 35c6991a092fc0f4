"""The entries of the journal: the steps of a recording on its way to the disk."""

from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.calls.model import Recording


class Step(StrEnum):
    """Why a journal entry was written. The last entry of a recording is the truth about it after a crash."""

    INTENT = "intent"
    """A capture is about to be asked for: its files may exist from here on."""
    OPENED = "opened"
    """Asterisk has opened the capture's files and told the MixMonitorID."""
    CHANGED = "changed"
    """Paused, resumed, a party joined or left, a capture ended and another goes on."""
    ENDED = "ended"
    """No capture is open any more: the finalizer has it now."""
    FINISHED = "finished"
    """Sidecar and media are in the monitor directory, the catalogue has it, the captures are removed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: the whole recording as it is after this step."""

    step: Step
    recording: Recording
