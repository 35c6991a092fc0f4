"""The library as a whole: verify tells what is wrong and only that, and the catalogue can always be made again."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from callrec.adapters.database.open_catalogue import open_catalogue
from callrec.adapters.database.sqlite_catalogue import SqliteCatalogue
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.library.catalog import Rebuilt, entries, every, export, index_entry, rebuild, verify
from callrec.domain.calls.ids import CallId, LegId, NodeId, RecordingId
from callrec.domain.calls.model import Actor, ActorKind, Party, Recording
from callrec.domain.library.captures import EncodeJob, Piece
from callrec.domain.library.manifest import SCHEMA, Format, Manifest, Media, StoredState
from callrec.domain.library.search_keys import Entry
from callrec.domain.rules import Rule, UserId
from callrec.protocols.json_documents import encode_manifest

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


def stored(folder: Path, nth: int, state: StoredState = StoredState.SOUND) -> Manifest:
    """One recording in the library below `folder`, a second long."""
    library, said = MonitorLibrary(folder / "monitor"), recording(nth)
    leg = folder / "leg"
    leg.write_bytes(bytes(16_000))
    temporary = library.temporary(said.id, Format.FLAC)
    encoded = ENCODER.encode(EncodeJob((Piece(str(leg), None, 8000, 0),), Format.FLAC, 8000), temporary)
    media = Media(f"c{nth}-1.flac", Format.FLAC, 8000, encoded.samples, encoded.bytes, encoded.sha256)
    manifest = library.place(Manifest(SCHEMA, state, said, media), f"2026/11/22/c{nth}-1", [temporary])
    library.tidy(said.id)
    return manifest


def findings(folder: Path, *live: str) -> list[tuple[str, str]]:
    spool = DiskSpool(folder / "spool")
    spool.prepare()
    report = verify(MonitorLibrary(folder / "monitor"), spool, ENCODER, {RecordingId(one) for one in live})
    return [(finding.code, finding.path) for finding in report.findings]


def rewritten(path: Path, change: Callable[[Manifest], Manifest], manifest: Manifest) -> None:
    path.write_bytes(encode_manifest(change(manifest)))


def test_an_entry_is_flat_text_with_a_strangers_number_in_json() -> None:
    media = Media("c1-1.wav", Format.WAV, 8000, 4000, 16044, "ab")
    assert index_entry("2026/11/22/c1-1", Manifest(SCHEMA, StoredState.SOUND, recording(1), media)) == {
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
        "names": '["John"]',
        "direction": "outgoing",
        "node": "n",
        "recorded_user": "7",
        "path": "2026/11/22/c1-1",
        "media": "2026/11/22/c1-1.wav",
        "length_s": "0.500",
        "sha256": "ab",
        "bytes": "16044",
    }
    assert index_entry("auto-1", Manifest(SCHEMA, StoredState.SOUND, recording(1), media))["media"] == "c1-1.wav"


def test_who_talked_on_two_phones_or_came_twice_is_listed_once() -> None:
    """In the order in which they came; who has no number is not listed."""
    first, other = recording(1).parties
    nobody = replace(other, number="")
    of = replace(recording(1), parties=(first, nobody, other, replace(first, leg=LegId("2.1")), other))
    entry = index_entry("x", Manifest(SCHEMA, StoredState.SOUND, of))
    assert (entry["numbers"], entry["users"]) == ('["1000", "\\"+336\\u202e"]', '["7"]')


def test_an_entry_without_audio_or_end_has_empty_fields() -> None:
    entry = index_entry("x", Manifest(SCHEMA, StoredState.FAILED, replace(recording(1), to_s=None)))
    assert {key for key, text in entry.items() if not text} == {
        "cause",
        "end_s",
        "media",
        "length_s",
        "sha256",
        "bytes",
    }


@pytest_asyncio.fixture
async def catalogue(tmp_path: Path) -> AsyncIterator[SqliteCatalogue]:
    """A new one."""
    async with open_catalogue("sqlite:", tmp_path / "state") as opened:
        yield opened


async def entered(catalogue: SqliteCatalogue) -> list[Entry]:
    """All entries, in the order of their ids."""
    return sorted([entry async for entry in every(catalogue)], key=lambda entry: entry["id"])


async def test_a_rebuild_keeps_the_former_entries_of_what_the_disk_refuses_to_read(
    tmp_path: Path, catalogue: SqliteCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It used to end there, with nothing done. What is damaged or odd is left out; each is told."""
    for nth in (1, 2, 3, 4):
        stored(tmp_path, nth)
    folder, library = tmp_path / "monitor/2026/11/22", MonitorLibrary(tmp_path / "monitor")
    former = {one["id"]: one for one in entries(library)}
    elsewhere = {"id": "c9-1", "start_s": "1", "path": "2026/11/21/c9-1"}
    for one in (*former.values(), {"id": "gone", "start_s": "2", "path": "2026/11/22/gone"}, elsewhere):
        await catalogue.put(one)
    (folder / "c2-1.json").unlink()
    os.mkfifo(folder / "c2-1.json")
    bad_time = replace(recording(3), from_s=-1.0)
    media = Media("c3-1.flac", Format.FLAC, 8000, 1, 1, "0" * 64)
    (folder / "c3-1.json").write_bytes(encode_manifest(Manifest(SCHEMA, StoredState.SOUND, bad_time, media)))
    (tmp_path / "monitor/2026/11/21").mkdir()
    real_open, real_scandir = os.open, os.scandir

    def opened(path: str | Path, flags: int, mode: int = 0o777, **how: int | None) -> int:
        if str(path).endswith("c1-1.json"):
            raise OSError(5, "Input/output error")
        return real_open(path, flags, mode, **how)

    def scanned(path: str | Path) -> object:
        if str(path).endswith("/21"):
            raise OSError(5, "Input/output error", str(path))
        return real_scandir(path)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "scandir", scanned)
    done = await rebuild(library, catalogue)
    assert await entered(catalogue) == [former["c1-1"], former["c4-1"], elsewhere]
    assert {(one.code, one.path) for one in done.findings} == {
        ("file-unreadable", "2026/11/22/c1-1"),
        ("file-odd", "2026/11/22/c2-1"),
        ("entry-refused", "2026/11/22/c3-1"),
        ("folder-unreadable", "2026/11/21"),
    }


async def test_p4_the_export_before_and_after_a_lost_index_is_the_same_byte_for_byte(
    tmp_path: Path, catalogue: SqliteCatalogue
) -> None:
    manifests = [stored(tmp_path, nth) for nth in (3, 1, 2)]
    before = export(index_entry(f"2026/11/22/{one.recording.id}", one) for one in manifests)
    library = MonitorLibrary(tmp_path / "monitor")
    for _ in range(2):
        assert await rebuild(library, catalogue) == Rebuilt(3, ())
        assert export(await entered(catalogue)) == before == export(entries(library))
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
        (tmp_path / "monitor/c1-1.json").write_bytes(
            encode_manifest(replace(manifest, state=StoredState.FAILED, media=None))
        )
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
    rewritten(sidecar, lambda one: replace(one, state=StoredState.FAILED), manifest)
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


def test_legs_that_were_put_aside_are_named(tmp_path: Path) -> None:
    """They lay where no command looked."""
    stored(tmp_path, 1)
    (tmp_path / "spool/kept").mkdir(parents=True)
    (tmp_path / "spool/kept/c2-1-1.read.sln").write_bytes(b"12")
    assert findings(tmp_path) == [("kept", "kept/c2-1-1.read.sln")]
    shutil.rmtree(tmp_path / "spool/kept")
    (tmp_path / "spool/kept").touch()
    assert findings(tmp_path) == [("kept", "kept")]


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


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("nowhere")],
    ids=["pipe", "device", "dangling"],
)
def test_media_that_is_no_file_is_a_finding_and_the_rest_is_read(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    """A pipe hung the look for ever, a link was followed."""
    for nth in (1, 2):
        stored(tmp_path, nth)
    media = tmp_path / "monitor/2026/11/22/c1-1.flac"
    media.unlink()
    make(media)
    (tmp_path / "monitor/2026/11/22/c2-1.flac").unlink()
    assert findings(tmp_path) == [
        ("file-odd", "2026/11/22/c1-1.flac"),
        ("media-missing", "2026/11/22/c2-1.flac"),
    ]


def test_media_on_an_unreadable_sector_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for nth in (1, 2):
        stored(tmp_path, nth)
    real = os.open

    def refuse(path: str | Path, flags: int, mode: int = 0o777, **how: int | None) -> int:
        if str(path).endswith("c1-1.flac"):
            raise OSError(5, "Input/output error")
        return real(path, flags, mode, **how)

    monkeypatch.setattr(os, "open", refuse)
    assert findings(tmp_path) == [("file-unreadable", "2026/11/22/c1-1.flac")]


def test_odd_things_in_the_spool_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by its name; a leg that the disk refuses to look at hides no other."""
    (tmp_path / "monitor").mkdir()
    spool = tmp_path / "spool"
    (spool / "kept").mkdir(parents=True)
    (spool / ".hidden").touch()
    os.mkfifo(spool / "c1-1-1.read.sln")
    (spool / "c2-1-1.read.sln").symlink_to("/etc/hostname")
    (spool / "c3-1-1.read.sln").touch()
    (spool / "c4-1-1.read.sln").touch()
    (spool / "BAD id-1-1.read.sln").touch()
    real = os.lstat

    def refuse(path: str | Path) -> os.stat_result:
        if str(path).endswith("c3-1-1.read.sln"):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "lstat", refuse)
    assert findings(tmp_path) == [
        ("spool-leftover", "c4-1-1"),
        ("spool-odd", "BAD id-1-1.read.sln"),
        ("spool-odd", "c1-1-1.read.sln"),
        ("spool-odd", "c2-1-1.read.sln"),
        ("spool-odd", "c3-1-1.read.sln"),
    ]


def test_a_take_with_the_largest_numbers_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Each of the million orphans that it can be a part of was looked for, in a journal that was read anew each time."""

    class Journal(frozenset[RecordingId]):
        looks = 0

        def __contains__(self, recording: object) -> bool:
            self.looks += 1
            return super().__contains__(recording)

    (tmp_path / "monitor").mkdir()
    spool, live = DiskSpool(tmp_path / "spool"), Journal()
    spool.prepare()
    (tmp_path / "spool/x-999999-999999.read.sln").touch()
    report = verify(MonitorLibrary(tmp_path / "monitor"), spool, ENCODER, live)
    assert [(one.code, one.path) for one in report.findings] == [("spool-leftover", "x-999999-999999")]
    assert live.looks == 1
