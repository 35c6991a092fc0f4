"""A library whose recordings are encrypted: what lies on disk, what is refused, and what another master key changes."""

import json
import os
import shutil
from pathlib import Path

import pytest
from erasable_library import Killed
from stored_library import StoredLibrary, recorded

from callrec.adapters.disk.encryptable_library import DiskEncryptableLibrary
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.adapters.disk.spool import DiskSpool
from callrec.adapters.encryption import master_keys
from callrec.adapters.media.encode import PyAvEncoder
from callrec.adapters.media.transcode import PyAvMeasurer
from callrec.app.library.catalog import Report, export, index_entry, verify
from callrec.app.library.encryption.encrypting import counted, rotate
from callrec.app.library.media.sources import Stored, source_of
from callrec.app.library.media.waveforms import kept_or_made
from callrec.domain.errors import CallrecError, Corrupt, Unavailable
from callrec.domain.library.erasure import files_of
from callrec.domain.library.manifest import Format, Manifest
from callrec.protocols.encrypted_file import MARK
from callrec.wiring.encryption import library_of

SECOND = bytes(range(50, 82)).hex()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of keys that failed is asked again at once."""
    monkeypatch.setattr(master_keys, "AGAIN_S", 0.0)


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    return StoredLibrary(tmp_path, encrypts=True)


def path_of(manifest: Manifest) -> str:
    return f"2026/11/22/{manifest.recording.id}"


def files(stored: StoredLibrary) -> dict[str, bytes]:
    """All files of the library but its lock."""
    found = (path for path in (stored.folder / "monitor").rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in found if path.name != ".annotations-lock"}


def checked(library: MonitorLibrary, folder: Path) -> Report:
    spool = DiskSpool(folder / "spool")
    spool.prepare()
    return verify(library, spool, PyAvEncoder(library.contents), frozenset())


def codes(report: Report) -> list[tuple[str, str]]:
    return [(one.code, one.path.rpartition("/")[2]) for one in report.findings]


def raised(work: object) -> CallrecError:
    with pytest.raises(CallrecError) as caught:
        work()  # type: ignore[operator]
    return caught.value


@pytest.mark.parametrize("media_format", list(Format))
def test_a_recording_is_the_same_with_and_without_encryption(tmp_path: Path, media_format: Format) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "encrypted").mkdir()
    plain, stored = StoredLibrary(tmp_path / "plain"), StoredLibrary(tmp_path / "encrypted", encrypts=True)
    one, other = (library.store(1, media_format, tracks=True) for library in (plain, stored))
    assert one == other
    before, after = files(plain), files(stored)
    assert before["c1-1.json"] == after["c1-1.json"], "the sidecar is the same, byte for byte"
    assert after.keys() - before.keys() == {"c1-1.key"}
    for name, content in before.items():
        if not name.endswith(".json"):
            assert after[name].startswith(MARK)
            assert not any(content[at : at + 24] in after[name] for at in range(0, len(content) - 24, 500))
    assert not any(after[name][:4] in {b"RIFF", b"OggS", b"fLaC"} for name in after)
    assert checked(stored.library, tmp_path) == Report(1, ())
    paths = [(path_of(other), other)]
    assert export(index_entry(*one) for one in paths) == export(index_entry(*one) for one in [(path_of(one), one)])


def test_without_the_master_key_verify_says_that_the_files_are_the_stored_ones(stored: StoredLibrary) -> None:
    manifest = stored.store(1, tracks=True)
    for library in (MonitorLibrary(stored.folder / "monitor"), without_keys(stored)):
        assert checked(library, stored.folder) == Report(1, (), unheard=1)
        assert raised(lambda one=library: one.measure(f"{path_of(manifest)}.wav")).code == "encryption-keys-away"
        assert library.find(manifest.recording.id, [path_of(manifest)]) == (path_of(manifest), manifest)
    stored.file(manifest).write_bytes(stored.file(manifest).read_bytes()[:-1] + b"x")
    assert codes(checked(MonitorLibrary(stored.folder / "monitor"), stored.folder)) == [("media-changed", "c1-1.wav")]


def without_keys(stored: StoredLibrary) -> MonitorLibrary:
    """The library of a daemon whose keys are on a medium that is not there."""
    return library_of(stored.settings.model_copy(update={"encryption_keys": f"file:{stored.folder / 'none'}"}))


def test_a_wrong_a_former_and_a_missing_master_key_are_told_apart(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    keys = stored.folder / "keys"
    media = f"{path_of(manifest)}.wav"
    keys.write_text(f"2027 {SECOND}\n")
    assert raised(lambda: library_of(stored.settings).measure(media)).code == "encryption-key-unknown"
    keys.write_text(f"2026 {SECOND}\n")
    error = raised(lambda: library_of(stored.settings).measure(media))
    assert (type(error), error.code, "is not the one" in str(error)) == (Unavailable, "encryption-keys-away", True)
    shutil.rmtree(stored.folder / "state" / "encryption")
    error = raised(lambda: library_of(stored.settings).measure(media))
    assert (type(error), error.code) == (Corrupt, "key-file-damaged"), (
        "it was never used here: the file may be wrong, too"
    )


def test_a_recording_is_not_begun_when_it_could_not_be_encrypted(stored: StoredLibrary) -> None:
    library = without_keys(stored)
    assert raised(lambda: library.temporary(recorded(1).id, Format.WAV)).code == "encryption-keys-away"
    assert files(stored) == {}


def test_turned_off_new_ones_are_plain_and_the_others_are_still_read(stored: StoredLibrary) -> None:
    first = stored.store(1)
    stored.settings = stored.settings.model_copy(update={"encryption": False})
    stored.library = library_of(stored.settings)
    stored.store(2)
    assert files(stored)["c2-1.wav"].startswith(b"RIFF")
    assert stored.library.measure(f"{path_of(first)}.wav") == (first.media.bytes, first.media.sha256)
    assert checked(stored.library, stored.folder) == Report(2, ())
    assert counted(stored.library).plain == 1


def test_exchanged_files_of_a_recording_are_refused(stored: StoredLibrary) -> None:
    manifest = stored.store(1, tracks=True)
    folder = stored.file(manifest).parent
    (folder / "c1-1.track-1.wav").rename(folder / "kept")
    (folder / "c1-1.track-2.wav").rename(folder / "c1-1.track-1.wav")
    (folder / "kept").rename(folder / "c1-1.track-2.wav")
    assert raised(lambda: stored.library.measure("2026/11/22/c1-1.track-1.wav")).code == "media-changed"
    found = checked(stored.library, stored.folder)
    assert codes(found) == [("media-changed", "c1-1.track-1.wav"), ("media-changed", "c1-1.track-2.wav")]


def test_another_recordings_key_and_files_are_refused(stored: StoredLibrary) -> None:
    first, second = stored.store(1), stored.store(2)
    folder = stored.file(first).parent
    for end in ("key", "wav"):
        shutil.copyfile(folder / f"c2-1.{end}", folder / f"c1-1.{end}")
    assert second.media != first.media or first.media.sha256 == second.media.sha256
    assert ("encryption-changed", "c1-1.key") in codes(checked(stored.library, stored.folder))
    shutil.copyfile(folder / "c2-1.key", folder / "c1-1.key")
    (folder / "c1-1.wav").write_bytes(files(stored)["c2-1.wav"][:-1] + b"y")
    assert raised(lambda: stored.library.measure("2026/11/22/c1-1.wav")).code == "media-changed"


@pytest.mark.parametrize("damage", [b"", b"garbage\n", None])
def test_a_key_file_that_is_damaged_or_gone_is_told(stored: StoredLibrary, damage: bytes | None) -> None:
    manifest = stored.store(1)
    key = stored.file(manifest).with_suffix(".key")
    if damage is None:
        key.unlink()
        assert codes(checked(stored.library, stored.folder))[0] == ("key-file-missing", "c1-1.wav")
    else:
        key.write_bytes(damage)
        assert codes(checked(stored.library, stored.folder)) == [("key-file-damaged", "c1-1.key")]
        assert raised(lambda: stored.library.measure("2026/11/22/c1-1.wav")).code == "key-file-damaged"


def test_peaks_are_encrypted_also_when_they_are_made_again(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    path = stored.file(manifest).with_suffix(".peaks")
    first = stored.library.waveform(path_of(manifest))
    former = path.read_bytes()
    path.unlink()
    source = source_of(stored.library, Stored(path_of(manifest), manifest), None)
    assert kept_or_made(stored.library, PyAvMeasurer(stored.library.contents), source) == first
    assert path.read_bytes().startswith(MARK)
    assert path.read_bytes() != former
    assert stored.library.waveform(path_of(manifest)) == first


def test_a_crash_between_two_files_is_completed_with_another_key(stored: StoredLibrary) -> None:
    """The first run put the key and one of three files there; the second one has all of them anew."""
    steps: list[str] = []

    def checkpoint(step: str) -> None:
        steps.append(step)
        if step == "media":
            raise Killed

    stored.library = library_of(stored.settings, checkpoint=checkpoint)
    with pytest.raises(Killed):
        stored.store(1, tracks=True)
    assert steps == ["sidecar-written", "sidecar", "key", "media"]
    left = files(stored)
    stored.library = library_of(stored.settings)
    assert stored.library.find(recorded(1).id, ["2026/11/22/c1-1"]) is None
    manifest = stored.store(1, tracks=True)
    assert files(stored)["c1-1.key"] != left["c1-1.key"]
    assert checked(stored.library, stored.folder) == Report(1, ())
    assert stored.library.find(recorded(1).id, ["2026/11/22/c1-1"]) == ("2026/11/22/c1-1", manifest)


def test_a_strangers_key_file_takes_the_path(stored: StoredLibrary) -> None:
    folder = stored.folder / "monitor/2026/11/22"
    folder.mkdir(parents=True)
    (folder / "c1-1.key").write_bytes(b"somebody's")
    assert raised(lambda: stored.store(1)).code == "path-taken"
    assert (folder / "c1-1.key").read_bytes() == b"somebody's"


def test_erasing_overwrites_the_key_first(stored: StoredLibrary) -> None:
    manifest = stored.store(1, tracks=True)
    key = stored.file(manifest).with_suffix(".key")
    with key.open("rb") as held:
        before = key.read_bytes()
        names = files_of(path_of(manifest), manifest)
        assert names[0].endswith(".key")
        stored.library.erase(manifest.recording.id, names)
        after = held.read()
    assert (len(after), after != before, b"master" in after) == (len(before), True, False)
    assert files(stored) == {}


def test_a_key_that_somebody_has_linked_elsewhere_is_left_to_them(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    key = stored.file(manifest).with_suffix(".key")
    before = key.read_bytes()
    os.link(key, stored.folder / "theirs")
    stored.library.erase(manifest.recording.id, files_of(path_of(manifest), manifest))
    assert (stored.folder / "theirs").read_bytes() == before


def test_another_master_key_wraps_all_keys_anew_and_changes_nothing_else(stored: StoredLibrary) -> None:
    for nth in (1, 2, 3):
        stored.store(nth)
    before = files(stored)
    assert counted(stored.library).needed == {"2026": 3}
    (stored.folder / "keys").write_text(f"2027 {SECOND}\n2026 {bytes(range(32)).hex()}\n")
    stored.library = library_of(stored.settings)
    stored.store(4)
    with (stored.folder / "monitor/2026/11/22/c1-1.key").open("rb") as former:
        steps = list(rotate(stored.library, DiskEncryptableLibrary(stored.library)))
        assert b"2026" not in former.read(), "what the former master key opens is overwritten"
    assert (steps[-1].changed, steps[-1].unchanged, steps[-1].findings) == (3, 1, [])
    after = files(stored)
    assert {name for name in before if before[name] != after[name]} == {"c1-1.key", "c2-1.key", "c3-1.key"}
    assert all(before[f"c{n}-1.key"].splitlines()[0] == after[f"c{n}-1.key"].splitlines()[0] for n in (1, 2, 3))
    (stored.folder / "keys").write_text(f"2027 {SECOND}\n")
    library = library_of(stored.settings)
    assert counted(library).needed == {"2027": 4}
    assert checked(library, stored.folder) == Report(4, ())
    again = list(rotate(library, DiskEncryptableLibrary(library)))
    assert (again[-1].changed, again[-1].unchanged) == (0, 4)


def test_a_recording_whose_encryption_was_broken_off_is_told(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    content = stored.content(stored.file(manifest))
    stored.file(manifest).write_bytes(content)
    assert codes(checked(stored.library, stored.folder)) == [("encryption-unfinished", "c1-1.wav")]
    assert stored.library.measure("2026/11/22/c1-1.wav") == (manifest.media.bytes, manifest.media.sha256)


def test_a_rotation_without_the_former_key_tells_each_recording_and_goes_on(stored: StoredLibrary) -> None:
    stored.store(1)
    (stored.folder / "keys").write_text(f"2027 {SECOND}\n")
    stored.library = library_of(stored.settings)
    stored.store(2)
    last = list(rotate(stored.library, DiskEncryptableLibrary(stored.library)))[-1]
    assert (last.changed, last.unchanged, [one.code for one in last.findings]) == (0, 1, ["encryption-key-unknown"])


def test_the_key_of_an_erased_recording_is_not_wrapped_anew(stored: StoredLibrary) -> None:
    manifest = stored.store(1)
    key = stored.file(manifest).with_suffix(".key")
    content = key.read_bytes()
    stored.library.erase(manifest.recording.id, files_of(path_of(manifest), manifest))
    key.write_bytes(content)
    (stored.folder / "keys").write_text(f"2027 {SECOND}\n2026 {bytes(range(32)).hex()}\n")
    assert DiskEncryptableLibrary(library_of(stored.settings)).rewrap(path_of(manifest)) is False
    assert json.loads(key.read_bytes().splitlines()[1])["master"] == "2026"
