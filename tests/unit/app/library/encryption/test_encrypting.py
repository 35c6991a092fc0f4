"""Encrypting the recordings that are there: killed at any step it goes on, and no file goes before its encrypted one is right."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from erasable_library import ASKER, ErasableLibrary, Killed, erasable
from stored_library import StoredLibrary

from callrec.adapters.disk.encryptable_library import DiskEncryptableLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.media.encode import PyAvEncoder
from callrec.app.access.audit_log.evidence import evidence_of
from callrec.app.access.audit_log.library_check import check_library
from callrec.app.access.audit_log.log_check import check_log
from callrec.app.library.catalog import verify
from callrec.app.library.encryption.encrypting import Done, EncryptingPorts, counted, encrypt_all
from callrec.app.library.encryption.entries import EncryptedEntries
from callrec.domain.access.audit import Action
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import CallrecError, Refused, Unavailable
from callrec.domain.library.encryption import PART
from callrec.domain.library.erasure import files_of
from callrec.domain.library.manifest import Manifest
from callrec.protocols.encrypted_file import MARK
from callrec.wiring.encryption import library_of


class Run:
    """One run of the command, over the library of a daemon that encrypts now."""

    def __init__(self, lib: ErasableLibrary, die_at: str = "", live: Sequence[RecordingId] = ()) -> None:
        self.stored = StoredLibrary(lib.folder, encrypts=True)
        self.library = library_of(self.stored.settings)
        self.entered: list[str] = []
        self.files = DiskEncryptableLibrary(self.library, checkpoint=self._checkpoint)
        self._lib, self._die_at, self._live = lib, die_at, live

    def _checkpoint(self, step: str) -> None:
        if step == self._die_at:
            raise Killed

    def go(self) -> Done:
        """The whole run."""
        logged = {
            entry.recording: {one.sha256 for one in entry.files if one.part == PART}
            for _, entry in check_log(self._lib.reader).entries
        }
        ports = EncryptingPorts(
            self.library, self.files, self._live, self.entered.extend,
            lambda recording, digest: digest in logged.get(recording, ()),
        )  # fmt: skip
        return list(encrypt_all(ports))[-1]

    async def enter(self) -> None:
        """What the daemon does when it is asked to."""
        if self.entered:
            await EncryptedEntries(self.library, self._lib.audit).enter(self.entered, ASKER)


def on_disk(lib: ErasableLibrary) -> dict[str, bytes]:
    files = (path for path in (lib.folder / "monitor").rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in files if not path.name.startswith(".")}


def assert_encrypted(lib: ErasableLibrary, run: Run, before: dict[str, bytes]) -> None:
    after = on_disk(lib)
    assert set(after) - set(before) == {name.replace(".json", ".key") for name in before if name.endswith(".json")}
    for name, content in before.items():
        if name.endswith(".json"):
            assert after[name] == content
        else:
            assert after[name].startswith(MARK)
            assert content[200:240] not in after[name]
    spool = DiskSpool(lib.folder / "spool")
    spool.prepare()
    assert verify(run.library, spool, PyAvEncoder(run.library.contents), ()).findings == ()
    assert verify(lib.library, spool, PyAvEncoder(), ()).findings == (), "also without the key"
    assert check_library(run.library, lib.reader, ()).findings == ()
    assert counted(run.library).plain == 0
    assert list((lib.folder / "monitor/.incoming").iterdir()) == []


STEPS = ("drafted", "key", "file", "exchanged")


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_the_next_run_goes_on(tmp_path: Path, step: str) -> None:
    async with erasable(tmp_path) as lib:
        manifests = [await lib.store(nth, tracks=nth == 1) for nth in (1, 2)]
        before = on_disk(lib)
        for _ in range(2):
            with pytest.raises(Killed):
                Run(lib, step).go()
            library = library_of(StoredLibrary(tmp_path, encrypts=True).settings)
            for one in manifests:
                for _, media in one.parts:
                    assert library.measure(f"2026/11/22/{media.name}") == (media.bytes, media.sha256), (
                        "each can be read"
                    )
        run = Run(lib)
        assert run.go().findings == []
        await run.enter()
        assert_encrypted(lib, run, before)
        again = Run(lib)
        done = again.go()
        assert (done.changed, done.unchanged, again.entered) == (0, 2, [])


async def test_a_run_that_ends_before_its_entries_are_logged_enters_them_later(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        await lib.store(1)
        before = on_disk(lib)
        first = Run(lib)
        assert first.go().changed == 1
        (finding,) = check_library(first.library, lib.reader, ()).findings
        assert finding.code == "encryption-unlogged"
        second = Run(lib)
        done = second.go()
        assert (done.changed, done.unchanged, second.entered) == (0, 1, ["2026/11/22/c1-1"])
        await second.enter()
        assert_encrypted(lib, second, before)
        last = check_log(lib.reader).entries[-1][1]
        assert (last.action, last.actor, [one.part for one in last.files]) == (
            Action.ENCRYPTED, ASKER.actor, ["manifest", PART, "media"],
        )  # fmt: skip


async def test_a_file_that_is_not_the_stored_one_is_told_and_left(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        first, second = await lib.store(1), await lib.store(2)
        file = lib.made.file(first)
        content = file.read_bytes()
        file.write_bytes(content[:-2] + b"xx")
        before = on_disk(lib)
        done = Run(lib).go()
        assert (done.changed, [(one.code, one.path) for one in done.findings]) == (
            1, [("media-changed", f"2026/11/22/{first.recording.id}")],
        )  # fmt: skip
        after = on_disk(lib)
        assert {name for name in before if name.startswith("c1-1") and after[name] != before[name]} == set()
        assert after[second.media.name].startswith(MARK)
        file.unlink()
        assert [one.code for one in Run(lib).go().findings] == ["media-missing"]


async def test_what_the_daemon_still_stores_and_what_has_no_audio_is_left(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        await lib.store(1)
        done = Run(lib, live=[RecordingId("c1-1")]).go()
        assert (done.changed, done.unchanged) == (0, 0)
        assert "c1-1.key" not in on_disk(lib)


async def test_a_recording_that_is_erased_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        manifest = await lib.store(1)

        def erase(step: str) -> None:
            if step == "drafted":
                lib.library.erase(manifest.recording.id, files_of("2026/11/22/c1-1", manifest))

        library = library_of(StoredLibrary(tmp_path, encrypts=True).settings)
        assert DiskEncryptableLibrary(library, checkpoint=erase).encrypt("2026/11/22/c1-1", manifest) is False
        assert on_disk(lib) == {}
        assert list((tmp_path / "monitor/.incoming").iterdir()) == []


async def test_without_a_master_key_nothing_is_touched(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        manifest = await lib.store(1)
        before = on_disk(lib)
        settings = StoredLibrary(tmp_path, encrypts=True).settings
        library = library_of(settings.model_copy(update={"encryption_keys": f"file:{tmp_path / 'none'}"}))
        with pytest.raises(Unavailable):
            DiskEncryptableLibrary(library).encrypt("2026/11/22/c1-1", manifest)
        assert on_disk(lib) == before


async def test_evidence_of_a_recording_that_was_encrypted_later_is_that_of_its_first_day(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        await lib.store(1)
        run = Run(lib)
        run.go()
        await run.enter()
        await lib.audit.close()
        evidence = evidence_of(run.library, lib.reader, "c1-1")
        assert evidence.index == 0
        assert "c1-1.encryption.json" not in evidence.files


async def test_evidence_of_a_recording_that_was_stored_encrypted_names_its_record(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        lib.made = StoredLibrary(tmp_path, encrypts=True)
        await lib.store(1)
        await lib.audit.close()
        evidence = evidence_of(lib.library, lib.reader, "c1-1")
        key = lib.library.key_file("2026/11/22/c1-1")
        assert key is not None
        assert evidence.files["c1-1.encryption.json"] == key.record


@pytest.mark.parametrize("path", ["2026/11/22/c1-1", "2026/11/22/c9-1", "../etc/passwd"])
async def test_only_encrypted_recordings_are_entered(tmp_path: Path, path: str) -> None:
    async with erasable(tmp_path) as lib:
        await lib.store(1)
        before = len(check_log(lib.reader).entries)
        with pytest.raises(Refused) as caught:
            await EncryptedEntries(lib.library, lib.audit).enter([path], ASKER)
        assert caught.value.code == "no-such-recording"
        assert len(check_log(lib.reader).entries) == before


def swapped(lib: ErasableLibrary, manifest: Manifest) -> None:
    """Somebody who has no key puts another sound there, encrypted with a key of their own, and their key file with it."""
    other = lib.folder / "other"
    other.mkdir()
    theirs = StoredLibrary(other, encrypts=True)
    theirs.store(1)
    for end in ("key", "wav"):
        path = lib.made.file(manifest).with_suffix(f".{end}")
        path.write_bytes((other / f"monitor/2026/11/22/c1-1.{end}").read_bytes())


async def test_another_record_than_the_logged_one_is_found_without_a_key(tmp_path: Path) -> None:
    async with erasable(tmp_path) as lib:
        lib.made = StoredLibrary(tmp_path, encrypts=True)
        manifest = await lib.store(1)
        assert check_library(lib.library, lib.reader, ()).findings == ()
        swapped(lib, manifest)
        plain = library_of(lib.made.settings.model_copy(update={"encryption": False, "encryption_keys": ""}))
        assert [one.code for one in check_library(plain, lib.reader, ()).findings] == ["encryption-changed"]
        lib.made.file(manifest).with_suffix(".key").unlink()
        assert [one.code for one in check_library(plain, lib.reader, ()).findings] == ["key-file-missing"]
        with pytest.raises(CallrecError):
            evidence_of(plain, lib.reader, "c1-1")
