"""What the golden files are made of: recordings of a real product (`today`), and records with every field filled."""

import json
from dataclasses import replace
from pathlib import Path

from callrec.domain.lifecycle import SCHEMA, Entry, Format, Manifest, Media, State, Step
from callrec.domain.model import (
    Actor,
    ActorKind,
    CallId,
    Heard,
    Interval,
    LegId,
    Missing,
    NodeId,
    Party,
    Recording,
    RecordingId,
    Speech,
    Take,
    TakeId,
    Waiting,
    WaitingKind,
)
from callrec.domain.provisioning.model import (
    Context,
    ContextKind,
    Entity,
    Feature,
    FeatureCode,
    FunctionKey,
    Incall,
    Line,
    Permission,
    Profile,
    Range,
    RecordRules,
    Role,
    Rule,
    Tables,
    User,
    UserId,
    Voicemail,
)

HERE = Path(__file__).parent
TODAY = HERE / "today"
FORMATS = HERE / "formats"
FIRST, SECOND = UserId("1"), UserId("2")
_TAKE, _LEG = TakeId("01m8hzd1bkkkkqmt3a1j9r2g0g-1-1"), LegId("1795899680.1")

FULL = Recording(
    id=RecordingId("01m8hzd1bkkkkqmt3a1j9r2g0g-1"),
    call=CallId("01m8hzd1bkkkkqmt3a1j9r2g0g"),
    linkedid="1795899680.1",
    node=NodeId("pbx"),
    rule=Rule.ON_DEMAND,
    actor=Actor(ActorKind.USER, FIRST, _LEG),
    from_s=1795899680.25,
    to_s=1795899690.5,
    takes=(Take(_TAKE, _LEG, "PJSIP/jdoe-00000001", 8000, 1795899680.25, 1795899690.5, "0x7f0001", "stalled"),),
    parties=(
        Party(_LEG, FIRST, "1000", "John Döe", 1795899680.25, 1795899690.5),
        Party(LegId("1795899680.2"), None, "+33123", '"Ana" <x>', 1795899680.25, None),
    ),
    pauses=(Interval(1795899682.0, 1795899683.0), Interval(1795899684.0, None)),
    announcements=(1795899680.5,),
    missing=(Missing(1795899685.0, 1795899686.0, "deaf-leg", Heard.HEARS),),
    waiting=(Waiting(1795899687.0, 1795899688.0, WaitingKind.HOLD), Waiting(1795899689.0, None, WaitingKind.PARKED)),
    mono_s=123.25,
    speech=(Speech(_TAKE, _LEG, 1795899680.25, 1795899681.0, proven=False),),
    cause="stalled",
    end_reason="recorded-user-left",
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
MANIFESTS = {
    "full": Manifest(SCHEMA, State.PARTIAL, FULL, MEDIA, ("a hold",)),
    "bare": Manifest(SCHEMA, State.UNANSWERED, replace(BARE, cause="unanswered: BUSY")),
}
ENTRIES = (*tuple(Entry(step, FULL) for step in Step), Entry(Step.INTENT, BARE))
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
)
TABLES = Tables(
    users=(USER, User(SECOND, "George")),
    lines=(
        Line("jdoe", FIRST, "1000", "default", "sip", "a-secret"),
        Line("1001", SECOND, "1001", "default", "sccp"),
    ),
    incalls=(Incall("2050", "from-extern", FIRST, 20), Incall("2051", "from-extern", SECOND)),
    voicemails=(Voicemail("1000", "default", FIRST, "John Döe", "1234", "john@example.com", True, True, True),),
    codes=(FeatureCode(Feature.CALL_RECORD, "*26", enabled=True), FeatureCode(Feature.DND, "*25")),
    contexts=(Context("default", ContextKind.INTERNAL, (Range("1000", "1999"), Range("5", "5"))),),
    entities=(Entity(1, "default"), Entity(2, "Österreich")),
    profiles=(Profile("client"),),
    keys=(FunctionKey(FIRST, 1, "user", "2", "George", supervision=True), FunctionKey(FIRST, 2, "call_record")),
    roles=(Role("auditor", (Permission.AUDIT_READ,)),),
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
