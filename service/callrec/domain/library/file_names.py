"""File names of captures and recordings: the only module that converts ids into names and back.

Text from callers, phones or files never becomes part of a path, except the digits in XiVO's names, which are filtered. callrec
creates all ids (`calls.ids`).

In fallback mode the dialplan records without such ids, into files named
`degraded-<rule>-<endpoint>-<uniqueid>-<epoch>.<side>.<ext>`. Their call id is derived from this name, so that a daemon that dies
while it adopts them gets the same id the next time.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from callrec.domain.calls.ids import CallId, CaptureId, capture_id, recording_id, recording_of
from callrec.domain.calls.model import Recording
from callrec.domain.errors import Corrupt
from callrec.domain.library.manifest import AnyFormat
from callrec.domain.rules import Rule

_LEG_FILE = re.compile(r"(?P<take>[0-9a-z]{1,40}-[0-9]{1,6}-[0-9]{1,6})\.(?P<side>read|write)\.(?P<ext>sln|sln16)")
# An endpoint of 80 characters, and behind it `-<systemname>` of at most 20 (asterisk.c: ast_config_AST_SYSTEM_NAME)
_FALLBACK = re.compile(
    r"degraded-(?P<rule>always|on_demand)-(?P<endpoint>[0-9A-Za-z_.@+-]{1,101})-"
    r"(?P<uniqueid>[0-9]{1,11}\.[0-9]{1,11})-(?P<epoch>[0-9]{1,11})\.(?P<side>read|write)\.(?P<ext>sln|sln16)"
)
_STORED = re.compile(r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2}/)?[0-9A-Za-z+*#-]{1,200}")
_NOT_XIVO = re.compile(r"[^0-9A-Za-z+*#]")
_XIVO_PART_CHARACTERS = 40

RATES = {"sln": 8000, "sln16": 16000}
"""Headerless signed 16-bit little-endian mono, by Asterisk's extension: rate in Hz."""
_EXTENSIONS = {rate_hz: extension for extension, rate_hz in RATES.items()}

XIVO_PLACES = 50
"""The most recordings with the same XiVO name (same numbers, same second); more are an error."""


class Names(StrEnum):
    """The names of media files: callrec's id in folders by day, or XiVO's pattern in one folder."""

    CALLREC = "callrec"
    XIVO = "xivo"


class Side(StrEnum):
    """One leg's two directions, named as Asterisk does: READ is what the leg says, WRITE what it hears."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """One captured file of a capture in the spool."""

    capture: CaptureId
    side: Side
    rate_hz: int

    @property
    def name(self) -> str:
        """The file's name in the spool folder. Raises Corrupt for an id or a rate that callrec does not use."""
        recording_of(self.capture)
        return f"{self.capture}.{self.side.value}.{extension_of(self.rate_hz)}"


@dataclass(frozen=True, slots=True)
class FallbackFile:
    """One file of a fallback capture. `endpoint`: that of its leg; with a `systemname` in asterisk.conf it ends in
    `-<systemname>`, because Asterisk writes that in front of each Uniqueid."""

    rule: Rule
    endpoint: str
    uniqueid: str
    epoch_s: int
    side: Side
    rate_hz: int

    @property
    def name(self) -> str:
        """The file's name in the spool folder."""
        return f"degraded-{self.stem}.{self.side.value}.{extension_of(self.rate_hz)}"

    @property
    def stem(self) -> str:
        """The common part of both files' names, and of the key of the dialplan's note about the capture."""
        return f"{self.rule.value}-{self.endpoint}-{self.uniqueid}-{self.epoch_s}"

    @property
    def call(self) -> CallId:
        """The call id for this file: the same for both sides and at each try, and different from any ULID (those have 26
        characters and begin with a digit)."""
        return CallId(f"d{self.epoch_s}x{self.uniqueid.replace('.', 'x')}")

    @property
    def capture(self) -> CaptureId:
        """The id of the capture of which this file becomes a side; it is the only capture of its call."""
        return capture_id(recording_id(self.call, 1), 1)


def extension_of(rate_hz: int) -> str:
    """Asterisk's file extension for headerless audio of this rate. Raises Corrupt for a rate that callrec does not use."""
    try:
        return _EXTENSIONS[rate_hz]
    except KeyError:
        raise Corrupt("capture-rate", f"{rate_hz} Hz is not a rate that legs are captured at") from None


def leg_file(name: str) -> CaptureFile | None:
    """The capture and side of a spool file; None for a name that callrec does not give."""
    match = _LEG_FILE.fullmatch(name)
    return CaptureFile(CaptureId(match["take"]), Side(match["side"]), RATES[match["ext"]]) if match else None


def fallback_file(name: str) -> FallbackFile | None:
    """The parts of the name of a fallback capture's file; None for every other name."""
    match = _FALLBACK.fullmatch(name)
    if not match or match["epoch"] != str(int(match["epoch"])):
        return None
    rule, side = Rule(match["rule"]), Side(match["side"])
    return FallbackFile(rule, match["endpoint"], match["uniqueid"], int(match["epoch"]), side, RATES[match["ext"]])


def stored_paths(recording: Recording, names: Names) -> tuple[str, ...]:
    """Possible paths of media and sidecar, best first: without extension, relative to the monitor directory.

    callrec's names are unique: one path. XiVO's are not (two recordings in one second): a number is appended, and the first path
    without another recording is used.
    """
    if names is Names.CALLREC:
        return (f"{datetime.fromtimestamp(recording.from_s, UTC):%Y/%m/%d}/{recording.id}",)
    stem = _xivo_stem(recording)
    return (stem, *(f"{stem}-{attempt}" for attempt in range(2, XIVO_PLACES + 1)))


def track_path(path: str, nth: int) -> str:
    """The path of a recording's n-th track, without extension. It has the number of the track and no text from outside; a dot is
    in no recording's name."""
    return f"{path}.track-{nth}"


def peaks_path(path: str) -> str:
    """The file of peaks beside the media at this path (a recording's or a track's, without extension)."""
    return f"{path}.peaks"


def key_path(path: str) -> str:
    """The key file of the encrypted recording at this path (without extension)."""
    return f"{path}.key"


def stem_and_part(name: str) -> tuple[str, str]:
    """The stem of the recording that a file of the library belongs to, and which part of it the file is: `media`, `track-1`, ...;
    empty for what the sidecar says nothing of. A dot is in no stem."""
    stem, _, rest = name.partition(".")
    part, dot, extension = rest.rpartition(".")
    if "peaks" in {rest, extension}:
        return stem, ""
    return stem, part if dot else "media"


def annotations_path(path: str) -> str:
    """The file of annotations beside the sidecar at this path (without extension)."""
    return f"{path}.annotations.json"


def is_annotations(name: str) -> bool:
    """Whether this is the name of a file of annotations, and of no sidecar."""
    return name.endswith(".annotations.json")


def is_file_of(path: str, name: str) -> bool:
    """Whether this can be a file of the recording at this path: its stem, a dot, and no further folder."""
    return name.startswith(f"{path}.") and "/" not in name[len(path) :]


def media_name(path: str, media_format: AnyFormat) -> str:
    """The name of the file at this path, relative to the folder of its sidecar."""
    return f"{path.rpartition('/')[2]}.{media_format.value}"


def is_stored_path(path: str) -> bool:
    """Whether this is a possible result of `stored_paths`; files with other names are neither indexed nor served."""
    return _STORED.fullmatch(path) is not None


def _xivo_stem(recording: Recording) -> str:
    """`user-<source>-<destination>-<epoch>` for always-record, `auto-<epoch>-<presser>-<peer>` for a press."""
    epoch = int(recording.from_s)
    always = recording.rule is Rule.ALWAYS
    parties = sorted(recording.parties, key=lambda party: not always and party.leg != recording.actor.leg)
    numbers = [_NOT_XIVO.sub("", party.number)[:_XIVO_PART_CHARACTERS] or "unknown" for party in parties]
    first, second = (*numbers, "unknown", "unknown")[:2]
    return f"user-{first}-{second}-{epoch}" if always else f"auto-{epoch}-{first}-{second}"
