"""The spool, with real files and a real kernel."""

import asyncio
import itertools
import os
import random
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from asyncinotify import Inotify, Mask

from callrec.adapters.disk.spool import DiskSpool
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.domain.library.captures import CaptureFiles, FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.domain.library.file_names import CaptureFile, FallbackFile, Side
from callrec.domain.rules import Rule

CAPTURE = CaptureId("01abc-1-1")
READ, WRITE = CaptureFile(CAPTURE, Side.READ, 8000), CaptureFile(CAPTURE, Side.WRITE, 8000)
FALLBACK = FallbackFile(Rule.ALWAYS, "john", "1795341600.12", 1795341601, Side.READ, 8000)
Next = Callable[[], Awaitable[SpoolEvent]]


@asynccontextmanager
async def watching(spool: DiskSpool) -> AsyncIterator[Next]:
    """The next event of a running watch, within two seconds."""
    told: asyncio.Queue[SpoolEvent] = asyncio.Queue()
    watch = asyncio.create_task(spool.watch(told.put_nowait))
    try:
        yield lambda: asyncio.wait_for(told.get(), 2)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


def test_paths_and_captures(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path)
    capture = Capture(CAPTURE, LegId("1.1"), "PJSIP/john-1", 16000, 1.0)
    assert spool.path(capture, "read") == f"{tmp_path}/01abc-1-1.read.sln16"
    assert spool.capture_files(CAPTURE) is None
    Path(spool.path(capture, "read")).write_bytes(b"1234")
    assert spool.capture_files(CAPTURE) == CaptureFiles(CAPTURE, 16000, 4, None)
    Path(spool.path(capture, "write")).write_bytes(b"")
    assert list(spool.captured_files()) == [CaptureFiles(CAPTURE, 16000, 4, 0)]


def test_strangers_files_links_and_folders_are_neither_seen_nor_removed(tmp_path: Path) -> None:
    (tmp_path / READ.name).symlink_to("/etc/passwd")
    (tmp_path / WRITE.name).mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.read.sln")).write_text("")
    spool = DiskSpool(tmp_path)
    assert (spool.capture_files(CAPTURE), list(spool.captured_files()), list(spool.fallback())) == (None, [], [])
    spool.drop(CAPTURE)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_blocked_name_can_be_opened_by_no_recorder_whoever_it_runs_as(tmp_path: Path) -> None:
    """As MixMonitor opens it. It is no file of the capture, and no oddity of the spool."""
    spool, capture = DiskSpool(tmp_path), Capture(CAPTURE, LegId("1.1"), "PJSIP/john-1", 8000, 1.0)
    assert (spool.block(capture), spool.block(capture)) == (True, True)
    for side in Side:
        with pytest.raises(IsADirectoryError):
            os.open(spool.path(capture, side), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o666)
    assert (spool.capture_files(CAPTURE), list(spool.captured_files()), list(spool.oddities())) == (None, [], [])
    spool.drop(CAPTURE)
    assert spool.block(capture)


def test_a_name_that_a_recorder_has_taken_is_not_blocked(tmp_path: Path) -> None:
    """Nor is the other side: what it records there has a place."""
    spool, capture = DiskSpool(tmp_path), Capture(CAPTURE, LegId("1.1"), "PJSIP/john-1", 8000, 1.0)
    Path(spool.path(capture, Side.READ)).touch()
    assert not spool.block(capture)
    assert [path.name for path in tmp_path.iterdir()] == [READ.name]


def test_a_block_is_removed_when_no_request_can_come_any_more(tmp_path: Path) -> None:
    """At the daemon's start, and with the next block."""
    spool, capture = DiskSpool(tmp_path), Capture(CAPTURE, LegId("1.1"), "PJSIP/john-1", 8000, 1.0)
    later = replace(capture, id=CaptureId("01abc-1-2"))
    for renew in (spool.prepare, lambda: spool.block(later)):
        assert spool.block(capture)
        os.utime(tmp_path / READ.name, (1.0, 1.0))
        renew()
        assert not (tmp_path / READ.name).exists()
        assert (tmp_path / WRITE.name).exists()


def test_a_disk_that_refuses_blocks_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        DiskSpool(tmp_path / "gone").block(Capture(CAPTURE, LegId("1.1"), "PJSIP/john-1", 8000, 1.0))


def test_drop_removes_exactly_the_take_and_twice_is_fine(tmp_path: Path) -> None:
    other = CaptureFile(CaptureId("01abc-1-11"), Side.READ, 8000)
    for file in (READ, WRITE, other):
        (tmp_path / file.name).write_bytes(b"12")
    spool = DiskSpool(tmp_path)
    spool.drop(CAPTURE)
    spool.drop(CAPTURE)
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_kept_legs_leave_the_sight_of_everybody_but_stay(tmp_path: Path) -> None:
    (tmp_path / READ.name).write_bytes(b"12")
    spool = DiskSpool(tmp_path)
    spool.keep(CAPTURE)
    spool.keep(CAPTURE)
    assert spool.capture_files(CAPTURE) is None
    assert (tmp_path / "kept" / READ.name).read_bytes() == b"12"
    assert spool.kept() == [(READ.name, 2)]


def test_a_spool_that_kept_nothing_says_so_and_a_folder_that_may_not_be_looked_at_too(tmp_path: Path) -> None:
    assert DiskSpool(tmp_path).kept() == ()
    (tmp_path / "kept").touch()
    with pytest.raises(Unavailable):
        DiskSpool(tmp_path).kept()


def test_when_a_file_was_last_written_is_told(tmp_path: Path) -> None:
    """The later side counts; of what is not there, and of a clock that was set back, nothing is said."""
    spool = DiskSpool(tmp_path)
    assert spool.written_ago_s(CAPTURE) == 0.0
    for side, ago_s in ((Side.READ, 100.0), (Side.WRITE, 40.0)):
        path = Path(spool.path(Capture(CAPTURE, LegId("1.1"), "", 8000, 0.0), side))
        path.touch()
        os.utime(path, (1, time.time() - ago_s))
    assert 40.0 <= spool.written_ago_s(CAPTURE) < 60.0
    os.utime(path, (1, time.time() + 3600))
    assert spool.written_ago_s(CAPTURE) == 0.0


def test_what_the_dialplan_captured_is_found_and_adopted_once(tmp_path: Path) -> None:
    (tmp_path / FALLBACK.name).write_bytes(b"12")
    (tmp_path / "degraded-always-../x-1.1-1.read.sln".replace("/", "_")).write_bytes(b"")
    spool = DiskSpool(tmp_path)
    assert [file for file in spool.fallback() if file.endpoint == "john"] == [FALLBACK]
    assert spool.has(FALLBACK)
    spool.adopt(FALLBACK, CAPTURE)
    spool.adopt(FALLBACK, CAPTURE)
    assert not spool.has(FALLBACK)
    assert spool.capture_files(CAPTURE) == CaptureFiles(CAPTURE, 8000, 2, None)
    (tmp_path / FALLBACK.name).write_bytes(b"another")
    with pytest.raises(Unavailable):
        spool.adopt(FALLBACK, CAPTURE)
    assert (tmp_path / READ.name).read_bytes() == b"12"


def test_both_sides_of_a_capture_are_given_their_names_at_once_whichever_is_known(tmp_path: Path) -> None:
    other = replace(FALLBACK, side=Side.WRITE)
    (tmp_path / FALLBACK.name).write_bytes(b"12")
    (tmp_path / other.name).write_bytes(b"1234")
    spool = DiskSpool(tmp_path)
    (tmp_path / FALLBACK.name).rename(tmp_path / READ.name)  # as far as a daemon came that died
    assert spool.has(FALLBACK)
    spool.adopt(FALLBACK, CAPTURE)
    assert spool.capture_files(CAPTURE) == CaptureFiles(CAPTURE, 8000, 2, 4)


def test_a_capture_that_somebody_removed_has_no_files_and_a_spool_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    """The first is told by its entry, the second is waited for."""
    DiskSpool(tmp_path).adopt(FALLBACK, CAPTURE)
    assert DiskSpool(tmp_path).capture_files(CAPTURE) is None
    with pytest.raises(Unavailable):
        DiskSpool(tmp_path / "gone").adopt(FALLBACK, CAPTURE)


@pytest.mark.parametrize("folder", ["spool", "/var/a,b", "/var/(a)", '/var/"', "/var/\n", "/var/\\"])
def test_a_folder_that_mixmonitors_arguments_cannot_hold_is_refused(folder: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        DiskSpool(Path(folder))
    assert refused.value.code == "spool-path"


def test_the_folder_is_made_with_its_mode_and_left_as_it_is_found(tmp_path: Path) -> None:
    DiskSpool(tmp_path / "new").prepare()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o770
    (tmp_path / "new").chmod(0o2750)
    DiskSpool(tmp_path / "new").prepare()
    assert (tmp_path / "new").stat().st_mode & 0o7777 == 0o2750


def test_a_spool_that_is_gone_is_unavailable_and_not_empty(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        DiskSpool(tmp_path / "gone").captured_files()


async def test_the_watch_begins_with_what_is_there_and_tells_opening_and_closing(tmp_path: Path) -> None:
    (tmp_path / READ.name).write_bytes(b"1234")
    async with watching(DiskSpool(tmp_path)) as following:
        assert await following() == FileCreated(READ)
        assert await following() == Rescanned((CaptureFiles(CAPTURE, 8000, 4, None),))
        with (tmp_path / WRITE.name).open("wb"):
            (tmp_path / "stranger.sln").write_bytes(b"")
            assert await following() == FileCreated(WRITE)
        assert await following() == FileClosed(WRITE)


async def test_an_open_degraded_file_is_adopted_and_its_closing_told_under_its_new_name(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path)
    async with watching(spool) as following:
        await following()
        with (tmp_path / FALLBACK.name).open("wb") as still_written:
            assert await following() == FileCreated(FALLBACK)
            spool.adopt(FALLBACK, CAPTURE)
            assert await following() == FileCreated(READ)
            still_written.write(b"12")
        assert await following() == FileClosed(READ)


async def test_when_the_kernel_drops_events_the_folder_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = Inotify.get

    class Overflow:
        mask = Mask.Q_OVERFLOW
        name = None

    async def dropping(self: Inotify) -> object:
        await get(self)
        return Overflow

    monkeypatch.setattr(Inotify, "get", dropping)
    async with watching(DiskSpool(tmp_path)) as following:
        assert await following() == Rescanned(())
        (tmp_path / READ.name).touch()
        assert await following() == FileCreated(READ)
        assert await following() == Rescanned((CaptureFiles(CAPTURE, 8000, 0, None),))


async def test_a_folder_that_disappears_under_the_watch_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    begun = asyncio.Event()
    watch = asyncio.create_task(DiskSpool(tmp_path / "spool").watch(lambda _: begun.set()))
    await begun.wait()
    (tmp_path / "spool").rmdir()
    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(watch, 2)
    assert caught.value.code == "spool-gone"


@pytest.mark.parametrize(("kind", "known"), [("ext4", True), ("tmpfs", True), ("zfs", False), ("fuse.sshfs", False)])
def test_a_hole_is_told_where_the_disk_counts_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, known: bool
) -> None:
    """ZFS counts a file's blocks later, and none for digital silence: there it proves nothing."""
    monkeypatch.setattr("callrec.adapters.disk.spool.filesystem_of", lambda _folder: kind)
    spool = DiskSpool(tmp_path)
    spool.prepare()
    file = tmp_path / CaptureFile(CAPTURE, Side.WRITE, 8000).name
    file.touch()
    os.truncate(file, (1 << 20) + 1)
    found = spool.capture_files(CAPTURE)
    assert found is not None
    assert found.impossible.startswith("sparse-file: write has 1048577 bytes, of which 0 ") is known
    os.truncate(file, 1 << 20)
    assert spool.captured_files() == [CaptureFiles(CAPTURE, 8000, None, 1 << 20)]


def test_a_leg_with_two_names_is_not_asterisks_alone(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path)
    spool.prepare()
    file = tmp_path / CaptureFile(CAPTURE, Side.READ, 8000).name
    file.write_bytes(b"ab")
    os.link(file, tmp_path / "other")
    assert spool.capture_files(CAPTURE) == CaptureFiles(CAPTURE, 8000, 2, None, "linked-file: read has 2 names")


@pytest.mark.parametrize("least", [1, 2, 30, 300, 800])
@pytest.mark.parametrize("tail", [b"", b"\0", bytes(200), b"\1"])
def test_each_silence_is_found_however_the_file_is_read(tmp_path: Path, least: int, tail: bytes) -> None:
    """Against the plain way: a voice with silences of all lengths, over several blocks, and half a sample at the end."""
    chance = random.Random(least)  # noqa: S311 - the same each time, and no secret
    samples = list[int]()
    for _ in range(150):
        samples += [0] * chance.choice((0, 1, 29, 30, 31, 299, 300, 301, 900)) + [7] * chance.choice((1, 40, 900, 9000))
    file = CaptureFile(CaptureId("c-1-1"), Side.READ, 8000)
    (tmp_path / file.name).write_bytes(array("h", samples).tobytes() + tail)
    samples += [0] * (len(tail) // 2)
    for start, end in ((0, len(samples)), (1000, 20_000), (100_000, 100_001), (len(samples), len(samples) + 10)):
        expected = [one for one in plain_silences(samples, start) if one[1] - one[0] >= least and one[0] < end]
        assert list(DiskSpool(tmp_path).silences(file, start, end, least)) == expected, (start, end)


def plain_silences(samples: list[int], start: int) -> list[tuple[int, int]]:
    """From and to of each, from there on."""
    found, at = [], start
    for is_sound, run in itertools.groupby(samples[start:], bool):
        length = len(list(run))
        if not is_sound:
            found.append((at, at + length))
        at += length
    return found


def test_silence_is_measured_from_a_place_on(tmp_path: Path) -> None:
    """In samples, to the first that is not zero or to the end; beyond the end there is none."""
    file = CaptureFile(CaptureId("c-1-1"), Side.WRITE, 8000)
    (tmp_path / file.name).write_bytes(b"\1\2" + bytes(200_000) + b"\0\1" + bytes(20))
    spool = DiskSpool(tmp_path)
    assert [spool.silent_samples(file, at) for at in (0, 1, 100_000, 100_002, 200_000)] == [0, 100_000, 1, 10, 0]
    with pytest.raises(Unavailable):
        spool.silent_samples(CaptureFile(CaptureId("c-1-2"), Side.WRITE, 8000), 0)


def test_what_was_kept_of_a_capture_can_be_removed(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path)
    spool.drop_kept(READ.capture)  # there is no such folder yet
    for nth in range(2):  # the second one gets a name of its own
        (tmp_path / READ.name).write_bytes(b"12")
        spool.keep(READ.capture)
        assert len(spool.kept()) == nth + 1
    (tmp_path / "kept" / f"{READ.capture}x.read.sln").write_bytes(b"of another")
    spool.drop_kept(READ.capture)
    assert [name for name, _ in spool.kept()] == [f"{READ.capture}x.read.sln"]
