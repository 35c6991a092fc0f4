"""What the dialplan captured without us is taken in: all of it, once, and nobody has to wait for it."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from restarted_daemon import LEG, NOW, PRESS, House

from callrec.app.background import MAX_AT_ONCE
from callrec.app.recovery.fallback_captures import LATER_S
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.library.file_names import FallbackFile, fallback_file
from callrec.domain.vocabulary import Outcome
from callrec_lab.simulated_asterisk import ALICE, away, virtual

CALLS = MAX_AT_ONCE + 50


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def capture_files(nth: int) -> str:
    """Of many, one."""
    return f"on_demand-alice-{7000 + nth}.1-{NOW}"


def side(stem: str) -> FallbackFile:
    """What one side's name says."""
    file = fallback_file(f"degraded-{stem}.read.sln")
    assert file
    return file


@virtual
async def test_every_capture_of_a_busy_hour_is_taken_in(house: House) -> None:
    for nth in range(CALLS):
        house.stage.asterisk.fallback(capture_files(nth), 0)
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
    assert len({one.id for one in house.stage.handed}) == len(house.stage.handed) == CALLS
    assert (house.stage.heard.lost, house.stage.spool.fallback()) == ([], [])


async def test_meanwhile_the_loop_answers(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a disk that needs 5 ms for each flush. FastAGI has 450 ms for its answer."""
    flushing: set[int] = set()

    def flush(_: int) -> None:
        flushing.add(threading.get_ident())
        time.sleep(0.005)

    monkeypatch.setattr("callrec.adapters.disk.fsync.os.fsync", flush)
    calls, longest_s = 100, 0.0
    for nth in range(calls):
        house.stage.asterisk.fallback(capture_files(nth), 0)

    async def beat() -> None:
        nonlocal longest_s
        while True:
            since_s = time.thread_time()  # of the loop's thread: what other programs take of the machine does not count
            await asyncio.sleep(0.005)
            longest_s = max(longest_s, time.thread_time() - since_s)

    async with house.running():
        beating = asyncio.create_task(beat())
        await house.resync.link_up()
        async with asyncio.timeout(60):
            while len(house.stage.handed) < calls:  # noqa: ASYNC110 - intake's door is a list here, and lists tell nothing
                await asyncio.sleep(0.01)
        beating.cancel()
    assert flushing
    assert threading.get_ident() not in flushing
    assert longest_s < 0.3


@virtual
async def test_captures_that_wait_for_the_tables_keep_no_tone_waiting(house: House) -> None:
    house.has_tables = False
    for nth in range(CALLS):
        house.stage.asterisk.fallback(capture_files(nth), 0)
    async with house.running() as call_router:
        for nth in range(CALLS):
            house.close_fallback(capture_files(nth))
        await house.stage.passes(1)
        house.stage.call()
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STARTED
        await house.stage.passes(0.1)
        assert house.stage.asterisk.tones == ["started", "started"]
    assert house.stage.heard.lost == []


@virtual
async def test_however_often_a_capture_is_told_it_is_taken_in_once(house: House) -> None:
    """By the listing, by its closing while it waits, and when it has its place already."""
    house.stage.asterisk.fallback(PRESS)
    async with house.running():
        house.close_fallback(PRESS)
        await house.resync.link_up()
        house.close_fallback(PRESS)
        await house.stage.passes(1)
        house.close_fallback(PRESS)
        await house.stage.passes(1)
    assert house.stage.journal.steps(f"d{NOW}x1x1-1") == ["intent", "ended"]


@virtual
async def test_one_that_cannot_be_taken_in_keeps_no_other_waiting_for_long(house: House) -> None:
    """The name that it would get is taken by somebody else's folder, until that is gone."""
    house.stage.asterisk.fallback(capture_files(0))
    taken = house.stage.asterisk.folder / f"d{NOW}x7000x1-1-1.read.sln"
    taken.mkdir()
    for nth in (1, 2):
        house.stage.asterisk.fallback(capture_files(nth))
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1.5 * LATER_S)
        assert {one.id for one in house.stage.handed} == {f"d{NOW}x{leg}x1-1" for leg in (7001, 7002)}
        taken.rmdir()
        await house.stage.passes(LATER_S)
    assert len(house.stage.handed) == 3
    assert set(house.stage.heard.alarms) == {"degraded: disk"}


@virtual
async def test_one_that_has_its_names_but_not_its_end_yet_is_ended_by_the_next_try(house: House) -> None:
    """The spool could not be looked at behind the renaming."""
    house.stage.asterisk.fallback(PRESS)
    async with house.running():
        house.stage.spool.fault = away("disk")
        house.close_fallback(PRESS)
        await house.stage.passes(0.1)
        assert (house.stage.handed, house.stage.heard.alarms) == ([], ["degraded: disk"])
        house.stage.spool.fault = None
        await house.stage.passes(LATER_S)
    assert [one.to_s for one in house.stage.handed] == [NOW + 1]


@virtual
async def test_a_defect_costs_none_of_the_others(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    adopt = house.stage.spool.adopt

    def broken(file: FallbackFile, capture: object) -> None:
        if file.call == side(capture_files(0)).call:
            raise KeyError(file.call)
        adopt(file, capture)  # type: ignore[arg-type] # as it is given

    monkeypatch.setattr(house.stage.spool, "adopt", broken)
    for nth in range(3):
        house.stage.asterisk.fallback(capture_files(nth))
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(2 * LATER_S)
    assert len(house.stage.handed) == 2
    assert house.stage.heard.defects[0].startswith("degraded: KeyError")


@virtual
async def test_what_is_taken_away_before_its_turn_is_nobodys(house: House) -> None:
    async with house.running():
        house.close_fallback(PRESS)
        await house.stage.passes(1)
    assert (house.stage.handed, house.stage.journal.entries) == ([], [])


@pytest.mark.parametrize(
    ("note", "others"),
    [
        (CaptureNote("bob", "55"), [("2", "1002", "Bob")]),
        (CaptureNote("", "0301"), [(None, "0301", "")]),
        (CaptureNote("trunk", "0301"), [(None, "0301", "")]),
        (CaptureNote("trunk", "*#"), []),
        (CaptureNote("", ""), []),
        (None, []),
    ],
)
@virtual
async def test_both_participants_of_a_capture_are_known_as_far_as_the_dialplan_could_tell(
    house: House, note: CaptureNote | None, others: list[tuple[str | None, str, str]]
) -> None:
    """The user of a phone by the tables, a stranger by the number; and the note is gone afterwards."""
    house.stage.asterisk.fallback(PRESS)
    house.notes.noted = {PRESS: note} if note else {}
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
    (recording,) = house.stage.handed
    mine, *found = recording.parties
    assert (mine.user, mine.number) == (ALICE.id, "1001")
    assert [(party.user, party.number, party.name) for party in found] == others
    assert [recording.to_s] * len(others) == [party.to_s for party in found]
    assert house.notes.noted == {}


@virtual
async def test_an_asterisk_that_cannot_be_asked_for_its_note_costs_no_recording(house: House) -> None:
    house.stage.asterisk.fallback(PRESS)
    house.notes.fault = away()
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
    (recording,) = house.stage.handed
    assert ["1001"] == [party.number for party in recording.parties]
