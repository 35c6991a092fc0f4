"""The types of events: what each one says, and its fields. The documents, the stream's reader and docs/events.md are made of this
table.

Outside programs see the fields of this table and no others. An entry of the stream may have more: `user-changed` and
`tables-changed` carry the whole records for other daemons, with secrets in them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from callrec.domain.calls.model import ActorKind
from callrec.domain.library.call_direction import CallDirection
from callrec.domain.library.manifest import StoredState
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import CallFact

VERSION = 1
"""The version of the schema. New types and new optional fields do not change it; a removed field or another meaning does."""


class Kind(StrEnum):
    """The kind of a field's value. In the stream every value is text: texts as they are, everything else as JSON."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    TEXTS = "list of texts"
    OBJECTS = "list of objects"


@dataclass(frozen=True, slots=True)
class EventField:
    """One field of an event."""

    name: str
    says: str
    kind: Kind = Kind.TEXT
    is_required: bool = True
    values: tuple[str, ...] = ()
    """All values that it can have; empty when they are not enumerated."""
    example: object = ""


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event."""

    name: str
    says: str
    fields: tuple[EventField, ...]
    in_stream: bool = True
    """False: the type is made for one subscriber, and is not in the stream."""


_RECORDING_ID = "01m8hzd1bkkkkqmt3a1j9r2g0g-1"
_PATH = f"2026/11/28/{_RECORDING_ID}"
_CALL_ID = "01m8hzd1bkkkkqmt3a1j9r2g0g"
_RULES = tuple(rule.value for rule in Rule)
_DIRECTIONS = tuple(direction.value for direction in CallDirection)


def _optional(
    name: str, says: str, kind: Kind = Kind.TEXT, *, values: tuple[str, ...] = (), example: object = ""
) -> EventField:
    return EventField(name, says, kind, False, values, example)


_RECORDING = _optional("recording", "The recording's id.", example=_RECORDING_ID)
_CALL = _optional("call", "The call's id.", example=_CALL_ID)
_REVISION = EventField("revision", "The number of this change of the tables.", Kind.INTEGER, example=17)
_ACTOR = EventField("actor", "Who made the change: `user:<id>`, `api`, `operator:<name>`.", example="user:1")

CALL_FACTS: Mapping[CallFact, str] = {
    CallFact.RECORDING: "A call's recording has files that grow.",
    CallFact.PAUSED: "A recording is paused: Asterisk has confirmed that nothing is recorded.",
    CallFact.RESUMED: "A recording goes on after a pause.",
    CallFact.RECORDING_ENDED: "A call's recording ended; `recording-stored` follows.",
    CallFact.PRESS_STARTED: "`*3` started a recording.",
    CallFact.PRESS_STOPPED: "`*3` stopped a recording.",
    CallFact.PRESS_PAUSED: "`*4` paused a recording, or `*3` one by rule.",
    CallFact.PRESS_RESUMED: "A press ended the pause.",
    CallFact.PRESS_ABSORBED: "`*3` came too soon after another press, and changed nothing.",
    CallFact.PRESS_IS_PAUSED: "The call's recording is paused by something else: the press changed nothing.",
    CallFact.PRESS_NOT_RECORDED: "The call is not recorded: `*4` changed nothing.",
    CallFact.PRESS_NOT_PAUSED: "Asterisk has not confirmed the pause: what is said may be recorded.",
    CallFact.PRESS_ANNOUNCING: "`*3`: the participants are told first; the recording begins when they have heard it.",
    CallFact.PRESS_ALREADY: "The call is recorded by rule: `*3` changed nothing.",
    CallFact.PRESS_REFUSED: "The phone may not press, or is alone in the call.",
    CallFact.PRESS_FAILED: "`*3` started no recording: no files came.",
    CallFact.PRESS_UNAVAILABLE: "`*3` did nothing: Asterisk could not be reached.",
}
"""What each fact of a call says."""
_OF_A_CALL = (
    _optional("user", "The id of the user who pressed.", example="1"),
    _RECORDING,
    _CALL,
    _optional("rule", "The rule of the recording.", values=_RULES, example="on_demand"),
    _optional("cause", "Why the recording is not whole, or ended early; empty when nothing is known of that."),
)
_QUALITY = "How well each participant's RTP was received: `number`, `received`, `lost`, `jitter_ms`."
_HEARINGS = "Whether each participant has heard that they are recorded: `number`, `what`, `heard`, `cause`."
_MAY_LACK = "So much more may be missing at most, in seconds: silences that nothing tells from a phone's own."
_TRACKS = (
    "Each participant's own file, with CALLREC_TRACKS: `track`, `number`, `user`, `media`, `sha256`, and `missing` (`from_s`, "
    "`to_s`, `cause`): what of their voice it lacks."
)
_OF_AN_ENTRY = (
    EventField("id", "The recording's id.", example=_RECORDING_ID),
    EventField("call", "The call's id.", example=_CALL_ID),
    EventField("state", "State of the recording.", values=tuple(state.value for state in StoredState), example="sound"),
    EventField("path", "The path of media and sidecar in the monitor directory, without extension.", example=_PATH),
    _optional("cause", "Why it is not *sound*."),
    _optional("start_s", "Its start, in seconds since 1970.", Kind.NUMBER, example=1795899680.25),
    _optional("end_s", "Its end, in seconds since 1970.", Kind.NUMBER, example=1795899690.5),
    _optional("rule", "The rule by which it was made.", values=_RULES, example="on_demand"),
    _optional("actor", "Who began it.", values=tuple(kind.value for kind in ActorKind), example="user"),
    _optional("actor_user", "The id of the user who began it; empty for a rule.", example="1"),
    _optional("numbers", "The participants' numbers.", Kind.TEXTS, example=["1000", "+33123"]),
    _optional("users", "The ids of the participants who are users.", Kind.TEXTS, example=["1"]),
    _optional("names", "The participants' names, where they are known.", Kind.TEXTS, example=["John Doe"]),
    _optional("direction", "The direction of the call, from the users' side.", values=_DIRECTIONS, example="incoming"),
    _optional("recorded_user", "The id of the user whose recording it is; empty when unknown.", example="1"),
    _optional("node", "The CALLREC_NODE that recorded it.", example="pbx1"),
    _optional("media", "The path of the media file in the monitor directory; empty without audio.", example=f"{_PATH}.wav"),
    _optional("length_s", "The length of the audio in seconds.", Kind.NUMBER, example=10.25),
    _optional("sha256", "The media file's SHA-256, in hexadecimal digits."),
    _optional("bytes", "The size of the media file.", Kind.INTEGER, example=328044),
    _optional("quality", _QUALITY, Kind.OBJECTS, example=[]),
    _optional("told", _HEARINGS, Kind.OBJECTS, example=[]),
    _optional("timeline_exact_s", "How exact the file's time line is, in seconds.", Kind.NUMBER, example=0.1),
    _optional("may_lack_s", _MAY_LACK, Kind.NUMBER, example=0.0),
    _optional("tracks", _TRACKS, Kind.OBJECTS, example=[]),
    _optional("tags", "Its tags.", Kind.TEXTS, example=["complaint"]),
    _optional("retention_class", "The retention class that it was given.", example="complaints"),
    _optional("rule_origin", "Where its rule hangs, when that is no user.", example="queue:support"),
    _optional("holds", "The reasons of the holds that it is under.", Kind.TEXTS, example=[]),
)  # fmt: skip
_INDEXED = (EventField("recording", "The recording's id.", example=_RECORDING_ID),)
_TOLD = "When the dialplan announced the change without the daemon, in ms since 1970."
TEST = EventType(
    "webhook-test",
    "An operator tests the webhook (`callrec webhooks test`). It comes to that webhook only.",
    (EventField("webhook", "The webhook's id.", example="crm"),),
    in_stream=False,
)
MISSED = EventType(
    "events-missed",
    "First event of a connection whose Last-Event-ID is more than a minute old, or of another store: events between that one and "
    "the next may be missing. Read the current state.",
    (EventField("after", "The Last-Event-ID that was sent.", example="1795899680250-0"),),
    in_stream=False,
)
TYPES: tuple[EventType, ...] = (
    *(EventType(fact.value, says, _OF_A_CALL) for fact, says in CALL_FACTS.items()),
    EventType(
        "recording-stored",
        "A recording is in the library; one without audio (state *failed* or *unanswered*) has an entry, too.",
        _OF_AN_ENTRY,
    ),
    EventType("recording-indexed", "The catalogue has a new or changed entry.", _INDEXED),
    EventType("recording-forgotten", "An entry was removed from the catalogue.", _INDEXED),
    EventType(
        "recordings-rebuilt",
        "The catalogue was rebuilt from the recordings on disk.",
        (EventField("recordings", "The number of its entries.", Kind.INTEGER, example=1200),),
    ),
    EventType(
        "alarm",
        "Something that an operator must see: docs/monitoring.md has what to do for each cause.",
        (
            EventField("cause", "The cause, up to the first colon; more about it may follow.", example="stalled"),
            _optional("take", "The capture's id.", example=f"{_RECORDING_ID}-1"),
            _CALL,
            _RECORDING,
        ),
    ),
    EventType(
        "user-changed",
        "A feature code or a key changed a user.",
        (
            _REVISION,
            EventField("user", "The user's id.", example="1"),
            EventField("function", "The names of the changed fields, separated by blanks.", example="call_record"),
            _optional("status", "The state of the `*26` flag after it was changed.", values=("on", "off"), example="on"),
            _optional("told_ms", _TOLD, Kind.INTEGER, example=1795899680250),
            _ACTOR,
        ),
    ),
    EventType(
        "code-changed",
        "A feature code was changed.",
        (_REVISION, EventField("feature", "The feature.", example="call_record"), _ACTOR),
    ),
    EventType(
        "tables-changed",
        "Users, lines, numbers or other tables were changed by the API, a command or an import.",
        (_REVISION, EventField("edition", "The number of this edit.", Kind.INTEGER, example=5), _ACTOR),
    ),
    MISSED,
    TEST,
)  # fmt: skip
"""All types, in the order of the documents."""
BY_NAME: Mapping[str, EventType] = {one.name: one for one in TYPES}
