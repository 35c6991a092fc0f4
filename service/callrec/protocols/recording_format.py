"""The names and shapes of a recording in its sidecar and in the journal.

These types are the format. `recording_codec` maps each field of the domain to its name here, so that a rename in the domain does
not change files. `tests/golden` has files of earlier versions, byte for byte; how to change a format on purpose: docs/TESTING.md,
*Formats that are frozen*.

Fields that an older version did not write are `NotRequired`. Keys are written in this order.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import NotRequired, TypedDict  # noqa: UP035 - pydantic needs it below Python 3.12

from callrec.domain.calls.journal import Step
from callrec.domain.calls.model import ActorKind, Control, Heard, Told, WaitingKind
from callrec.domain.library.manifest import Format, OldFormat, OldSystem, StoredState
from callrec.domain.rules import Rule

Sha256Format = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""The digest of a file, as `sha256sum` prints it."""


class ActorFormat(TypedDict):
    """The actor that caused the recording."""

    kind: ActorKind
    user: NotRequired[str | None]
    leg: NotRequired[str | None]
    asker: NotRequired[str]


class GrowthMarkFormat(TypedDict):
    """When the files of a capture had which length."""

    samples: int
    at_s: float


class RtpGapFormat(TypedDict):
    """When no RTP packet came or went."""

    from_s: float
    to_s: float
    since_s: NotRequired[float | None]
    until_s: NotRequired[float | None]


class CaptureFormat(TypedDict):
    """One continuous capture."""

    id: str
    leg: str
    channel: str
    rate_hz: int
    from_s: float
    to_s: NotRequired[float | None]
    mixmonitor: NotRequired[str]
    cause: NotRequired[str]
    marks: NotRequired[tuple[GrowthMarkFormat, ...]]
    of_others: NotRequired[bool]
    rtp_gaps: NotRequired[tuple[RtpGapFormat, ...]]
    """Only where there are any."""
    track_s: NotRequired[float | None]
    """Only where there is one."""


class QualityFormat(TypedDict):
    """What was counted of a participant's RTP."""

    received: int
    lost: int
    jitter_ms: float
    packet_ms: NotRequired[float]
    largest_delay_ms: NotRequired[float]
    """Only where it is known."""


class PartyFormat(TypedDict):
    """A leg's presence in the conversation."""

    leg: str
    user: str | None
    number: str
    name: str
    from_s: float
    to_s: NotRequired[float | None]
    rtp: NotRequired[QualityFormat | None]


class PresenceFormat(TypedDict):
    """A leg's time in the recorded conversation."""

    leg: str
    from_s: float
    to_s: float | None


class IntervalFormat(TypedDict):
    """From and to."""

    from_s: float
    to_s: NotRequired[float | None]


class PauseFormat(TypedDict):
    """From and to of a pause. The others only where they are not the usual."""

    from_s: float
    to_s: NotRequired[float | None]
    proven: NotRequired[bool]
    most_s: NotRequired[float]


class ControlFormat(TypedDict):
    """A start, stop, pause or resume that was asked for: when, who asked, and why."""

    control: Control
    at_s: float
    actor: ActorFormat
    reason: str


class MissingFormat(TypedDict):
    """A gap: audio that is missing in the file."""

    from_s: float
    to_s: float
    cause: str
    side: NotRequired[Heard]


class WaitingFormat(TypedDict):
    """Time in which the participants waited."""

    from_s: float
    to_s: float | None
    kind: WaitingKind


class HearingFormat(TypedDict):
    """Whether a participant has heard that they are recorded."""

    leg: str
    what: Told
    from_s: float
    to_s: float | None
    heard: bool
    cause: str
    packets: int | None
    language: NotRequired[str]


class RenumberingFormat(TypedDict):
    """When a phone restarted its RTP numbering."""

    leg: str
    from_s: float
    to_s: float
    new_source: bool
    behind_s: float | None


class SpeechFormat(TypedDict):
    """When a participant was heard to speak."""

    take: str
    leg: str
    since_s: float
    at_s: float
    proven: NotRequired[bool]


class RecordingFormat(TypedDict):
    """A recording."""

    id: str
    call: str
    linkedid: str
    node: str
    rule: Rule | None
    """None only of an adopted recording."""
    actor: ActorFormat
    from_s: float
    to_s: NotRequired[float | None]
    takes: NotRequired[tuple[CaptureFormat, ...]]
    parties: NotRequired[tuple[PartyFormat, ...]]
    pauses: NotRequired[tuple[PauseFormat, ...]]
    announcements: NotRequired[tuple[float, ...]]
    missing: NotRequired[tuple[MissingFormat, ...]]
    waiting: NotRequired[tuple[WaitingFormat, ...]]
    mono_s: NotRequired[float | None]
    speech: NotRequired[tuple[SpeechFormat, ...]]
    rule_origin: NotRequired[str]
    cause: NotRequired[str]
    end_reason: NotRequired[str]
    timeline_exact_s: NotRequired[float | None]
    partner_captures: NotRequired[tuple[CaptureFormat, ...]]
    """Only where there are any; likewise the next one."""
    hearings: NotRequired[tuple[HearingFormat, ...]]
    presences: NotRequired[tuple[PresenceFormat, ...]]
    """Only in the journal, of a recording with tracks."""
    place_unknown: NotRequired[bool]
    """Only where it is true."""
    controls: NotRequired[tuple[ControlFormat, ...]]
    """Only where there are any."""
    renumberings: NotRequired[tuple[RenumberingFormat, ...]]
    """Only in the journal, where there are any."""
    may_lack_s: NotRequired[float]
    """Only of a stored file."""


class MediaFormat(TypedDict):
    """A file of a recording."""

    name: str
    format: Format | OldFormat
    rate_hz: int
    samples: int
    bytes: int
    sha256: Sha256Format
    mono: NotRequired[bool]
    """Only where it is true."""


class TrackFormat(TypedDict):
    """One participant's voice."""

    track: int
    user: str | None
    number: str
    name: str
    legs: tuple[str, ...]
    present: tuple[IntervalFormat, ...]
    missing: tuple[MissingFormat, ...]
    media: MediaFormat | None


class OriginFormat(TypedDict):
    """Where an adopted recording comes from."""

    system: OldSystem
    name: str
    kind: str
    uniqueid: str


class ManifestFormat(TypedDict):
    """A sidecar."""

    schema: int
    state: StoredState
    recording: RecordingFormat
    media: NotRequired[MediaFormat | None]
    holds: NotRequired[tuple[str, ...]]
    tracks: NotRequired[tuple[TrackFormat, ...]]
    """Only where there are any."""
    origin: NotRequired[OriginFormat]
    """Only of an adopted recording."""


class EntryFormat(TypedDict):
    """A journal line without its checksum."""

    step: Step
    recording: RecordingFormat


class ChangeFormat(TypedDict):
    """A journal line without its checksum that tells only what has changed since the line before it: `journal_lines`."""

    step: Step
    since: str
    kept: dict[str, int]
    recording: dict[str, object]
