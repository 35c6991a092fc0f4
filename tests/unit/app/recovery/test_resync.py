"""A daemon comes home: what it finds in journal, spool and Asterisk, and what it makes of it; in virtual time."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from restarted_daemon import LEG, NOW, OLD, OTHER, POLICY, PRESS, House, old

from callrec.app.recovery.fallback_captures import LATER_S
from callrec.app.recovery.resync import RETRY_S, TABLES_S
from callrec.domain.calls.captures.fallback_notes import CaptureNote
from callrec.domain.calls.ids import BridgeId, CallId, CaptureId, LegId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Direction, Waiting, WaitingKind
from callrec.domain.calls.session import State
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Context, ContextKind, Place, Tables
from callrec.domain.library.captures import FileClosed
from callrec.domain.library.file_names import CaptureFile, FallbackFile, Side, fallback_file
from callrec.domain.library.missed_conversations import MissedConversation
from callrec.domain.rules import PlaceKind, Rule
from callrec.domain.vocabulary import Outcome
from callrec.protocols.ami import Message
from callrec_lab.simulated_asterisk import ALICE, EPOCH_S, TABLES, away, event, virtual


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# -- what had been journaled -------------------------------------------------------------------------------------------


@virtual
async def test_what_had_ended_goes_to_intake_without_asterisk(house: House) -> None:
    resync = await house.journaled(Entry(Step.ENDED, old()))
    resync.begin()
    assert [recording.id for recording in house.stage.handed] == ["old-1"]
    async with house.running():
        await resync.link_up()
    assert len(house.stage.handed) == 1


@virtual
async def test_a_take_whose_recorder_works_goes_on_and_a_press_stops_it(house: House) -> None:
    resync = await house.journaled(Entry(Step.OPENED, old()))
    house.talk()
    house.stage.asterisk.goes_on(OLD)
    async with house.running() as call_router:
        resync.begin()
        await resync.link_up()
        await house.stage.passes(0.1)
        assert house.sessions() == [("old-1", State.OPENED)]
        assert (resync.is_resynced, house.mirrored) == (True, 1)
        house.stage.asterisk.grow(OLD.id)
        await house.stage.passes(1)
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
    assert [recording.id for recording in house.stage.handed] == ["old-1"]
    assert house.stage.heard.alarms == []


@pytest.mark.parametrize("is_noted", [False, True])
@virtual
async def test_who_made_a_call_with_a_click_has_made_it_for_the_next_daemon_too(
    house: House, *, is_noted: bool
) -> None:
    """Its first channel, a Local one, is gone, and Asterisk dialled both phones: only the note tells. Both were taken for called,
    so that a rule for calls received stopped a recording, or none began."""
    resync = await house.journaled()
    house.stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid="0.9", BridgeId="b1")
        for leg, name in ((LEG, "alice"), (OTHER, "bob"))
    ]
    house.stage.asterisk.made = {LEG} if is_noted else set()
    async with house.running() as call_router:
        await resync.link_up()
        await house.stage.passes(0.1)
        (session,) = call_router.live()
    assert [leg.direction for leg in session.legs.values()] == [
        Direction.OUT if is_noted else Direction.IN,
        Direction.IN,
    ]


@pytest.mark.parametrize("place", ["", "2050@from-extern"])
@virtual
async def test_the_rule_of_a_place_outlasts_a_daemon(house: House, place: str) -> None:
    """*Never* of a context: the next daemon begins no recording in the middle of such a call. As long as Asterisk does not say
    where it came in, none begins either."""
    contexts = (Context("from-extern", ContextKind.INCALL, record=Rule.NEVER),)
    house.stage.directory = Directory(replace(TABLES, contexts=contexts))
    resync = await house.journaled()
    house.stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid=LEG, BridgeId="b1", Context="macro-dial", Exten="s")
        for leg, name in ((LEG, "trunk"), (OTHER, "ever"))
    ]
    house.stage.asterisk.places = {LEG: place} if place else {}
    house.stage.asterisk.faults["place_on"] = away()
    async with house.running() as call_router:
        coming_home = asyncio.create_task(resync.link_up())
        await house.stage.passes(2 * RETRY_S)
        assert [session.recording for session in call_router.live()] == []
        house.stage.asterisk.faults.clear()
        await house.stage.passes(2 * RETRY_S)
        await coming_home
        (session,) = call_router.live()
    assert bool(session.recording) is not bool(place)


@pytest.mark.parametrize(
    ("came_in", "is_recorded", "is_unknown"),
    [
        ("2050@from-extern", False, False),
        ("@from-extern", False, False),
        ("2050@other", True, False),
        (None, True, True),
    ],
)
@virtual
async def test_the_rule_of_a_place_holds_for_a_call_that_came_in_without_a_daemon(
    house: House, came_in: str | None, is_recorded: bool, is_unknown: bool
) -> None:
    """Asterisk knows what was dialled, and the trunk's context. Where it does not, the entry of a recording by a user's rule says
    so."""
    contexts = (Context("from-extern", ContextKind.INCALL, record=Rule.NEVER),)
    house.stage.directory = Directory(replace(TABLES, contexts=contexts))
    resync = await house.journaled()
    house.stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid=LEG, BridgeId="b1", Context="macro-dial", Exten="s")
        for leg, name in ((LEG, "trunk"), (OTHER, "ever"))
    ]
    house.stage.asterisk.came_in = {LEG: came_in, OTHER: None}
    async with house.running() as call_router:
        await resync.link_up()
        await house.stage.passes(1)
        (session,) = call_router.live()
        assert bool(session.recording) is is_recorded
        for leg, name in ((OTHER, "ever"), (LEG, "trunk")):
            call_router.asterisk(event("Hangup", leg, name, linkedid=LEG))
        await house.stage.passes(10)
    assert [one.is_place_unknown for one in house.stage.handed] == [is_unknown] * is_recorded


@virtual
async def test_asterisk_is_not_asked_where_calls_came_in_while_no_number_has_a_rule(house: House) -> None:
    resync = await house.journaled()
    house.stage.asterisk.legs = [event("CoreShowChannel", LEG, "trunk", BridgeId="b1")]
    house.stage.asterisk.faults["came_in_at"] = away()
    async with house.running() as call_router:
        await resync.link_up()
        assert len(call_router.live()) == 1


@virtual
async def test_the_rule_of_a_queue_holds_for_a_call_that_came_in_without_a_daemon(house: House) -> None:
    """The list of channels says what the caller runs. So it is with a call whose agent answered meanwhile."""
    house.stage.directory = Directory(replace(TABLES, places=(Place(PlaceKind.QUEUE, "support", Rule.NEVER),)))
    house.stage.asterisk.applications = {LEG: ("Queue", "support,c")}
    resync = await house.journaled()
    more = {"Application": "Queue", "ApplicationData": "support,c"}
    house.stage.asterisk.legs = [
        event("CoreShowChannel", LEG, "trunk", BridgeId="b1", **more),
        event("CoreShowChannel", OTHER, "ever", linkedid=LEG, BridgeId="b1", Application="AppQueue"),
    ]
    async with house.running() as call_router:
        await resync.link_up()
        await house.stage.passes(1)
        (session,) = call_router.live()
    assert session.recording is None
    assert [leg.at.origin for leg in session.legs.values() if leg.at] == ["queue:support"]


@pytest.mark.parametrize("noted", ["", "support"])
@virtual
async def test_the_rule_of_a_queue_outlasts_a_transfer_and_a_daemon(house: House, noted: str) -> None:
    """The caller runs the queue no more: the note on their leg tells. While Asterisk cannot be asked for it, nothing begins."""
    house.stage.directory = Directory(replace(TABLES, places=(Place(PlaceKind.QUEUE, "support", Rule.NEVER),)))
    resync = await house.journaled()
    house.stage.asterisk.legs = [
        event("CoreShowChannel", LEG, "trunk", BridgeId="b1", Application="Dial", ApplicationData="PJSIP/ever"),
        event("CoreShowChannel", OTHER, "ever", linkedid=LEG, BridgeId="b1", Application="AppDial"),
    ]
    house.stage.asterisk.applications = {LEG: ("Dial", "PJSIP/ever"), OTHER: ("AppDial", "")}
    house.stage.asterisk.queues = {LEG: noted} if noted else {}
    house.stage.asterisk.faults["queue_on"] = away()
    async with house.running() as call_router:
        coming_home = asyncio.create_task(resync.link_up())
        await house.stage.passes(2 * RETRY_S)
        assert [session.recording for session in call_router.live()] == []
        house.stage.asterisk.faults.clear()
        await house.stage.passes(2 * RETRY_S)
        await coming_home
        (session,) = call_router.live()
    assert bool(session.recording) is not bool(noted)


@pytest.mark.parametrize("noted", ["", "0x2"], ids=["stopped", "another's"])
@virtual
async def test_a_take_that_a_press_stopped_without_us_is_ended_and_not_begun_again(house: House, noted: str) -> None:
    resync = await house.journaled(Entry(Step.OPENED, old()))
    house.talk()
    house.stage.asterisk.goes_on(OLD)
    house.stage.asterisk.recorders[LEG] = noted
    async with house.running():
        await resync.link_up()
        await house.stage.passes(20)
        assert house.sessions() == [("", State.IDLE)]
    assert [(one.id, one.to_s) for one in house.stage.handed] == [("old-1", EPOCH_S - 59)]
    assert house.stage.journal.steps("old-1") == ["opened", "ended"]


@virtual
async def test_a_leg_that_is_gone_is_ended_also_when_the_journal_is_full(house: House) -> None:
    """Intake has it all the same; the alarm tells."""
    resync = await house.journaled(Entry(Step.OPENED, old()))
    house.stage.journal.fault = away("disk")
    async with house.running():
        await resync.link_up()
    assert [one.id for one in house.stage.handed] == ["old-1"]
    assert house.stage.heard.alarms == ["journal: disk"]


@virtual
async def test_when_nobody_can_say_what_records_the_journal_is_believed(house: House) -> None:
    resync = await house.journaled(Entry(Step.OPENED, old()))
    house.talk()
    house.stage.asterisk.goes_on(OLD)
    house.stage.asterisk.faults["recorder_on"] = away("ami-outcome-unknown")
    async with house.running():
        await resync.link_up()
        assert house.sessions() == [("old-1", State.OPENED)]
    assert house.stage.heard.alarms == ["recorder: ami-outcome-unknown"]


# -- links that break --------------------------------------------------------------------------------------------------


@virtual
async def test_a_listing_that_fails_is_asked_for_again_and_news_flow_meanwhile(house: House) -> None:
    house.stage.asterisk.faults["channels"] = away("ami-outcome-unknown")
    async with house.running() as call_router:
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(3.5 * RETRY_S)
        assert not house.resync.is_resynced
        house.stage.call()
        await house.stage.passes(0.1)
        assert len(call_router.live()) == 1
        house.talk()
        house.stage.asterisk.faults.clear()
        await coming
        assert house.resync.is_resynced
    assert set(house.stage.heard.alarms) == {"resync: ami-outcome-unknown"}


@virtual
async def test_what_a_lost_link_interrupts_goes_on_at_the_next_one(house: House) -> None:
    """Three recordings are to be ended; the link is lost at the first one's journal entry."""
    entries = [Entry(Step.OPENED, replace(old(), id=RecordingId(f"old-{nth}"))) for nth in (1, 2, 3)]
    resync = await house.journaled(*entries)
    house.stage.journal.delay_s = 10
    async with house.running():
        coming = asyncio.create_task(resync.link_up())
        await house.stage.passes(1)
        coming.cancel()
        resync.link_down()
        await asyncio.wait([coming])
        assert house.stage.handed == []
        await resync.link_up()
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
    async with house.running() as call_router:
        for uptime in uptimes[:-1]:
            house.resync.booted(Message((("Event", "FullyBooted"), ("Uptime", uptime))))
            await house.resync.link_up()
            house.resync.link_down()
            await house.stage.passes(10)
        house.stage.call()
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STARTED
        house.resync.booted(Message((("Event", "FullyBooted"), ("Uptime", uptimes[-1]))))
        await house.resync.link_up()
        await house.stage.passes(10)
    assert [capture.cause for one in house.stage.handed for capture in one.captures] == [
        "asterisk-died" if died else ""
    ]


@virtual
async def test_without_tables_we_go_on_and_compare_again_with_them(house: House) -> None:
    """What the dialplan captures is left to it until we know whose phone it is."""
    house.has_tables = False
    house.talk()
    house.stage.asterisk.fallback(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(3.5 * TABLES_S)
        assert house.resync.is_resynced
        assert house.sessions() == [("", State.IDLE)]
        assert len(house.stage.spool.fallback()) == 2
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
    house.stage.asterisk.fallback(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running() as call_router:
        await house.resync.link_up()
        await house.stage.passes(0.1)
        house.stage.asterisk.running[CaptureId(f"d{NOW}x1x1-1-1")] = "0x7"
        house.stage.asterisk.grow(f"d{NOW}x1x1-1-1")
        await house.stage.passes(1)
        assert house.sessions() == [(f"d{NOW}x1x1-1", State.RECORDING)]
        assert await call_router.press(LEG, ALICE, 8000) is Outcome.STOPPED
    (handed,) = house.stage.handed
    assert (handed.rule, handed.from_s, [party.number for party in handed.parties]) == (
        Rule.ON_DEMAND,
        NOW + 1.0,  # the name of the file tells whole seconds: it began no later than that
        ["1001", "1002"],
    )


@pytest.mark.parametrize("is_over", [True, False], ids=["over", "going on"])
@virtual
async def test_a_call_that_the_dialplan_recorded_while_events_were_held_has_one_entry(
    house: House, *, is_over: bool
) -> None:
    """The tables come late, and a flagged user's call begins meanwhile. The held events began a second recording of it: on a leg
    that was gone, so that it was called failed, or beside the dialplan's recorder."""
    house.has_tables = False
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(1)
        house.stage.call("ever", "bob")
        house.stage.asterisk.fallback(POLICY.replace("alice", "ever"), 2)
        if is_over:
            house.stage.hang_up()
        house.has_tables = True
        await coming
        await house.stage.passes(20)
        if not is_over:
            house.stage.hang_up()
            house.close_fallback(POLICY.replace("alice", "ever"))
            await house.stage.passes(20)
    assert [(one.id, one.cause) for one in house.stage.handed] == [(f"d{NOW}x1x1-1", "")]


def _missed(from_s: float = NOW + 0.5, to_s: float = NOW + 2.0) -> MissedConversation:
    """A conversation of two, as the dialplan notes it on the called leg."""
    file = fallback_file(f"degraded-always-ever-1.2-{int(from_s)}.read.sln")
    assert file
    return MissedConversation(file, CaptureNote("bob", "1002"), "1.1", from_s, to_s)


@virtual
async def test_a_conversation_that_nothing_recorded_has_an_entry(house: House) -> None:
    """The daemon had died a moment before. The tables say who it was, so it waits for them."""
    house.notes.conversations = [_missed()]
    house.has_tables = False
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(2 * TABLES_S)
        assert house.stage.handed == []
        house.has_tables = True
        await coming
    (found,) = house.stage.handed
    assert (found.rule, found.cause, found.captures) == (Rule.ALWAYS, "daemon-away", ())
    assert (found.from_s, found.to_s, found.linkedid) == (NOW + 0.5, NOW + 2.0, "1.1")
    assert [party.number for party in found.parties] == ["1003", "1002"]
    assert house.notes.conversations == []
    assert house.stage.journal.steps(found.id) == ["ended"]


@virtual
async def test_a_conversation_in_which_the_clock_was_set_back_has_an_entry(house: House) -> None:
    """How long it lasted is not known. It counts from its end, which the clock of now has told."""
    house.notes.conversations = [_missed(EPOCH_S + 3600.0, NOW + 2.0)]
    async with house.running():
        await house.resync.link_up()
    (found,) = house.stage.handed
    assert (found.cause, found.from_s, found.to_s) == ("daemon-away", NOW + 2.0, NOW + 2.0)
    assert house.notes.conversations == []


@virtual
async def test_no_file_of_others_keeps_an_entry_waiting(house: House) -> None:
    """The mark is valid again: a daemon that died meanwhile would leave a note that the next one takes for older."""
    house.notes.conversations = [_missed()]
    house.stage.asterisk.goes_on(OLD)
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(1)
        assert [one.cause for one in house.stage.handed] == ["daemon-away"]
        await coming


@pytest.mark.parametrize("known", ["older", "newer", "begun", "finished", "recorded", "going on"])
@virtual
async def test_of_a_conversation_that_the_daemon_knows_the_note_is_dropped(house: House, known: str) -> None:
    house.notes.conversations = [_missed(NOW - 9.0, NOW + 2.0)]
    if known == "older":
        house.events_missed_since_s = NOW - 8.0
        house.begin()
    if known == "newer":
        house.notes.conversations = [_missed(EPOCH_S + 1.0, EPOCH_S + 2.0)]
    if known == "begun":
        await house.journaled(Entry(Step.INTENT, old()))
        house.notes.conversations = [_missed(EPOCH_S - 60.5, EPOCH_S - 59)]
    if known == "finished":
        house.finished = (replace(old(), to_s=EPOCH_S - 58.0),)
        house.begin()
        house.notes.conversations = [_missed(EPOCH_S - 60.5, EPOCH_S - 58.0)]
    if known == "recorded":
        await house.journaled(Entry(Step.OPENED, old()))
        house.stage.asterisk.goes_on(OLD)
        house.talk()
    if known == "going on":
        house.talk()
        house.notes.conversations = [_missed(NOW, EPOCH_S + 1.0)]
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
    assert [one.cause for one in house.stage.handed if one.cause == "daemon-away"] == []
    assert house.notes.conversations == []


@virtual
async def test_a_note_is_kept_until_the_journal_has_it(house: House) -> None:
    house.notes.conversations = [_missed()]
    house.stage.journal.fault = away("disk")
    async with house.running():
        await house.resync.link_up()
        assert house.notes.conversations == [_missed()]
        house.stage.journal.fault = None
        house.resync.link_down()
        await house.resync.link_up()
    assert [one.cause for one in house.stage.handed] == ["daemon-away"]
    assert house.notes.conversations == []


@virtual
async def test_a_call_that_rang_when_the_link_was_lost_has_one_entry(house: House) -> None:
    """It was answered and over before the link was back. The dialplan knows more of it."""
    async with house.running():
        await house.resync.link_up()
        for leg, name in ((LEG, "ever"), (OTHER, "bob")):
            house.stage.call_router.asterisk(event("Newchannel", leg, name, linkedid=LEG))
        await house.stage.passes(1)
        house.resync.link_down()
        now_s = house.stage.clock.now().utc_s
        house.notes.conversations = [_missed(now_s, now_s + 1.0)]
        await house.stage.passes(5)
        await house.resync.link_up()
        await house.stage.passes(10)
    assert [one.cause for one in house.stage.handed] == ["daemon-away"]


@virtual
async def test_a_call_of_held_events_that_nothing_recorded_is_told(house: House) -> None:
    """The dialplan had no flag of this user yet: one entry says what is missing."""
    house.has_tables = False
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(1)
        house.stage.call("ever", "bob")
        house.stage.hang_up()
        house.has_tables = True
        await coming
        await house.stage.passes(20)
    assert [(one.call, one.rule) for one in house.stage.handed] == [("c1", Rule.ALWAYS)]


@virtual
async def test_what_the_dialplan_records_while_the_store_is_away_is_recorded_once(house: House) -> None:
    """The users are known from before. The call got a second recorder, whose id replaced that of the dialplan's on the leg, so
    that both ran to its end."""
    house.has_tables = False
    house.talk("ever")
    house.stage.asterisk.fallback(POLICY)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(3.5 * TABLES_S)
        assert house.sessions() == [("", State.IDLE)]
        house.has_tables = True
        await coming
        await house.stage.passes(0.1)
        assert house.sessions() == [(f"d{NOW}x1x1-1", State.OPENED)]


@virtual
async def test_a_conversation_of_which_the_tables_tell_late_lacks_what_was_before(house: House) -> None:
    """It was answered while the daemon was dead. 75 s were missing, and it was *sound*, of nobody."""
    house.has_tables = False
    house.stage.directory = Directory(Tables())
    house.talk("ever")
    house.stage.asterisk.legs = [
        Message((*leg.headers, ("Duration", duration)))
        for leg, duration in zip(house.stage.asterisk.legs, ("00:01:00", "00:00:54"), strict=True)
    ]
    await house.stage.passes(60)
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(3.5 * TABLES_S)
        assert house.sessions() == [("", State.IDLE)]
        house.stage.directory, house.has_tables = Directory(TABLES), True
        await coming
        await house.stage.passes(0.1)
        (session,) = house.stage.call_router.live()
        assert session.recording is not None
        assert session.recording.from_s == EPOCH_S + TABLES_S + 60 - 55
        assert [party.user for party in session.recording.parties] == ["3", "2"]


@pytest.mark.parametrize("is_resynced", [True, False], ids=["compared", "being compared"])
@virtual
async def test_a_recorder_that_the_dialplan_begins_as_we_come_home_is_the_only_one(
    house: House, *, is_resynced: bool
) -> None:
    """The hook was answered *unavailable* a moment before the end of the comparison."""
    stem = f"always-ever-1.1-{NOW + 30}"
    async with house.running() as call_router:
        if is_resynced:
            await house.resync.link_up()
            call_router.asterisk(event("Newchannel", LEG, "ever"))
            house.dialplan_begins(stem)
        else:
            house.has_tables = False
            coming = asyncio.create_task(house.resync.link_up())
            await house.stage.passes(1)
            house.dialplan_begins(stem)
            house.has_tables = True
            await coming
        await house.stage.passes(1)
        house.stage.call("ever", "bob")
        await house.stage.passes(5)
        assert house.sessions() == [("", State.IDLE)]
        house.stage.asterisk.fallback(stem, 5)
        house.stage.hang_up()
        house.close_fallback(stem)
        await house.stage.passes(30)
    assert [one.call for one in house.stage.handed] == [f"d{NOW + 30}x1x1"]


@virtual
async def test_what_a_look_at_the_spool_tells_as_new_is_not(house: House) -> None:
    """The kernel has dropped events: each file that exists is told as created, also one of a former talk of the leg."""
    async with house.running():
        await house.resync.link_up()
        house.dialplan_begins(POLICY)
        house.stage.call("ever", "bob")
        await house.stage.passes(5)
        assert house.sessions() == [("c1-1", State.OPENED)]


@virtual
async def test_a_recorder_of_the_dialplan_that_is_ended_leaves_the_call_to_us(house: House) -> None:
    """This process stood still: it hears of the recorder before it notices that, and ends it then, since the call rings yet."""
    stem = f"always-ever-1.1-{NOW + 30}"
    async with house.running() as call_router:
        await house.resync.link_up()
        house.dialplan_begins(stem)
        house.resync.link_down()
        house.talk("ever", bridge="")
        await house.resync.link_up()
        await house.stage.passes(1)
        assert house.stage.asterisk.recorders[LEG] == ""
        for leg, name in ((LEG, "ever"), (OTHER, "bob")):
            call_router.asterisk(event("BridgeEnter", leg, name, linkedid="1.1", BridgeUniqueid="b1"))
        await house.stage.passes(1)
        assert house.sessions() == [("c1-1", State.OPENED)]


@pytest.mark.parametrize(
    ("seconds", "uptime", "cause"),
    [(2, "10", "asterisk-died"), (1.9, "10", ""), (2, "100", "")],
    ids=["cut off", "closed in order", "the same Asterisk"],
)
@virtual
async def test_what_a_death_of_asterisk_took_from_the_dialplans_capture_is_told(
    house: House, seconds: float, uptime: str, cause: str
) -> None:
    """It was *sound*, though Asterisk had not written its last two seconds yet."""
    for side in Side:
        path = house.stage.asterisk.folder / f"degraded-{POLICY}.{side.value}.sln"
        path.write_bytes(bytes(round(seconds * 2 * 16384) & ~1))
    house.resync.booted(Message((("Event", "FullyBooted"), ("Uptime", uptime))))
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
    assert [capture.cause for one in house.stage.handed for capture in one.captures] == [cause]


@virtual
async def test_of_several_captures_on_a_leg_the_last_goes_on_and_the_others_have_ended(house: House) -> None:
    house.talk()
    house.stage.asterisk.fallback(f"on_demand-alice-1.1-{NOW - 10}")
    house.stage.asterisk.fallback(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert [recording for recording, _ in house.sessions()] == [f"d{NOW}x1x1-1"]
    assert [one.id for one in house.stage.handed] == [f"d{NOW - 10}x1x1-1"]


@virtual
async def test_what_ended_while_we_were_away_is_taken_in_with_rule_and_user(house: House) -> None:
    """The legs are gone, or live and carry no recorder."""
    house.talk()
    house.stage.asterisk.fallback(f"always-ever-7.1-{NOW}", 2)
    house.stage.asterisk.fallback(PRESS)
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(0.1)
    found = {one.id: one for one in house.stage.handed}
    policy, press = found[f"d{NOW}x7x1-1"], found[f"d{NOW}x1x1-1"]
    assert (policy.rule, policy.actor.user, policy.to_s) == (Rule.ALWAYS, "3", NOW + 2)
    assert (press.rule, press.actor.user) == (Rule.ON_DEMAND, "1")
    assert house.stage.journal.steps(press.id) == ["intent", "ended"]
    assert house.stage.spool.fallback() == []


@virtual
async def test_a_call_that_rings_is_ours_from_the_answer_on(house: House) -> None:
    """The dialplan's recorder waits for the answer with empty files: it is ended, and no entry is made of it."""
    house.talk(bridge="")
    house.stage.asterisk.fallback(POLICY, 0)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(10)
        assert house.sessions() == [("", State.IDLE)]
    assert house.stage.asterisk.recorders[LEG] == ""
    assert list(house.stage.spool.captured_files()) == house.stage.handed == house.stage.journal.live() == []


@virtual
async def test_what_was_said_before_the_call_rang_again_is_kept(house: House) -> None:
    """In no bridge now, but it was: the recorder is ended, its sound is a recording."""
    house.talk(bridge="")
    house.stage.asterisk.fallback(POLICY, 2)
    house.stage.asterisk.recorders[LEG] = "0x7"
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
    assert [(one.id, one.cause) for one in house.stage.handed] == [(f"d{NOW}x1x1-1", "")]


@virtual
async def test_a_recorder_that_cannot_be_ended_is_adopted_instead(house: House) -> None:
    house.talk(bridge="")
    house.stage.asterisk.fallback(POLICY, 0)
    house.stage.asterisk.recorders[LEG] = "0x7"
    house.stage.asterisk.faults["stop"] = away("ami-outcome-unknown")
    async with house.running():
        await house.resync.link_up()
        assert house.sessions() == [(f"d{NOW}x1x1-1", State.OPENED)]
    assert house.stage.heard.alarms == ["degraded: ami-outcome-unknown"]


@virtual
async def test_a_capture_beside_our_own_take_is_left_until_it_closes(house: House) -> None:
    house.talk()
    async with house.running() as call_router:
        house.stage.call()
        await call_router.press(LEG, ALICE, 8000)
        house.stage.asterisk.fallback(PRESS)
        await house.resync.link_up()
        await house.stage.passes(0.1)
        assert house.sessions() == [("c1-1", State.OPENED)]
        assert len(house.stage.spool.fallback()) == 2
        house.close_fallback(PRESS)
        await house.stage.passes(0.1)
    assert [one.id for one in house.stage.handed] == [f"d{NOW}x1x1-1"]


@virtual
async def test_a_capture_whose_recorder_nobody_can_tell_is_left_until_it_closes(house: House) -> None:
    house.talk()
    house.stage.asterisk.fallback(PRESS)
    house.stage.asterisk.faults["recorder_on"] = away()
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
        assert len(house.stage.spool.fallback()) == 2
        house.close_fallback(PRESS)
        await house.stage.passes(1)
    assert len(house.stage.handed) == 1


@virtual
async def test_a_capture_that_closes_is_taken_in_as_soon_as_disk_and_tables_allow(house: House) -> None:
    """One side is not enough; a full journal and late tables cost time."""
    house.stage.asterisk.fallback(PRESS)
    house.has_tables = False
    house.stage.journal.fault = away("disk")
    async with house.running():
        house.close_fallback(PRESS)
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
    house.stage.asterisk.fallback(PRESS)
    house.stage.asterisk.recorders[LEG] = "0x7"
    house.stage.journal.fault = away("disk")
    async with house.running():
        await house.resync.link_up()
        await house.stage.passes(1)
        assert house.sessions() == [("", State.IDLE)]
        assert len(house.stage.spool.fallback()) == 2
    assert house.stage.heard.alarms == ["degraded: disk"]


@virtual
async def test_a_daemon_that_died_while_it_gave_the_names_is_made_up_for(house: House) -> None:
    """The intent is journaled, one side has its name: the other gets it before the recording is ended."""
    house.stage.asterisk.fallback(PRESS, 2)
    file = house.stage.spool.fallback()[0]
    capture = replace(OLD, id=CaptureId(f"d{NOW}x1x1-1-1"), mixmonitor="")
    resync = await house.journaled(
        Entry(Step.INTENT, replace(old(capture=capture), id=RecordingId(f"d{NOW}x1x1-1"))), Entry(Step.OPENED, old())
    )
    house.stage.asterisk.fallback(f"on_demand-bob-8.1-{NOW}")
    (house.stage.asterisk.folder / file.name).rename(
        house.stage.asterisk.folder / CaptureFile(capture.id, file.side, 8000).name
    )
    async with house.running():
        await resync.link_up()
        await house.stage.passes(1)
        captured_files = {capture_files.capture: capture_files for capture_files in house.stage.spool.captured_files()}
    assert captured_files[capture.id].read_bytes == captured_files[capture.id].write_bytes
    assert {one.id for one in house.stage.handed} == {f"d{NOW}x1x1-1", "old-1", f"d{NOW}x8x1-1"}


@virtual
async def test_a_name_that_cannot_be_given_is_an_alarm(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_file: FallbackFile, _take: CaptureId) -> None:
        raise away("disk")

    house.stage.asterisk.fallback(PRESS)
    capture = replace(OLD, id=CaptureId(f"d{NOW}x1x1-1-1"))
    resync = await house.journaled(Entry(Step.INTENT, replace(old(capture=capture), id=RecordingId(f"d{NOW}x1x1-1"))))
    monkeypatch.setattr(house.stage.spool, "adopt", refused)
    async with house.running():
        await resync.link_up()
    assert "degraded: disk" in house.stage.heard.alarms


# -- the spool's news --------------------------------------------------------------------------------------------------


@virtual
async def test_a_spool_that_cannot_be_read_is_an_alarm_and_is_looked_at_again(house: House) -> None:
    house.stage.asterisk.goes_on(replace(OLD, leg=LegId("8.1")))
    house.stage.spool.fault = away("disk")
    async with house.running():
        await house.resync.link_up()
        assert house.resync.is_resynced
        assert house.stage.handed == []
        house.stage.spool.fault = None
        house.resync.link_down()
        await house.resync.link_up()
    assert [one.cause for one in house.stage.handed] == ["journal-lost"]
    assert set(house.stage.heard.alarms) == {"degraded: disk", "orphans: disk"}


@virtual
async def test_orphans_are_what_neither_journal_nor_calls_know(house: House) -> None:
    """Those of a live call, journaled or not, and those that wait for intake are left alone."""
    waiting = replace(OLD, id=CaptureId("wait-1-1"), leg=LegId("8.1"))
    resync = await house.journaled(
        Entry(Step.ENDED, replace(old(capture=waiting), id=RecordingId("wait-1"), call=CallId("wait")))
    )
    resync.begin()
    house.talk()
    for capture in (waiting, replace(OLD, id=CaptureId("lost-1-1"), leg=LegId("8.2"))):
        house.stage.asterisk.goes_on(capture)
    house.stage.journal.fault = away("disk")
    async with house.running() as call_router:
        house.stage.call()
        await call_router.press(LEG, ALICE, 8000)
        await resync.link_up()
    assert [one.id for one in house.stage.handed] == ["wait-1", "lost-1001"]


@virtual
async def test_what_nobody_knows_is_left_while_it_grows(house: House) -> None:
    """A recorder writes to it, on a leg that could not say so: the half of it would be stored, and the rest be lost."""
    capture = replace(OLD, id=CaptureId("lost-1-1"), leg=LegId("8.1"))
    house.stage.asterisk.goes_on(capture)
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(LATER_S / 2)
        house.stage.asterisk.grow(capture.id)
        await coming
        await house.stage.passes(3 * LATER_S)
        assert house.stage.handed == []
        house.stage.asterisk.close(capture.id)
        await house.stage.passes(1.5 * LATER_S)
    assert [(one.id, (one.captures[0].to_s or 0) - one.captures[0].from_s) for one in house.stage.handed] == [
        ("lost-1001", 2)
    ]


@virtual
async def test_a_link_that_is_lost_while_we_look_whether_it_grows_costs_nothing(house: House) -> None:
    house.stage.asterisk.goes_on(replace(OLD, id=CaptureId("lost-1-1"), leg=LegId("8.1")))
    async with house.running():
        coming = asyncio.create_task(house.resync.link_up())
        await house.stage.passes(LATER_S / 2)
        coming.cancel()
        house.resync.link_down()
        await asyncio.wait([coming])
        await house.resync.link_up()
    assert [one.id for one in house.stage.handed] == ["lost-1001"]


@virtual
async def test_a_file_that_closes_and_that_nobody_waits_for_is_taken_in_a_little_later(house: House) -> None:
    """By then intake has dropped most of them. Several at once are one look; before the first look they wait for it."""
    orphan = replace(OLD, id=CaptureId("late-1-1"), leg=LegId("8.1"))
    async with house.running():
        house.spool_router.event(FileClosed(CaptureFile(orphan.id, Side.READ, 8000)))
        await house.resync.link_up()
        house.stage.asterisk.goes_on(orphan)
        house.stage.asterisk.close(orphan.id)
        await house.stage.passes(LATER_S - 0.1)
        assert house.stage.handed == []
        await house.stage.passes(0.2)
    assert [one.id for one in house.stage.handed] == ["late-1001"]


@pytest.mark.parametrize(
    ("made_ago_s", "duration", "began_ago_s"), [(11.25, "00:00:14", 11.25), (None, "00:00:14", 15)]
)
@virtual
async def test_a_call_that_was_answered_while_the_link_was_down_is_due_from_its_answer_on(
    house: House, made_ago_s: float | None, duration: str, began_ago_s: float
) -> None:
    """11.3 s were missing at its beginning, and it was *sound*. Where nobody tells of its bridge, at most since its leg came.
    Events of others that come before the comparison say nothing of it."""
    stage = house.stage
    async with house.running() as call_router:
        await house.resync.link_up()
    await asyncio.sleep(75)
    house.resync.link_down()
    await asyncio.sleep(25)
    stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid="1.1", BridgeId="b1", Duration=duration)
        for leg, name in ((LEG, "ever"), (OTHER, "bob"))
    ]
    if made_ago_s is not None:
        stage.asterisk.bridges_made_s = {BridgeId("b1"): stage.clock.now().utc_s - made_ago_s}
    async with house.running() as call_router:
        call_router.asterisk(Message((("Event", "Newchannel"), ("Uniqueid", "7.7"), ("Channel", "Local/x@y-1;1"))))
        await house.resync.link_up()
        await stage.passes(0.1)
        (session,) = call_router.live()
        assert session.recording is not None
        now_s = stage.clock.now().utc_s
        assert session.recording.from_s == pytest.approx(now_s - began_ago_s, abs=0.2)
        assert session.recording.captures[0].from_s == pytest.approx(now_s, abs=0.2)


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
    async with house.running() as call_router:
        await home.link_up()
        await stage.passes(0.1)
        (session,) = call_router.live()
        assert session.recording is not None
        assert session.recording.is_waiting is holds
        assert [one.kind for one in session.recording.waiting] == [WaitingKind.HOLD]


@virtual
async def test_a_new_daemon_reads_from_the_legs_who_has_opted_out(house: House) -> None:
    """Of legs from outside alone: a user cannot."""
    stage = house.stage
    stage.asterisk.legs = [
        event("CoreShowChannel", leg, name, linkedid="1.1", BridgeId="b1")
        for leg, name in ((LEG, "ever"), (OTHER, "trunk"))
    ]
    stage.asterisk.opted_out = {LEG, OTHER}
    async with house.running() as call_router:
        await house.resync.link_up()
        await stage.passes(4)
        (session,) = call_router.live()
        assert [leg.id for leg in session.legs.values() if leg.opted_out] == [OTHER]
        assert (session.state, session.recordings) == (State.IDLE, 0)
