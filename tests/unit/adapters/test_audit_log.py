"""The audit log on disk: what is confirmed stays, in its order, whatever happens to the process or the disk."""

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from callrec.adapters.audit import waiting_file
from callrec.adapters.audit import witness as witness_file
from callrec.adapters.audit.log import DiskAuditLog
from callrec.adapters.audit.log_files import LogFiles
from callrec.adapters.audit.personal_texts import PersonalTexts
from callrec.adapters.audit.signing_key import public_key, signing_key
from callrec.adapters.audit.witness import Witness
from callrec.domain.access.audit import (
    BACK_MS,
    Action,
    Actor,
    ActorKind,
    AuditEntry,
    LoggedEntry,
    TextField,
    WaitingEntry,
)
from callrec.domain.calls.model import Instant
from callrec.domain.errors import Corrupt, Misconfigured, Unavailable
from callrec.protocols.audit_entries import decode_entry
from callrec.protocols.checkpoints import notes_in, opened
from callrec.protocols.log_tiles import nodes_of, tiles_of
from callrec.protocols.merkle_tree import inclusion_proof, leaf_hash, root_by_proof, root_of

ACCOUNT = Actor(ActorKind.ACCOUNT, "12")


@dataclass
class SetClock:
    """A clock that a test sets."""

    utc_s: float = 1_795_341_600.0

    def now(self) -> Instant:
        """The time that was set."""
        return Instant(self.utc_s, 0.0)


def listened(nth: int, *, address: str = "") -> AuditEntry:
    return AuditEntry(Action.LISTENED, ACCOUNT, f"c{nth}-1", address=address)


@asynccontextmanager
async def log_in(
    folder: Path, clock: SetClock | None = None, witness: Witness | None = None
) -> AsyncIterator[DiskAuditLog]:
    """An open log that moves entries into tiles only when a test asks for it."""
    log = DiskAuditLog(folder, "callrec/pbx1", clock or SetClock(), witness=witness, integrate_after_s=3600)
    log.open()
    try:
        yield log
    finally:
        await log.close()


def logged(folder: Path) -> list[LoggedEntry]:
    """All entries that the checkpoint speaks of, each proven by the tiles."""
    files = LogFiles(folder)
    reached = files.checkpoint(public_key(folder))
    nodes = nodes_of(reached.size, files.hashes)
    entries = [entry for name in tiles_of(reached.size) if name.level is None for entry in files.entries(name)]
    assert root_of([leaf_hash(entry) for entry in entries]) == reached.root
    for index in {0, len(entries) // 2, len(entries) - 1}:
        proof = inclusion_proof(nodes, index, reached.size)
        assert root_by_proof(leaf_hash(entries[index]), index, reached.size, proof) == reached.root
    return [decode_entry(entry) for entry in entries]


def recordings(folder: Path) -> list[str]:
    return [entry.recording for entry in logged(folder)]


async def test_a_table_of_texts_that_is_damaged_is_told_and_the_log_goes_on(tmp_path: Path) -> None:
    """Entries are confirmed; the checkpoint waits until somebody has looked at the table."""
    (tmp_path / "texts.db").write_bytes(b"no database, " * 1000)
    async with log_in(tmp_path) as log:
        await log.append([listened(1, address="192.0.2.1")])
        with pytest.raises(Corrupt, match=r"texts\.db") as caught:
            await log.settle()
        assert caught.value.code == "audit-texts"
        (tmp_path / "texts.db").unlink()
    assert recordings(tmp_path) == ["c1-1"]


async def test_entries_are_logged_in_their_order_with_the_logs_time(tmp_path: Path) -> None:
    clock = SetClock()
    async with log_in(tmp_path, clock) as log:
        await log.append([listened(1), listened(2)])
        clock.utc_s += 1.5
        await log.append([listened(3)])
    assert recordings(tmp_path) == ["c1-1", "c2-1", "c3-1"]
    assert [entry.time_ms for entry in logged(tmp_path)] == [1_795_341_600_000, 1_795_341_600_000, 1_795_341_601_500]


async def test_what_was_confirmed_is_on_disk_before_any_tile(tmp_path: Path) -> None:
    """The line of an entry is flushed before `append` returns; a process that is killed then loses nothing."""
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock(), integrate_after_s=3600)
    log.open()
    await log.append([listened(1)])
    assert opened((tmp_path / "checkpoint").read_bytes(), public_key(tmp_path)).size == 0
    assert [one.index for one in waiting_file.WaitingFile(tmp_path).read()] == [0]
    await log.close()


async def test_many_at_once_share_a_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (flushes.append(descriptor), real(descriptor)))
    async with log_in(tmp_path) as log:
        await asyncio.gather(*(log.append([listened(nth)]) for nth in range(100)))
        assert len(flushes) <= 3
    assert sorted(recordings(tmp_path)) == sorted(f"c{nth}-1" for nth in range(100))


async def test_a_log_goes_on_over_restarts_and_past_full_tiles(tmp_path: Path) -> None:
    for start in (0, 250, 256, 600):
        async with log_in(tmp_path) as log:
            await log.append([listened(nth) for nth in range(start, {0: 250, 250: 256, 256: 600, 600: 601}[start])])
            await log.settle()
    assert recordings(tmp_path) == [f"c{nth}-1" for nth in range(601)]
    left = sorted(name for name in LogFiles(tmp_path).names() if name.startswith("tile/entries"))
    assert left == ["tile/entries/000", "tile/entries/001", *(f"tile/entries/002.p/{width}" for width in (88, 89))]


async def test_the_checkpoint_is_signed_by_the_key_of_the_folder_which_only_its_owner_reads(tmp_path: Path) -> None:
    async with log_in(tmp_path) as log:
        await log.append([listened(1)])
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    key = public_key(tmp_path)
    assert key.name == "callrec/pbx1"
    assert opened((tmp_path / "checkpoint").read_bytes(), key).size == 1


async def test_a_renamed_node_goes_on_with_its_log(tmp_path: Path) -> None:
    async with log_in(tmp_path) as log:
        await log.append([listened(1)])
    log = DiskAuditLog(tmp_path, "callrec/another", SetClock())
    log.open()
    await log.append([listened(2)])
    await log.close()
    assert recordings(tmp_path) == ["c1-1", "c2-1"]


async def test_texts_stand_beside_the_log_and_can_be_destroyed(tmp_path: Path) -> None:
    async with log_in(tmp_path) as log:
        await log.append([listened(1, address="192.0.2.77"), listened(2, address="192.0.2.88")])
        await log.settle()
        digests = [entry.texts[TextField.ADDRESS] for entry in logged(tmp_path)]
        assert PersonalTexts(tmp_path).get(digests) == dict(zip(digests, ("192.0.2.77", "192.0.2.88"), strict=True))
        assert await log.forget(digests[:1]) == 1
        assert PersonalTexts(tmp_path).get(digests) == {digests[1]: "192.0.2.88"}
        assert holding(tmp_path, b"192.0.2.77") == []
        assert [entry.texts[TextField.ADDRESS] for entry in logged(tmp_path)] == digests, "the proof stays whole"


async def test_a_clock_that_is_set_back_is_told_in_the_log(tmp_path: Path) -> None:
    clock = SetClock()
    async with log_in(tmp_path, clock) as log:
        await log.append([listened(1)])
        clock.utc_s -= BACK_MS / 1000
        await log.append([listened(2)])
    clock.utc_s -= 3600
    async with log_in(tmp_path, clock) as log:
        await log.append([listened(3)])
    assert [entry.action for entry in logged(tmp_path)] == ["listened", "listened", "clock-set-back", "listened"]


async def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    async with log_in(tmp_path):
        other = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
        with pytest.raises(Misconfigured, match="another callrec writes") as caught:
            other.open()
        assert caught.value.code == "audit-locked"
        with pytest.raises(Misconfigured, match="another callrec writes"):
            await other.append([listened(1)])


async def test_before_it_is_open_and_after_its_end_nothing_is_taken(tmp_path: Path) -> None:
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
    with pytest.raises(Unavailable, match="not open") as caught:
        await log.append([listened(1)])
    assert caught.value.code == "audit-closed"
    log.open()
    await log.close()
    with pytest.raises(Unavailable, match="is closed"):
        await log.append([listened(1)])
    await log.close()


async def test_a_torn_last_line_was_never_confirmed_and_goes(tmp_path: Path) -> None:
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock(), integrate_after_s=3600)
    log.open()
    await log.append([listened(1)])
    content = (tmp_path / "waiting").read_bytes()
    await log.close()
    for cut in (1, len(content) // 2, len(content) - 1):
        (tmp_path / "waiting").write_bytes(content + content[:cut].replace(b"[0", b"[1"))
        async with log_in(tmp_path) as again:
            await again.append([listened(cut)])
        assert recordings(tmp_path)[-1] == f"c{cut}-1"
    assert len(logged(tmp_path)) == 4


def holding(folder: Path, text: bytes) -> list[Path]:
    """The files below the folder with these bytes."""
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def killed_with_waiting(folder: Path) -> bytes:
    """Three confirmed entries that no tile has, as a killed daemon leaves them."""
    log = DiskAuditLog(folder, "callrec/pbx1", SetClock(), integrate_after_s=3600)
    log.open()
    await log.append([listened(1), listened(2), listened(3)])
    content = (folder / "waiting").read_bytes()
    log._lock.release()  # as the kernel does at its death
    return content


async def test_a_damaged_line_before_others_is_not_passed_over(tmp_path: Path) -> None:
    content = await killed_with_waiting(tmp_path)
    (tmp_path / "waiting").write_bytes(content.replace(b"c2-1", b"c2-2"))
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
    with pytest.raises(Corrupt, match="line 2 of") as caught:
        log.open()
    assert caught.value.code == "audit-waiting"
    with pytest.raises(Corrupt, match="line 2 of"):
        await log.append([listened(4)])
    assert "line 2 of" in log.broken
    await log.close()


async def test_entries_that_are_missing_before_the_waiting_ones_are_noticed(tmp_path: Path) -> None:
    content = await killed_with_waiting(tmp_path)
    (tmp_path / "waiting").write_bytes(b"".join(content.splitlines(keepends=True)[1:]))
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
    with pytest.raises(Corrupt, match="entries are missing"):
        log.open()
    await log.close()


@pytest.mark.parametrize(
    ("name", "code"),
    [("tile/0/000.p/3", "audit-tile"), ("tile/entries/000.p/3", "audit-bundle"), ("checkpoint", "audit-checkpoint")],
)
async def test_a_log_that_lost_a_file_takes_nothing(tmp_path: Path, name: str, code: str) -> None:
    async with log_in(tmp_path) as log:
        await log.append([listened(1), listened(2), listened(3)])
    (tmp_path / name).unlink()
    again = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
    with pytest.raises(Corrupt, match="is missing") as caught:
        again.open()
    assert caught.value.code == code
    await again.close()


async def test_a_log_whose_files_are_gone_does_not_begin_anew(tmp_path: Path) -> None:
    """Half a backup: with the key alone, an empty log would be signed in the name of the one that was there."""
    async with log_in(tmp_path) as log:
        await log.append([listened(1)])
    for name in ("checkpoint", "waiting"):
        (tmp_path / name).unlink()
    shutil.rmtree(tmp_path / "tile")
    for missing in (None, "log.vkey"):
        if missing:
            (tmp_path / missing).unlink()
        again = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
        with pytest.raises(Corrupt, match=r"checkpoint of the log in .* is missing") as caught:
            again.open()
        assert caught.value.code == "audit-checkpoint"
        assert not (tmp_path / "checkpoint").exists()
        with pytest.raises(Corrupt):
            await again.append([listened(2)])
        await again.close()


async def test_a_disk_that_is_full_at_the_first_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is made, the first checkpoint is not: the next entry begins the log, and only then is it begun."""
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock(), integrate_after_s=3600)

    def full(_files: LogFiles, _path: str, _content: bytes) -> None:
        raise Unavailable("disk", "audit log: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(LogFiles, "put", full)
        with pytest.raises(Unavailable, match="No space left"):
            log.open()
    assert (tmp_path / "beginning").exists()
    await log.append([listened(1)])
    await log.close()
    assert recordings(tmp_path) == ["c1-1"]
    assert not (tmp_path / "beginning").exists()


async def test_a_process_that_ends_in_the_first_start_begins_at_the_next(tmp_path: Path) -> None:
    """At whatever step of it: what is missing of key and checkpoint is made."""
    signing_key(tmp_path, "callrec/pbx1")
    for gone in ((), ("log.vkey",), ("log.vkey", "key")):
        for name in gone:
            (tmp_path / name).unlink()
        (tmp_path / "checkpoint").unlink(missing_ok=True)
        (tmp_path / "waiting").unlink(missing_ok=True)
        (tmp_path / "beginning").touch()
        async with log_in(tmp_path):
            assert not (tmp_path / "beginning").exists()
    (tmp_path / "beginning").touch()  # it is back after a power cut: the checkpoint is there
    async with log_in(tmp_path) as log:
        await log.append([listened(1)])
    assert recordings(tmp_path) == ["c1-1"]


async def test_tiles_that_do_not_fit_the_checkpoint_are_noticed_at_the_start(tmp_path: Path) -> None:
    async with log_in(tmp_path) as log:
        await log.append([listened(1)])
    (tmp_path / "tile/0/000.p/1").write_bytes(b"x" * 32)
    again = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock())
    with pytest.raises(Corrupt, match="not those of the checkpoint"):
        again.open()
    await again.close()


@pytest.mark.parametrize("spoil", ["missing", "open", "other", "no-key"])
async def test_a_key_that_is_not_as_it_was_is_refused(tmp_path: Path, spoil: str) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        async with log_in(folder) as log:
            await log.append([listened(1)])
    key = tmp_path / "a" / "key"
    if spoil == "missing":
        key.unlink()
    elif spoil == "open":
        key.chmod(0o640)
    elif spoil == "other":
        key.write_bytes((tmp_path / "b" / "key").read_bytes())
    else:
        key.write_bytes(b"no key")
    again = DiskAuditLog(tmp_path / "a", "callrec/pbx1", SetClock())
    with pytest.raises((Misconfigured, Corrupt)) as caught:
        again.open()
    assert caught.value.code == "audit-key"
    await again.close()


async def test_a_full_disk_refuses_and_the_next_entry_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of the refused line is in the file; it must not stand before what comes later."""
    real = waiting_file.write_all

    def full(descriptor: int, content: bytes) -> None:
        real(descriptor, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with log_in(tmp_path) as log:
        await log.append([listened(1)])
        monkeypatch.setattr(waiting_file, "write_all", full)
        with pytest.raises(Unavailable, match="No space left") as caught:
            await log.append([listened(2)])
        assert caught.value.code == "disk"
        monkeypatch.setattr(waiting_file, "write_all", real)
        await log.append([listened(3)])
        assert [one.index for one in waiting_file.WaitingFile(tmp_path).read()] == [0, 1]
    assert recordings(tmp_path) == ["c1-1", "c3-1"]


async def test_what_a_failed_flush_left_in_the_file_is_not_logged_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with log_in(tmp_path) as log:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fails)
            with pytest.raises(Unavailable, match="Input/output error"):
                await log.append([listened(1)])
        await log.append([listened(2)])
    assert recordings(tmp_path) == ["c2-1"]


async def test_a_disk_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = os.fdatasync
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock(), timeout_s=0.05, integrate_after_s=3600)
    log.open()
    with monkeypatch.context() as patch:
        patch.setattr(
            os,
            "fdatasync",
            lambda descriptor: (asyncio.run_coroutine_threadsafe(released.wait(), loop).result(), real(descriptor)),
        )
        with pytest.raises(Unavailable, match=r"more than 0\.05 s") as caught:
            await log.append([listened(1)])
        assert caught.value.code == "audit-slow"
        released.set()
        await log.append([listened(2)])
    await log.close()


async def test_too_many_that_wait_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callrec.adapters.audit.log._WAITING", 2)
    monkeypatch.setattr("callrec.adapters.audit.log._RESERVED", 0)
    async with log_in(tmp_path) as log:
        await log.append([listened(1), listened(2)])
        with pytest.raises(Unavailable, match="wait for the disk") as caught:
            await log.append([listened(3)])
        assert caught.value.code == "audit-full"
        await log.settle()
        await log.append([listened(3)])


async def test_entries_are_counted_and_not_the_calls_that_bring_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that are being written: 50 callers of 3 entries each find 120 places."""
    monkeypatch.setattr("callrec.adapters.audit.log._WAITING", 130)
    monkeypatch.setattr("callrec.adapters.audit.log._RESERVED", 10)
    async with log_in(tmp_path) as log:
        answers = await asyncio.gather(*(log.append([listened(nth)] * 3) for nth in range(50)), return_exceptions=True)
        assert [answer is None for answer in answers] == [True] * 40 + [False] * 10
        assert {answer.code for answer in answers if isinstance(answer, Unavailable)} == {"audit-full"}
        await log.settle()
        await log.append([listened(50)])
    assert len(logged(tmp_path)) == 121


async def test_a_log_that_is_full_takes_the_entry_of_a_stored_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places are kept for it; what is beside it in the same call has none of them."""
    monkeypatch.setattr("callrec.adapters.audit.log._WAITING", 4)
    monkeypatch.setattr("callrec.adapters.audit.log._RESERVED", 2)
    stored = AuditEntry(Action.STORED, Actor(ActorKind.DAEMON), "c9-1")
    async with log_in(tmp_path) as log:
        await log.append([listened(1), listened(2)])
        for refused in ([listened(3)], [stored, listened(3)]):
            with pytest.raises(Unavailable, match="2 entries wait for the disk"):
                await log.append(refused)
        await log.append([stored])
        await log.append([stored])
        with pytest.raises(Unavailable, match="4 entries wait for the disk"):
            await log.append([stored])
    assert recordings(tmp_path) == ["c1-1", "c2-1", "c9-1", "c9-1"]


async def test_who_brings_many_entries_keeps_nobody_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export of more recordings than the log has places is logged in parts, each as small as the event loop can bear, and
    between them others are heard at once; none is refused."""
    monkeypatch.setattr("callrec.adapters.audit.log._WAITING", 1000)
    monkeypatch.setattr("callrec.adapters.audit.log._RESERVED", 100)
    parts: list[int] = []
    real = waiting_file.WaitingFile.append

    def counted(file: waiting_file.WaitingFile, entries: Sequence[WaitingEntry]) -> None:
        parts.append(len(entries))
        real(file, entries)

    monkeypatch.setattr(waiting_file.WaitingFile, "append", counted)
    async with log_in(tmp_path) as log:
        export = asyncio.create_task(log.append([listened(nth) for nth in range(3000)]))
        others = 0
        while not export.done() and others < 200:
            await log.append([AuditEntry(Action.LISTED, ACCOUNT)])
            others += 1
        await export
    found = recordings(tmp_path)
    assert [one for one in found if one] == [f"c{nth}-1" for nth in range(3000)]
    assert found.count("") == others > 10
    assert max(parts) <= 101


async def test_who_brings_many_entries_waits_no_longer_than_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiles that cannot be written end it with their error, and those that hang with the time-out."""
    monkeypatch.setattr("callrec.adapters.audit.log._WAITING", 150)
    monkeypatch.setattr("callrec.adapters.audit.log._RESERVED", 0)
    may_move = threading.Event()

    def hangs(step: str) -> None:
        if step.startswith("file-"):
            may_move.wait(30)

    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock(), integrate_after_s=3600, checkpoint=hangs)
    log.open()
    (tmp_path / "tile").write_text("in the way")
    with pytest.raises(Unavailable, match="tile"):
        await log.append([listened(nth) for nth in range(200)])
    (tmp_path / "tile").unlink()
    log._timeout_s = 0.05
    with pytest.raises(Unavailable, match=r"more than 0\.05 s") as caught:
        await log.append([listened(nth) for nth in range(200)])
    assert caught.value.code == "audit-slow"
    log._timeout_s = 10.0
    may_move.set()
    await log.settle()
    await log.close()
    assert len(logged(tmp_path)) == 100


async def test_tiles_that_cannot_be_written_are_told_and_tried_again(tmp_path: Path) -> None:
    log = DiskAuditLog(tmp_path, "callrec/pbx1", SetClock(), integrate_after_s=0.001)
    log.open()
    (tmp_path / "tile").write_text("in the way")
    await log.append([listened(1)])
    while not log.broken:  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(0)
    assert "tile" in log.broken
    (tmp_path / "tile").unlink()
    while log.broken:  # noqa: ASYNC110 - it has no event for this
        await asyncio.sleep(0)
    await log.close()
    assert recordings(tmp_path) == ["c1-1"]


async def test_the_file_of_waiting_entries_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callrec.adapters.audit.log._ROTATE_BYTES", 1000)
    async with log_in(tmp_path) as log:
        await log.append([listened(nth) for nth in range(10)])
        await log.settle()
        assert (tmp_path / "waiting").stat().st_size == 0
        await log.append([listened(10)])
    assert len(logged(tmp_path)) == 11


async def test_a_witness_has_every_checkpoint_and_its_absence_stops_nothing(tmp_path: Path) -> None:
    witness = Witness(tmp_path / "elsewhere" / "witness")
    async with log_in(tmp_path / "audit", witness=witness) as log:
        await log.append([listened(1)])
        await log.settle()
        witness.close(10)
        assert "No such file" in witness.why_not
        (tmp_path / "elsewhere").mkdir()
        for nth in (2, 3):
            await log.append([listened(nth)])
            await log.settle()
        witness.close(10)
        assert witness.why_not == ""
    notes = notes_in(witness.path.read_bytes())
    assert [opened(note, public_key(tmp_path / "audit")).size for note in notes] == [2, 3]


async def test_a_witness_that_hangs_keeps_nothing_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount without an answer: entries are confirmed, checkpoints are signed, and `/readyz` says that it is late."""
    mounted = threading.Event()

    def hangs(descriptor: int, content: bytes) -> None:
        mounted.wait(30)
        os.write(descriptor, content)

    monkeypatch.setattr(witness_file, "write_all", hangs)
    monkeypatch.setattr(witness_file, "_MOST", 20)
    witness = Witness(tmp_path / "witness")
    async with log_in(tmp_path / "audit", witness=witness) as log:
        for nth in range(30):
            await log.append([listened(nth)])
            await log.settle()
        assert len(logged(tmp_path / "audit")) == 30
        assert "20 checkpoints wait for it" in witness.why_not
        mounted.set()
    witness.close(10)
    assert witness.why_not == ""


STEPS = (
    "waiting",
    "file-tile/entries/000.p/1",
    "file-tile/0/000.p/1",
    "texts",
    "checkpoint-0",
    "checkpoint-1",
    "integrated",
    "rotated",
    "file-tile/entries/000",
    "file-tile/0/000",
    "file-tile/1/000.p/1",
)
DIES = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from test_audit_log import SetClock, listened
from callrec.adapters.audit import log as audit_log
from callrec.adapters.audit.log import DiskAuditLog

folder, step, confirmed = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
audit_log._ROTATE_BYTES = 1

def die(at):
    if at == step:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    log = DiskAuditLog(folder, "callrec/pbx1", SetClock(), integrate_after_s=3600, checkpoint=die)
    log.open()
    with open(confirmed, "a") as said:
        for nth in range(300):
            await log.append([listened(nth, address="192.0.2.1")])
            said.write(f"c{nth}-1\\n")
            said.flush()
            if nth < 2 or nth > 250:
                await log.settle()
    raise SystemExit("was not killed")

asyncio.run(main())
"""


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_the_log_has_what_was_confirmed(tmp_path: Path, step: str) -> None:
    """SIGKILL at each write. Nothing that was confirmed is missing or twice; at most the entry under way is there as well."""
    script = [
        sys.executable,
        "-c",
        DIES,
        str(tmp_path / "log"),
        step,
        str(tmp_path / "confirmed"),
        str(Path(__file__).parent),
    ]
    died = await asyncio.to_thread(subprocess.run, script, capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    confirmed = (tmp_path / "confirmed").read_text().split() if step != "checkpoint-0" else []
    async with log_in(tmp_path / "log") as log:
        await log.append([AuditEntry(Action.LISTED, ACCOUNT)])
    found = recordings(tmp_path / "log")
    assert found[-1] == ""
    assert found[:-1] in (confirmed, [*confirmed, f"c{len(confirmed)}-1"])
    digests = [entry.texts[TextField.ADDRESS] for entry in logged(tmp_path / "log")[:-1]]
    assert set(PersonalTexts(tmp_path / "log").get(digests).values()) <= {"192.0.2.1"}
    assert len(PersonalTexts(tmp_path / "log").get(digests)) == len(digests)


async def test_texts_about_an_erased_recording_go_but_not_who_erased_it_and_who_listened(tmp_path: Path) -> None:
    """Nor those about others, unless they have a word that is erased; the log stays whole."""
    daemon = Actor(ActorKind.DAEMON)
    async with log_in(tmp_path) as log:
        await log.append(
            [
                AuditEntry(Action.HELD, daemon, "c1-1", reason="the Quagga case", details="+hold h1"),
                AuditEntry(Action.LISTENED, daemon, "c1-1", address="192.0.2.77"),
                AuditEntry(Action.ERASED, daemon, "c1-1", reason="request 12"),
                AuditEntry(Action.HELD, daemon, "c2-1", reason="the Dodo case"),
                AuditEntry(Action.LISTED, daemon, details="number=+33777"),
                AuditEntry(Action.LISTED, daemon, details="number=+133777"),
            ]
        )
        assert await log.forget_about(["c1-1"], ["+33777"]) == 3
        assert await log.forget_about(["c1-1"], []) == 0
        assert len(logged(tmp_path)) == 6
    for gone in (b"Quagga", b"+hold", b"+33777"):
        assert holding(tmp_path, gone) == []
    for kept in (b"192.0.2.77", b"request 12", b"Dodo", b"+133777"):
        assert holding(tmp_path, kept) != []
