"""The names and shapes that a recording has outside: in its sidecar and in the journal.

These types are the format, and `recording_codec` says which inside name stands for which outside one: a field that is renamed
inside changes nothing on a disk. `tests/golden` holds files that were written before, byte for byte; how to change a format on
purpose: docs/TESTING.md, *Formats that are frozen*.

What an older version did not write yet is `NotRequired`. The order of the keys is that in which they are written.
"""

from typing_extensions import NotRequired, TypedDict  # noqa: UP035 - pydantic needs it below Python 3.12

from callrec.domain.lifecycle import Format, State, Step
from callrec.domain.model import ActorKind, Heard, WaitingKind
from callrec.domain.provisioning.model import Rule


class ActorFormat(TypedDict):
    """Who caused the recording."""

    kind: ActorKind
    user: NotRequired[str | None]
    leg: NotRequired[str | None]


class TakeFormat(TypedDict):
    """One continuous capture."""

    id: str
    leg: str
    channel: str
    rate_hz: int
    from_s: float
    to_s: NotRequired[float | None]
    mixmonitor: NotRequired[str]
    cause: NotRequired[str]


class PartyFormat(TypedDict):
    """A leg's presence in the conversation."""

    leg: str
    user: str | None
    number: str
    name: str
    from_s: float
    to_s: NotRequired[float | None]


class PauseFormat(TypedDict):
    """From and to of a pause."""

    from_s: float
    to_s: NotRequired[float | None]


class MissingFormat(TypedDict):
    """Sound that the file lacks."""

    from_s: float
    to_s: float
    cause: str
    side: NotRequired[Heard]


class WaitingFormat(TypedDict):
    """Time in which the participants waited."""

    from_s: float
    to_s: float | None
    kind: WaitingKind


class SpeechFormat(TypedDict):
    """Who was heard to speak, and when."""

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
    rule: Rule
    actor: ActorFormat
    from_s: float
    to_s: NotRequired[float | None]
    takes: NotRequired[tuple[TakeFormat, ...]]
    parties: NotRequired[tuple[PartyFormat, ...]]
    pauses: NotRequired[tuple[PauseFormat, ...]]
    announcements: NotRequired[tuple[float, ...]]
    missing: NotRequired[tuple[MissingFormat, ...]]
    waiting: NotRequired[tuple[WaitingFormat, ...]]
    mono_s: NotRequired[float | None]
    speech: NotRequired[tuple[SpeechFormat, ...]]
    cause: NotRequired[str]
    end_reason: NotRequired[str]


class MediaFormat(TypedDict):
    """The one file of a recording."""

    name: str
    format: Format
    rate_hz: int
    samples: int
    bytes: int
    sha256: str


class ManifestFormat(TypedDict):
    """A sidecar."""

    schema: int
    state: State
    recording: RecordingFormat
    media: NotRequired[MediaFormat | None]
    holds: NotRequired[tuple[str, ...]]


class EntryFormat(TypedDict):
    """A journal line without its checksum."""

    step: Step
    recording: RecordingFormat
