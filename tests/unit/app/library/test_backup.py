"""Backups and restores on real folders: a library with a log, another folder, and tables that a test makes up."""

import asyncio
import os
import shutil
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from logged_library import LoggedLibrary

from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_reader import DiskLogReader
from callrec.adapters.database.erasure_file import ErasureFile
from callrec.adapters.disk.backup_folder import DiskBackups, Folders
from callrec.adapters.disk.encryptable_library import DiskEncryptableLibrary
from callrec.adapters.disk.installation import DiskInstallation
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.restore_mark import refuse_unfinished
from callrec.adapters.system import SystemClock
from callrec.app.access.audit_log.audit_list import AuditFilter, audit_page
from callrec.app.access.audit_log.library_check import check_library
from callrec.app.access.audit_log.stored_entries import stored_entry
from callrec.app.library.backup import back_up, verify_backup
from callrec.app.library.catalog import entries, export
from callrec.app.library.restore import Restored, entries_of_restore, restore
from callrec.config import Settings
from callrec.domain.access.audit import Action, Actor, ActorKind, AuditEntry
from callrec.domain.errors import CallrecError, Corrupt, Misconfigured, Refused, Unavailable
from callrec.domain.library.erasure import Cause, Tombstone, files_of
from callrec.domain.library.manifest import Manifest
from callrec.wiring.encryption import library_of

if TYPE_CHECKING:
    from collections.abc import Callable


class Tables:
    """The store's tables: a text."""

    def __init__(self, content: bytes = b"{}") -> None:
        self.content = content

    async def saved(self) -> bytes:
        """They."""
        return self.content

    async def present(self) -> list[str]:
        """None."""
        return []

    async def restore(self, content: bytes) -> None:
        """Take them."""
        self.content = content


class House:
    """An installation below `old`, its backups in `backups`, and a new one below `new`. `step` is called at each step."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "old"
        self.logged = LoggedLibrary(self.state)
        self.tables = Tables(b'{"users": 3}')
        self.step: Callable[[str], None] = lambda _step: None

    async def begin(self) -> "House":
        """Recordings, all logged, and a secret."""
        self.state.mkdir()
        await self.logged.begin(3)
        (self.state / "token").write_text("secret")
        (self.state / "token").chmod(0o600)
        (self.folder / "prompts/fr").mkdir(parents=True)
        (self.folder / "prompts/fr/a.wav").write_bytes(b"RIFF")
        return self

    @property
    def backups(self) -> DiskBackups:
        """The folder of backups."""
        folders = Folders(self.state, self.logged.monitor, prompts=self.folder / "prompts")
        return DiskBackups(self.folder / "backups", folders, checkpoint=self._stepped)

    def _stepped(self, step: str) -> None:
        self.step(step)

    async def back_up(self) -> int:
        """The number of recordings in it."""
        return (await back_up(self.backups, self.tables, "pbx1")).head.recordings

    @property
    def new(self) -> Folders:
        """Another place."""
        return Folders(self.folder / "new/state", self.folder / "new/recordings", prompts=self.folder / "new/prompts")

    async def restore(self, erased: Path | None = None, *, accept_damage: bool = False) -> tuple[Restored, Tables]:
        """All of the newest backup into the new place."""
        place, tables = DiskInstallation(self.new, erased), Tables(b"")
        newest = self.backups.newest()
        done = await restore(newest, place, tables, lambda _what, _done, _all: None, accept_damage=accept_damage)
        place.end()
        return done, tables

    def recordings(self) -> set[str]:
        """Those of the old library."""
        return {found.recording.id for _, found in self.logged.manifests()}

    def proof(self) -> set[tuple[str, str]]:
        """What is wrong with the new installation."""
        reader = DiskLogReader(self.new.state / "audit")
        return {(one.code, one.path) for one in check_library(MonitorLibrary(self.new.monitor), reader, ()).findings}

    def names(self) -> list[str]:
        """What lies in the folder of backups."""
        return sorted(one.name for one in (self.folder / "backups").iterdir())


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return await House(tmp_path).begin()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


async def test_what_was_backed_up_is_restored_byte_for_byte_and_proven(house: House) -> None:
    count = await house.back_up()
    assert count == len(house.recordings())
    assert list(verify_backup(house.backups.newest())) == []
    done, tables = await house.restore()
    assert (done.recordings, done.erased, done.lost) == (count, (), ())
    assert tables.content == b'{"users": 3}'
    assert files(house.new.monitor) == files(house.logged.monitor)
    assert export(entries(MonitorLibrary(house.new.monitor))) == export(entries(house.logged.library))
    assert house.proof() == set()
    assert files(house.folder / "new/prompts") == {"fr/a.wav": b"RIFF"}
    assert (house.new.state / "token").stat().st_mode & 0o777 == 0o600
    assert (house.new.state / "audit/key").stat().st_mode & 0o777 == 0o600
    assert (house.folder / "backups").stat().st_mode & 0o777 == 0o700


async def test_a_second_backup_takes_no_space_for_what_has_not_changed(house: House) -> None:
    await house.back_up()
    await house.back_up()
    first, second = (house.folder / "backups" / name for name in house.names() if not name.startswith("."))
    library = [path for path in (first / "library").rglob("*") if path.is_file()]
    assert library
    assert all(path.samefile(second / path.relative_to(first)) for path in library)


async def test_on_another_disk_files_are_copied_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real, monitor = os.link, str(house.logged.monitor)

    def link(source: Path, *rest: Path, **how: bool) -> None:
        if str(source).startswith(monitor):
            raise OSError(18, "Invalid cross-device link")
        real(source, *rest, **how)

    monkeypatch.setattr(os, "link", link)
    await house.back_up()
    path, manifest = house.logged.with_media()[0]
    media = house.logged.media_of(path, manifest)
    (first,) = (one for one in house.names() if not one.startswith("."))
    copy = house.folder / "backups" / first / "library" / media.relative_to(house.logged.monitor)
    assert (copy.read_bytes(), copy.samefile(media)) == (media.read_bytes(), False)
    await house.back_up()
    second = house.backups.newest().path / "library" / media.relative_to(house.logged.monitor)
    assert second.samefile(copy)
    assert list(verify_backup(house.backups.newest())) == []


async def test_what_is_stored_while_the_backup_is_made_is_in_it_or_in_the_next(house: House) -> None:
    """A recording is placed and logged after the library was taken, and one is placed and not logged yet."""
    path, _ = house.logged.with_media()[0]
    later = [one for one in house.logged.monitor.rglob("*") if one.is_file() and one.name.startswith(Path(path).name)]
    hidden = house.folder / "hidden"
    hidden.mkdir()
    moved = [(one, hidden / one.name) for one in later]
    for one, aside in moved:
        one.rename(aside)
    rounds: list[str] = []

    def step(name: str) -> None:
        rounds.append(name)
        if name == "library" and rounds.count("library") == 1:
            for one, aside in moved:
                aside.rename(one)

    house.step = step
    assert await house.back_up() == len(house.recordings())
    assert rounds.count("library") == 2


class Encrypting:
    """The house's library, with a master key that is not in it, and what a command and the daemon do with it."""

    def __init__(self, house: House) -> None:
        key = house.folder / "keys"
        key.touch(0o600)
        key.write_text(f"2026 {bytes(range(32)).hex()}")
        self.house = house
        self.settings = Settings(
            monitor_dir=house.logged.monitor, state_dir=house.state, encryption=True, encryption_keys=f"file:{key}"
        )
        self.library = library_of(self.settings)

    def encrypt(self, path: str, manifest: Manifest) -> AuditEntry:
        """Encrypt it; the entry that the daemon logs."""
        assert DiskEncryptableLibrary(self.library).encrypt(path, manifest)
        return replace(stored_entry(self.library, path, manifest), action=Action.ENCRYPTED)

    def sound(self) -> dict[str, tuple[int, str] | None]:
        """Of the restored recordings: what can be heard with the master key."""
        library = library_of(self.settings.model_copy(update={"monitor_dir": self.house.new.monitor}))
        return {media.name: library.measure(f"{path.rpartition('/')[0]}/{media.name}".lstrip("/"))
                for path, found in self.house.logged.with_media() for media in found.files}  # fmt: skip

    def stored(self) -> dict[str, tuple[int, str]]:
        """What their sidecars say."""
        return {
            media.name: (media.bytes, media.sha256)
            for _, found in self.house.logged.with_media()
            for media in found.files
        }


async def test_encrypted_recordings_are_backed_up_with_their_keys_and_restored(house: House) -> None:
    encrypting = Encrypting(house)
    both = house.logged.with_media()[:2]
    await house.logged.log([encrypting.encrypt(*one) for one in both])
    await house.back_up()
    newest = house.backups.newest()
    keys = [one for one in newest.names() if one.endswith(".key") and one.startswith("library/")]
    assert len(keys) == len(both)
    for path, _ in both:
        in_library, in_backup = house.logged.monitor / f"{path}.key", newest.path / "library" / f"{path}.key"
        assert not in_library.samefile(in_backup), "an erasure overwrites the one, and not the other"
    assert not any(bytes(range(32)).hex().encode() in content for content in files(newest.path).values())
    await house.restore()
    assert house.proof() == set()
    assert encrypting.sound() == encrypting.stored()


@pytest.mark.parametrize("step", ["state", "library"])
async def test_what_is_encrypted_while_the_backup_is_made_can_be_read_from_it(house: House, step: str) -> None:
    encrypting, begun = Encrypting(house), list[str]()
    logged: list[AuditEntry] = []

    def stepped(name: str) -> None:
        if name == step and not begun:
            begun.append(name)
            logged.extend(encrypting.encrypt(*one) for one in house.logged.with_media()[:2])
            thread = threading.Thread(target=lambda: asyncio.run(house.logged.log(logged)))
            thread.start()
            thread.join()

    house.step = stepped
    await house.back_up()
    assert len(logged) == 2
    await house.restore()
    assert house.proof() == set()
    assert encrypting.sound() == encrypting.stored()


async def test_what_is_erased_while_the_backup_is_made_is_not_in_it(house: House) -> None:
    path, manifest = house.logged.with_media()[0]
    recording = manifest.recording.id
    await house.logged.log([AuditEntry(Action.ERASED, Actor(ActorKind.ACCOUNT, "1"), recording)])
    assert await house.back_up() == len(house.recordings()) - 1
    assert not [one for one in house.backups.newest().names() if Path(path).name in one]


@pytest.mark.parametrize("step", ["state", "library"])
async def test_what_is_erased_while_the_backup_is_made_has_its_tombstone_in_it(house: House, step: str) -> None:
    """Else it would come back for good from a former backup, though the restored log says that it was erased."""
    path, manifest = house.logged.with_media()[0]
    recording, begun = manifest.recording.id, list[str]()

    def erase(name: str) -> None:
        if name == step and not begun:
            begun.append(name)
            entry = AuditEntry(Action.ERASED, Actor(ActorKind.ACCOUNT, "1"), recording)
            thread = threading.Thread(target=lambda: asyncio.run(house.logged.log([entry])))
            thread.start()
            thread.join()
            ErasureFile(house.state).bury([Tombstone(recording, 1, Cause.REQUEST)])
            house.logged.library.erase(recording, files_of(path, manifest))

    house.step = erase
    await house.back_up()
    await house.restore()
    assert house.proof() == set()
    assert ErasureFile(house.new.state).erased([recording]) == {recording}


async def test_a_recording_that_the_log_does_not_know_yet_comes_with_the_next_backup(house: House) -> None:
    path, manifest = house.logged.with_media()[0]
    sidecar = house.logged.monitor / f"{path}.json"
    new = sidecar.with_name(sidecar.name.replace(manifest.recording.id, "z1-1"))
    new.write_bytes(
        sidecar.read_bytes().replace(manifest.recording.id.encode(), b"z1-1").replace(Path(path).name.encode(), b"z1-1")
    )
    before = len(house.recordings()) - 1
    assert await house.back_up() == before
    assert not [one for one in house.backups.newest().names() if "z1-1" in one]


async def test_a_backup_that_is_broken_off_is_none_and_leaves_nothing(house: House) -> None:
    class Killed(BaseException):
        """As SIGKILL would."""

    await house.back_up()
    whole = house.names()
    for dies_at in ("state", "library", "log", "synced"):

        def step(name: str, dies_at: str = dies_at) -> None:
            if name == dies_at:
                raise Killed

        house.step = step
        with pytest.raises(Killed):
            await house.back_up()
        assert house.names() == whole
    house.step = lambda _step: None
    left = house.folder / "backups/.unfinished-2026-01-01T000000.000000Z"
    left.mkdir()
    (left / "state").mkdir()
    await house.back_up()
    assert not left.exists()


async def test_two_backups_at_once_are_refused_and_so_are_folders_within_each_other(house: House) -> None:
    with house.backups.draft(), pytest.raises(Refused) as refused:
        await house.back_up()
    assert refused.value.code == "backup-busy"
    for folder in (house.state, house.state / "backups", house.folder):
        with pytest.raises(Refused) as refused:
            await back_up(DiskBackups(folder, Folders(house.state, house.logged.monitor)), Tables(), "n")
        assert refused.value.code == "backup-inside"


async def test_a_full_disk_is_told_and_leaves_no_half_backup(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("callrec.adapters.disk.backup_folder.write_new", full)
    with pytest.raises(Unavailable) as refused:
        await house.back_up()
    assert (refused.value.code, "No space left" in str(refused.value)) == ("disk", True)
    assert house.names() == [".lock"]


async def test_every_flipped_bit_missing_and_added_file_is_named(house: House) -> None:
    await house.back_up()
    newest = house.backups.newest()
    for file in list(newest.files()):
        path = newest.path / file.path
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:] if content else b"1")
        assert [(one.code, one.path) for one in verify_backup(newest)] == [("backup-damaged", file.path)]
        path.unlink()
        assert [one.message for one in verify_backup(newest)] == ["the file is missing"]
        path.write_bytes(content)
    (newest.path / "library/more.wav").write_bytes(b"1")
    assert [one.path for one in verify_backup(newest)] == ["library/more.wav"]
    (newest.path / "files.jsonl").write_bytes(b"{}")
    with pytest.raises(Corrupt):
        list(verify_backup(newest))


async def test_a_damaged_backup_is_restored_only_when_that_is_accepted(house: House) -> None:
    await house.back_up()
    path, manifest = house.logged.with_media()[0]
    (media,) = house.backups.newest().path.rglob(house.logged.media_of(path, manifest).name)
    media.unlink()
    with pytest.raises(Corrupt, match="1 files"):
        await house.restore()
    assert not list(house.new.monitor.iterdir())
    done, _ = await house.restore(accept_damage=True)
    assert [one.message for one in done.lost] == ["the file is missing"]
    assert done.recordings == len(house.recordings())


async def test_a_restore_refuses_what_is_not_empty_and_changes_nothing(house: House) -> None:
    await house.back_up()
    for folder in (house.new.state, house.new.monitor):
        folder.mkdir(parents=True)
        (folder / "something").write_text("else")
        with pytest.raises(Refused) as refused:
            await house.restore()
        assert refused.value.code == "restore-not-empty"
        assert "CALLREC_" in refused.value.hint
        shutil.rmtree(house.folder / "new")


async def test_a_restore_that_was_broken_off_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.back_up()
    real, copied = DiskInstallation.copy, list[str]()

    def copy(self: DiskInstallation, source: str, path: str, sha256: str) -> None:
        if len(copied) == 7:
            raise Unavailable("disk", "full")
        real(self, source, path, sha256)
        copied.append(path)

    monkeypatch.setattr(DiskInstallation, "copy", copy)
    with pytest.raises(Unavailable):
        await house.restore()
    monkeypatch.setattr(DiskInstallation, "copy", real)
    with pytest.raises(Misconfigured) as unfinished:
        refuse_unfinished(house.new.state)
    assert unfinished.value.code == "restore-unfinished"
    done, _ = await house.restore()
    refuse_unfinished(house.new.state)
    assert done.recordings == len(house.recordings())
    assert house.proof() == set()
    with pytest.raises(Refused):
        await house.restore()


async def test_a_restore_that_was_broken_off_after_the_last_copy_copies_nothing_over_what_the_log_has_since(
    house: House,
) -> None:
    """The command logs the restore before it makes the catalogue, which takes long."""
    await house.back_up()
    place, tables = DiskInstallation(house.new), Tables(b"")
    await restore(house.backups.newest(), place, tables, lambda _what, _done, _all: None)
    log = DiskAuditLog(house.new.state / "audit", "callrec/new", SystemClock())
    log.open()
    await log.append(entries_of_restore((), "0"))
    await log.close()
    await house.restore()
    assert house.proof() == set()
    page = audit_page(DiskLogReader(house.new.state / "audit"), AuditFilter(), 1)
    assert page.entries[0]["subject"] == "backup:restored"


def tombstones(path: Path, *recordings: str) -> Path:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "CREATE TABLE tombstones (recording TEXT PRIMARY KEY, erased_ms INTEGER NOT NULL, cause TEXT NOT NULL)"
            " WITHOUT ROWID"
        )
        database.executemany("INSERT INTO tombstones VALUES (?, 1, 'request')", [(one,) for one in recordings])
    return path


@pytest.mark.parametrize("kind", ["the restored tombstones", "a table", "a list"])
async def test_what_was_erased_meanwhile_stays_erased(house: House, kind: str) -> None:
    path, manifest = house.logged.with_media()[0]
    recording, erased = manifest.recording.id, house.folder / "erased"
    if kind == "the restored tombstones":
        tombstones(house.state / "erased.db", recording)
    await house.back_up()
    if kind == "a table":
        tombstones(erased, recording, "unknown-1")
    else:
        erased.write_text(f"{recording}\n\nunknown-1\n")
    done, _ = await house.restore(None if kind == "the restored tombstones" else erased)
    assert done.erased == (recording,)
    assert not [name for name in files(house.new.monitor) if Path(path).name in name]
    assert house.proof() == {("recording-removed", recording)}, "the log does not know it yet: the command logs it"
    restored, entry = entries_of_restore(done.erased, "1000")
    assert (restored.action, restored.subject) == (Action.SETTINGS_CHANGED, "backup:restored")
    assert (entry.action, entry.recording) == (Action.ERASED, recording)
    if kind == "a table":
        with closing(sqlite3.connect(house.new.state / "erased.db")) as database:
            assert database.execute("SELECT count(*) FROM tombstones").fetchone() == (2,)


async def test_a_list_of_erased_that_is_none_is_refused(house: House) -> None:
    await house.back_up()
    (house.folder / "erased").write_text("hello world")
    with pytest.raises(Refused, match="no id"):
        await house.restore(house.folder / "erased")


@pytest.mark.parametrize("content", [None, b"{}", b"\xff"])
async def test_a_folder_that_is_no_backup_is_refused(house: House, content: bytes | None) -> None:
    (house.folder / "backups/2026").mkdir(parents=True)
    if content is not None:
        (house.folder / "backups/2026/backup.json").write_bytes(content)
    with pytest.raises(CallrecError) as refused:
        await house.restore()
    assert refused.value.code == "backup-foreign"


async def test_an_installation_without_a_log_is_backed_up(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.state.mkdir()
    (house.state / "monitor").mkdir()
    assert await house.back_up() == 0
    done, _ = await house.restore()
    assert done.recordings == 0
