"""The open captures: what is told of them, from a real folder, in virtual time."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.app.calls.capture_files.file_watch import (
    GROWING_CHECK_S,
    GROWTH_CHECK_S,
    OVERDUE_S,
    QUIET_S,
    SLICES,
    UNSEEN_S,
    FileWatch,
)
from callrec.domain.calls.events import CaptureClosed, CaptureGrew, CaptureMarked, CaptureOpened, CaptureQuiet, Event
from callrec.domain.calls.ids import CaptureId, LegId
from callrec.domain.calls.model import Capture, Instant
from callrec.domain.library.file_names import CaptureFile, Side
from callrec_lab.simulated_asterisk import SECOND, Clock, FragileSpool, away, virtual

CAPTURE = Capture(CaptureId("c1-1-1"), LegId("1.1"), "PJSIP/alice-1", 8000, 0.0, mixmonitor="0x1")
STEP_SAMPLES, STEP_S = 16384, 2.048
STEP = bytes(2 * STEP_SAMPLES)
"""Asterisk's buffer."""
FILES = [CaptureFile(CAPTURE.id, side, 8000) for side in Side]


class AnyTime:
    """See ports.Clock: the loop's time, also where no loop runs."""

    def now(self) -> Instant:
        """The loop's time."""
        try:
            return Clock().now()
        except RuntimeError:
            return Instant(0.0, 0.0)


class House:
    """A spool, the captures in it, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.spool = FragileSpool(folder)
        self.files = FileWatch(self.spool, AnyTime())
        self.told: list[Event] = []
        self.marks: list[CaptureMarked] = []
        self.written_s = 0.0

    def hear(self, event: Event) -> None:
        """Growth marks have tests of their own."""
        if isinstance(event, CaptureMarked):
            self.marks.append(event)
        else:
            self.told.append(event)

    def write(self, side: Side, content: bytes = b"") -> None:
        """Asterisk opens a file, or writes to it."""
        with Path(self.spool.path(CAPTURE, side)).open("ab") as file:
            file.write(content)
        self.written_s = AnyTime().now().mono_s

    def both(self, content: bytes = b"") -> None:
        """On both sides."""
        for side in Side:
            self.write(side, content)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_take_is_seen_when_both_files_exist_and_its_id_is_known(house: House) -> None:
    """In whatever order the three come, and once."""
    house.files.watch(CAPTURE.id, house.hear)
    house.write(Side.READ)
    house.files.created(FILES[0])
    house.files.requested(CAPTURE.id, "0x1")
    assert house.told == []
    house.write(Side.WRITE)
    house.files.created(FILES[1])
    house.files.created(FILES[1])
    assert house.told == [CaptureOpened(CAPTURE.id, "0x1")]
    assert house.files.open_captures() == {CAPTURE.id}


def test_a_take_whose_files_came_first_is_seen_with_its_id(house: House) -> None:
    house.files.watch(CAPTURE.id, house.hear)
    house.both()
    house.files.created(FILES[0])
    house.files.requested(CAPTURE.id, "0x1")
    assert house.told == [CaptureOpened(CAPTURE.id, "0x1")]


def test_after_lost_news_the_folder_is_looked_at_again(house: House) -> None:
    house.files.watch(CAPTURE.id, house.hear)
    house.files.requested(CAPTURE.id, "0x1")
    house.both()
    house.files.rescanned()
    assert house.told == [CaptureOpened(CAPTURE.id, "0x1")]


def test_a_take_is_closed_when_both_sides_are(house: House) -> None:
    house.files.watch(CAPTURE.id, house.hear)
    assert house.files.closed(FILES[0])
    assert house.told == []
    assert house.files.closed(FILES[1])
    assert house.told == [CaptureClosed(CAPTURE.id)]
    assert not house.files.closed(FILES[1])
    assert house.files.open_captures() == frozenset()


def test_nobody_hears_of_a_take_that_is_unknown_or_handed_over(house: House) -> None:
    house.files.requested(CAPTURE.id, "0x1")
    house.files.created(FILES[0])
    house.files.watch(CAPTURE.id, house.hear)
    house.files.forget(CAPTURE.id)
    house.files.forget(CAPTURE.id)
    assert not house.files.closed(FILES[0])
    assert house.told == []


async def watched(house: House, seconds: float) -> list[Event]:
    """What is told while so much time passes."""
    house.told.clear()
    watching = asyncio.create_task(house.files.watch_growth())
    await asyncio.sleep(seconds)
    watching.cancel()
    await asyncio.wait([watching])
    return list(house.told)


@virtual
async def test_growth_is_told_and_its_absence_again_and_again(house: House) -> None:
    """The shorter side counts. A capture whose creation nobody told is seen here, too."""
    house.files.watch(CAPTURE.id, house.hear)
    house.files.requested(CAPTURE.id, "0x1")
    house.write(Side.READ, SECOND)
    assert await watched(house, 2 * GROWTH_CHECK_S) == []
    house.write(Side.WRITE, SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [CaptureOpened(CAPTURE.id, "0x1"), CaptureGrew(CAPTURE.id)]
    assert await watched(house, QUIET_S - 2 * GROWTH_CHECK_S) == []
    assert await watched(house, 3 * QUIET_S) == 3 * [CaptureQuiet(CAPTURE.id)]
    house.both(SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [CaptureGrew(CAPTURE.id)]


@virtual
async def test_many_takes_are_not_measured_in_one_turn_of_the_loop(house: House) -> None:
    """Each has its own tenth of the interval, and all of them their turn in it."""
    for nth in range(20):
        house.files.adopt(replace(CAPTURE, id=CaptureId(f"c-{nth}-1")), house.hear)
    looked: list[CaptureId] = []
    house.spool.capture_files = looked.append  # type: ignore[method-assign,assignment]

    await watched(house, 1.5 * GROWTH_CHECK_S / SLICES)
    assert len(looked) == 20 // SLICES
    await watched(house, GROWTH_CHECK_S * 1.05)
    assert set(looked) == house.files.open_captures()


@virtual
async def test_a_take_that_is_handed_over_between_two_looks_is_not_looked_at(house: House) -> None:
    """Its files may be another's business by then."""
    house.both(SECOND)
    house.files.adopt(CAPTURE, house.hear)
    asyncio.get_running_loop().call_soon(house.files.forget, CAPTURE.id)
    house.both(SECOND)
    assert await watched(house, GROWTH_CHECK_S) == []


@virtual
async def test_an_adopted_take_has_to_grow_before_it_is_proven(house: House) -> None:
    """What it held when we came says nothing of its recorder."""
    house.both(SECOND)
    house.files.adopt(CAPTURE, house.hear)
    assert await watched(house, 3 * GROWTH_CHECK_S) == []
    house.both(SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [CaptureGrew(CAPTURE.id)]


@virtual
async def test_files_that_are_gone_or_cannot_be_read_stall(house: House) -> None:
    """A removed spool must not look like a quiet one, and an unreadable one must not end the watching."""
    house.both(SECOND)
    house.files.adopt(CAPTURE, house.hear)
    for file in house.spool._folder.iterdir():
        file.unlink()
    assert await watched(house, QUIET_S + 1) == [CaptureQuiet(CAPTURE.id)]
    house.spool.fault = away("disk")
    house.files.adopt(CAPTURE, house.hear)
    assert await watched(house, QUIET_S + 1) == [CaptureQuiet(CAPTURE.id)]


@virtual
async def test_a_growing_take_is_looked_at_less_often_and_its_stall_is_told_in_time(house: House) -> None:
    """While it grows nothing is told; when it stops, as soon as of any other."""
    house.files.adopt(CAPTURE, house.hear)
    house.both(SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [CaptureGrew(CAPTURE.id)]
    looked: list[CaptureId] = []
    capture_files = house.spool.capture_files

    def counted(capture: CaptureId) -> object:
        looked.append(capture)
        return capture_files(capture)

    house.spool.capture_files = counted  # type: ignore[method-assign]
    house.both(SECOND)
    assert await watched(house, GROWING_CHECK_S + 0.1) == []
    assert len(looked) == 1
    assert await watched(house, QUIET_S - GROWING_CHECK_S) == []
    assert await watched(house, GROWING_CHECK_S + 0.1) == [CaptureQuiet(CAPTURE.id)]


@virtual
async def test_a_step_that_does_not_come_is_overdue(house: House) -> None:
    """From a tenth of a second behind its time on, until the files grow; of one that does not grow yet nothing is due."""
    await opened(house)
    assert house.files.overdue() == {}
    for _ in range(3):
        await watched(house, STEP_S)
        house.both(STEP)
    written_s = house.written_s
    await watched(house, STEP_S)
    assert house.files.overdue() == {}
    await watched(house, OVERDUE_S + 0.01)
    assert house.files.overdue() == {CAPTURE.id: pytest.approx(written_s + STEP_S + OVERDUE_S)}
    house.both(STEP)
    await watched(house, GROWTH_CHECK_S + 0.01)
    assert house.files.overdue() == {}


@virtual
async def test_files_that_may_not_be_read_are_not_seen_and_do_not_grow(house: House) -> None:
    """Told once; when they may be read, they count."""
    faults: list[tuple[str, str]] = []
    house.files = FileWatch(house.spool, AnyTime(), lambda code, says: faults.append((code, says)))
    house.spool.unreadable = lambda _take: "not ours"  # type: ignore[method-assign,assignment,misc]
    house.files.watch(CAPTURE.id, house.hear)
    house.files.requested(CAPTURE.id, "0x1")
    house.both(SECOND)
    assert await watched(house, 3 * GROWTH_CHECK_S) == []
    house.spool.unreadable = lambda _take: ""  # type: ignore[method-assign,assignment,misc]
    house.both(SECOND)
    assert await watched(house, 3 * GROWTH_CHECK_S) == [CaptureOpened(CAPTURE.id, "0x1"), CaptureGrew(CAPTURE.id)]
    assert faults == [("leg-unreadable", "not ours")]


@virtual
async def test_files_that_do_not_come_in_time_are_told_once(house: House) -> None:
    faults: list[str] = []
    house.files = FileWatch(house.spool, AnyTime(), lambda code, _says: faults.append(code))
    house.files.watch(CAPTURE.id, house.hear)
    house.files.requested(CAPTURE.id, "0x1")
    await watched(house, UNSEEN_S - GROWTH_CHECK_S)
    assert faults == []
    await watched(house, 3 * UNSEEN_S)
    assert faults == ["file-not-written"]


@virtual
async def test_steady_growth_is_marked_at_its_end_only(house: House) -> None:
    """A step each 2.048 s tells nothing new; where the last one was tells how much lies behind it."""
    await opened(house)
    for _ in range(5):
        await watched(house, STEP_S)
        house.both(STEP)
    await watched(house, STEP_S)
    assert house.marks == []
    for file in FILES:
        house.files.closed(file)
    assert [mark.samples for mark in house.marks] == [5 * STEP_SAMPLES]


@virtual
async def test_a_silence_is_marked_before_and_after(house: House) -> None:
    """Four seconds in which nothing was written: the steps on either side."""
    await opened(house)
    for wait_s in (STEP_S, STEP_S, STEP_S + 4.0, STEP_S):
        await watched(house, wait_s)
        house.both(STEP)
    await watched(house, STEP_S)
    assert [mark.samples for mark in house.marks] == [2 * STEP_SAMPLES, 3 * STEP_SAMPLES]


@virtual
async def test_sides_that_are_not_equally_long_mark_nothing(house: House) -> None:
    """Asterisk writes one after the other, and we look in between."""
    await opened(house)
    await watched(house, 4 * STEP_S)
    house.write(Side.READ, 2 * STEP)
    house.write(Side.WRITE, STEP)
    await watched(house, STEP_S)
    assert house.marks == []


@virtual
async def test_a_time_from_before_the_last_look_is_not_believed(house: House) -> None:
    """The machine's clock was set forward: the files would have been written long ago."""
    await opened(house)
    await watched(house, 4 * STEP_S)
    house.both(STEP)
    house.spool.written_ago_s = lambda _capture: 3600.0  # type: ignore[method-assign]
    await watched(house, STEP_S)
    assert house.marks == []


@virtual
async def test_a_clock_that_is_set_before_files_are_closed_makes_no_capture_shorter(house: House) -> None:
    """Set forward by an hour, it had ended before it began: the entry told all of it as missing."""
    await opened(house)
    await watched(house, STEP_S)
    house.both(STEP)
    await watched(house, STEP_S)
    house.spool.written_ago_s = lambda _capture: 3600.0  # type: ignore[method-assign]
    for file in FILES:
        house.files.closed(file)
    (closed,) = [one for one in house.told if isinstance(one, CaptureClosed)]
    assert closed.ago_s == pytest.approx(STEP_S)


async def opened(house: House) -> None:
    """A take that is seen. The folder tells real time, its watcher lives in a virtual one."""
    house.spool.written_ago_s = lambda _capture: AnyTime().now().mono_s - house.written_s  # type: ignore[method-assign]
    house.files.watch(CAPTURE.id, house.hear)
    house.files.requested(CAPTURE.id, "0x1")
    house.both()
    house.files.created(FILES[0])
