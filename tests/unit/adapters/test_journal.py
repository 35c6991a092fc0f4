"""The journal: what it confirmed is there after any crash, and what it cannot write it does not confirm."""

import asyncio
import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk import journal as journal_room
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.journal_reader import UnfinishedRecordings
from callrec.domain.calls.ids import CallId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Recording, Waiting, WaitingKind
from callrec.domain.errors import CallrecError, Misconfigured, Unavailable
from callrec.domain.rules import Rule
from callrec.protocols.json_documents import encode_entry


def entry(nth: int, step: Step = Step.INTENT) -> Entry:
    recording = Recording(RecordingId(f"c{nth}-1"), CallId(f"c{nth}"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 1.0)
    return Entry(step, recording)


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("journal-*"))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("journal-*"))


async def reloaded(folder: Path) -> list[Entry]:
    journal = DiskJournal(folder)
    found = journal.load()
    await journal.close()
    return found


async def test_the_last_entry_of_each_unfinished_recording_comes_back(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path / "state" / "journal")
    assert journal.load() == []
    for one in (entry(1), entry(2), entry(1, Step.OPENED), entry(2, Step.ENDED), entry(2, Step.FINISHED), entry(3)):
        await journal.append(one)
    assert list(journal.live()) == [entry(1, Step.OPENED), entry(3)]
    await journal.close()
    assert await reloaded(tmp_path / "state" / "journal") == [entry(1, Step.OPENED), entry(3)]


async def test_what_was_finished_last_is_known_once(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path)
    journal.load()
    for one in (entry(1), entry(2, Step.ENDED), entry(2, Step.FINISHED)):
        await journal.append(one)
    await journal.close()
    for expected in ([entry(2).recording], []):
        journal = DiskJournal(tmp_path)
        journal.load()
        assert list(journal.finished) == expected
        await journal.close()


async def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path / "journal")
    journal.load()
    await journal.append(entry(1))
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "journal").iterdir()} == {0o600}
    await journal.close()


async def test_a_hundred_appends_at_once_share_a_few_flushes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, flushed, flush = DiskJournal(tmp_path), [], os.fdatasync
    journal.load()
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (flushed.append(1), flush(descriptor)))
    await asyncio.gather(*(journal.append(entry(nth)) for nth in range(100)))
    assert 1 <= len(flushed) <= 3
    await journal.close()
    assert len(await reloaded(tmp_path)) == 100


async def test_a_second_daemon_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path)
    journal.load()
    with pytest.raises(Misconfigured) as caught:
        DiskJournal(tmp_path).load()
    assert caught.value.code == "journal-locked"
    await journal.close()
    await reloaded(tmp_path)


async def test_a_torn_last_line_is_no_damage(tmp_path: Path) -> None:
    line = encode_entry(entry(1))
    (tmp_path / "journal-1.log").write_bytes(line + encode_entry(entry(2))[:40])
    journal = DiskJournal(tmp_path)
    assert journal.load() == [entry(1)]
    assert journal.damaged == 0
    assert not (tmp_path / "damaged.log").exists()
    await journal.close()


async def test_a_damaged_line_in_the_middle_is_counted_and_kept_aside(tmp_path: Path) -> None:
    bad = encode_entry(entry(2)).replace(b"c2", b"cX")
    (tmp_path / "journal-9.log").write_bytes(encode_entry(entry(1)) + bad + encode_entry(entry(3)))
    journal = DiskJournal(tmp_path)
    assert journal.load() == [entry(1), entry(3)]
    assert journal.damaged == 1
    assert (tmp_path / "damaged.log").read_bytes() == bad
    assert segments(tmp_path) == ["journal-10.log"]
    await journal.close()


async def test_a_crash_between_the_new_segment_and_the_old_ones_end_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "journal-1.log").write_bytes(encode_entry(entry(1)) + encode_entry(entry(2)))
    (tmp_path / "journal-2.log").write_bytes(encode_entry(entry(2, Step.FINISHED)))
    (tmp_path / "journal-3.tmp").write_bytes(b"half a seg")
    assert await reloaded(tmp_path) == [entry(1)]
    assert segments(tmp_path) == ["journal-3.log"]


async def test_a_grown_segment_is_replaced_by_what_is_live(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path, segment_bytes=1000)
    journal.load()
    for nth in range(20):
        await journal.append(entry(nth))
        await journal.append(entry(nth, Step.FINISHED))
    await journal.append(entry(99))
    await journal.close()
    assert segments(tmp_path) != ["journal-1.log"]
    assert size(tmp_path) < 2000
    assert await reloaded(tmp_path) == [entry(99)]


async def test_a_new_segment_that_could_not_be_finished_hides_nothing_that_was_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon goes on with its large segment. One with a higher number would be read after it, and bring back what was."""
    journal = DiskJournal(tmp_path, segment_bytes=300)
    journal.load()

    def refuse(_folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(journal_room, "sync_folder", refuse)
        for one in (entry(1), entry(2), entry(1, Step.ENDED), entry(2, Step.FINISHED)):
            await journal.append(one)
        await journal.close()
    assert segments(tmp_path) == ["journal-1.log"]
    assert await reloaded(tmp_path) == [entry(1, Step.ENDED)]


def full(_descriptor: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("broken", ["fdatasync", "write"])
async def test_after_a_failed_write_nothing_is_confirmed_until_it_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    journal = DiskJournal(tmp_path)
    journal.load()
    await journal.append(entry(1))
    with monkeypatch.context() as patched:
        patched.setattr(os, broken, lambda *_: full(0))
        told = await asyncio.gather(*(journal.append(entry(nth)) for nth in (2, 3, 4)), return_exceptions=True)
        assert [(type(error), error.code) for error in told if isinstance(error, CallrecError)] == [
            (Unavailable, "disk")
        ] * 3
    with pytest.raises(Unavailable):
        await journal.append(entry(5))
    await journal.reopen()
    await journal.append(entry(6))
    await journal.close()
    assert await reloaded(tmp_path) == [entry(1), entry(6)]


async def test_opening_anew_on_a_disk_that_is_still_full_refuses_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = DiskJournal(tmp_path)
    journal.load()
    await journal.append(entry(1))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", full)
        patched.setattr(os, "fsync", full)
        for attempt in (lambda: journal.append(entry(2)), journal.reopen, lambda: journal.append(entry(3))):
            with pytest.raises(Unavailable):
                await attempt()
    await journal.close()
    assert await reloaded(tmp_path) == [entry(1), entry(2)]


async def test_a_disk_that_does_not_answer_is_unavailable_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = DiskJournal(tmp_path, timeout_s=0.05)
    journal.load()
    release = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: release.wait(5))
    with pytest.raises(Unavailable) as caught:
        await journal.append(entry(1))
    assert caught.value.code == "journal-slow"
    release.set()
    await journal.close()


async def test_entries_that_wait_for_the_disk_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_room, "_WAITING", 2)
    release = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: release.wait(5))
    journal = DiskJournal(tmp_path)
    journal.load()
    told = asyncio.gather(*(journal.append(entry(nth)) for nth in range(9)), return_exceptions=True)
    await asyncio.sleep(0)
    release.set()
    assert {error.code for error in await told if isinstance(error, CallrecError)} == {"journal-full"}
    await journal.close()
    assert await reloaded(tmp_path) == [entry(0), entry(1)]


async def test_before_load_and_after_close_it_refuses(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path)
    with pytest.raises(Unavailable):
        await journal.append(entry(1))
    journal.load()
    await journal.close()
    with pytest.raises(Unavailable) as caught:
        await journal.append(entry(1))
    assert caught.value.code == "journal-closed"


async def test_an_append_whose_asker_gave_up_is_written_all_the_same(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path)
    journal.load()
    asker = asyncio.create_task(journal.append(entry(1)))
    await asyncio.sleep(0)
    asker.cancel()
    await asyncio.gather(asker, return_exceptions=True)
    await journal.append(entry(2))
    await journal.close()
    assert await reloaded(tmp_path) == [entry(1), entry(2)]


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        DiskJournal(tmp_path / "file" / "journal").load()


# -- long recordings ---------------------------------------------------------------------------------------------------


def held(times: int) -> list[Entry]:
    """What becomes of a recording with so many holds."""
    recording = entry(1).recording
    entries = []
    for nth in range(times):
        before = recording.waiting
        for to_s in (None, nth + 0.5):
            recording = replace(recording, waiting=(*before, Waiting(float(nth), to_s, WaitingKind.HOLD)))
            entries.append(Entry(Step.CHANGED, recording))
    return entries


async def test_three_hundred_holds_are_no_megabytes(tmp_path: Path) -> None:
    """Each line has what is new. Whole lines were ten megabytes."""
    journal = DiskJournal(tmp_path)
    journal.load()
    entries = held(300)
    for one in entries:
        await journal.append(one)
    assert size(tmp_path) < 600_000
    await journal.close()
    assert await reloaded(tmp_path) == [entries[-1]]


async def test_a_long_recording_goes_on_in_each_new_segment(tmp_path: Path) -> None:
    """A segment begins with what is whole, wherever the one before it ended."""
    journal = DiskJournal(tmp_path, segment_bytes=30_000)
    journal.load()
    entries = held(300)
    for nth, one in enumerate(entries):
        await journal.append(one)
        if nth % 97 == 0:
            assert UnfinishedRecordings(tmp_path)._known == {one.recording.id}
    assert len(segments(tmp_path)) == 1
    assert segments(tmp_path) != ["journal-1.log"]
    await journal.close()
    assert await reloaded(tmp_path) == [entries[-1]]


async def test_a_long_recording_goes_on_behind_a_disk_that_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was refused is in no line that another is based on."""
    journal = DiskJournal(tmp_path)
    journal.load()
    entries = held(100)
    for one in entries[:150]:
        await journal.append(one)
    with monkeypatch.context() as full:
        full.setattr(os, "fdatasync", _refuse)
        with pytest.raises(Unavailable):
            await journal.append(entries[150])
    await journal.reopen()
    for one in entries[151:]:
        await journal.append(one)
    await journal.close()
    assert await reloaded(tmp_path) == [entries[-1]]


async def test_an_entry_that_has_no_line_is_told_alone(tmp_path: Path) -> None:
    """A time that is no number: the others of its batch are on the disk."""
    journal = DiskJournal(tmp_path)
    journal.load()
    broken = replace(entry(1), recording=replace(entry(1).recording, to_s=float("nan")))
    found = await asyncio.gather(
        journal.append(broken), journal.append(entry(2)), journal.append(entry(1)), return_exceptions=True
    )
    assert [type(one) for one in found] == [ValueError, type(None), type(None)]
    assert list(journal.live()) == [entry(2), entry(1)]
    await journal.close()
    assert await reloaded(tmp_path) == [entry(2), entry(1)]


def _refuse(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "no space left on device")


async def test_what_has_ended_is_gone_from_a_new_segment_and_no_entry_is_lost(tmp_path: Path) -> None:
    """Also entries that are being written while the segment begins."""
    journal = DiskJournal(tmp_path)
    journal.load()
    await journal.append(entry(1))
    await journal.append(entry(1, Step.FINISHED))
    others = [asyncio.create_task(journal.append(entry(nth))) for nth in range(2, 40)]
    await asyncio.gather(journal.compact(), journal.compact(), *others)
    content = b"".join((tmp_path / name).read_bytes() for name in segments(tmp_path))
    assert entry(1).recording.id.encode() + b'"' not in content
    await journal.close()
    again = DiskJournal(tmp_path)
    assert len(again.load()) == 38
    await again.close()
    with pytest.raises(Unavailable):
        await again.compact()


async def test_of_erased_recordings_no_damaged_line_is_left_either(tmp_path: Path) -> None:
    lines = [
        b'{"id": "c1-1", "number": "+33777"',
        b'{"id": "c2-1", "number": "+33888"',
        b'{"id": "c3-1", "name": "Zo\\u00eb"',
    ]
    (tmp_path / "damaged.log").write_bytes(b"\n".join([*lines, b'{"id": "c4-1"}']) + b"\n")
    journal = DiskJournal(tmp_path)
    journal.load()
    await journal.append(entry(1))
    await journal.append(entry(1, Step.FINISHED))
    await journal.forget(["c1-1"], [])
    assert (tmp_path / "damaged.log").read_bytes() == b"\n".join([*lines[1:], b'{"id": "c4-1"}']) + b"\n"
    assert not any(b"c1-1" in (tmp_path / name).read_bytes() for name in segments(tmp_path))
    await journal.forget([], ["+33888", "Zoë"])
    assert (tmp_path / "damaged.log").read_bytes() == b'{"id": "c4-1"}\n'
    assert (tmp_path / "damaged.log").stat().st_mode & 0o777 == 0o600
    await journal.close()
    with pytest.raises(Unavailable):
        await journal.forget([], ["+33888"])


@pytest.mark.parametrize("fault", ["segment", "append"])
async def test_a_disk_that_refuses_a_new_segment_is_told_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    journal = DiskJournal(tmp_path)
    journal.load()
    await journal.append(entry(1))
    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync" if fault == "segment" else "fdatasync", full)
        waiting = [] if fault == "segment" else [asyncio.create_task(journal.append(entry(2)))]
        results = await asyncio.gather(*waiting, journal.compact(), return_exceptions=True)
    assert all(isinstance(one, Unavailable) for one in results), results
    await journal.close()
    again = DiskJournal(tmp_path)
    assert entry(1).recording.id in {one.recording.id for one in again.load()}
    await again.close()
