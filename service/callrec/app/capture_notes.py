"""The other participant of a fallback capture, as the dialplan noted it: the file's name has room for one of the two."""

from dataclasses import dataclass, replace
from typing import Protocol

from callrec.app.translation import Endpoints, by_name, number_in
from callrec.domain.model import LegId, Party, Recording
from callrec.domain.naming import DegradedFile


@dataclass(frozen=True, slots=True)
class CaptureNote:
    """The other participant: the endpoint where it is a phone of a user, and the number dialled or shown. Either may be empty."""

    endpoint: str
    number: str


class CaptureNotes(Protocol):
    """Where the dialplan keeps its notes."""

    async def read(self, file: DegradedFile) -> CaptureNote | None:
        """The note of this capture; None when there is none. Raises Unavailable, Refused."""
        ...

    async def forget(self, file: DegradedFile) -> None:
        """Remove it; nothing when there is none. Raises Unavailable, Refused."""
        ...


def with_other(recording: Recording, note: CaptureNote, endpoints: Endpoints) -> Recording:
    """The recording with its other participant, as far as the note and the tables tell."""
    found = by_name(endpoints, note.endpoint)
    number = found.line.number if found else number_in(note.number)
    if not number:
        return recording
    user, name = (found.user.id, found.user.name) if found else (None, "")
    return replace(
        recording, parties=(*recording.parties, Party(LegId(f"called:{number}"), user, number, name, recording.from_s))
    )
