"""What only looks: at folders, at a journal that somebody else writes, at whoever listens on a port."""

import asyncio
import os
from pathlib import Path

import pytest

from callrec.adapters.asterisk.agi_probe import agi_answers
from callrec.adapters.asterisk.fastagi import AgiServer
from callrec.adapters.disk import folders, journal_reader
from callrec.adapters.disk.folders import groups_of, look_at
from callrec.adapters.disk.journal import DiskJournal
from callrec.adapters.disk.journal_reader import UnfinishedRecordings
from callrec.domain.calls.ids import CallId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import POLICY, Recording
from callrec.domain.errors import Misconfigured, Unavailable
from callrec.domain.rules import Rule


def recording(name: str) -> Recording:
    return Recording(RecordingId(name), CallId("c"), "1.1", NodeId("n"), Rule.ALWAYS, POLICY, 0.0)


async def test_a_journal_is_read_while_its_owner_writes(tmp_path: Path) -> None:
    """What finished meanwhile stays among the unfinished ones: its files may have been seen before that."""
    journal = DiskJournal(tmp_path / "journal")
    journal.load()
    await journal.append(Entry(Step.INTENT, recording("c-1")))
    await journal.append(Entry(Step.ENDED, recording("c-2")))
    await journal.append(Entry(Step.FINISHED, recording("c-2")))
    unfinished = UnfinishedRecordings(tmp_path / "journal")
    assert (set(unfinished), len(unfinished)) == ({"c-1"}, 1)

    await journal.append(Entry(Step.FINISHED, recording("c-1")))
    await journal.append(Entry(Step.INTENT, recording("c-3")))
    assert ("c-1" in unfinished, "c-3" in unfinished, "c-9" in unfinished) == (True, True, False)
    await journal.close()


def test_damaged_lines_and_an_absent_journal_are_no_error(tmp_path: Path) -> None:
    assert len(UnfinishedRecordings(tmp_path / "nowhere")) == 0
    (tmp_path / "journal-1.log").write_bytes(b"00000000 {}\ntorn")
    assert len(UnfinishedRecordings(tmp_path)) == 0


def test_a_segment_that_vanishes_is_read_again_and_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "journal-1.log").symlink_to(tmp_path / "gone")
    monkeypatch.setattr(journal_reader, "TRIES", 3)
    with pytest.raises(Unavailable, match="journal") as refused:
        UnfinishedRecordings(tmp_path)
    assert refused.value.code == "journal-moves"


def test_a_folder_is_seen_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    seen = look_at(tmp_path)
    assert (seen.exists, seen.writable, seen.mode) == (True, True, 0o750)
    assert seen.filesystem != "unknown"
    assert seen.free_bytes > 0


def test_a_folder_that_is_not_there_is_seen_by_the_one_above(tmp_path: Path) -> None:
    seen = look_at(tmp_path / "a/b")
    assert (seen.exists, seen.writable, seen.path) == (False, True, str(tmp_path / "a/b"))


def test_the_deepest_mount_point_counts_also_with_a_space_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a b" / "c"
    folder.mkdir(parents=True)
    point = str(folder.parent).replace(" ", "\\040")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:9 / {point} rw shared:1 - nfs4 x:/ rw\n3 1 0:9 / {tmp_path} rw - tmpfs t rw\n"
    )
    monkeypatch.setattr(folders, "MOUNTS", mounts)
    assert look_at(folder).filesystem == "nfs4"
    assert look_at(tmp_path).filesystem == "tmpfs"


def test_owners_without_a_name_are_numbers_and_nobody_has_no_groups() -> None:
    assert (folders.owner_of(4_000_000), folders.group_of(4_000_000)) == ("4000000", "4000000")
    assert groups_of("no-such-user-of-this-machine") == frozenset()
    assert folders.group_of(os.getgid()) in groups_of(folders.owner_of(os.getuid()))


async def test_our_own_server_is_known_by_its_answer() -> None:
    server = AgiServer({})
    host, port = await server.start("127.0.0.1", 0)
    try:
        await agi_answers(host, port)
    finally:
        await server.close()
    with pytest.raises(Unavailable):
        await agi_answers(host, port)


async def test_nobody_and_a_stranger_are_told_apart() -> None:
    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(stranger, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Misconfigured, match="another program") as refused:
        await agi_answers("127.0.0.1", port)
    assert refused.value.code == "agi-stranger"
    server.close()
    await server.wait_closed()
    with pytest.raises(Unavailable, match="no program listens") as refused:
        await agi_answers("127.0.0.1", port)
    assert refused.value.code == "agi-closed"
