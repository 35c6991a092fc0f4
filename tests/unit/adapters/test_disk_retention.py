"""Retention classes and the known time on disk, and what the machine says of its clocks."""

import os
from pathlib import Path

import pytest

from callrec.adapters import kept_clock
from callrec.adapters.disk.retention_file import CLOCK, NAME, DiskRetention
from callrec.adapters.kept_clock import KeptClock, is_kept
from callrec.domain.errors import Unavailable
from callrec.domain.library.known_time import Doubt, KnownTime
from callrec.domain.library.retention import Retention, RetentionClass

TABLE = Retention((RetentionClass("a"),), revision=2)


def test_table_and_time_come_back(tmp_path: Path) -> None:
    store = DiskRetention(tmp_path)
    assert (store.read(), store.known_time()) == (Retention(), None)
    known = KnownTime(5.5, 1.25, "boot", (Doubt(1.0, 2.0, 3.0), Doubt(4.0, 5.0, 6.0, is_open=True)))
    store.write(TABLE)
    store.know(known)
    assert (DiskRetention(tmp_path).read(), DiskRetention(tmp_path).known_time()) == (TABLE, known)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"utc_s": 1, "mono_s": 2, "boot": 3, "doubts": [1]}'])
def test_a_damaged_time_is_the_earliest_one(tmp_path: Path, content: str) -> None:
    (tmp_path / CLOCK).write_text(content)
    assert DiskRetention(tmp_path).known_time() == KnownTime(0.0, 0.0, "")


def test_a_disk_that_refuses_keeps_the_former_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DiskRetention(tmp_path)
    store.write(TABLE)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(Unavailable):
            store.write(Retention())
    assert store.read() == TABLE
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    (tmp_path / CLOCK).mkdir()
    with pytest.raises(Unavailable):
        store.known_time()


def test_the_machines_clocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = KeptClock().clocks(), KeptClock().clocks()
    assert first.wall_s <= second.wall_s
    assert first.mono_s <= second.mono_s
    assert first.boot == second.boot != ""
    assert is_kept() in {True, False}
    monkeypatch.setattr(kept_clock, "_BOOT", tmp_path / "none")
    assert KeptClock().clocks().boot == ""

    class Without:
        """A C library without the call."""

    monkeypatch.setattr(kept_clock.ctypes, "CDLL", lambda _: Without())
    assert is_kept() is False
