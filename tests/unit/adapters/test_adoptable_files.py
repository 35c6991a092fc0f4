"""A folder with recordings of another program."""

import os
import time
from pathlib import Path

import pytest
from old_recordings import aged, written

from callrec.adapters.disk.adoptable_files import DiskAdoptableFiles
from callrec.domain.errors import Corrupt, Refused, Unavailable


def test_files_come_in_order_without_hidden_ones_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("b.wav", "a/c.wav", ".hidden/d.wav", "a/.e.wav"):
        written(tmp_path / "old" / name, b"1")
    (tmp_path / "old/link").symlink_to(tmp_path)
    assert list(DiskAdoptableFiles(tmp_path / "old").names()) == ["b.wav", "link", "a/c.wav"]
    with pytest.raises(Corrupt) as refused:
        DiskAdoptableFiles(tmp_path / "old").measure("link", 0)
    assert refused.value.code == "file-odd"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(Corrupt):
        DiskAdoptableFiles(tmp_path).measure("pipe.wav", 0)


def test_a_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        list(DiskAdoptableFiles(tmp_path / "none").names())


def test_a_file_that_was_just_written_is_left_for_later(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", b"1")
    os.utime(path, (time.time(), time.time()))
    with pytest.raises(Refused) as refused:
        DiskAdoptableFiles(tmp_path).measure("a.wav", 10)
    assert refused.value.code == "adopt-busy"
    aged(path)
    assert DiskAdoptableFiles(tmp_path).measure("a.wav", 10)[0] == 1


def test_a_copy_is_a_file_of_its_own_and_a_link_is_not(tmp_path: Path) -> None:
    old = written(tmp_path / "a.wav", b"sound")
    files = DiskAdoptableFiles(tmp_path)
    for links in (False, True):
        into = written(tmp_path / f"into-{links}", b"")
        files.copy("a.wav", str(into), links=links)
        assert into.read_bytes() == b"sound"
        assert old.samefile(into) is links
        assert files.digest(str(into)) == files.measure("a.wav", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "into-False", "into-True"]
