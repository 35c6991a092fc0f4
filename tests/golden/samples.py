"""What the golden files are made of: recordings of a real product (`today`), and records with every field filled."""

import json
from dataclasses import replace
from pathlib import Path

from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import (
    Actor,
    ActorKind,
    Capture,
    Control,
    ControlStep,
    GrowthMark,
    Heard,
    Hearing,
    Interval,
    Missing,
    NotHeard,
    Party,
    Pause,
    Presence,
    Quality,
    Recording,
    Renumbering,
    RtpGap,
    Speech,
    Told,
    Waiting,
    WaitingKind,
)
from callrec.domain.directory.model import (
    Context,
    ContextKind,
    Entity,
    Feature,
    FeatureCode,
    FunctionKey,
    Group,
    Incall,
    Line,
    Permission,
    Place,
    Profile,
    Range,
    Role,
    Tables,
    User,
    Voicemail,
)
from callrec.domain.library.annotations import Annotations, Hold, Note
from callrec.domain.library.encryption import EncryptedFile, Encryption
from callrec.domain.library.links import Link
from callrec.domain.library.manifest import (
    SCHEMA,
    Format,
    Manifest,
    Media,
    OldFormat,
    OldSystem,
    Origin,
    StoredState,
    Track,
)
from callrec.domain.library.retention import Retention, RetentionClass, Space
from callrec.domain.library.waveform import Waveform
from callrec.domain.rules import PlaceKind, RecordRules, Rule, UserId

HERE = Path(__file__).parent
TODAY = HERE / "today"
FORMATS = HERE / "formats"
FIRST, SECOND = UserId("1"), UserId("2")
_CAPTURE, _LEG = CaptureId("01m8hzd1bkkkkqmt3a1j9r2g0g-1-1"), LegId("1795899680.1")

FULL = Recording(
    id=RecordingId("01m8hzd1bkkkkqmt3a1j9r2g0g-1"),
    call=CallId("01m8hzd1bkkkkqmt3a1j9r2g0g"),
    linkedid="1795899680.1",
    node=NodeId("pbx"),
    rule=Rule.ON_DEMAND,
    actor=Actor(ActorKind.USER, FIRST, _LEG),
    from_s=1795899680.25,
    to_s=1795899690.5,
    captures=(
        Capture(
            _CAPTURE,
            _LEG,
            "PJSIP/jdoe-00000001",
            8000,
            1795899680.25,
            1795899690.5,
            "0x7f0001",
            "stalled",
            (GrowthMark(0, 1795899680.26), GrowthMark(16384, 1795899682.31)),
            of_others=True,
            rtp_gaps=(RtpGap(1795899683.25, 1795899684.5, 1795899683.15, 1795899684.6),),
        ),
    ),
    parties=(
        Party(
            _LEG, FIRST, "1000", "John Döe", 1795899680.25, 1795899690.5, Quality(512, 3, 1.5, largest_delay_ms=160.0)
        ),
        Party(LegId("1795899680.2"), None, "+33123", '"Ana" <x>', 1795899680.25, None),
    ),
    pauses=(Pause(1795899682.0, 1795899683.0), Pause(1795899684.0, None, is_proven=False, most_s=60.0)),
    controls=(ControlStep(Control.PAUSE, 1795899684.0, Actor(ActorKind.OPERATOR, asker="account:12"), "card number"),),
    announcements=(1795899680.5,),
    hearings=(
        Hearing(_LEG, Told.PROMPT, 1795899680.5, 1795899680.9, "", 19, "fr"),
        Hearing(LegId("1795899680.2"), Told.TONE, 1795899680.5, None, NotHeard.UNFINISHED),
    ),
    missing=(Missing(1795899685.0, 1795899686.0, "deaf-leg", Heard.HEARS),),
    waiting=(
        Waiting(1795899687.0, 1795899688.0, WaitingKind.HOLD),
        Waiting(1795899688.0, 1795899688.5, WaitingKind.ABSENT),
        Waiting(1795899689.0, None, WaitingKind.PARKED),
    ),
    mono_s=123.25,
    renumberings=(Renumbering(_LEG, 1795899684.0, 1795899686.5, is_new_source=True),),
    speech=(Speech(_CAPTURE, _LEG, 1795899680.25, 1795899681.0, proven=False),),
    rule_origin="incall:2050@from-extern",
    is_place_unknown=True,
    cause="stalled",
    end_reason="recorded-user-left",
    timeline_exact_s=0.1,
    may_lack_s=0.25,
    partner_captures=(
        Capture(
            CaptureId("01m8hzd1bkkkkqmt3a1j9r2g0g-1-2"),
            LegId("1795899680.2"),
            "PJSIP/trunk-00000002",
            8000,
            1795899685.0,
            1795899687.5,
            "0x7f0002",
            "stopped-by-another",
            is_partner=True,
            track_s=1795899685.5,
        ),
    ),
)
BARE = Recording(
    id=RecordingId("01m8hzd1bkkkkqmt3a1j9r2g0g-2"),
    call=CallId("01m8hzd1bkkkkqmt3a1j9r2g0g"),
    linkedid="1795899680.1",
    node=NodeId("pbx"),
    rule=Rule.ALWAYS,
    actor=Actor(ActorKind.POLICY),
    from_s=1795899680.25,
)
MEDIA = Media("01m8hzd1bkkkkqmt3a1j9r2g0g-1.wav", Format.WAV, 8000, 82000, 328044, "0" * 64)
TRACKS = (
    Track(
        1,
        (_LEG,),
        FIRST,
        "1000",
        "John Döe",
        (Interval(1795899680.25, 1795899690.5),),
        media=replace(MEDIA, name="01m8hzd1bkkkkqmt3a1j9r2g0g-1.track-1.wav", bytes=164044),
    ),
    Track(
        2,
        (LegId("1795899680.2"), LegId("1795899680.7")),
        None,
        "+33123",
        '"Ana" <x>',
        (Interval(1795899680.25, 1795899682.0), Interval(1795899684.0, 1795899690.5)),
        (Missing(1795899684.0, 1795899684.5, "late-start"),),
    ),
)
MANIFESTS = {
    "full": Manifest(SCHEMA, StoredState.PARTIAL, FULL, MEDIA, ("a hold",), TRACKS),
    "bare": Manifest(SCHEMA, StoredState.UNANSWERED, replace(BARE, cause="unanswered: BUSY")),
    "adopted": Manifest(
        SCHEMA,
        StoredState.ADOPTED,
        replace(BARE, rule=None, cause="cut-off"),
        replace(MEDIA, name="a1795899680x00-1.gsm", format=OldFormat.GSM, is_mono=True),
        origin=Origin(OldSystem.FREEPBX, "out-1-1000-20261128-120000-1795899680.1.gsm", "out", "1795899680.1"),
    ),
}
_PRESENT = (Presence(_LEG, 1795899680.25, 1795899681.0), Presence(LegId("1795899680.2"), 1795899680.25))
ENTRIES = (
    *tuple(Entry(step, FULL) for step in Step),
    Entry(Step.INTENT, BARE),
    Entry(Step.CHANGED, replace(BARE, presences=_PRESENT)),
)
CHANGES = (
    Entry(Step.INTENT, replace(FULL, waiting=(), partner_captures=())),
    Entry(Step.CHANGED, replace(FULL, waiting=FULL.waiting[:1], to_s=None)),
    Entry(Step.CHANGED, FULL),
    Entry(Step.ENDED, FULL),
)
"""Lines of a long recording, which tell what has changed."""
USER = User(
    id=FIRST,
    firstname="John",
    lastname="Döe",
    language="en_US",
    call_record=True,
    online_record=True,
    rules=RecordRules(Rule.NEVER, Rule.ALWAYS, Rule.ON_DEMAND, None),
    outcallerid="anonymous",
    mobilephonenumber="00123456789",
    agentnumber="8000",
    bosssecretary="boss",
    enablehint=False,
    enablexfer=False,
    enableclient=True,
    username="john.doe",
    password_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
    profileclient="client",
    entityid=2,
    dnd=True,
    forward_unconditional="1001",
    forward_no_answer="1002",
    forward_busy="1003",
    voicemail_enabled=False,
    filter_enabled=True,
    agent_logged_in=True,
    page_language="fr",
)
TABLES = Tables(
    users=(USER, User(SECOND, "George")),
    lines=(
        Line("jdoe", FIRST, "1000", "default", "sip", "a-secret"),
        Line("1001", SECOND, "1001", "default", "sccp"),
    ),
    incalls=(Incall("2050", "from-extern", FIRST, 20, Rule.NEVER, "es_ES"), Incall("2051", "from-extern", SECOND)),
    voicemails=(Voicemail("1000", "default", FIRST, "John Döe", "1234", "john@example.com", True, True, True),),
    codes=(FeatureCode(Feature.CALL_RECORD, "*26", enabled=True), FeatureCode(Feature.DND, "*25")),
    contexts=(Context("default", ContextKind.INTERNAL, (Range("1000", "1999"), Range("5", "5")), Rule.ALWAYS),),
    entities=(Entity(1, "default"), Entity(2, "Österreich")),
    profiles=(Profile("client", "user"), Profile("bare")),
    keys=(FunctionKey(FIRST, 1, "user", "2", "George", supervision=True), FunctionKey(FIRST, 2, "call_record")),
    roles=(Role("auditor", (Permission.AUDIT_READ,), second_factor=True),),
    places=(Place(PlaceKind.QUEUE, "Support 2", Rule.ALWAYS), Place(PlaceKind.TRUNK, "provider", Rule.NEVER)),
    groups=(Group("sales", (FIRST, SECOND), (SECOND,)), Group("empty")),
)


WAVEFORM = Waveform("0" * 64, 8000, 801, 2, bytes(range(12)), (((0.0, 0.09), (1.5, 2.25)), ()))
ANNOTATIONS = Annotations(
    RecordingId("01k0000000000000000000000a-1"),
    4,
    (
        Note("n1", "Grüße\nzweite Zeile", "account:7", 1795341600.5, 93.25),
        Note("n2", "x", "token:daemon", 1795341601.0),
    ),
    ("sale", "vip"),
    "long-term",
    (Hold("h1", "lawsuit", "AZ 12/26", "account:7", 1795341602.0),),
    "00112233445566778899aabbccddeeff",
)


RETENTION = Retention(
    (
        RetentionClass(
            "sales", (Rule.ALWAYS,), (UserId("7"),), ("from-extern",), ("sale",), 30.5, 90.0, 3, in_effect=True
        ),
        RetentionClass("rest"),
    ),
    Space(1 << 40, None),
    7,
)
LINKS = (
    Link(
        "k1",
        "0" * 64,
        RecordingId("01k0000000000000000000000a-1"),
        "account:7",
        1795341600.5,
        1795428000.5,
        93.25,
        1795341700.0,
    ),
    Link("k2", "1" * 64, RecordingId("01k0000000000000000000000a-1"), "token:daemon", 1795341600.5, 1795428000.5),
)


def sidecars() -> dict[str, bytes]:
    """What the product of that day wrote, by the recordings' ids."""
    return {path.stem: path.read_bytes() for path in sorted((TODAY / "monitor").rglob("*.json"))}


def journal() -> list[bytes]:
    """Its journal's lines."""
    return [
        line
        for path in sorted((TODAY / "journal").glob("*.log"))
        for line in path.read_bytes().splitlines(keepends=True)
    ]


def as_json(document: object) -> bytes:
    """For people, and for the difference that a change shows."""
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


MASTER_KEY, RECORDING_KEY, SALT = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
SOUND = bytes(range(256))
ENCRYPTION = Encryption(
    FULL.id,
    (EncryptedFile("media", 96_124, "ab" * 32, SALT), EncryptedFile("track-1", 48_108, "cd" * 32, SALT[::-1])),
)
