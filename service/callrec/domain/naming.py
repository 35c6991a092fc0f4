"""The only place where an id becomes a file name, and back.

Nothing that a caller, a phone or a file says becomes part of a path here, but for the digits of XiVO's names, which are
filtered. Ids are ours: `<call>` is 26 characters of a ULID in lower case, `<call>-<n>` the call's n-th recording,
`<recording>-<m>` its m-th take.

While the daemon is down the dialplan records by itself and has no ids of ours: its files are called
`degraded-<rule>-<endpoint>-<uniqueid>-<epoch>.<side>.<ext>`. They get a call id that follows from their name alone, so
that a daemon that dies while it adopts them comes to the same id the next time.
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
# An endpoint of 80 characters, and behind it `-<systemname>` of at most 20 (asterisk.c: ast_config_AST_SYSTEM_NAME)
_DEGRADED = re.compile(
    r"degraded-(?P<rule>always|on_demand)-(?P<endpoint>[0-9A-Za-z_.@+-]{1,101})-"
    r"(?P<uniqueid>[0-9]{1,11}\.[0-9]{1,11})-(?P<epoch>[0-9]{1,11})\.(?P<side>read|write)\.(?P<ext>sln|sln16)"
)
_RECORDING = re.compile(r"[0-9a-z]{1,40}-[0-9]{1,12}")
_STORED = re.compile(r"(?:[0-9]{4}/[0-9]{2}/[0-9]{2}/)?[0-9A-Za-z+*#-]{1,200}")
_NOT_XIVO = re.compile(r"[^0-9A-Za-z+*#]")
_XIVO_PART_CHARACTERS = 40

RATES = {"sln": 8000, "sln16": 16000}
"""Headerless signed 16-bit little-endian mono, by Asterisk's extension: rate in Hz."""
_EXTENSIONS = {rate_hz: extension for extension, rate_hz in RATES.items()}

XIVO_PLACES = 50
"""How many recordings may share one XiVO name (same numbers, same second) before we call it a mistake."""


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
        """The file's name in the spool folder. Raises Corrupt for an id or a rate that cannot be ours."""
        recording_of(self.take)
        return f"{self.take}.{self.side.value}.{extension_of(self.rate_hz)}"


@dataclass(frozen=True, slots=True)
class DegradedFile:
    """One file that the dialplan captured without us. `endpoint` tells whose leg it is; with a `systemname` in asterisk.conf
    the endpoint ends in `-<systemname>`, because Asterisk writes that in front of each Uniqueid."""

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
        """What both files of the capture have in their names, and the dialplan's note about it in its key."""
        return f"{self.rule.value}-{self.endpoint}-{self.uniqueid}-{self.epoch_s}"

    @property
    def call(self) -> CallId:
        """The id of the call that this file stands for: the same for its two sides and at each try, and never a ULID's
        (those have 26 characters and begin with a digit)."""
        return CallId(f"d{self.epoch_s}x{self.uniqueid.replace('.', 'x')}")


def extension_of(rate_hz: int) -> str:
    """Asterisk's file extension for headerless audio of this rate. Raises Corrupt when we never capture at it."""
    try:
        return _EXTENSIONS[rate_hz]
    except KeyError:
        raise Corrupt("capture-rate", f"{rate_hz} Hz is not a rate that legs are captured at") from None


def leg_file(name: str) -> LegFile | None:
    """The take that a spool file belongs to; None when the name is not one of ours."""
    match = _LEG_FILE.fullmatch(name)
    return LegFile(TakeId(match["take"]), Side(match["side"]), RATES[match["ext"]]) if match else None


def degraded_file(name: str) -> DegradedFile | None:
    """What the dialplan said in a file's name while the daemon was down; None for every other name."""
    match = _DEGRADED.fullmatch(name)
    if not match or match["epoch"] != str(int(match["epoch"])):
        return None
    rule, side = Rule(match["rule"]), Side(match["side"])
    return DegradedFile(rule, match["endpoint"], match["uniqueid"], int(match["epoch"]), side, RATES[match["ext"]])


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


def is_recording_id(text: str) -> bool:
    """Whether this can be the id of a recording of ours: safe in a path, a key and a line."""
    return _RECORDING.fullmatch(text) is not None


def stored_paths(recording: Recording, names: Names) -> tuple[str, ...]:
    """Where media and sidecar may lie, best first: paths without extension, relative to the monitor directory.

    Our names are unique by themselves: one path. XiVO's are not (two recordings in one second): they count up, and the first
    that no other recording has is the right one.
    """
    if names is Names.CALLREC:
        return (f"{datetime.fromtimestamp(recording.from_s, UTC):%Y/%m/%d}/{recording.id}",)
    stem = _xivo_stem(recording)
    return (stem, *(f"{stem}-{attempt}" for attempt in range(2, XIVO_PLACES + 1)))


def is_stored_path(path: str) -> bool:
    """Whether `stored_paths` can have said this: what lies under another name is not ours to index or to serve."""
    return _STORED.fullmatch(path) is not None


def _xivo_stem(recording: Recording) -> str:
    """`user-<source>-<destination>-<epoch>` for always-record, `auto-<epoch>-<presser>-<peer>` for a press."""
    epoch = int(recording.from_s)
    always = recording.rule is Rule.ALWAYS
    parties = sorted(recording.parties, key=lambda party: not always and party.leg != recording.actor.leg)
    numbers = [_NOT_XIVO.sub("", party.number)[:_XIVO_PART_CHARACTERS] or "unknown" for party in parties]
    first, second = (*numbers, "unknown", "unknown")[:2]
    return f"user-{first}-{second}-{epoch}" if always else f"auto-{epoch}-{first}-{second}"
