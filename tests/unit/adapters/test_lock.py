"""A lock on a file: one holder alone, or many together; gone with its process, and on a file that others cannot exchange."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from callrec.adapters.lock import MOST_BYTES, FileLock, is_locked

HOLDER = """
import sys, time
from pathlib import Path
from callrec.adapters.lock import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.take(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_one_holder_alone_or_many_together(path: Path) -> None:
    first, second, third = FileLock(path), FileLock(path), FileLock(path)
    assert first.take()
    assert (second.take(), second.take(shared=True), first.holds(), second.holds()) == (False, False, True, False)
    first.release()
    assert (first.take(shared=True), second.take(shared=True), third.take()) == (True, True, False)
    with first, second:
        pass
    assert third.take()


def test_a_lock_goes_with_its_process_however_that_ends(path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)  # noqa: S603 - ours
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        assert (is_locked(path), FileLock(path).take()) == (True, False)
        process.kill()
    assert (is_locked(path), FileLock(path).take()) == (False, True)


def test_a_file_that_was_removed_and_made_again_is_another_lock(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    assert first.take()
    path.unlink()
    assert not first.holds()
    assert (second.take(), first.take(), second.holds()) == (True, False, True)


def test_a_holder_says_who_it_is_in_the_place_of_the_one_before(path: Path) -> None:
    lock, other = FileLock(path), FileLock(path)
    assert lock.take()
    lock.write(b"a long name\n")
    lock.write(b"pid 7\n")
    assert (other.take(), other.note()) == (False, b"pid 7\n")
    lock.write(b"x" * 2 * MOST_BYTES)
    assert len(other.note()) == MOST_BYTES
    assert FileLock(path.with_name("none")).note() == b""


def test_looking_makes_no_file(path: Path) -> None:
    assert not is_locked(path)
    assert not path.exists()


def test_the_file_is_its_owner_s_unless_said_otherwise(path: Path) -> None:
    assert FileLock(path).take()
    assert path.stat().st_mode & 0o777 == 0o600
    assert FileLock(path.with_name("group"), 0o640).take()
    assert path.with_name("group").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("elsewhere"), os.mkfifo, Path.mkdir], ids=["link", "pipe", "folder"]
)
def test_what_is_no_file_is_not_followed(path: Path, make) -> None:  # type: ignore[no-untyped-def] # three kinds of callables
    make(path)
    with pytest.raises(OSError, match=r"lock|link|directory"):
        FileLock(path).take()
    assert not is_locked(path)
    assert not path.with_name("elsewhere").exists()


def test_a_disk_that_grants_no_locks_is_an_error_that_leaves_nothing_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers
    with pytest.raises(OSError, match="No locks available"):
        FileLock(path).take()
    assert not is_locked(path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - numbers
