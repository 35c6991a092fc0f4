"""Recordings of other programs on their way into the library, on real files."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import old_recordings as old
import pytest
from stored_library import StoredLibrary

from callrec.adapters.disk.adoptable_files import DiskAdoptableFiles
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.library.adopted_entries import AdoptedEntries
from callrec.app.library.adoption import Adoption, AdoptionPorts, FileReport, Outcome, counted
from callrec.app.library.catalog import entries, verify
from callrec.app.library.media.logged_access import Asker
from callrec.domain.access.principals import DAEMON
from callrec.domain.calls.ids import NodeId
from callrec.domain.errors import Refused, Unavailable
from callrec.domain.library.manifest import Manifest, StoredState

BERLIN = ZoneInfo("Europe/Berlin")


class Run:
    """A folder of old recordings, and a library. `entered` are the paths that the daemon was asked to enter."""

    def __init__(self, folder: Path) -> None:
        self.old, self.stored = folder / "old", StoredLibrary(folder)
        self.entered: list[list[str]] = []
        self.is_known, self.daemon_is_away = True, False
        self.erased: set[str] = set()
        old.house(self.old)

    def enter(self, paths: Sequence[str]) -> None:
        """Asks the daemon."""
        if self.daemon_is_away:
            raise Unavailable("daemon-away", "no daemon")
        self.entered.append(list(paths))

    def adoption(self, *, links: bool = False) -> Adoption:
        """A run over the folder."""
        ports = AdoptionPorts(
            DiskAdoptableFiles(self.old),
            self.stored.library,
            PyAvEncoder(),
            self.enter,
            lambda _: self.is_known,
            self._is_erased,
        )
        return Adoption(ports, BERLIN, NodeId("n1"), links=links)

    def run(self, *, links: bool = False) -> dict[str, FileReport]:
        """Its reports by file."""
        return {one.file: one for one in self.adoption(links=links).run()}

    def _is_erased(self, recording: str) -> bool:
        return recording in self.erased

    def manifests(self) -> dict[str, Manifest]:
        """The adopted recordings by the names of their files."""
        found = [one for _, one in self.stored.library.sidecars()]
        return {one.origin.name: one for one in found if isinstance(one, Manifest) and one.origin}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def _state(folder: Path) -> dict[str, tuple[str, int, int]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, path.stat().st_mode,
        )
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


@pytest.mark.parametrize("links", [False, True])
def test_all_known_files_are_adopted_once_and_stay_untouched(run: Run, tmp_path: Path, *, links: bool) -> None:
    before = _state(run.old)
    assert {one.outcome for one in run.run(links=links).values()} == {Outcome.ADOPTED}
    assert _state(run.old) == before
    (paths,) = run.entered
    assert len(paths) == 8
    (tmp_path / "spool").mkdir()
    report = verify(run.stored.library, DiskSpool(tmp_path / "spool"), PyAvEncoder(), ())
    assert (report.recordings, report.findings) == (8, ())
    assert {one.outcome for one in run.run(links=links).values()} == {Outcome.THERE}
    assert len(run.entered) == 1
    for name, manifest in run.manifests().items():
        (source,) = run.old.rglob(name)
        (media,) = (tmp_path / "monitor").rglob(manifest.media.name if manifest.media else "")
        assert media.read_bytes() == source.read_bytes()
        assert media.samefile(source) is links


def test_the_index_tells_what_the_names_say(run: Run) -> None:
    run.run()
    found = {manifest.recording.id: name for name, manifest in run.manifests().items()}
    shown = {
        found[entry["id"]].partition("-")[0]: [entry[one] for one in ("state", "rule", "numbers", "direction", "node")]
        for entry in entries(run.stored.library)
    }
    assert shown == {
        "user": ["adopted", "always", '["1000", "1001"]', "unknown", "n1"],
        "auto": ["adopted", "on_demand", '["1001", "1002"]', "unknown", "n1"],
        "out": ["adopted", "", '["1000", "02079460000"]', "outgoing", "n1"],
        "q": ["adopted", "", '["02079460001", "400"]', "unknown", "n1"],
        "rg": ["adopted", "", '["1003", "600"]', "unknown", "n1"],
        "exten": ["adopted", "", '["1003", "1000"]', "unknown", "n1"],
        "internal": ["adopted", "", '["1003", "1000"]', "internal", "n1"],
        "2024": ["adopted", "", "[]", "unknown", "n1"],
    }


def test_a_folder_that_has_moved_has_no_new_recordings(run: Run, tmp_path: Path) -> None:
    run.run()
    (tmp_path / "old").rename(tmp_path / "elsewhere")
    run.old = tmp_path / "elsewhere"
    assert {one.outcome for one in run.run().values()} == {Outcome.THERE}


def test_what_is_no_recording_is_told_with_its_reason_and_costs_the_others_nothing(run: Run) -> None:
    old.written(run.old / "notes.txt", b"hello")
    old.written(run.old / "user-1-2-1700000001.wav", b"RIFF")
    old.wav(run.old / "holiday.wav")
    (run.old / "user-1-2-1700000002.wav").symlink_to("/etc/passwd")
    torn = old.wav(run.old / "user-1-2-1700000003.wav")
    old.written(torn, torn.read_bytes()[:9000])
    fresh = old.wav(run.old / "user-1-2-1700000004.wav")
    os.utime(fresh)
    reports = run.run()
    assert {file: one.code for file, one in reports.items() if one.outcome is Outcome.REFUSED} == {
        "notes.txt": "adopt-format",
        "user-1-2-1700000001.wav": reports["user-1-2-1700000001.wav"].code,
        "holiday.wav": "adopt-name",
        "user-1-2-1700000002.wav": "file-odd",
        "user-1-2-1700000004.wav": "adopt-busy",
    }
    assert reports["user-1-2-1700000001.wav"].code in {"codec", "media-unreadable"}
    assert counted(list(reports.values())) == {
        "adopted": 9, "already-there": 0, "not-adopted": 5, "would-be-adopted": 0,
    }  # fmt: skip
    assert run.manifests()["user-1-2-1700000003.wav"].recording.cause == "cut-off"
    assert list(run.stored.library.leftovers(-1)) == []


def test_a_preview_changes_nothing(run: Run, tmp_path: Path) -> None:
    old.written(run.old / "notes.txt", b"hello")
    reports = {one.file: one.outcome for one in run.adoption().preview()}
    assert (list(reports.values()).count(Outcome.WOULD), reports["notes.txt"]) == (8, Outcome.REFUSED)
    assert not (tmp_path / "monitor").exists()
    run.run()
    assert [one.outcome for one in run.adoption().preview()].count(Outcome.THERE) == 8
    assert len(run.entered) == 1


def test_what_the_daemon_did_not_enter_is_entered_by_the_next_run(run: Run) -> None:
    run.daemon_is_away = True
    with pytest.raises(Unavailable):
        run.run()
    run.daemon_is_away, run.is_known = False, False
    assert {one.outcome for one in run.run().values()} == {Outcome.THERE}
    assert len(run.entered[0]) == 8


def test_a_recording_that_was_erased_is_not_adopted_again(run: Run, tmp_path: Path) -> None:
    reports = run.run()
    gone = reports["user-1000-1001-1700000000.wav"].recording
    run.erased = {gone}
    for path in (tmp_path / "monitor").rglob(f"{gone}.*"):
        path.unlink()
    for again in (run.run().values(), run.adoption().preview()):
        (refused,) = (one for one in again if one.outcome is Outcome.REFUSED)
        assert (refused.file, refused.code) == ("user-1000-1001-1700000000.wav", "adopt-erased")
    assert not list((tmp_path / "monitor").rglob(f"{gone}.*"))


def test_many_are_entered_in_batches(run: Run) -> None:
    content = (run.old / "user-1000-1001-1700000000.wav").read_bytes()
    for nth in range(120):
        old.written(run.old / f"user-1-2-{1700001000 + nth}.wav", content)
    run.run()
    assert [len(one) for one in run.entered] == [100, 28]


async def test_the_daemon_logs_before_it_catalogues(run: Run) -> None:
    run.run()
    stored = run.stored
    adopted = AdoptedEntries(stored.library, stored, stored, stored)  # type: ignore[arg-type]
    asker = Asker(DAEMON)
    stored.audit_is_full = True
    with pytest.raises(Unavailable):
        await adopted.enter(run.entered[0], asker)
    assert not stored.entries
    stored.audit_is_full = False
    assert await adopted.enter(run.entered[0], asker) == 8
    assert {one.action for one in stored.audited} == {"adopted"}
    assert {one.recording for one in stored.audited} == set(stored.entries)
    assert all([file.part for file in one.files] == ["manifest", "media"] for one in stored.audited)
    assert [event["type"] for event in stored.events] == ["recording-indexed"] * 8


@pytest.mark.parametrize("path", ["2023/11/14/none-1", "../../etc/passwd", ""])
async def test_only_adopted_recordings_are_entered(run: Run, path: str) -> None:
    stored = run.stored
    adopted = AdoptedEntries(stored.library, stored, stored, stored)  # type: ignore[arg-type]
    with pytest.raises(Refused) as refused:
        await adopted.enter([path], Asker(DAEMON))
    assert refused.value.code == "no-such-recording"
    sound = stored.store(1)
    assert sound.state is StoredState.SOUND
    with pytest.raises(Refused):
        await adopted.enter(["2026/11/22/c1-1"], Asker(DAEMON))
    assert not stored.audited
