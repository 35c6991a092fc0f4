"""`callrec verify` names what was changed in the library or in the log, and only that."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LoggedLibrary

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_files import LogFiles
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.audit.signing_key import public_key
from callrec.app.access.audit_log.library_check import LibraryReport, check_library
from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt
from callrec.domain.library.erasure import files_of
from callrec.domain.library.manifest import StoredState
from callrec.protocols.checkpoints import opened
from callrec.protocols.json_documents import encode_manifest
from callrec.protocols.log_tiles import RightEdge, TileName, bundle_of, entries_in
from callrec.protocols.merkle_tree import leaf_hash

LOOKS = 300
"""More than a full tile before the recordings."""


@pytest.fixture
async def logged(tmp_path: Path) -> LoggedLibrary:
    return await LoggedLibrary(tmp_path).begin(LOOKS)


def check(logged: LoggedLibrary, live: tuple[str, ...] = ()) -> LibraryReport:
    return check_library(logged.library, logged.reader, live)  # type: ignore[arg-type] # ids


def codes(report: LibraryReport) -> list[str]:
    return [finding.code for finding in report.findings]


def flip(path: Path, at: int = -1) -> None:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def rebundled(path: Path, width: int, change: str) -> None:
    """Write a bundle anew, after a change of its entries, without touching the tiles."""
    entries = entries_in(path.read_bytes(), TileName(None, 0, width))
    match change:
        case "changed":
            entries[3] = entries[3].replace(b'"12"', b'"13"')
        case "removed":
            del entries[3]
        case "added":
            entries.insert(3, entries[3].replace(b'"12"', b'"13"'))
        case "reordered":
            entries[3], entries[-1] = entries[-1], entries[3]
    path.write_bytes(bundle_of(entries))


def wide(logged: LoggedLibrary) -> int:
    """How many entries are in the partial bundle at the end."""
    return LOOKS + len(logged.manifests()) - 256


async def test_what_nobody_touched_is_as_it_was_logged(logged: LoggedLibrary) -> None:
    report = check(logged)
    assert (report.findings, report.notes) == ((), ())
    assert report.entries == LOOKS + len(logged.manifests())


class GoingOn(DiskLogReader):
    """The log that a daemon writes while it is read: what waited when the checkpoint was read is in tiles, and gone from
    `waiting`, when that is read. Each erasure sees to it."""

    def __init__(self, logged: LoggedLibrary, log: DiskAuditLog) -> None:
        super().__init__(logged.audit, logged.witness)
        self.log, self.loop = log, asyncio.get_running_loop()
        self.then: Callable[[], None] = lambda: None

    def names(self) -> Iterator[str]:
        """Called after the entries of the checkpoint were read."""
        asyncio.run_coroutine_threadsafe(self.log.forget_about((), ("4711",)), self.loop).result()
        self.then()
        return super().names()


@pytest.mark.parametrize("done", ["nothing", "hash", "entry", "checkpoint"])
async def test_a_log_that_goes_on_while_it_is_checked_hides_nothing(logged: LoggedLibrary, done: str) -> None:
    log = DiskAuditLog(logged.audit, "callrec/pbx1", logged.clock, integrate_after_s=3600)
    log.open()
    path, erased = logged.manifests()[0]
    await log.append([AuditEntry(Action.ERASED, ACCOUNT, erased.recording.id, "cause:request")])
    logged.library.erase(erased.recording.id, files_of(path, erased))
    reader, size = GoingOn(logged, log), LOOKS + len(logged.manifests()) + 2
    newest = logged.audit / "tile/entries/001.p" / str(size - 256)

    def damage() -> None:
        flip(
            {
                "hash": logged.audit / "tile/0/001.p" / newest.name,
                "entry": newest,
                "checkpoint": logged.audit / "checkpoint",
            }[done],
            -2,
        )

    if done != "nothing":
        reader.then = damage
    try:
        report = await asyncio.to_thread(check_library, logged.library, reader, ())
    finally:
        await log.close()
    if done == "nothing":
        assert (report.findings, report.erased) == ((), 1)
    else:
        assert report.findings


async def test_a_flipped_bit_in_any_file_of_the_log_is_named_by_its_file(logged: LoggedLibrary) -> None:
    """In each file that the newest checkpoint needs, one after the other; then it is flipped back."""
    names = {"checkpoint", *(path for path in LogFiles(logged.audit).names())}
    assert len(names) >= 6
    for name in sorted(names):
        flip(logged.audit / name)
        report = check(logged)
        assert report.findings, name
        named = {finding.path.removesuffix(f".p/{Path(name).name}") for finding in report.findings}
        assert any(name.startswith(one) for one in named), (name, report.findings)
        flip(logged.audit / name)
        assert check(logged).findings == (), name


@pytest.mark.parametrize("full", [True, False], ids=["full-tile", "right-edge"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("changed", "entry {3} is not the one that was logged"),
        ("removed", "entries were removed: {3}"),
        ("added", "entries were added: {3}"),
        ("reordered", "entries {3}, {last} are not in the order"),
    ],
)
async def test_what_was_done_to_an_entry_is_named(logged: LoggedLibrary, full: bool, change: str, says: str) -> None:
    first, width = (0, 256) if full else (256, wide(logged))
    name = TileName(None, first // 256, width)
    rebundled(logged.audit / name.path, width, change)
    findings = [finding for finding in check(logged).findings if finding.code == "audit-entry"]
    wanted = says.replace("{3}", str(first + 3)).replace("{last}", str(first + width - 1))
    assert [finding.path for finding in findings] == [name.path]
    assert findings[0].message.startswith(wanted)


async def test_a_damaged_hash_is_not_taken_for_a_damaged_entry(logged: LoggedLibrary) -> None:
    for name in (TileName(0, 0), TileName(0, 1, wide(logged))):
        flip(logged.audit / name.path, 40)
        report = check(logged)
        assert codes(report) == ["audit-tile"]
        assert "which is as it was logged" in report.findings[0].message
        flip(logged.audit / name.path, 40)


@pytest.mark.parametrize(
    ("name", "code"),
    [("tile/entries/000", "audit-bundle"), ("tile/0/000", "audit-tile"), ("tile/1/000.p/1", "audit-tile")],
)
async def test_a_file_of_the_log_that_is_missing_is_named(logged: LoggedLibrary, name: str, code: str) -> None:
    (logged.audit / name).unlink()
    assert (code, name) in [(finding.code, finding.path) for finding in check(logged).findings]


@pytest.mark.parametrize("name", ["tile/0/001.p/3", "tile/entries/001.p/3", "tile/0/notes.txt", "tile/9999/000"])
async def test_a_file_that_does_not_belong_to_the_log_is_named(logged: LoggedLibrary, name: str) -> None:
    (logged.audit / name).parent.mkdir(parents=True, exist_ok=True)
    (logged.audit / name).write_bytes(b"x" * 96)
    report = check(logged)
    assert [(finding.code, finding.path) for finding in report.findings] == [("audit-odd", name)]


async def test_a_log_that_was_written_anew_without_its_key_is_not_the_one_that_was_signed(
    logged: LoggedLibrary,
) -> None:
    """Entry and all hashes above it are consistent; only the signed root shows it."""
    files = LogFiles(logged.audit)
    size = opened((logged.audit / "checkpoint").read_bytes(), public_key(logged.audit)).size
    entries = [*files.entries(TileName(None, 0)), *files.entries(TileName(None, 1, size - 256))]
    entries[3] = entries[3].replace(b'"12"', b'"13"')
    edge, written = RightEdge(), []
    for entry in entries:
        written += edge.add(leaf_hash(entry))
    for name, content in [*written, *edge.partial()]:
        files.put(name.path, content)
    files.put("tile/entries/000", bundle_of(entries[:256]))
    assert "audit-rewritten" in codes(check(logged))


async def test_a_log_that_was_cut_off_is_known_by_its_witness(logged: LoggedLibrary, tmp_path: Path) -> None:
    """Somebody puts back the folder of yesterday: all in it is right and signed."""
    shutil.copytree(logged.audit, tmp_path / "yesterday")
    await logged.log([AuditEntry(Action.DOWNLOADED, ACCOUNT, "c1-1")])
    assert check(logged).findings == ()
    shutil.rmtree(logged.audit)
    (tmp_path / "yesterday").rename(logged.audit)
    report = check(logged)
    assert codes(report) == ["audit-witness"]
    assert "it was cut off" in report.findings[0].message
    assert check_library(logged.library, DiskLogReader(logged.audit), ()).findings == ()


async def test_a_log_that_was_written_anew_with_its_key_is_known_by_its_witness(logged: LoggedLibrary) -> None:
    key, vkey, old = (logged.audit / "key").read_bytes(), (logged.audit / "log.vkey").read_bytes(), logged.witness
    kept = old.read_bytes()
    shutil.rmtree(logged.audit)
    logged.audit.mkdir()
    (logged.audit / "key").write_bytes(key)
    (logged.audit / "key").chmod(0o600)
    (logged.audit / "log.vkey").write_bytes(vkey)
    (logged.audit / "beginning").touch()  # the daemon begins no log with this key by itself: somebody makes it
    shutil.rmtree(logged.monitor)
    await logged.begin(LOOKS + 1)
    old.write_bytes(kept)
    report = check(logged)
    assert codes(report) == ["audit-witness"]
    assert "rewritten" in report.findings[0].message


async def test_a_witness_that_belongs_to_another_log_is_told(logged: LoggedLibrary) -> None:
    logged.witness.write_bytes(logged.witness.read_bytes().replace(b"pbx1", b"pbx2"))
    report = check(logged)
    assert codes(report) == ["audit-witness"]
    assert "does not fit" in report.findings[0].message


async def test_a_changed_sidecar_is_named(logged: LoggedLibrary) -> None:
    path, _ = logged.manifests()[0]
    file = logged.monitor / f"{path}.json"
    file.write_text(file.read_text() + " ")
    report = check(logged)
    assert [(finding.code, finding.path) for finding in report.findings] == [("sidecar-changed", path)]


@pytest.mark.parametrize("action", [Action.ENCRYPTED, Action.ADOPTED, Action.STORED])
async def test_a_changed_sidecar_is_named_though_a_later_entry_has_its_digest(
    logged: LoggedLibrary, action: Action
) -> None:
    """As when a sidecar was changed, and the recording encrypted after that: its entry is of the sidecar that was there then."""
    path, manifest = logged.manifests()[0]
    file = logged.monitor / f"{path}.json"
    before = file.read_text()
    file.write_text(before + " ")
    await logged.log([replace(stored_entry(logged.library, path, manifest), action=action)])
    assert [(finding.code, finding.path) for finding in check(logged).findings] == [("sidecar-changed", path)]
    file.write_text(before)
    assert check(logged).findings == (), "it is the one again that was stored"
    await logged.log([AuditEntry(Action.ERASED, ACCOUNT, manifest.recording.id)])
    file.write_text(before + " ")
    await logged.log([replace(stored_entry(logged.library, path, manifest), action=action)])
    assert check(logged).findings == (), "what came after an erasure is another recording"


async def test_two_recordings_that_were_exchanged_are_both_named(logged: LoggedLibrary) -> None:
    """Sidecars are rewritten so that each tells the other's audio, with its right digest: the library alone sees nothing."""
    (one, first), (two, second) = [pair for pair in logged.with_media() if not pair[1].tracks][:2]
    a, b = logged.media_of(one, first), logged.media_of(two, second)
    content = a.read_bytes(), b.read_bytes()
    a.write_bytes(content[1])
    b.write_bytes(content[0])
    assert first.media is not None
    assert second.media is not None
    for path, old, new in ((one, first.media, second.media), (two, second.media, first.media)):
        file = logged.monitor / f"{path}.json"
        file.write_text(
            file.read_text().replace(old.sha256, new.sha256).replace(f'"bytes": {old.bytes}', f'"bytes": {new.bytes}')
        )
    report = check(logged)
    assert [(finding.code, finding.path) for finding in report.findings] == [
        ("sidecar-changed", one),
        ("sidecar-changed", two),
    ]


async def test_a_recording_that_is_gone_is_named_unless_it_was_erased(logged: LoggedLibrary) -> None:
    path, manifest = logged.manifests()[0]
    (logged.monitor / f"{path}.json").unlink()
    report = check(logged)
    assert [(finding.code, finding.path) for finding in report.findings] == [
        ("recording-removed", manifest.recording.id)
    ]
    await logged.log([AuditEntry(Action.ERASED, ACCOUNT, manifest.recording.id, reason="asked for")])
    assert check(logged).findings == ()


async def test_a_recording_that_was_erased_and_is_there_again_is_named(logged: LoggedLibrary) -> None:
    path, manifest = logged.manifests()[0]
    await logged.log([AuditEntry(Action.ERASED, ACCOUNT, manifest.recording.id)])
    report = check(logged)
    assert [(finding.code, finding.path) for finding in report.findings] == [("recording-unlogged", path)]


async def test_a_recording_that_was_added_is_named_unless_it_is_under_way(logged: LoggedLibrary) -> None:
    path, manifest = logged.manifests()[0]
    file = logged.monitor / f"{path}.json"
    added = file.read_text().replace(manifest.recording.id, "cadded-1")
    (file.parent / "cadded-1.json").write_text(added)
    where = f"{path.rpartition('/')[0]}/cadded-1"
    assert [(finding.code, finding.path) for finding in check(logged).findings] == [("recording-unlogged", where)]
    assert check(logged, live=("cadded-1",)).findings == ()


async def test_an_adopted_recording_without_its_entry_is_told_as_that(logged: LoggedLibrary) -> None:
    """While `adopt` runs, and after it was broken off, it is a fault: what to do is said."""
    path, manifest = next(pair for pair in logged.with_media() if not pair[1].tracks)
    place = f"{path.rpartition('/')[0]}/cadopted-1"
    recording = replace(manifest.recording, id=RecordingId("cadopted-1"))
    adopted = replace(manifest, recording=recording, state=StoredState.ADOPTED, media=None)
    (logged.monitor / f"{place}.json").write_bytes(encode_manifest(adopted))
    (finding,) = check(logged).findings
    assert (finding.code, finding.path) == ("recording-unlogged", place)
    assert "callrec recordings adopt" in finding.message


async def test_a_recording_from_before_the_log_is_a_note(tmp_path: Path) -> None:
    logged = await LoggedLibrary(tmp_path).begin()
    shutil.rmtree(logged.audit)
    logged.witness.unlink()
    logged.clock.utc_s = 4_000_000_000.0
    await logged.log([AuditEntry(Action.LISTENED, ACCOUNT)])
    report = check(logged)
    assert report.findings == ()
    assert {note.code for note in report.notes} == {"recording-unlogged"}
    assert len(report.notes) == len(logged.manifests())


async def test_without_a_log_the_recordings_are_not_proven(logged: LoggedLibrary) -> None:
    shutil.rmtree(logged.audit)
    assert codes(check(logged)) == ["audit-missing"]
    shutil.rmtree(logged.monitor)
    logged.monitor.mkdir()
    assert check(logged).findings == ()


async def test_a_clock_that_was_set_back_is_named(logged: LoggedLibrary) -> None:
    """The daemon has noticed it and said so itself: a note."""
    logged.clock.utc_s -= 3600
    await logged.log([AuditEntry(Action.LISTENED, ACCOUNT, "c1-1")])
    report = check(logged)
    assert report.findings == ()
    assert [(note.code, note.message[:40]) for note in report.notes] == [
        ("clock-set-back", "the clock was set back by 3600.000 s bef")
    ]


async def test_entries_that_wait_for_their_checkpoint_count(logged: LoggedLibrary) -> None:
    path, manifest = logged.manifests()[0]
    (logged.monitor / f"{path}.json").unlink()
    await logged.log([AuditEntry(Action.ERASED, ACCOUNT, manifest.recording.id)], settled=False)
    assert check(logged).findings == ()
    content = (logged.audit / "waiting").read_bytes()
    (logged.audit / "waiting").write_bytes(content.replace(b"erased", b"exased") + content)
    assert "audit-waiting" in codes(check(logged))


async def test_a_folder_that_holds_another_key_is_told(logged: LoggedLibrary) -> None:
    (logged.audit / "log.vkey").write_text("callrec/pbx1+00000000+AAAA\n")
    with pytest.raises(Corrupt, match="public key"):
        check(logged)
