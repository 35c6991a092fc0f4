"""One daemon in a folder: the second is told who has it; a disk that takes no lock stops nobody."""

import fcntl
import json
import logging
import os
import shutil
from pathlib import Path

import pytest

from callrec.adapters.disk import folder_lock
from callrec.adapters.disk.folder_lock import NAME, FolderLock, holder_of
from callrec.domain.errors import Misconfigured

HOLDER = {"node": "pbx-1", "state": "/var/lib/callrec"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_lock, "_PATIENCE_S", 0.0)


def lock(folder: Path) -> FolderLock:
    return FolderLock(folder, "CALLREC_SPOOL_DIR", HOLDER)


def test_the_second_is_told_who_has_the_folder(tmp_path: Path) -> None:
    """Each lock is by itself, whether or not they are of one process (flock(2): a lock belongs to an open file)."""
    first, second = lock(tmp_path), lock(tmp_path)
    first.take()
    first.take()
    with pytest.raises(Misconfigured) as told:
        second.take()
    assert told.value.code == "folder-locked"
    assert told.value.message == (
        f"another callrec (node pbx-1, pid {os.getpid()}, state /var/lib/callrec) works in {tmp_path}"
    )
    assert told.value.hint == "stop the other daemon, or give this one its own CALLREC_SPOOL_DIR"
    first.release()
    second.take()


def test_a_folder_that_was_removed_and_made_again_is_locked_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    first = lock(folder)
    first.take()
    shutil.rmtree(folder)
    first.take()
    with pytest.raises(Misconfigured):
        lock(folder).take()


@pytest.mark.parametrize("said", [b"", b"{", b"[1]", b"\xff" * 10, b"x" * 5000])
def test_a_holder_that_says_nothing_is_unknown(tmp_path: Path, said: bytes) -> None:
    first = lock(tmp_path)
    first.take()
    (tmp_path / NAME).write_bytes(said)
    with pytest.raises(Misconfigured, match=r"another callrec \(unknown\) works in"):
        lock(tmp_path).take()


def test_who_has_a_folder_can_be_seen_from_outside(tmp_path: Path) -> None:
    """An entry of a daemon that has ended counts for nothing."""
    assert holder_of(tmp_path) is None
    first = lock(tmp_path)
    first.take()
    assert holder_of(tmp_path) == {**HOLDER, "pid": str(os.getpid())}
    first.release()
    assert json.loads((tmp_path / NAME).read_bytes())["node"] == "pbx-1"
    assert holder_of(tmp_path) is None


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("elsewhere"), os.mkfifo, Path.mkdir], ids=["link", "pipe", "folder"]
)
def test_what_is_no_file_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture, make) -> None:  # type: ignore[no-untyped-def] # three kinds of callables
    """Members of the spool's group may put it there: it is not followed, and recordings go on."""
    make(tmp_path / NAME)
    with caplog.at_level(logging.WARNING):
        lock(tmp_path).take()
    assert "against a second daemon" in caplog.text
    assert not (tmp_path / "elsewhere").exists()
    assert holder_of(tmp_path) is None


@pytest.mark.parametrize("where", ["flock", "ftruncate"])
def test_a_disk_that_takes_no_lock_or_no_text_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """Such as NFS without a lock daemon, or a full disk."""

    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl if where == "flock" else os, where, refuse)
    with caplog.at_level(logging.WARNING):
        lock(tmp_path).take()
    assert "No locks available" in caplog.text


def test_the_disk_may_be_remounted_read_only_under_the_lock(tmp_path: Path) -> None:
    """The kernel refuses that while a file is open for writing there."""
    first = lock(tmp_path)
    first.take()
    flags = [
        fcntl.fcntl(int(name), fcntl.F_GETFL) & os.O_ACCMODE
        for name in os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers
        if os.path.realpath(f"/proc/self/fd/{name}") == str(tmp_path / NAME)
    ]
    assert flags == [os.O_RDONLY]


def test_nfs_which_locks_for_writers_only_is_locked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = fcntl.flock

    def as_nfs(descriptor: int, how: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(9, "Bad file descriptor")
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", as_nfs)
    first = lock(tmp_path)
    first.take()
    with pytest.raises(Misconfigured):
        lock(tmp_path).take()
