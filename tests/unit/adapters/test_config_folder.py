"""The folder of Asterisk's files, on a real disk."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from callrec.adapters.disk.config_folder import DiskConfFolder
from callrec.domain.errors import Unavailable


def test_files_come_are_replaced_and_go(tmp_path: Path) -> None:
    folder = DiskConfFolder(tmp_path)
    assert folder.read("a.conf") is None
    folder.replace({"a.conf": b"one", "b.conf": b""})
    folder.replace({"a.conf": b"two", "b.conf": None, "c.conf": None})
    assert folder.read("a.conf") == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.conf"]


def test_a_new_file_is_its_group_s_to_read_and_an_old_one_keeps_its_rights(tmp_path: Path) -> None:
    folder = DiskConfFolder(tmp_path)
    folder.replace({"a.conf": b"one"})
    assert stat.S_IMODE((tmp_path / "a.conf").stat().st_mode) == 0o640
    (tmp_path / "a.conf").chmod(0o644)
    folder.replace({"a.conf": b"two"})
    assert stat.S_IMODE((tmp_path / "a.conf").stat().st_mode) == 0o644


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".a.conf.new").write_bytes(b"half")
    DiskConfFolder(tmp_path).replace({"a.conf": b"whole"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.conf", b"whole")]


def test_a_full_disk_changes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DiskConfFolder(tmp_path)
    folder.replace({"a.conf": b"one"})

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        folder.replace({"a.conf": b"two"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.conf", b"one")]


def test_a_folder_that_is_not_there_is_made_where_it_can_be(tmp_path: Path) -> None:
    DiskConfFolder(tmp_path / "new").replace({"a.conf": b"one"})
    assert (tmp_path / "new/a.conf").read_bytes() == b"one"
    with pytest.raises(Unavailable, match=r"a\.conf/no"):
        DiskConfFolder(tmp_path / "new/a.conf/no").replace({"a.conf": b""})


def test_a_folder_is_one_run_s_at_a_time(tmp_path: Path) -> None:
    """Also for one of the same process. It is made for the first."""
    one, other = DiskConfFolder(tmp_path / "new"), DiskConfFolder(tmp_path / "new")
    claim = one.claim()
    assert claim is not None
    with claim:
        assert other.claim() is None
    again = other.claim()
    assert again is not None
    with again:
        pass
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".lock"]


def test_a_lock_of_root_s_making_is_the_folder_owner_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _descriptor, user, group: given.append((user, group)))
    claim = DiskConfFolder(tmp_path).claim()
    assert claim is not None
    with claim:
        owner = tmp_path.stat()
        assert given == [(owner.st_uid, owner.st_gid)]


def test_a_folder_that_cannot_be_locked_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_file: object, _how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(Unavailable, match=r"cannot lock .*\.lock: No locks available"):
        DiskConfFolder(tmp_path).claim()
    monkeypatch.undo()
    (tmp_path / ".lock").unlink()
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="cannot lock"):
        DiskConfFolder(tmp_path).claim()
