"""The only place where an id becomes a file name, and back.

Nothing that a caller, a phone or a file says becomes part of a path here, but for the digits of XiVO's names, which are
filtered. Ids are ours: `<call>` is 26 characters of a ULID in lower case, `<call>-<n>` the call's n-th recording,
`<recording>-<m>` its m-th take.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from callrec.domain.errors import Corrupt
from callrec.domain.model import CallId, Recording, RecordingId, TakeId
from callrec.domain.provisioning.model import Rule

_TAKE = re.compile(r"(?P<recording>[0-9a-z]{1,40}-[0-9]{1,6})-[0-9]{1,6}")
_LEG_FILE = re.compile(r"(?P<take>[0-9a-z]{1,40}-[0-9]{1,6}-[0-9]{1,6})\.(?P<side>read|write)\.(?P<ext>sln|sln16)")
_NOT_XIVO = re.compile(r"[^0-9A-Za-z+*#]")
_XIVO_PART_CHARACTERS = 40

RATES = {"sln": 8000, "sln16": 16000}
"""Headerless signed 16-bit little-endian mono, by Asterisk's extension: rate in Hz."""


class Names(StrEnum):
    """How media files are called: by our id in folders of days, or flat by XiVO's pattern."""

    CALLREC = "callrec"
    XIVO = "xivo"


class Side(StrEnum):
    """One leg's two directions, named as Asterisk does: READ is what the leg says, WRITE what it hears."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class LegFile:
    """One captured file of a take in the spool."""

    take: TakeId
    side: Side
    rate_hz: int

    @property
    def name(self) -> str:
        """The file's name in the spool folder."""
        extension = next(ext for ext, rate in RATES.items() if rate == self.rate_hz)
        return f"{self.take}.{self.side.value}.{extension}"


def leg_file(name: str) -> LegFile | None:
    """The take that a spool file belongs to; None when the name is not one of ours."""
    match = _LEG_FILE.fullmatch(name)
    return LegFile(TakeId(match["take"]), Side(match["side"]), RATES[match["ext"]]) if match else None


def recording_id(call: CallId, nth: int) -> RecordingId:
    """The id of a call's n-th recording, counted from 1."""
    return RecordingId(f"{call}-{nth}")


def take_id(recording: RecordingId, nth: int) -> TakeId:
    """The id of a recording's n-th take, counted from 1."""
    return TakeId(f"{recording}-{nth}")


def recording_of(take: TakeId) -> RecordingId:
    """The recording that a take belongs to. Raises Corrupt when it is no take id."""
    match = _TAKE.fullmatch(take)
    if not match:
        raise Corrupt("take-id", f"{take!r} is not the id of a take")
    return RecordingId(match["recording"])


def stored_path(recording: Recording, names: Names, attempt: int = 1) -> str:
    """Path of media and sidecar without extension, relative to the monitor directory.

    Our names are unique by themselves. XiVO's are not (two recordings in one second): `attempt` above 1 appends `-<attempt>`,
    and the caller counts up while the path is taken by another recording.
    """
    if names is Names.CALLREC:
        return f"{datetime.fromtimestamp(recording.from_s, UTC):%Y/%m/%d}/{recording.id}"
    epoch = int(recording.from_s)
    numbers = [_NOT_XIVO.sub("", party.number)[:_XIVO_PART_CHARACTERS] or "unknown" for party in recording.parties]
    first, second = (*numbers, "unknown", "unknown")[:2]
    stem = f"user-{first}-{second}-{epoch}" if recording.rule is Rule.ALWAYS else f"auto-{epoch}-{first}-{second}"
    return stem if attempt == 1 else f"{stem}-{attempt}"
