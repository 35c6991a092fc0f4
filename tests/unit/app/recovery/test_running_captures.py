"""Of several recorders in one call one goes on, whoever began them; what the others captured is stored, too."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from restarted_daemon import LEG, NOW, OLD, OTHER, PRESS, House, old

from callrec.app.recovery.fallback_captures import LATER_S
from callrec.app.recovery.resync import CLOSING_S
from callrec.domain.calls.ids import CaptureId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Capture
from callrec.domain.calls.session import State
from callrec.domain.vocabulary import Outcome
from callrec_lab.simulated_asterisk import ALICE, away, virtual

BOBS = f"on_demand-bob-1.2-{NOW + 5}"
ALICES_ID, BOBS_ID = f"d{NOW}x1x1-1", f"d{NOW + 5}x1x2-1"


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path)
    house.talk()
    return house


@virtual
async def test_both_parties_pressed_without_us_and_one_press_stops_it(house: House) -> None:
    """Whoever hears `stopped` is recorded no more. Both captures are stored."""
    for stem in (PRESS, BOBS):
        house.stage.asterisk.fallback(stem)
    house.stage.asterisk.recorders = {LEG: "0x7", OTHER: "0x8"}
    async with house.running() as call_router:
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert (house.sessions(), house.stage.asterisk.stopped) == ([(ALICES_ID, State.OPENED)], ["0x8"])
        assert [one.id for one in house.stage.handed] == [BOBS_ID]
        house.stage.asterisk.running[CaptureId(f"{ALICES_ID}-1")] = "0x7"
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
        await house.stage.passes(5)
    assert house.stage.asterisk.stopped == ["0x8", "0x7", "0x1"], "and what it began on the partner's leg"
    assert [one.id for one in house.stage.handed] == [BOBS_ID, ALICES_ID]
    assert house.stage.heard.alarms == []


@virtual
async def test_our_own_take_goes_on_and_not_what_a_press_began_beside_it(house: House) -> None:
    """The daemon recorded on Alice's leg, died, and Bob pressed."""
    house.stage.asterisk.goes_on(OLD)
    house.stage.asterisk.fallback(BOBS)
    house.stage.asterisk.recorders[OTHER] = "0x8"
    resync = await house.journaled(Entry(Step.OPENED, old()))
    async with house.running() as call_router:
        await resync.link_up()
        await house.stage.passes(0.1)
        assert (house.sessions(), house.stage.asterisk.stopped) == ([("old-1", State.OPENED)], ["0x8"])
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
        await house.stage.passes(5)
    assert house.stage.asterisk.stopped == ["0x8", "0x9", "0x1"], "and what it began on the partner's leg"
    assert {one.id for one in house.stage.handed} == {"old-1", BOBS_ID}


@virtual
async def test_a_press_elsewhere_in_a_recorded_call_while_the_link_was_lost_is_stopped(house: House) -> None:
    async with house.running() as call_router:
        house.stage.call()
        await call_router.press(LEG, ALICE, 8000)
        house.stage.asterisk.fallback(BOBS)
        house.stage.asterisk.recorders[OTHER] = "0x8"
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert (house.sessions(), house.stage.asterisk.stopped) == ([("c1-1", State.OPENED)], ["0x8"])
    assert [one.id for one in house.stage.handed] == [BOBS_ID]


@virtual
async def test_of_two_of_ours_that_asterisk_calls_one_call_the_second_is_stopped_and_stored(house: House) -> None:
    """They were two calls when the daemon died."""
    other = replace(OLD, id=CaptureId("new-1-1"), leg=OTHER, from_s=OLD.from_s + 9, mixmonitor="0x8")
    second = replace(old(capture=other), id=RecordingId("new-1"), from_s=other.from_s)
    for capture in (OLD, other):
        house.stage.asterisk.goes_on(capture)
    resync = await house.journaled(Entry(Step.OPENED, second), Entry(Step.OPENED, old()))
    async with house.running():
        at_s = house.stage.clock.now().utc_s
        await resync.link_up()
        assert (house.sessions(), house.stage.asterisk.stopped) == ([("old-1", State.OPENED)], ["0x8"])
    (handed,) = house.stage.handed
    assert (handed.id, handed.to_s, handed.captures[0].to_s) == ("new-1", at_s, at_s)


@virtual
async def test_one_that_cannot_be_stopped_is_stopped_after_the_next_reconnect(house: House) -> None:
    """Until then it goes on, and is nobody's orphan; the dialplan's waits for its end."""
    other = replace(OLD, id=CaptureId("new-1-1"), leg=OTHER, from_s=OLD.from_s + 9, mixmonitor="0x8")
    second = replace(old(capture=other), id=RecordingId("new-1"), from_s=other.from_s)
    for capture in (OLD, other):
        house.stage.asterisk.goes_on(capture)
    resync = await house.journaled(Entry(Step.OPENED, second), Entry(Step.OPENED, old()))
    house.stage.asterisk.faults["stop"] = away("ami-outcome-unknown")
    async with house.running():
        await resync.link_up()
        await house.stage.passes(2 * LATER_S)
        assert (house.stage.handed, house.stage.asterisk.stopped) == ([], [])
        house.stage.asterisk.faults.clear()
        resync.link_down()
        await resync.link_up()
        assert house.stage.asterisk.stopped == ["0x8"]
    assert [one.id for one in house.stage.handed] == ["new-1"]


@virtual
async def test_a_capture_of_the_dialplan_that_cannot_be_stopped_is_taken_in_when_it_closes(house: House) -> None:
    house.stage.asterisk.goes_on(OLD)
    house.stage.asterisk.fallback(BOBS)
    house.stage.asterisk.recorders[OTHER] = "0x8"
    house.stage.asterisk.faults["stop"] = away("ami-outcome-unknown")
    resync = await house.journaled(Entry(Step.OPENED, old()))
    async with house.running():
        await resync.link_up()
        await house.stage.passes(2 * LATER_S)
        assert house.stage.handed == []
        house.close_fallback(BOBS)
        await house.stage.passes(0.1)
    assert [one.id for one in house.stage.handed] == [BOBS_ID]


@virtual
async def test_a_spool_that_cannot_be_read_costs_no_stopped_recording(house: House) -> None:
    other = replace(OLD, id=CaptureId("new-1-1"), leg=OTHER, from_s=OLD.from_s + 9, mixmonitor="0x8")
    second = replace(old(capture=other), id=RecordingId("new-1"), from_s=other.from_s)
    for capture in (OLD, other):
        house.stage.asterisk.goes_on(capture)
    resync = await house.journaled(Entry(Step.OPENED, second), Entry(Step.OPENED, old()))
    async with house.running():
        coming = asyncio.create_task(resync.link_up())
        await house.stage.passes(CLOSING_S / 2)
        house.stage.spool.fault = away("disk")
        await coming
    assert [(one.id, one.to_s is None) for one in house.stage.handed] == [("new-1", False)]


# -- takes of ours that the journal does not know ----------------------------------------------------------------------

LOST = replace(OLD, id=CaptureId("lost-1-1"), mixmonitor="")


@virtual
async def test_a_press_stops_a_running_take_that_the_journal_does_not_know(house: House) -> None:
    """Its disk was full when the capture began. Who began it and why is lost, the voices are not."""
    house.stage.asterisk.goes_on(LOST, 5)
    async with house.running() as call_router:
        at_s = house.stage.clock.now().utc_s
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert house.sessions() == [("lost-1001", State.OPENED)]
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
        await house.stage.passes(2)
    (handed,) = house.stage.handed
    assert (handed.id, handed.from_s, handed.cause) == ("lost-1001", at_s - 5, "journal-lost")
    assert [capture.id for capture in handed.captures] == ["lost-1-1"]
    assert house.stage.journal.steps("lost-1001")[0] == "intent"


@virtual
async def test_also_while_the_journal_still_refuses(house: House) -> None:
    house.stage.asterisk.goes_on(LOST, 5)
    house.stage.journal.fault = away("disk")
    async with house.running() as call_router:
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
        await house.stage.passes(2)
    assert [one.id for one in house.stage.handed] == ["lost-1001"]
    assert house.stage.heard.alarms[0] == "degraded: disk"


@virtual
async def test_a_later_take_of_a_recording_that_is_ended_goes_on_as_a_recording_of_its_own(house: House) -> None:
    """The journal knows the first capture, whose recorder is gone; the one that is at work is the second."""
    later = replace(OLD, id=CaptureId("old-1-2"), mixmonitor="")
    house.stage.asterisk.goes_on(replace(OLD, mixmonitor=""))
    house.stage.asterisk.goes_on(replace(later, mixmonitor="0x8"))
    resync = await house.journaled(Entry(Step.OPENED, old()))
    async with house.running():
        await resync.link_up()
        await house.stage.passes(0.1)
        assert house.sessions() == [("old-1002", State.OPENED)]
    assert [one.id for one in house.stage.handed] == ["old-1"]


@virtual
async def test_beside_what_a_press_began_without_us_ours_goes_on_also_without_a_journal(house: House) -> None:
    house.stage.asterisk.goes_on(LOST)
    house.stage.asterisk.fallback(BOBS)
    house.stage.asterisk.recorders[OTHER] = "0x8"
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert (house.sessions(), house.stage.asterisk.stopped) == ([("lost-1001", State.OPENED)], ["0x8"])
    assert [one.id for one in house.stage.handed] == [BOBS_ID]


@virtual
async def test_a_leg_that_does_not_say_what_it_carries_is_stored_when_it_ends(house: House) -> None:
    house.stage.asterisk.goes_on(LOST)
    house.stage.asterisk.faults["take_on"] = away("ami-outcome-unknown")
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(1)
        house.stage.asterisk.grow(LOST.id)
        await coming
        assert (house.sessions(), house.stage.handed) == ([("", State.IDLE)], [])
        house.stage.asterisk.close(LOST.id)
        await house.stage.passes(1.5 * LATER_S)
    assert [one.id for one in house.stage.handed] == ["lost-1001"]
    assert house.stage.heard.alarms == ["degraded: ami-outcome-unknown"]


@virtual
async def test_without_captures_that_nobody_knows_no_leg_is_asked(house: House) -> None:
    """A busy Asterisk has hundreds of them, and calls wait for the comparison."""
    house.stage.asterisk.faults["recorder_on"] = away()
    async with house.running():
        await house.resync.link_up()
    assert house.stage.heard.alarms == []


# -- partner captures --------------------------------------------------------------------------------------------------

BESIDE = Capture(CaptureId("old-1-2"), OTHER, "PJSIP/bob-1", 8000, OLD.from_s + 2, mixmonitor="0x5", is_partner=True)


@virtual
@pytest.mark.parametrize("is_alive", [True, False], ids=["the recording goes on", "its leg is gone"])
async def test_a_partner_capture_of_a_former_daemon_is_ended(house: House, is_alive: bool) -> None:
    """Nothing else would end it before its leg hangs up. Its files are the recording's."""
    asterisk = house.stage.asterisk
    asterisk.goes_on(OLD)
    asterisk.goes_on(BESIDE)
    if not is_alive:
        house.stage.asterisk.legs = [leg for leg in asterisk.legs if leg.get("Uniqueid") == OTHER]
    resync = await house.journaled(Entry(Step.OPENED, replace(old(), partner_captures=(BESIDE,))))
    async with house.running() as call_router:
        await resync.link_up()
        await house.stage.passes(0.1)
        assert asterisk.stopped[0] == "0x5"
        if is_alive:
            assert house.sessions() == [("old-1", State.OPENED)]
            assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
            await house.stage.passes(5)
    (handed,) = house.stage.handed
    assert handed.partner_captures[0].id == BESIDE.id
    assert handed.partner_captures[0].to_s is not None


@virtual
async def test_a_partner_capture_that_cannot_be_ended_is_ended_at_the_next_try(house: House) -> None:
    """Asterisk does not answer; the resync begins again."""
    asterisk = house.stage.asterisk
    asterisk.goes_on(OLD)
    asterisk.goes_on(BESIDE)
    resync = await house.journaled(Entry(Step.OPENED, replace(old(), partner_captures=(BESIDE,))))
    async with house.running():
        asterisk.faults["stop"] = away("ami")
        link_up = asyncio.create_task(resync.link_up())
        await house.stage.passes(3)
        assert (asterisk.stopped, resync.is_resynced) == ([], False)
        asterisk.faults.clear()
        await house.stage.passes(3)
        assert (asterisk.stopped, resync.is_resynced) == (["0x5"], True)
        await link_up


# -- earlier captures of the recorded leg ------------------------------------------------------------------------------

EARLIER = replace(OLD, mixmonitor="0x4", from_s=OLD.from_s - 20)
LAST = replace(OLD, id=CaptureId("old-1-2"))
BESIDE_THEM = CaptureId("old-1-3")
"""On the partner's leg, after the restart."""


async def with_earlier(house: House, earlier: Capture) -> House:
    """`earlier` was followed by another capture when the daemon died, and of its end nothing is known."""
    house.stage.asterisk.goes_on(earlier)
    house.stage.asterisk.goes_on(LAST)
    await house.journaled(Entry(Step.OPENED, replace(old(), captures=(earlier, LAST))))
    return house


@virtual
@pytest.mark.parametrize(
    ("mixmonitor", "stopped"), [("0x4", ["0x4"]), (LAST.mixmonitor, [])], ids=["its own id", "the id of the last one"]
)
async def test_an_earlier_capture_ends_whose_stop_may_be_lost(
    house: House, mixmonitor: str, stopped: list[str]
) -> None:
    """Asterisk gives an id again: a stop of one that has ended would end the one at work."""
    await with_earlier(house, replace(EARLIER, mixmonitor=mixmonitor))
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(0.1)
        (call,) = house.stage.call_router.live()
        assert house.stage.asterisk.stopped == stopped
        assert call.recording is not None
        assert call.recording.captures[0].to_s is not None
        assert call.open_captures - {BESIDE_THEM} == {LAST.id}


@virtual
async def test_an_earlier_capture_whose_id_nobody_knows_is_reckoned_with(house: House) -> None:
    """Its start was not answered, and its files are there. One without files can never have any."""
    await with_earlier(house, replace(EARLIER, mixmonitor=""))
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(0.1)
        (call,) = house.stage.call_router.live()
        assert (call.open_captures - {BESIDE_THEM}, call.unconfirmed_starts) == ({EARLIER.id, LAST.id}, {EARLIER.id})
        assert house.stage.asterisk.stopped == []


@virtual
async def test_an_earlier_capture_that_never_began_has_ended(house: House) -> None:
    house.stage.asterisk.goes_on(LAST)
    never = replace(EARLIER, mixmonitor="")
    await house.journaled(Entry(Step.OPENED, replace(old(), captures=(never, LAST))))
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(0.1)
        (call,) = house.stage.call_router.live()
        assert (call.open_captures - {BESIDE_THEM}, call.unconfirmed_starts) == ({LAST.id}, frozenset())
        assert call.recording is not None
        assert call.recording.captures[0].to_s == never.from_s
