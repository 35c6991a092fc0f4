"""The name of a download: tells when and who, and is safe whatever a caller's number is."""

import re
from dataclasses import replace

from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import Actor, ActorKind, Party, Recording
from callrec.domain.library.download_names import download_name
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, StoredState, Track
from callrec.domain.rules import Rule

RECORDING = Recording(
    RecordingId("c1-1"), CallId("c1"), "1.1", NodeId("n"), Rule.ALWAYS, Actor(ActorKind.POLICY), 1795341600.25
)


def named(*numbers: str) -> str:
    parties = tuple(Party(LegId(f"1.{n}"), None, number, "", 1795341600.25) for n, number in enumerate(numbers))
    return download_name(Manifest(SCHEMA, StoredState.SOUND, replace(RECORDING, parties=parties)), Format.OPUS)


def test_it_tells_when_and_who() -> None:
    assert named("1000", "+33123456") == "2026-11-22_100000Z_1000_+33123456.opus"
    assert named("1000", "1000") == "2026-11-22_100000Z_1000.opus"
    assert named() == "2026-11-22_100000Z.opus"
    assert named("1", "2", "3", "4", "5", "6") == "2026-11-22_100000Z_1_2_3_4_and-2-more.opus"


def test_nothing_of_a_strangers_number_is_unsafe() -> None:
    for hostile in ('"\r\nX: y', "../../etc/passwd", "\u202e1000", "a;b=c", "*", "CON", "x" * 5000, "\x00", "'$(id)'"):
        assert re.fullmatch(r"[0-9A-Za-z_+.-]{1,60}", named(hostile, "1000"))
    assert named('"\r\n') == "2026-11-22_100000Z.opus"


def test_a_track_has_its_number() -> None:
    track = Track(2, (), None, "1001", "", ())
    manifest = Manifest(SCHEMA, StoredState.SOUND, RECORDING, tracks=(track,))
    assert download_name(manifest, Format.WAV, track) == "2026-11-22_100000Z_track-2_1001.wav"
