"""A daemon comes home: what it finds in journal, spool and Asterisk, and what it makes of it; in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from returning import LEG, NOW, OLD, OTHER, POLICY, PRESS, House, old
from stage import ALICE, EPOCH_S, away, event, virtual

from callrec.app.homecoming import RETRY_S, TABLES_S
from callrec.app.ports import FileClosed, FileCreated, Rescanned, SpoolEvent
from callrec.app.taking_in import LATER_S
from callrec.domain.lifecycle import Entry, Step
from callrec.domain.messages import Outcome
from callrec.domain.model import BridgeId, CallId, Direction, LegId, RecordingId, TakeId, Waiting, WaitingKind
from callrec.domain.naming import DegradedFile, LegFile, Side
from callrec.domain.provisioning.model import Rule
from callrec.domain.toggle import State
from callrec.protocols.ami import Message


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# -- what had been journaled -------------------------------------------------------------------------------------------


@virtual
async def test_what_had_ended_goes_to_intake_without_asterisk(house: House) -> None:
    homecoming = await house.journaled(Entry(Step.ENDED, old()))
    homecoming.begin()
    assert [recording.id for recording in house.stage.handed] == ["old-1"]
    async with house.running():
        await homecoming.on_up()
    assert len(house.stage.handed) == 1


@virtual
async def test_a_take_whose_recorder_works_goes_on_and_a_press_stops_it(house: House) -> None:
    homecoming = await house.journaled(Entry(Step.OPENED, old()))
    house.talk()
    house.stage.asterisk.goes_on(OLD)
    async with house.running() as engine:
        homecoming.begin()
        await homecoming.on_up()
        await house.stage.passes(0.1)
        assert house.sessions() == [("old-1", State.OPENED)]
        assert (homecoming.is_home, house.mirrored) == (True, 1)
        house.stage.asterisk.grow(OLD.id)
        await house.stage.passes(1)
        assert await engine.press(LEG, ALICE, 8000) is Outcome.STOPPED
    assert [recording.id for recording in house.stage.handed] == ["old-1"]
    assert house.stage.heard.alarms == []


@pytest.mark.parametrize("is_noted", [False, True])
@virtual
async def test_who_made_a_call_with_a_click_has_made_it_for_the_next_daemon_too(
    house: House, *, is_noted: bool
) -> None:
    """Its first channel, a Local one, is gone, and Asterisk dialled both phones: only the note tells. Both were taken for called,
    so that a rule for calls received stopped a recording, or none began."""
    homecoming = await house.journaled()
    house.stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid="0.9", BridgeId="b1")
        for leg, name in ((LEG, "alice"), (OTHER, "bob"))
    ]
    house.stage.asterisk.made = {LEG} if is_noted else set()
    async with house.running() as engine:
        await homecoming.on_up()
        await house.stage.passes(0.1)
        (session,) = engine.live()
    assert [leg.direction for leg in session.legs.values()] == [
        Direction.OUT if is_noted else Direction.IN,
        Direction.IN,
    ]


@pytest.mark.parametrize("noted", ["", "0x2"], ids=["stopped", "another's"])
@virtual
async def test_a_take_that_a_press_stopped_without_us_is_ended_and_not_begun_again(house: House, noted: str) -> None:
    homecoming = await house.journaled(Entry(Step.OPENED, old()))
    house.talk()
    house.stage.asterisk.goes_on(OLD)
    house.stage.asterisk.recorders[LEG] = noted
    async with house.running():
        await homecoming.on_up()
        await house.stage.passes(20)
        assert house.sessions() == [("", State.IDLE)]
    assert [(one.id, one.to_s) for one in house.stage.handed] == [("old-1", EPOCH_S - 59)]
    assert house.stage.journal.steps("old-1") == ["opened", "ended"]


@virtual
async def test_a_leg_that_is_gone_is_ended_also_when_the_journal_is_full(house: House) -> None:
    """Intake has it all the same; the alarm tells."""
    homecoming = await house.journaled(Entry(Step.OPENED, old()))
    house.stage.journal.fault = away("disk")
    async with house.running():
        await homecoming.on_up()
    assert [one.id for one in house.stage.handed] == ["old-1"]
    assert house.stage.heard.alarms == ["journal: disk"]


@virtual
async def test_when_nobody_can_say_what_records_the_journal_is_believed(house: House) -> None:
    homecoming = await house.journaled(Entry(Step.OPENED, old()))
    house.talk()
    house.stage.asterisk.goes_on(OLD)
    house.stage.asterisk.faults["recorder_on"] = away("ami-outcome-unknown")
    async with house.running():
        await homecoming.on_up()
        assert house.sessions() == [("old-1", State.OPENED)]
    assert house.stage.heard.alarms == ["recorder: ami-outcome-unknown"]


# -- links that break --------------------------------------------------------------------------------------------------


@virtual
async def test_a_listing_that_fails_is_asked_for_again_and_news_flow_meanwhile(house: House) -> None:
    house.stage.asterisk.faults["channels"] = away("ami-outcome-unknown")
    async with house.running() as engine:
        coming = asyncio.create_task(house.homecoming.on_up())
        await house.stage.passes(3.5 * RETRY_S)
        assert not house.homecoming.is_home
        house.stage.call()
        await house.stage.passes(0.1)
        assert len(engine.live()) == 1
        house.talk()
        house.stage.asterisk.faults.clear()
        await coming
        assert house.homecoming.is_home
    assert set(house.stage.heard.alarms) == {"resync: ami-outcome-unknown"}


@virtual
async def test_what_a_lost_link_interrupts_goes_on_at_the_next_one(house: House) -> None:
    """Three recordings are to be ended; the link is lost at the first one's journal entry."""
    entries = [Entry(Step.OPENED, replace(old(), id=RecordingId(f"old-{nth}"))) for nth in (1, 2, 3)]
    homecoming = await house.journaled(*entries)
    house.stage.journal.delay_s = 10
    async with house.running():
        coming = asyncio.create_task(homecoming.on_up())
        await house.stage.passes(1)
        coming.cancel()
        homecoming.down()
        await asyncio.wait([coming])
        assert house.stage.handed == []
        await homecoming.on_up()
    assert [one.id for one in house.stage.handed] == ["old-1", "old-2", "old-3"]


@pytest.mark.parametrize(
    ("uptimes", "died"),
    [(("10", "20"), False), (("10", "0"), True), (("", ""), True), (("10",), False)],
    ids=["the same", "another", "no uptime", "the first"],
)
@virtual
async def test_uptime_tells_whether_it_is_the_asterisk_that_we_knew(
    house: House, uptimes: tuple[str, ...], died: bool
) -> None:
    """Another one took our legs with it."""
    async with house.running() as engine:
        for uptime in uptimes[:-1]:
            house.homecoming.booted(Message((("Event", "FullyBooted"), ("Uptime", uptime))))
            await house.homecoming.on_up()
            house.homecoming.down()
            await house.stage.passes(10)
        house.stage.call()
        assert await engine.press(LEG, ALICE, 8000) is Outcome.STARTED
        house.homecoming.booted(Message((("Event", "FullyBooted"), ("Uptime", uptimes[-1]))))
        await house.homecoming.on_up()
        await house.stage.passes(10)
    assert [take.cause for one in house.stage.handed for take in one.takes] == ["asterisk-died" if died else ""]


@virtual
async def test_without_tables_we_go_on_and_compare_again_with_them(house: House) -> None:
    """What the dialplan captures is left to it until we know whose phone it is."""
    house.has_tables = False
    house.talk()
    house.stage.asterisk.degraded(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        coming = asyncio.create_task(house.homecoming.on_up())
        await house.stage.passes(3.5 * TABLES_S)
        assert house.homecoming.is_home
        assert house.sessions() == [("", State.IDLE)]
        assert len(house.stage.spool.degraded()) == 2
        house.has_tables = True
        await coming
        await house.stage.passes(0.1)
        assert house.sessions() == [(f"d{NOW}x1x1-1", State.OPENED)]
        assert house.mirrored == 2


# -- what the dialplan captured ----------------------------------------------------------------------------------------


@virtual
async def test_a_press_that_the_dialplan_obeyed_is_stopped_by_the_next_one(house: House) -> None:
    """The capture goes on under our name, in the call that Asterisk says it belongs to."""
    house.talk()
    house.stage.asterisk.degraded(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running() as engine:
        await house.homecoming.on_up()
        await house.stage.passes(0.1)
        house.stage.asterisk.running[TakeId(f"d{NOW}x1x1-1-1")] = "0x7"
        house.stage.asterisk.grow(f"d{NOW}x1x1-1-1")
        await house.stage.passes(1)
        assert house.sessions() == [(f"d{NOW}x1x1-1", State.RECORDING)]
        assert await engine.press(LEG, ALICE, 8000) is Outcome.STOPPED
    (handed,) = house.stage.handed
    assert (handed.rule, handed.from_s, [party.number for party in handed.parties]) == (
        Rule.ON_DEMAND,
        NOW + 1.0,  # the name of the file tells whole seconds: it began no later than that
        ["1001", "1002"],
    )


@virtual
async def test_of_several_captures_on_a_leg_the_last_goes_on_and_the_others_have_ended(house: House) -> None:
    house.talk()
    house.stage.asterisk.degraded(f"on_demand-alice-1.1-{NOW - 10}")
    house.stage.asterisk.degraded(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        await house.homecoming.on_up()
        await house.stage.passes(0.1)
        assert [recording for recording, _ in house.sessions()] == [f"d{NOW}x1x1-1"]
    assert [one.id for one in house.stage.handed] == [f"d{NOW - 10}x1x1-1"]


@virtual
async def test_what_ended_while_we_were_away_is_taken_in_with_rule_and_user(house: House) -> None:
    """The legs are gone, or live and carry no recorder."""
    house.talk()
    house.stage.asterisk.degraded(f"always-ever-7.1-{NOW}", 2)
    house.stage.asterisk.degraded(PRESS)
    async with house.running():
        await house.homecoming.on_up()
        await house.stage.passes(0.1)
    found = {one.id: one for one in house.stage.handed}
    policy, press = found[f"d{NOW}x7x1-1"], found[f"d{NOW}x1x1-1"]
    assert (policy.rule, policy.actor.user, policy.to_s) == (Rule.ALWAYS, "3", NOW + 2)
    assert (press.rule, press.actor.user) == (Rule.ON_DEMAND, "1")
    assert house.stage.journal.steps(press.id) == ["intent", "ended"]
    assert house.stage.spool.degraded() == []


@virtual
async def test_a_call_that_rings_is_ours_from_the_answer_on(house: House) -> None:
    """The dialplan's recorder waits for the answer with empty files: it is ended, and no entry is made of it."""
    house.talk(bridge="")
    house.stage.asterisk.degraded(POLICY, 0)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        await house.homecoming.on_up()
        await house.stage.passes(10)
        assert house.sessions() == [("", State.IDLE)]
    assert house.stage.asterisk.recorders[LEG] == ""
    assert list(house.stage.spool.captures()) == house.stage.handed == house.stage.journal.live() == []


@virtual
async def test_what_was_said_before_the_call_rang_again_is_kept(house: House) -> None:
    """In no bridge now, but it was: the recorder is ended, its sound is a recording."""
    house.talk(bridge="")
    house.stage.asterisk.degraded(POLICY, 2)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        await house.homecoming.on_up()
        await house.stage.passes(1)
    assert [(one.id, one.cause) for one in house.stage.handed] == [(f"d{NOW}x1x1-1", "")]


@virtual
async def test_a_recorder_that_cannot_be_ended_is_adopted_instead(house: House) -> None:
    house.talk(bridge="")
    house.stage.asterisk.degraded(POLICY, 0)
    house.stage.asterisk.recorders[LEG] = "0x7"
    house.stage.asterisk.faults["stop"] = away("ami-outcome-unknown")
    async with house.running():
        await house.homecoming.on_up()
        assert house.sessions() == [(f"d{NOW}x1x1-1", State.OPENED)]
    assert house.stage.heard.alarms == ["degraded: ami-outcome-unknown"]


@virtual
async def test_a_capture_beside_our_own_take_is_left_until_it_closes(house: House) -> None:
    house.talk()
    async with house.running() as engine:
        house.stage.call()
        await engine.press(LEG, ALICE, 8000)
        house.stage.asterisk.degraded(PRESS)
        await house.homecoming.on_up()
        await house.stage.passes(0.1)
        assert house.sessions() == [("c1-1", State.OPENED)]
        assert len(house.stage.spool.degraded()) == 2
        house.close_degraded(PRESS)
        await house.stage.passes(0.1)
    assert [one.id for one in house.stage.handed] == [f"d{NOW}x1x1-1"]


@virtual
async def test_a_capture_whose_recorder_nobody_can_tell_is_left_until_it_closes(house: House) -> None:
    house.talk()
    house.stage.asterisk.degraded(PRESS)
    house.stage.asterisk.faults["recorder_on"] = away()
    async with house.running():
        await house.homecoming.on_up()
        await house.stage.passes(1)
        assert len(house.stage.spool.degraded()) == 2
        house.close_degraded(PRESS)
        await house.stage.passes(1)
    assert len(house.stage.handed) == 1


@virtual
async def test_a_capture_that_closes_is_taken_in_as_soon_as_disk_and_tables_allow(house: House) -> None:
    """One side is not enough; a full journal and late tables cost time."""
    house.stage.asterisk.degraded(PRESS)
    house.has_tables = False
    house.stage.journal.fault = away("disk")
    async with house.running():
        house.close_degraded(PRESS)
        await house.stage.passes(3 * LATER_S)
        assert house.stage.heard.alarms == []
        house.has_tables = True
        await house.stage.passes(2 * LATER_S)
        assert house.stage.handed == []
        house.stage.journal.fault = None
        await house.stage.passes(LATER_S)
    assert len(house.stage.handed) == 1
    assert set(house.stage.heard.alarms) == {"degraded: disk"}


@virtual
async def test_a_capture_that_cannot_be_given_its_place_now_is_left_where_it_is(house: House) -> None:
    house.talk()
    house.stage.asterisk.degraded(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    house.stage.journal.fault = away("disk")
    async with house.running():
        await house.homecoming.on_up()
        await house.stage.passes(1)
        assert house.sessions() == [("", State.IDLE)]
        assert len(house.stage.spool.degraded()) == 2
    assert house.stage.heard.alarms == ["degraded: disk"]


@virtual
async def test_a_daemon_that_died_while_it_gave_the_names_is_made_up_for(house: House) -> None:
    """The intent is journaled, one side has its name: the other gets it before the recording is ended."""
    house.stage.asterisk.degraded(PRESS, 2)
    file = house.stage.spool.degraded()[0]
    take = replace(OLD, id=TakeId(f"d{NOW}x1x1-1-1"), mixmonitor="")
    homecoming = await house.journaled(
        Entry(Step.INTENT, replace(old(take=take), id=RecordingId(f"d{NOW}x1x1-1"))), Entry(Step.OPENED, old())
    )
    house.stage.asterisk.degraded(f"on_demand-bob-8.1-{NOW}")
    (house.stage.asterisk.folder / file.name).rename(
        house.stage.asterisk.folder / LegFile(take.id, file.side, 8000).name
    )
    async with house.running():
        await homecoming.on_up()
        await house.stage.passes(1)
        captures = {capture.take: capture for capture in house.stage.spool.captures()}
    assert captures[take.id].read_bytes == captures[take.id].write_bytes
    assert {one.id for one in house.stage.handed} == {f"d{NOW}x1x1-1", "old-1", f"d{NOW}x8x1-1"}


@virtual
async def test_a_name_that_cannot_be_given_is_an_alarm(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_file: DegradedFile, _take: TakeId) -> None:
        raise away("disk")

    house.stage.asterisk.degraded(PRESS)
    take = replace(OLD, id=TakeId(f"d{NOW}x1x1-1-1"))
    homecoming = await house.journaled(Entry(Step.INTENT, replace(old(take=take), id=RecordingId(f"d{NOW}x1x1-1"))))
    monkeypatch.setattr(house.stage.spool, "adopt", refused)
    async with house.running():
        await homecoming.on_up()
    assert "degraded: disk" in house.stage.heard.alarms


# -- the spool's news --------------------------------------------------------------------------------------------------


@virtual
async def test_a_spool_that_cannot_be_read_is_an_alarm_and_is_looked_at_again(house: House) -> None:
    house.stage.asterisk.goes_on(replace(OLD, leg=LegId("8.1")))
    house.stage.spool.fault = away("disk")
    async with house.running():
        await house.homecoming.on_up()
        assert house.homecoming.is_home
        assert house.stage.handed == []
        house.stage.spool.fault = None
        house.homecoming.down()
        await house.homecoming.on_up()
    assert [one.cause for one in house.stage.handed] == ["journal-lost"]
    assert set(house.stage.heard.alarms) == {"degraded: disk", "orphans: disk"}


@virtual
async def test_orphans_are_what_neither_journal_nor_calls_know(house: House) -> None:
    """Those of a live call, journaled or not, and those that wait for intake are left alone."""
    waiting = replace(OLD, id=TakeId("wait-1-1"), leg=LegId("8.1"))
    homecoming = await house.journaled(
        Entry(Step.ENDED, replace(old(take=waiting), id=RecordingId("wait-1"), call=CallId("wait")))
    )
    homecoming.begin()
    house.talk()
    for take in (waiting, replace(OLD, id=TakeId("lost-1-1"), leg=LegId("8.2"))):
        house.stage.asterisk.goes_on(take)
    house.stage.journal.fault = away("disk")
    async with house.running() as engine:
        house.stage.call()
        await engine.press(LEG, ALICE, 8000)
        await homecoming.on_up()
    assert [one.id for one in house.stage.handed] == ["wait-1", "lost-1001"]


@virtual
async def test_what_nobody_knows_is_left_while_it_grows(house: House) -> None:
    """A recorder writes to it, on a leg that could not say so: the half of it would be stored, and the rest be lost."""
    take = replace(OLD, id=TakeId("lost-1-1"), leg=LegId("8.1"))
    house.stage.asterisk.goes_on(take)
    async with house.running():
        coming = asyncio.create_task(house.homecoming.on_up())
        await house.stage.passes(LATER_S / 2)
        house.stage.asterisk.grow(take.id)
        await coming
        await house.stage.passes(3 * LATER_S)
        assert house.stage.handed == []
        house.stage.asterisk.close(take.id)
        await house.stage.passes(1.5 * LATER_S)
    assert [(one.id, (one.takes[0].to_s or 0) - one.takes[0].from_s) for one in house.stage.handed] == [
        ("lost-1001", 2)
    ]


@virtual
async def test_a_link_that_is_lost_while_we_look_whether_it_grows_costs_nothing(house: House) -> None:
    house.stage.asterisk.goes_on(replace(OLD, id=TakeId("lost-1-1"), leg=LegId("8.1")))
    async with house.running():
        coming = asyncio.create_task(house.homecoming.on_up())
        await house.stage.passes(LATER_S / 2)
        coming.cancel()
        house.homecoming.down()
        await asyncio.wait([coming])
        await house.homecoming.on_up()
    assert [one.id for one in house.stage.handed] == ["lost-1001"]


@virtual
async def test_a_file_that_closes_and_that_nobody_waits_for_is_taken_in_a_little_later(house: House) -> None:
    """By then intake has dropped most of them. Several at once are one look; before the first look they wait for it."""
    stray = replace(OLD, id=TakeId("late-1-1"), leg=LegId("8.1"))
    async with house.running():
        house.homecoming.spool_event(FileClosed(LegFile(stray.id, Side.READ, 8000)))
        await house.homecoming.on_up()
        house.stage.asterisk.goes_on(stray)
        house.stage.asterisk.close(stray.id)
        await house.stage.passes(LATER_S - 0.1)
        assert house.stage.handed == []
        await house.stage.passes(0.2)
    assert [one.id for one in house.stage.handed] == ["late-1001"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: FileCreated(LegFile(OLD.id, Side.READ, 8000)), ["file_created"]),
        (lambda: FileClosed(LegFile(OLD.id, Side.READ, 8000)), ["file_closed"]),
        (lambda: Rescanned(()), ["rescanned"]),
        (lambda: FileCreated(DegradedFile(Rule.ON_DEMAND, "alice", "1.1", NOW, Side.READ, 8000)), []),
    ],
    ids=["created", "closed", "rescanned", "the dialplan's"],
)
def test_news_of_takes_are_passed_on(
    house: House, monkeypatch: pytest.MonkeyPatch, make: Callable[[], SpoolEvent], told: list[str]
) -> None:
    heard: list[str] = []
    for name in ("file_created", "file_closed", "rescanned"):
        monkeypatch.setattr(house.stage.engine.takes, name, lambda *_, name=name: heard.append(name) or True)
    house.homecoming.spool_event(make())
    assert heard == told


@pytest.mark.parametrize(
    ("made_ago_s", "duration", "began_ago_s"), [(11.25, "00:00:14", 11.25), (None, "00:00:14", 15)]
)
@virtual
async def test_a_call_that_was_answered_while_the_link_was_down_is_due_from_its_answer_on(
    house: House, made_ago_s: float | None, duration: str, began_ago_s: float
) -> None:
    """11.3 s were missing at its beginning, and it was *sound*. Where nobody tells of its bridge, at most since its leg came."""
    stage = house.stage
    await asyncio.sleep(100)
    stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid="1.1", BridgeId="b1", Duration=duration)
        for leg, name in ((LEG, "ever"), (OTHER, "bob"))
    ]
    if made_ago_s is not None:
        stage.asterisk.bridges_made_s = {BridgeId("b1"): stage.clock.now().utc_s - made_ago_s}
    async with house.running() as engine:
        await house.homecoming.on_up()
        await stage.passes(0.1)
        (session,) = engine.live()
        assert session.recording is not None
        now_s = stage.clock.now().utc_s
        assert session.recording.from_s == pytest.approx(now_s - began_ago_s, abs=0.2)
        assert session.recording.takes[0].from_s == pytest.approx(now_s, abs=0.2)


@pytest.mark.parametrize("holds", [True, False])
@virtual
async def test_whether_a_recorded_call_is_on_hold_is_asked_for_when_the_news_of_it_may_be_lost(
    house: House, *, holds: bool
) -> None:
    """A hold that began or ended while nobody listened: what is said then is not called a wait, and a wait no loss."""
    stage = house.stage
    house.talk()
    stage.asterisk.holding = {OTHER} if holds else set()
    stage.asterisk.goes_on(OLD)
    wait = Waiting(EPOCH_S - 30, None, WaitingKind.HOLD)
    home = await house.journaled(Entry(Step.OPENED, replace(old(), waiting=() if holds else (wait,))))
    async with house.running() as engine:
        await home.on_up()
        await stage.passes(0.1)
        (session,) = engine.live()
        assert session.recording is not None
        assert session.recording.is_waiting is holds
        assert [one.kind for one in session.recording.waiting] == [WaitingKind.HOLD]
