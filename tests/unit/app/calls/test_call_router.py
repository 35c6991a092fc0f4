"""The switchboard: which call hears what, what a reconnect makes true again, and what has a bound; in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from callrec.adapters.disk.journal import DiskJournal
from callrec.app.calls import event_limits, event_stream
from callrec.app.calls.ami_events import PARKED
from callrec.app.calls.call_router import OUTCOME_S, CallRouter
from callrec.app.calls.legs.leg_arrivals import MAX_KEPT
from callrec.app.ports.calls import Journal
from callrec.domain.calls.captures.rtp_counts import RtpCount
from callrec.domain.calls.commands import Reply
from callrec.domain.calls.ids import CallId, CaptureId, LegId, NodeId, RecordingId
from callrec.domain.calls.journal import Entry, Step
from callrec.domain.calls.model import Actor, ActorKind, Capture, Direction, Recording, WaitingKind
from callrec.domain.calls.policy import Terms
from callrec.domain.calls.session import State
from callrec.domain.directory.directory import Directory
from callrec.domain.directory.model import Context, ContextKind
from callrec.domain.errors import Unavailable
from callrec.domain.rules import Rule
from callrec.domain.vocabulary import Outcome
from callrec.protocols.ami import Message
from callrec_lab.simulated_asterisk import ALICE, BOB, EPOCH_S, TABLES, Ids, MemoryJournal, Stage, event, virtual

LEG, OTHER = LegId("1.1"), LegId("1.2")
CAPTURE = CaptureId("c1-1-1")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def channel(leg: str, endpoint: str, *, linkedid: str = "1.1", bridge: str = "b1") -> Message:
    """One line of CoreShowChannels."""
    return event("CoreShowChannel", leg, endpoint, linkedid=linkedid, BridgeId=bridge)


TALK = (channel("1.1", "alice"), channel("1.2", "bob"))


def former(leg: LegId = LEG, *, mixmonitor: str = "0x9") -> Recording:
    """What another daemon began on Alice's leg, in her own call's words."""
    recording = RecordingId("old-1")
    capture = Capture(CaptureId("old-1-1"), leg, "PJSIP/alice-00000001", 8000, EPOCH_S - 60, mixmonitor=mixmonitor)
    actor = Actor(ActorKind.USER, ALICE.id, leg)
    return Recording(
        recording, CallId("old"), "0.9", NodeId("n"), Rule.ON_DEMAND, actor, EPOCH_S - 60, captures=(capture,)
    )


# -- who hears what ----------------------------------------------------------------------------------------------------


@virtual
async def test_legs_of_one_linkedid_are_one_call_and_it_is_forgotten_at_its_end(stage: Stage) -> None:
    async with stage.running() as call_router:
        stage.call()
        stage.call("ever", "bob", nth=2)
        await stage.passes(0.1)
        assert [sorted(session.legs) for session in call_router.live()] == [["1.1", "1.2"], ["2.1", "2.2"]]
        stage.hang_up(1)
        await stage.passes(10)
        assert [sorted(session.legs) for session in call_router.live()] == [["2.1", "2.2"]]


@virtual
async def test_news_of_strangers_legs_are_nobodys(stage: Stage) -> None:
    """Of a leg that was never seen, of Asterisk's own channels, and of no channel at all."""
    async with stage.running() as call_router:
        call_router.asterisk(event("Hangup", "9.9", "alice"))
        call_router.asterisk(event("BridgeLeave", "9.9", "alice", BridgeUniqueid="b"))
        call_router.asterisk(Message((("Event", "Newchannel"), ("Channel", "Snoop/1-1"), ("Uniqueid", "9.8"))))
        call_router.asterisk(Message((("Event", "FullyBooted"),)))
        call_router.dial_started(LegId("9.9"), ALICE, "1001")
        assert call_router.live() == []


@virtual
async def test_the_last_counts_of_a_leg_are_those_of_its_participant(stage: Stage) -> None:
    """The dialplan tells them before the hangup: nothing else knows what came behind the last question."""
    async with stage.running() as call_router:
        stage.asterisk.rtp_counts[LEG] = RtpCount(7, 100, 0, 1.0)
        stage.call()
        await call_router.press(LEG, ALICE, 8000)
        await stage.passes(5)
        assert stage.asterisk.tell_last == [LEG]
        counts = "themssrc=7;lp=1;rxcount=250;txjitter=0.002"
        last = {"UserEvent": "CallrecCounts", "Counts": counts, "Jitter": "maxrxjitter=0.01"}
        call_router.asterisk(event("UserEvent", LEG, "alice", linkedid="1.1", **last))
        stage.hang_up()
        await stage.passes(5)
    (recording,) = stage.handed
    assert recording.parties[0].quality is not None
    assert (recording.parties[0].quality.lost, recording.parties[0].quality.largest_delay_ms) == (1, 160.0)


@virtual
async def test_the_end_of_a_dial_is_told_by_its_destination_when_it_has_no_caller(stage: Stage) -> None:
    async with stage.running() as call_router:
        stage.call()
        call_router.asterisk(Message((("Event", "DialEnd"), ("DestUniqueid", "1.2"), ("DialStatus", "BUSY"))))
        await stage.passes(0.1)
        assert [session.dial_status for session in call_router.live()] == ["BUSY"]


@virtual
async def test_a_leg_that_comes_after_the_end_of_its_call_begins_another(stage: Stage) -> None:
    """A call that waits for its files takes nobody in any more."""
    async with stage.running() as call_router:
        stage.call()
        await call_router.press(LEG, ALICE, 8000)
        for leg, name in ((LEG, "alice"), (OTHER, "bob")):
            call_router.asterisk(event("Hangup", leg, name, linkedid="1.1"))
        await stage.passes(0.1)
        call_router.asterisk(event("Newchannel", "1.3", "ever", linkedid="1.1"))
        await stage.passes(0.1)
        assert [session.state for session in call_router.live()] == [State.CLOSED, State.IDLE]


@virtual
async def test_the_hook_before_dial_is_told_to_its_call(stage: Stage) -> None:
    async with stage.running() as call_router:
        call_router.asterisk(event("Newchannel", "1.1", "alice"))
        call_router.dial_started(LEG, BOB, "1002")
        await stage.passes(0.1)
        (session,) = call_router.live()
        assert [leg.user for leg in session.seen.values()] == [ALICE, BOB]


@virtual
async def test_what_the_dialplan_says_of_a_leg_before_the_manager_does_is_kept_for_it(stage: Stage) -> None:
    """Also when a listing tells of it; too many such words give way."""
    async with stage.running() as call_router:
        call_router.dial_started(LEG, BOB, "1002")
        call_router.feature_code_dialled(LegId("2.1"))
        for nth in range(MAX_KEPT - 1):
            call_router.dial_started(LegId(f"9.{nth}"), None, "")
        call_router.asterisk(event("Newchannel", "1.1", "alice"))
        listed = [event("CoreShowChannel", *leg, ChannelState="6") for leg in (("1.1", "alice"), ("2.1", "bob"))]
        call_router.resync(listed, [], asterisk_restarted=False)
        call_router.feature_code_dialled(LegId("2.1"))
        await stage.passes(0.1)
        early, late = call_router.live()
        assert [leg.user for leg in early.seen.values()] == [ALICE], "the oldest word gave way"
        assert (late.answered_legs, late.dialled_feature_code) == ({"2.1"}, {"2.1"})


@virtual
async def test_of_twenty_calls_whose_hook_was_faster_than_the_manager_each_has_an_entry(stage: Stage) -> None:
    async with stage.running() as call_router:
        for nth in range(20):
            call_router.dial_started(LegId(f"{nth}.1"), BOB, "1002")
            call_router.asterisk(event("Newchannel", f"{nth}.1", "ever"))
            call_router.asterisk(event("Hangup", f"{nth}.1", "ever", Cause="3"))
        await stage.passes(1)
        assert [one.cause for one in stage.handed] == ["unanswered: CHANUNAVAIL"] * 20


@virtual
async def test_who_picks_a_call_up_has_received_it(stage: Stage) -> None:
    """The dial is answered by the leg of the one who dialled `*8` (pickup.c: ast_do_pickup): rules for calls received."""
    async with stage.running() as call_router:
        call_router.asterisk(event("Newchannel", "1.1", "trunk", CallerIDNum="0611"))
        call_router.asterisk(event("Newchannel", "2.1", "alice", Exten="*81002"))
        answer = {"DestUniqueid": "2.1", "DestLinkedid": "2.1", "DialStatus": "ANSWER"}
        call_router.asterisk(event("DialEnd", "1.1", "trunk", **answer))
        await stage.passes(0.1)
        directions = [leg.direction for session in call_router.live() for leg in session.legs.values()]
        assert directions == [Direction.OUT, Direction.IN]


@virtual
async def test_a_leg_that_has_made_its_call_though_asterisk_dialled_it_carries_a_note_of_that(stage: Stage) -> None:
    """Originate Local/1002@default: nothing else tells a daemon that comes later."""
    async with stage.running() as call_router:
        for nth, leg in enumerate(("1.1", "1.2"), start=1):
            local = {"Channel": f"Local/1002@default-1;{nth}"}
            call_router.asterisk(event("Newchannel", leg, "", linkedid="1.1", **local))
        for leg, name, by, nth in (("1.3", "alice", "1.2", 2), ("1.4", "trunk", "1.1", 1)):
            call_router.asterisk(event("Newchannel", leg, name, linkedid="1.1"))
            dial = {"Channel": f"Local/1002@default-1;{nth}", "DestUniqueid": leg, "DestLinkedid": "1.1"}
            call_router.asterisk(event("DialBegin", by, "", linkedid="1.1", **dial))
        await stage.passes(0.1)
    assert stage.asterisk.made == {"1.3"}


@virtual
async def test_a_leg_carries_the_place_where_its_call_came_in_if_a_rule_hangs_there(stage: Stage) -> None:
    """The next daemon would not know: later events tell where the dialplan is."""
    contexts = (Context("from-extern", ContextKind.INCALL, record=Rule.NEVER),)
    stage.directory = Directory(replace(TABLES, contexts=contexts))
    async with stage.running() as call_router:
        for leg, context in (("1.1", "from-extern"), ("2.1", "default")):
            call_router.asterisk(event("Newchannel", leg, "trunk", Context=context, Exten="2050"))
        await stage.passes(0.1)
    assert stage.asterisk.places == {"1.1": "2050@from-extern"}


# -- presses -----------------------------------------------------------------------------------------------------------


@virtual
async def test_a_press_in_an_unknown_call_is_for_the_dialplan(stage: Stage) -> None:
    async with stage.running() as call_router:
        with pytest.raises(Unavailable) as refused:
            await call_router.press(LEG, ALICE, None)
    assert refused.value.code == "call-not-known"


@virtual
async def test_two_presses_at_once_have_their_own_answers(stage: Stage) -> None:
    async with stage.running() as call_router:
        stage.call()
        outcomes = await asyncio.gather(call_router.press(LEG, ALICE, 8000), call_router.press(OTHER, BOB, 8000))
        assert outcomes == [Outcome.STARTED, Outcome.ABSORBED]
        assert call_router._replies == {}


@virtual
async def test_a_press_that_nobody_answers_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect must not fill the table of waiting dialogues; a late answer to it is nobody's."""
    async with stage.running() as call_router:
        stage.call()
        await stage.passes(0.1)
        (actor,) = call_router._calls.values()
        monkeypatch.setattr(actor, "post", lambda _event: None)
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable) as refused:
            await call_router.press(LEG, ALICE, None)
        assert refused.value.code == "no-outcome"
        assert asyncio.get_running_loop().time() - began_s == pytest.approx(OUTCOME_S)
        call_router._reply(Reply("press-1", Outcome.STARTED))


# -- after a reconnect -------------------------------------------------------------------------------------------------


@virtual
async def test_news_wait_behind_the_listing_and_are_let_in_after_it(stage: Stage) -> None:
    """Old news that wait cannot undo what the listing says; newer ones count."""
    async with stage.running() as call_router:
        call_router.hold_events()
        stage.call("ever", "bob", nth=2)
        call_router.asterisk(event("Hangup", "1.2", "bob", linkedid="1.1"))
        assert call_router.live() == []
        call_router.resync(TALK, [], asterisk_restarted=False)
        await stage.passes(0.1)
        assert sorted(sorted(session.legs) for session in call_router.live()) == [["1.1"], ["2.1", "2.2"]]


@virtual
async def test_more_news_than_can_wait_are_counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest give way."""
    monkeypatch.setattr(event_stream, "MAX_HELD", 2)
    async with stage.running() as call_router:
        call_router.hold_events()
        for leg in ("1.1", "2.1", "3.1"):
            call_router.asterisk(event("Newchannel", leg, "alice"))
        call_router.release_events()
        await stage.passes(0.1)
        assert [sorted(session.legs) for session in call_router.live()] == [["2.1"], ["3.1"]]
    assert stage.heard.lost == ["held-back"]


@virtual
async def test_more_legs_than_any_pbx_has_are_an_alarm_and_not_followed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each had a call of its own, with its task and its mailbox. When some are gone, others are followed again."""
    monkeypatch.setattr(event_limits, "MOST_CALLS", 2)
    async with stage.running() as call_router:
        for leg in ("1.1", "2.1", "3.1", "4.1"):
            call_router.asterisk(event("Newchannel", leg, "alice"))
        call_router.asterisk(event("Newchannel", "2.1", "alice"))
        await stage.passes(0.1)
        assert [sorted(session.legs) for session in call_router.live()] == [["1.1"], ["2.1"]]
        assert (stage.heard.alarms, stage.heard.lost) == (["too-many-calls"], ["leg", "leg"])
        call_router.asterisk(event("Hangup", "1.1", "alice"))
        await stage.passes(5)
        call_router.asterisk(event("Newchannel", "5.1", "alice"))
        await stage.passes(0.1)
        assert [sorted(session.legs) for session in call_router.live()] == [["2.1"], ["5.1"]]


@virtual
async def test_names_that_asterisk_gives_to_nothing_are_not_kept(stage: Stage) -> None:
    """They may be as long as a manager's message."""
    async with stage.running() as call_router:
        call_router.asterisk(event("Newchannel", "1.1", "alice" + "x" * 300))
        call_router.asterisk(event("Newchannel", "9" * 300 + ".1", "alice"))
        call_router.resync([event("CoreShowChannel", "9" * 300 + ".1", "alice")], [], asterisk_restarted=False)
        await stage.passes(0.1)
        assert call_router.live() == []
    assert stage.heard.lost == ["leg"] * 3


@virtual
async def test_a_listing_makes_up_for_what_was_missed(stage: Stage) -> None:
    """A hangup, a new call with somebody flagged, a leg that is in no bridge any more."""
    async with stage.running() as call_router:
        stage.call()
        stage.call("alice", "ever", nth=2)
        await stage.passes(0.1)
        listing = (
            channel("2.1", "alice", linkedid="2.1", bridge=""),
            channel("2.2", "ever", linkedid="2.1", bridge="b2"),
            channel("3.1", "ever", linkedid="3.1", bridge="b3"),
            channel("3.2", "bob", linkedid="3.1", bridge="b3"),
            Message((("Event", "CoreShowChannel"), ("Channel", "CBAnn/1-1;1"), ("Uniqueid", "4.1"))),
        )
        call_router.resync(listing, [], asterisk_restarted=False)
        await stage.passes(0.1)
        assert [sorted(session.legs) for session in call_router.live()] == [["2.1", "2.2"], ["3.1", "3.2"]]
        assert list(stage.asterisk.running) == ["c2-1-1", "c3-1-1"]
        assert call_router.live()[0].conversations() == []


@virtual
async def test_who_was_parked_while_the_link_was_down_waits_parked(stage: Stage) -> None:
    """It was listed as a ringing: nothing told of the parking."""
    async with stage.running() as call_router:
        stage.call("alice", "ever")
        await stage.passes(0.1)
        parked = event("CoreShowChannel", "1.2", "ever", linkedid="1.1")
        call_router.resync([Message((*parked.headers, (PARKED, "1")))], [], asterisk_restarted=False)
        await stage.passes(0.1)
        ((recording,),) = [[session.recording] for session in call_router.live()]
        assert recording is not None
        assert [(wait.kind, wait.to_s) for wait in recording.waiting] == [(WaitingKind.PARKED, None)]


@virtual
async def test_asterisks_death_is_the_cause_of_what_it_took_with_it(stage: Stage) -> None:
    """A restarted Asterisk has none of our legs."""
    async with stage.running() as call_router:
        stage.call()
        await call_router.press(LEG, ALICE, 8000)
        stage.asterisk.grow(CAPTURE)
        stage.asterisk.close(CAPTURE)
        call_router.resync((), [], asterisk_restarted=True)
        await stage.passes(10)
        assert call_router.live() == []
    assert [capture.cause for handed in stage.handed for capture in handed.captures] == ["asterisk-died"]


@virtual
async def test_a_recording_that_a_press_began_while_another_was_adopted_is_ended_and_not_forgotten(
    stage: Stage,
) -> None:
    """Presses are not held back while Asterisk is asked what records."""
    async with stage.running() as call_router:
        stage.call()
        assert await call_router.press(OTHER, BOB, 8000) is Outcome.STARTED
        stage.asterisk.goes_on(former().captures[0])
        call_router.resync(TALK, [former()], asterisk_restarted=False)
        await stage.passes(0.1)
        assert stage.asterisk.stopped == ["0x1"]
        assert [one.id for one in stage.handed] == ["c1-1"]
        assert call_router.is_recorded(LEG, "1.1")
        assert [session.recording and session.recording.id for session in call_router.live()] == [former().id]


@virtual
async def test_an_adopted_recording_goes_on_with_all_its_legs_and_a_press_stops_it(stage: Stage) -> None:
    """Its call is found by what Asterisk says of the leg now, not by the Linkedid of its beginning."""
    async with stage.running() as call_router:
        stage.asterisk.goes_on(former().captures[0])
        call_router.resync(TALK, [former()], asterisk_restarted=False)
        await stage.passes(0.1)
        (session,) = call_router.live()
        assert sorted(session.legs) == ["1.1", "1.2"]
        assert session.state is State.OPENED
        assert call_router.is_recorded(LEG)
        stage.asterisk.grow("old-1-1")
        await stage.passes(1)
        assert call_router.lit() == {ALICE.id, BOB.id}
        assert await call_router.press(OTHER, BOB, 8000) is Outcome.STOPPED
        await stage.passes(1)
        assert not call_router.is_recorded(LEG)
    (handed,) = stage.handed
    assert [one.id for one in handed.captures] == ["old-1-1"]
    assert handed.captures[0].cause == ""


@virtual
async def test_what_the_dialplan_began_in_a_known_call_takes_its_place(stage: Stage) -> None:
    """The call as we knew it, unrecorded, ends without an entry; nothing of it is doubled."""
    async with stage.running() as call_router:
        stage.call()
        await stage.passes(0.1)
        assert not call_router.is_recorded(LEG)
        call_router.resync(TALK, [former()], asterisk_restarted=False)
        await stage.passes(0.1)
        (session,) = call_router.live()
        assert (session.call, sorted(session.legs)) == ("old", ["1.1", "1.2"])
    assert stage.handed == []


@virtual
async def test_a_take_that_was_handed_over_is_watched_no_more(stage: Stage) -> None:
    async with stage.running() as call_router:
        stage.call()
        await call_router.press(LEG, ALICE, 8000)
        stage.link_is_up = False
        for leg, name in ((LEG, "alice"), (OTHER, "bob")):
            call_router.asterisk(event("Hangup", leg, name, linkedid="1.1"))
        await stage.passes(30)
        assert len(stage.handed) == 1
        assert stage.files.open_captures() == frozenset()


# -- the stand-in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda _: MemoryJournal(), DiskJournal], ids=["memory", "disk"])
async def test_the_journal_of_these_tests_keeps_the_promises_of_the_real_one(
    tmp_path: Path, make: Callable[[Path], Journal]
) -> None:
    """The last entry of each unfinished recording, oldest recording first."""
    journal = make(tmp_path)
    if isinstance(journal, DiskJournal):
        journal.load()
    first, second = former(), replace(former(), id=RecordingId("old-2"))
    for step, recording in ((Step.INTENT, first), (Step.INTENT, second), (Step.ENDED, first)):
        await journal.append(Entry(step, recording))
    assert list(journal.live()) == [Entry(Step.ENDED, first), Entry(Step.INTENT, second)]
    await journal.append(Entry(Step.FINISHED, first))
    await journal.append(Entry(Step.FINISHED, first))
    assert list(journal.live()) == [Entry(Step.INTENT, second)]
    if isinstance(journal, DiskJournal):
        await journal.close()


# -- opting out --------------------------------------------------------------------------------------------------------

OUTSIDE = LegId("1.2")


@virtual
async def test_a_caller_who_opts_out_is_not_recorded_and_their_leg_says_so(stage: Stage) -> None:
    """Asterisk is asked for the digits of the caller alone; a digit on a leg that no call knows is nothing."""
    asked: list[LegId] = []
    stage.call_ports = replace(stage.call_ports, listen_for_digits=asked.extend)
    terms = Terms(opt_out=True)
    stage.call_router = CallRouter(stage.call_ports, node=NodeId("n"), terms=terms, ids=Ids(), endpoints=stage)
    async with stage.running() as call_router:
        stage.call("ever", "trunk")
        await stage.passes(3)
        assert asked == [OUTSIDE]
        call_router.opt_out(LegId("9.9"))
        call_router.opt_out(OUTSIDE)
        await stage.passes(3)
        (session,) = call_router.live()
        assert (session.state, stage.asterisk.opted_out) == (State.IDLE, {OUTSIDE})
        assert [one.end_reason for one in stage.handed] == ["opted-out"]


@pytest.mark.parametrize(("opted_out", "state"), [((OUTSIDE,), State.IDLE), ((), State.OPENED)])
@virtual
async def test_after_a_restart_who_has_opted_out_is_not_recorded(
    stage: Stage, opted_out: tuple[LegId, ...], state: State
) -> None:
    """No recorder begins for a moment, either."""
    async with stage.running() as call_router:
        channels = (channel("1.1", "ever"), channel("1.2", "trunk"))
        call_router.resync(channels, (), asterisk_restarted=False, opted_out=opted_out)
        await stage.passes(4)
        (session,) = call_router.live()
        assert (session.state, bool(session.recordings)) == (state, not opted_out)
