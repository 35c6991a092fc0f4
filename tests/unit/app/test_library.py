"""The library as a whole: verify tells what is wrong and only that, and the index can always be made anew."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.monitor import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.library import entries, export, index_entry, rebuild, verify
from callrec.app.ports import EncodeJob, Piece
from callrec.domain.lifecycle import SCHEMA, Format, Manifest, Media, State
from callrec.domain.model import Actor, ActorKind, CallId, LegId, NodeId, Party, Recording, RecordingId
from callrec.domain.provisioning.model import Rule, UserId
from callrec.protocols.documents import encode_manifest

ENCODER = PyAvEncoder()


def recording(nth: int) -> Recording:
    party = Party(LegId("1.1"), UserId("7"), "1000", "John", 1795341600.0)
    stranger = replace(party, user=None, number='"+336\u202e')
    return Recording(
        RecordingId(f"c{nth}-1"),
        CallId(f"c{nth}"),
        "1.1",
        NodeId("n"),
        Rule.ON_DEMAND,
        Actor(ActorKind.USER, UserId("7")),
        1795341600.25,
        1795341601.25,
        parties=(party, stranger),
    )


def stored(folder: Path, nth: int, state: State = State.SOUND) -> Manifest:
    """One recording in the library below `folder`, a second long."""
    library, said = MonitorLibrary(folder / "monitor"), recording(nth)
    leg = folder / "leg"
    leg.write_bytes(bytes(16_000))
    temporary = library.temporary(said.id, Format.FLAC)
    encoded = ENCODER.encode(EncodeJob((Piece(str(leg), None, 8000, 0),), Format.FLAC, 8000), temporary)
    media = Media(f"c{nth}-1.flac", Format.FLAC, 8000, encoded.samples, encoded.bytes, encoded.sha256)
    manifest = library.place(Manifest(SCHEMA, state, said, media), f"2026/11/22/c{nth}-1", temporary)
    library.tidy(said.id)
    return manifest


def findings(folder: Path, *live: str) -> list[tuple[str, str]]:
    spool = DiskSpool(folder / "spool")
    spool.prepare()
    report = verify(MonitorLibrary(folder / "monitor"), spool, ENCODER, {RecordingId(one) for one in live})
    assert report.clean is (not report.findings)
    return [(finding.code, finding.path) for finding in report.findings]


def rewritten(path: Path, change: Callable[[Manifest], Manifest], manifest: Manifest) -> None:
    path.write_bytes(encode_manifest(change(manifest)))


def test_an_entry_is_flat_text_with_a_strangers_number_in_json() -> None:
    media = Media("c1-1.wav", Format.WAV, 8000, 4000, 16044, "ab")
    assert index_entry("2026/11/22/c1-1", Manifest(SCHEMA, State.SOUND, recording(1), media)) == {
        "id": "c1-1",
        "call": "c1",
        "state": "sound",
        "cause": "",
        "start_s": "1795341600.250",
        "end_s": "1795341601.250",
        "rule": "on_demand",
        "actor": "user",
        "actor_user": "7",
        "numbers": '["1000", "\\"+336\\u202e"]',
        "users": '["7"]',
        "path": "2026/11/22/c1-1",
        "media": "2026/11/22/c1-1.wav",
        "length_s": "0.500",
        "sha256": "ab",
        "bytes": "16044",
    }
    assert index_entry("auto-1", Manifest(SCHEMA, State.SOUND, recording(1), media))["media"] == "c1-1.wav"


def test_an_entry_without_audio_or_end_has_empty_fields() -> None:
    entry = index_entry("x", Manifest(SCHEMA, State.FAILED, replace(recording(1), to_s=None)))
    assert {key for key, text in entry.items() if not text} == {
        "cause",
        "end_s",
        "media",
        "length_s",
        "sha256",
        "bytes",
    }


async def test_p4_the_export_before_and_after_a_lost_index_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    class Index:
        def __init__(self) -> None:
            self.entries: list[Mapping[str, str]] = []

        async def rebuild_index(self, found: Iterable[Mapping[str, str]]) -> int:
            self.entries = list(found)
            return len(self.entries)

    manifests = [stored(tmp_path, nth) for nth in (3, 1, 2)]
    before = export(index_entry(f"2026/11/22/{one.recording.id}", one) for one in manifests)
    index, library = Index(), MonitorLibrary(tmp_path / "monitor")
    for _ in range(2):
        assert await rebuild(library, index) == 3  # type: ignore[arg-type] # the half that rebuild uses
        assert export(index.entries) == before == export(entries(library))
    assert [json.loads(line)["id"] for line in before.splitlines()] == ["c1-1", "c2-1", "c3-1"]


def test_a_whole_library_is_clean(tmp_path: Path) -> None:
    for nth in (1, 2):
        stored(tmp_path, nth)
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "path", "spoil"),
    [
        ("media-missing", "2026/11/22/c1-1.flac", lambda media, _: media.unlink()),
        ("media-changed", "2026/11/22/c1-1.flac", lambda media, _: media.write_bytes(b"x" + media.read_bytes()[1:])),
        ("media-changed", "2026/11/22/c1-1.flac", lambda media, _: os.truncate(media, 100)),
        ("sidecar-unreadable", "2026/11/22/c1-1", lambda _, sidecar: sidecar.write_bytes(b"{")),
        ("media-orphan", "2026/11/22/c1-1.flac", lambda _, sidecar: sidecar.unlink()),
        ("media-orphan", "2026/11/22/c9-1.flac", lambda media, _: media.with_name("c9-1.flac").touch()),
        ("recording-twice", "2026/c1-1", lambda _media, _sidecar: None),
    ],
)
def test_each_kind_of_damage_is_found_and_named(
    tmp_path: Path, code: str, path: str, spoil: Callable[[Path, Path], object]
) -> None:
    manifest = stored(tmp_path, 1)
    folder = tmp_path / "monitor/2026/11/22"
    spoil(folder / "c1-1.flac", folder / "c1-1.json")
    if code == "recording-twice":
        (tmp_path / "monitor/c1-1.json").write_bytes(encode_manifest(replace(manifest, state=State.FAILED, media=None)))
        path = "2026/11/22/c1-1"
    found = findings(tmp_path)
    assert (code, path) in found
    assert {where for _, where in found} <= {path, "2026/11/22/c1-1.flac"}


def test_a_sidecar_that_lies_about_state_or_length_is_found(tmp_path: Path) -> None:
    manifest = stored(tmp_path, 1)
    assert manifest.media is not None
    media = manifest.media
    sidecar = tmp_path / "monitor/2026/11/22/c1-1.json"
    rewritten(sidecar, lambda one: replace(one, media=replace(media, samples=9)), manifest)
    assert findings(tmp_path) == [("media-length", "2026/11/22/c1-1.flac")]
    rewritten(sidecar, lambda one: replace(one, state=State.FAILED), manifest)
    assert findings(tmp_path) == [("state", "2026/11/22/c1-1")]
    rewritten(sidecar, lambda one: replace(one, media=None), manifest)
    assert findings(tmp_path) == [("state", "2026/11/22/c1-1"), ("media-orphan", "2026/11/22/c1-1.flac")]


def test_a_file_that_is_what_the_sidecar_says_but_does_not_play_is_found(tmp_path: Path) -> None:
    manifest = stored(tmp_path, 1)
    assert manifest.media is not None
    content = b"no music"
    (tmp_path / "monitor/2026/11/22/c1-1.flac").write_bytes(content)
    digest = MonitorLibrary(tmp_path / "monitor").measure("2026/11/22/c1-1.flac")
    assert digest is not None
    media = replace(manifest.media, bytes=len(content), sha256=digest[1])
    rewritten(tmp_path / "monitor/2026/11/22/c1-1.json", lambda one: replace(one, media=media), manifest)
    assert [where for _, where in findings(tmp_path)] == ["2026/11/22/c1-1.flac"]


def test_legs_and_temporary_files_that_nobody_works_on_are_found(tmp_path: Path) -> None:
    stored(tmp_path, 1)
    (tmp_path / "spool").mkdir()
    for name in ("c1-1-1.read.sln", "c2-1-1.read.sln", "c3-1-1.read.sln"):
        (tmp_path / "spool" / name).touch()
    left = MonitorLibrary(tmp_path / "monitor").temporary(RecordingId("c8-1"), Format.WAV)
    os.utime(left, (1, 1))
    assert findings(tmp_path, "c3-1") == [
        ("leftover", f".incoming/{Path(left).name}"),
        ("spool-leftover", "c1-1-1"),
        ("spool-leftover", "c2-1-1"),
    ]


def test_legs_of_an_orphan_that_is_being_finished_are_no_finding(tmp_path: Path) -> None:
    stored(tmp_path, 1)
    (tmp_path / "spool").mkdir()
    for name in ("c1-1-2.read.sln", "c1-1-3.read.sln"):
        (tmp_path / "spool" / name).touch()
    assert findings(tmp_path, "c1-1002") == []
    assert findings(tmp_path, "c1-1003") == [("spool-leftover", "c1-1-2")]


def test_a_recording_that_is_being_finished_may_have_its_sidecar_first(tmp_path: Path) -> None:
    stored(tmp_path, 1)
    (tmp_path / "monitor/2026/11/22/c1-1.flac").unlink()
    assert findings(tmp_path, "c1-1") == []
