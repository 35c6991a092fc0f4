"""Conversations that nothing recorded, as the dialplan notes them: they have an entry without audio."""

from dataclasses import dataclass

from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.library.file_names import FallbackFile


@dataclass(frozen=True, slots=True)
class MissedConversation:
    """A conversation that a rule covers and that nothing recorded: the dialplan took a daemon for alive that had just died."""

    file: FallbackFile
    """What its capture would be called: rule, recorded endpoint, leg, and a name of its own."""
    note: CaptureNote
    """Its participants and its place."""
    linkedid: str
    from_s: float
    to_s: float
