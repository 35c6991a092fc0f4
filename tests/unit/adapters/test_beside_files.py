"""Files beside sidecars: whole or not there, and no change of annotations is lost between programs."""

import fcntl
import os
import threading
from pathlib import Path

import pytest
from stored_library import StoredLibrary

from callrec.adapters.disk import beside_files
from callrec.adapters.disk.monitor_directory import MonitorLibrary
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Conflict, Corrupt, Unavailable
from callrec.domain.library.annotations import Annotations, next_revision, retagged
from callrec.domain.library.manifest import Manifest

AT = "2026/11/22/c1-1"
EMPTY = Annotations(RecordingId("c1-1"))


@pytest.fixture
def stored(tmp_path: Path) -> StoredLibrary:
    one = StoredLibrary(tmp_path)
    one.store(1)
    return one


def tagged(library: MonitorLibrary, *tags: str) -> Annotations:
    before = library.annotations(AT) or EMPTY
    after = next_revision(before, retagged(tags, []))
    library.annotate(AT, before, after)
    return after


def test_annotations_are_read_as_they_were_stored_and_are_no_sidecar(stored: StoredLibrary) -> None:
    library = stored.library
    assert library.annotations(AT) is None
    one = tagged(library, "a")
    assert library.annotations(AT) == one
    assert [path for path, found in library.sidecars() if isinstance(found, Manifest)] == [AT]
    assert len(list(library.sidecars())) == 1
    assert sorted(library.files()) == [f"{AT}.annotations.json", f"{AT}.peaks", f"{AT}.wav"]
    path = stored.folder / "monitor" / f"{AT}.annotations.json"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list((stored.folder / "monitor/.incoming").iterdir()) == []


def test_a_change_of_another_revision_is_refused(stored: StoredLibrary) -> None:
    first = tagged(stored.library, "a")
    second = tagged(stored.library, "b")
    with pytest.raises(Conflict) as caught:
        stored.library.annotate(AT, first, next_revision(first, retagged(["c"], [])))
    assert caught.value.code == "annotations-changed"
    with pytest.raises(Conflict):
        stored.library.annotate(AT, EMPTY, next_revision(EMPTY, retagged(["c"], [])))
    assert stored.library.annotations(AT) == second


def test_of_many_who_change_at_the_same_time_none_is_lost(stored: StoredLibrary) -> None:
    def work(nth: int) -> None:
        library = MonitorLibrary(stored.folder / "monitor")
        while True:
            try:
                tagged(library, f"t{nth}")
            except Conflict:
                continue
            return

    threads = [threading.Thread(target=work, args=(nth,)) for nth in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    found = stored.library.annotations(AT)
    assert found is not None
    assert (found.tags, found.revision) == (tuple(f"t{nth}" for nth in range(8)), 8)


def test_a_lock_that_is_held_for_long_is_told(stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside_files, "_TRIES", 2)
    tagged(stored.library, "a")
    descriptor = os.open(stored.folder / "monitor/.annotations-lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(Unavailable) as caught:
        tagged(stored.library, "b")
    assert caught.value.code == "annotations-busy"
    os.close(descriptor)
    assert tagged(stored.library, "b").tags == ("a", "b")


def test_a_damaged_file_is_told_and_not_overwritten(stored: StoredLibrary) -> None:
    one = tagged(stored.library, "a")
    path = stored.folder / "monitor" / f"{AT}.annotations.json"
    for content in (b"", b"{}", path.read_bytes()[:-5], b" " * (5 << 20)):
        path.write_bytes(content)
        with pytest.raises(Corrupt) as caught:
            stored.library.annotate(AT, one, next_revision(one, retagged(["b"], [])))
        assert caught.value.code == "annotations-unreadable"
        assert path.read_bytes() == content
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(Corrupt):
        stored.library.annotations(AT)


def test_a_disk_that_refuses_leaves_the_former_file(stored: StoredLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    one = tagged(stored.library, "a")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable):
        tagged(stored.library, "b")
    monkeypatch.undo()
    assert stored.library.annotations(AT) == one
    assert list((stored.folder / "monitor/.incoming").iterdir()) == []


@pytest.mark.parametrize("path", ["../x", "2026/11/22/../x", "a/b", "", "x" * 300])
def test_no_other_path_is_opened(stored: StoredLibrary, path: str) -> None:
    for work in (stored.library.annotations, stored.library.waveform):
        with pytest.raises(Corrupt) as caught:
            work(path)
        assert caught.value.code == "stored-path"
