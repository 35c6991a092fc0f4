"""Recordings from before the log get their entries once; after that, one without an entry is a finding."""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from logged_library import ACCOUNT, LoggedLibrary

from callrec.adapters.audit.adoption_mark import FileMark
from callrec.adapters.audit.log import DiskAuditLog
from callrec.app.access.audit_log import adopt
from callrec.app.access.audit_log.adopt import adopt_former
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.access.audit_log.library_check import check_library
from callrec.domain.access.audit import Action, AuditEntry
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.errors import Unavailable


@dataclass
class Unfinished:
    """A journal with these entries."""

    entries: list[Entry] = field(default_factory=list)

    async def append(self, entry: Entry) -> None:
        """Take it."""
        self.entries.append(entry)

    def live(self) -> list[Entry]:
        """All of them."""
        return self.entries


@pytest.fixture
async def older(tmp_path: Path) -> LoggedLibrary:
    """A library whose log is younger than its recordings."""
    made = await LoggedLibrary(tmp_path).begin()
    shutil.rmtree(made.audit)
    made.witness.unlink()
    made.clock.utc_s = 4_000_000_000.0
    await made.log([AuditEntry(Action.LISTENED, ACCOUNT)])
    return made


def opened(library: LoggedLibrary) -> DiskAuditLog:
    log = DiskAuditLog(library.audit, "callrec/pbx1", library.clock, integrate_after_s=3600)
    log.open()
    return log


async def test_each_gets_an_entry_once(older: LoggedLibrary) -> None:
    log, mark = opened(older), FileMark(older.audit)
    for _ in range(2):
        await adopt_former(older.library, Unfinished(), log, older.reader, mark)
    await log.close()
    page = audit_page(older.reader, AuditFilter(action=Action.ADOPTED), 1000)
    ids = [found.recording.id for _, found in older.manifests()]
    assert page.entries[0]["subject"] == "library:all"
    assert sorted(str(row["recording"]) for row in page.entries[1:]) == sorted(ids)
    report = check_library(older.library, older.reader, ())
    assert (report.findings, report.notes) == ((), ())


async def test_after_that_one_without_an_entry_is_a_finding_whatever_it_says_of_its_time(older: LoggedLibrary) -> None:
    log = opened(older)
    await adopt_former(older.library, Unfinished(), log, older.reader, FileMark(older.audit))
    await log.close()
    path, manifest = older.manifests()[0]
    file = older.monitor / f"{path}.json"
    (file.parent / "cadded-1.json").write_text(file.read_text().replace(manifest.recording.id, "cadded-1"))
    report = check_library(older.library, older.reader, ())
    assert [finding.code for finding in report.findings] == ["recording-unlogged"]


async def test_who_removes_the_mark_cannot_have_a_recording_adopted(older: LoggedLibrary) -> None:
    log = opened(older)
    await adopt_former(older.library, Unfinished(), log, older.reader, FileMark(older.audit))
    path, manifest = older.manifests()[0]
    file = older.monitor / f"{path}.json"
    (file.parent / "cadded-1.json").write_text(file.read_text().replace(manifest.recording.id, "cadded-1"))
    (older.audit / "adopted").unlink()
    assert [finding.code for finding in check_library(older.library, older.reader, ()).findings] == [
        "recording-unlogged"
    ]
    await adopt_former(older.library, Unfinished(), log, older.reader, FileMark(older.audit))
    await log.close()
    assert [finding.code for finding in check_library(older.library, older.reader, ()).findings] == [
        "recording-unlogged"
    ]


async def test_beside_a_damaged_log_nothing_is_adopted(older: LoggedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has already could not be known. It waits until the log is mended."""
    log = opened(older)
    tile = older.audit / "tile/entries/000.p/1"
    content = tile.read_bytes()
    tile.write_bytes(content.replace(b"12", b"13"))

    async def mended(_s: float) -> None:
        assert not FileMark(older.audit).is_set()
        tile.write_bytes(content)

    monkeypatch.setattr(asyncio, "sleep", mended)
    await adopt_former(older.library, Unfinished(), log, older.reader, FileMark(older.audit))
    await log.close()
    assert check_library(older.library, older.reader, ()).findings == ()


async def test_one_that_is_being_finished_is_left_to_that(older: LoggedLibrary) -> None:
    _, manifest = older.manifests()[0]
    log = opened(older)
    journal = Unfinished([Entry(Step.ENDED, manifest.recording)])
    await adopt_former(older.library, journal, log, older.reader, FileMark(older.audit))
    await log.close()
    page = audit_page(older.reader, AuditFilter(recording=manifest.recording.id), 10)
    assert page.entries == ()


@pytest.mark.parametrize("damage", ["sha256", "id"])
async def test_a_damaged_sidecar_keeps_no_other_recording_from_its_entry(older: LoggedLibrary, damage: str) -> None:
    """It has no entry, the daemon goes on, and `callrec verify` names the file."""
    path, manifest = older.with_media()[0]
    assert manifest.media is not None
    file = older.monitor / f"{path}.json"
    old, new = (manifest.media.sha256, "") if damage == "sha256" else (manifest.recording.id, "bad id")
    file.write_text(file.read_text().replace(f'"{old}"', f'"{new}"'))
    log, mark = opened(older), FileMark(older.audit)
    async with asyncio.timeout(10):
        await adopt_former(older.library, Unfinished(), log, older.reader, mark)
    await log.close()
    assert mark.is_set()
    page = audit_page(older.reader, AuditFilter(action=Action.ADOPTED), 1000)
    ids = [
        found.recording.id
        for _, found in older.manifests()
        if found.recording.id not in (manifest.recording.id, "bad id")
    ]
    assert sorted(str(row["recording"]) for row in page.entries if row["recording"]) == sorted(ids)


async def test_a_disk_that_refuses_is_tried_again(older: LoggedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries that are there already are not logged a second time."""
    monkeypatch.setattr(adopt, "AGAIN_S", 0.0)
    monkeypatch.setattr(adopt, "AT_ONCE", 1)
    log, refused = opened(older), []
    real = log.append

    async def sometimes(entries: list[AuditEntry]) -> None:
        if len(refused) < 3 and len(refused) <= len(await asyncio.to_thread(older.reader.waiting)) - 1:
            refused.append(entries)
            raise Unavailable("disk", "audit log: No space left on device")
        await real(entries)

    monkeypatch.setattr(log, "append", sometimes)
    await adopt_former(older.library, Unfinished(), log, older.reader, FileMark(older.audit))
    await log.close()
    assert len(refused) == 3
    page = audit_page(older.reader, AuditFilter(action=Action.ADOPTED), 1000)
    assert len(page.entries) == len(older.manifests()) + 1
