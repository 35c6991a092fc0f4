"""The file of links on disk: whole, private, and unchanged by a disk that refuses."""

import os
from pathlib import Path

import pytest

from callrec.adapters.disk.link_file import DiskLinks
from callrec.domain.calls.ids import RecordingId
from callrec.domain.errors import Corrupt, Unavailable
from callrec.domain.library.links import Link

ONE = Link("k1", "d" * 64, RecordingId("c1-1"), "account:7", 1000.5, 2000.0)


def test_links_are_read_as_they_were_written_and_are_private(tmp_path: Path) -> None:
    links = DiskLinks(tmp_path)
    assert links.read() == ()
    (tmp_path / "links.json.new").write_text("from a crash")
    links.write((ONE,))
    assert DiskLinks(tmp_path).read() == (ONE,)
    assert [path.name for path in tmp_path.iterdir()] == ["links.json"]
    assert (tmp_path / "links.json").stat().st_mode & 0o777 == 0o600


def test_a_disk_that_refuses_leaves_the_former_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    links = DiskLinks(tmp_path)
    links.write((ONE,))
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable):
        links.write(())
    monkeypatch.undo()
    assert links.read() == (ONE,)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "links.json").write_text("{")
    with pytest.raises(Corrupt):
        DiskLinks(tmp_path).read()
