"""Disks that are full, read-only or gone in the middle of calls, and two daemons on one: calls go on, nothing stored is lost."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from redis import exceptions as fault
from trouble import (
    KEYS_S,
    TALK_S,
    aftermath,
    alarms,
    assert_by_command_line,
    begin,
    client,
    conversation,
    lamp,
    leg_files,
    one,
    product,
    settled,
    stored,
    unready,
    until,
    until_lamp,
)

from callrec.adapters.redis.connection import ask
from callrec.domain.library.manifest import StoredState
from callrec_lab.stack import Stack

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

MOUNT, UMOUNT = "/bin/mount", "/bin/umount"


@dataclass
class Disk:
    """A small disk of its own at one place."""

    place: Path

    def fill(self) -> None:
        """Leave no room."""
        with (self.place / "ballast").open("wb", buffering=0) as ballast:
            for size in (4096, 1):
                try:
                    while True:
                        ballast.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Give the room back."""
        (self.place / "ballast").unlink()

    def lock(self) -> None:
        """Let nobody write."""
        self.remount("ro")

    def unlock(self) -> None:
        """Let everybody write."""
        self.remount("rw")

    def remount(self, how: str) -> None:
        """With another option."""
        subprocess.run([MOUNT, "-o", f"remount,{how}", str(self.place)], check=True)  # noqa: S603 - a fixed command


@contextmanager
def disk(place: Path) -> Iterator[Disk]:
    """A disk of 2 MB; skips where nobody may mount one."""
    place.mkdir(parents=True)
    command = [MOUNT, "-t", "tmpfs", "-o", "size=2m", "callrec-test", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603 - a fixed command
        pytest.skip("needs the right to mount a tmpfs")
    try:
        yield Disk(place)
    finally:
        subprocess.run([UMOUNT, "--lazy", str(place)], check=True)  # noqa: S603 - a fixed command


@dataclass
class House:
    """The product, with three disks of its own."""

    stack: Stack
    monitor: Disk
    journal: Disk
    store: Disk


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """The whole product."""
    folder = tmp_path_factory.mktemp("house")
    with ExitStack() as disks:
        places = ("monitor", "state/journal", "state/valkey")
        monitor, journal, store = (disks.enter_context(disk(folder / place)) for place in places)
        async with product(folder) as stack:
            yield House(stack, monitor, journal, store)
            await assert_by_command_line(stack)


@pytest_asyncio.fixture(loop_scope="module")
async def whole(house: House) -> AsyncIterator[House]:
    """The product, ready; after the test the checks that end every fault run."""
    await house.stack.daemon.ready()
    yield house
    await aftermath(house.stack)


@pytest.mark.parametrize(
    ("called", "spoil", "mend"),
    [("1001", Disk.fill, Disk.empty), ("1002", Disk.lock, Disk.unlock)],
    ids=["full", "locked"],
)
async def test_p2_without_room_in_the_library_legs_wait_in_the_spool(
    whole: House, called: str, spoil: Callable[[Disk], None], mend: Callable[[Disk], None]
) -> None:
    """Two calls end meanwhile, one begins; all are stored, whole, when there is room again."""
    stack = whole.stack
    spoil(whole.monitor)
    try:
        pressed, always = await asyncio.gather(begin(stack, "1000", called, press=True), begin(stack, "1005", "1003"))
        await asyncio.sleep(TALK_S)
        await pressed.press()
        await asyncio.gather(pressed.hangup(), always.hangup())
        late = await begin(stack, "1007", "1008", press=True)
        await until_lamp(stack, "1007", "INUSE")
        await until(lambda: '"delayed"' in stack.daemon.log.read_text())
        assert len(leg_files(stack)) == 6
        assert '"monitor": {"ok": false, "reason": "recordings wait in the spool: ' in await unready(stack)
        before = len(stored(stack))
    finally:
        mend(whole.monitor)
    await until(lambda: len(stored(stack)) == before + 2)
    await stack.daemon.ready()
    await late.hangup()
    await settled(stack)
    one(stack, "1000", called).holds("1000", called, pressed.length_s, keys_s=KEYS_S)
    stored(stack, "1005", "1003")[-1].holds("1005", "1003", always.length_s)
    stored(stack, "1007", "1008")[-1].holds("1007", "1008", late.length_s)


async def test_p2_a_sparse_file_of_6_gb_in_the_spool_keeps_no_recording_waiting(whole: House) -> None:
    """It used to fill the monitor disk, and the only encoder was busy with it. It is put aside, and its entry says why."""
    stack = whole.stack
    talk = await begin(stack, "1001", "1009", press=True)
    before = len(stored(stack))
    for side in ("read", "write"):
        file = stack.daemon.spool / f"strange-1-1.{side}.sln"
        file.touch()
        os.truncate(file, 6 << 30)
    await asyncio.sleep(TALK_S)
    await talk.press()
    await talk.hangup()
    await until(lambda: len(stored(stack)) == before + 2, limit_s=20)
    one(stack, "1001", "1009").holds("1001", "1009", talk.length_s, keys_s=KEYS_S)
    (odd,) = (each for each in stored(stack) if each.id == "strange-1001")
    assert odd.manifest.state is StoredState.FAILED
    assert odd.manifest.recording.cause.startswith("refused: sparse-file: read has 6442450944 bytes, of which 0 ")
    assert '"refused"' in stack.daemon.log.read_text()
    kept = sorted((stack.daemon.spool / "kept").iterdir())
    assert [path.name for path in kept] == ["strange-1-1.read.sln", "strange-1-1.write.sln"]
    for path in kept:
        path.unlink()


async def test_p10_with_a_full_journal_the_call_goes_on_and_is_recorded_and_readiness_says_why(whole: House) -> None:
    """Nothing can be written down before it is done; it is done all the same, and written down as soon as it can be."""
    stack = whole.stack
    whole.journal.fill()
    calls = (("1009", "1010"), ("1011", "1012"), ("1002", "1004"))
    talks = await asyncio.gather(*(begin(stack, *call, press=True) for call in calls))
    for caller, _ in calls:
        await until_lamp(stack, caller, "INUSE")
    said = ""

    async def says_why() -> bool:
        nonlocal said
        said = await unready(stack)
        return '"journal": {"ok": false' in said

    await until(says_why, limit_s=20)  # the page is kept for a second
    assert "No space left on device" in said
    whole.journal.empty()
    await stack.daemon.ready()
    await asyncio.gather(*(talk.press() for talk in talks))
    await asyncio.gather(*(talk.hangup() for talk in talks))
    await settled(stack)
    for talk, call in zip(talks, calls, strict=True):
        one(stack, *call).holds(*call, talk.length_s, keys_s=KEYS_S)


async def test_p10_with_a_full_disk_under_the_store_calls_are_recorded_and_it_comes_back_by_itself(
    whole: House,
) -> None:
    """It ends whenever it is to write, and is started again; that is an alarm. Before, the first time was the last."""
    stack = whole.stack
    whole.store.fill()
    with contextlib.suppress(fault.ConnectionError):
        async with client(stack) as connected:
            for _ in range(1000):
                await ask(connected, "SET", "ballast", "x" * 100)
    talk = await begin(stack, "1005", "1009")
    await until_lamp(stack, "1005", "INUSE")
    await asyncio.sleep(TALK_S)
    await talk.hangup()
    await until(lambda: bool(alarms(stack, "store: embedded-store-ended")))
    await until(lambda: bool(stored(stack, "1005", "1009")))
    whole.store.empty()
    await stack.daemon.ready()
    async with client(stack) as connected:
        await ask(connected, "DEL", "ballast")
    await settled(stack)
    one(stack, "1005", "1009").holds("1005", "1009", talk.length_s)


async def test_p1_a_spool_that_is_removed_is_an_alarm_explained_entries_and_mended(whole: House) -> None:
    """A call that ends is *failed*, one that goes on is recorded again from the alarm on; the next one is sound."""
    stack = whole.stack
    ending, going_on = await asyncio.gather(
        begin(stack, "1003", "1004", press=True), begin(stack, "1006", "1011", press=False)
    )
    for number in ("1003", "1006"):
        await until_lamp(stack, number, "INUSE")
    shutil.rmtree(stack.daemon.spool)
    await ending.hangup()
    await until(lambda: bool(alarms(stack, "spool-gone")))
    await until(stack.daemon.spool.is_dir)
    await until_lamp(stack, "1006", "NOT_INUSE", limit_s=15)
    assert bool(alarms(stack, "stalled"))
    await until_lamp(stack, "1006", "INUSE")
    async with conversation(stack, "1012", "1001") as (there, _):
        await there.press("*3")
        await until_lamp(stack, "1012", "INUSE")
    await going_on.hangup()
    await settled(stack)
    lost, partial, sound = one(stack, "1003", "1004"), one(stack, "1006", "1011"), one(stack, "1012", "1001")
    assert (lost.manifest.state, lost.manifest.recording.cause) == (StoredState.FAILED, "no-file")
    assert (partial.manifest.state, partial.manifest.recording.cause) == (StoredState.PARTIAL, "stalled")
    assert [capture.cause for capture in partial.manifest.recording.captures] == ["stalled", ""]
    assert partial.length_s > 2
    assert sound.manifest.state is StoredState.SOUND


async def test_a_second_daemon_on_the_same_folders_refuses_with_a_sentence(whole: House) -> None:
    """The first does not notice."""
    stack = whole.stack
    code, said = await stack.daemon.callrec("serve")
    assert code == 2
    assert said.startswith("callrec: another callrec uses")
    assert "CALLREC_STATE_DIR" in said
    assert await unready(stack) == ""
    assert await lamp(stack, "1000") == "NOT_INUSE"
