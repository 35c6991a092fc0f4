"""The open takes: what is told of them, from a real folder, in virtual time."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from stage import SECOND, FragileSpool, away, virtual

from callrec.app.takes import GROWING_CHECK_S, GROWTH_CHECK_S, QUIET_S, SLICES, UNSEEN_S, OpenTakes
from callrec.domain import messages as m
from callrec.domain.model import LegId, Take, TakeId
from callrec.domain.naming import LegFile, Side

TAKE = Take(TakeId("c1-1-1"), LegId("1.1"), "PJSIP/alice-1", 8000, 0.0, mixmonitor="0x1")
FILES = [LegFile(TAKE.id, side, 8000) for side in Side]


class House:
    """A spool, the takes in it, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.spool = FragileSpool(folder)
        self.takes = OpenTakes(self.spool)
        self.told: list[m.Event] = []

    def write(self, side: Side, content: bytes = b"") -> None:
        """Asterisk opens a file, or writes to it."""
        with Path(self.spool.path(TAKE, side)).open("ab") as file:
            file.write(content)

    def both(self, content: bytes = b"") -> None:
        """On both sides."""
        for side in Side:
            self.write(side, content)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_take_is_seen_when_both_files_exist_and_its_id_is_known(house: House) -> None:
    """In whatever order the three come, and once."""
    house.takes.watch(TAKE.id, house.told.append)
    house.write(Side.READ)
    house.takes.file_created(FILES[0])
    house.takes.requested(TAKE.id, "0x1")
    assert house.told == []
    house.write(Side.WRITE)
    house.takes.file_created(FILES[1])
    house.takes.file_created(FILES[1])
    assert house.told == [m.TakeSeen(TAKE.id, "0x1")]
    assert house.takes.open_takes() == {TAKE.id}


def test_a_take_whose_files_came_first_is_seen_with_its_id(house: House) -> None:
    house.takes.watch(TAKE.id, house.told.append)
    house.both()
    house.takes.file_created(FILES[0])
    house.takes.requested(TAKE.id, "0x1")
    assert house.told == [m.TakeSeen(TAKE.id, "0x1")]


def test_after_lost_news_the_folder_is_looked_at_again(house: House) -> None:
    house.takes.watch(TAKE.id, house.told.append)
    house.takes.requested(TAKE.id, "0x1")
    house.both()
    house.takes.rescanned()
    assert house.told == [m.TakeSeen(TAKE.id, "0x1")]


def test_a_take_is_closed_when_both_sides_are(house: House) -> None:
    house.takes.watch(TAKE.id, house.told.append)
    assert house.takes.file_closed(FILES[0])
    assert house.told == []
    assert house.takes.file_closed(FILES[1])
    assert house.told == [m.TakeClosed(TAKE.id)]
    assert not house.takes.file_closed(FILES[1])
    assert house.takes.open_takes() == frozenset()


def test_nobody_hears_of_a_take_that_is_unknown_or_handed_over(house: House) -> None:
    house.takes.requested(TAKE.id, "0x1")
    house.takes.file_created(FILES[0])
    house.takes.watch(TAKE.id, house.told.append)
    house.takes.forget(TAKE.id)
    house.takes.forget(TAKE.id)
    assert not house.takes.file_closed(FILES[0])
    assert house.told == []


async def watched(house: House, seconds: float) -> list[m.Event]:
    """What is told while so much time passes."""
    house.told.clear()
    watching = asyncio.create_task(house.takes.watch_growth())
    await asyncio.sleep(seconds)
    watching.cancel()
    await asyncio.wait([watching])
    return list(house.told)


@virtual
async def test_growth_is_told_and_its_absence_again_and_again(house: House) -> None:
    """The shorter side counts. A take whose creation nobody told is seen here, too."""
    house.takes.watch(TAKE.id, house.told.append)
    house.takes.requested(TAKE.id, "0x1")
    house.write(Side.READ, SECOND)
    assert await watched(house, 2 * GROWTH_CHECK_S) == []
    house.write(Side.WRITE, SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [m.TakeSeen(TAKE.id, "0x1"), m.TakeGrew(TAKE.id)]
    assert await watched(house, QUIET_S - 2 * GROWTH_CHECK_S) == []
    assert await watched(house, 3 * QUIET_S) == 3 * [m.TakeQuiet(TAKE.id)]
    house.both(SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [m.TakeGrew(TAKE.id)]


@virtual
async def test_many_takes_are_not_measured_in_one_turn_of_the_loop(house: House) -> None:
    """Each has its own tenth of the interval, and all of them their turn in it."""
    for nth in range(20):
        house.takes.adopt(replace(TAKE, id=TakeId(f"c-{nth}-1")), house.told.append)
    looked: list[TakeId] = []
    house.spool.capture = looked.append  # type: ignore[method-assign,assignment]

    await watched(house, 1.5 * GROWTH_CHECK_S / SLICES)
    assert len(looked) == 20 // SLICES
    await watched(house, GROWTH_CHECK_S * 1.05)
    assert set(looked) == house.takes.open_takes()


@virtual
async def test_a_take_that_is_handed_over_between_two_looks_is_not_looked_at(house: House) -> None:
    """Its files may be another's business by then."""
    house.both(SECOND)
    house.takes.adopt(TAKE, house.told.append)
    asyncio.get_running_loop().call_soon(house.takes.forget, TAKE.id)
    house.both(SECOND)
    assert await watched(house, GROWTH_CHECK_S) == []


@virtual
async def test_an_adopted_take_has_to_grow_before_it_is_proven(house: House) -> None:
    """What it held when we came says nothing of its recorder."""
    house.both(SECOND)
    house.takes.adopt(TAKE, house.told.append)
    assert await watched(house, 3 * GROWTH_CHECK_S) == []
    house.both(SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [m.TakeGrew(TAKE.id)]


@virtual
async def test_files_that_are_gone_or_cannot_be_read_stall(house: House) -> None:
    """A removed spool must not look like a quiet one, and an unreadable one must not end the watching."""
    house.both(SECOND)
    house.takes.adopt(TAKE, house.told.append)
    for file in house.spool._folder.iterdir():
        file.unlink()
    assert await watched(house, QUIET_S + 1) == [m.TakeQuiet(TAKE.id)]
    house.spool.fault = away("disk")
    house.takes.adopt(TAKE, house.told.append)
    assert await watched(house, QUIET_S + 1) == [m.TakeQuiet(TAKE.id)]


@virtual
async def test_a_growing_take_is_looked_at_less_often_and_its_stall_is_told_in_time(house: House) -> None:
    """While it grows nothing is told; when it stops, as soon as of any other."""
    house.takes.adopt(TAKE, house.told.append)
    house.both(SECOND)
    assert await watched(house, 1.5 * GROWTH_CHECK_S) == [m.TakeGrew(TAKE.id)]
    looked: list[TakeId] = []
    capture = house.spool.capture

    def counted(take: TakeId) -> object:
        looked.append(take)
        return capture(take)

    house.spool.capture = counted  # type: ignore[method-assign]
    house.both(SECOND)
    assert await watched(house, GROWING_CHECK_S + 0.1) == []
    assert len(looked) == 1
    assert await watched(house, QUIET_S - GROWING_CHECK_S) == []
    assert await watched(house, GROWING_CHECK_S + 0.1) == [m.TakeQuiet(TAKE.id)]


@virtual
async def test_files_that_may_not_be_read_are_not_seen_and_do_not_grow(house: House) -> None:
    """Told once; when they may be read, they count."""
    faults: list[tuple[str, str]] = []
    house.takes = OpenTakes(house.spool, lambda code, says: faults.append((code, says)))
    house.spool.unreadable = lambda _take: "not ours"  # type: ignore[method-assign,assignment,misc]
    house.takes.watch(TAKE.id, house.told.append)
    house.takes.requested(TAKE.id, "0x1")
    house.both(SECOND)
    assert await watched(house, 3 * GROWTH_CHECK_S) == []
    house.spool.unreadable = lambda _take: ""  # type: ignore[method-assign,assignment,misc]
    house.both(SECOND)
    assert await watched(house, 3 * GROWTH_CHECK_S) == [m.TakeSeen(TAKE.id, "0x1"), m.TakeGrew(TAKE.id)]
    assert faults == [("leg-unreadable", "not ours")]


@virtual
async def test_files_that_do_not_come_in_time_are_told_once(house: House) -> None:
    faults: list[str] = []
    house.takes = OpenTakes(house.spool, lambda code, _says: faults.append(code))
    house.takes.watch(TAKE.id, house.told.append)
    house.takes.requested(TAKE.id, "0x1")
    await watched(house, UNSEEN_S - GROWTH_CHECK_S)
    assert faults == []
    await watched(house, 3 * UNSEEN_S)
    assert faults == ["file-not-written"]
