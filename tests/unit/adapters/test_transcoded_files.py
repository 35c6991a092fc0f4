"""The folder of transcoded files: bounded, found by digests, empty after a start."""

import os
from pathlib import Path

import pytest

from callrec.adapters.disk.transcoded_files import DiskTranscodedFiles
from callrec.domain.errors import Unavailable
from callrec.domain.library.captures import Encoded
from callrec.domain.library.manifest import Format

SOURCES = ["a" * 64, "b" * 64, "c" * 64]


def kept(files: DiskTranscodedFiles, source: str, size: int, digest: str = "d" * 64) -> str:
    temporary = Path(files.temporary())
    temporary.write_bytes(bytes(size))
    return files.keep(str(temporary), source, Format.MP3, Encoded(1, size, digest))


def test_a_file_is_found_by_its_source_and_format(tmp_path: Path) -> None:
    files = DiskTranscodedFiles(tmp_path / "state" / "transcoded", 100)
    files.empty()
    path = kept(files, SOURCES[0], 10)
    assert files.find(SOURCES[0], Format.MP3) == (path, "d" * 64)
    assert files.find(SOURCES[0], Format.WAV) is None
    assert files.find(SOURCES[1], Format.MP3) is None
    assert (tmp_path / "state/transcoded").stat().st_mode & 0o777 == 0o700


def test_those_that_were_not_used_for_the_longest_time_make_room(tmp_path: Path) -> None:
    files = DiskTranscodedFiles(tmp_path, 100)
    first, second = kept(files, SOURCES[0], 40), kept(files, SOURCES[1], 40)
    os.utime(first, (1, 1))
    os.utime(second, (2, 2))
    assert files.find(SOURCES[0], Format.MP3), "it is used now"
    kept(files, SOURCES[2], 40)
    assert [files.find(source, Format.MP3) is not None for source in SOURCES] == [True, False, True]


def test_what_was_erased_is_forgotten_and_a_start_empties_the_folder(tmp_path: Path) -> None:
    files = DiskTranscodedFiles(tmp_path, 100)
    kept(files, SOURCES[0], 10)
    kept(files, SOURCES[0], 10, "e" * 64)
    kept(files, SOURCES[1], 10)
    files.forget(SOURCES[0])
    assert files.find(SOURCES[0], Format.MP3) is None
    assert files.find(SOURCES[1], Format.MP3)
    files.temporary()
    (tmp_path / "by somebody else").write_text("stays")
    files.empty()
    assert [path.name for path in tmp_path.iterdir()] == ["by somebody else"]


def test_a_temporary_file_is_dropped_once_or_twice(tmp_path: Path) -> None:
    files = DiskTranscodedFiles(tmp_path, 100)
    temporary = files.temporary()
    files.drop(temporary)
    files.drop(temporary)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="folder"):
        DiskTranscodedFiles(tmp_path / "file" / "transcoded", 100).empty()
